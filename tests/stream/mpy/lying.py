# Streams that answer what no stream should: nothing crashes, and where it can the connection goes on.

import gc
import io
import ssl

from pipes import (
    EBADF, EINVAL, EIO, End, Link, POLLHUP, POLLIN, POLLOUT, STREAM_POLL, new_psk_contexts, noise, nudge, poll,
    transfer)
from testing import case, each, equal, raises, raises_os_error, run, same, true


# Answers `lie` instead of the truth at its call number `at` of a kind.
class Liar(End):
    def __init__(self):
        super().__init__()
        self.lie_read = None
        self.lie_write = None

    def readinto(self, buf):
        if self.lie_read:
            return self.lie_read.pop()(self, buf)
        return self.take(buf, len(buf))

    def write(self, buf):
        if self.lie_write:
            return self.lie_write.pop()(self, buf)
        return self.give(buf, len(buf))


def established():
    return Link(*new_psk_contexts(), near=Liar())


def goes_on(link):
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(transfer(link.server, link.client, b"pong"), b"pong")


@each("1", "5", "1000", "1 << 20", "1 << 31", "1 << 32", "(1 << 61) - 1")
def read_more_than_the_buffer(excess):
    link = established()
    link.near.lie_read = [lambda end, buf: len(buf) + eval(excess)]
    raises_os_error(EIO, None, link.client.read, 1)
    goes_on(link)
    link = Link(near=Liar(), handshake=False)
    link.near.lie_read = [lambda end, buf: len(buf) + eval(excess)]
    raises_os_error(EIO, None, link.client.read, 1)
    link.shake()


@each("1", "1000", "1 << 31", "(1 << 61) - 1")
def write_more_than_there_is(excess):
    link = established()
    link.near.lie_write = [lambda end, buf: len(buf) + eval(excess)]
    try:
        # The bytes were taken; that the stream lies may be told now or with the next call.
        equal(link.client.write(b"data"), 4)
    except OSError as e:
        equal(e.args, (EIO,))
    # The record was not believed to be sent and is still there.
    poll(link.client, POLLOUT)
    equal(link.server.read(4), b"data")
    goes_on(link)


@each("1 << 63", "1 << 64", "1 << 100", "-(1 << 63)", "-(1 << 100)")
def numbers_beyond_any_size(expression):
    for name in ("lie_read", "lie_write"):
        link = established()
        setattr(link.near, name, [lambda end, buf: eval(expression)])
        raises((OSError, OverflowError), link.client.read if name == "lie_read" else link.client.write, b"x" if
               name == "lie_write" else 1)
        goes_on_or_repeats(link)


# After an exception from a write the data may be there twice: this is about the rest.
def goes_on_or_repeats(link):
    link.client.write(b"|")
    got = link.server.read(10)
    true(got.endswith(b"|"), got)
    equal(transfer(link.server, link.client, b"pong"), b"pong")


@each("'12'", "b'12'", "1.0", "[]", "object()", "{}", "End", "len")
def answers_that_are_no_numbers(expression):
    link = established()
    link.near.lie_read = [lambda end, buf: eval(expression)]
    raises(TypeError, link.client.read, 1)
    link.near.lie_write = [lambda end, buf: eval(expression)]
    raises(TypeError, link.client.write, b"x")
    goes_on_or_repeats(link)


@case
def truth_values_are_numbers():
    link = established()
    link.server.write(b"abc")
    link.near.lie_read = [lambda end, buf: bool(end.take(buf, 1))]
    equal(link.client.read(3), b"abc")
    link.near.lie_write = [lambda end, buf: bool(end.give(buf, 1))]
    equal(link.client.write(b"def"), 3)
    equal(link.server.read(3), b"def")


@case
def write_of_nothing_means_not_now():
    link = established()
    link.near.lie_write = [lambda end, buf: 0] * 5
    equal(link.client.send(b"data"), 4)
    same(link.server.read(4), None)
    for _ in range(10):
        poll(link.client, POLLOUT)
    equal(link.server.read(4), b"data")
    goes_on(link)


@case
def handshake_over_writes_of_nothing():
    link = Link(near=Liar(), handshake=False)
    link.near.lie_write = [lambda end, buf: 0] * 3
    for _ in range(3):
        same(link.client.read(1), None)
    link.shake()
    goes_on(link)


@case
def numbers_without_data():
    # The record is then anything but a record.
    link = established()
    link.near.lie_read = [lambda end, buf: len(buf)] * 3
    raises(OSError, link.client.read, 1)
    link = established()
    link.server.write(b"data")
    link.near.lie_read = [lambda end, buf: 1]
    raises(OSError, link.client.read, 1)


@case
def data_without_a_number():
    def quiet(end, buf):
        buf[:4] = b"\x17\x03\x03\x01"
        return None

    link = established()
    link.near.lie_read = [quiet]
    same(link.client.read(1), None)
    goes_on(link)


@case
def data_and_an_exception():
    def loud(end, buf):
        end.take(buf, len(buf))
        raise KeyError

    link = established()
    link.server.write(b"lost on the way")
    link.near.lie_read = [loud]
    raises(KeyError, link.client.read, 1)
    # The stream swallowed a record: what comes next does not fit, and is not taken for the missing one.
    link.server.write(b"next")
    raises(OSError, link.client.read, 1)


@each("grow", "shrink", "empty", "replace", "resize a lot")
def buffers_that_are_resized(kind):
    def resize(end, buf):
        count = end.take(buf, len(buf))
        if kind == "grow":
            buf.extend(b"x" * 5000)
        elif kind == "shrink":
            buf[1:] = b""
        elif kind == "empty":
            buf[:] = b""
        elif kind == "replace":
            buf[:] = b"y" * 20000
        else:
            for i in range(200):
                buf.append(i)
            buf.extend(bytes(100000))
        gc.collect()
        bytearray(50000)
        return count

    link = established()
    link.server.write(b"data")
    link.near.lie_read = [resize] * 4
    # Nobody promises that such a stream works, only that memory stays in order.
    try:
        link.client.read(4)
    except (OSError, TypeError, ValueError, BufferError if "BufferError" in globals() else OSError):
        pass
    link.near.lie_read = None
    link.near.lie_write = [lambda end, buf: resize_written(end, buf, kind)] * 4
    try:
        link.client.write(noise(3000))
        link.client.write(b"more")
    except (OSError, TypeError, ValueError):
        pass
    link.close()


def resize_written(end, buf, kind):
    count = end.give(buf, len(buf))
    if kind == "shrink":
        buf[1:] = b""
    elif kind == "empty":
        buf[:] = b""
    else:
        buf.extend(bytes(10000))
    gc.collect()
    return count


# What a stream writes into the buffer of a write stays there.
@case
def scribbling_into_what_is_written():
    def scribble(end, buf):
        count = end.give(buf, len(buf) // 2)
        for i in range(len(buf)):
            buf[i] = 0
        return count

    link = established()
    data = noise(3000)
    link.near.lie_write = [scribble] * 5
    equal(link.client.write(data), 3000)
    for _ in range(10):
        poll(link.client, POLLOUT)
    equal(link.server.read(3000), data)
    goes_on(link)


@case
def scribbling_behind_what_was_read():
    def scribble(end, buf):
        count = end.take(buf, len(buf) // 2 or 1)
        for i in range(count, len(buf)):
            buf[i] = 0xAA
        return count

    link = established()
    data = noise(3000)
    link.server.write(data)
    link.near.lie_read = [scribble] * 20
    equal(link.client.read(3000), data)


@case
def poll_answers_nonsense():
    class Odd(End):
        answer = 0

        def ioctl(self, request, arg):
            if request == STREAM_POLL:
                return self.answer
            return super().ioctl(request, arg)

    link = Link(*new_psk_contexts(), near=Odd())
    for answer in (0, 1, 4, 5, 0x7FFF, 1 << 30, 1 << 40, 1 << 62, True):
        link.near.answer = answer
        for events in (0, POLLIN, POLLOUT, POLLIN | POLLOUT, POLLHUP):
            try:
                poll(link.client, events)
            except (OSError, OverflowError):
                pass
    for answer in ("1", None, 1.5, [], 1 << 70):
        link.near.answer = answer
        raises((TypeError, OverflowError), poll, link.client)
    for answer in (-1, -EIO, -EINVAL):
        link.near.answer = answer
        raises_os_error(-answer, None, poll, link.client)
    link.near.answer = 5
    goes_on(link)


@case
def end_that_is_no_end():
    # A stream that says it is at its end and then goes on: for TLS the first word counts.
    link = established()
    link.near.lie_read = [lambda end, buf: 0]
    equal(link.client.read(1), b"")
    link.server.write(b"ghost")
    equal(link.client.read(1), b"")
    same(link.client.truncated, True)
    # The other direction is not concerned.
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def methods_that_are_missing():
    class Deaf(io.IOBase):
        def write(self, buf):
            return len(buf)

        def ioctl(self, request, arg):
            return 0

    class Dumb(io.IOBase):
        def readinto(self, buf):
            return None

        def ioctl(self, request, arg):
            return 0

    for kind in (Deaf, Dumb, io.IOBase):
        sock = ssl.wrap_socket(kind(), do_handshake=False)
        raises(AttributeError, sock.read, 1)
        try:
            sock.close()
        except AttributeError:
            equal(kind, io.IOBase)


@case
def methods_with_other_parameters():
    class Odd(io.IOBase):
        def readinto(self):
            return 0

        def write(self, buf, more):
            return 0

        def ioctl(self, request):
            return 0

    sock = ssl.wrap_socket(Odd(), do_handshake=False)
    raises(TypeError, sock.read, 1)
    raises(TypeError, sock.write, b"x")
    raises(TypeError, poll, sock)
    raises(TypeError, sock.close)
    raises_os_error(EBADF, None, sock.read, 1)


@case
def methods_that_are_no_functions():
    class Odd(io.IOBase):
        readinto = 12
        write = "write"
        ioctl = None

    sock = ssl.wrap_socket(Odd(), do_handshake=False)
    raises(TypeError, sock.read, 1)
    raises(TypeError, poll, sock)
    raises(TypeError, sock.close)


@case
def endless_recursion_in_the_stream():
    class Deep(End):
        def readinto(self, buf):
            return self.readinto(buf)

    link = Link(near=Deep(), handshake=False)
    raises(RuntimeError, nudge, link.client)
    raises(RuntimeError, nudge, link.client)
    link.client.close()


run()
