"""Do the programs that people run, and the ones shown here, fetch pages over verified TLS?"""

import hashlib
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VERSIONS = ("TLSv1.2", "TLSv1.3")


@pytest.fixture
def https(nginx, certs):
    """https(VERSION, CERTIFICATE="ec"): an nginx for localhost."""
    def https(version, certificate="ec"):
        return nginx(f"""
            ssl_certificate {certs}/{certificate}-chain.pem;
            ssl_certificate_key {certs}/{certificate}.key;
            ssl_protocols {version};
        """)

    return https


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_get(run_mpy, https, version):
    """requests.get() of MicroPython's library."""
    server = https(version)
    result = run_mpy(f"""
        import requests
        response = requests.get("https://localhost:{server.port}/")
        print(response.status_code, repr(response.text))
        response.close()
    """)
    assert result.stdout == "200 'hello from nginx\\n'\n"


def test_requests_get_large(run_mpy, https):
    """requests.get() of a file of a megabyte."""
    server = https("TLSv1.3")
    data = os.urandom(1_000_001)
    (server.www / "data").write_bytes(data)
    result = run_mpy(f"""
        import hashlib, requests
        content = requests.get("https://localhost:{server.port}/data").content
        print(len(content), hashlib.sha256(content).digest().hex())
    """, options=["-X", "heapsize=8m"])
    assert result.stdout.split() == ["1000001", hashlib.sha256(data).hexdigest()]


def run_demo(url, ca_file):
    """make run URL=…, without building."""
    environment = {**os.environ, "URL": url, "SSL_CERT_FILE": str(ca_file)}
    return subprocess.run([ROOT / "tools" / "demo"], cwd=ROOT, env=environment, capture_output=True, text=True,
                          timeout=60, check=False)


def test_demo_fetches_a_page(https, certs):
    """make run URL=… with both engines, where the only trusted root is the server's."""
    server = https("TLSv1.3")
    demo = run_demo(f"https://localhost:{server.port}/", certs / "root.pem")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    for word in ("openssl engine", "mbedtls engine", "server.test", "Test intermediate"):
        assert word in demo.stdout
    assert demo.stdout.count("TLSv1.3") >= 2


@pytest.mark.parametrize(("certificate", "root", "reason"), [
    ("ec", "other-root", "untrusted"),
    ("wrong-name", "root", "wrong.test"),
    ("expired", "root", "expired on 2021-12-31"),
])
def test_demo_refuses_a_bad_server(https, certs, certificate, root, reason):
    """make run URL=… fails and says why, with both engines."""
    server = https("TLSv1.3", certificate)
    demo = run_demo(f"https://localhost:{server.port}/", certs / f"{root}.pem")
    assert demo.returncode != 0
    assert demo.stdout.count(reason) >= 2 if reason != "untrusted" else "hello" not in demo.stdout, demo.stdout


def test_demo_of_the_engines(certs):
    """make run without URL."""
    demo = run_demo("", certs / "root.pem")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "NOT refused" not in demo.stdout
    assert demo.stdout.count("MicroPython client") == 4
