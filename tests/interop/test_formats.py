"""Are certificates and keys read in every format they come in, and sent with their chain?"""

import python_peer
import pytest

STEPS = [["serve_http", "hello"], ["close"]]
CLIENT_STEPS = [["write", "GET / HTTP/1.0\r\n\r\n"], ["read_to_end"], ["close"]]

SERVERS = [
    # certificate file, key file, password
    ("ec-chain.pem", "ec.key", None),
    ("ec-chain.der", "ec.key", None),
    ("ec-chain.pem", "ec.sec1.pem", None),
    ("ec-chain.pem", "ec.sec1.der", None),
    ("ec-chain.pem", "ec.pkcs8.pem", None),
    ("ec-chain.der", "ec.pkcs8.der", None),
    ("ec-chain.pem", "ec.encrypted.pem", "secret"),
    ("ec-chain.der", "ec.encrypted.der", "secret"),
    ("ec-all.pem", None, None),
    ("ec-all.pem", "ec-all.pem", None),
    ("rsa-chain.pem", "rsa.key", None),
    ("rsa-chain.der", "rsa.pkcs1.der", None),
    ("rsa-chain.pem", "rsa.pkcs1.pem", None),
    ("rsa-chain.pem", "rsa.pkcs8.pem", None),
    ("rsa-chain.der", "rsa.pkcs8.der", None),
    ("rsa-chain.pem", "rsa.encrypted.pem", "secret"),
    ("rsa-chain.der", "rsa.encrypted.der", "secret"),
    ("rsa-all.pem", None, None),
    ("p384-chain.pem", "p384.key", None),
]

each_way = pytest.mark.parametrize("data", [False, True], ids=["path", "data"])


@each_way
@pytest.mark.parametrize(("cert", "key", "password"), SERVERS,
                         ids=[f"{cert} {key}" for cert, key, _ in SERVERS])
def test_server(mpy_server, context, certs, cert, key, password, data):
    """A client in CPython that knows the root only accepts the server, so it was sent the intermediate."""
    spec = context("TLS_SERVER", cert=None, data=data)
    spec["cert"] = [str(certs / cert), key and str(certs / key), password]
    server = mpy_server(STEPS, context=spec)
    with python_peer.connect(server.port, python_peer.client_context(certs)) as conn:
        conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert python_peer.receive_to_end(conn).endswith(b"hello")
        peer = conn.getpeercert(binary_form=True)
    assert server.result()["error"] is None
    assert peer == (certs / f"{cert.partition('-')[0]}.der").read_bytes()


@each_way
@pytest.mark.parametrize("ca", ["root.pem", "root.der", "roots.pem", "roots.der"])
@pytest.mark.parametrize("certificate", ["ec", "rsa"])
def test_trust_anchor(mpy_client, context, certs, certificate, ca, data):
    """A client with these trust anchors accepts the server."""
    server = python_peer.Server(python_peer.server_context(certs, certificate), python_peer.serve_http)
    spec = context("TLS_CLIENT", data=data).set(verify_mode=2)
    spec["cafile"] = str(certs / ca)
    result = mpy_client(server.port, CLIENT_STEPS, context=spec).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert server.result() == "GET / HTTP/1.0"


@each_way
@pytest.mark.parametrize("ca", ["other-root.pem", "other-root.der", "root-rsa.pem"])
def test_wrong_trust_anchor(mpy_client, context, certs, ca, data):
    """A client with other trust anchors does not."""
    server = python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)
    spec = context("TLS_CLIENT", data=data).set(verify_mode=2)
    spec["cafile"] = str(certs / ca)
    result = mpy_client(server.port, CLIENT_STEPS, context=spec).result()
    assert result["error"]["reason"] == "untrusted"
    assert "UNKNOWN_CA" in server.error().reason


def test_without_the_chain(mpy_server, context, certs):
    """A server that was given the leaf alone cannot be verified: the tests above can fail."""
    spec = context("TLS_SERVER", cert=None)
    spec["cert"] = [str(certs / "ec.pem"), str(certs / "ec.key"), None]
    server = mpy_server(STEPS, context=spec)
    with pytest.raises(python_peer.ssl.SSLCertVerificationError):
        python_peer.connect(server.port, python_peer.client_context(certs))
    assert server.result()["error"]["alert"] == "unknown_ca"


def test_default_roots(mpy_client, context, certs):
    """A client without trust anchors takes those that SSL_CERT_FILE names."""
    spec = context("TLS_CLIENT").set(verify_mode=2)
    server = python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)
    result = mpy_client(server.port, CLIENT_STEPS, context=spec, env={"SSL_CERT_FILE": str(certs / "roots.pem")}).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert server.result() == "GET / HTTP/1.0"


def test_default_roots_of_the_machine(mpy_client, context, certs):
    """Those of the distribution do not include ours."""
    spec = context("TLS_CLIENT").set(verify_mode=2)
    server = python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)
    result = mpy_client(server.port, CLIENT_STEPS, context=spec).result()
    assert result["error"]["reason"] == "untrusted"
    assert "UNKNOWN_CA" in server.error().reason


@pytest.mark.parametrize("data", [False, True], ids=["path", "data"])
def test_documented_function(run_mpy, certs, free_port, data):
    """ssl.wrap_socket() with keyfile, certfile and cadata, at both ends of one program's connection."""
    result = run_mpy("""
        import socket, ssl, sys
        certs, port, data = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "true"

        def file(name):
            return open(certs + "/" + name, "rb").read() if data else certs + "/" + name

        address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
        listener = socket.socket()
        listener.bind(address)
        listener.listen(1)
        raw = socket.socket()
        raw.connect(address)
        accepted, _ = listener.accept()
        # One program cannot wait for itself.
        raw.setblocking(False)
        accepted.setblocking(False)
        server = ssl.wrap_socket(accepted, server_side=True, keyfile=file("ec.sec1.der"), certfile=file("ec-chain.der"),
                                 do_handshake=False)
        client = ssl.wrap_socket(raw, cert_reqs=ssl.CERT_REQUIRED, cadata=open(certs + "/root.der", "rb").read(),
                                 server_hostname="localhost", do_handshake=False)
        sent = got = None
        while not got:
            sent = sent or client.write(b"ping")
            got = server.read(4)
        print(got, client.version())
    """, [str(certs), str(free_port()), "true" if data else "false"])
    assert result.stdout == "b'ping' TLSv1.3\n"
