"""What a connection over a socket of the system has taken arrives, however slowly the peer reads."""

import hashlib
import socket
import ssl

import pytest

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

SOL_SOCKET, SO_SNDBUF = 1, 7  # Linux; MicroPython has no names for them


@pytest.fixture(params=VERSIONS)
def connect(request, certs):
    """connect(PORT): a TLS connection of CPython with as little room for unread data as the kernel allows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = VERSIONS[request.param]
    context.load_verify_locations(certs / "root.pem")
    connections = []

    def connect(port):
        plain = socket.socket()
        connections.append(plain)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(10)
        plain.connect(("127.0.0.1", port))
        connections[-1] = context.wrap_socket(plain, server_hostname="server.test")
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def read_all(connection):
    received = bytearray()
    while chunk := connection.recv(4096):
        received += chunk
    return bytes(received)


@pytest.mark.parametrize("size", [1000, 16384, 100000])
def test_asyncio_server(start_mpy, certs, free_port, connect, size):
    """The body of a response, drained and closed, as web servers do it."""
    port = free_port()
    process = start_mpy("""
import asyncio
import hashlib
import ssl
import sys

port, size, certs = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certs + "/ec-chain.pem", certs + "/ec.key")
done = asyncio.Event()


async def serve(reader, writer):
    await reader.readline()
    digest = hashlib.sha256()
    for i in range(300000 // size):
        data = bytes([i & 255]) * size
        digest.update(data)
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()
    print(digest.digest().hex())
    done.set()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
    print("listening")
    await done.wait()
    server.close()
    await server.wait_closed()


asyncio.run(main())
""", [str(port), str(size), str(certs)])
    process.wait_output("^listening$")
    connection = connect(port)
    connection.sendall(b"GET\n")
    received = read_all(connection)
    assert process.check().split() == ["listening", hashlib.sha256(received).hexdigest()]


@pytest.mark.parametrize("size", [100, 5000, 16384, 40000])
def test_close_after_a_blocked_write(start_mpy, certs, free_port, connect, size):
    """Every byte that a write has reported arrives, although the program closes when the socket is full."""
    port = free_port()
    process = start_mpy(f"""
import socket
import ssl
import sys

port, size, certs = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
listener.listen(1)
print("listening")
plain = listener.accept()[0]
plain.setsockopt({SOL_SOCKET}, {SO_SNDBUF}, 4096)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certs + "/ec-chain.pem", certs + "/ec.key")
sock = context.wrap_socket(plain, server_side=True)
sock.read(1)
sock.setblocking(False)
total = 0
while True:
    count = sock.write(bytes([total // size & 255]) * size)
    if count is None:
        break
    total += count
print(total)
sock.close()
""", [str(port), str(size), str(certs)])
    process.wait_output("^listening$")
    connection = connect(port)
    connection.sendall(b"!")
    total = int(process.wait_output(r"^(\d+)\n")[1])
    received = read_all(connection)
    process.check()
    assert total > 0
    assert len(received) == total
