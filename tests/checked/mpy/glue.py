# Random calls over random streams: every byte arrives exactly once and in order, or the connection has failed loudly.
#
# Beside what tests/stream/mpy/monkey.py does, streams call back, raise where bytes were taken already, run out of
# memory, have garbage collected, and close the connection below the call that reads them. The same calls go over sockets
# of the system with little room, over MemoryBIOs that are carried a few bytes at a time, and over datagrams that are lost,
# doubled and late.

import gc
import random
import socket
import ssl
import struct
import time

import failing
from datagrams import Post, contexts
from pipes import (
    EAGAIN, EBUSY, EIO, ETIMEDOUT, End, Link, POLLIN, POLLNVAL, POLLOUT, STREAM_POLL, join, new_psk_contexts,
    new_server_context, new_verifying_context, noise, pin, poll, socket_pair)
from seeds import seeds
from testing import each, equal, fail, run, same, true

CHAFF = memoryview(noise(4000, 3))
HEADER = 8
STEPS = 120
SO_SNDBUF = 7


class Slip(Exception):
    pass


RAISED = object()
EXCEPTIONS = Slip, OSError, KeyboardInterrupt, MemoryError, SystemExit, ValueError
HARMLESS = (), (EIO,), (ETIMEDOUT,), (EBUSY,), (EAGAIN,)


# ---------------------------------------------------------------------------------------------------------------------
# What is sent: pieces with a number and a length, so that it is seen which of them arrived. Of a piece whose write
# raised nobody knows.


class Flow:
    def __init__(self, source, target):
        self.source = source
        self.target = target
        self.number = 0
        self.pieces = []  # [number, size, sure] that are on their way
        self.got = bytearray()
        self.arrived = 0
        self.sending = False

    def send(self, watch):
        if self.sending:
            # From inside of itself, and before the other one or after it: no piece says which.
            watch(self.source.send, b"")
            return
        self.sending = True
        self.send_piece(watch)
        self.sending = False

    def send_piece(self, watch):
        size = random.choice((HEADER, HEADER + 1, 100, 1500, 3900))
        data = struct.pack(">II", self.number, size) + bytes(CHAFF[HEADER:size])
        kind = random.randrange(6)
        if kind == 0:
            arguments = b"xyz" + data + b"xyz", 3, size
        elif kind == 1:
            arguments = data + b"xyz", size
        else:
            arguments = (memoryview(bytearray(data)),)
        method = self.source.write if kind < 3 else self.source.send if kind < 5 else self.source.sendall
        piece = [self.number, size, False]
        self.pieces.append(piece)
        self.number += 1
        count = watch(method, *arguments)
        if count is None:
            self.pieces.remove(piece)
        elif count is not RAISED:
            equal(count, size)
            piece[2] = True

    def receive(self, watch):
        size = random.choice((0, 1, 3, 100, 5000, 30000))
        kind = random.randrange(9)
        buffer = bytearray(size)
        target = self.target
        if kind < 2:
            answer = watch(target.read, size)
        elif kind == 2:
            answer = watch(target.recv, size)
        elif kind == 3:
            answer = watch(target.readline, size)
        elif kind == 4:
            answer = watch(target.readline)
        elif kind == 5:
            answer = watch(target.read)
        elif kind == 6:
            answer = watch(target.readinto, memoryview(buffer)[size // 3:])
        elif kind == 7:
            answer = watch(target.readinto, buffer, random.choice((size, -1, 50000, 2)))
        else:
            answer = watch(target.recv_into, buffer)
        if answer is not None and answer is not RAISED:
            if isinstance(answer, int):
                start = size // 3 if kind == 6 else 0
                answer = buffer[start:start + answer]
            self.got.extend(answer)
            self.check()

    def check(self):
        while len(self.got) >= HEADER:
            number, size = struct.unpack(">II", self.got)
            while self.pieces and self.pieces[0][0] != number:
                if self.pieces.pop(0)[2]:
                    fail("a piece got lost before piece %d" % number)
            if not self.pieces or self.pieces[0][1] != size:
                fail("piece %d of %d bytes came twice, or was never sent" % (number, size))
            if len(self.got) < size:
                break
            equal(self.got[HEADER:size], bytearray(CHAFF[HEADER:size]))
            self.got[:size] = b""
            self.pieces.pop(0)
            self.arrived += size

    def is_empty(self):
        return not self.got and not any(piece[2] for piece in self.pieces)


# The same of datagrams: each arrives whole and once, or not at all.
class Letters:
    def __init__(self, source, target):
        self.source = source
        self.target = target
        self.number = 0
        self.sizes = {}  # by their numbers, those that may arrive
        self.got = bytearray()  # the beginning of one
        self.arrived = 0
        self.order = []  # in which they arrived

    def send(self, watch):
        number, size = self.number, random.choice((HEADER, HEADER + 1, 100, 1000))
        self.number += 1
        self.sizes[number] = size
        data = struct.pack(">II", number, size) + bytes(CHAFF[HEADER:size])
        count = watch(random.choice((self.source.write, self.source.send, self.source.sendall)), data)
        if count is None:
            del self.sizes[number]
        elif count is not RAISED:
            equal(count, size)
        return count

    def receive(self, watch):
        buffer = bytearray(random.choice((3, 100, 2000, 2000)))
        if random.randrange(2):
            answer = watch(self.target.recv, len(buffer))
        else:
            answer = watch(self.target.recv_into, buffer)
            if answer is not None and answer is not RAISED:
                answer = buffer[:answer]
        if answer is None or answer is RAISED:
            return
        self.got.extend(answer)
        if len(self.got) < HEADER:
            return
        number, size = struct.unpack(">II", self.got)
        if self.sizes.get(number) != size:
            fail("datagram %d of %d bytes came twice, or was never sent" % (number, size))
        if len(self.got) >= size:
            equal(self.got[HEADER:], bytearray(CHAFF[HEADER:size]))
            self.got = bytearray()
            self.arrived += size
            self.order.append(number)
            del self.sizes[number]


# ---------------------------------------------------------------------------------------------------------------------
# Streams


class Mood:
    session = None

    def act(self):
        session = self.session
        if session is None or session.calm:
            return "all"
        kind = random.randrange(24)
        if kind < 3:
            return "block"
        if kind == 3:
            return "number"
        if kind == 4:
            raise random.choice(EXCEPTIONS)
        if kind == 5:
            gc.collect()
        if kind == 6:
            session.reenter()
        if kind == 7 and session.mortal and not random.randrange(20):
            session.close(self)
        return "few" if kind < 14 else "all"


class Wild(End, Mood):
    def readinto(self, buf):
        what = self.act()
        if what == "block":
            return None
        if what == "number":
            return -random.choice((ETIMEDOUT, EIO, EAGAIN))
        count = self.take(buf, random.randrange(1, 30) if what == "few" else len(buf))
        if what == "few" and count and not self.session.shortage and not random.randrange(30):
            buf[count:] = bytes(len(buf) - count)  # what is behind it counts for nothing
        return count

    def write(self, buf):
        what = self.act()
        if what == "block":
            return random.choice((None, 0))
        if what == "number":
            return -random.choice((ETIMEDOUT, EIO, EAGAIN))
        return self.give(buf, random.randrange(1, 30) if what == "few" else len(buf))

    def ioctl(self, request, arg):
        if request == STREAM_POLL:
            what = self.act()
            if what == "block":
                return 0
            if what == "number":
                return -EIO
        return End.ioctl(self, request, arg)


# What is lost in a handshake is sent again a second later, which is not waited for here.
class WildPost(Post, Mood):
    def __init__(self):
        Post.__init__(self)
        self.held = []

    def readinto(self, buf):
        what = self.act()
        if what == "block":
            return None
        if what == "number":
            return -random.choice((ETIMEDOUT, EIO, EAGAIN))
        return Post.readinto(self, buf)

    def write(self, buf):
        what = self.act()
        if what == "block":
            return None
        if what == "number" and self.session.is_up():
            return -random.choice((ETIMEDOUT, EIO, EAGAIN))
        copies = random.choice((0, 1, 2)) if what == "few" and self.session.is_up() else 1
        self.other.inbox.extend([bytes(buf)] * copies)
        if what == "few" and len(self.other.inbox) > 1:
            self.other.inbox.append(self.other.inbox.pop(random.randrange(len(self.other.inbox))))
        return len(buf)

    def ioctl(self, request, arg):
        if request == STREAM_POLL and self.act() == "block":
            return 0
        return Post.ioctl(self, request, arg)


# Sockets of the system, which are soon full.
def narrow_sockets():
    pair = socket_pair()
    for sock in pair:
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUF, 1)
        sock.setblocking(False)
    return pair


# A client and a server over MemoryBIOs, in the place of a Link.
class Bios:
    def __init__(self, client_context, server_context):
        bios = [ssl.MemoryBIO() for _ in range(4)]
        self.near = self.far = None
        self.client = client_context.wrap_bio(bios[0], bios[1], server_hostname="server.test")
        self.server = server_context.wrap_bio(bios[2], bios[3], server_side=True)
        self.ways = (bios[1], bios[2]), (bios[3], bios[0])

    def carry(self, most):
        for source, target in self.ways:
            target.write(source.read(most))


def new_link(kind, pair):
    if kind == "bios":
        return Bios(*pair)
    if kind == "sockets":
        near, far = narrow_sockets()
    elif kind == "datagrams":
        near, far = join(WildPost(), WildPost())
    else:
        near, far = join(Wild(), Wild())
    return Link(*pair, near=near, far=far, handshake=False)


# ---------------------------------------------------------------------------------------------------------------------
# Sessions


class Session:
    def __init__(self, kind, pair, mortal, shortage):
        self.calm = False
        self.mortal = mortal
        self.shortage = shortage
        self.closed = []
        self.depth = 0
        self.link = new_link(kind, pair)
        client, server = self.link.client, self.link.server
        flow = Letters if kind == "datagrams" else Flow
        self.flows = flow(client, server), flow(server, client)
        # MicroPython 1.25's own select.poll() uses NULL if there is no memory for a descriptor.
        self.spared = (poll,) if kind == "sockets" else ()
        for end in (self.link.near, self.link.far):
            if isinstance(end, Mood):
                end.session = self

    def is_up(self):
        return self.link.client.version() is not None and self.link.server.version() is not None

    def carry(self, most):
        if isinstance(self.link, Bios):
            self.link.carry(most)

    # Makes a call, perhaps when memory is short. RAISED: it raised what a stream raises, or the glue may say.
    def watch(self, call, *arguments):
        if self.shortage and self.depth == 0 and not self.calm and call not in self.spared and not random.randrange(4):
            failing.start(failing.GC, random.randrange(12), random.choice((1, 3, 1000)))
        try:
            answer = call(*arguments)
        except BaseException as e:
            failing.stop()
            # When memory is short MicroPython has one exception for all, whose type (even that of Slip's base) and
            # arguments are those of several.
            expected = isinstance(e, EXCEPTIONS) or (self.shortage and type(e) is Exception)
            known = e.args in HARMLESS or isinstance(e, MemoryError) or (self.shortage and len(e.args) == 1)
            if not expected or (not self.closed and not known):
                raise
            return RAISED
        failing.stop()
        return answer

    # From inside a stream: the same connection is busy, the other one is free.
    def reenter(self):
        if self.depth < 3:
            self.depth += 1
            try:
                self.step()
            finally:
                self.depth -= 1

    def close(self, end):
        sock = self.link.client if end is self.link.near else self.link.server
        self.closed.append(sock)
        sock.close()

    def step(self):
        watch = self.watch
        self.carry(random.choice((0, 1, 10, 1000, 100000)))
        flow = random.choice(self.flows)
        kind = random.randrange(20)
        sock = flow.source
        if kind < 8:
            flow.send(watch)
        elif kind < 16:
            flow.receive(watch)
        elif kind == 16:
            watch(poll, sock, random.choice((POLLIN, POLLOUT, POLLIN | POLLOUT)))
        elif kind == 17:
            watch(random.choice((sock.pending, sock.version, sock.cipher, sock.stats, sock.getpeercert)))
        elif kind == 18:
            if random.randrange(2):
                watch(sock.setblocking, False)
            else:
                watch(sock.settimeout, random.choice((0, 0.001, 0.003)))
        else:
            gc.collect()

    def run(self):
        for _ in range(STEPS):
            self.step()
        self.calm = True
        if self.closed:
            return self.end_closed()
        for flow in self.flows:
            flow.source.setblocking(False)
        if isinstance(self.flows[0], Letters):
            self.end_datagrams()
        else:
            self.end_stream()

    def end_stream(self):
        for _ in range(200):
            self.carry(100000)
            for flow in self.flows:
                flow.receive(self.watch)
                poll(flow.source)
            if self.is_up() and all(f.is_empty() for f in self.flows):
                break
        for flow in self.flows:
            true(flow.is_empty(), flow.pieces)
        client, server = self.link.client, self.link.server
        if random.randrange(2):
            for _ in range(3):
                self.carry(100000)
                client.read(), server.read()  # what nobody knew of
            for sock in (client, server, client):
                try:
                    sock.unwrap()
                except OSError as e:
                    equal(e.args, (EAGAIN,))
                self.carry(100000)
        else:
            client.close()
            for _ in range(10):
                self.carry(100000)
                if server.read() == b"":
                    break
            same(server.truncated, False)
            server.close()

    # What is under way may be lost, and what is sent over a network that loses nothing any more is not.
    def end_datagrams(self):
        end = time.ticks_add(time.ticks_ms(), 20000)
        quiet = 0
        while not self.is_up() or quiet < 20:
            true(time.ticks_diff(end, time.ticks_ms()) > 0, "no handshake")
            quiet = 0 if self.link.near.inbox or self.link.far.inbox else quiet + 1
            for flow in self.flows:
                flow.receive(self.watch)
                poll(flow.source)
            if quiet and not self.is_up():
                time.sleep_ms(2)
        for flow in self.flows:
            sent = []
            for _ in range(5):
                sent.append(flow.number)
                equal(flow.send(self.watch), flow.sizes[sent[-1]])
            for _ in range(100):
                flow.receive(self.watch)
            equal(flow.order[-5:], sent)
        self.link.client.close()
        equal(self.link.server.recv(10), b"")
        self.link.server.close()

    # Whoever was closed says so; to the other one comes the beginning of what was sent.
    def end_closed(self):
        for flow in self.flows:
            for _ in range(50):
                flow.receive(self.watch)
        for sock in self.closed:
            equal(poll(sock), POLLNVAL)
            same(self.watch(sock.send, b"x"), RAISED)


def go(name, mortal=False, shortage=False):
    kind, _, under = name.partition(" over ")
    if under == "datagrams":
        pair = contexts(kind)
    elif kind.startswith("certificates"):
        pair = new_verifying_context(), new_server_context()
    else:
        pair = new_psk_contexts()
    if under != "datagrams":
        pin(0x0303 if kind.endswith("1.2") else 0x0304, *pair)
    arrived = 0
    for seed in seeds(3):  # a minute for all cases
        session = Session(under, pair, mortal, shortage)
        try:
            session.run()
        except BaseException:
            failing.stop()
            print("seed", seed)
            raise
        arrived += session.flows[0].arrived + session.flows[1].arrived
    print("%d bytes arrived" % arrived)
    true(arrived)


@each("psk 1.2", "psk 1.3", "certificates 1.2", "certificates 1.3")
def wild_streams(name):
    go(name)


@each("psk 1.3 over sockets", "certificates 1.2 over bios", "psk over datagrams", "ec over datagrams")
def wild_calls(name):
    go(name)


@each("psk 1.2", "psk 1.3", "certificates 1.2", "certificates 1.3", "psk over datagrams")
def closed_from_inside(name):
    go(name, mortal=True)


@each(
    "psk 1.2", "psk 1.3", "certificates 1.2", "certificates 1.3", "psk 1.3 over sockets", "psk 1.3 over bios",
    "psk over datagrams")
def memory_is_short(name):
    go(name, shortage=True)


run()
