"""Do the tools in examples/ tell the truth, and say in one sentence what went wrong?"""

import contextlib
import functools
import hashlib
import http.client
import os
import pathlib
import pty
import re
import signal
import socket
import ssl
import stat
import subprocess
import threading

import processes
import pytest
import python_peer

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
VERSIONS = ("TLSv1.2", "TLSv1.3")
NO_HOST = "no..host"  # what no name server is asked about


@pytest.fixture
def tool_of(run_mpy):
    """tool_of(NAME)(*ARGUMENTS): runs a tool to its end."""
    def tool_of(name):
        return lambda *words, **more: run_mpy(EXAMPLES / f"{name}.py", [str(word) for word in words], check=False, **more)
    return tool_of


@pytest.fixture
def https(nginx, certs):
    """https(CERTIFICATE="ec", VERSION="TLSv1.3"): an nginx; the folder of the certificate is that of tools/make-certs."""
    def https(certificate="ec", version="TLSv1.3", folder=certs):
        return nginx(f"""
            ssl_certificate {folder}/{certificate}-chain.pem;
            ssl_certificate_key {folder}/{certificate}.key;
            ssl_protocols {version};
        """)
    return https


@pytest.fixture
def plain_server():
    """plain_server(DATA): the port of a server that sends this to one client and hears no TLS; None: it says nothing."""
    with contextlib.ExitStack() as stack:
        def plain_server(data):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve():
                with contextlib.suppress(OSError):
                    conn = stack.enter_context(listener.accept()[0])
                    if data is not None:
                        conn.recv(4096)
                        conn.sendall(data)
                        conn.shutdown(socket.SHUT_WR)

            threading.Thread(target=serve, daemon=True).start()
            return listener.getsockname()[1]

        yield plain_server


def one_sentence(text):
    """Whether this is for people: one line, and no traceback."""
    return len(text.splitlines()) == 1 and "Traceback" not in text and "Error" not in text


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_helps(tool_of, path):
    """Who asks is told which arguments there are; who gives none is told that some are needed."""
    asked = tool_of(path.stem)("--help")
    assert asked.returncode == 0, asked.stderr
    assert f"micropython {path.name} " in asked.stdout and "HELP" not in asked.stdout
    assert not asked.stderr
    lost = tool_of(path.stem)()
    assert (lost.returncode, lost.stdout) == (2, "") and "needed" in lost.stderr and one_sentence(lost.stderr), lost.stderr


@pytest.mark.parametrize(("tool", "words", "sentence"), [
    ("tlsinfo", [], "one HOST or HOST:PORT is needed"),
    ("tlsinfo", ["a", "b"], "one HOST or HOST:PORT is needed"),
    ("tlsinfo", ["a:b"], "not a host and port: a:b"),
    ("tlsinfo", ["a:70000"], "not a host and port: a:70000"),
    ("tlsinfo", ["--jason", "a"], "there is no option --jason"),
    ("tlsinfo", ["a", "--name"], "--name needs a value"),
    ("tlsinfo", ["a", "--timeout", "soon"], "--timeout is a number of seconds"),
    ("https_get", [], "one URL is needed"),
    ("https_get", ["http://a/"], "not an https:// address: http://a/"),
    ("https_get", ["https://:x/"], "not a host and port: :x"),
    ("https_get", ["https://a/", "--timeout=0"], "--timeout is a number of seconds"),
    ("https_get", ["https://a/", "--output"], "--output needs a value"),
    ("mqtt_client", ["a"], "HOST and TOPIC are needed, and at most a MESSAGE"),
    ("mqtt_client", ["a", "b", "--keepalive", "0"], "--keepalive is a number of seconds, 1 to 65535"),
    ("mqtt_client", ["a", "b", "--key", "c"], "--key needs --cert"),
    ("bundle_update", ["https://a/"], "a URL and a FILE are needed"),
    ("bundle_update", ["http://a/", "b"], "not an https:// address: http://a/"),
    ("bundle_update", ["https://a:b/", "c"], "not a host and port: a:b"),
    ("bundle_update", ["https://a/", "b", "--timeout", "never"], "--timeout is a number of seconds"),
    ("https_server", ["8443", "certfile=a"], "keyfile=FILE is needed"),
    ("https_server", ["8443", "certfile=a", "keyfile=b", "seconds=soon"], "seconds=N is a number"),
    ("https_server", ["8443", "cert=a"], "there is no argument cert=a"),
    ("https_server", ["certfile=a"], "a PORT is needed"),
    ("dtls_echo_server", ["8443", "keyfile=a"], "certfile=FILE is needed"),
    ("dtls_echo_server", ["8443", "certfile"], "there is no argument certfile"),
    ("trust_on_first_use", ["a:b", "c"], "HOST or HOST:PORT, and a FILE are needed"),
    ("https_serve", [], "one DIRECTORY is needed"),
    ("https_serve", [".", "--port", "x"], "--port is a number"),
    ("https_serve", [".", "--cert", "x"], "--cert and --key need each other"),
    ("https_serve", [".", "--name", "$(reboot)"], "not a host name or address: $(reboot)"),
])
def test_wrong_arguments(tool_of, tool, words, sentence):
    """They end with 2 and are told of on the standard error."""
    result = tool_of(tool)(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"{tool}: {sentence}; see --help\n"


@pytest.mark.parametrize(("name", "words"), [
    ("tlsinfo", [NO_HOST]), ("https_get", [f"https://{NO_HOST}/"]), ("mqtt_client", [NO_HOST, "a", "b"]),
    ("trust_on_first_use", [NO_HOST, "pins"]), ("bundle_update", [f"https://{NO_HOST}/", "{certs}/roots.bundle"])])
def test_unknown_host(tool_of, certs, name, words):
    """A name that no name server knows is told of as such."""
    result = tool_of(name)(*(word.format(certs=certs) for word in words))
    said = result.stdout + result.stderr
    assert result.returncode == 1 and f"{NO_HOST}: no address is known for this name" in said and one_sentence(said)


@pytest.mark.parametrize("name", ["https_server", "dtls_echo_server"])
def test_servers_that_cannot_start(tool_of, certs, name):
    """They say why: a file that is not there, a port that is taken."""
    good = [f"certfile={certs}/ec-chain.pem", f"keyfile={certs}/ec.key"]
    kind = socket.SOCK_DGRAM if name == "dtls_echo_server" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = str(taken.getsockname()[1])
        for words, sentence in ((good, "somebody else listens there"),
                                ([*good[:1], "keyfile=nowhere.key"], "the file nowhere.key cannot be read")):
            free = port if words is good else str(processes.free_port())
            result = tool_of(name)(free, *words)
            assert (result.returncode, result.stderr) == (1, f"{name}: {sentence}\n")


@pytest.mark.parametrize(("name", "address"), [("tlsinfo", "{}"), ("https_get", "https://{}/"), ("mqtt_client", "{}")])
@pytest.mark.parametrize("somebody", [True, False], ids=["second", "none"])
def test_other_addresses(tool_of, https, certs, tmp_path, free_port, name, address, somebody):
    """A host of which the first address is dead, as that of localhost often is, is reached at the second."""
    (tmp_path / "hosts").write_text("::1 both.test\n127.0.0.1 both.test\n", encoding="ascii")
    port = https().port if somebody else free_port()
    more = ["lab/a", "hello"] if name == "mqtt_client" else []
    result = tool_of(name)(
        address.format(f"both.test:{port}"), *more, "--name", "localhost", "--cafile", certs / "root.pem",
        env={"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(tmp_path / "hosts")})
    said = result.stdout + result.stderr
    assert ("nobody listens there" in said) != somebody, said
    if name == "mqtt_client":  # nginx hangs up on what is no HTTP
        assert result.returncode == 1
    else:
        assert result.returncode == (0 if somebody else 1), said


# ----------------------------------------------------------------------------------------------------------------------
# tlsinfo


@functools.cache
def seen_by_openssl(path):
    """What the openssl command and tools/pin say of a certificate."""
    text = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-enddate", "-dateopt", "iso_8601"],
                          capture_output=True, check=True, text=True).stdout
    pin = subprocess.run([ROOT / "tools" / "pin", path], capture_output=True, check=True, text=True).stdout
    der = ssl.PEM_cert_to_DER_cert(path.read_text(encoding="ascii"))
    return re.search(r"=(.*)Z", text)[1], pin.split()[0], hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("version", VERSIONS)
def test_tlsinfo_json(tool_of, https, certs, version):
    """All it says of a good server is what other programs say."""
    server = https(version=version)
    result = tool_of("tlsinfo")(f"localhost:{server.port}", "--cafile", certs / "root.pem", "--json")
    report = result.json
    assert result.returncode == 0 and report["verified"] is True
    assert (report["version"], report["reason"], report["detail"], report["problems"]) == (version, None, None, [])
    assert report["bits"] >= 128 and report["cipher"].startswith("TLS")
    assert [(c["subject"], c["issuer"], c["issuer_is_trust_anchor"]) for c in report["chain"]] == [
        ("server.test", "Test intermediate", False), ("Test intermediate", "Test root", True)]
    for certificate, name in zip(report["chain"], ("ec", "inter")):
        assert (certificate["until"], certificate["pin"], certificate["sha256"]) == seen_by_openssl(certs / f"{name}.pem")
    assert report["chain"][0]["names"][:2] == ["server.test", "localhost"]


def test_tlsinfo_tree(tool_of, https, certs):
    """For people: issuers above what they issued."""
    server = https()
    result = tool_of("tlsinfo")(f"127.0.0.1:{server.port}", "--cafile", certs / "root.pem", "--name", "server.test")
    assert result.returncode == 0 and not result.stderr
    pins = [seen_by_openssl(certs / f"{name}.pem")[1] for name in ("inter", "ec")]
    lines = result.lines
    assert lines[0] == f"127.0.0.1:{server.port}"
    assert re.fullmatch(r"  TLSv1\.3, \S+ \(\d+ bits\), handshake \d+ ms", lines[1])
    assert lines[2:] == [
        "  verified for server.test",
        "  [Test root]  a trust anchor",
        "  └── Test intermediate  2014-01-01 to 2049-12-31",
        f"      pin {pins[0]}",
        "      └── server.test  2024-01-01 to 2049-12-31",
        "          for server.test, localhost, *.wild.test, 127.0.0.1, 0:0:0:0:0:0:0:1",
        f"          pin {pins[1]}",
    ]


@pytest.mark.parametrize(("certificate", "root", "problems", "words"), [
    ("expired", "root", ["expired"], "server's certificate expired on 2021-12-31"),
    ("not-yet", "root", ["not_yet_valid"], "not valid before 2048-01-01"),
    ("wrong-name", "root", ["hostname_mismatch"], "certificate is for wrong.test; asked for localhost"),
    ("ec", "other-root", ["untrusted"], "Test root"),
    ("self-signed", "root", ["untrusted"], "self-signed"),
    ("expired", "other-root", ["expired", "untrusted"], "Test root"),
])
def test_tlsinfo_says_why_not(tool_of, https, certs, certificate, root, problems, words):
    """A server that does not verify is told of all the same, with everything that is wrong."""
    server = https(certificate)
    words_in_tree = {"expired": "to 2021-12-31, expired", "not-yet": "2049-12-31, not yet valid"}.get(certificate, "└──")
    place = [f"localhost:{server.port}", "--cafile", certs / f"{root}.pem"]
    for_people, for_programs = tool_of("tlsinfo")(*place), tool_of("tlsinfo")(*place, "--json")
    assert (for_people.returncode, for_programs.returncode) == (1, 1)
    assert words in for_people.lines[2] and for_people.lines[2].startswith("  not verified: ")
    assert words_in_tree in for_people.stdout
    report = for_programs.json
    assert (report["verified"], sorted(report["problems"])) == (False, problems)
    assert report["reason"] in problems and words in report["detail"] and report["chain"]


@pytest.fixture
def rude_certificate(tmp_path):
    """The name of a certificate in tmp_path whose names would command a terminal."""
    name = "CN=red \x1b[31m\x9b31m"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8",
                    "-subj", f"/{name}", "-keyout", tmp_path / "rude.key", "-out", tmp_path / "rude-chain.pem"],
                   check=True, capture_output=True)
    return "rude"


def on_terminal(argv, **env):
    """What a program shows on a terminal."""
    ours, its = pty.openpty()
    with subprocess.Popen([str(word) for word in argv], stdout=its, stderr=its, stdin=its,
                          env={"PATH": os.environ["PATH"], "MICROPYPATH": ".frozen", **env}) as process:
        os.close(its)
        text = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while piece := os.read(ours, 4096):
                text += piece
        process.wait(20)
    os.close(ours)
    return text.decode()


def test_tlsinfo_on_a_terminal(micropython, https, tmp_path, rude_certificate):
    """Colours are ours and never the server's; without them where nobody wants them."""
    server = https(rude_certificate, folder=tmp_path)
    argv = [micropython, EXAMPLES / "tlsinfo.py", f"localhost:{server.port}", "--cafile", tmp_path / "rude-chain.pem"]
    coloured, plain = on_terminal(argv), on_terminal(argv, NO_COLOR="1")
    assert "\x1b[31mnot verified\x1b[m" in coloured
    for text in (coloured, plain):
        assert "red ?[31m?31m" in text
    assert not re.search("[\x1b\x9b]", plain)
    assert re.sub(r"\x1b\[\d*m", "", coloured).split("ms")[1] == plain.split("ms")[1]


@pytest.mark.parametrize("tool", ["tlsinfo", "https_get"])
@pytest.mark.parametrize(("answer", "words"), [
    (b"220 mail.test ESMTP\r\n", "TLS"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "TLS"),
    (b"", "connection"),
])
def test_no_tls_there(tool_of, plain_server, tool, answer, words):
    port = plain_server(answer)
    place = f"localhost:{port}" if tool == "tlsinfo" else f"https://localhost:{port}/"
    result = tool_of(tool)(place)
    text = result.stdout + result.stderr
    assert result.returncode == 1 and words in text and one_sentence(text)


@pytest.mark.parametrize("tool", ["tlsinfo", "https_get"])
@pytest.mark.parametrize(("host", "words"), [
    (NO_HOST, "no address is known for this name"), ("localhost", "nobody listens there"), ("silent", "no answer in time")])
def test_nobody_there(tool_of, plain_server, free_port, tool, host, words):
    port = plain_server(None) if host == "silent" else free_port()
    place = f"{host.replace('silent', 'localhost')}:{port}"
    result = tool_of(tool)(place if tool == "tlsinfo" else f"https://{place}/", "--timeout", "1")
    text = result.stdout + result.stderr
    assert result.returncode == 1 and words in text and one_sentence(text)
    if tool == "tlsinfo":
        report = tool_of(tool)(place, "--timeout", "1", "--json")
        assert report.returncode == 1 and report.json["verified"] is False and words in report.json["error"]


@pytest.mark.parametrize("tool", ["tlsinfo", "https_get"])
def test_no_trust_anchors(tool_of, tool, tmp_path):
    """A cafile that is none, or not there."""
    (tmp_path / "empty.pem").write_bytes(b"")
    for name in ("missing.pem", "empty.pem"):
        path = tmp_path / name
        result = tool_of(tool)("localhost" if tool == "tlsinfo" else "https://localhost/", "--cafile", path)
        text = result.stdout + result.stderr
        assert result.returncode == 1 and str(path) in text and one_sentence(text), text


# ----------------------------------------------------------------------------------------------------------------------
# https_get


def test_https_get(tool_of, https, certs, tmp_path):
    """The page and the certificate are kept as they are."""
    server = https()
    data = os.urandom(300_000)
    (server.www / "data").write_bytes(data)
    result = tool_of("https_get")(f"https://localhost:{server.port}/data", "--cafile", certs / "root.pem",
                                  "--output", tmp_path / "data", f"--save={tmp_path}/cert")
    assert result.returncode == 0, result.stdout
    assert f"200 OK: 300000 bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}" in result.stdout
    assert (tmp_path / "data").read_bytes() == data
    assert (tmp_path / "cert").read_bytes() == (certs / "ec.der").read_bytes()


@pytest.mark.parametrize(("certificate", "root", "words"), [
    ("expired", "root", "expired on 2021-12-31"), ("ec", "other-root", "Test root"), ("wrong-name", "root", "wrong.test")])
def test_https_get_refuses(tool_of, https, certs, certificate, root, words):
    server = https(certificate)
    result = tool_of("https_get")(f"https://localhost:{server.port}/", "--cafile", certs / f"{root}.pem")
    assert result.returncode == 1 and re.match("  refused  .*" + re.escape(words), result.stdout)
    assert one_sentence(result.stdout)


@pytest.mark.parametrize(("answer", "words"), [
    ("HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nshort", "ended too early, after 5 bytes"),
    ("220 mail.test ESMTP\r\n", "not HTTP"),
    ("HTTP/1.0 200 OK\r\nContent-Length: ten\r\n\r\n", "failed"),
])
def test_https_get_of_a_bad_page(tool_of, mpy_server, certs, answer, words):
    server = mpy_server([["read", 1], ["write", answer], ["close"]])
    result = tool_of("https_get")(f"https://localhost:{server.port}/", "--cafile", certs / "root.pem")
    assert result.returncode == 1 and words in result.stdout and one_sentence(result.stdout), result.stdout


# ----------------------------------------------------------------------------------------------------------------------
# https_serve


@pytest.fixture
def site(tmp_path):
    """A folder with a site."""
    folder = tmp_path / "site"
    (folder / "with index").mkdir(parents=True)
    (folder / "lists").mkdir()
    (folder / "with index" / "index.html").write_text("<p>Grüße", encoding="utf-8")
    (folder / "lists" / "<ä & b>.txt").write_text("found", encoding="ascii")
    (folder / "lists" / "big.bin").write_bytes(bytes(range(256)) * 4000)
    os.mkfifo(folder / "pipe")
    (tmp_path / "secret").write_text("secret", encoding="ascii")
    return folder


class Site:
    """https_serve at work."""

    def __init__(self, process, port, context):
        self.process, self.port, self.context = process, port, context

    def ask(self, target, method="GET", host="localhost"):
        """Status, headers and body; the server's name is verified."""
        conn = http.client.HTTPSConnection(host, self.port, context=self.context, timeout=20)
        conn.connect = lambda: self.connect(conn, host)
        conn.request(method, target)
        response = conn.getresponse()
        return response.status, response.headers, response.read()

    def connect(self, conn, host):
        raw = socket.create_connection(("127.0.0.1", self.port), 20)
        conn.sock = self.context.wrap_socket(raw, server_hostname=host)


@pytest.fixture
def serve(start_mpy, free_port, tmp_path, site):
    """serve(*OPTIONS): https_serve with a certificate that its clients trust."""
    def serve(*options, env=None):
        port = free_port()
        files = [tmp_path / "own cert.pem", tmp_path / "own key.pem"]
        process = start_mpy(EXAMPLES / "https_serve.py", [
            str(site), "--port", str(port), "--cert", str(files[0]), "--key", str(files[1]), *options], env=env)
        process.wait_output("^its certificate has the SHA-256 [0-9a-f]{64}$")
        return Site(process.wait_port(port), port, ssl.create_default_context(cafile=files[0]))
    return serve


def test_https_serve(serve):
    """Files, pages and lists, as a browser asks for them."""
    server = serve()
    status, headers, body = server.ask("/with%20index/")
    assert (status, headers["Content-Type"], body.decode()) == (200, "text/html; charset=utf-8", "<p>Grüße")
    status, headers, body = server.ask("/lists")
    assert (status, headers["Location"], body) == (301, "/lists/", b"")
    assert server.ask("//lists")[1]["Location"] == "/lists/"
    _, _, page = server.ask("/lists/?sorted")
    assert "&lt;ä &amp; b&gt;.txt</a>" in page.decode()
    links = re.findall('href="./(.*?)"', page.decode())
    assert [server.ask("/lists/" + link)[2] for link in links] == [b"found", bytes(range(256)) * 4000]
    status, headers, body = server.ask("/lists/big.bin", "HEAD", host="127.0.0.1")
    assert (status, headers["Content-Length"], body) == (200, "1024000", b"")
    assert server.ask("/", "POST")[0] == 405
    server.process.signal(signal.SIGINT)
    assert server.process.wait() == 0
    assert "200 '/with%20index/'" in server.process.stdout and not server.process.stderr


def test_https_serve_nothing_else(serve):
    """What is not a file below the folder is not there."""
    server = serve()
    for target in ("/nothing", "/../secret", "/%2e%2e/secret", "/lists/..%2f..%2fsecret", "/%", "/%4", "/%zz", "/%ff", "/a%00b",
                   "secret", "/pipe", "/with%20index/index.html/", "/lists/big.bin/"):
        assert server.ask(target)[0] == 404, target


def test_https_serve_nonsense(serve):
    server = serve()
    for request in (b"nonsense\r\n\r\n", b"GET /\r\n\r\n", b"GET / SPDY\r\n\r\n", b"\xff\r\n\r\n", b"x" * 9000,
                    b"GET / HTTP/1.1\r\nA: " + b"x" * 9000):
        with socket.create_connection(("127.0.0.1", server.port), 20) as raw, \
                server.context.wrap_socket(raw, server_hostname="localhost") as conn:
            conn.sendall(request)
            assert conn.recv(4096).startswith(b"HTTP/1.1 400 "), request
    assert server.ask("/")[0] == 200


def test_https_serve_is_not_held_up(serve):
    """Who says nothing, or nothing to the end, is sent away; the others get their pages meanwhile."""
    server = serve("--seconds", "1")
    with socket.create_connection(("127.0.0.1", server.port), 20) as silent, \
            socket.create_connection(("127.0.0.1", server.port), 20) as raw, \
            server.context.wrap_socket(raw, server_hostname="localhost") as slow:
        slow.sendall(b"GET / HTT")
        assert server.ask("/")[0] == 200
        assert (silent.recv(1), slow.recv(1)) == (b"", b"")
    server.process.wait_output("client was too slow\n(.*\n)*client was too slow")


def test_https_serve_with_the_same_certificate(serve, tmp_path):
    """Files that are not there are made, once, and the key is its owner's."""
    first = serve()
    made = {path: path.read_bytes() for path in tmp_path.glob("own *.pem")}
    assert stat.S_IMODE((tmp_path / "own key.pem").stat().st_mode) == 0o600 and len(made) == 2
    assert first.ask("/")[0] == 200
    second = serve()
    assert {path: path.read_bytes() for path in made} == made
    assert second.ask("/")[0] == 200


def test_https_serve_with_a_certificate_of_its_own(start_mpy, run_mpy, free_port, tmp_path, site):
    """It says which certificate that is, and leaves no file behind."""
    port = free_port()
    (tmp_path / "tmp").mkdir()
    server = start_mpy(EXAMPLES / "https_serve.py", [str(site), "--port", str(port), "--name", "bench.test"],
                       env={"TMPDIR": str(tmp_path / "tmp")})
    told = server.wait_output("^its certificate has the SHA-256 ([0-9a-f]{64})$")[1]
    report = run_mpy(EXAMPLES / "tlsinfo.py", [f"127.0.0.1:{port}", "--json"], check=False).json
    certificate, = report["chain"]
    assert certificate["sha256"] == told
    assert certificate["names"] == ["bench.test", "127.0.0.1"]
    assert not list((tmp_path / "tmp").iterdir())


def test_https_serve_cannot(tool_of, certs, site, tmp_path):
    """What keeps it from serving is told in a sentence."""
    port = processes.free_port()
    only_mkdir = tmp_path / "bin"
    only_mkdir.mkdir()
    for program in ("mkdir", "rmdir"):
        (only_mkdir / program).symlink_to(f"/bin/{program}")
    pair = ["--cert", certs / "ec.pem", "--key", certs / "ec.key"]
    with socket.create_server(("127.0.0.1", port)):
        for words, sentence, env in [
            ([tmp_path / "nowhere"], f"there is no folder {tmp_path}/nowhere", None),
            ([tmp_path / "secret"], f"there is no folder {tmp_path}/secret", None),
            ([site, *pair, "--port", port], f"127.0.0.1:{port}: somebody else listens there", None),
            ([site, "--cert", certs / "ec.pem", "--key", certs / "rsa.key"], "does not belong to the certificate", None),
            ([site, "--cert", certs / "ec.pem", "--key", tmp_path / "no.key"], "certificate or key: ", None),
            ([site], "no certificate could be made with the openssl command", {"PATH": str(only_mkdir)}),
            ([site, "--cert", tmp_path / "no/c", "--key", tmp_path / "no/k"], "no certificate could be made", None),
        ]:
            result = tool_of("https_serve")(*words, env=env)
            assert (result.returncode, result.stdout) == (1, ""), result.stdout
            assert result.stderr.startswith("https_serve: ") and sentence in result.stderr, result.stderr
            assert len(result.stderr.splitlines()) == 1


# ----------------------------------------------------------------------------------------------------------------------
# bundle_update


@pytest.fixture
def device(tool_of, certs, tmp_path):
    """device(PORT): what it says when it looks for a new bundle there, and the names of its roots then."""
    bundle = tmp_path / "roots.bundle"
    subprocess.run([ROOT / "tools" / "mkbundle", "-o", bundle, certs / "root.pem"], check=True)

    def device(port, page="new"):
        result = tool_of("bundle_update")(f"https://localhost:{port}/{page}", bundle)
        assert not [file for file in tmp_path.iterdir() if file.suffix == ".new"]
        assert one_sentence(result.stdout + result.stderr)
        listed = subprocess.run([ROOT / "tools" / "mkbundle", "--list", bundle], check=True, capture_output=True, text=True)
        return (result.stdout + result.stderr).strip(), result.returncode, "other-root" in listed.stdout

    return device


def publish(server, certs, *roots):
    path = server.www / "new"
    subprocess.run([ROOT / "tools" / "mkbundle", "-o", path, *(certs / f"{root}.pem" for root in roots)], check=True)
    return path


@pytest.mark.parametrize("version", VERSIONS)
def test_bundle_update(device, https, certs, version):
    """A new bundle takes the place of the old one, once."""
    server = https(version=version)
    publish(server, certs, "root", "other-root")
    assert device(server.port) == ("replaced", 0, True)
    assert device(server.port) == ("is up to date", 0, True)


def test_bundle_update_refused(device, https, certs, free_port):
    """What could shut the device out, or is none, leaves the old bundle in place; so does a server without its trust."""
    server = https()
    new = publish(server, certs, "other-root")
    text, *rest = device(server.port)
    assert text.startswith("bundle_update: with the new bundle: server's certificate leads to the issuer") \
        and rest == [1, False]
    new.write_bytes(new.read_bytes()[:-1])
    text, *rest = device(server.port)
    assert text.startswith("bundle_update: with the new bundle: ") and rest == [1, False]
    assert device(server.port, "nowhere") == ("bundle_update: localhost answers 404", 1, False)
    stranger = https("other-ca")
    publish(stranger, certs, "root", "other-root")
    text, *rest = device(stranger.port)
    assert "is not a trust anchor" in text and rest == [1, False]
    assert device(free_port()) == ("bundle_update: nobody listens there", 1, False)


@pytest.mark.parametrize(("answer", "words"), [
    ("HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhello", "95 bytes are missing at the end"),
    ("HTTP/1.0 200 OK\r\n\r\nhello", "localhost does not say how long the bundle is, or it is too long"),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1048577\r\n\r\n", "localhost does not say how long the bundle is, or it is too long"),
    ("220 mail\r\n", "what localhost answers is not HTTP"),
])
def test_bundle_update_cut_off(device, certs, answer, words):
    """A server that it trusts, and that does not do its work."""
    def serve(conn):
        conn.recv(4096)
        conn.sendall(answer.encode())
        python_peer.close_notify(conn)

    server = python_peer.Server(python_peer.server_context(certs), serve)
    assert device(server.port) == (f"bundle_update: {words}", 1, False)
