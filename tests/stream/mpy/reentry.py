# A stream that uses its own connection from inside a call: it is told that this cannot be, and nothing breaks.

import gc
import ssl

from pipes import (
    EBADF, EBUSY, End, Link, POLLNVAL, STREAM_CLOSE, STREAM_POLL, content, new_client_context, new_psk_contexts,
    new_server_context, noise, nudge, path, poll, transfer)
from testing import case, each, equal, raises, raises_os_error, run, same, true

CALLS = (
    ("read", ()), ("read", (1,)), ("readinto", (bytearray(5),)), ("readline", ()), ("recv", (5,)),
    ("recv_into", (bytearray(5),)), ("write", (b"inside",)), ("send", (b"inside",)), ("sendall", (b"inside",)),
    ("do_handshake", ()),
)


# Calls `inside` from its own methods, as often as `times`.
class Nosy(End):
    def __init__(self):
        super().__init__()
        self.on_read = None
        self.on_write = None
        self.on_poll = None
        self.on_close = None
        self.times = 0

    def visit(self, function):
        if function is not None and self.times > 0:
            self.times -= 1
            function()

    def readinto(self, buf):
        self.visit(self.on_read)
        return super().readinto(buf)

    def write(self, buf):
        self.visit(self.on_write)
        return super().write(buf)

    def ioctl(self, request, arg):
        if request == STREAM_POLL:
            self.visit(self.on_poll)
        elif request == STREAM_CLOSE:
            self.visit(self.on_close)
        return super().ioctl(request, arg)


def contexts():
    return new_psk_contexts()


@each("read", "write")
def every_method_inside(direction):
    for name, arguments in CALLS:
        link = Link(*contexts(), near=Nosy(), handshake=False)
        answers = []

        def inside():
            answers.append(raises(OSError, getattr(link.client, name), *arguments).errno)

        setattr(link.near, "on_" + direction, inside)
        link.near.times = 3
        link.shake()
        link.near.times = 3
        data = noise(3000)
        equal(transfer(link.client, link.server, data), data, name)
        equal(transfer(link.server, link.client, data), data, name)
        true(len(answers) >= 3, answers)
        equal(set(answers), {EBUSY}, name)


@each("read", "write")
def descriptions_inside(direction):
    link = Link(near=Nosy(), handshake=False)
    visits = []

    def inside():
        sock = link.client
        visits.append((sock.version(), sock.cipher(), sock.getpeercert(True), sock.pending(), sock.verify_result,
                       sock.truncated, sock.context, sock.server_side, sock.server_hostname, str(sock)))

    setattr(link.near, "on_" + direction, inside)
    link.near.times = 1000
    link.shake()
    same(visits[0][0], None)
    data = noise(2000)
    equal(transfer(link.client, link.server, data), data)
    equal(transfer(link.server, link.client, data), data)
    equal(visits[-1][0], "TLSv1.3")
    equal(visits[-1][2], content("ec.der"))


@each("read", "write")
def poll_inside(direction):
    link = Link(*contexts(), near=Nosy(), handshake=False)
    answers = []
    setattr(link.near, "on_" + direction, lambda: answers.append(poll(link.client)))
    link.near.times = 5
    link.shake()
    link.near.times = 2
    data = noise(500)
    equal(transfer(link.client, link.server, data), data)
    equal(transfer(link.server, link.client, data), data)
    # Whoever is inside will find out.
    equal(set(answers), {0})


# close() from inside is carried out when the call returns.
@each("read", "write")
def close_inside_the_handshake(direction):
    for at in (1, 2, 3):
        link = Link(*contexts(), near=Nosy(), handshake=False)
        calls = []
        closings = []

        def inside():
            calls.append(1)
            if len(calls) == at:
                same(link.client.close(), None)
                same(link.client.close(), None)
                closings.append(link.near.closed)

        setattr(link.near, "on_" + direction, inside)
        link.near.times = 100
        for _ in range(10):
            for sock in (link.client, link.server):
                try:
                    sock.read(1)
                except OSError:
                    pass
            if closings:
                break
        if not closings:
            # There are no more calls of this kind in so short a handshake.
            true(at > 1, at)
            continue
        equal(closings, [0], "closed under the library")
        equal(link.near.closed, 1)
        raises_os_error(EBADF, None, link.client.read, 1)
        raises_os_error(EBADF, None, link.client.write, b"x")
        same(link.client.version(), None)
        same(link.client.close(), None)
        equal(link.near.closed, 1)


@case
def close_inside_a_read():
    link = Link(*contexts(), near=Nosy())
    link.server.write(b"data")
    link.near.on_read = lambda: link.client.close()
    link.near.times = 1
    # The call that was inside has its result.
    equal(link.client.recv(4), b"data")
    equal(link.near.closed, 1)
    raises_os_error(EBADF, None, link.client.read, 1)
    equal(link.server.read(), b"")
    same(link.server.truncated, False)


@case
def close_inside_a_read_that_would_block():
    link = Link(*contexts(), near=Nosy())
    link.near.on_read = lambda: link.client.close()
    link.near.times = 1
    same(link.client.read(1), None)
    equal(link.near.closed, 1)
    raises_os_error(EBADF, None, link.client.read, 1)


@case
def close_inside_a_long_read():
    # read() makes several calls: those after the close fail, and what was there before is not lost in silence.
    link = Link(*contexts(), near=Nosy())
    link.server.write(b"data")
    link.near.on_read = lambda: link.client.close()
    link.near.times = 1
    raises_os_error(EBADF, None, link.client.read, 100)
    equal(link.near.closed, 1)


@case
def close_inside_a_write():
    link = Link(*contexts(), near=Nosy())
    link.near.on_write = lambda: link.client.close()
    link.near.times = 1
    equal(link.client.send(b"data"), 4)
    equal(link.near.closed, 1)
    equal(link.server.read(), b"data")
    same(link.server.truncated, False)


@case
def close_inside_a_long_write():
    link = Link(*contexts(), near=Nosy())
    link.near.on_write = lambda: link.client.close()
    link.near.times = 1
    data = noise(50000)
    raises_os_error(EBADF, None, link.client.write, data)
    equal(link.near.closed, 1)
    got = link.server.read()
    equal(got, data[: len(got)])
    true(len(got) > 0)
    same(link.server.truncated, False)


@case
def close_and_raise_inside():
    for direction in ("read", "write"):
        link = Link(*contexts(), near=Nosy())
        thrown = KeyError("inside")

        def inside():
            link.client.close()
            raise thrown

        setattr(link.near, "on_" + direction, inside)
        link.near.times = 1
        if direction == "read":
            same(raises(KeyError, link.client.read, 1), thrown)
        else:
            same(raises(KeyError, link.client.write, b"x"), thrown)
        equal(link.near.closed, 1)
        raises_os_error(EBADF, None, link.client.read, 1)


@case
def close_inside_poll_of_the_stream():
    link = Link(*contexts(), near=Nosy())
    link.near.on_poll = lambda: link.client.close()
    link.near.times = 1
    poll(link.client)
    equal(link.near.closed, 1)
    equal(poll(link.client), POLLNVAL)
    raises_os_error(EBADF, None, link.client.read, 1)


@case
def close_inside_close():
    link = Link(*contexts(), near=Nosy())
    link.near.on_poll = link.near.on_write = link.near.on_close = lambda: link.client.close()
    link.near.times = 10
    same(link.client.close(), None)
    equal(link.near.closed, 1)
    same(link.client.close(), None)
    equal(link.near.closed, 1)


@case
def using_it_inside_its_close():
    link = Link(*contexts(), near=Nosy())
    errors = []

    def inside():
        for name, arguments in CALLS:
            errors.append(raises(OSError, getattr(link.client, name), *arguments).errno)

    link.near.on_poll = link.near.on_write = link.near.on_close = inside
    link.near.times = 10
    link.client.close()
    equal(link.near.closed, 1)
    true(set(errors) <= {EBUSY, EBADF}, set(errors))
    true(len(errors) >= len(CALLS))


@case
def using_it_inside_poll_of_the_stream():
    # The library is not inside then, so these are calls like others.
    link = Link(*contexts(), near=Nosy())
    link.server.write(b"data")
    got = []
    link.near.on_poll = lambda: got.append(link.client.read(4))
    link.near.times = 1
    poll(link.client)
    equal(got, [b"data"])
    link.near.on_poll = lambda: link.client.write(b"from poll")
    link.near.times = 1
    poll(link.client)
    equal(link.server.read(9), b"from poll")


# Two streams that pump each other's connections: a call on the one drives the other, ten deep.
@case
def connections_that_drive_each_other():
    link = Link(*contexts(), near=Nosy(), far=Nosy(), handshake=False)
    errors = []

    def drive(sock):
        def inside():
            try:
                nudge(sock)
            except OSError as e:
                errors.append(e.errno)

        return inside

    link.near.on_read = link.near.on_write = drive(link.server)
    link.far.on_read = link.far.on_write = drive(link.client)
    link.near.times = link.far.times = 50
    link.shake()
    true(set(errors) <= {EBUSY}, errors)
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(transfer(link.server, link.client, b"pong"), b"pong")


@case
def other_connections_of_the_same_context_inside():
    pair = contexts()
    link = Link(*pair, near=Nosy(), handshake=False)

    def inside():
        other = Link(*pair)
        equal(transfer(other.client, other.server, b"other"), b"other")

    link.near.on_read = link.near.on_write = inside
    link.near.times = 20
    link.shake()
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def changing_the_context_inside():
    link = Link(new_client_context(), new_server_context(), near=Nosy(), handshake=False)
    context = link.client_context
    errors = []

    def inside():
        errors.append(raises(OSError, setattr, context, "verify_mode", ssl.CERT_REQUIRED).errno)
        errors.append(raises(OSError, context.set_ciphers, ["TLS1-3-AES-128-GCM-SHA256"]).errno)
        errors.append(raises(OSError, context.load_verify_locations, path("root.pem")).errno)

    link.near.on_read = link.near.on_write = inside
    link.near.times = 3
    link.shake()
    equal(set(errors), {EBUSY})
    context.set_ciphers(["TLS1-3-AES-128-GCM-SHA256"])


@case
def deleting_inside():
    for direction in ("read", "write", "poll"):
        link = Link(*contexts(), near=Nosy())
        link.server.write(b"data")
        setattr(link.near, "on_" + direction, lambda: link.client.__del__())
        link.near.times = 1
        for call, arguments in ((poll, (link.client,)), (link.client.read, (4,)), (link.client.write, (b"x",)),
                                (link.client.close, ())):
            try:
                call(*arguments)
            except OSError:
                pass
        gc.collect()


@case
def deleting_the_context_inside():
    link = Link(*contexts(), near=Nosy(), handshake=False)
    link.near.on_read = link.near.on_write = lambda: link.client_context.__del__()
    link.near.times = 1
    link.shake()
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def dropping_the_connection_inside():
    link = Link(*contexts(), near=Nosy())
    link.server.write(b"data")
    sock = link.client
    link.client = None

    def inside():
        for _ in range(10):
            gc.collect()
            bytearray(5000)

    link.near.on_read = inside
    link.near.times = 3
    # The bound method is all that holds it.
    read = sock.read
    sock = None
    equal(read(4), b"data")


# A generator that is suspended inside a call of the stream cannot exist; one that drives the connection can.
@case
def in_a_generator():
    link = Link(*contexts(), handshake=False)

    def pump(sock):
        while not nudge(sock):
            yield

    generators = [pump(link.client), pump(link.server)]
    while generators:
        for generator in generators[:]:
            try:
                next(generator)
            except StopIteration:
                generators.remove(generator)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


run()
