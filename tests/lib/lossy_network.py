"""A network between DTLS clients and a server that loses, doubles, delays and drops datagrams, and remembers them all."""

import contextlib
import random
import select
import socket
import threading
import time

TO_SERVER, TO_CLIENT = "to server", "to client"

# How many of ten datagrams in a row meet each fate, in either direction; which ones, the seed decides. No two in a row
# get lost, or else a handshake could take longer than any peer has patience.
BAD = {"lose": 3, "double": 1, "delay": 1}
DELAY = 0.05  # seconds, for one that no other overtakes

# RFC 6347 section 4.1 and RFC 5246 section 7.4
ALERT, HANDSHAKE, DATA = 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, HELLO_VERIFY_REQUEST = 1, 2, 3


def record_type(datagram):
    return datagram[0]


def message_type(datagram):
    """The type of the handshake message at the start of a datagram of plaintext; None if there is none."""
    is_handshake = len(datagram) > 13 and datagram[0] == HANDSHAKE and datagram[3:5] == b"\0\0"
    return datagram[13] if is_handshake else None


class Direction:
    """What becomes of the datagrams that go one way."""

    def __init__(self, rates, lost, seed, mtu):
        self.fates = []
        self.last = None
        self.rates = rates or {}
        self.lost = lost
        self.mtu = mtu
        self.random = random.Random(seed)
        self.count = 0
        self.held = []  # (when, function that delivers it)

    def next_fate(self):
        self.count += 1
        if self.count in self.lost:
            return "lose"
        if not self.fates:
            self.fates = [fate for fate, count in self.rates.items() for _ in range(count)]
            self.fates += ["pass"] * (10 - len(self.fates))
            self.shuffle()
        self.last = self.fates.pop()
        return self.last

    def shuffle(self):
        while True:
            self.random.shuffle(self.fates)
            order = [*self.fates, self.last]
            if ("lose", "lose") not in zip(order, order[1:]):
                return

    def carry(self, data, deliver):
        """Returns how often a datagram has been, or will be, delivered."""
        fate = self.next_fate()
        if fate == "lose" or (self.mtu and len(data) > self.mtu):
            return 0
        if fate == "delay":
            self.held.append((time.monotonic() + DELAY, deliver))
            return 1
        deliver()
        if fate == "double":
            deliver()
        self.release(float("inf"))  # they have been overtaken
        return 2 if fate == "double" else 1

    def release(self, now):
        while self.held and self.held[0][0] <= now:
            self.held.pop(0)[1]()


class LossyNetwork:
    """Listens at `port` for any number of clients and carries their datagrams to the server and back.

    rates: e.g. BAD; lost: numbers of datagrams, counted from 1 for each direction, that get lost; mtu: longer datagrams
    get lost.
    """

    def __init__(self, server_port, rates=None, lost=(), seed=0, mtu=None):
        self._server = ("127.0.0.1", server_port)
        self._outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outer.bind(("127.0.0.1", 0))
        self.port = self._outer.getsockname()[1]
        self._inner = {}  # address of a client: the socket that stands for it before the server
        self._directions = {way: Direction(rates, lost, f"{seed} {way}", mtu) for way in (TO_SERVER, TO_CLIENT)}
        self._seen = []  # (direction, datagram, times delivered)
        self._lock = threading.Lock()
        self._idle = threading.Event()  # there is nothing to carry
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            with self._lock:
                clients = {sock: address for address, sock in self._inner.items()}
            ready = select.select([self._outer, *clients], [], [], DELAY / 5)[0]
            if not ready:
                self._idle.set()
            for sock in ready:
                # Where nobody listens (yet, or any more) the kernel says so, and nobody needs to know.
                with contextlib.suppress(ConnectionRefusedError):
                    self._receive(sock, clients.get(sock))
            with self._lock:
                for direction in self._directions.values():
                    direction.release(time.monotonic())

    def _receive(self, sock, client):
        data, source = sock.recvfrom(65536)
        if client is None:
            self._carry(TO_SERVER, data, source)
        else:
            self._carry(TO_CLIENT, data, client)

    def _socket_of(self, client):
        if client not in self._inner:
            self._inner[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._inner[client].connect(self._server)
        return self._inner[client]

    def _deliver(self, way, data, client):
        with contextlib.suppress(ConnectionRefusedError):
            if way == TO_SERVER:
                self._socket_of(client).send(data)
            else:
                self._outer.sendto(data, client)

    def _carry(self, way, data, client):
        with self._lock:
            times = self._directions[way].carry(data, lambda: self._deliver(way, data, client))
            self._seen.append((way, data, times))

    def calm(self):
        """When there is nothing to carry: from now on every datagram arrives, and those that were delayed arrive now."""
        self._idle.clear()
        assert self._idle.wait(10), "it never rests"
        with self._lock:
            for direction in self._directions.values():
                direction.rates = {}
                direction.fates = []
                direction.mtu = None
                direction.release(float("inf"))

    def inject(self, way, data):
        """Forges a datagram between the server and its first client."""
        with self._lock:
            self._deliver(way, data, next(iter(self._inner)))

    def seen(self, way, delivered=None):
        """The datagrams that went this way; delivered: only those that (have not) arrived."""
        with self._lock:
            return [data for direction, data, times in self._seen
                    if direction == way and delivered in (None, times > 0)]

    def lost(self):
        return len(self.seen(TO_SERVER, False)) + len(self.seen(TO_CLIENT, False))

    def close(self):
        self._stop.set()
        self._thread.join()
        for sock in (self._outer, *self._inner.values()):
            sock.close()
