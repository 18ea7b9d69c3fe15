"""Are the secrets of a connection gone from the memory of the process when it is closed?

The process image of an interpreter is searched for what its keylog file has, and for the keys and IVs of records that
are made of it; while the connection is open they must be there, so the search can find them. What may be resumed keeps
its secret until nobody holds the session any more. (What src/engine frees is looked at block by block in
tests/engine/test_secrets.c.)
"""

import collections
import pathlib
import re
import socket

import mpy_cases
import pytest
from tls_bytes.keys import Identity, expand_label, prf
from tls_bytes.tls12 import Client12
from tls_bytes.wire import SESSION_TICKET

CERTIFICATE, PSK = "certificate", "psk"
KINDS = [
    ("TLS 1.2", CERTIFICATE, "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256"),
    ("TLS 1.2", CERTIFICATE, "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"),
    ("TLS 1.2", PSK, "TLS-ECDHE-PSK-WITH-CHACHA20-POLY1305-SHA256"),
    ("TLS 1.2", PSK, "TLS-PSK-WITH-AES-128-GCM-SHA256"),
    ("TLS 1.3", CERTIFICATE, "TLS1-3-CHACHA20-POLY1305-SHA256"),
    ("TLS 1.3", CERTIFICATE, "TLS1-3-AES-256-GCM-SHA384"),
    ("TLS 1.3", PSK, "TLS1-3-CHACHA20-POLY1305-SHA256"),
    ("TLS 1.3", PSK, "TLS1-3-AES-128-GCM-SHA256"),
    ("DTLS 1.2", CERTIFICATE, "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256"),
    ("DTLS 1.2", CERTIFICATE, "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"),
    ("DTLS 1.2", PSK, "TLS-ECDHE-PSK-WITH-CHACHA20-POLY1305-SHA256"),
    ("DTLS 1.2", PSK, "TLS-PSK-WITH-AES-128-GCM-SHA256"),
]
RESUMABLE = [kind for kind in KINDS if kind[1] == CERTIFICATE]

# Each step waits for a line of the standard input: the connection is open, it is closed, and nobody holds its contexts
# and its session any more.
STEPS = """
import gc
import socket
import sys

import ballast
import datagrams
from pipes import End, Link, new_client_context, new_psk_contexts, new_server_context, pin, transfer


# What nobody holds any more is overwritten before the search, such as the bytes of serialize().
def step(*words):
    gc.collect()
    ballast.all_but(16)
    gc.collect()
    print(*words)
    sys.stdin.readline()
"""

BOTH_ENDS = STEPS + """
keylog, protocol, credentials, suite, keeper = sys.argv[1:]
up, down = [], []  # what the client and the server send


class Tapped(End):
    def __init__(self, sent):
        super().__init__()
        self.sent = sent

    def write(self, buf):
        self.sent.append(bytes(buf))
        return super().write(buf)


def tap(sent):
    def fate(number, datagram):
        sent.append(datagram)
        return [datagram]
    return fate


def prepare(client, server):
    for context in (client, server):
        context.keylog_filename = keylog
        context.set_ciphers([suite])
    if keeper == "client_context":
        client.session_cache_size = 1
    return client, server


def new_link():
    if protocol == "DTLS 1.2":
        kind = "psk" if credentials == "psk" else "ec"
        prepare(*datagrams.contexts(kind))
        link = datagrams.Pair(kind, near_fate=tap(up), far_fate=tap(down))
        datagrams.talk(link)
        return link
    made = new_psk_contexts() if credentials == "psk" else (new_client_context(), new_server_context())
    made = prepare(*pin(0x0303 if protocol == "TLS 1.2" else 0x0304, *made))
    link = Link(*made, near=Tapped(up), far=Tapped(down))
    for data in (b"ping" * 5000, b"ping"):
        assert transfer(link.client, link.server, data) == data
    assert transfer(link.server, link.client, b"pong") == b"pong"
    return link


link = new_link()
session = link.client.session if keeper else None
if keeper:
    with open(keylog + ".session", "wb") as f:
        f.write(session.serialize())
if keeper == "client_context":
    session = None
hello = next(flight for flight in down if flight[13 if protocol == "DTLS 1.2" else 5] == 2)
step("open", hello.hex(), up[-1].hex(), down[-1].hex())
link.client.close()
link.server.close()
step("closed")
link = session = None
datagrams.CONTEXTS.clear()
step("gone")
"""

SERVER = STEPS + """
port, cache_size = map(int, sys.argv[1:])


def serve():
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    connection = new_server_context(session_cache_size=cache_size).wrap_socket(sock, server_side=True)
    connection.write(connection.recv(100))
    return connection


connection = serve()
step("open")
connection.close()
step("closed")
connection = None
step("gone")
"""


def key_size_of(suite):
    return 32 if "CHACHA20" in suite else int(re.search(r"AES-(\d+)-GCM", suite)[1]) // 8


def digest_of(suite):
    return "sha384" if suite.endswith("SHA384") else "sha256"


def records_1_2(suite, master, client_random, server_random, explicit):
    """The keys and IVs of records in TLS 1.2, by name.

    With AES-GCM an IV has 4 bytes, which are everywhere. So it is the nonce of the last record of each side that is
    looked for, which ends in 8 bytes that the record begins with: `explicit`.
    """
    key, iv = key_size_of(suite), 12 if "CHACHA20" in suite else 4
    block = prf(master, b"key expansion", server_random + client_random, 2 * (key + iv), digest_of(suite))
    return {
        "client's key": block[:key],
        "server's key": block[key:2 * key],
        "client's IV": block[2 * key:2 * key + iv] + explicit[0][:12 - iv],
        "server's IV": block[2 * key + iv:] + explicit[1][:12 - iv],
    }


def secrets_of(protocol, suite, keylog, hello, last):
    """What must not be found, by name: what is in the keylog file, and the keys and IVs of records.

    `hello` is the flight that begins with ServerHello, `last` what the client and the server have sent last.
    """
    secrets = {}
    header, random_at = (13, 27) if protocol == "DTLS 1.2" else (5, 11)
    for line in keylog.read_text(encoding="ascii").splitlines():
        label, client_random, text = line.split()
        secret = secrets[label] = bytes.fromhex(text)
        if label == "CLIENT_RANDOM":
            secrets |= records_1_2(suite, secret, bytes.fromhex(client_random), hello[random_at:random_at + 32],
                                   [record[header:] for record in last])
        elif "TRAFFIC" in label:
            secrets[f"key of {label}"] = expand_label(secret, b"key", b"", key_size_of(suite), digest_of(suite))
            secrets[f"IV of {label}"] = expand_label(secret, b"iv", b"", 12, digest_of(suite))
    return secrets


# What comes before the secret of a TLS 1.3 session in the form that each library gives it; at the end is its length.
BEFORE_RESUMPTION_SECRET = {
    "openssl": rb"\x04\x02\x13[\x01-\x05]\x04(?:\x00|\x20.{32})\x04([\x20\x30])",  # the suite, an identifier
    "mbedtls": rb"\x04\x00\x13[\x01-\x05].{4}.([\x20\x30])",  # version, end, suite, ticket_age_add, flags
}


def resumption_secret(engine, serialized):
    match = re.search(BEFORE_RESUMPTION_SECRET[engine], serialized, re.DOTALL)
    return serialized[match.end():][:match[1][0]]


def image(process):
    """The writable memory of a process: names of mappings, such as [heap], and what is there."""
    with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
        for line in pathlib.Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8").splitlines():
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \S+ *(.*)", line)
            if match and match[3] != "[vvar]":
                start, end = (int(group, 16) for group in match.groups()[:2])
                memory.seek(start)
                yield match[3], memory.read(end - start)


def found(process, secrets):
    """The names of those that are in the process image, as bytes or as text, and the mappings in which they are."""
    places = collections.defaultdict(set)
    for mapping, memory in image(process):
        for name, secret in secrets.items():
            if secret in memory or secret.hex().encode() in memory:
                places[name].add(mapping)
    return places


# Where a CPU knows AES, what the libraries keep of a key begins with the key itself; elsewhere it may look otherwise.
CPU_HAS_AES = re.search(r"\baes\b", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")) is not None


def check_open(process, secrets, suite):
    """The search finds what there is: all that the connection still needs."""
    missing = {name for name in secrets.keys() - found(process, secrets).keys() if "HANDSHAKE" not in name}
    if "AES" in suite and not CPU_HAS_AES:
        missing = {name for name in missing if "key" not in name}
    assert missing == set()


def left(process, secrets, engine):
    """What is found of a connection that is closed.

    Mbed TLS leaves the nonce of a record on the stack, which for the first record is the IV, of no use without the key.
    """
    return {name for name, places in found(process, secrets).items()
            if not (engine == "mbedtls" and "IV" in name and places == {"[stack]"})}


def next_step(process, name):
    process.send("\n")
    process.wait_output(f"^{name}$")


@pytest.fixture
def start_both_ends(start_mpy, engine, certs, tmp_path):
    """start_both_ends(KIND, KEEPER=""): both ends of an open connection in one process; the process, their secrets."""
    def start(kind, keeper=""):
        protocol, _, suite = kind
        keylog = tmp_path / "keys.txt"
        process = start_mpy(
            BOTH_ENDS, [str(keylog), *kind, keeper], env=mpy_cases.environment(engine, certs), stdin=True)
        hello, *last = map(bytes.fromhex, process.wait_output(r"^open (.*)\n")[1].split())
        secrets = secrets_of(protocol, suite, keylog, hello, last)
        if keeper and protocol == "TLS 1.3":
            secrets["resumption secret"] = resumption_secret(engine, (tmp_path / "keys.txt.session").read_bytes())
        assert len(secrets) >= (12 if protocol == "TLS 1.3" else 5)
        check_open(process, secrets, suite)
        return process, secrets

    return start


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_secrets_are_gone_after_close(start_both_ends, engine, kind):
    process, secrets = start_both_ends(kind)
    next_step(process, "closed")
    assert left(process, secrets, engine) == set()


@pytest.mark.parametrize("keeper", ["client_context", "session"])
@pytest.mark.parametrize("kind", RESUMABLE, ids=" ".join)
def test_a_client_keeps_what_it_can_resume(start_both_ends, engine, kind, keeper):
    """The secret of the session, as long as its context or the program has it, and none of the records' keys."""
    process, secrets = start_both_ends(kind, keeper)
    next_step(process, "closed")
    assert left(process, secrets, engine) == {"resumption secret" if kind[0] == "TLS 1.3" else "CLIENT_RANDOM"}
    next_step(process, "gone")
    assert left(process, secrets, engine) == set()


@pytest.mark.parametrize("cache_size", [100, 0])
def test_a_server_keeps_what_can_be_resumed(start_mpy, engine, certs, cache_size):
    """TLS 1.2 with a client that wants no tickets: what it could resume is in the server's cache, if there is one."""
    suite = "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"
    client = Client12(Identity(certs, "ec"))
    client.alter_hello["client_hello"] = lambda hello: hello.extensions.drop(SESSION_TICKET)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        process = start_mpy(SERVER, [str(listener.getsockname()[1]), str(cache_size)],
                            env=mpy_cases.environment(engine, certs), stdin=True)
        client.sock, _ = listener.accept()
    with client.sock:
        client.sock.settimeout(10)
        client.follow([*client.steps, "send data"])
        process.wait_output("^open$")
        explicit = [(client.writing.sequence - 1).to_bytes(8, "big"), client.sock.recv(100, socket.MSG_PEEK)[5:]]
        secrets = {"master secret": client.master, **records_1_2(
            suite, client.master, client.randoms["client"], client.randoms["server"], explicit)}
        check_open(process, secrets, suite)
        next_step(process, "closed")
        assert left(process, secrets, engine) == ({"master secret"} if cache_size else set())
        next_step(process, "gone")
        assert left(process, secrets, engine) == set()
