"""Do the programs that people run, and the ones shown here, fetch pages over verified TLS?"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import subprocess

import python_peer
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


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_post_and_redirect(run_mpy, certs, version):
    """requests.post() of JSON, and a redirection from one TLS server to another."""
    def take(conn):
        head = b""
        while b"\r\n\r\n" not in head:
            head += conn.recv(4096)
        head, _, body = head.partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: (\d+)", head)[1])
        body += python_peer.receive_exactly(conn, length - len(body))
        conn.sendall(b"HTTP/1.0 201 Created\r\nX-Length: %d\r\n\r\n%s" % (length, body))
        python_peer.close_notify(conn)

    context = python_peer.server_context(certs, version=version)
    poster = python_peer.Server(context, take)
    last = python_peer.Server(context, lambda conn: python_peer.serve_http(conn, "found"))

    def redirect(conn):
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += conn.recv(4096)
        conn.sendall(f"HTTP/1.0 302 Found\r\nLocation: https://localhost:{last.port}/there\r\n\r\n".encode())

    first = python_peer.Server(context, redirect)
    result = run_mpy(f"""
        import requests
        response = requests.post("https://localhost:{poster.port}/", json={{"readings": list(range(20000))}})
        print(response.status_code, len(response.json()["readings"]), response.headers["X-Length"])
        print(requests.get("https://localhost:{first.port}/").text)
    """, options=["-X", "heapsize=8m"])
    assert result.lines == [f"201 20000 {len(json.dumps({'readings': list(range(20000))}))}", "found"]
    assert last.result() == "GET /there HTTP/1.0"


@pytest.mark.parametrize("version", VERSIONS)
def test_mip_install(run_mpy, https, tmp_path, version):
    """mip.install() of a package with a dependency from an index of our own; the second time nothing has to be done."""
    index = https(version)

    def put(path, data):
        (index.www / path).parent.mkdir(parents=True, exist_ok=True)
        (index.www / path).write_bytes(data)

    def package(name, files, deps):
        hashes = []
        for path, data in files.items():
            digest = hashlib.sha256(data).hexdigest()[:8]
            put(f"file/{digest[:2]}/{digest}", data)
            hashes.append([path, digest])
        put(f"package/py/{name}/latest.json", json.dumps({"v": 1, "hashes": hashes, "deps": deps}).encode())

    package("weather", {"weather/__init__.py": b"from .station import *\n", "weather/station.py": b"import units\n"
                        b"def report(): return units.celsius(294.65)\n" + b"# " + b"x" * 50000 + b"\n"}, [["units", "latest"]])
    package("units", {"units.py": b"def celsius(kelvin): return '%.1f' % (kelvin - 273.15)\n"}, [])
    program = f"""
        import mip, sys
        mip.install("weather", index="https://localhost:{index.port}", target="{tmp_path}/lib", mpy=False)
        sys.path.append("{tmp_path}/lib")
        import weather
        print(weather.report())
    """
    first, second = run_mpy(program), run_mpy(program)
    assert [line.split()[0] for line in first.lines] == [
        "Installing", "Copying:", "Copying:", "Installing", "Copying:", "Done", "21.5"]
    assert [line.split()[0] for line in second.lines] == [
        "Installing", "Exists:", "Exists:", "Installing", "Exists:", "Done", "21.5"]


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


# ----------------------------------------------------------------------------------------------------------------------
# examples/trust_on_first_use.py

TRUST_ON_FIRST_USE = ROOT / "examples" / "trust_on_first_use.py"


def wait_for_the_end(conn):
    # A client of TLS 1.3 that leaves before it has read its tickets resets the connection.
    with contextlib.suppress(OSError):
        python_peer.receive_to_end(conn)


@pytest.mark.parametrize(("first", "second"), [("self-signed", "ec"), ("ec", "p384")])
@pytest.mark.parametrize("version", VERSIONS)
def test_trust_on_first_use(start_mpy, certs, tmp_path, version, first, second):
    """A server in CPython is known again by its key; one with another key at the same place is refused."""
    pins = tmp_path / "pins"

    def meet(port):
        process = start_mpy(TRUST_ON_FIRST_USE, [f"127.0.0.1:{port}", str(pins)])
        status = process.wait(30)
        return process.stdout.strip(), status

    def serve(certificate, connections):
        context = python_peer.server_context(certs, certificate, version)
        return python_peer.Server(context, wait_for_the_end, connections)

    known = serve(first, 2)
    assert meet(known.port) == (f"met for the first time over {version}", 0)
    assert meet(known.port) == (f"known by its key over {version}", 0)
    stored = pins.read_text(encoding="ascii")
    key = subprocess.run([ROOT / "tools" / "pin", certs / f"{first}.pem"], capture_output=True, text=True, check=True).stdout
    assert stored == f"127.0.0.1:{known.port} {re.search('[0-9a-f]{64}', key)[0]}\n"

    stranger = serve(second, 1)
    pins.write_text(stored.replace(f":{known.port} ", f":{stranger.port} "), encoding="ascii")
    text, status = meet(stranger.port)
    assert text.startswith("refused: ") and status == 1
    stranger.error()


def test_trust_on_first_use_of_nobody(start_mpy, free_port, tmp_path):
    """Nothing is stored where nobody was met."""
    process = start_mpy(TRUST_ON_FIRST_USE, [f"127.0.0.1:{free_port()}", str(tmp_path / "pins")])
    assert process.wait(30) == 1 and process.stdout.startswith("failed: ")
    assert not (tmp_path / "pins").exists()
