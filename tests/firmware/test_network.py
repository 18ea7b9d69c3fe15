"""Does a board talk to real servers? TLS over its second serial port, which QEMU carries to a TCP connection."""

import hashlib
import pathlib
import random

import pytest
from board import Board

UART = (pathlib.Path(__file__).parent / "uart.py").read_bytes()
SIZE = 110_000
VERSIONS = ("TLSv1.2", "TLSv1.3")

CONNECT = """
import hashlib, ssl
from uart import Uart
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
context.load_verify_locations(cafile="/host/root.pem")
connection = context.wrap_socket(Uart(), server_hostname="server.test")
print(connection.version())
"""


@pytest.fixture
def connect(image, certs):
    """connect(PORT): a board whose second serial port is a connection to that TCP port."""
    boards = []

    def connect(port):
        extra = ["-chardev", f"socket,id=net,host=127.0.0.1,port={port}"]
        extra += ["-serial", "chardev:net"] if image.parent.name.startswith("MPS2") else [
            "-device", "pci-serial,chardev=net,addr=1"]
        boards.append(Board(image, extra))
        boards[-1].put({"uart.py": UART, "root.pem": (certs / "root.pem").read_bytes()})
        return boards[-1]

    yield connect
    for board in boards:
        board.close()


def run(board, script):
    output, error = board.run(script, timeout=180)
    assert not error, output + error
    return output.split()


@pytest.mark.parametrize("version", VERSIONS)
def test_fetches_from_nginx(connect, nginx, certs, version):
    """A page of 110,000 bytes, verified."""
    server = nginx(f"""
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_protocols {version};
    """)
    data = random.Random(1).randbytes(SIZE)
    (server.www / "data").write_bytes(data)
    output = run(connect(server.port), CONNECT + """
connection.write(b"GET /data HTTP/1.0\\r\\nHost: server.test\\r\\n\\r\\n")
while connection.readline().strip():
    pass
digest = hashlib.sha256()
size = 0
while part := connection.recv(2048):
    size += len(part)
    digest.update(part)
print(size, digest.digest().hex())
""")
    assert output == [version, str(SIZE), hashlib.sha256(data).hexdigest()]


def test_refuses_a_stranger(connect, nginx, certs):
    """A server whose certificate is its own authority."""
    server = nginx(f"ssl_certificate {certs}/self-signed.pem; ssl_certificate_key {certs}/self-signed.key;")
    _, error = connect(server.port).run(CONNECT)
    assert "not among the trust anchors" in error
