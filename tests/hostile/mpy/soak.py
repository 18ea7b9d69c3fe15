# soak.py ROUNDS CERTS: connections over sockets, with faults below TLS, one after the other.
#
# Each is full or resumed, TLS 1.2 or 1.3; its stream moves little, would block, is late (the next calls find nothing,
# those of poll() too), and one of eight is reset or ends somewhere. What arrives is what was sent, or the beginning of
# it if the connection has failed. Prints what the process holds after a twentieth of the rounds and at the end.

import failing
import gc
import io
import os
import random
import socket
import ssl
import struct
import sys

ROUNDS = int(sys.argv[1])
CERTS = sys.argv[2]
ECONNRESET = 104
EPIPE = 32
STREAM_POLL = 3
STREAM_CLOSE = 4


def noise(size):
    data = bytearray(size)
    for i in range(0, size, 4):
        data[i:i + 4] = struct.pack("I", random.getrandbits(32))
    return bytes(data)


NOISE = noise(65536)


# Two connected sockets of the system that do not block. Names that begin with NUL are no files.
def socket_pair():
    name = struct.pack("H", socket.AF_UNIX) + b"\0micropython-ssl-soak-" + os.urandom(8)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(1)
    near = socket.socket(socket.AF_UNIX)
    near.connect(name)
    far = listener.accept()[0]
    listener.close()
    near.setblocking(False)
    far.setblocking(False)
    return near, far


# A socket that does to TLS what networks do. `calls` is how many calls it lives, None: for ever.
class Faulty(io.IOBase):
    def __init__(self, sock, calls, ends):
        self.sock = sock
        self.calls = calls
        self.ends = ends  # False: it is reset
        self.silence = 0  # calls until it moves again

    # Whether it is late: it says nothing, nor to the next calls. Counted, not timed, so that each run is the same.
    def is_late(self):
        self.silence = max(self.silence - 1, 0)
        return self.silence > 0

    # What is left of a size; 0: it would block.
    def fault(self, size):
        if self.calls is not None:
            self.calls -= 1
        if self.is_late():
            return 0
        kind = random.randrange(60)
        if kind == 0:
            self.silence = random.randrange(2, 30)
        return 0 if kind < 10 else random.randrange(1, 50) if kind < 20 else size

    def dead(self):
        return self.calls is not None and self.calls < 0

    def readinto(self, buf):
        size = self.fault(len(buf))
        if self.dead():
            return 0 if self.ends else -ECONNRESET
        return self.sock.readinto(memoryview(buf)[:size]) if size else None

    def write(self, buf):
        size = self.fault(len(buf))
        if self.dead():
            return -EPIPE if self.ends else -ECONNRESET
        return self.sock.write(memoryview(buf)[:size]) if size else None

    def ioctl(self, request, arg):
        if request == STREAM_CLOSE:
            self.sock.close()
        return arg if request == STREAM_POLL and not self.is_late() else 0


class Way:
    """One direction."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        start = random.randrange(32768)
        self.data = memoryview(NOISE)[start:start + random.choice((0, 1, 500, 5000, 30000))]
        self.sent = 0
        self.got = bytearray()

    def move(self):
        """Whether all has arrived."""
        if self.sent < len(self.data):
            self.sent += self.source.write(self.data[self.sent:self.sent + random.randrange(1, 20000)]) or 0
        part = self.target.recv(random.randrange(1, 20000))
        if part == b"":
            raise OSError(ECONNRESET)
        self.got.extend(part or b"")
        return len(self.got) == len(self.data) and self.source.version() is not None


class Servers:
    """Contexts, and the session of the last connection of each version."""

    def __init__(self):
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(CERTS + "/ec-chain.pem", CERTS + "/ec.key")
        self.clients = {}
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            client.load_verify_locations(cafile=CERTS + "/root.pem")
            client.verify_mode = ssl.CERT_REQUIRED
            client.minimum_version = ssl.TLSVersion.TLSv1_2
            client.maximum_version = version
            self.clients[version] = [client, None]


# One connection; whether it came to its end, and whether it was resumed.
def connect(servers):
    version = random.choice(tuple(servers.clients))
    client_context, session = servers.clients[version]
    session = session if random.randrange(3) else None
    doomed = random.randrange(8) == 0
    near, far = socket_pair()
    lives = (random.randrange(1, 60), None) if random.randrange(2) else (None, random.randrange(1, 60))
    lives = lives if doomed else (None, None)
    near, far = (Faulty(sock, calls, random.randrange(2)) for sock, calls in zip((near, far), lives))
    client = client_context.wrap_socket(
        near, server_hostname="server.test", do_handshake_on_connect=False, session=session)
    server = servers.server.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    up, down = Way(client, server), Way(server, client)
    ended = resumed = False
    try:
        while not up.move() & down.move():
            pass
        ended, resumed = True, client.session_reused
        # A connection without data may end before a ticket has come.
        servers.clients[version][1] = client.session or servers.clients[version][1]
    except OSError as e:
        if not doomed:
            raise
    finally:
        for way in (up, down):
            if way.got != way.data[:len(way.got)] or (ended and len(way.got) != len(way.data)):
                raise AssertionError("other data arrived than were sent")
        for sock in (client, server):
            try:
                sock.close()
            except OSError:
                pass  # nobody is left to hear close_notify
    return ended, resumed


# Open descriptors, blocks of the C library's heap, bytes in MicroPython's heap.
def holdings():
    for _ in range(3):
        gc.collect()
    return len(os.listdir("/proc/self/fd")), failing.blocks(), gc.mem_alloc()


def main():
    random.seed(ROUNDS)
    servers = Servers()
    ended = resumed = 0
    for i in range(ROUNDS):
        outcome = connect(servers)
        ended += outcome[0]
        resumed += outcome[1]
        if i == ROUNDS // 20:
            print("early", *holdings())
    print("late", *holdings())
    print("ended", ended, resumed, ROUNDS)


main()
