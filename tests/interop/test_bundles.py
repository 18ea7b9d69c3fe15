"""CA bundles of tools/mkbundle, the trust anchors of the machine, which become one in memory, and pins of tools/pin."""

import ast
import pathlib
import ssl
import subprocess

import pytest
import python_peer

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MACHINE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def mkbundle(*arguments, check=True):
    return subprocess.run([ROOT / "tools" / "mkbundle", *arguments], check=check, capture_output=True, text=True)


def run_mpy(start_mpy, program, *args, **env):
    return start_mpy(program, [str(argument) for argument in args], env=env).check()


# ----------------------------------------------------------------------------------------------------------------------
# tools/mkbundle

LIST = """
    import ssl, sys
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(sys.argv[1])
    print(repr((context.cert_store_stats(), context.get_ca_certs(True))))
"""


def test_bundle_of_the_machine(start_mpy, tmp_path):
    """All that the machine trusts, as CPython counts it."""
    bundle = tmp_path / "roots.bundle"
    mkbundle("-o", bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(MACHINE)
    stats, ders = ast.literal_eval(run_mpy(start_mpy, LIST, bundle))
    assert stats == context.cert_store_stats() and stats["x509"] > 100
    assert sorted(ders) == sorted(context.get_ca_certs(binary_form=True))


def test_same_bytes(tmp_path, certs):
    """The order of the arguments and repetitions do not matter; the date does."""
    a, b, c = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    mkbundle("-o", a, "--date", "2026-01-02", certs / "roots.pem", certs / "other-root.der")
    mkbundle("-o", b, "--date", "2026-01-02", certs / "other-root.pem", certs / "root-rsa.pem", "--add",
             certs / "roots.pem")
    mkbundle("-o", c, "--date", "2026-01-03", a)
    assert a.read_bytes() == b.read_bytes() != c.read_bytes()
    assert "3 certificates" in mkbundle("--list", a).stdout and "made on 2026-01-02" in mkbundle("--list", a).stdout


def test_choosing(tmp_path, certs):
    names = lambda *arguments: sorted(  # noqa: E731
        line.split("  ")[-1] for line in mkbundle("--list", make(*arguments)).stdout.splitlines()[1:])
    bundle = tmp_path / "bundle"

    def make(*arguments):
        mkbundle("-o", bundle, certs / "roots.pem", certs / "other-root.pem", *arguments)
        return bundle

    assert names() == ["Test other-root", "Test root", "Test root-rsa"]
    assert names("--only", "OTHER") == ["Test other-root"]
    assert names("--without", "other", "--without", "rsa") == ["Test root"]
    assert names("--only", "rsa", "--add", certs / "inter.pem") == ["Test intermediate", "Test root-rsa"]


@pytest.mark.parametrize("arguments, words", (
    (["--only", "nobody"], "no certificate matches 'nobody'"),
    (["/nowhere.pem"], "/nowhere.pem: No such file"),
    (["--without", "root"], "there is no certificate left"),
))
def test_mistakes(tmp_path, certs, arguments, words):
    result = mkbundle("-o", tmp_path / "bundle", certs / "root.pem", *arguments, check=False)
    assert result.returncode == 1 and words in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "bundle").exists()


def test_damage(tmp_path, certs):
    """Every changed byte is found, but for those that only say what is no bundle."""
    good = (certs / "roots.bundle").read_bytes()
    for place in (9, 41, 70, 100, len(good) // 2, len(good) - 1):
        damaged = tmp_path / "damaged"
        damaged.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1:])
        assert "damaged" in mkbundle("-o", tmp_path / "out", damaged, check=False).stderr
    damaged.write_bytes(good[:-1])
    assert "bytes instead of" in mkbundle("-o", tmp_path / "out", damaged, check=False).stderr


def test_frozen(start_mpy, tmp_path, certs):
    """As a module."""
    mkbundle("--python", "-o", tmp_path / "roots.py", certs / "root.pem")
    print_stats = """
        import ssl
        from roots import BUNDLE
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=BUNDLE)
        print(context.cert_store_stats()["x509"])
    """
    assert run_mpy(start_mpy, print_stats, MICROPYPATH=f"{tmp_path}:.frozen") == "1\n"


CONNECT = """
    import socket, ssl, sys
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(sys.argv[1])
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", int(sys.argv[2]))[0][-1])
    try:
        conn = context.wrap_socket(sock, server_hostname="server.test")
        conn.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(conn.read().decode().split("\\r\\n")[-1])
        conn.close()
    except OSError as e:
        print(e.reason)
        sock.close()
"""


@pytest.mark.parametrize("added, expected", (("root.pem", "hello"), ("root-rsa.pem", "untrusted")))
def test_one_among_many(start_mpy, certs, tmp_path, added, expected):
    """A server in CPython, whose authority is one of some 140 in the bundle, or none of them."""
    mkbundle("-o", tmp_path / "roots.bundle", "--add", certs / added)
    serving = python_peer.Server(python_peer.server_context(certs, "ec"), python_peer.serve_http)
    assert run_mpy(start_mpy, CONNECT, tmp_path / "roots.bundle", serving.port).strip() == expected
    if expected == "hello":
        serving.result()
    else:
        assert isinstance(serving.error(), ssl.SSLError)


# ----------------------------------------------------------------------------------------------------------------------
# The machine's

COUNT = """
    import os, ssl, sys
    def count(context):
        return context.cert_store_stats()["x509"]
    early = ssl.create_default_context()
    os.rename(sys.argv[1] + ".later", sys.argv[1])
    first = count(early)
    os.remove(sys.argv[1])
    contexts = [ssl.create_default_context() for i in range(200)]
    print(first, {count(context) for context in contexts})
"""


def test_read_late_and_once(start_mpy, certs, tmp_path):
    """The file need not be there when the context is made, nor for others when one has read it."""
    path = tmp_path / "roots.pem"
    (tmp_path / "roots.pem.later").write_bytes((certs / "roots.pem").read_bytes())
    assert run_mpy(start_mpy, COUNT, path, SSL_CERT_FILE=str(path)) == "2 {2}\n"


DEFAULTS = """
    import ssl
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    print(repr((context.cert_store_stats()["x509"], paths.cafile, paths.capath)))
"""


@pytest.mark.parametrize("file, folder, count", ((True, False, 2), (False, True, 2), (True, True, 3)))
def test_variables(start_mpy, certs, tmp_path, file, folder, count):
    """SSL_CERT_FILE, SSL_CERT_DIR, or both."""
    path = tmp_path / "trusted"
    path.mkdir()
    for name in ("root", "other-root"):
        (path / f"{name}.pem").write_bytes((certs / f"{name}.pem").read_bytes())
    env = {}
    if file:
        env["SSL_CERT_FILE"] = str(certs / "roots.pem")
    if folder:
        env["SSL_CERT_DIR"] = str(path)
    assert ast.literal_eval(run_mpy(start_mpy, DEFAULTS, **env)) == (
        count, env.get("SSL_CERT_FILE"), env.get("SSL_CERT_DIR"))


def test_all_of_the_machine(start_mpy):
    """Without variables, what the distribution has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(MACHINE)
    count, file, folder = ast.literal_eval(run_mpy(start_mpy, DEFAULTS))
    assert (count, file, folder) == (context.cert_store_stats()["x509"], str(MACHINE), None)


# ----------------------------------------------------------------------------------------------------------------------
# tools/pin

PINNED = """
    import binascii, socket, ssl, sys
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.pins = {binascii.unhexlify(sys.argv[1])}
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", int(sys.argv[2]))[0][-1])
    conn = context.wrap_socket(sock)
    conn.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print(conn.read().decode().split("\\r\\n")[-1])
    conn.close()
"""


def pins_of(*places):
    result = subprocess.run([ROOT / "tools" / "pin", *places], check=True, capture_output=True, text=True)
    return [line.split(" ", 1) for line in result.stdout.splitlines()]


def test_pins(start_mpy, certs):
    """Of a file and of a server the same, and the module takes it."""
    serving = python_peer.Server(python_peer.server_context(certs, "ec"), python_peer.serve_http)
    of_file = pins_of(certs / "ec-chain.pem")
    assert [name for pin, name in of_file] == ["CN=server.test", "CN=Test intermediate"]
    assert pins_of(certs / "ec.der") == of_file[:1]
    assert run_mpy(start_mpy, PINNED, of_file[1][0], serving.port) == "hello\n"
    serving.result()


def test_pins_of_a_server(start, certs, free_port):
    port = free_port()
    start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certs / "rsa.pem", "-key", certs / "rsa.key",
           "-cert_chain", certs / "inter.pem", "-quiet"]).wait_port(port)
    assert pins_of(f"127.0.0.1:{port}") == pins_of(certs / "rsa-chain.pem")


def test_pins_of_nothing(tmp_path):
    (tmp_path / "empty").write_text("")
    for place in (tmp_path / "empty", tmp_path / "absent", "127.0.0.1:1"):
        result = subprocess.run([ROOT / "tools" / "pin", place], check=False, capture_output=True, text=True)
        assert result.returncode == 1 and result.stderr.startswith("pin: ") and "Traceback" not in result.stderr
