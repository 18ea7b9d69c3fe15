"""Do programs written for CPython's ssl do the same here? One script, mpy/portable.py, is run by CPython and by both engines,
as client and as server of each other."""

import json
import pathlib
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parent / "mpy" / "portable.py"

# What each of them must see.
CLIENT = [
    ["peer", "TLSv1.3", 3, "ec.der", "server.test", False],
    ["answer", "HTTP/1.0 200 OK\r\n\r\nhello"],
    ["refusal", ["SSLCertVerificationError", True, True]],
    ["default", True, True],
    ["verified", True, "hello"],
    ["refusal", ["SSLCertVerificationError", True, True]],
    ["refusal", ["SSLCertVerificationError", True, True]],
    ["refusal", ["SSLCertVerificationError", True, True]],
    ["agreed", "TLSv1.2", "http/1.1", "TLSv1.2"],
    ["welcome", "welcome"],
    ["before", None, None],
    ["after", "TLSv1.3", "data", 0],
    ["certificate", [[["commonName", "server.test"]]], "Dec 31 23:59:59 2049 GMT", 5],
    ["echo", "one"],
    ["echo", "two"],
    ["bio", "TLSv1.3", "hello", False],
]
SERVER = [
    ["request", "GET / HTTP/1.0\r\n\r\n", "TLSv1.3", None],
    ["default", True],
    ["agreed", "TLSv1.2", "http/1.1"],
    ["client", "client-ec.der"],
    ["thanks", "thanks"],
    ["received", "onetwo"],
]


@pytest.fixture
def start_on(start, start_mpy, certs):
    """start_on(WHO, ROLE, PORT): the script, run by "cpython" or by an engine."""
    def start_on(who, role, port):
        arguments = [role, str(port), str(certs)]
        if who == "cpython":
            return start([sys.executable, "-u", SCRIPT, *arguments], name=f"cpython {role}")
        return start_mpy(SCRIPT, arguments, engine=who, name=f"{who} {role}")

    return start_on


def run_both(start_on, free_port, certs, client, server):
    """Runs it at both ends, and compares what each sees."""
    port = free_port()
    processes = {"server": start_on(server, "server", port).wait_port(port), "client": start_on(client, "client", port)}
    for role, lines in (("client", CLIENT), ("server", SERVER)):
        processes[role].check(30)
        # The engines and CPython show a certificate by its size.
        expected = [[role, *(len((certs / word).read_bytes()) if str(word).endswith(".der") else word for word in words)]
                    for words in lines]
        assert [json.loads(line) for line in processes[role].stdout.splitlines()] == expected


@pytest.mark.parametrize("peer", ("cpython", "openssl", "mbedtls"))
def test_client(start_on, free_port, certs, engine, peer):
    run_both(start_on, free_port, certs, client=engine, server=peer)


def test_server_of_cpython(start_on, free_port, certs, engine):
    run_both(start_on, free_port, certs, client="cpython", server=engine)


def test_cpython_sees_the_same(start_on, free_port, certs):
    """What is expected of us is what CPython does with itself."""
    run_both(start_on, free_port, certs, client="cpython", server="cpython")
