"""What do the scanners that others wrote find in a server with the default settings? testssl.sh, sslscan, gnutls-cli-debug."""

import json
import re

import pytest

# Findings that are no matter of the server's TLS: what the test's certificate says, what an HTTP server may add, and that
# testssl's own openssl lacks GOST.
ELSEWHERE = {"cert_validityPeriod", "cert_revocation", "DNS_CAArecord", "HSTS", "security_headers", "engine_problem"}


@pytest.fixture
def port(server):
    return server(seconds=30).port


# openssl for testssl, which gives its s_client nothing to read. So it ends right after the handshake, often before the session
# ticket of TLS 1.3 has come, and what is to resume with that then fails.
PATIENT_OPENSSL = """#!/bin/sh
case "$*" in
    s_client*-sess_out*) { cat; sleep 0.2; } | openssl "$@" ;;
    *) exec openssl "$@" ;;
esac
"""


def test_testssl(start, port, certs, tmp_path):
    """Nothing worse than "info": protocols, suites, groups, known attacks, simulated clients."""
    report = tmp_path / "report.json"
    openssl = tmp_path / "openssl"
    openssl.write_text(PATIENT_OPENSSL, encoding="ascii")
    openssl.chmod(0o755)
    scan = start(["testssl", "--quiet", "--color", "0", "--ip", "one", "--warnings", "off", "--add-ca", certs / "root.pem",
                  "--openssl", openssl, "--jsonfile", report, f"127.0.0.1:{port}"])
    scan.wait(300)
    findings = json.loads(report.read_text(encoding="utf-8"))
    assert len(findings) > 100 and {"TLS1_2", "TLS1_3", "heartbleed", "ROBOT", "LUCKY13"} <= {each["id"] for each in findings}
    assert [(each["id"], each["finding"]) for each in findings
            if each["severity"] not in ("OK", "INFO") and each["id"] not in ELSEWHERE] == []


def test_sslscan(start, port):
    """Two versions of the protocol, no renegotiation, no weak suite."""
    scan = start(["sslscan", "--no-colour", f"127.0.0.1:{port}"])
    scan.check(60)
    text = scan.stdout
    enabled = dict(re.findall(r"^((?:SSLv|TLSv)\S+) +(enabled|disabled)$", text, re.MULTILINE))
    assert [name for name, state in enabled.items() if state == "enabled"] == ["TLSv1.2", "TLSv1.3"]
    assert "Session renegotiation not supported" in text
    assert "not vulnerable to heartbleed" in text
    suites = re.findall(r"^(?:Preferred|Accepted) +\S+ +(\d+) bits +(\S+)", text, re.MULTILINE)
    assert len(suites) > 5
    for bits, name in suites:
        assert int(bits) >= 128 and re.search("GCM|CCM|CHACHA20", name), name


# Words of gnutls-cli-debug, and what it has to answer.
MUST = (
    "for TLS 1.2 (RFC5246) support", "for TLS 1.3 (RFC8446) support", "for safe renegotiation (RFC5746) support",
    "for ext master secret (RFC7627) support", "whether the server understands TLS closure alerts",
    "whether the server supports session resumption", "for ephemeral EC Diffie-Hellman support", "for curve X25519 (RFC8422)",
    "for AES-GCM cipher (RFC5288) support", "for CHACHA20-POLY1305 cipher (RFC7905) support",
    "whether the server accepts default record size (512 bytes)", "whether cipher suites not in SSL 3.0 spec are accepted",
)
MUST_NOT = (
    "whether %ALLOW_SMALL_RECORDS is required", "whether we need to disable TLS 1.2", "whether we need to disable TLS 1.1",
    "whether we need to disable TLS 1.0", "whether %NO_EXTENSIONS is required", "for TLS 1.0 (RFC2246) support",
    "for TLS 1.1 (RFC4346) support", "for heartbeat (RFC6520) support", "for anonymous authentication support",
    "for RSA key exchange support", "for AES-CBC cipher (RFC3268) support", "for 3DES-CBC cipher (RFC2246) support",
    "for ARCFOUR 128 cipher (RFC2246) support", "for MD5 MAC support", "for SHA1 MAC support",
    "for CAMELLIA-CBC cipher (RFC5932) support",
)


def test_gnutls_cli_debug(start, tool, port):
    """Both versions and no others, no workaround needed, nothing of old."""
    scan = start([tool("gnutls-cli-debug"), "--port", port, "127.0.0.1"])
    scan.check(60)
    found = dict(re.findall(r"^ *(\S.*?)\.\.\..*?(?:\n.*illegal length.*)?\b(yes|no)$", scan.stdout, re.MULTILINE))
    assert {words: found.get(words) for words in MUST} == dict.fromkeys(MUST, "yes")
    assert {words: found.get(words) for words in MUST_NOT} == dict.fromkeys(MUST_NOT, "no")
    assert "for certificate chain order... sorted" in scan.stdout
