"""Does a server go on serving while others attack it? examples/https_server.py, and peers that break every rule.

While an attack lasts, honest clients ask for pages: each must get its page. Then the server's memory and descriptors are
as they were. build/logs/hostile-ENGINE.txt says how long the honest clients waited; nothing is asserted of that.
"""

import contextlib
import itertools
import os
import pathlib
import socket
import ssl
import struct
import threading
import time

import pytest
from tls_bytes.keys import Identity
from tls_bytes.tls12 import Client12
from tls_bytes.tls13 import Client13
from tls_bytes.wire import APPLICATION_DATA, HANDSHAKE

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GET = b"GET / HTTP/1.0\r\n\r\n"


class Honest:
    """Clients of CPython that ask for pages, one after the other, until stop()."""

    def __init__(self, server, certs, clients=2):
        self.server = server
        self.context = ssl.create_default_context(cafile=certs / "root.pem")
        self.seconds, self.failures = [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def ask(self):
        """One page; returns the seconds it took."""
        start = time.monotonic()
        with self.server.connect() as raw, self.context.wrap_socket(raw, server_hostname="server.test") as conn:
            conn.sendall(GET)
            page = b"".join(iter(lambda: conn.recv(4096), b""))
        assert page.startswith(b"HTTP/1.0 200 OK") and page.endswith(b"</p>\n")
        return time.monotonic() - start

    def _run(self):
        while not self._stop.is_set():
            try:
                self.seconds.append(self.ask())
            except Exception as error:  # whatever it is, the test tells it
                self.failures.append(error)
            self._stop.wait(0.01)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def median(self):
        return sorted(self.seconds)[len(self.seconds) // 2]


# ----------------------------------------------------------------------------------------------------------------------
# Attacks: attack(server, certs) takes a second or two, and leaves nothing open

def record(kind, body, length=None):
    return struct.pack("!BHH", kind, 0x0303, len(body) if length is None else length) + body


def client_hello(server):
    """The hello of a real client."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="server.test").do_handshake()
    return outgoing.read()


def send_to(server, data, count=30):
    """Sends the same over many connections, and waits until the server has ended each."""
    socks = [server.connect() for _ in range(count)]
    for sock in socks:
        with contextlib.suppress(OSError):
            sock.sendall(data)
    for sock in socks:
        with sock, contextlib.suppress(OSError):
            while sock.recv(4096):
                pass


def garbage(server, certs):
    send_to(server, os.urandom(5000))


def plaintext_http(server, certs):
    send_to(server, GET)


def half_a_hello_then_silence(server, certs):
    hello = client_hello(server)
    send_to(server, hello[:len(hello) // 2])


def a_byte_now_and_then(server, certs):
    hello = client_hello(server)
    socks = [server.connect() for _ in range(20)]
    for i in range(8):
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.sendall(hello[i:i + 1])
        time.sleep(0.2)
    for sock in socks:
        sock.close()


def empty_records(server, certs):
    send_to(server, record(22, b"") * 2000)


def alerts(server, certs):
    send_to(server, record(21, b"\x01\x5a") * 2000)


def oversized_records(server, certs):
    send_to(server, record(22, b"\x01" * 20000, 0xffff))


def short_fragments(server, certs):
    hello = client_hello(server)[5:]
    send_to(server, b"".join(record(22, hello[i:i + 1]) for i in range(len(hello))))


def begin_handshake(sock, context, most):
    """Sends the first `most` bytes of a client's handshake; False: there are not so many."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    conn = context.wrap_bio(incoming, outgoing, server_hostname="server.test")
    complete = False
    while not complete:
        with contextlib.suppress(ssl.SSLWantReadError):
            conn.do_handshake()
            complete = True
        data = outgoing.read()
        sock.sendall(data[:most])
        if len(data) >= most:
            return True
        most -= len(data)
        if not complete:
            incoming.write(sock.recv(65536))
    return False


THIRDS = itertools.cycle(range(3))


def reset_at_every_byte(server, certs):
    """Of what clients send in their handshakes: every third, and the next rounds have the others."""
    first = next(THIRDS)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=certs / "root.pem")
        context.minimum_version = context.maximum_version = version
        for size in itertools.count(first, 3):
            with server.connect() as sock:
                more = begin_handshake(sock, context, size)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if not more:
                assert size > 250
                break


def half_open(server, certs):
    """Two thousand at a time, and of each a byte. They come in groups: what the kernel has no room for comes a second later."""
    socks = []
    for _ in range(40):
        socks += [server.connect() for _ in range(50)]
        for sock in socks[-50:]:
            sock.sendall(b"\x16")
        time.sleep(0.02)
    end = time.monotonic() + 10
    while server.descriptors() < 4000:  # a stream has one, and another that poll() waits on
        assert time.monotonic() < end, server.descriptors()
        time.sleep(0.01)
    time.sleep(0.2)
    for sock in socks:
        sock.close()


half_open.options = {"seconds": 30}  # so that the first one is still there when the last one comes


def handshakes_without_a_request(server, certs):
    context = ssl.create_default_context(cafile=certs / "root.pem")
    conns = [context.wrap_socket(server.connect(), server_hostname="server.test") for _ in range(50)]
    time.sleep(server.seconds + 0.5)
    for conn in conns:
        conn.close()


def never_reading(server, certs):
    context = ssl.create_default_context(cafile=certs / "root.pem")
    for _ in range(100):
        conn = context.wrap_socket(server.connect(), server_hostname="server.test")
        conn.sendall(GET)
        conn.close()


def ends_without_close_notify(server, certs):
    context = ssl.create_default_context(cafile=certs / "root.pem")
    for _ in range(100):
        conn = context.wrap_socket(server.connect(), server_hostname="server.test")
        conn.sendall(b"GET /")
        socket.socket(fileno=conn.detach()).close()


def flood(server, peer, send):
    """A byte-level peer does its handshake, then does the same 2000 times."""
    peer.talk = [lambda peer: [send(peer) for _ in range(2000)]]
    with server.connect() as sock, contextlib.suppress(OSError):
        peer.run(sock)
    assert peer.complete


def renegotiation(server, certs):
    peer = Client12(Identity(certs, "client-ec"))
    flood(server, peer, lambda peer: peer.put(HANDSHAKE, peer.hello.encode()))
    assert peer.alerts


def floods_inside(server, certs):
    """Empty records, warnings, and new keys which the server is to answer with its own."""
    for kind in (Client12, Client13):
        flood(server, kind(Identity(certs, "client-ec")),
              lambda peer: peer.put_raw(peer.seal(peer.writing, APPLICATION_DATA, b"")))
        flood(server, kind(Identity(certs, "client-ec")), lambda peer: peer.send_alert(1, 90))
    flood(server, Client13(Identity(certs, "client-ec")), lambda peer: peer.send_key_update(1))


def tickets_of_strangers(server, certs):
    """Tickets of another server with the same name."""
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.load_cert_chain(certs / "ec-chain.pem", certs / "ec.key")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=certs / "root.pem")
        context.minimum_version = context.maximum_version = version
        ours, theirs = socket.socketpair()
        with theirs:
            thread = threading.Thread(target=lambda: stranger.wrap_socket(theirs, server_side=True).sendall(b"x"))
            thread.start()
            with context.wrap_socket(ours, server_hostname="server.test") as conn:
                conn.recv(1)
                session = conn.session
            thread.join()
        for _ in range(20):
            with context.wrap_socket(server.connect(), server_hostname="server.test", session=session) as conn:
                assert not conn.session_reused
                conn.sendall(GET)
                assert conn.recv(10) == b"HTTP/1.0 2"


ATTACKS = [
    garbage, plaintext_http, half_a_hello_then_silence, a_byte_now_and_then, empty_records, alerts, oversized_records,
    short_fragments, reset_at_every_byte, half_open, handshakes_without_a_request, never_reading, ends_without_close_notify,
    renegotiation, floods_inside, tickets_of_strangers,
]


def note(engine, line):
    log = ROOT / "build" / "logs" / f"hostile-{engine}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_goes_on(server, engine, certs, attack):
    """Honest clients are served all the time, and nothing is left of the attack, however often it comes."""
    under_attack = server(**getattr(attack, "options", {}))
    quiet = Honest(under_attack, certs)
    time.sleep(0.3)
    quiet.stop()
    descriptors = under_attack.descriptors()
    honest = Honest(under_attack, certs)
    memory = []
    start = time.monotonic()
    try:
        while len(memory) < 3 or (time.monotonic() - start < 2 and len(memory) < 50):
            attack(under_attack, certs)
            memory.append(under_attack.memory())
    finally:
        honest.stop()
    assert not honest.failures and not quiet.failures, (honest.failures + quiet.failures)[0]
    under_attack.wait_descriptors(descriptors)
    note(engine, f"{attack.__name__}: {len(honest.seconds)} pages, all served; median {honest.median * 1000:.1f} ms, "
                 f"longest {max(honest.seconds) * 1000:.0f} ms, without the attack {quiet.median * 1000:.1f} ms; memory "
                 f"after the first two and the last of {len(memory)} attacks "
                 + ", ".join(f"{size / 1e6:.1f} MB" for size in (*memory[:2], memory[-1])))
    # Some thirty connections at a time more than in the first rounds are 2 MB; what each of the hundreds of all rounds left
    # behind would be more.
    assert memory[-1] - memory[1] < 3_000_000, memory


def test_limit(server, certs):
    """Above `most` clients at a time the next is sent away at once, and is welcome when there is room again."""
    limited = server(most=3)
    held = [limited.connect() for _ in range(3)]
    with limited.connect() as late:
        assert late.recv(1) == b""
    for sock in held:
        sock.close()
    honest = Honest(limited, certs, clients=0)
    for _ in range(100):
        # The server has to notice first.
        with contextlib.suppress(OSError):
            honest.ask()
            return
        time.sleep(0.1)
    pytest.fail("there is room, and nobody is let in")
