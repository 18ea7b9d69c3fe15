"""What do the scanners that others wrote find in a server with the default settings? testssl.sh, sslscan."""

import json
import re

import pytest

# Findings that are no matter of TLS: what the test's certificate says, and what an HTTP server may add.
ELSEWHERE = {"cert_validityPeriod", "cert_revocation", "DNS_CAArecord", "HSTS", "security_headers"}


@pytest.fixture
def port(server):
    return server(seconds=30).port


def test_testssl(start, port, certs, tmp_path):
    """Nothing worse than "info": protocols, suites, groups, known attacks, simulated clients."""
    report = tmp_path / "report.json"
    scan = start(["testssl", "--quiet", "--color", "0", "--ip", "one", "--warnings", "off", "--add-ca", certs / "root.pem",
                  "--jsonfile", report, f"127.0.0.1:{port}"])
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
