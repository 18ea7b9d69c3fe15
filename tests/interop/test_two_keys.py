"""Does a server with an ECDSA and an RSA key show each client the certificate that it can use?

The two certificates have different roots, and each client trusts only the one that its choice leads to.
"""

import pytest

GET = "GET / HTTP/1.0\r\n\r\n"
ROOTS = {"ec": "root", "rsa": "root-rsa"}

each_key = pytest.mark.parametrize("key", ["ec", "rsa"])
each_version = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
each_order = pytest.mark.parametrize("order", [("ec", "rsa-only"), ("rsa-only", "ec")], ids=["ec first", "rsa first"])


@pytest.fixture
def server(mpy_server, context, certs):
    """server(ORDER): one for one client, with both keys loaded in this order."""
    def server(order=("ec", "rsa-only")):
        spec = context("TLS_SERVER", cert=order[0])
        spec["second_cert"] = [str(certs / f"{order[1]}-chain.pem"), str(certs / f"{order[1]}.key"), None]
        return mpy_server([["serve_http", "hello from MicroPython"], ["close"]], context=spec)

    return server


def check(server):
    result = server.result()
    assert result["error"] is None, result["error"]["traceback"]


@each_order
@each_version
@each_key
def test_s_client(server, start, certs, order, version, key):
    """openssl s_client chooses by suites in TLS 1.2, by signature algorithms in TLS 1.3."""
    choice = {
        ("TLSv1.2", "ec"): ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
        ("TLSv1.2", "rsa"): ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
        ("TLSv1.3", "ec"): ["-tls1_3", "-sigalgs", "ECDSA+SHA256"],
        ("TLSv1.3", "rsa"): ["-tls1_3", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"],
    }[version, key]
    peer = server(order)
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{peer.port}", "-quiet", "-CAfile",
                    certs / f"{ROOTS[key]}.pem", "-verify_return_error", "-verify_hostname", "server.test", *choice],
                   stdin=True)
    client.send(GET)
    assert client.check().endswith("hello from MicroPython")
    check(peer)


@each_version
@each_key
def test_gnutls_cli(server, start, tool, certs, version, key):
    """gnutls-cli likewise."""
    priority = f"NORMAL:-VERS-ALL:+VERS-{version.replace('v', '')}:" + {
        ("TLSv1.2", "ec"): "-KX-ALL:+ECDHE-ECDSA",
        ("TLSv1.2", "rsa"): "-KX-ALL:+ECDHE-RSA",
        ("TLSv1.3", "ec"): "-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256",
        ("TLSv1.3", "rsa"): "-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256",
    }[version, key]
    peer = server()
    client = start([tool("gnutls-cli"), "--port", peer.port, "--priority", priority, "--x509cafile",
                    certs / f"{ROOTS[key]}.pem", "--verify-hostname", "server.test", "127.0.0.1"], stdin=True)
    client.send(GET)
    output = client.check()
    assert "The certificate is trusted" in output
    assert "hello from MicroPython" in output
    check(peer)


@each_key
def test_curl(server, start, tool, certs, key):
    """curl with suites of TLS 1.2."""
    peer = server()
    suite = {"ec": "ECDHE-ECDSA-AES128-GCM-SHA256", "rsa": "ECDHE-RSA-AES128-GCM-SHA256"}[key]
    client = start([tool("curl"), "--silent", "--show-error", "--tls-max", "1.2", "--ciphers", suite, "--cacert",
                    certs / f"{ROOTS[key]}.pem", "--resolve", f"server.test:{peer.port}:127.0.0.1",
                    f"https://server.test:{peer.port}/"])
    assert client.check() == "hello from MicroPython"
    check(peer)


@each_version
def test_neither(server, start, certs, version):
    """A client that can use neither is refused, and both ends know."""
    peer = server()
    option = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version]
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{peer.port}", "-quiet", option, "-sigalgs", "ed25519",
                    "-CAfile", certs / "roots.pem"], stdin=True)
    client.wait()
    assert client.returncode != 0
    error = peer.result()["error"]
    assert error["where"] == "wrap"
    assert (error["alert"], error["alert_by"]) == ("handshake_failure", "local")
