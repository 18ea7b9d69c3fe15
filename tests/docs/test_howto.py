"""Do the pieces of docs/howto.md do what it says, behind what a program has before and after them?"""

import hashlib
import pathlib
import re
import shlex
import socket
import ssl
import subprocess

import pytest
import python_peer
from aiosmtpd.controller import Controller

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "howto.md").read_text(encoding="utf-8")
PIECES = dict(re.findall(r"```python\n# ([^\n]*)\n(.*?)```", TEXT, re.DOTALL))

OK = "b'HTTP/1.0 200 OK\\r\\n'\n"
TALK = "conn.write(request)\nprint(conn.readline())\nconn.close()\n"
TRUSTING = 'context = ssl.create_default_context(cafile="root.pem")\n'
SERVE_ONE = """
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
listener.listen(5)
while True:
    sock = listener.accept()[0]
    try:
        conn = context.wrap_socket(sock, server_side=True)
        conn.write(b"hello\\n")
        conn.close()
    except OSError as e:
        print(getattr(e, "reason", e))
        sock.close()
"""
LISTEN = 'conn.settimeout(10)\nprint(conn.readline())\nconn.close()\n'


@pytest.fixture
def folder(certs, tmp_path, monkeypatch):
    """The folder that the programs run in, with the files that they open."""
    for here, there in (
            ("root.pem", "root.pem"), ("client.pem", "client-ec-chain.pem"), ("client.key", "client-ec.key"),
            ("roots.bundle", "roots.bundle"), ("one.pem", "ec-chain.pem"), ("one.key", "ec.key"),
            ("two.pem", "wrong-name-chain.pem"), ("two.key", "wrong-name.key")):
        (tmp_path / here).write_bytes((certs / there).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def start_piece(start_mpy, folder):
    """start_piece(NAME, PORT, BEFORE, AFTER, VALUE=…): a program around a piece, with the names that it needs."""
    def start_piece(name, port, before="", after="", **values):
        values = {"host": "localhost", "port": port, "request": b"GET / HTTP/1.0\r\n\r\n", **values}
        names = "".join(f"{key} = {value!r}\n" for key, value in values.items())
        piece = PIECES[name].replace("0.0.0.0", "127.0.0.1").replace("settimeout(5)", "settimeout(1)")
        return start_mpy(PIECES["beginning"] + names + before + piece + after, name=name)
    return start_piece


@pytest.fixture
def run_piece(start_piece):
    return lambda *args, **values: start_piece(*args, **values).check()


@pytest.fixture
def server(certs):
    """server(CERTIFICATE, …): a server of CPython for some connections."""
    def server(name="ec", handle=python_peer.serve_http, connections=1, **options):
        return python_peer.Server(python_peer.server_context(certs, name, **options), handle, connections)
    return server


def test_private_authority(run_piece, server):
    assert run_piece("private authority", server().port, after=TALK) == OK


def test_private_authority_is_the_only_one(start_piece, server):
    process = start_piece("private authority", server("other-ca").port, after=TALK)
    assert process.wait() == 1 and "not a trust anchor" in process.stdout + process.stderr


def pin(certs, name):
    command = re.search(r"`(tools/pin server.pem)`", TEXT)[1].replace("server.pem", str(certs / f"{name}.pem"))
    return re.search("[0-9a-f]{64}", subprocess.run(
        shlex.split(command), cwd=ROOT, check=True, capture_output=True, text=True).stdout)[0]


def test_pin(start_piece, run_piece, server, certs):
    """Either key will do, whatever the certificate is; another will not."""
    pins = {"pin": pin(certs, "expired"), "spare_pin": pin(certs, "ec")}
    for name in ("expired", "ec"):
        assert run_piece("pin", server(name).port, after=TALK, **pins) == OK
    process = start_piece("pin", server("rsa").port, after=TALK, **pins)
    assert process.wait() == 1 and "is pinned" in process.stdout + process.stderr


def test_client_certificate(run_piece, server):
    def serve(conn):
        python_peer.serve_http(conn)
        return conn.getpeercert()["subject"]

    peer = server(client_ca="root", handle=serve)
    assert run_piece("client certificate", peer.port, after=TALK) == OK
    assert peer.result() == ((("commonName", "Test client EC"),),)


def test_resume(run_piece, server):
    assert run_piece("resume", server(connections=2).port) == "False\nTrue\n"


def test_resume_after_a_deep_sleep(run_piece, server, folder):
    """Three programs, the last of them with a session that is damaged."""
    port = server(connections=3).port
    told = [run_piece("resume after a deep sleep", port) for _ in range(2)]
    data = bytearray((folder / "session").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "session").write_bytes(data)
    assert [*told, run_piece("resume after a deep sleep", port)] == ["False\n", "True\n", "False\n"]


def test_time_limit(run_piece, start_piece, server):
    assert run_piece("time limit", server().port, TRUSTING) == OK
    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = TRUSTING + "import time\nstart = time.ticks_ms()\n"
        after = "print(time.ticks_diff(time.ticks_ms(), start) >= 900)\n"
        assert run_piece("time limit", silent.getsockname()[1], before, after) == "too slow\nTrue\n"


@pytest.fixture
def mail_server(free_port):
    """mail_server(CONTEXT): the port of aiosmtpd, which has no TLS without a context."""
    controllers = []

    def mail_server(context):
        port = free_port()
        controllers.append(Controller(None, hostname="127.0.0.1", port=port, tls_context=context))
        controllers[-1].start()
        return port

    yield mail_server
    for controller in controllers:
        controller.stop()


def test_starttls(run_piece, start_piece, mail_server, certs):
    """Over TLS, the server knows no STARTTLS any more; one that has no TLS at all is refused."""
    port = mail_server(python_peer.server_context(certs))
    assert run_piece("STARTTLS", port, TRUSTING) == "b'250 HELP\\r\\n'\nb'221 Bye\\r\\n'\n"
    process = start_piece("STARTTLS", mail_server(None), TRUSTING)
    assert process.wait() == 1 and "the server has no TLS" in process.stdout + process.stderr


SERVER = """
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("one.pem", "one.key")
"""


def test_many_connections(start_piece, certs, free_port):
    """Silent clients keep nobody waiting; one too many is turned away, and there is room again when one has gone."""
    port = free_port()
    process = start_piece("many connections", port, SERVER, limit=3).wait_port(port)
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    context = python_peer.client_context(certs)
    conn = python_peer.connect(port, context)
    for word in (b"one\n", b"two\n"):
        conn.sendall(word)
        assert python_peer.receive_exactly(conn, 4) == word.upper()
    with pytest.raises(OSError):
        python_peer.connect(port, context)
    process.wait_output("^one too many$")
    silent.pop().close()
    process.wait_output("^client failed: ")
    with python_peer.connect(port, context) as another:
        another.sendall(b"three\n")
        assert python_peer.receive_exactly(another, 6) == b"THREE\n"
    for sock in (conn, *silent):
        sock.close()


def test_poll(run_piece, server):
    """Two servers at a time, one of which answers in pieces, and the other has a wrong name."""
    def answer(conn):
        python_peer.serve_http(conn, "x")
        conn.sendall(b"y")
        python_peer.close_notify(conn)

    good, bad = server(handle=answer).port, server("wrong-name").port
    before = f"{TRUSTING}ports = [{good}, {bad}]\nto = connect\nconnect = lambda host, port: to(host, ports.pop(0))\n"
    lines = run_piece("poll", 0, before, hosts=["localhost", "localhost"]).splitlines()
    *said, last = sorted(lines, key=lambda line: "failed" in line)
    assert last.startswith("localhost failed: certificate is for wrong.test")
    assert said[0].startswith("localhost says b'HTTP/1.0 200 OK")
    assert said[-1] == "localhost says b''" and len(said) >= 3


def test_several_names(start_piece, certs, free_port):
    """Each name has its certificate; others are refused."""
    port = free_port()
    process = start_piece("several names", port, after=SERVE_ONE).wait_port(port)
    for name in ("localhost", "wrong.test"):
        with python_peer.connect(port, python_peer.client_context(certs), name) as conn:
            assert python_peer.receive_exactly(conn, 6) == b"hello\n"
            assert ("DNS", name) in conn.getpeercert()["subjectAltName"]
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        python_peer.connect(port, python_peer.client_context(certs), "server.test")
    process.wait_output("^unrecognized_name$")


def test_pre_shared_keys(start_piece, free_port):
    """The right key, a wrong one."""
    port = free_port()
    key, another = bytes(range(16)), bytes(16)
    start_piece("pre-shared key, server", port, after=SERVE_ONE, key=key, another_key=another).wait_port(port)
    assert start_piece("pre-shared key, client", port, after=LISTEN, key=key).check() == "b'hello\\n'\n"
    assert start_piece("pre-shared key, client", port, after=LISTEN, key=another).wait() == 1


def test_alpn(run_piece, certs):
    for protocols, answer in ((["http/1.1"], "http/1.1"), ([], "None")):
        context = python_peer.server_context(certs)
        if protocols:
            context.set_alpn_protocols(protocols)
        peer = python_peer.Server(context, python_peer.serve_http)
        assert run_piece("ALPN", peer.port, TRUSTING, TALK) == f"{answer}\n{OK}"


def test_why(run_piece, server):
    assert run_piece("why", server("expired").port, TRUSTING).splitlines()[:3] == [
        "reason expired", "alert certificate_expired", "alert_by local"]


def test_look(run_piece, server):
    lines = run_piece("look", server("expired").port, TRUSTING).splitlines()
    assert lines[0] == "('expired',)" and len(lines) == 3


def test_keys_for_wireshark(run_piece, server, folder, tool):
    """The file is one that the command of the document takes; the capture itself is that of tests/interop."""
    piece = "conn = context.wrap_socket(connect(host, port), server_hostname=host)\n" + TALK
    assert run_piece("keys for Wireshark", server().port, TRUSTING, piece) == OK
    assert "CLIENT_TRAFFIC_SECRET_0" in (folder / "keys.log").read_text(encoding="ascii")
    command = shlex.split(re.search(r"```sh\n(tshark .*)\n", TEXT)[1])
    assert "tls.keylog_file:keys.log" in command
    (folder / "empty.pcap").write_bytes(bytes.fromhex("d4c3b2a102000400000000000000000000000400" "01000000"))
    interface, capture = command.index("-i"), command.index("-f")
    del command[capture:capture + 2]
    command[interface:interface + 2] = ["-r", "empty.pcap"]
    subprocess.run([tool("tshark"), *command[1:]], check=True, capture_output=True)


def test_new_bundle(start_piece, run_piece, certs, folder, nginx):
    """From nginx, with the commands of the document; a file that changed on the way changes nothing."""
    web = nginx(f"ssl_certificate {certs}/ec-chain.pem; ssl_certificate_key {certs}/ec.key;")
    make, checksum = re.search(r"On the server: `([^`]+)` and `([^`]+)`", TEXT).groups()
    subprocess.run([ROOT / make.split()[0], *make.split()[1:], "--add", certs / "root.pem"], cwd=web.www, check=True,
                   capture_output=True)
    subprocess.run(["sh", "-c", checksum], cwd=web.www, check=True)
    old, new = (folder / "roots.bundle").read_bytes(), (web.www / "roots.bundle").read_bytes()
    assert old != new
    (web.www / "roots.bundle").write_bytes(new[:-1])
    assert start_piece("new bundle", web.port).wait() == 1
    assert (folder / "roots.bundle").read_bytes() == old
    (web.www / "roots.bundle").write_bytes(new)
    run_piece("new bundle", web.port)
    assert (folder / "roots.bundle").read_bytes() == new
    assert hashlib.sha256(new).hexdigest() in (web.www / "roots.bundle.sha256").read_text(encoding="ascii")
    run_piece("new bundle", web.port)  # the new one verifies


def test_each_piece_is_run():
    """A piece that is new gets its test."""
    tests = pathlib.Path(__file__).read_text(encoding="utf-8")
    assert len(PIECES) == TEXT.count("```python") and TEXT.count("```sh") == 1
    for name in PIECES:
        assert f'"{name}"' in tests, name
