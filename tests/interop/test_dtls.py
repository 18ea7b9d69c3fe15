"""Does DTLS 1.2 work over UDP, with OpenSSL, GnuTLS and between the engines?"""

import socket

import pytest


def server_spec(context, **more):
    return context("DTLS_SERVER", cert="ec", **more)


def client_spec(context, **more):
    return context("DTLS_CLIENT", ca="root", **more)


def check(result):
    assert result["error"] is None, result["error"]["traceback"]
    assert result["info"]["version"] == "DTLSv1.2"
    assert result["info"]["cipher"][1] == "DTLSv1.2"


PING = [["send", "ping"], ["recv", 100], ["send", "ping again"], ["recv", 100], ["close"]]
PONG = [["recv", 100], ["send", "pong"], ["recv", 100], ["send", "pong again"], ["close"]]


@pytest.mark.parametrize("certificate", ["ec", "rsa"])
def test_between_the_engines(mpy_server, mpy_client, context, other_engine, certificate):
    """Datagrams in both directions, with a verified server."""
    server = mpy_server(PONG, udp=True, engine=other_engine, context=context("DTLS_SERVER", cert=certificate))
    client = mpy_client(server.port, PING, udp=True, context=client_spec(context))
    client_result, server_result = client.result(), server.result()
    check(client_result)
    check(server_result)
    assert client_result["steps"][1::2] == ["pong", "pong again"]
    assert server_result["steps"][0::2] == ["ping", "ping again", None]


def test_client_of_openssl(mpy_client, context, start, certs, free_port):
    """openssl s_server -dtls1_2, with cookies."""
    port = free_port()
    server = start(["openssl", "s_server", "-dtls1_2", "-listen", "-accept", f"127.0.0.1:{port}", "-cert",
                    certs / "ec.pem", "-key", certs / "ec.key", "-cert_chain", certs / "inter.pem", "-quiet"], stdin=True)
    server.wait_udp_port(port)
    client = mpy_client(port, [["send", "ping\n"], ["recv", 100], ["close"]], udp=True, context=client_spec(context))
    server.wait_output("^ping")
    server.send("pong\n")
    result = client.result()
    check(result)
    assert result["steps"][1] == "pong\n"


def test_server_for_openssl(mpy_server, context, start, certs):
    """openssl s_client -dtls1_2, verifying."""
    server = mpy_server([["recv", 100], ["send", "pong\n"], ["recv", 100], ["close"]], udp=True,
                        context=server_spec(context))
    client = start(["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-CAfile",
                    certs / "root.pem", "-verify_return_error", "-verify_hostname", "server.test"], stdin=True)
    client.send("ping\n")
    client.wait_output("^pong")
    client.send("ping again\n")
    result = server.result()
    check(result)
    assert result["steps"][0::2] == ["ping\n", "ping again\n"]


def test_client_of_gnutls(mpy_client, context, start, tool, certs, free_port):
    """gnutls-serv --udp."""
    port = free_port()
    start([tool("gnutls-serv"), "--udp", "--port", port, "--echo", "--disable-client-cert", "--x509certfile",
           certs / "rsa-chain.pem", "--x509keyfile", certs / "rsa.key"]).wait_udp_port(port)
    result = mpy_client(port, [["send", "ping\n"], ["recv", 100], ["close"]], udp=True,
                        context=client_spec(context)).result()
    check(result)
    assert result["steps"][1] == "ping\n"


def test_server_for_gnutls(mpy_server, context, start, tool, certs):
    """gnutls-cli --udp, verifying."""
    server = mpy_server([["recv", 100], ["send", "pong\n"], ["close"]], udp=True, context=server_spec(context))
    client = start([tool("gnutls-cli"), "--udp", "--port", server.port, "--x509cafile", certs / "root.pem",
                    "--verify-hostname", "server.test", "127.0.0.1"], stdin=True)
    client.send("ping\n")
    client.wait_output("^pong")
    assert "The certificate is trusted" in client.stdout
    result = server.result()
    check(result)
    assert result["steps"][0] == "ping\n"


def test_client_refuses(mpy_client, context, start, certs, free_port):
    """A server with another name is refused."""
    port = free_port()
    start(["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-cert", certs / "wrong-name.pem",
           "-key", certs / "wrong-name.key", "-cert_chain", certs / "inter.pem", "-quiet"]).wait_udp_port(port)
    error = mpy_client(port, [["send", "ping\n"]], udp=True, context=client_spec(context)).result()["error"]
    assert error["where"] == "wrap"
    assert error["reason"] == "hostname_mismatch"


def test_client_certificate(mpy_server, context, start, certs):
    """A server that demands a certificate sees that of openssl s_client."""
    server = mpy_server([["recv", 100], ["close"]], udp=True, context=server_spec(context, ca="root"))
    client = start(["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-CAfile",
                    certs / "root.pem", "-cert", certs / "client-ec.pem", "-key", certs / "client-ec.key",
                    "-cert_chain", certs / "inter.pem"], stdin=True)
    client.send("ping\n")
    result = server.result()
    check(result)
    assert result["steps"][0] == "ping\n"
    assert result["info"]["peer"] is not None


def test_silent_server(mpy_client, context, free_port):
    """Nobody answers: the handshake is given up after 30 seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        error = mpy_client(silent.getsockname()[1], [], udp=True, timeout=0.3,
                           context=client_spec(context)).result(50)["error"]
    assert error["where"] == "wrap"
    assert error["args"] == [-0x6800, "MBEDTLS_ERR_SSL_TIMEOUT"]
