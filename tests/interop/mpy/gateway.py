# A reverse proxy: clients come over TLS, and their requests go on to another server over verified TLS, both at a time.
#
#   gateway.py PORT CERT KEY UPSTREAM-PORT UPSTREAM-NAME CAFILE

import asyncio
import ssl
import sys


async def copy(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()


async def pass_on(reader, writer):
    try:
        up_reader, up_writer = await asyncio.open_connection(
            "127.0.0.1", int(up_port), ssl=up_context, server_hostname=up_name)
        try:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                line = await reader.readline()
                if not line:
                    return
                request += line
            up_writer.write(request)
            await up_writer.drain()
            await copy(up_reader, writer)
        finally:
            up_writer.close()
            await up_writer.wait_closed()
    except OSError as error:
        body = getattr(error, "reason", None) or str(error)
        writer.write("HTTP/1.0 502 Bad Gateway\r\nContent-Length: {}\r\n\r\n{}".format(len(body), body).encode())
        await writer.drain()
    finally:
        writer.close()
        await writer.wait_closed()


async def main():
    await asyncio.start_server(pass_on, "127.0.0.1", int(port), backlog=64, ssl=context)
    await asyncio.Event().wait()


port, cert, key, up_port, up_name, cafile = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
up_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
up_context.verify_mode = ssl.CERT_REQUIRED
up_context.load_verify_locations(cafile=cafile)
up_context.session_cache_size = 4
asyncio.run(main())
