HELP = """Serve one page over TLS to any number of clients at a time.

    micropython https_server.py PORT certfile=FILE keyfile=FILE [host=ADDRESS] [clientca=FILE] [seconds=N] [most=N]
                                [ticketkeys=FILE]

FILEs are PEM; certfile holds the certificate and its intermediates. With `clientca` only clients whose certificate
leads to it are served. A client has `seconds` (10) from its connection to the last of the page. At most `most` clients
(400) are heard at a time: for one more the oldest that has not asked yet, be it in its handshake or behind, has to go.
`ticketkeys` holds keys of session tickets, 80 bytes each, which servers share; it is read again when it changes
(docs/fleet.md). Runs until interrupted.
Exit code: 0 interrupted, 1 failed, 2 wrong arguments.
"""

import asyncio
import errno
import ssl
import sys

NAMES = ("certfile", "keyfile", "host", "clientca", "seconds", "most", "ticketkeys")
TICKET_KEY = 80  # bytes

PAGE = """<!doctype html>
<title>MicroPython over TLS</title>
<p>This page was served by MicroPython with the {} engine over {}, {}.</p>
"""


class Usage(Exception):
    """The arguments are wrong."""


def parse(words):
    """The port, and a dict of what is NAME=VALUE."""
    if not words or not words[0].isdigit():
        raise Usage("a PORT is needed")
    named = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if name not in NAMES or not equals:
            raise Usage("there is no argument {}".format(word))
        named[name] = value
    for name in ("certfile", "keyfile"):
        if name not in named:
            raise Usage("{}=FILE is needed".format(name))
    for name in ("seconds", "most"):
        if not named.get(name, "1").isdigit():
            raise Usage("{}=N is a number".format(name))
    return int(words[0]), named


def make_context(certfile, keyfile, clientca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile)
    if clientca:
        context.load_verify_locations(cafile=clientca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def read_keys(file):
    with open(file, "rb") as keys:
        data = keys.read()
    return [data[at:at + TICKET_KEY] for at in range(0, len(data), TICKET_KEY)]


async def follow_keys(context, file):
    """Takes new keys of session tickets without losing a connection. Bad ones are told of, and the old ones stay."""
    taken = told = None
    while True:
        try:
            keys = read_keys(file)
            if keys != taken:
                context.ticket_keys = keys
                taken, told = keys, None
                print("ticket keys taken:", len(keys))
        except (OSError, ValueError) as error:
            if str(error) != told:
                told = str(error)
                print("ticket keys not taken:", told)
        await asyncio.sleep(0.3)


class Server:
    # Each client takes two descriptors, of which Linux gives a process 1024.
    def __init__(self, seconds=10, most=400):
        self.seconds = int(seconds)
        self.free = int(most)
        self.handshakes = []  # tasks of clients from which no line has come yet, the oldest first

    async def answer(self, reader, writer):
        request = await reader.readline()  # does the handshake, too
        self.handshakes.remove(asyncio.current_task())
        while (await reader.readline()).strip():
            pass
        if request:
            suite, version, _ = writer.s.cipher()
            body = PAGE.format(ssl.ENGINE, version, suite)
            head = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n".format(len(body))
            writer.write((head + body).encode())
            await writer.drain()

    # Clients that say nothing make room for each other; honest ones have asked before they are the oldest. If newcomers
    # had to wait instead, it would be until the deadlines of all before them. Whoever has begun to ask keeps its place:
    # when all have, the newcomer itself is the oldest that has not.
    async def serve_client(self, reader, writer):
        task = asyncio.create_task(self.answer(reader, writer))
        self.handshakes.append(task)
        self.free -= 1
        try:
            if self.free < 0:
                self.handshakes.pop(0).cancel()
            await asyncio.wait_for(task, self.seconds)
        except asyncio.TimeoutError:
            print("client was too slow")
            writer.s.settimeout(0.001)  # close() is not to wait until it reads
        except asyncio.CancelledError:
            print("client had to make room")
        except OSError as error:
            print("client failed:", getattr(error, "detail", None) or error)
        finally:
            self.free += 1
            if task in self.handshakes:
                self.handshakes.remove(task)
            writer.close()
            await writer.wait_closed()


async def serve(port, host="127.0.0.1", seconds=10, most=400, ticketkeys=None, **files):
    server = Server(seconds, most)
    context = make_context(**files)
    if ticketkeys:
        context.ticket_keys = read_keys(ticketkeys)
        asyncio.create_task(follow_keys(context, ticketkeys))
    await asyncio.start_server(server.serve_client, host, port, backlog=250, ssl=context)
    print("listening on https://{}:{}/".format(host, port))
    await asyncio.Event().wait()


def main():
    if "--help" in sys.argv:
        print(HELP.strip())
        return 0
    try:
        port, named = parse(sys.argv[1:])
        asyncio.run(serve(port, **named))
    except Usage as error:
        print("https_server: {}; see --help".format(error), file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        busy = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        reason = "somebody else listens there" if busy else getattr(error, "detail", None) or error
        print("https_server: {}".format(reason), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
