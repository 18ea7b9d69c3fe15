# close(): what is said to the peer, and that the stream below is closed whatever happens.

import io
import ssl
import sys

from pipes import (
    EBADF, EINVAL, EIO, EPIPE, End, Link, POLLERR, POLLHUP, POLLNVAL, POLLOUT, STREAM_CLOSE, STREAM_POLL, join,
    new_client_context, new_psk_contexts, new_server_context, new_verifying_context, noise, nudge, path, pin, poll,
    transfer)
from testing import case, each, equal, fail, raises, raises_os_error, run, same, true


def connect(**options):
    return Link(*new_psk_contexts(), **options)


@each("1.2", "1.3")
def says_goodbye(version):
    version = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    link = Link(*pin(version, *new_psk_contexts()))
    link.client.write(b"last words")
    link.client.close()
    equal(link.near.requests, [STREAM_CLOSE])
    equal(link.server.read(), b"last words")
    same(link.server.truncated, False)
    # And back.
    link.server.close()
    equal(link.far.requests, [STREAM_CLOSE])


@case
def asks_the_stream_first_whether_it_may():
    link = connect()
    del link.near.polls[:]
    link.client.close()
    equal(link.near.polls[0], POLLOUT)


# What lies unread in a socket when it is closed makes the kernel reset the connection: the peer loses our last words.
@case
def reads_what_is_left():
    link = Link(new_client_context(), new_server_context())
    link.server.write(noise(10000))
    true(len(link.near.inbox) > 10000)
    link.client.write(b"last words")
    link.client.close()
    equal(len(link.near.inbox), 0)
    equal(link.near.requests, [STREAM_CLOSE])
    equal(link.server.read(), b"last words")


@case
def does_not_read_for_ever():
    class Talkative(End):
        talkative = False

        def readinto(self, buf):
            self.reads += 1
            return len(buf) if self.talkative else self.take(buf, len(buf))

        def ioctl(self, request, arg):
            return arg if self.talkative and request == STREAM_POLL else super().ioctl(request, arg)

    link = connect(near=Talkative())
    link.near.talkative = True
    link.client.close()
    true(link.near.reads < 10000, link.near.reads)
    equal(link.near.requests, [STREAM_CLOSE])


@each(("KeyError", KeyError()), ("KeyboardInterrupt", KeyboardInterrupt()), ("EIO", -EIO), ("end", 0),
      ("too much", sys.maxsize))
def what_is_left_cannot_be_read(name, answer):
    class Broken(End):
        broken = False

        def readinto(self, buf):
            if not self.broken:
                return self.take(buf, len(buf))
            if isinstance(answer, BaseException):
                raise answer
            return answer

        def ioctl(self, request, arg):
            return arg if self.broken and request == STREAM_POLL else super().ioctl(request, arg)

    link = connect(near=Broken())
    link.near.broken = True
    if isinstance(answer, BaseException):
        same(raises(BaseException, link.client.close), answer)
    else:
        same(link.client.close(), None)
    equal(link.near.requests, [STREAM_CLOSE])
    equal(link.server.read(), b"")
    same(link.server.truncated, False)


# A stream that is not writable for the first so many polls after it was filled.
class Slow(End):
    full = 0

    def ioctl(self, request, arg):
        if request == STREAM_POLL and self.full:
            self.full -= 1
            self.writable = not self.full
        return super().ioctl(request, arg)


# What fills a socket is what was written last; the peer reads it a little later.
@case
def waits_for_a_full_stream():
    link = connect(near=Slow())
    link.client.write(b"last words")
    link.near.full = 20
    link.near.writable = False
    link.client.close()
    equal(link.near.requests, [STREAM_CLOSE])
    equal(link.server.read(), b"last words")
    same(link.server.truncated, False)


@case
def gives_up_on_a_stream_that_stays_full():
    link = connect()
    link.near.writable = False
    writes = link.near.writes
    link.client.close()
    equal(link.near.writes, writes)
    equal(link.near.requests, [STREAM_CLOSE])
    equal(link.server.read(), b"")
    same(link.server.truncated, True)


# Nothing becomes writable any more when the peer is gone.
@each(("POLLHUP", POLLHUP), ("POLLERR", POLLERR), ("POLLNVAL", POLLNVAL))
def does_not_wait_for_a_broken_stream(name, flag):
    class Broken(End):
        broken = False

        def give(self, buf, limit):
            return -EPIPE if self.broken else super().give(buf, limit)

        def ioctl(self, request, arg):
            self.polls.append(arg)
            return flag if self.broken and request == STREAM_POLL else super().ioctl(request, arg)

    link = connect(near=Broken())
    link.near.broken = True
    del link.near.polls[:]
    link.client.close()
    true(len(link.near.polls) < 10, len(link.near.polls))
    equal(link.near.requests, [STREAM_CLOSE])


# Writable says poll, but the write then takes nothing.
@case
def gives_up_on_a_stream_that_says_it_is_writable():
    class Optimist(End):
        def ioctl(self, request, arg):
            return arg if request == STREAM_POLL else super().ioctl(request, arg)

    link = connect(near=Optimist())
    link.near.writable = False
    link.client.close()
    equal(link.near.requests, [STREAM_CLOSE])


@each(("full again", False), ("with room", True))
def part_of_the_goodbye(name, room):
    class Narrow(Slow):
        narrow = False

        def give(self, buf, limit):
            count = super().give(buf, 10 if self.narrow else limit)
            if self.narrow:
                self.writable = False
                self.full = 5 if room else 0
            return count

    link = connect(near=Narrow())
    link.near.narrow = True
    link.client.close()
    equal(link.near.requests, [STREAM_CLOSE])
    equal(link.server.read(), b"")
    same(link.server.truncated, not room)


@case
def pending_output_goes_first():
    link = connect()
    link.near.writable = False
    equal(link.client.send(b"pending"), 7)
    link.near.writable = True
    link.client.close()
    equal(link.server.read(), b"pending")
    same(link.server.truncated, False)


@case
def unread_data_does_not_matter():
    link = connect()
    link.server.write(b"never read")
    link.client.read(2)
    link.client.close()
    equal(link.server.read(), b"")
    same(link.server.truncated, False)


@case
def after_the_peers_goodbye():
    link = connect()
    link.server.close()
    equal(link.client.read(), b"")
    link.client.close()
    equal(link.near.requests, [STREAM_CLOSE])


@case
def after_the_end_of_the_stream():
    link = connect()
    link.near.eof = True
    equal(link.client.read(), b"")
    link.client.close()
    equal(link.near.requests, [STREAM_CLOSE])
    # Half-closed streams exist: the goodbye was said.
    equal(link.server.read(), b"")
    same(link.server.truncated, False)


@each("before", "inside", "failed", "refused")
def nothing_is_said_without_a_connection(state):
    link = Link(new_verifying_context(), new_server_context("expired"), handshake=False)
    if state == "inside":
        nudge(link.client)
    elif state == "failed":
        link.near.inbox.extend(b"garbage garbage")
        raises(OSError, link.client.read, 1)
    elif state == "refused":
        link.collide()
    writes = link.near.writes
    link.client.close()
    equal(link.near.writes, writes)
    equal(link.near.requests, [STREAM_CLOSE])


@case
def writes_fail_after_close():
    link = connect()
    link.client.close()
    for name in ("write", "send", "sendall"):
        raises_os_error(EBADF, None, getattr(link.client, name), b"x")
    equal(link.near.requests, [STREAM_CLOSE])


# The least a stream can be.
class Bare(io.IOBase):
    def __init__(self):
        self.other = None
        self.inbox = bytearray()

    def readinto(self, buf):
        if not self.inbox:
            return None
        count = min(len(buf), len(self.inbox))
        buf[:count] = self.inbox[:count]
        self.inbox = self.inbox[count:]
        return count

    def write(self, buf):
        self.other.inbox.extend(buf)
        return len(buf)


def bare_link():
    near, far = join(Bare(), Bare())
    client, server = new_psk_contexts()
    server = server.wrap_socket(far, do_handshake_on_connect=False)
    client = client.wrap_socket(near, do_handshake_on_connect=False)
    for _ in range(10):
        if nudge(client) & nudge(server):
            return client, server
    fail("no handshake")


@case
def streams_without_ioctl():
    client, server = bare_link()
    data = noise(20000)
    equal(transfer(client, server, data), data)
    equal(transfer(server, client, data), data)
    # There is no way to keep it from blocking, nor to find out whether it would.
    raises(AttributeError, client.setblocking, False)
    raises(AttributeError, client.settimeout, 1)
    same(client.setblocking(True), None)
    raises(AttributeError, client.fileno)
    raises(AttributeError, poll, client)
    equal(transfer(client, server, data), data)
    # It cannot be closed, and says so as it would without TLS.
    raises(AttributeError, client.close)
    same(client.close(), None)
    raises_os_error(EBADF, None, client.read, 1)


@case
def streams_whose_ioctl_knows_nothing():
    class Ignorant(End):
        def ioctl(self, request, arg):
            self.requests.append(request)
            return -EINVAL

    link = connect(near=Ignorant())
    link.near.requests = []
    raises_os_error(EINVAL, None, link.client.close)
    true(STREAM_CLOSE in link.near.requests)
    # Streams that cannot tell whether they are writable are believed to be.
    equal(link.server.read(), b"")
    same(link.server.truncated, False)


@each("KeyError", "OSError", "KeyboardInterrupt", "AttributeError")
def streams_whose_ioctl_raises(kind):
    class Raising(End):
        raising = False

        def ioctl(self, request, arg):
            if self.raising:
                self.requests.append(request)
                raise eval(kind)
            return super().ioctl(request, arg)

    link = connect(near=Raising())
    link.near.raising = True
    raises(eval(kind), poll, link.client)
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    del link.near.requests[:]
    raises(eval(kind), link.client.close)
    true(STREAM_CLOSE in link.near.requests, link.near.requests)
    same(link.client.close(), None)
    raises_os_error(EBADF, None, link.client.read, 1)


@case
def bytes_io_as_a_stream():
    client = new_client_context().wrap_socket(io.BytesIO(), do_handshake_on_connect=False)
    # It reads its own first message: no server it is.
    raises(OSError, client.read, 1)
    client.close()
    client = new_client_context().wrap_socket(io.BytesIO(b"HTTP/1.1 200 OK\r\n"), do_handshake_on_connect=False)
    raises(OSError, client.write, b"x")
    client.close()


@case
def text_streams():
    sock = new_client_context().wrap_socket(io.StringIO(), do_handshake_on_connect=False)
    raises(OSError, sock.read, 1)
    sock.close()


@case
def streams_without_writing():
    e = raises(OSError, new_client_context().wrap_socket, open(path("ec.pem"), "rb"))
    true(e.args)


run()
