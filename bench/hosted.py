"""WORK PORT CERTIFICATE CALL SECONDS

What `make bench` measures, the same program in MicroPython and in CPython; bench/peer.c does the same in C.

read, write, echo    pieces of CALL bytes over one connection
full, mutual         handshakes of a client; with a certificate of its own
resumed              ... each with the session of the one before
accept, accept-mutual  handshakes of a server; clients have a certificate. It ends when the time is over.
context, roots       making contexts; reading the file ROOTS
crowd, web           servers under asyncio that never end: one echoes, one speaks HTTP; without TLS for CERTIFICATE none

Prints how often it was done, seconds of the processor, seconds, and the most memory that was resident, in KB.
"""

import asyncio
import binascii
import os
import socket
import sys
import time

try:
    import ssl
except ImportError:
    import tls as ssl  # what the built-in module is called where nothing is frozen in

STEP = 1 << 20
CPYTHON = sys.implementation.name == "cpython"
BUILTIN = not CPYTHON and not hasattr(ssl, "ENGINE")

if CPYTHON:
    cpu = time.process_time
else:
    import ffi

    clock = ffi.open("libc.so.6").func("l", "clock", "")

    def cpu():
        return clock() / 1e6  # CLOCKS_PER_SEC


def tell(text):
    print(text)
    if CPYTHON:
        sys.stdout.flush()  # MicroPython has no buffer there


def most_resident():
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("VmHWM"):
                return int(line.split()[1])


def measure(seconds, step):
    step()
    units = 0
    wall = time.time_ns()
    used = cpu()
    end = wall + int(seconds * 1e9)
    while units == 0 or time.time_ns() < end:
        units += step()
    used = cpu() - used
    print(units, used, (time.time_ns() - wall) / 1e9, most_resident())


def file(name):
    return os.getenv("CERTS") + "/" + name


def der(name):
    """What a PEM file holds: the built-in module reads no PEM."""
    with open(file(name)) as f:
        return binascii.a2b_base64("".join(f.read().split("\n")[1:-2]))


def use(context, leaf):
    if CPYTHON:
        context.load_cert_chain(file(leaf + ".pem"), file(leaf + ".key"))
    else:
        context.load_cert_chain(der(leaf + ".pem"), der(leaf + ".key"))


def trust(context, root):
    context.verify_mode = ssl.CERT_REQUIRED
    if BUILTIN:
        context.load_verify_locations(der(root + ".pem"))
    else:
        context.load_verify_locations(cadata=der(root + ".pem"))


def new_socket():
    plain = socket.socket()
    plain.setsockopt(6, 1, 1)  # TCP_NODELAY; what is accepted inherits it
    return plain


def address(port):
    return socket.getaddrinfo("127.0.0.1", port)[0][-1]


class Client:
    def __init__(self, port, certificate, own=None):
        self.address = address(port)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust(self.context, "root-rsa" if certificate == "rsa" else "other-root")
        if own:
            use(self.context, own)

    def connect(self, purpose, **options):
        plain = new_socket()
        plain.connect(self.address)
        sock = self.context.wrap_socket(plain, server_hostname="server.test", **options)
        sock.write(purpose)
        return sock


def server(certificate, mutual=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    use(context, "rsa-only" if certificate == "rsa" else "other-ca")
    if mutual:
        trust(context, "other-root")
    return context


def read(port, certificate, call):
    sock = Client(port, certificate).connect(b"r")
    read_into = sock.recv_into if CPYTHON else sock.readinto
    buffer = bytearray(call)

    def step():
        done = 0
        while done < STEP:
            done += read_into(buffer)
        return done
    return step


def write(port, certificate, call):
    sock = Client(port, certificate).connect(b"w")
    data = bytes(call)

    def step():
        done = 0
        while done < STEP:
            done += sock.write(data)
        return done
    return step


def echo(port, certificate, call):
    sock = Client(port, certificate).connect(b"e")
    data = bytes(call)

    def step():
        for _ in range(100):
            sock.write(data)
            if len(sock.read(call)) != call:
                raise OSError("short answer")
        return 100
    return step


def full(port, certificate, call, own=None):
    client = Client(port, certificate, own)

    def step():
        sock = client.connect(b"h")
        sock.read(1)
        sock.close()
        return 1
    return step


def mutual(port, certificate, call):
    return full(port, certificate, call, "client-other")


def resumed(port, certificate, call):
    client = Client(port, certificate)
    sock = client.connect(b"h")
    sock.read(1)
    session = sock.session
    sock.close()

    def step():
        nonlocal session
        sock = client.connect(b"h", session=session)
        sock.read(1)
        if not sock.session_reused:
            raise OSError("not resumed")
        session = sock.session
        sock.close()
        return 1
    return step


def accept(port, certificate, call, mutual=False):
    context = server(certificate, mutual)
    listener = new_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address(port))
    listener.listen(100)
    tell("listening")

    def step():
        sock = context.wrap_socket(listener.accept()[0], server_side=True)
        sock.read(1)
        sock.write(b"!")
        sock.read(1)
        sock.close()
        return 1
    return step


def accept_mutual(port, certificate, call):
    return accept(port, certificate, call, True)


def context(port, certificate, call):
    def step():
        for _ in range(10):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return 10
    return step


def roots(port, certificate, call):
    path = os.getenv("ROOTS")

    def step():
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        return 1
    return step


async def echo_all(reader, writer):
    while True:
        data = await reader.read(1000)
        if not data:
            break
        writer.write(data)
        await writer.drain()
    writer.close()


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n" + b"x" * 100


async def answer_all(reader, writer):
    while True:
        line = await reader.readline()
        if not line:
            break
        while line not in (b"\r\n", b""):
            line = await reader.readline()
        writer.write(ANSWER)
        await writer.drain()
    writer.close()


async def serve(handler, port, certificate):
    async def handle(reader, writer):
        try:
            await handler(reader, writer)
        except OSError:
            pass  # the client has gone

    context = server(certificate) if certificate != "none" else None
    await asyncio.start_server(handle, "127.0.0.1", port, backlog=100, ssl=context)
    tell("listening")
    await asyncio.sleep(3600)


def main():
    work, port, certificate, call, seconds = sys.argv[1:]
    port, call, seconds = int(port), int(call), float(seconds)
    if work in ("crowd", "web"):
        asyncio.run(serve(echo_all if work == "crowd" else answer_all, port, certificate))
    else:
        measure(seconds, globals()[work.replace("-", "_")](port, certificate, call))


main()
