"""Does the module work on Mbed TLS as MicroPython's own ports configure it? They build it with their configuration
(extmod/mbedtls/mbedtls_config_common.h) if they are told no other: TLS 1.2 and DTLS, and no PEM among other things.
This interpreter is made with MicroPython's CMake rules, and has a date, as firmware may have one (SSL_EARLIEST_TIME:
2026-06-01).

pytest-3 tests/common    needs `make build/cmake-port-alone/micropython`
"""

import base64
import json
import re
import subprocess

import mpy_cases
import pytest
import python_peer
from conftest import BUILD, ROOT, mpy_environment

MICROPYTHON = BUILD / "cmake-port-alone" / "micropython"
PEER = ROOT / "tests" / "interop" / "mpy" / "peer.py"

# The scripts of tests/api that need little of what is missing.
SCRIPTS = ("errors", "failed_wrap", "names", "verification", "verify_callback", "wrap_socket")
CASES = [case for case in mpy_cases.find(ROOT / "tests" / "api" / "mpy") if case.script.stem in SCRIPTS]

# How a case ends that needs some of it nevertheless.
LACKING = re.compile(
    "invalid TLS version|does not keep the peer's certificate|unknown cipher suite TLS1-3|FEATURE_UNAVAILABLE|"
    # changing_the_context_inside sets a suite of TLS 1.3; the other takes the key from a file that is PEM elsewhere
    "changing_the_context_inside|certificate_without_key_takes_the_key_from_it")

FEATURES = {
    "HAS_TLSv1_2": True, "HAS_DTLS": True, "HAS_CLIENT": True, "HAS_SERVER": True, "HAS_ECDH": True, "HAS_SNI": True,
    "HAS_TLSv1_3": False, "HAS_PSK": False, "HAS_PEM": False, "HAS_PEER_CERTIFICATE": False,
}

REFUSALS = """
import os, ssl
CERTS = os.getenv("CERTS")
def refusal(function, *args):
    try:
        function(*args)
    except Exception as e:
        print([type(e).__name__, getattr(e, "reason", None), getattr(e, "detail", None) or str(e)])
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
refusal(client.load_verify_locations, CERTS + "/root.pem")
refusal(server.load_cert_chain, CERTS + "/ec-chain.der", CERTS + "/ec.key")
client.psk_identity = "device"
refusal(setattr, client, "psk_key", b"0123456789abcdef")
refusal(setattr, server, "server_psk_keys", {})
refusal(setattr, client, "minimum_version", ssl.TLSVersion.TLSv1_3)
"""


@pytest.fixture(scope="session")
def der_certs(certs, tmp_path_factory):
    """The certificates and keys, all in DER, under the names that they have elsewhere."""
    folder = tmp_path_factory.mktemp("der")
    for path in certs.iterdir():
        data = path.read_bytes()
        blocks = re.findall(rb"-----BEGIN [^-]+-----([^-]+)-----END", data)
        (folder / path.name).write_bytes(b"".join(map(base64.b64decode, blocks)) if blocks else data)
    return folder


@pytest.fixture
def run(start):
    """run(CERTS, ARGV, OPTIONS=(), env={}): the interpreter in the background."""
    def run(certs, argv, options=(), env=None):
        env = mpy_environment({**mpy_cases.environment("mbedtls", certs), **(env or {})})
        return start([MICROPYTHON, *options, *argv], env=env, name="micropython-common", stdin=True)

    return run


@pytest.mark.parametrize("case", CASES, ids=mpy_cases.identify)
def test_api(case, der_certs, run):
    try:
        mpy_cases.check(case, "common", lambda script, options: run(der_certs, [script], options))
    except pytest.fail.Exception as failure:
        if LACKING.search(f"{case.name} {failure}"):
            pytest.skip("needs what this configuration lacks")
        raise


def test_features(certs, run):
    process = run(certs, ["-c", f"import ssl; print([getattr(ssl, name) for name in {list(FEATURES)}])"])
    process.check(20)
    assert process.stdout.strip() == str(list(FEATURES.values()))


def test_says_what_is_missing(certs, run, tmp_path):
    script = tmp_path / "refusals.py"
    script.write_text(REFUSALS, encoding="utf-8")
    process = run(certs, [script])
    process.check(20)
    assert process.stdout.splitlines() == [str(line) for line in (
        ["ValueError", "invalid_cert", "this build reads certificates and keys in DER, not in PEM"],
        ["ValueError", "invalid_key", "this build reads certificates and keys in DER, not in PEM"],
        ["OSError", "unsupported", "this build has no pre-shared keys"],
        ["OSError", "unsupported", "this build has no pre-shared keys"],
        ["ValueError", None, "invalid TLS version"],
    )]


@pytest.fixture
def peer(run, der_certs, tmp_path):
    """peer(SPEC): a program that does what tests/interop/mpy/peer.py says."""
    def peer(**spec):
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(spec), encoding="utf-8")
        return run(der_certs, [PEER, path])

    return peer


def result(process):
    process.check(30)
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.parametrize("certificate", ["ec", "rsa"])
def test_client_of_nginx(peer, nginx, certs, der_certs, certificate):
    server = nginx(f"""
        ssl_certificate {certs}/{certificate}-chain.pem;
        ssl_certificate_key {certs}/{certificate}.key;
    """)
    done = result(peer(
        port=server.port, wrap={"server_hostname": "server.test"},
        context={"protocol": "TLS_CLIENT", "cafile": str(der_certs / "root.pem"), "set": {"verify_mode": 2}},
        steps=[["write", "GET / HTTP/1.0\r\n\r\n"], ["read_to_end"], ["close"]]))
    assert done["error"] is None, done


@pytest.mark.parametrize("certificate", ["ec", "rsa"])
def test_server_for_cpython(peer, certs, der_certs, free_port, certificate):
    port = free_port()
    cert = [str(der_certs / f"{certificate}-chain.pem"), str(der_certs / f"{certificate}.key"), None]
    process = peer(
        server=True, port=port, wrap={"server_side": True}, context={"protocol": "TLS_SERVER", "cert": cert},
        steps=[["serve_http", "hello"], ["close"]])
    process.wait_port(port)
    with python_peer.connect(port, python_peer.client_context(certs)) as conn:
        conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert python_peer.receive_to_end(conn).endswith(b"hello")
        assert conn.version() == "TLSv1.2"
    assert result(process)["error"] is None


CLOCK = """
#include <stdlib.h>
#include <sys/time.h>

int gettimeofday(struct timeval *tv, void *tz) {
    (void)tz;
    tv->tv_sec = atoll(getenv("NOW"));
    tv->tv_usec = 0;
    return 0;
}
"""


@pytest.fixture(scope="session")
def clock(tmp_path_factory):
    """A library that has the interpreter's clock show the environment variable NOW."""
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(CLOCK, encoding="utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "clock.so", folder / "clock.c"], check=True)
    return folder / "clock.so"


@pytest.mark.parametrize("now, certificate, error", [
    (0, "ec", None),
    (0, "expired", "expired on 2021-12-31; the clock was not set, taken was the firmware's date 2026-06-01"),
    (0, "not-yet", "not valid before 2048-01-01; the clock was not set, taken was the firmware's date 2026-06-01"),
    (2474582400, "not-yet", None),
    (1798761600, "expired", "; this device's clock says 2027-01-01"),
])
def test_clock_behind_the_firmware(run, clock, certs, der_certs, tmp_path, now, certificate, error):
    server = python_peer.Server(python_peer.server_context(certs, certificate), python_peer.close_notify)
    script = tmp_path / "client.py"
    script.write_text(f"""
import socket, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
context.load_verify_locations({str(der_certs / "root.pem")!r})
sock = socket.socket()
sock.connect(socket.getaddrinfo("127.0.0.1", {server.port})[0][-1])
try:
    context.wrap_socket(sock, server_hostname="server.test").close()
    print(None)
except OSError as e:
    print(e.detail)
""", encoding="utf-8")
    process = run(certs, [script], env={"LD_PRELOAD": str(clock), "NOW": str(now)})
    process.check(20)
    assert error in process.stdout if error else process.stdout == "None\n"
