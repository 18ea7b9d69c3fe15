# Random calls over random streams: every byte arrives exactly once and in order, or the connection has failed loudly.
#
# Beside what tests/stream/mpy/monkey.py does, streams call back, raise where bytes were taken already, run out of
# memory, have garbage collected, and close the connection below the call that reads them.

import gc
import random
import struct

import failing
from pipes import (
    EAGAIN, EBUSY, EIO, ETIMEDOUT, End, Link, POLLIN, POLLNVAL, POLLOUT, STREAM_POLL, new_psk_contexts,
    new_server_context, new_verifying_context, noise, pin, poll)
from seeds import seeds
from testing import each, equal, fail, run, same, true

CHAFF = memoryview(noise(4000, 3))
HEADER = 8
STEPS = 120


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


# ---------------------------------------------------------------------------------------------------------------------
# Streams


class Wild(End):
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
        return super().ioctl(request, arg)


# ---------------------------------------------------------------------------------------------------------------------
# Sessions


class Session:
    def __init__(self, pair, mortal, shortage):
        self.calm = False
        self.mortal = mortal
        self.shortage = shortage
        self.closed = []
        self.depth = 0
        self.link = Link(*pair, near=Wild(), far=Wild(), handshake=False)
        client, server = self.link.client, self.link.server
        self.flows = Flow(client, server), Flow(server, client)
        self.link.near.session = self.link.far.session = self

    # Makes a call, perhaps when memory is short. RAISED: it raised what a stream raises, or the glue may say.
    def watch(self, call, *arguments):
        if self.shortage and self.depth == 0 and not self.calm and not random.randrange(4):
            failing.start(failing.GC, random.randrange(12), random.choice((1, 3, 1000)))
        try:
            answer = call(*arguments)
        except EXCEPTIONS as e:
            failing.stop()
            # When memory is short MicroPython has one exception for all, whose type and arguments are those of several.
            known = e.args in HARMLESS or isinstance(e, MemoryError) or (self.shortage and len(e.args) == 1)
            if not self.closed and not known:
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
        for _ in range(200):
            for flow in self.flows:
                flow.receive(self.watch)
                poll(flow.source)
            if self.link.client.version() and self.link.server.version() and all(f.is_empty() for f in self.flows):
                break
        for flow in self.flows:
            true(flow.is_empty(), flow.pieces)
        self.end()

    def end(self):
        client, server = self.link.client, self.link.server
        if random.randrange(2):
            client.read(), server.read()  # what nobody knew of
            for sock in (client, server, client):
                try:
                    sock.unwrap()
                except OSError as e:
                    equal(e.args, (EAGAIN,))
        else:
            client.close()
            for _ in range(10):
                if server.read() == b"":
                    break
            same(server.truncated, False)
            server.close()

    # Whoever was closed says so; to the other one comes the beginning of what was sent.
    def end_closed(self):
        for flow in self.flows:
            for _ in range(50):
                flow.receive(self.watch)
        for sock in self.closed:
            equal(poll(sock), POLLNVAL)
            same(self.watch(sock.send, b"x"), RAISED)


def go(name, seconds, mortal=False, shortage=False):
    pair = new_psk_contexts()
    if name.startswith("certificates"):
        pair = new_verifying_context(), new_server_context()
    pin(0x0303 if name.endswith("1.2") else 0x0304, *pair)
    arrived = 0
    for seed in seeds(seconds):
        session = Session(pair, mortal, shortage)
        try:
            session.run()
        except BaseException:
            failing.stop()
            print("seed", seed)
            raise
        arrived += session.flows[0].arrived + session.flows[1].arrived
    print("%d bytes arrived" % arrived)


@each("psk 1.2", "psk 1.3", "certificates 1.2", "certificates 1.3")
def wild_streams(name):
    go(name, 1)


@each("psk 1.2", "psk 1.3", "certificates 1.2", "certificates 1.3")
def closed_from_inside(name):
    go(name, 1, mortal=True)


@each("psk 1.2", "psk 1.3", "certificates 1.2", "certificates 1.3")
def memory_is_short(name):
    go(name, 2, shortage=True)


run()
