# Writes that block and are tried again, reads that stop half-way: no byte is lost and none is doubled.

import hashlib
import random
import ssl
import sys

from pipes import EBADF, ETIMEDOUT, End, Link, POLLIN, POLLOUT, new_psk_contexts, noise, pin, poll
from testing import case, each, equal, raises, raises_os_error, run, same, true


def versions(name):
    return ssl.TLSVersion.TLSv1_2 if name == "1.2" else ssl.TLSVersion.TLSv1_3


def connect(name, **options):
    return Link(*pin(versions(name), *new_psk_contexts()), **options)


def hash_of(data):
    return hashlib.sha256(data).digest()


# Lets through what is waiting, a piece at a time if `step` says so.
def unblock(link, step=None):
    link.near.writable = True
    for _ in range(10000):
        if not poll(link.client, POLLOUT):
            break
        if step is None:
            break


@each("1.2", "1.3")
def what_a_blocked_write_has_taken_is_sent(version):
    link = connect(version)
    link.near.writable = False
    equal(link.client.send(b"taken"), 5)
    same(link.client.send(b"not taken"), None)
    same(link.client.write(b"not taken"), None)
    same(link.server.recv(100), None)
    unblock(link)
    equal(link.server.recv(100), b"taken")
    same(link.server.recv(100), None)
    equal(link.client.send(b"taken again"), 11)
    equal(link.server.recv(100), b"taken again")


@each(("longer", b"other, longer data"), ("shorter", b"o"), ("same", b"not taken"), ("equal length", b"123456789"),
      ("large", b"L" * 4000))
def trying_again_with_another_buffer(name, data):
    for version in ("1.2", "1.3"):
        link = connect(version)
        link.near.writable = False
        equal(link.client.send(b"first|"), 6)
        same(link.client.send(b"not taken"), None)
        link.near.writable = True
        equal(link.client.send(data), len(data))
        equal(link.server.read(6), b"first|")
        equal(link.server.read(len(data)), data)
        same(link.server.read(1), None)


@each("1.2", "1.3")
def never_trying_again(version):
    link = connect(version)
    link.near.writable = False
    equal(link.client.send(b"alone"), 5)
    # The program only waits for the answer from now on.
    link.near.writable = True
    same(link.client.read(1), None)
    equal(link.server.recv(10), b"alone")


# write() takes records as long as the stream does and then says how much that was.
@each("1.2", "1.3")
def large_write_that_blocks(version):
    class Narrow(End):
        space = 0

        def give(self, buf, limit):
            if self.space <= 0:
                return None
            count = super().give(buf, min(limit, self.space))
            self.space -= count
            return count

    data = noise(100000)
    for space in (0, 1, 100, 16000, 16384, 16405, 16406, 16407, 20000, 50000, 99999):
        link = connect(version, near=Narrow(), handshake=False)
        link.near.space = 100000
        link.shake()
        link.near.space = space
        taken = link.client.write(data) or 0
        true(taken >= space - 500, (space, taken))
        # At most one record more than went out.
        true(taken <= space + 16384, (space, taken))
        if taken < len(data):
            for _ in range(5):
                same(link.client.write(data[taken:]), None)
        link.near.space = 1 << 30
        equal(link.client.write(data[taken:]), len(data) - taken)
        link.client.recv(1)
        got = link.server.read(len(data))
        equal(hash_of(got), hash_of(data))
        same(link.server.read(1), None)


@each("1.2", "1.3")
def changing_buffers_all_the_time(version):
    class Jammed(End):
        def write(self, buf):
            if random.randrange(3):
                return None
            return self.give(buf, random.randrange(1, 400))

    random.seed(int(version[-1]))
    link = connect(version, near=Jammed())
    sent, received = hashlib.sha256(), hashlib.sha256()
    total = got = 0
    for i in range(4000):
        data = bytes([random.getrandbits(8)]) * random.randrange(1, 200)
        if i % 50 == 0:
            data = data * 100
        method = (link.client.write, link.client.send)[random.randrange(2)]
        taken = method(data)
        if taken:
            sent.update(data[:taken])
            total += taken
        part = link.server.recv(random.randrange(1, 5000))
        if part:
            received.update(part)
            got += len(part)
    for _ in range(10000):
        if got == total:
            break
        poll(link.client, POLLOUT)
        part = link.server.recv(5000) or b""
        received.update(part)
        got += len(part)
    equal(got, total)
    equal(sent.digest(), received.digest())


@each("1.2", "1.3")
def interrupted_write(version):
    # A timeout of a native stream is an error number, not an exception: what was taken counts.
    class Slow(End):
        budget = 1 << 30

        def write(self, buf):
            if self.budget <= 0:
                return -ETIMEDOUT
            count = self.give(buf, min(len(buf), self.budget))
            self.budget -= count
            return count

    data = noise(50000)
    for budget in (0, 1, 1000, 16405, 16406, 20000, 40000):
        link = connect(version, near=Slow())
        link.near.budget = budget
        sent = 0
        timeouts = 0
        while sent < len(data):
            try:
                sent += link.client.send(data[sent:])
            except OSError as e:
                equal(e.args, (ETIMEDOUT,))
                timeouts += 1
                link.near.budget += 10000
        unblock(link)
        for _ in range(10):
            try:
                poll(link.client, POLLOUT)
            except OSError:
                pass
            link.near.budget += 10000
        got = link.server.read(len(data))
        equal(hash_of(got), hash_of(data))
        true(timeouts >= 1, timeouts)


class Interrupt(Exception):
    pass


# Delivers a piece, then raises or returns what `then` holds for each following call.
class Stuttering(End):
    def __init__(self, *then):
        super().__init__()
        self.then = list(then)
        self.armed = False

    def readinto(self, buf):
        if self.inbox or not self.armed:
            return self.take(buf, len(buf))
        thing = self.then.pop(0) if self.then else None
        if isinstance(thing, Exception):
            raise thing
        return thing


READS = (
    ("read", 20), ("read", None), ("readinto", 20), ("readline", None), ("readline", 20),
)


def call(sock, name, size):
    if name == "readinto":
        buffer = bytearray(size)
        count = sock.readinto(buffer)
        return count if count is None else bytes(buffer[:count])
    return getattr(sock, name)(size) if size is not None else getattr(sock, name)()


@each("read(20)", "read()", "readinto(20)", "readline()", "readline(20)")
def read_that_ends_with_an_exception_keeps_what_it_has(label):
    name, size = READS[("read(20)", "read()", "readinto(20)", "readline()", "readline(20)").index(label)]
    for thing, kind in ((-ETIMEDOUT, OSError), (Interrupt(), Interrupt), (OSError(ETIMEDOUT), OSError)):
        for again, more in READS:
            link = connect("1.3", near=Stuttering(thing, thing, thing))
            link.near.armed = True
            link.server.write(b"0123456789")
            raises(kind, call, link.client, name, size)
            equal(link.client.pending(), 10)
            # Once more, with the same and with another method: nothing may come twice either.
            raises(kind, call, link.client, name, size)
            raises(kind, call, link.client, again, more)
            equal(link.client.pending(), 10)
            equal(poll(link.client, POLLIN), POLLIN)
            link.near.armed = False
            equal(link.client.read(4), b"0123")
            equal(link.client.pending(), 6)
            link.server.write(b"abcdefghij\n")
            equal(call(link.client, again, more), b"456789abcdefghij\n")
            same(link.client.read(1), None)


@case
def bytes_that_were_kept_can_be_taken_one_by_one():
    link = connect("1.3", near=Stuttering(-ETIMEDOUT))
    link.near.armed = True
    link.server.write(b"0123456789")
    raises_os_error(ETIMEDOUT, None, link.client.read, 11)
    reads = link.near.reads
    equal([link.client.recv(1) for _ in range(10)], [b"%d" % i for i in range(10)])
    equal(link.near.reads, reads)
    link.near.armed = False
    same(link.client.recv(1), None)


@case
def bytes_that_were_kept_survive_a_failure():
    # The peer's words before the failure are authentic, and come first.
    link = connect("1.3", near=Stuttering(-ETIMEDOUT))
    link.near.armed = True
    link.server.write(b"0123456789")
    raises_os_error(ETIMEDOUT, None, link.client.read, 11)
    link.near.armed = False
    link.server.write(b"forged")
    link.near.inbox[-1] ^= 1
    equal(link.client.recv(10), b"0123456789")
    raises(OSError, link.client.recv, 10)


@case
def failure_inside_a_read_keeps_what_it_has():
    link = connect("1.3")
    link.server.write(b"0123456789")
    link.server.write(b"forged")
    link.near.inbox[-1] ^= 1
    e = raises(OSError, link.client.read, 16)
    equal(link.client.read(10), b"0123456789")
    equal(raises(OSError, link.client.read, 1).args, e.args)


@case
def bytes_that_were_kept_and_the_end():
    link = connect("1.3", near=Stuttering(-ETIMEDOUT))
    link.near.armed = True
    link.server.write(b"0123456789")
    raises_os_error(ETIMEDOUT, None, link.client.read)
    link.near.armed = False
    link.server.close()
    equal(link.client.read(), b"0123456789")
    equal(link.client.read(), b"")


@case
def bytes_that_were_kept_are_gone_after_close():
    link = connect("1.3", near=Stuttering(-ETIMEDOUT))
    link.near.armed = True
    link.server.write(b"0123456789")
    raises_os_error(ETIMEDOUT, None, link.client.read)
    link.client.close()
    equal(raises(OSError, link.client.read, 1).errno, EBADF)
    equal(link.client.pending(), 0)


@case
def read_that_would_block_keeps_nothing():
    # It has given what there was.
    link = connect("1.3")
    link.server.write(b"0123456789")
    equal(link.client.read(20), b"0123456789")
    same(link.client.read(20), None)
    equal(link.client.pending(), 0)


@case
def wrong_buffer_loses_nothing():
    link = connect("1.3")
    link.server.write(b"0123456789")
    raises(TypeError, link.client.readinto, b"constant")
    raises(TypeError, link.client.readinto, None)
    raises(MemoryError, link.client.read, sys.maxsize >> 1)
    equal(link.client.read(10), b"0123456789")


@each("1.2", "1.3")
def both_sides_are_stuck_writing(version):
    # Neither takes anything before the other has written all: reads go on while writes are blocked.
    link = connect(version)
    link.near.writable = link.far.writable = False
    equal(link.client.send(b"up"), 2)
    equal(link.server.send(b"down"), 4)
    same(link.client.recv(10), None)
    same(link.server.recv(10), None)
    link.far.writable = True
    same(link.server.recv(10), None)
    equal(link.client.recv(10), b"down")
    link.near.writable = True
    same(link.client.recv(10), None)
    equal(link.server.recv(10), b"up")


run()
