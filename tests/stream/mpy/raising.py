# A stream that raises, at each of its calls in turn: what it raised comes out unchanged, and the connection goes on.

import ssl

from pipes import (
    EAGAIN, EBADF, EINTR, EIO, EPIPE, ETIMEDOUT, End, Link, POLLOUT, STREAM_CLOSE, STREAM_POLL, new_client_context,
    new_psk_contexts, new_server_context, noise, nudge, pin, poll, transfer)
from testing import case, each, equal, raises, raises_os_error, run, same, true

LINES = [b"%04d %s\n" % (i, b"x" * (i * 37 % 400)) for i in range(6)]


class Surprise(Exception):
    pass


# Raises `thrown` (or returns it, if it is a number) at its call number `at`, once. `after` says whether the call does
# its work before: a stream may fail when the bytes are on their way already.
class Trap(End):
    def __init__(self, at=0, thrown=None, after=False):
        super().__init__()
        self.at = at
        self.thrown = thrown
        self.after = after
        self.calls = 0

    def spring(self):
        if isinstance(self.thrown, int):
            return self.thrown
        raise self.thrown

    def count(self):
        self.calls += 1
        return self.calls == self.at

    def readinto(self, buf):
        return self.spring() if self.count() else self.take(buf, 500)

    def write(self, buf):
        return self.spring() if self.count() else self.give(buf, 300)


def _contexts():
    pairs = {}
    for kind in ("1.2", "1.3", "psk 1.2", "psk 1.3"):
        pair = new_psk_contexts() if kind.startswith("psk") else (new_client_context(), new_server_context())
        pairs[kind] = pin(ssl.TLSVersion.TLSv1_2 if "1.2" in kind else ssl.TLSVersion.TLSv1_3, *pair)
    return pairs


CONTEXTS = _contexts()


# Sends lines both ways and closes, over a client's stream that raises once. Returns how often the stream was called.
class Talk:
    def __init__(self, kind, at, thrown):
        self.trap = Trap(at, thrown)
        self.thrown = thrown
        self.surfaced = 0
        self.doubtful = -1
        self.link = Link(*CONTEXTS[kind], near=self.trap, handshake=False)

    # Calls a method of the client. None also stands for "raised what the stream raised".
    def guard(self, call, *arguments):
        try:
            return call(*arguments)
        except BaseException as e:
            self.surfaced += 1
            if isinstance(self.thrown, int):
                if not isinstance(e, OSError):
                    raise
                equal(e.args, (-self.thrown,))
            else:
                if e is not self.thrown:
                    raise
            return None

    def run(self):
        client, server = self.link.client, self.link.server
        for _ in range(200):
            self.guard(nudge, client)
            nudge(server)
            if client.version() and server.version():
                break
        true(client.version() and server.version(), "handshake")

        sent = 0
        got_up, got_down = bytearray(), bytearray()
        expected = b"".join(LINES)
        server.write(expected)
        for _ in range(500):
            if sent < len(LINES):
                before = self.surfaced
                count = self.guard(client.send, LINES[sent])
                if self.surfaced > before:
                    self.doubtful = sent
                if count is not None:
                    # A record takes all of it.
                    equal(count, len(LINES[sent]))
                    sent += 1
            got_down.extend(self.guard(client.recv, 300) or b"")
            got_up.extend(server.recv(1000) or b"")
            if sent == len(LINES) and len(got_down) == len(expected) and len(got_up) >= len(expected):
                break
        equal(bytes(got_down), expected, "to the client")
        self.check(bytes(got_up).split(b"\n"))
        self.guard(client.close)
        equal(self.trap.closed, 1)
        for _ in range(20):
            if server.recv(100) == b"":
                break
        return self.trap.calls

    # The server has seen each line whole and in order. A line whose write raised was sent again and may be there twice.
    def check(self, lines):
        equal(lines.pop(), b"")
        position = 0
        for line in lines:
            if position > 0 and position - 1 == self.doubtful and line + b"\n" == LINES[position - 1]:
                true(not isinstance(self.thrown, int), "line %d came twice" % self.doubtful)
                continue
            equal(line + b"\n", LINES[position])
            position += 1
        equal(position, len(LINES))


def at_each_call(kind, make):
    total = Talk(kind, 0, None).run()
    true(total > 15, total)
    for at in range(1, total + 1):
        talk = Talk(kind, at, make())
        talk.run()
        equal(talk.surfaced, 1, "raised at call %d of %d" % (at, total))


@each("1.2", "1.3", "psk 1.2", "psk 1.3")
def an_exception(kind):
    at_each_call(kind, lambda: Surprise("from the stream"))


@each("1.2", "1.3", "psk 1.2", "psk 1.3")
def an_os_error(kind):
    at_each_call(kind, lambda: OSError(ETIMEDOUT))


@each("KeyboardInterrupt", "SystemExit", "GeneratorExit", "MemoryError", "StopIteration")
def exceptions_with_a_meaning(name):
    at_each_call("psk 1.3", lambda: eval(name)("from the stream"))


# An error number is no exception yet: what a write has taken counts as written, so nothing is sent twice.
@each("1.2", "1.3", "psk 1.2", "psk 1.3")
def an_error_number(kind):
    total = Talk(kind, 0, None).run()
    for at in range(1, total + 1):
        talk = Talk(kind, at, -ETIMEDOUT)
        talk.run()
        true(talk.surfaced <= 1, "at call %d of %d it surfaced %d times" % (at, total, talk.surfaced))
        equal(talk.doubtful, -1) if talk.surfaced == 0 else None


@each(("ETIMEDOUT", ETIMEDOUT), ("EIO", EIO), ("EPIPE", EPIPE), ("EINTR", EINTR), ("one", 1), ("large", 1 << 20))
def error_numbers_of_reads(name, number):
    link = Link(near=Trap())
    link.near.at = link.near.calls + 1
    link.near.thrown = -number
    raises_os_error(number, None, link.client.read, 1)
    equal(transfer(link.server, link.client, b"ping"), b"ping")


@case
def error_number_that_means_to_try_again():
    link = Link(near=Trap())
    link.near.at = link.near.calls + 1
    link.near.thrown = -EAGAIN
    same(link.client.read(1), None)
    equal(transfer(link.server, link.client, b"ping"), b"ping")


@case
def raised_eagain_is_an_exception():
    link = Link(near=Trap())
    thrown = OSError(EAGAIN)
    link.near.at = link.near.calls + 1
    link.near.thrown = thrown
    same(raises(OSError, link.client.read, 1), thrown)
    equal(transfer(link.server, link.client, b"ping"), b"ping")


@case
def the_same_exception_again_and_again():
    class Stubborn(Trap):
        def count(self):
            return self.thrown is not None

    link = Link(near=Stubborn(), handshake=False)
    thrown = Surprise()
    link.near.thrown = thrown
    for _ in range(100):
        for call, arguments in ((link.client.read, (1,)), (link.client.write, (b"x",)), (link.client.do_handshake, ())):
            same(raises(Surprise, call, *arguments), thrown)
    link.near.thrown = None
    link.shake()
    link.near.thrown = thrown
    for _ in range(100):
        same(raises(Surprise, link.client.read, 1), thrown)
    link.near.thrown = None
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(transfer(link.server, link.client, b"pong"), b"pong")


# A large write whose stream raises half-way: the peer sees a part that is whole up to where it ends.
@each("1.2", "1.3")
def large_write_that_is_interrupted(kind):
    data = noise(100000)
    version = ssl.TLSVersion.TLSv1_2 if kind == "1.2" else ssl.TLSVersion.TLSv1_3
    for at in (1, 2, 3, 50, 100, 111, 200):
        link = Link(*pin(version, *new_psk_contexts()), near=Trap())
        link.near.at = link.near.calls + at
        link.near.thrown = Surprise()
        raises(Surprise, link.client.write, data)
        for _ in range(100):
            poll(link.client, POLLOUT)
        link.client.close()
        got = link.server.read()
        equal(got, data[: len(got)])
        same(link.server.truncated, False)
        true(len(got) >= (at - 1) * 300 - 16384, (at, len(got)))


@case
def interrupt_in_the_stream_of_a_large_read():
    data = noise(60000)
    link = Link(near=Trap())
    link.server.write(data)
    got = b""
    interrupts = 0
    while len(got) < len(data):
        link.near.at = link.near.calls + 40
        link.near.thrown = KeyboardInterrupt()
        try:
            got += link.client.read(len(data) - len(got))
        except KeyboardInterrupt:
            interrupts += 1
    equal(got, data)
    true(interrupts > 1, interrupts)


@case
def exception_from_poll_of_the_stream():
    class Shy(End):
        shy = False

        def ioctl(self, request, arg):
            if self.shy and request == STREAM_POLL:
                raise Surprise
            return super().ioctl(request, arg)

    link = Link(near=Shy())
    link.near.shy = True
    raises(Surprise, poll, link.client)
    equal(transfer(link.server, link.client, b"ping"), b"ping")
    raises(Surprise, link.client.close)
    equal(link.near.closed, 1)
    raises_os_error(EBADF, None, link.client.read, 1)


@case
def exception_from_close_of_the_stream():
    class Sticky(End):
        def ioctl(self, request, arg):
            answer = super().ioctl(request, arg)
            if request == STREAM_CLOSE:
                raise Surprise
            return answer

    link = Link(near=Sticky())
    raises(Surprise, link.client.close)
    equal(link.near.closed, 1)
    same(link.client.close(), None)
    equal(link.near.closed, 1)
    equal(link.server.read(), b"")


@case
def error_number_from_close_of_the_stream():
    class Sticky(End):
        def ioctl(self, request, arg):
            super().ioctl(request, arg)
            return -EIO if request == STREAM_CLOSE else POLLOUT

    link = Link(near=Sticky())
    raises_os_error(EIO, None, link.client.close)
    same(link.client.close(), None)


# What is thrown while close_notify is sent does not keep the stream open.
@each(("Surprise", Surprise()), ("KeyboardInterrupt", KeyboardInterrupt()), ("OSError", OSError(EIO)), ("EIO", -EIO),
      ("EPIPE", -EPIPE))
def exception_while_close_notify_is_sent(name, thrown):
    link = Link(near=Trap())
    link.near.at = link.near.calls + 1
    link.near.thrown = thrown
    if isinstance(thrown, int):
        # The peer will not hear it any more, which is no matter.
        same(link.client.close(), None)
    else:
        same(raises(BaseException, link.client.close), thrown)
    equal(link.near.closed, 1)
    same(link.client.close(), None)


@case
def exceptions_of_both_sides_at_once():
    link = Link(near=Trap(3, Surprise("near")), far=Trap(2, Surprise("far")), handshake=False)
    texts = []
    for _ in range(20):
        for sock in (link.client, link.server):
            try:
                nudge(sock)
            except Surprise as e:
                texts.append(e.args[0])
    equal(sorted(texts), ["far", "near"])
    equal(transfer(link.client, link.server, b"ping"), b"ping")


# Raises, once, instead of saying that there is nothing to read.
class Impatient(End):
    thrown = None

    def readinto(self, buf):
        count = super().readinto(buf)
        if not count and self.thrown:
            thrown, self.thrown = self.thrown, None
            raise thrown
        return count


# The beginning of the line came with the one before, and the end comes after the exception.
@each(1, 40, 120, 200, 1000)
def line_in_parts(middle):
    near = Impatient()
    link = Link(*CONTEXTS["psk 1.2"], near=near)
    link.server.write(b"one\ntw")
    equal(link.client.readline(), b"one\n")
    link.server.write(b"o" * middle)
    near.thrown = Surprise()
    raises(Surprise, link.client.readline)
    link.server.write(b"\nthree\n")
    equal(link.client.readline(), b"tw" + b"o" * middle + b"\n")
    equal(link.client.readline(), b"three\n")


run()
