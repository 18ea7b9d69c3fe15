"""Does every byte arrive, once and in order, whatever the sizes of writes, reads and records?"""

import hashlib
import os
import random
import select
import socket

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
PIECES = [1, 2, 3, 17, 100, 1000, 1023, 1024, 4096, 16383, 16384, 16385, 40000, 70001]
SIZES = [0, 1, 16383, 16384, 16385, 100000, 5_000_000]

each_version = pytest.mark.parametrize("version", VERSIONS)
each_size = pytest.mark.parametrize("size", SIZES)


@pytest.fixture
def data_file(tmp_path):
    """data_file(SIZE): (path, contents, SHA-256) of a file of random bytes."""
    def data_file(size):
        data = os.urandom(size)
        path = tmp_path / f"data{size}"
        path.write_bytes(data)
        return path, data, hashlib.sha256(data).hexdigest()

    return data_file


def send_in_pieces(conn, data):
    generator = random.Random(1)
    view = memoryview(data)
    while view:
        piece = view[:generator.choice(PIECES)]
        conn.sendall(piece)
        view = view[len(piece):]


def digest_of(conn):
    """Size and digest of everything up to the peer's close_notify."""
    data = python_peer.receive_to_end(conn)
    return len(data), hashlib.sha256(data).hexdigest()


@each_version
@each_size
def test_client_sends(mpy_client, certs, data_file, version, size):
    """From a MicroPython client to CPython, ended by close_notify."""
    path, _, digest = data_file(size)
    server = python_peer.Server(python_peer.server_context(certs, version=version), digest_of)
    result = mpy_client(server.port, [["send_file", str(path), PIECES], ["close"]]).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][0] == size
    assert server.result() == (size, digest)


@each_version
@each_size
def test_server_sends(mpy_server, certs, data_file, version, size):
    """From a MicroPython server to CPython."""
    path, _, digest = data_file(size)
    server = mpy_server([["send_file", str(path), PIECES], ["close"]])
    with python_peer.connect(server.port, python_peer.client_context(certs, version=version)) as conn:
        assert digest_of(conn) == (size, digest)
    assert server.result()["error"] is None


@each_version
@each_size
@pytest.mark.parametrize("step", [["receive", None, PIECES], ["receive_into", 4096], ["receive_into", 100000]],
                         ids=["read", "readinto-4096", "readinto-100000"])
def test_client_receives(mpy_client, certs, data_file, version, size, step):
    """From CPython to a MicroPython client, in pieces of every size, to the peer's close_notify."""
    _, data, digest = data_file(size)

    def handle(conn):
        send_in_pieces(conn, data)
        python_peer.close_notify(conn)

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    result = mpy_client(server.port, [step, ["close"]]).result()
    server.result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][0] == {"size": size, "sha256": digest, "truncated": False}


@each_version
@pytest.mark.parametrize("size", [1, 16385, 3_000_000])
def test_between_the_engines(mpy_server, mpy_client, context, other_engine, data_file, version, size):
    """Both directions between the engines, one after the other."""
    path, _, digest = data_file(size)
    server = mpy_server(
        [["receive", size, [5000, 333]], ["send_file", str(path), PIECES], ["close"]], engine=other_engine)
    client = mpy_client(
        server.port, [["send_file", str(path), [70001, 1, 16384]], ["receive", None, PIECES], ["close"]],
        context=context("TLS_CLIENT", ca="root", version=version))
    client_result, server_result = client.result(), server.result()
    assert client_result["error"] is None, client_result["error"]["traceback"]
    assert server_result["error"] is None, server_result["error"]["traceback"]
    assert server_result["steps"][0] == {"size": size, "sha256": digest, "truncated": False}
    assert client_result["steps"][1] == {"size": size, "sha256": digest, "truncated": False}


@each_version
def test_download_from_nginx(mpy_client, nginx, certs, data_file, version):
    """A file of several megabytes from nginx."""
    path, data, _ = data_file(4_000_001)
    server = nginx(f"""
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_protocols {version};
    """)
    (server.www / "data").write_bytes(data)
    request = "GET /data HTTP/1.0\r\n\r\n"
    steps = [["write", request], ["headers"], ["receive", None, [100000]], ["close"]]
    result = mpy_client(server.port, steps).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][1] == "HTTP/1.1 200 OK"
    assert result["steps"][2]["size"] == len(data)
    assert result["steps"][2]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


class Relay:
    """Carries one connection to `port` and notes the lengths of the records that come from there."""

    def __init__(self, port):
        self.lengths = []
        self._server = socket.create_connection(("127.0.0.1", port), python_peer.TIMEOUT)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = python_peer.Thread(self._carry)

    def _carry(self):
        with self._listener, self._server as server:
            client, _ = self._listener.accept()
            unread = b""
            with client:
                while ready := select.select([client, server], [], [], python_peer.TIMEOUT)[0]:
                    for one in ready:
                        data = one.recv(65536)
                        if not data:
                            return
                        (server if one is client else client).sendall(data)
                        if one is server:
                            unread = self._note(unread + data)

    def _note(self, data):
        while len(data) >= 5 and len(data) >= (end := 5 + int.from_bytes(data[3:5], "big")):
            self.lengths.append(end - 5)
            data = data[end:]
        return data

    def longest(self):
        self._thread.result()
        return max(self.lengths)


@pytest.mark.parametrize("version", ["TLSv1.2", None], ids=["TLSv1.2", "any version"])
@pytest.mark.parametrize(("size", "limit"), [(512, 512), (3000, 2048), (16384, 16384)])
def test_max_record(mpy_client, engine, certs, data_file, context, version, size, limit):
    """A server does as a client with max_record asks; what the client sends is shorter too."""
    path, data, digest = data_file(100_000)

    def handle(conn):
        received = python_peer.receive_exactly(conn, 20_000)
        conn.sendall(data)
        python_peer.close_notify(conn)
        return received == data[:20_000]

    server = python_peer.Server(python_peer.server_context(certs), handle)
    relay = Relay(server.port)
    # The first bytes of the file, then all of it back.
    client_context = context("TLS_CLIENT", ca="root", version=version)
    client_context.set(max_record=size)
    (path.parent / "start").write_bytes(data[:20_000])
    steps = [["send_file", str(path.parent / "start"), [20_000]], ["receive", None, [5000]], ["close"]]
    result = mpy_client(relay.port, steps, context=client_context).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][1] == {"size": 100_000, "sha256": digest, "truncated": False}
    assert server.result() is True
    # Mbed TLS cannot ask where TLS 1.3 is possible.
    longest = limit if version or engine == "openssl" else 16384
    assert longest < relay.longest() <= longest + 64


@each_version
def test_upload_by_curl(mpy_server, start, tool, certs, data_file, version):
    """curl sends a file to a MicroPython server."""
    path, _, digest = data_file(2_000_001)
    server = mpy_server([["headers"], ["receive", 2_000_001, [65536, 1]], ["write", "HTTP/1.0 204 OK\r\n\r\n"], ["close"]])
    number = version.removeprefix("TLSv")
    start([tool("curl"), "--silent", "--show-error", f"--tlsv{number}", "--tls-max", number, "--cacert",
           certs / "root.pem", "--resolve", f"server.test:{server.port}:127.0.0.1", "--header", "Expect:",
           "--upload-file", path, f"https://server.test:{server.port}/"]).check()
    result = server.result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][1]["sha256"] == digest


@each_version
def test_echo_for_s_client(mpy_server, start, certs, data_file, version):
    """openssl s_client sends to a MicroPython echo server and gets everything back."""
    path, data, _ = data_file(300_001)
    server = mpy_server([["receive_and_return", len(data)], ["close"]])
    # No line of the data may look like a command of s_client.
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-nocommands",
                    {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version], "-CAfile", certs / "root.pem",
                    "-verify_return_error"], stdin=True)
    client.send(path.read_bytes())
    client.wait()
    assert client.stdout_bytes == data
    assert server.result()["error"] is None


@pytest.fixture
def commanded(mpy_client, start, certs, free_port):
    """commanded(VERSION, COMMAND, THEN): (result of a client, s_server) after s_server was given a command, and data."""
    def commanded(version, command, then=""):
        port = free_port()
        server = start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certs / "ec.pem", "-key",
                        certs / "ec.key", "-cert_chain", certs / "inter.pem",
                        {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version]], stdin=True).wait_port(port)
        client = mpy_client(port, [["write", "first\n"], ["readline"], ["write", "second\n"], ["close"]])
        server.wait_output("^first")
        # A command has to come alone to be taken for one.
        server.send_alone(command + "\n")
        server.send(then)
        return client.result(), server

    return commanded


@pytest.mark.parametrize("command", ["k", "K"], ids=["of the server", "of both"])
def test_key_update(commanded, engine, command):
    """New keys in the middle of a TLS 1.3 connection (RFC 8446 section 4.6.3)."""
    result, server = commanded("TLSv1.3", command, "one\n")
    if engine == "mbedtls":
        # Mbed TLS 3.6 knows no KeyUpdate and says so.
        assert result["error"]["args"] == [-0x7700, "MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE"]
        assert (result["error"]["alert"], result["error"]["alert_by"]) == ("unexpected_message", "local")
    else:
        assert result["error"] is None, result["error"]["traceback"]
        assert result["steps"][1] == "one\n"
        server.wait_output("^second")


def test_renegotiation(commanded):
    """A server that wants to renegotiate TLS 1.2 is told no; what it makes of that is its own alert."""
    result, _ = commanded("TLSv1.2", "r")
    assert result["error"]["where"] == "readline"
    assert result["error"]["args"] == [-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"]
    assert (result["error"]["alert"], result["error"]["alert_by"]) == ("handshake_failure", "peer")


@each_version
@pytest.mark.parametrize("size", [512, 1000, 4096])
def test_small_records(mpy_client, start, tool, certs, free_port, data_file, version, size):
    """A server that cuts its data into small records."""
    port = free_port()
    path, _, digest = data_file(200_001)
    server = start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certs / "ec.pem", "-key",
                    certs / "ec.key", "-cert_chain", certs / "inter.pem", "-max_send_frag", str(size), "-HTTP",
                    {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version]], cwd=path.parent).wait_port(port)
    steps = [["write", f"GET /{path.name} HTTP/1.0\r\n\r\n"], ["receive", None, PIECES], ["close"]]
    result = mpy_client(port, steps).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][1]["size"] == 200_001, server.describe()
    assert result["steps"][1]["sha256"] == digest
