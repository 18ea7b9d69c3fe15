HELP = """Send back what comes over DTLS, to any number of clients of one UDP socket.

    micropython dtls_echo_server.py PORT certfile=FILE keyfile=FILE [host=ADDRESS] [clientca=FILE]

FILEs are PEM; certfile holds the certificate and its intermediates. With `clientca` only clients whose certificate
leads to it are served. Runs until interrupted. `Listener` and `receive` are for servers of other kinds too.
Exit code: 0 interrupted, 1 failed, 2 wrong arguments.
"""

import asyncio
import errno
import io
import socket
import ssl
import sys

NAMES = ("certfile", "keyfile", "host", "clientca")
POLL_IN, POLL_OUT = 1, 4  # MP_STREAM_POLL_RD, MP_STREAM_POLL_WR
REQUEST_POLL, REQUEST_CLOSE = 3, 4  # MP_STREAM_POLL, MP_STREAM_CLOSE
EINVAL = 22

LONGEST_DATAGRAM = 2048
LONGEST_QUEUE = 8  # datagrams that wait for one client's connection; more get lost
IDLE = 60  # seconds after which a silent client is forgotten: its last word may have been lost


class Peer(io.IOBase):
    """The datagrams to and from one address, as the stream below a connection."""

    def __init__(self, sock, address):
        self.sock = sock
        self.address = address
        self.queue = []
        self.has_shown_cookie = False

    def readinto(self, buf):
        if not self.queue:
            return None
        datagram = self.queue.pop(0)
        count = min(len(datagram), len(buf))
        buf[:count] = datagram[:count]
        return count

    def write(self, buf):
        # A handshake record (22) with ServerHello (2) goes to nobody but a client that has returned its cookie.
        if buf[0] == 22 and buf[13] == 2:
            self.has_shown_cookie = True
        try:
            self.sock.sendto(buf, self.address)
        except OSError:
            pass  # the datagram is lost, as datagrams may be
        return len(buf)

    def ioctl(self, request, arg):
        if request == REQUEST_POLL:
            return arg & (POLL_OUT | (POLL_IN if self.queue else 0))
        return 0 if request == REQUEST_CLOSE else -EINVAL


class Listener:
    """Hands each client of a UDP socket to the coroutine `handle(stream)`; at most `limit` at a time."""

    def __init__(self, sock, context, handle, limit=50):
        sock.setblocking(False)
        self.sock = sock
        self.context = context
        self.handle = handle
        self.limit = limit
        self.peers = {}

    async def run(self):
        reader = asyncio.StreamReader(self.sock)
        while True:
            await reader.read(0)  # until there is a datagram
            self.receive()

    def receive(self):
        """Takes one datagram from the socket to the connection that it is for."""
        try:
            datagram, address = self.sock.recvfrom(LONGEST_DATAGRAM)
        except OSError:
            return  # none came, or an earlier one of ours did not get through
        peer = self.peers.get(address)
        if peer is None:
            self.greet(datagram, address)
        elif len(peer.queue) < LONGEST_QUEUE:
            peer.queue.append(datagram)

    def greet(self, datagram, address):
        """An address that is not known gets a cookie. Nothing is kept of it before it has returned one."""
        if len(self.peers) >= self.limit:
            return
        peer = Peer(self.sock, address)
        peer.queue.append(datagram)
        conn = self.context.wrap_socket(
            peer, server_side=True, do_handshake_on_connect=False, client_id=str(address))
        try:
            conn.recv(1)
        except OSError as error:
            print("client failed:", getattr(error, "detail", None) or error)
            return
        if peer.has_shown_cookie:
            self.peers[address] = peer
            asyncio.create_task(self.serve(conn, address))

    async def serve(self, conn, address):
        try:
            await self.handle(asyncio.StreamReader(conn))
        except (OSError, asyncio.TimeoutError) as error:
            print("client failed:", getattr(error, "detail", None) or error)
        finally:
            conn.close()
            del self.peers[address]


async def receive(stream, idle=IDLE):
    """The next message, b"" when the client has gone; asyncio.TimeoutError when it is silent for too long."""
    async def next_message():
        while True:
            await stream.read(0)  # until there is something to do
            message = stream.s.recv(LONGEST_DATAGRAM)
            if message is not None:
                return message

    return await asyncio.wait_for(next_message(), idle)


async def echo(stream):
    while True:
        message = await receive(stream)
        if not message:
            return
        stream.s.send(message)


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
    return int(words[0]), named


def make_context(certfile, keyfile, clientca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_DTLS_SERVER)
    context.load_cert_chain(certfile, keyfile)
    if clientca:
        context.load_verify_locations(cafile=clientca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve(port, host="127.0.0.1", **files):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0][-1])
    print("listening on UDP port", port)
    await Listener(sock, make_context(**files), echo).run()


def main():
    if "--help" in sys.argv:
        print(HELP.strip())
        return 0
    try:
        port, named = parse(sys.argv[1:])
        asyncio.run(serve(port, **named))
    except Usage as error:
        print("dtls_echo_server: {}; see --help".format(error), file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        busy = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        reason = "somebody else listens there" if busy else getattr(error, "detail", None) or error
        print("dtls_echo_server: {}".format(reason), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
