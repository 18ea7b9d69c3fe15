"""Do the programs of quickstart.md, migration.md and faq.md do what these say, but for ports and one host?"""

import pathlib
import re
import shlex
import socket
import subprocess
import sys

import python_peer
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = ROOT / "docs"


def text(name):
    return (DOCUMENTS / f"{name}.md").read_text(encoding="utf-8")


def programs(name):
    """The blocks of a document, by the comment in their first line."""
    found = re.findall(r"```python\n# ([^\n]*)\n(.*?)```", text(name), re.DOTALL)
    assert len(found) == text(name).count("```python")
    return dict(found)


QUICKSTART, MIGRATION, FAQ = map(programs, ("quickstart", "migration", "faq"))
ERRORS = text("errors")

# What the blocks of migration.md and faq.md that are no whole programs begin with.
BEGINNING = """
import asyncio, errno, gc, os, socket, ssl
host, port = "localhost", {port}
request = b"GET / HTTP/1.0\\r\\n\\r\\n"
roots = open("root.pem", "rb").read()
context = ssl.create_default_context(cafile="root.pem")
sock = socket.socket()
"""
CONNECT = "sock.connect(socket.getaddrinfo(host, port)[0][-1])\n"
TALK = "conn.write(request)\nprint(conn.readline())\nconn.close()\n"
OK = "b'HTTP/1.0 200 OK\\r\\n'\n"


@pytest.fixture
def folder(certs, tmp_path, monkeypatch):
    """The folder that the programs run in, with the files that they open."""
    for name in ("root.pem", "root.der"):
        (tmp_path / name).write_bytes((certs / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(certs):
    """A server for one client, of CPython; its certificate is for localhost."""
    return python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)


def part(block, port, connect=True):
    """A whole program around a block."""
    return BEGINNING.format(port=port) + (CONNECT if connect else "") + block


# quickstart.md

@pytest.fixture
def own_certificate(folder):
    """server.pem and server.key, by the command of the document."""
    command = re.search(r"^    (openssl req .*\\\n.*)", text("quickstart"), re.MULTILINE)[1]
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)


@pytest.fixture
def start_program(start_mpy):
    """start_program(NAME, PORT): a program of quickstart.md."""
    return lambda name, port: start_mpy(QUICKSTART[name].replace("8443", str(port)), name=name)


def test_quickstart_client(run_mpy, certs, server):
    program = QUICKSTART["client.py"].replace('"example.org", 443', f'"localhost", {server.port}')
    assert run_mpy(program, env={"SSL_CERT_FILE": str(certs / "root.pem")}).stdout == OK
    server.result()


@pytest.mark.parametrize("name", ["board.py", "tiny.py"])
def test_quickstart_board(run_mpy, certs, folder, server, name):
    """The contexts for boards verify, too."""
    (folder / "roots.bundle").write_bytes((certs / "roots.bundle").read_bytes())
    block = f"{QUICKSTART[name]}conn = context.wrap_socket(sock, server_hostname=host)\n{TALK}"
    assert run_mpy(part(block, server.port)).stdout == OK
    strange = python_peer.Server(python_peer.server_context(certs, "rsa-only"), python_peer.serve_http)
    assert run_mpy(part(block, strange.port), check=False).returncode == 1


def test_quickstart_server(start_program, run_mpy, free_port, own_certificate):
    """Who does not trust it is told so in the document's words; it goes on, and serves the document's command."""
    port = free_port()
    process = start_program("server.py", port).wait_port(port)
    sentence = re.search(r"^    (untrusted - .*self-signed.*)", text("quickstart"), re.MULTILINE)[1]
    assert start_program("careful.py", port).check() == f"{sentence}\n"
    process.wait_output("^client failed: .*alert")
    command = re.search(r"^    micropython (examples/.*)", text("quickstart"), re.MULTILINE)[1]
    example, *words = shlex.split(command.replace("8443", str(port)))
    assert "HTTP/1.0 200 OK: 27 bytes" in run_mpy(ROOT / example, words).stdout


def test_quickstart_without_a_server(start_program, free_port, folder):
    """The socket's own failure has no words, and is told all the same."""
    assert "ECONNREFUSED" in start_program("careful.py", free_port()).check()


def test_quickstart_asyncio(start_program, free_port, own_certificate):
    port = free_port()
    start_program("async_server.py", port).wait_port(port)
    assert start_program("async_client.py", port).check() == "[b'ONE\\n', b'TWO\\n']\n"


# migration.md

@pytest.mark.parametrize("name", ("before", "after", "better"))
def test_migration_from_the_built_in(run_mpy, folder, server, name):
    assert run_mpy(part(MIGRATION[name] + TALK, server.port)).stdout == OK


@pytest.mark.parametrize(("name", "refuses"), (("before", False), ("after", True), ("better", True)))
def test_migration_says_who_verifies(run_mpy, certs, folder, name, refuses):
    """With another root what is said to verify does, and the other does not."""
    (folder / "root.pem").write_bytes((certs / "other-root.pem").read_bytes())
    server = python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)
    result = run_mpy(part(MIGRATION[name] + TALK, server.port), check=False)
    assert (result.stdout == OK) != refuses
    assert ("CertVerificationError" in result.stdout + result.stderr) == refuses


def test_migration_from_cpython(run_mpy, start, folder, certs):
    """One program, there and here, in front of a server that it trusts and of one that it does not."""
    for name, answer in (("ec", "HTTP/1.0 200 OK TLSv1.3\n"), ("other-ca", "failed: ")):
        for run in (run_mpy, lambda program: start([sys.executable, "-c", program])):
            server = python_peer.Server(python_peer.server_context(certs, name), python_peer.serve_http)
            process = run(MIGRATION["portable.py"].replace("8443", str(server.port)))
            if hasattr(process, "check"):
                process.check()
            assert process.stdout.startswith(answer)


def test_migration_table(run_mpy, folder):
    """What stands on the right of the table is there, what stands on the left is not, or is something else."""
    assert run_mpy("""
        import os, ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        print([hasattr(ssl, name) for name in ("SSLError", "SSLWantReadError", "RAND_bytes", "OP_NO_TLSv1_2")])
        print(context.verify_mode == ssl.CERT_NONE, len(os.urandom(32)))
        context.set_ciphers(["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"])
        try:
            context.set_ciphers("ECDHE+AESGCM")
        except TypeError:
            print("no list")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        """).lines == ["[False, False, False, False]", "True 32", "no list"]


# faq.md

def test_faq_less_memory(run_mpy, folder, certs):
    """A server that listens sends shorter records, and so more; what the connection held at its peak is told."""
    rest = "    conn.read()\n    print(conn.stats()['records_received'])\n"
    records = []
    for block in (FAQ["less memory"], FAQ["less memory"].replace("context.max_record = 2048\n", "")):
        server = python_peer.Server(
            python_peer.server_context(certs), lambda conn: python_peer.serve_http(conn, "x" * 30000))
        head, number = run_mpy(part(block + rest, server.port)).lines
        assert re.fullmatch(r"b'HTTP/1.0 200 OK\\r\\n' [1-9][0-9]{4,}", head)
        records.append(int(number))
    assert records[0] == records[1] + 30000 // 2048 + 1 - 2, records


def test_faq_alert(run_mpy, folder, certs):
    """A client without the certificate that the server wants, and so with TLS 1.3 in its first read."""
    server = python_peer.Server(python_peer.server_context(certs, client_ca="root"), python_peer.serve_http)
    assert run_mpy(part(FAQ["why"], server.port)).stdout == "-30592 peer_alert certificate_required peer\n"
    assert server.error()


def test_faq_before_tls(run_mpy, folder, free_port):
    """What the socket says is what the heading has, and bears no reason."""
    heading = re.search(r"^## Before TLS: (.*)$", text("faq"), re.MULTILINE)[1]
    said = run_mpy(f"""
        import errno, socket, ssl
        context = ssl.create_default_context(cafile="root.pem")
        def connect():
            socket.socket().connect(socket.getaddrinfo("127.0.0.1", {free_port()})[0][-1])
        def wrap():
            context.wrap_socket(socket.socket(), server_hostname="localhost")
        for function in (lambda: socket.getaddrinfo("no..host", 443), connect, wrap):
            try:
                function()
            except OSError as e:
                print(e.args[0], hasattr(e, "reason"))
        print(errno.EHOSTUNREACH, hasattr(errno, "EPIPE"))
    """).lines
    assert said == ["[addrinfo error -2] False", "111 False", "32 False", "113 False"]
    assert re.findall("`([^`]+)`", heading) == [line.removesuffix(" False") for line in (said[0], said[1], said[3], said[2])]


@pytest.mark.parametrize(("context", "answer"), (
    ("context", "verified"), ("ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)", "anybody")))
def test_faq_verified(run_mpy, folder, server, context, answer):
    block = f"conn = {context}.wrap_socket(sock, server_hostname=host)\n{FAQ['verified?']}{TALK}"
    assert run_mpy(part(block, server.port)).stdout == f"{answer}\n{OK}"


def test_faq_any_form(run_mpy, folder):
    assert run_mpy(part(FAQ["any form"], 0, connect=False)).stdout == "1\n" * 4


def test_faq_timeout(run_mpy, folder):
    """A server that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert run_mpy(part(FAQ["timeout"], listener.getsockname()[1])).stdout == "True\n"


@pytest.mark.parametrize(("name", "answer"), (("ec", OK), ("other-ca", "untrusted\n")))
def test_faq_asyncio(run_mpy, folder, certs, name, answer):
    server = python_peer.Server(python_peer.server_context(certs, name), python_peer.serve_http)
    assert run_mpy(part(FAQ["asyncio"], server.port, connect=False)).stdout == answer


def test_faq_asyncio_does_not_verify_by_itself(run_mpy, folder, certs):
    """ssl=True, whose context is MicroPython's."""
    server = python_peer.Server(python_peer.server_context(certs, "other-ca"), python_peer.serve_http)
    assert run_mpy(part(FAQ["asyncio"].replace("ssl=context", "ssl=True"), server.port, connect=False)).stdout == OK


def test_faq_quotes():
    """Sentences, numbers with their names, and words are those of errors.md, which test_errors.py compares."""
    faq = text("faq")
    rows = re.findall(r"^\| `.*", ERRORS, re.MULTILINE)
    sentences = re.findall(r"`detail`:\s`([^`]+)`", faq)
    assert len(sentences) >= 6
    for sentence in sentences:
        assert any(f"`{sentence}`" in row for row in rows), sentence
    for section in re.findall(r"^## .*?(?=^## |\Z)", faq, re.MULTILINE | re.DOTALL):
        heading, _, body = section.partition("\n")
        for number, name in re.findall(r"`(-\d+)`,? \(?`(MBEDTLS_\w+)`", heading):
            if number == "-32512":  # which is 12 here
                row = next(row for row in rows if "`no_memory` | `12`" in row)
                continue
            row = next(row for row in rows if f"`{number}`<br>`{name}`" in row)
            assert re.search(r"`reason` is (`\w+`)", body)[1] in row
    source = (ROOT / "src" / "engine" / "verify_detail.c").read_text(encoding="utf-8")
    assert '"clock says %s: it was never set;' in source


# firmware.md

def test_what_configurations_leave_out():
    """The table has all switches that a configuration turns off, and says so."""
    rows = re.findall(r"^\| .* \| (yes|no) \| (yes|no) \| `(\w+)` \|$", text("firmware"), re.MULTILINE)
    for index, name in enumerate(("default", "tiny")):
        header = (ROOT / "configurations" / f"{name}.h").read_text(encoding="utf-8")
        off = re.findall(r"^#define MICROPY_PY_SSL_(\w+) \(0\)", header, re.MULTILINE)
        assert len(off) > 10 and sorted(off) == sorted(row[2] for row in rows if row[index] == "no")
    switches = (ROOT / "src" / "ssl_config.h").read_text(encoding="utf-8")
    for *_, switch in rows:
        assert f"#ifndef MICROPY_PY_SSL_{switch}\n" in switches


def test_each_program_is_run():
    """A block that is new gets its test."""
    assert set(QUICKSTART) == {"client.py", "board.py", "tiny.py", "server.py", "careful.py", "async_server.py",
                               "async_client.py"}
    assert set(MIGRATION) == {"before", "after", "better", "portable.py"}
    assert set(FAQ) == {"less memory", "why", "verified?", "any form", "timeout", "asyncio"}
