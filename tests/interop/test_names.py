"""Is a server accepted exactly if its certificate is valid, trusted and for the name that was asked for?"""

import hashlib
import ssl

import python_peer
import pytest

CERT_OPTIONAL = 1
STEPS = [["write", "GET / HTTP/1.0\r\n\r\n"], ["read_to_end"], ["close"]]
VERSIONS = ("TLSv1.2", "TLSv1.3")


@pytest.fixture
def visit(mpy_client, context, certs):
    """visit(CERTIFICATE, NAME, …): (result of the client, what the server saw or the error it had)."""
    def visit(certificate, name, ca="root", version="TLSv1.3", wrap=None, **attributes):
        server = python_peer.Server(
            python_peer.server_context(certs, certificate, version), python_peer.serve_http)
        spec = context("TLS_CLIENT", ca=ca).set(**attributes)
        result = mpy_client(server.port, STEPS, context=spec, wrap={"server_hostname": name, **(wrap or {})}).result()
        try:
            return result, server.result()
        except (ssl.SSLError, OSError) as error:
            return result, error

    return visit


@pytest.mark.parametrize(("certificate", "name"), [
    ("ec", "server.test"),
    ("ec", "SERVER.test"),
    ("ec", "server.test."),
    ("ec", "a.wild.test"),
    ("ec", "127.0.0.1"),
    ("ec", "::1"),
    ("ec", "0:0:0:0:0:0:0:1"),
    ("cn-only", "cnonly.test"),
    ("ip-only", "127.0.0.1"),
    ("wrong-name", "wrong.test"),
])
def test_accepted(visit, certificate, name):
    """Names and addresses that the certificate is for."""
    result, seen = visit(certificate, name)
    assert result["error"] is None, result["error"]["traceback"]
    assert seen == "GET / HTTP/1.0"
    assert result["info"]["verify_result"] == []


def check_refused(result, server_error, reason, alert, *words):
    error = result["error"]
    assert error is not None, "accepted"
    assert error["where"] == "wrap"
    assert (error["is_os_error"], error["is_value_error"]) == (True, True)
    assert error["args"] == [-0x2700, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"]
    assert error["errno"] == -0x2700
    assert error["reason"] == reason
    # The libraries do not agree on the alert for everything.
    assert error["alert"] in ((alert,) if isinstance(alert, str) else alert)
    assert error["alert_by"] == "local"
    for word in words:
        assert word in error["detail"]
    assert error["detail"] in error["traceback"]
    assert isinstance(server_error, ssl.SSLError)
    assert error["alert"].upper() in server_error.reason


@pytest.mark.parametrize(("certificate", "name", "asked", "held"), [
    ("wrong-name", "server.test", "server.test", "wrong.test"),
    ("san-other", "server.test", "server.test", "other.test"),
    ("ec", "a.b.wild.test", "a.b.wild.test", "*.wild.test"),
    ("ec", "wild.test", "wild.test", "*.wild.test"),
    ("ec", "server.test.evil", "server.test.evil", "server.test"),
    ("ec", "127.0.0.2", "127.0.0.2", "127.0.0.1"),
    ("ec", "::2", "::2", ""),
    ("ip-only", "server.test", "server.test", "127.0.0.1"),
    ("cn-only", "server.test", "server.test", "cnonly.test"),
    ("cn-only", "127.0.0.1", "127.0.0.1", ""),
])
def test_wrong_name(visit, certificate, name, asked, held):
    """Names and addresses that the certificate is not for; the sentence tells both."""
    result, error = visit(certificate, name)
    check_refused(result, error, "hostname_mismatch", "bad_certificate", asked, held)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("certificate", "reason", "alert", "words"), [
    ("expired", "expired", "certificate_expired", ["expired", "2021-12-31"]),
    ("not-yet", "not_yet_valid", ("bad_certificate", "certificate_unknown"), ["2048-01-01"]),
    ("other-ca", "untrusted", "unknown_ca", []),
    ("self-signed", "untrusted", "unknown_ca", []),
    ("rsa-only", "untrusted", "unknown_ca", []),
    ("wrong-usage", "wrong_usage", "unsupported_certificate", []),
])
def test_bad_certificate(visit, certificate, reason, alert, words, version):
    """What else can be wrong, in both versions."""
    result, error = visit(certificate, "server.test", version=version)
    check_refused(result, error, reason, alert, *words)


@pytest.mark.parametrize("version", VERSIONS)
def test_not_a_ca(visit, version):
    """A certificate issued by somebody's server certificate."""
    result, _ = visit("not-a-ca", "server.test", version=version)
    assert result["error"]["is_os_error"] and result["error"]["is_value_error"]
    assert result["error"]["args"] == [-0x2700, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"]
    assert result["error"]["reason"] in ("untrusted", "wrong_usage")


def test_roots_together(visit):
    """Several trust anchors in one file: certificates of both are accepted."""
    for certificate in ("ec", "rsa-only"):
        result, _ = visit(certificate, "server.test", ca="roots")
        assert result["error"] is None, result["error"]["traceback"]


def test_no_name_check(visit):
    """check_hostname=False: another name is accepted, another authority is not."""
    result, _ = visit("wrong-name", "server.test", check_hostname=False)
    assert result["error"] is None
    result, error = visit("other-ca", "server.test", check_hostname=False)
    check_refused(result, error, "untrusted", "unknown_ca")


def test_required_needs_a_name(visit):
    """CERT_REQUIRED without server_hostname is a mistake of the program."""
    result, error = visit("ec", None)
    assert result["error"]["type"] == "ValueError"
    assert result["error"]["args"] == ["CERT_REQUIRED requires server_hostname"]
    assert isinstance(error, OSError)


@pytest.mark.parametrize(("certificate", "name", "verify_result"), [
    ("ec", "server.test", []),
    ("wrong-name", "server.test", ["hostname_mismatch"]),
    ("expired", "server.test", ["expired"]),
    ("not-yet", "server.test", ["not_yet_valid"]),
    ("other-ca", "server.test", ["untrusted"]),
    ("other-ca", "x.test", ["hostname_mismatch", "untrusted"]),
    ("wrong-usage", "server.test", ["wrong_usage"]),
])
def test_optional(visit, certificate, name, verify_result):
    """CERT_OPTIONAL goes on, and verify_result holds everything that is wrong."""
    result, seen = visit(certificate, name, verify_mode=CERT_OPTIONAL)
    assert result["error"] is None, result["error"]["traceback"]
    assert seen == "GET / HTTP/1.0"
    assert sorted(result["info"]["verify_result"]) == verify_result


@pytest.mark.parametrize("certificate", ["ec", "expired", "other-ca", "self-signed", "wrong-name"])
def test_no_verification(visit, certificate):
    """CERT_NONE validates nothing, as in the built-in module."""
    result, seen = visit(certificate, "server.test", verify_mode=0)
    assert result["error"] is None, result["error"]["traceback"]
    assert seen == "GET / HTTP/1.0"
    assert result["info"]["verify_result"] == []


@pytest.mark.parametrize(("name", "sni"), [
    ("server.test", "server.test"),
    ("a.wild.test", "a.wild.test"),
    ("server.test.", "server.test"),
    ("127.0.0.1", None),
    ("::1", None),
])
def test_server_name_indication(mpy_client, certs, name, sni):
    """The name is sent, an address never is (RFC 6066 section 3)."""
    seen = []
    server_context = python_peer.server_context(certs)
    server_context.sni_callback = lambda conn, name, context: seen.append(name)
    server = python_peer.Server(server_context, python_peer.serve_http)
    result = mpy_client(server.port, STEPS, wrap={"server_hostname": name}).result()
    server.result()
    assert result["error"] is None, result["error"]["traceback"]
    assert seen == [sni]


@pytest.mark.parametrize("version", VERSIONS)
def test_verify_callback_sees_the_chain(mpy_client, context, certs, version):
    """verify_callback gets the certificates that the server sent, from the highest depth down to its own."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.serve_http)
    result = mpy_client(server.port, STEPS, context=context("TLS_CLIENT", ca="root", record_verify=True)).result()
    server.result()
    expected = {
        depth: hashlib.sha256((certs / f"{name}.der").read_bytes()).hexdigest()
        for depth, name in enumerate(["ec", "inter", "root"])
    }
    depths = [depth for depth, _ in result["verified"]]
    assert depths == sorted(depths, reverse=True)
    assert depths[-2:] == [1, 0]
    assert all(expected[depth] == digest for depth, digest in result["verified"])


@pytest.mark.parametrize("version", VERSIONS)
def test_verify_callback_raises(mpy_client, context, certs, version):
    """What verify_callback raises reaches the caller as it is, and the server is told that it was refused."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.serve_http)
    spec = context("TLS_CLIENT", ca="root", verify_raises="unheard of")
    result = mpy_client(server.port, STEPS, context=spec).result()
    assert (result["error"]["type"], result["error"]["args"]) == ("KeyError", ["unheard of"])
    assert result["error"]["where"] == "wrap"
    assert "ALERT" in server.error().reason


@pytest.mark.parametrize("version", VERSIONS)
def test_verify_callback_of_a_server_raises(mpy_server, context, certs, version):
    """So it does on a server, and the client is told."""
    spec = context("TLS_SERVER", cert="ec", ca="root", verify_raises="unheard of")
    server = mpy_server([["serve_http", "hello"], ["close"]], context=spec)
    peer = python_peer.client_context(certs, version=version, name="client-ec")
    with pytest.raises(python_peer.ssl.SSLError, match="ALERT"), python_peer.connect(server.port, peer) as conn:
        conn.recv(1)
    error = server.result()["error"]
    assert (error["type"], error["args"]) == ("KeyError", ["unheard of"])
