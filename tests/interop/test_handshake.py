"""Does it talk to everyone, over TLS 1.2 and 1.3, with RSA and ECDSA certificates, as client and as server?"""

import json
import subprocess

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
CERTIFICATES = ("ec", "rsa", "p384")
GNUTLS = {"TLSv1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLSv1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}
OPENSSL = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
GET = "GET / HTTP/1.0\r\n\r\n"

version_and_certificate = [
    pytest.param(version, certificate, id=f"{version}-{certificate}")
    for version in VERSIONS for certificate in CERTIFICATES
]
each_version_and_certificate = pytest.mark.parametrize(("version", "certificate"), version_and_certificate)


def check_client(result, version):
    """The client verified the server, got an answer and was told its end."""
    assert result["error"] is None, result["error"]["traceback"]
    assert result["info"]["version"] == version
    assert result["info"]["cipher"][1] == version
    assert result["info"]["cipher"][2] in (128, 256)
    assert result["info"]["verify_result"] == []
    answer = result["steps"][-2]
    assert answer["text"].startswith("HTTP/1.") and " 200 " in answer["text"]


CLIENT_STEPS = [["write", GET], ["read_to_end"], ["close"]]
SERVER_STEPS = [["serve_http", "hello from MicroPython"], ["close"]]


def check_server(result, version):
    assert result["error"] is None, result["error"]["traceback"]
    assert result["info"]["version"] == version
    assert result["steps"][0].startswith("GET / ")


# ----------------------------------------------------------------------------------------------------------------------
# MicroPython is the client


@each_version_and_certificate
def test_client_of_cpython(mpy_client, context, certs, version, certificate):
    """A server in CPython: both ends see the same version and cipher suite."""
    def handle(conn):
        request = python_peer.serve_http(conn)
        view = (conn.version(), conn.cipher()[2])
        python_peer.close_notify(conn)
        return request, view

    server = python_peer.Server(python_peer.server_context(certs, certificate, version), handle)
    client = mpy_client(server.port, CLIENT_STEPS, context=context("TLS_CLIENT", ca="root"))
    result = client.result()
    check_client(result, version)
    assert server.result() == ("GET / HTTP/1.0", (version, result["info"]["cipher"][2]))
    assert result["steps"][1]["truncated"] is False


@each_version_and_certificate
def test_client_of_s_server(mpy_client, start, certs, free_port, version, certificate):
    """openssl s_server."""
    port = free_port()
    start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", OPENSSL[version], "-www", "-cert",
           certs / f"{certificate}.pem", "-key", certs / f"{certificate}.key", "-cert_chain", certs / "inter.pem",
           ]).wait_port(port)
    result = mpy_client(port, CLIENT_STEPS).result()
    check_client(result, version)
    assert result["steps"][1]["truncated"] is False


@each_version_and_certificate
def test_client_of_gnutls_serv(mpy_client, start, tool, certs, free_port, version, certificate):
    """gnutls-serv."""
    port = free_port()
    start([tool("gnutls-serv"), "--port", port, "--http", "--disable-client-cert", "--priority", GNUTLS[version],
           "--x509certfile", certs / f"{certificate}-chain.pem", "--x509keyfile", certs / f"{certificate}.key",
           ]).wait_port(port)
    result = mpy_client(port, CLIENT_STEPS).result()
    check_client(result, version)


@each_version_and_certificate
def test_client_of_nginx(mpy_client, nginx, certs, version, certificate):
    """nginx."""
    server = nginx(f"""
        ssl_certificate {certs}/{certificate}-chain.pem;
        ssl_certificate_key {certs}/{certificate}.key;
        ssl_protocols {version};
    """)
    result = mpy_client(server.port, CLIENT_STEPS).result()
    check_client(result, version)
    assert result["steps"][1]["text"].endswith("hello from nginx\n")


# ----------------------------------------------------------------------------------------------------------------------
# MicroPython is the server


@each_version_and_certificate
def test_server_for_cpython(mpy_server, context, certs, version, certificate):
    """A client in CPython: both ends see the same version and cipher suite."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert=certificate))
    with python_peer.connect(server.port, python_peer.client_context(certs, version=version)) as conn:
        conn.sendall(GET.encode())
        assert python_peer.receive_to_end(conn).endswith(b"hello from MicroPython")
        bits = conn.cipher()[2]
    result = server.result()
    check_server(result, version)
    assert result["info"]["cipher"][2] == bits


@each_version_and_certificate
def test_server_for_s_client(mpy_server, context, start, certs, version, certificate):
    """openssl s_client, verifying."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert=certificate))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", OPENSSL[version], "-quiet",
                    "-CAfile", certs / "root.pem", "-verify_return_error", "-verify_hostname", "server.test",
                    "-servername", "server.test"], stdin=True)
    client.send(GET)
    assert client.check().endswith("hello from MicroPython")
    check_server(server.result(), version)


@each_version_and_certificate
def test_server_for_gnutls_cli(mpy_server, context, start, tool, certs, version, certificate):
    """gnutls-cli, verifying."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert=certificate))
    client = start([tool("gnutls-cli"), "--port", server.port, "--priority", GNUTLS[version], "--x509cafile",
                    certs / "root.pem", "--sni-hostname", "server.test", "--verify-hostname", "server.test",
                    "127.0.0.1"], stdin=True)
    client.send(GET)
    output = client.check()
    assert "The certificate is trusted" in output
    assert "hello from MicroPython" in output
    check_server(server.result(), version)


@each_version_and_certificate
def test_server_for_curl(mpy_server, context, start, tool, certs, version, certificate):
    """curl, verifying."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert=certificate))
    number = version.removeprefix("TLSv")
    client = start([tool("curl"), "--silent", "--show-error", f"--tlsv{number}", "--tls-max", number, "--cacert",
                    certs / "root.pem", "--resolve", f"server.test:{server.port}:127.0.0.1",
                    f"https://server.test:{server.port}/"])
    assert client.check() == "hello from MicroPython"
    check_server(server.result(), version)


@each_version_and_certificate
def test_server_for_nginx(mpy_server, context, start, tool, nginx, certs, version, certificate):
    """nginx as a proxy that fetches from the MicroPython server, verifying."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert=certificate))
    proxy = nginx(f"""
        location / {{
            proxy_pass https://127.0.0.1:{server.port};
            proxy_ssl_protocols {version};
            proxy_ssl_trusted_certificate {certs}/root.pem;
            proxy_ssl_verify on;
            proxy_ssl_verify_depth 2;
            proxy_ssl_name server.test;
            proxy_ssl_server_name on;
        }}
    """, ssl=False)
    client = start([tool("curl"), "--silent", "--show-error", "--fail", f"http://127.0.0.1:{proxy.port}/"])
    assert client.check() == "hello from MicroPython"
    check_server(server.result(), version)


# ----------------------------------------------------------------------------------------------------------------------
# Each cipher suite

ONE_SUITE_EACH = """
    import json, socket, ssl, sys
    with open(sys.argv[1]) as file:
        role, port, certs, names = json.load(file)
    address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
    if role == "SERVER":
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1)
    for name in names:
        context = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_" + role))
        context.set_ciphers([name])
        if role == "SERVER":
            for identity in ("ec", "rsa"):
                context.load_cert_chain(certs + "/" + identity + "-chain.pem", certs + "/" + identity + ".key")
            sock = listener.accept()[0]
        else:
            sock = socket.socket()
            sock.connect(address)
        conn = context.wrap_socket(sock, server_side=role == "SERVER")
        conn.write(b"x")
        conn.read(1)
        print(json.dumps([conn.cipher(), conn.version()]))
        conn.close()
"""


@pytest.fixture(scope="session")
def names_of_openssl():
    """{IANA's name of a cipher suite: OpenSSL's}"""
    out = subprocess.run(
        ["openssl", "ciphers", "-stdname", "ALL:@SECLEVEL=0"], check=True, capture_output=True, text=True)
    return dict(line.split()[0:3:2] for line in out.stdout.splitlines())


@pytest.mark.parametrize("role", ["CLIENT", "SERVER"])
def test_each_suite(start_mpy, certs, free_port, tmp_path, names_of_openssl, role):
    """Of every suite that is enabled and that CPython has, both ends say the same: name, bits, and the version."""
    enabled = json.loads(start_mpy(
        "import json, ssl; print(json.dumps(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).get_ciphers()))").check())
    theirs = {name: names_of_openssl.get(name.replace("TLS1-3-", "TLS-").replace("-", "_")) for name in enabled}
    names = [name for name in enabled if theirs[name] is not None]
    assert len(names) >= 20
    seen = []

    def exchange(conn):
        conn.sendall(b"x")
        assert conn.recv(1) == b"x"
        seen.append((*conn.cipher()[0:3:2], conn.version()))
        python_peer.close_notify(conn)

    if role == "CLIENT":
        peer = python_peer.server_context(certs)
        peer.load_cert_chain(certs / "rsa-chain.pem", certs / "rsa.key")
        peer.set_ciphers("ALL:@SECLEVEL=0")
        subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out",
                        tmp_path / "group"], check=True)
        peer.load_dh_params(tmp_path / "group")
        server = python_peer.Server(peer, exchange, connections=len(names))
        ours = start_mpy(ONE_SUITE_EACH, [[role, server.port, str(certs), names]]).check()
        server.result()
    else:
        port = free_port()
        mpy = start_mpy(ONE_SUITE_EACH, [[role, port, str(certs), names]]).wait_port(port)
        peer = python_peer.client_context(certs)
        peer.set_ciphers("ALL:@SECLEVEL=0")
        for _ in names:
            exchange(python_peer.connect(port, peer))
        ours = mpy.check()
    for name, line, (their_name, bits, version) in zip(names, ours.splitlines(), seen, strict=True):
        assert json.loads(line) == [[name, version, bits], version]
        assert their_name == theirs[name]


# ----------------------------------------------------------------------------------------------------------------------
# MicroPython is both


@each_version_and_certificate
def test_server_for_other_engine(mpy_server, mpy_client, context, other_engine, version, certificate):
    """The other engine is the client: both ends see the same."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert=certificate))
    client = mpy_client(
        server.port, CLIENT_STEPS, engine=other_engine, context=context("TLS_CLIENT", ca="root", version=version))
    client_result, server_result = client.result(), server.result()
    check_client(client_result, version)
    check_server(server_result, version)
    assert client_result["info"]["cipher"] == server_result["info"]["cipher"]
    assert client_result["steps"][1]["truncated"] is False


@pytest.mark.parametrize("version", VERSIONS)
def test_server_for_itself(mpy_server, mpy_client, context, version):
    """The same engine is the client."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="ec", version=version))
    client = mpy_client(server.port, CLIENT_STEPS)
    check_client(client.result(), version)
    check_server(server.result(), version)


# ----------------------------------------------------------------------------------------------------------------------
# Nothing in common


def test_no_common_version(mpy_client, context, certs):
    """A server that wants TLS 1.3 and a client that stops at 1.2: both are told so."""
    server = python_peer.Server(python_peer.server_context(certs, version="TLSv1.3"), python_peer.serve_http)
    result = mpy_client(server.port, CLIENT_STEPS, context=context("TLS_CLIENT", ca="root", version="TLSv1.2")).result()
    assert server.error().reason == "UNSUPPORTED_PROTOCOL"
    assert result["error"]["where"] == "wrap"
    assert result["error"]["args"] == [-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"]
    assert (result["error"]["alert"], result["error"]["alert_by"]) == ("protocol_version", "peer")
    assert result["error"]["detail"] == (
        "server sent alert protocol_version: no TLS version in common; this client takes TLS 1.2 only")


def test_no_common_version_as_server(mpy_server, context, certs):
    """The other way round."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="ec", version="TLSv1.3"))
    with pytest.raises(python_peer.ssl.SSLError) as caught:
        python_peer.connect(server.port, python_peer.client_context(certs, version="TLSv1.2"))
    assert caught.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"
    error = server.result()["error"]
    assert error["is_os_error"]
    assert error["args"] == [-0x6E80, "MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION"]
    assert (error["alert"], error["alert_by"]) == ("protocol_version", "local")
    assert error["detail"] == "client offers at most TLS 1.2; this server wants at least TLS 1.3"


def test_no_common_cipher(mpy_server, mpy_client, context, certs):
    """A client with one cipher suite, a server without it: handshake_failure at both ends."""
    server_context = python_peer.server_context(certs, version="TLSv1.2")
    server_context.set_ciphers("ECDHE+AES128")
    server = python_peer.Server(server_context, python_peer.serve_http)
    spec = context("TLS_CLIENT", ca="root", version="TLSv1.2", ciphers=["TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"])
    error = mpy_client(server.port, CLIENT_STEPS, context=spec).result()["error"]
    assert server.error().reason == "NO_SHARED_CIPHER"
    assert error["args"] == [-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"]
    assert (error["alert"], error["alert_by"]) == ("handshake_failure", "peer")


def test_chosen_cipher_is_used(mpy_client, context, certs):
    """set_ciphers decides what the server sees."""
    def handle(conn):
        python_peer.serve_http(conn)
        return conn.cipher()[0]

    server = python_peer.Server(python_peer.server_context(certs, "rsa", "TLSv1.2"), handle)
    spec = context("TLS_CLIENT", ca="root", ciphers=["TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"])
    result = mpy_client(server.port, CLIENT_STEPS, context=spec).result()
    check_client(result, "TLSv1.2")
    assert server.result() == "ECDHE-RSA-AES256-GCM-SHA384"
    assert result["info"]["cipher"][0] == "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"


def test_server_that_speaks_no_tls(mpy_client, start, free_port):
    """An HTTP server on the port: an OSError that says what came, not a hang."""
    port = free_port()
    start(["/usr/bin/python3", "-c",
           "import socket, sys\n"
           "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
           "conn = server.accept()[0]\n"
           "conn.recv(4096)\n"
           "conn.sendall(b'HTTP/1.0 400 Bad Request\\r\\n\\r\\n')\n"
           "conn.recv(4096)\n", port]).wait_port(port)
    error = mpy_client(port, CLIENT_STEPS).result()["error"]
    assert error["where"] == "wrap"
    assert error["is_os_error"]
    assert error["args"] in ([-0x7200, "MBEDTLS_ERR_SSL_INVALID_RECORD"],
                             [-0x6E80, "MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION"])
