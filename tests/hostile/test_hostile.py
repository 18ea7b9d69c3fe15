"""Does a server go on serving while others attack it? examples/https_server.py, and peers that break every rule.

While an attack lasts, honest clients ask for pages: each must get its page. After each round the server's descriptors
are as they were, and after the last one its memory. build/logs/hostile-ENGINE.txt, which begins anew with each run,
says how long the honest clients waited; nothing is asserted of that.
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
ROOM = 400  # clients that the example hears at a time
MANY = 200  # of the attackers that stay until the server ends them
GRACE = 5  # seconds more than a client has, within which the server does so
PAGE = 200_000  # bytes, more than all buffers on the way take


class Honest:
    """Clients of CPython that ask for pages, one after the other, as long as the with statement lasts."""

    def __init__(self, server, certs, clients=2):
        self.server = server
        self.context = ssl.create_default_context(cafile=certs / "root.pem")
        self.seconds, self.failures = [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self.failures, self.failures[0]

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


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


# ----------------------------------------------------------------------------------------------------------------------
# attack(server, certs) takes a second or two, or as long as the server gives a client, and leaves nothing open

def record(kind, body, length=None):
    return struct.pack("!BHH", kind, 0x0303, len(body) if length is None else length) + body


def client_hello(server):
    """The hello of a real client."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="server.test").do_handshake()
    return outgoing.read()


def is_over(sock):
    """Whether the server has ended the connection; waits as long as the socket does."""
    try:
        while sock.recv(4096):
            pass
    except ConnectionError:
        pass
    except BlockingIOError:
        return False
    return True


def send_to(server, data, count=30):
    """Sends the same over many connections, and waits until the server has ended each."""
    socks = [server.connect() for _ in range(count)]
    for sock in socks:
        with contextlib.suppress(ConnectionError):
            sock.sendall(data)
    for sock in socks:
        with sock:
            is_over(sock)


def garbage(server, certs):
    send_to(server, os.urandom(5000))


def plaintext_http(server, certs):
    send_to(server, GET)


def half_a_hello_then_silence(server, certs):
    hello = client_hello(server)
    send_to(server, hello[:len(hello) // 2], MANY)


def a_byte_now_and_then(server, certs):
    """Five bytes a second, until the server has had enough."""
    hello = client_hello(server)
    socks = [server.connect() for _ in range(MANY)]
    for sock in socks:
        sock.setblocking(False)
    listening = socks
    for byte in hello[:5 * (server.seconds + GRACE)]:
        for sock in listening:
            with contextlib.suppress(ConnectionError):
                sock.sendall(bytes([byte]))
        time.sleep(0.2)
        listening = [sock for sock in listening if not is_over(sock)]
        if not listening:
            break
    assert not listening
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
    """Two thousand, each of which says a byte and stays: five times as many as the server has room for.

    They come in groups: what the kernel has no room for comes a second later.
    """
    socks = []
    for _ in range(40):
        socks += [server.connect(timeout=GRACE) for _ in range(50)]
        for sock in socks[-50:]:
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"\x16")
        time.sleep(0.02)
    for sock in socks[:-ROOM]:
        assert is_over(sock)  # before its ten seconds are
    assert server.descriptors() > 2 * ROOM * 0.9
    time.sleep(0.2)
    for sock in socks:
        sock.close()


half_open.options = {"seconds": None}  # all as the example has it


def handshakes_without_a_request(server, certs):
    context = ssl.create_default_context(cafile=certs / "root.pem")
    conns = [context.wrap_socket(server.connect(), server_hostname="server.test") for _ in range(MANY)]
    for conn in conns:
        with conn:
            assert conn.recv(1) == b""


def never_reading(server, certs):
    """A page that is too long for all buffers in between, and clients that stay and do not read it."""
    context = ssl.create_default_context(cafile=certs / "root.pem")
    conns = []
    for _ in range(40):
        conns.append(context.wrap_socket(server.connect(receives=2048), server_hostname="server.test"))
        conns[-1].sendall(GET)
    time.sleep(server.seconds + 2)
    for conn in conns:
        page = b""
        with conn, contextlib.suppress(ConnectionError):
            while data := conn.recv(65536):
                page += data
        assert len(page) < PAGE  # or the server would still have been there


never_reading.options = {"padding": PAGE, "heap": 32_000_000}


def ends_without_close_notify(server, certs):
    context = ssl.create_default_context(cafile=certs / "root.pem")
    for _ in range(100):
        conn = context.wrap_socket(server.connect(), server_hostname="server.test")
        conn.sendall(b"GET /")
        socket.socket(fileno=conn.detach()).close()


def flood(server, make_peer, send):
    """Byte-level peers do their handshakes, then the same again and again: the first 2,000 times."""
    peers = []
    for count in (2000, *([20] * 19)):
        peers.append(peer := make_peer())
        peer.talk = [lambda peer, count=count: [send(peer) for _ in range(count)]]
        with server.connect() as sock, contextlib.suppress(OSError):
            peer.run(sock)
        assert peer.complete
    return peers


def renegotiation(server, certs):
    peers = flood(
        server, lambda: Client12(Identity(certs, "client-ec")), lambda peer: peer.put(HANDSHAKE, peer.hello.encode()))
    assert all(peer.alerts for peer in peers)


def floods_inside(server, certs):
    """Empty records, warnings, and new keys which the server is to answer with its own."""
    for kind in (Client12, Client13):
        def make_peer(kind=kind):
            return kind(Identity(certs, "client-ec"))

        flood(server, make_peer, lambda peer: peer.put_raw(peer.seal(peer.writing, APPLICATION_DATA, b"")))
        flood(server, make_peer, lambda peer: peer.send_alert(1, 90))
    flood(server, make_peer, lambda peer: peer.send_key_update(1))


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


@pytest.fixture(scope="module")
def note(engine):
    """note(LINE): a line in a log that begins anew with each run."""
    log = ROOT / "build" / "logs" / f"hostile-{engine}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8", buffering=1) as file:
        yield lambda line: file.write(line + "\n")


def growth(memory):
    """Bytes more than before, of C's memory and of Python's heap.

    All buffers have their size after two rounds. The collector may take a number for a reference, so what was held after
    either of the first two is compared with what was held after both of the last.
    """
    return [min(late) - max(early) for early, late in zip(zip(*memory[:2]), zip(*memory[-2:]))]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_goes_on(server, note, certs, attack):
    """Honest clients are served all the time, and nothing is left of the attack, however often it comes."""
    attacked = server(**getattr(attack, "options", {}))
    with Honest(attacked, certs) as quiet:
        time.sleep(0.3)
    descriptors = attacked.descriptors()
    seconds, memory, attackers = [], [], []
    start = time.monotonic()
    while len(memory) < 5 or (time.monotonic() - start < 2 and len(memory) < 50):
        before = attacked.connections
        with Honest(attacked, certs) as honest:
            attack(attacked, certs)
        attackers.append(attacked.connections - before - len(honest.seconds))
        attacked.wait_descriptors(descriptors)
        memory.append(attacked.memory())
        seconds += honest.seconds
    assert sum(attackers[2:-1]) >= 40, attackers
    resident, alive = growth(memory)
    note(f"{attack.__name__}: {len(seconds)} pages, all served; median {median(seconds) * 1000:.1f} ms, longest "
         f"{max(seconds) * 1000:.0f} ms, without the attack {median(quiet.seconds) * 1000:.1f} ms; {sum(attackers)} "
         f"attackers; after {len(memory)} attacks {resident / 1000:.0f} KB resident and {alive} bytes of Python's heap more "
         f"than after two")
    assert resident < 250_000 and alive < 4_000, memory


def test_ended_tasks(run_mpy):
    """What is taken out of the measurement is there before, and is not afterwards."""
    held, forgotten = run_mpy(pathlib.Path(__file__).parent / "mpy" / "ended.py").json
    assert forgotten < 6_000
    assert held > 20_000, "MicroPython has mended it: nothing need be taken out any more"


def test_limit(server, certs):
    """Above `most` clients at a time the oldest that has not asked has to go; whoever has begun to ask may stay."""
    limited = server(most=3, seconds=30)
    honest = Honest(limited, certs)
    honest.ask()
    descriptors = limited.descriptors()
    held = [limited.connect() for _ in range(3)]
    honest.ask()
    assert is_over(held[0])
    for _ in range(3):
        held.append(honest.context.wrap_socket(limited.connect(), server_hostname="server.test"))
        held[-1].sendall(b"GET / HTTP/1.0\r\n")
    assert is_over(held[1]) and is_over(held[2])
    with pytest.raises(OSError):
        honest.ask()
    for conn in held[3:]:
        conn.sendall(b"\r\n")
        assert conn.recv(10) == b"HTTP/1.0 2"
        conn.close()
    limited.wait_descriptors(descriptors)
    honest.ask()


def test_half_open_memory(server, note):
    """What a client costs the server when a byte of it has come; nothing is asserted of that."""
    attacked = server(seconds=30)
    before = attacked.memory()
    socks = [attacked.connect() for _ in range(ROOM)]
    for sock in socks:
        sock.sendall(b"\x16")
    time.sleep(1)
    note("half-open, each: {:.1f} KB resident, {:.1f} KB of Python's heap".format(
        *((late - early) / ROOM / 1000 for late, early in zip(attacked.memory(), before))))
    for sock in socks:
        sock.close()
