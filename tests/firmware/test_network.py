"""Does a board talk to real servers? TLS over its second serial port, which QEMU carries to a TCP connection."""

import contextlib
import hashlib
import pathlib
import random
import threading

import pytest
from board import Board

UART = (pathlib.Path(__file__).parent / "uart.py").read_bytes()
SIZE = 20_000  # the port, in Python, is slow
VERSIONS = ("TLSv1.2", "TLSv1.3")
DATA = random.Random(1).randbytes(SIZE)

CONTEXT = """
import hashlib, ssl
from uart import Uart
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
context.load_verify_locations(cafile="/rom/root.pem")
"""
CONNECT = CONTEXT + """
connection = context.wrap_socket(Uart(), server_hostname="server.test")
print(connection.version())
"""

FETCH_WITH_ASYNCIO = CONTEXT + """
import asyncio

turns = 0

async def others():
    global turns
    while True:
        turns += 1
        await asyncio.sleep(0)

async def fetch():
    task = asyncio.create_task(others())
    connection = context.wrap_socket(Uart(), server_hostname="server.test", do_handshake_on_connect=False)
    connection.setblocking(False)
    stream = asyncio.StreamReader(connection)
    stream.write(b"GET /data HTTP/1.0\\r\\nHost: server.test\\r\\n\\r\\n")
    await stream.drain()
    while (await stream.readline()).strip():
        pass
    digest = hashlib.sha256()
    while part := await stream.read(2048):
        digest.update(part)
    task.cancel()
    await stream.wait_closed()
    return digest.digest().hex()

print(asyncio.run(fetch()), turns)
"""

REFUSE = CONTEXT + """
try:
    context.wrap_socket(Uart(), server_hostname="server.test")
except OSError as e:
    print(e.reason, e.detail)
"""

# What the board sends: BLOCKS times 2048 bytes.
UPLOAD = """
def block(i):
    return hashlib.sha256(b"%d" % i).digest() * 64
"""
BLOCKS = 10
UPLOADED = b"".join(hashlib.sha256(b"%d" % i).digest() * 64 for i in range(BLOCKS))


class Network:
    """Boards whose second serial port is a TCP connection."""

    def __init__(self, image, certs):
        self.image, self.boards = image, []
        self.files = {"uart.py": UART, **{name: (certs / name).read_bytes() for name in ("root.pem", "roots.bundle")}}

    def connect(self, port):
        extra = ["-chardev", f"socket,id=net,host=127.0.0.1,port={port}"]
        extra += ["-serial", "chardev:net"] if self.image.parent.name.startswith("MPS2") else [
            "-device", "pci-serial,chardev=net,addr=1"]
        self.boards.append(Board(self.image, self.files, extra))
        return self.boards[-1]

    def close(self):
        for board in self.boards:
            board.close()


@pytest.fixture
def connect(image, certs):
    """connect(PORT): a board that is connected to that port."""
    with contextlib.closing(Network(image, certs)) as network:
        yield network.connect


@pytest.fixture
def connect_any(any_image, certs):
    """The same with every configuration."""
    with contextlib.closing(Network(any_image, certs)) as network:
        yield network.connect


def run(board, script):
    output, error = board.run(script, timeout=180)
    assert not error, output + error
    return output.split()


def is_tiny(image):
    return image.parent.name.endswith("-tiny")


@pytest.mark.parametrize(("version", "certificate"), [("TLSv1.2", "ec"), ("TLSv1.2", "rsa"), ("TLSv1.3", "ec")])
def test_fetches_from_nginx(any_image, connect_any, nginx, certs, version, certificate):
    """A page of several records, verified."""
    if is_tiny(any_image) and version == "TLSv1.3":
        pytest.skip("the configuration tiny has TLS 1.2 only")
    server = nginx(f"""
        ssl_certificate {certs}/{certificate}-chain.pem;
        ssl_certificate_key {certs}/{certificate}.key;
        ssl_protocols {version};
        ssl_buffer_size 4k;
    """)
    (server.www / "data").write_bytes(DATA)
    output = run(connect_any(server.port), CONNECT + """
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
    assert output == [version, str(SIZE), hashlib.sha256(DATA).hexdigest()]


def test_uploads_to_nginx(connect, nginx, certs):
    """As much in the other direction; the hash is that of the file which nginx has written."""
    server = nginx(f"""
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        dav_methods PUT;
    """)
    output = run(connect(server.port), CONNECT + UPLOAD + f"""
connection.write(b"PUT /data HTTP/1.0\\r\\nHost: server.test\\r\\nContent-Length: {len(UPLOADED)}\\r\\n\\r\\n")
for i in range({BLOCKS}):
    connection.write(block(i))
print(connection.readline().split()[1].decode())
""")
    assert output[1] == "201"
    assert hashlib.sha256((server.www / "data").read_bytes()).digest() == hashlib.sha256(UPLOADED).digest()


def test_fetches_with_asyncio(connect, nginx, certs):
    """From the handshake on, without holding up other tasks."""
    server = nginx(f"ssl_certificate {certs}/ec-chain.pem; ssl_certificate_key {certs}/ec.key;")
    (server.www / "data").write_bytes(DATA)
    digest, turns = run(connect(server.port), FETCH_WITH_ASYNCIO)
    assert digest == hashlib.sha256(DATA).hexdigest()
    assert int(turns) > 20


@pytest.mark.parametrize("version", VERSIONS)
def test_both_directions_with_openssl(connect, start, free_port, certs, version):
    """openssl s_server sends what comes to its standard input and writes what it receives to its output."""
    port = free_port()
    option = "-tls1_2" if version == "TLSv1.2" else "-tls1_3"
    # With -quiet it takes no letter of its input for a command, and its output is the data alone.
    server = start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", option, "-quiet", "-naccept", "1",
                    "-cert", certs / "ec.pem", "-key", certs / "ec.key", "-cert_chain", certs / "ec-chain.pem"],
                   stdin=True).wait_port(port)
    board = connect(port)
    # It reads its input only while it can send: this would wait for the board, which does not run yet.
    threading.Thread(target=server.send, args=(DATA,), daemon=True).start()
    output = run(board, CONNECT + UPLOAD + f"""
digest = hashlib.sha256()
size = 0
sent = 0
while sent < {BLOCKS} or size < {SIZE}:
    if sent < {BLOCKS}:
        connection.write(block(sent))
        sent += 1
    if size < {SIZE}:
        part = connection.recv(2048)
        size += len(part)
        digest.update(part)
connection.close()
print(size, digest.digest().hex())
""")
    assert output == [version, str(SIZE), hashlib.sha256(DATA).hexdigest()]
    server.wait()
    assert hashlib.sha256(server.stdout_bytes).digest() == hashlib.sha256(UPLOADED).digest()


@pytest.mark.parametrize(("certificate", "clock", "reason", "detail", "alert"), [
    ("self-signed", None, "untrusted", "not among the trust anchors", "unknown ca"),
    ("expired", None, "expired", "expired on 2021-12-31", "certificate expired"),
    ("wrong-name", None, "hostname_mismatch", "server.test", "bad certificate"),
    ("ec", 946684800, "not_yet_valid", "clock says 2000-01-01", "certificate unknown"),
], ids=["stranger", "expired", "wrong name", "unset clock"])
def test_refuses(connect, nginx, certs, certificate, clock, reason, detail, alert):
    """The board says why it refuses a server, and the server hears of it."""
    server = nginx(f"ssl_certificate {certs}/{certificate}-chain.pem; ssl_certificate_key {certs}/{certificate}.key;")
    board = connect(server.port)
    if clock is not None:
        run(board, f"import board; board.set_time({clock})")
    output = run(board, REFUSE)
    assert output[0] == reason
    assert detail in " ".join(output)
    server.wait_output(alert, stream="stderr")


def test_default_context(connect, nginx, certs):
    """The short way: it verifies by a CA bundle in a file, and trusts nobody where there is none."""
    server = nginx(f"""
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_protocols TLSv1.3;
    """)
    script = 'context = ssl.create_default_context({})\n'.join(("import ssl\nfrom uart import Uart\n", """
try:
    print(context.wrap_socket(Uart(), server_hostname="server.test").version())
except OSError as e:
    print(e.reason, e.detail)
"""))
    assert run(connect(server.port), script.format("cafile='/rom/roots.bundle'")) == ["TLSv1.3"]
    output = run(connect(server.port), script.format(""))
    assert output[0] == "untrusted" and "no trust anchors were loaded" in " ".join(output)
    server.wait_output("unknown ca", stream="stderr")


def test_every_configuration_refuses_a_stranger(any_image, connect_any, nginx, certs):
    """A server whose certificate is its own authority; not every configuration has words for it."""
    server = nginx(f"ssl_certificate {certs}/self-signed.pem; ssl_certificate_key {certs}/self-signed.key;")
    _, error = connect_any(server.port).run(CONNECT)
    assert "CERT_VERIFY_FAILED" in error
    assert is_tiny(any_image) or "not among the trust anchors" in error
