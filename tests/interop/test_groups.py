"""Is the key exchanged in the group that set_groups() says, as OpenSSL sees it?"""

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
OPENSSL = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
GET = "GET / HTTP/1.0\r\n\r\n"
CLIENT_STEPS = [["write", GET], ["read_to_end"], ["close"]]
SERVER_STEPS = [["serve_http", "hello"], ["close"]]

# Our name for a group, and what OpenSSL calls it when it tells of its key.
GROUPS = {"X25519": "X25519", "prime256v1": "prime256v1", "P-256": "prime256v1", "secp256r1": "prime256v1",
          "secp384r1": "secp384r1", "P-384": "secp384r1", "secp521r1": "secp521r1"}

each_version = pytest.mark.parametrize("version", VERSIONS)
each_group = pytest.mark.parametrize("group", GROUPS)


def check(result):
    assert result["error"] is None, result["error"]["traceback"]


@each_version
@each_group
def test_server_for_openssl(mpy_server, context, start, certs, version, group):
    """openssl s_client with its own choice of groups gets a key in the only one that this server has."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="rsa", groups=[group]))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", certs / "root.pem",
                    OPENSSL[version], "-groups", "X25519:P-256:P-521:P-384", "-ign_eof"], stdin=True)
    client.send(GET)
    key = client.wait_output("^(?:Server|Peer) Temp Key: (.*)$").group(1)
    assert GROUPS[group] in key.replace("ECDH, ", "")
    check(server.result())


@each_version
@each_group
def test_client_of_openssl(mpy_client, context, start, certs, free_port, version, group):
    """openssl s_server shows what the client offers, and shares a key with it."""
    port = free_port()
    server = start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certs / "rsa.pem", "-key",
                    certs / "rsa.key", "-cert_chain", certs / "inter.pem", OPENSSL[version], "-www",
                    "-trace"]).wait_port(port)
    check(mpy_client(port, CLIENT_STEPS, context=context("TLS_CLIENT", ca="root", groups=[group])).result())
    offered = server.wait_output(r"extension_type=supported_groups\(10\), length=4\n\s*(.*)\n").group(1)
    number = {"X25519": 29, "prime256v1": 23, "secp384r1": 24, "secp521r1": 25}[GROUPS[group]]
    assert offered.endswith(f"({number})")


@each_version
def test_order_of_the_client(mpy_client, context, start, certs, free_port, version):
    """What stands first in the list stands first in the hello, and its key is what TLS 1.3 comes with."""
    port = free_port()
    server = start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certs / "ec.pem", "-key",
                    certs / "ec.key", "-cert_chain", certs / "inter.pem", OPENSSL[version], "-www",
                    "-trace"]).wait_port(port)
    groups = ["secp384r1", "X25519", "prime256v1"]
    check(mpy_client(port, CLIENT_STEPS, context=context("TLS_CLIENT", ca="root", groups=groups)).result())
    server.wait_output(r"supported_groups\(10\), length=8\n.*\(24\)\n.*\(29\)\n.*\(23\)\n")
    if version == "TLSv1.3":
        server.wait_output(r"NamedGroup: secp384r1 \(P-384\) \(24\)")


def test_hello_retry_request(mpy_server, context, start, certs):
    """A client of TLS 1.3 that comes with a key of another group is asked again."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="ec", groups=["P-384"]))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", certs / "root.pem",
                    "-tls1_3", "-groups", "X25519:P-384", "-quiet"], stdin=True)
    client.send(GET)
    assert client.check().endswith("hello")
    check(server.result())


@each_version
def test_no_group_in_common_with_a_client(mpy_server, context, start, certs, version):
    """Both ends fail: openssl s_client -groups."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="rsa", groups=["P-384"]))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", OPENSSL[version], "-groups", "X25519",
                    "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"])
    assert client.wait() != 0
    assert "handshake failure" in client.stderr
    error = server.result()["error"]
    assert error["args"] == [-0x6E00, "MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE"]
    assert (error["alert"], error["alert_by"]) == ("handshake_failure", "local")


@each_version
def test_no_group_in_common_with_a_server(mpy_client, context, certs, version):
    """Both ends fail: CPython with set_ecdh_curve()."""
    server_context = python_peer.server_context(certs, "rsa", version)
    server_context.set_ecdh_curve("secp384r1")
    server_context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    server = python_peer.Server(server_context, python_peer.serve_http)
    result = mpy_client(server.port, CLIENT_STEPS,
                        context=context("TLS_CLIENT", ca="root", groups=["X25519"])).result()
    assert result["error"]["args"] == [-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"]
    assert (result["error"]["alert"], result["error"]["alert_by"]) == ("handshake_failure", "peer")
    assert isinstance(server.error(), python_peer.ssl.SSLError)
