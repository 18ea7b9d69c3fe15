"""Do servers recognise good clients and refuse bad ones, and do both ends say why?"""

import hashlib
import ssl

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
GET = "GET / HTTP/1.0\r\n\r\n"
CLIENT_STEPS = [["write", GET], ["read_to_end"], ["close"]]
SERVER_STEPS = [["serve_http", "hello client"], ["close"]]

each_version = pytest.mark.parametrize("version", VERSIONS)
each_client_key = pytest.mark.parametrize("client", ["client-ec", "client-rsa"])


def digest(certs, name):
    return hashlib.sha256((certs / f"{name}.der").read_bytes()).hexdigest()


def server_spec(context, **more):
    return context("TLS_SERVER", cert="ec", ca="root", **more)


def client_spec(context, version, cert):
    return context("TLS_CLIENT", ca="root", version=version, cert=cert)


def ask(port, context):
    """A client in CPython that asks and reads the answer."""
    with python_peer.connect(port, context) as conn:
        conn.sendall(GET.encode())
        return python_peer.receive_to_end(conn)


def be_refused(port, context):
    """The alert that a client in CPython gets, in OpenSSL's words: in the handshake in TLS 1.2, then in TLS 1.3."""
    with pytest.raises(ssl.SSLError) as caught, python_peer.connect(port, context) as conn:
        conn.recv(1)
    return caught.value.reason


# ----------------------------------------------------------------------------------------------------------------------
# Good clients


@each_version
@each_client_key
def test_server_sees_client_of_cpython(mpy_server, context, certs, version, client):
    """The server verifies the client and has its certificate."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    assert ask(server.port, python_peer.client_context(certs, version=version, name=client)).endswith(b"hello client")
    result = server.result()
    assert result["error"] is None
    assert result["info"]["peer"] == digest(certs, client)
    assert result["info"]["verify_result"] == []


@each_version
def test_server_sees_client_of_openssl(mpy_server, context, start, certs, version):
    """openssl s_client shows a certificate."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet",
                    {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version], "-CAfile", certs / "root.pem",
                    "-cert", certs / "client-rsa.pem", "-key", certs / "client-rsa.key",
                    "-cert_chain", certs / "inter.pem"], stdin=True)
    client.send(GET)
    assert client.check().endswith("hello client")
    assert server.result()["info"]["peer"] == digest(certs, "client-rsa")


@each_version
def test_server_sees_client_of_gnutls(mpy_server, context, start, tool, certs, version):
    """gnutls-cli shows a certificate."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    client = start([tool("gnutls-cli"), "--port", server.port, "--priority",
                    f"NORMAL:-VERS-ALL:+VERS-{version.replace('v', '')}", "--x509cafile", certs / "root.pem",
                    "--verify-hostname", "server.test", "--x509certfile", certs / "client-ec-chain.pem",
                    "--x509keyfile", certs / "client-ec.key", "127.0.0.1"], stdin=True)
    client.send(GET)
    assert "hello client" in client.check()
    assert server.result()["info"]["peer"] == digest(certs, "client-ec")


@each_version
@each_client_key
def test_client_is_seen_by_cpython(mpy_client, context, certs, version, client):
    """A server in CPython verifies MicroPython's certificate."""
    def handle(conn):
        python_peer.serve_http(conn)
        return conn.getpeercert(binary_form=True)

    server = python_peer.Server(python_peer.server_context(certs, version=version, client_ca="root"), handle)
    result = mpy_client(server.port, CLIENT_STEPS, context=client_spec(context, version, client)).result()
    assert result["error"] is None
    assert server.result() == (certs / f"{client}.der").read_bytes()


@each_version
@each_client_key
def test_client_is_seen_by_nginx(mpy_client, context, nginx, certs, version, client):
    """nginx verifies MicroPython's certificate and says whose it is."""
    server = nginx(f"""
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_client_certificate {certs}/root.pem;
        ssl_verify_client on;
        ssl_verify_depth 2;
        location / {{ return 200 "$ssl_client_verify $ssl_client_s_dn"; }}
    """)
    result = mpy_client(server.port, CLIENT_STEPS, context=client_spec(context, version, client)).result()
    name = {"client-ec": "CN=Test client EC", "client-rsa": "CN=Test client RSA"}[client]
    assert result["steps"][1]["text"].endswith(f"SUCCESS {name}")


@each_version
def test_client_is_seen_by_gnutls(mpy_client, context, start, tool, certs, free_port, version):
    """gnutls-serv demands a certificate and verifies it."""
    port = free_port()
    start([tool("gnutls-serv"), "--port", port, "--http", "--require-client-cert", "--verify-client-cert",
           "--x509cafile", certs / "root.pem", "--x509certfile", certs / "ec-chain.pem",
           "--x509keyfile", certs / "ec.key"]).wait_port(port)
    result = mpy_client(port, CLIENT_STEPS, context=client_spec(context, version, "client-rsa")).result()
    assert result["error"] is None
    assert "CN=Test client RSA" in result["steps"][1]["text"]


@each_version
@each_client_key
def test_client_is_seen_by_other_engine(mpy_server, mpy_client, context, certs, other_engine, version, client):
    """The other engine verifies MicroPython's certificate."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context), engine=other_engine)
    result = mpy_client(server.port, CLIENT_STEPS, context=client_spec(context, version, client)).result()
    assert result["error"] is None
    assert server.result()["info"]["peer"] == digest(certs, client)


# ----------------------------------------------------------------------------------------------------------------------
# Bad clients, refused by MicroPython

REFUSALS = [
    # certificate, args at the server, reason at the server, alert in TLS 1.2 and 1.3
    pytest.param("client-other", -0x2700, "untrusted", "unknown_ca", id="wrong CA"),
    pytest.param("client-expired", -0x2700, "expired", "certificate_expired", id="expired"),
    pytest.param("ec", -0x2700, "wrong_usage", "unsupported_certificate", id="for servers only"),
]
# The names that OpenSSL gives to alerts.
ALERTS_IN_OPENSSL = {
    "unknown_ca": "TLSV1_ALERT_UNKNOWN_CA",
    "certificate_expired": "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "unsupported_certificate": "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "certificate_required": "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "handshake_failure": "SSLV3_ALERT_HANDSHAKE_FAILURE",
}


@each_version
@pytest.mark.parametrize(("client", "code", "reason", "alert"), REFUSALS)
def test_server_refuses(mpy_server, context, certs, version, client, code, reason, alert):
    """The server says what is wrong with the certificate; the client in CPython gets the alert that means it."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    seen = be_refused(server.port, python_peer.client_context(certs, version=version, name=client))
    error = server.result()["error"]
    assert error["where"] == "wrap"
    assert (error["is_os_error"], error["is_value_error"]) == (True, True)
    assert error["args"] == [code, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"]
    assert error["reason"] == reason
    assert (error["alert"], error["alert_by"]) == (alert, "local")
    assert "client" in error["detail"]
    assert seen == ALERTS_IN_OPENSSL[alert]


@each_version
def test_server_refuses_anonymous_client(mpy_server, context, certs, version):
    """A client without a certificate, where one is required."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    seen = be_refused(server.port, python_peer.client_context(certs, version=version))
    error = server.result()["error"]
    assert error["args"] == [-0x7480, "MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE"]
    assert error["reason"] == "no_client_certificate"
    assert error["alert_by"] == "local"
    expected = {"TLSv1.2": "handshake_failure", "TLSv1.3": "certificate_required"}[version]
    assert error["alert"] == expected
    assert seen == ALERTS_IN_OPENSSL[expected]


@each_version
@pytest.mark.parametrize(("client", "verify_result"), [
    pytest.param("client-ec", [], id="good"),
    pytest.param("client-other", ["untrusted"], id="wrong CA"),
    pytest.param("client-expired", ["expired"], id="expired"),
    pytest.param(None, ["missing"], id="none"),
])
def test_optional_server(mpy_server, context, certs, version, client, verify_result):
    """CERT_OPTIONAL: everyone gets in, and verify_result tells who."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context).set(verify_mode=1))
    assert ask(server.port, python_peer.client_context(certs, version=version, name=client)).endswith(b"hello client")
    result = server.result()
    assert result["error"] is None
    assert result["info"]["verify_result"] == verify_result
    assert result["info"]["peer"] == (client and digest(certs, client))


# ----------------------------------------------------------------------------------------------------------------------
# MicroPython is refused


@each_version
@pytest.mark.parametrize(("client", "alert"), [
    pytest.param("client-other", "unknown_ca", id="wrong CA"),
    pytest.param("client-expired", "certificate_expired", id="expired"),
    pytest.param(None, None, id="none"),
])
def test_client_is_refused(mpy_client, context, certs, version, client, alert):
    """The client learns the server's alert: in the handshake in TLS 1.2, from its first read in TLS 1.3.

    In TLS 1.3 the client has finished before the server looks at its certificate (RFC 8446 section 2, figure 1).
    """
    server = python_peer.Server(
        python_peer.server_context(certs, version=version, client_ca="root"), python_peer.serve_http)
    error = mpy_client(server.port, CLIENT_STEPS, context=client_spec(context, version, client)).result()["error"]
    assert isinstance(server.error(), ssl.SSLError)
    if alert is None:
        alert = {"TLSv1.2": "handshake_failure", "TLSv1.3": "certificate_required"}[version]
    assert error["where"] == {"TLSv1.2": "wrap", "TLSv1.3": "read_to_end"}[version]
    assert error["args"] == [-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"]
    assert error["reason"] == "peer_alert"
    assert (error["alert"], error["alert_by"]) == (alert, "peer")
    assert error["is_os_error"] and not error["is_value_error"]
