# Clients or a server that exchange data with asyncio. A client sends its number, a size and that many bytes; the server
# sends them back.
#
# Arguments: as for peer.py, with "clients" (how many at the same time, or, for a server, until it ends) and "size"
# instead of steps. Prints how many exchanges were right, and what went wrong in the others.

import asyncio
import json
import sys

from peer import describe_error, make_context

CHUNK = 4000


def payload(number, size):
    block = b"".join(((number * 40503 + i * 30011) & 0xFFFF).to_bytes(2, "big") for i in range(1024))
    return (block * (size // len(block) + 1))[:size]


async def send(writer, data):
    view = memoryview(data)
    while view:
        writer.write(view[:CHUNK])
        await writer.drain()
        view = view[CHUNK:]


async def exchange(spec, context, number):
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", spec["port"], ssl=context, server_hostname=spec["wrap"]["server_hostname"])
    data = payload(number, spec["size"])
    writer.write("%d %d\n" % (number, len(data)))
    await writer.drain()
    sending = asyncio.create_task(send(writer, data))
    back = await reader.readexactly(len(data))
    await sending
    assert back == data
    # The server's end is the end.
    assert await reader.read(1) == b""
    writer.close()
    await writer.wait_closed()


async def run_clients(spec, context):
    results = await asyncio.gather(
        *[exchange(spec, context, number) for number in range(spec["clients"])], return_exceptions=True)
    return [result for result in results if result is not None]


async def serve(spec, context):
    errors = []
    done = asyncio.Event()
    served = 0

    async def handle(reader, writer):
        nonlocal served
        try:
            line = await reader.readline()
            left = int(line.split()[1])
            while left:
                data = await reader.read(min(left, CHUNK))
                assert data, "ended too early"
                left -= len(data)
                writer.write(data)
                await writer.drain()
        except Exception as error:
            errors.append(error)
        writer.close()
        await writer.wait_closed()
        served += 1
        if served == spec["clients"]:
            done.set()

    server = await asyncio.start_server(handle, "127.0.0.1", spec["port"], ssl=context)
    print("listening")
    await done.wait()
    server.close()
    await server.wait_closed()
    return errors


def main(spec):
    context = make_context(spec["context"])
    errors = asyncio.run((serve if spec.get("server") else run_clients)(spec, context))
    print(json.dumps({"right": spec["clients"] - len(errors), "errors": [describe_error(error) for error in errors]}))


with open(sys.argv[1]) as file:
    main(json.load(file))
