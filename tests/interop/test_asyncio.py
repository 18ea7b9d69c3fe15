"""Do asyncio's streams work over TLS, with many peers at a time and data in both directions?"""

import asyncio
import contextlib
import hashlib
import json
import os
import pathlib

import python_peer
import pytest

MPY = pathlib.Path(__file__).resolve().parent / "mpy"
VERSIONS = ("TLSv1.2", "TLSv1.3")
LOADS = [
    pytest.param(1, 2_000_000, id="one large"),
    pytest.param(20, 20_000, id="many"),
    pytest.param(3, 0, id="empty"),
]

each_version = pytest.mark.parametrize("version", VERSIONS)
each_load = pytest.mark.parametrize(("clients", "size"), LOADS)


@pytest.fixture
def start_clients(start_mpy, context):
    """start_clients(PORT, CLIENTS, SIZE, version=None, server_hostname=…): MicroPython's clients at work."""
    def start_clients(port, clients, size, version=None, server_hostname="server.test"):
        return start_mpy(MPY / "asyncio_peer.py", [{
            "port": port, "clients": clients, "size": size, "wrap": {"server_hostname": server_hostname},
            "context": context("TLS_CLIENT", ca="root", version=version)}], options=["-X", "heapsize=16m"])

    return start_clients


@pytest.fixture
def start_server(start_mpy, context, free_port):
    """start_server(CLIENTS, cert="ec", ca=None, engine=…): (port, a server of MicroPython that listens)."""
    def start_server(clients, cert="ec", ca=None, **options):
        port = free_port()
        process = start_mpy(MPY / "asyncio_peer.py", [{
            "port": port, "server": True, "clients": clients, "context": context("TLS_SERVER", cert=cert, ca=ca)}],
            **options)
        process.wait_port(port)
        return port, process

    return start_server


def check(process, clients):
    """All exchanges were right."""
    process.check(30)
    result = json.loads(process.stdout.splitlines()[-1])
    assert result == {"right": clients, "errors": []}


class EchoServer:
    """The server of mpy/asyncio_peer.py in CPython's asyncio, in a thread."""

    def __init__(self, context, clients):
        self._context = context
        self._clients = clients
        self._most_at_once = 0
        self._now = 0
        self.port = None
        self._listening = python_peer.threading.Event()
        self._thread = python_peer.Thread(lambda: asyncio.run(self._serve()))
        self._listening.wait(10)

    async def _handle(self, reader, writer):
        self._now += 1
        self._most_at_once = max(self._most_at_once, self._now)
        left = int((await reader.readline()).split()[1])
        while left:
            data = await reader.read(min(left, 60000))
            assert data
            left -= len(data)
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        self._now -= 1
        self._clients -= 1
        if self._clients == 0:
            self._done.set()

    async def _serve(self):
        self._done = asyncio.Event()
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0, ssl=self._context)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            self._listening.set()
            await asyncio.wait_for(self._done.wait(), 30)

    def most_at_once(self):
        """How many clients it had at the same time, once all have been served."""
        self._thread.result(30)
        return self._most_at_once


async def exchange(port, context, number, size):
    """A client in CPython's asyncio."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="server.test")
    data = os.urandom(size)
    writer.write(f"{number} {size}\n".encode() + data)
    back = await reader.read(-1)
    assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()
    writer.close()
    await writer.wait_closed()
    return len(back)


@each_version
@each_load
def test_clients_of_cpython(start_clients, certs, version, clients, size):
    """Many connections of one MicroPython program to CPython's asyncio."""
    server = EchoServer(python_peer.server_context(certs, version=version), clients)
    check(start_clients(server.port, clients, size), clients)
    assert server.most_at_once() > 1 or clients == 1 or size == 0


@each_version
@each_load
def test_server_for_cpython(start_server, certs, version, clients, size):
    """Many clients in CPython's asyncio at one MicroPython server."""
    port, server = start_server(clients)
    context = python_peer.client_context(certs, version=version)

    async def all_of_them():
        return await asyncio.gather(*[exchange(port, context, number, size) for number in range(clients)])

    assert asyncio.run(asyncio.wait_for(all_of_them(), 30)) == [size] * clients
    check(server, clients)


@each_version
@each_load
def test_between_the_engines(start_clients, start_server, other_engine, version, clients, size):
    """MicroPython's asyncio at both ends."""
    port, server = start_server(clients, engine=other_engine)
    check(start_clients(port, clients, size, version=version), clients)
    check(server, clients)


def test_client_refuses(start_clients, certs):
    """open_connection() or the first await on it raises what verification found."""
    server = python_peer.Server(python_peer.server_context(certs), python_peer.receive_to_end)
    process = start_clients(server.port, 1, 10, server_hostname="other.test")
    process.check()
    error, = json.loads(process.stdout.splitlines()[-1])["errors"]
    assert error["reason"] == "hostname_mismatch"
    assert error["args"] == [-0x2700, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"]
    assert "BAD_CERTIFICATE" in server.error().reason


def test_server_refuses_and_serves_on(start_server, certs):
    """A client without a certificate is refused; the next one, with a certificate, is served."""
    port, server = start_server(2, ca="root")
    with pytest.raises(python_peer.ssl.SSLError) as caught, \
            python_peer.connect(port, python_peer.client_context(certs)) as conn:
        conn.recv(1)
    assert caught.value.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert asyncio.run(exchange(port, python_peer.client_context(certs, name="client-ec"), 1, 5000)) == 5000
    server.check()
    result = json.loads(server.stdout.splitlines()[-1])
    assert result["right"] == 1
    assert [error["reason"] for error in result["errors"]] == ["no_client_certificate"]


def test_server_survives_garbage(start_server, certs):
    """Something that is not TLS does not end the server."""
    port, server = start_server(2)
    with python_peer.socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(10)
        raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
        # Our alert, or a reset because of what was not read.
        with contextlib.suppress(ConnectionResetError):
            while raw.recv(100):
                pass
    assert asyncio.run(exchange(port, python_peer.client_context(certs), 1, 5000)) == 5000
    server.check()
    assert json.loads(server.stdout.splitlines()[-1])["right"] == 1
