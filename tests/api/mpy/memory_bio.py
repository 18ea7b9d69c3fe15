# MemoryBIO, and connections over two of them.

import gc

from pipes import *
from testing import *


# Moves what each side has written to the other.
class Exchange:
    def __init__(self, client_context=None, server_context=None, **options):
        client, server = new_psk_contexts()
        self.up, self.down = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client_in, self.server_in = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = (client_context or client).wrap_bio(self.client_in, self.up, **options)
        self.server = (server_context or server).wrap_bio(self.server_in, self.down, server_side=True)

    def move(self):
        self.server_in.write(self.up.read())
        self.client_in.write(self.down.read())

    def shake(self):
        for _ in range(20):
            done = 0
            for side in (self.client, self.server):
                try:
                    same(side.do_handshake(), None)
                    done += 1
                except OSError as e:
                    equal(e.errno, EAGAIN)
                self.move()
            if done == 2:
                return self
        fail("no handshake")


# ----------------------------------------------------------------------------------------------------------------------
# The queue


@case
def bytes_in_and_out():
    bio = ssl.MemoryBIO()
    equal((bio.pending, bio.eof, bio.read(), bio.read(5)), (0, False, b"", b""))
    equal(bio.write(b"abcdef"), 6)
    equal(bio.write(bytearray(b"gh")), 2)
    equal(bio.write(memoryview(b"ij")), 2)
    equal(bio.write(b""), 0)
    equal(bio.pending, 10)
    equal(bio.read(0), b"")
    equal(bio.read(3), b"abc")
    equal(bio.read(-1), b"defghij")
    equal(bio.pending, 0)


@case
def many_bytes():
    bio = ssl.MemoryBIO()
    data = noise(50000)
    got = bytearray()
    sent = 0
    for size in range(1, 400):
        sent += bio.write(data[sent:sent + size])
        got.extend(bio.read(size // 2))
        equal(bio.pending, sent - len(got))
    got.extend(bio.read())
    gc.collect()
    equal(bytes(got), data[:sent])


@case
def end_of_file():
    bio = ssl.MemoryBIO()
    bio.write(b"last")
    same(bio.write_eof(), None)
    equal(bio.eof, False)
    equal(bio.read(2), b"la")
    equal(bio.eof, False)
    equal(bio.read(), b"st")
    equal(bio.eof, True)
    equal(bio.read(), b"")
    e = raises_os_error(EPIPE, None, bio.write, b"x")
    contains(e.detail, "write_eof")
    bio.write_eof()


@case
def misuse_of_the_queue():
    raises(TypeError, ssl.MemoryBIO, 1)
    bio = ssl.MemoryBIO()
    for argument in (None, 5, [1]):
        raises(TypeError, bio.write, argument)
    raises(TypeError, bio.read, "1")
    raises(TypeError, bio.read, 1, 2)
    for name in ("pending", "eof", "other"):
        raises(AttributeError, setattr, bio, name, 1)
    raises(AttributeError, getattr, bio, "other")


@case
def text_is_not_bytes():
    bio = ssl.MemoryBIO()
    # As everywhere in MicroPython, a str is its bytes in UTF-8.
    equal(bio.write("\u20ac"), 3)
    equal(bio.read(), b"\xe2\x82\xac")


# ----------------------------------------------------------------------------------------------------------------------
# Connections


@each("TLSv1_2", "TLSv1_3")
def whole_session(name):
    contexts = pin(getattr(ssl.TLSVersion, name), new_verifying_context(), new_server_context())
    pair = Exchange(*contexts, server_hostname="server.test")
    true(isinstance(pair.client, ssl.SSLSocket))
    pair.shake()
    equal(pair.client.version(), name.replace("_", "."))
    equal((pair.client.server_side, pair.server.server_side), (False, True))
    equal(pair.client.server_hostname, "server.test")
    equal(pair.client.write(b"question"), 8)
    pair.move()
    equal(pair.server.read(100), b"question")
    data = noise(100000)
    equal(pair.server.write(data), len(data))
    pair.move()
    equal(pair.client.read(len(data)), data)
    same(pair.client.read(1), None)
    raises_os_error(EAGAIN, None, pair.client.unwrap)
    pair.move()
    equal(pair.server.read(), b"")
    pair.server.unwrap()
    pair.move()
    stream = pair.client.unwrap()
    # What is left is plain.
    equal(stream.write(b"plain"), 5)
    equal(pair.up.read(), b"plain")
    pair.client_in.write(b"answer")
    equal(stream.read(6), b"answer")
    same(stream.close(), None)
    equal(pair.client_in.write(b"open"), 4)


@case
def nothing_ever_waits():
    pair = Exchange()
    for side in (pair.client, pair.server):
        raises_os_error(EAGAIN, None, side.do_handshake)
        same(side.read(1), None)
        same(side.write(b"x"), None)
        same(side.readline(), None)
    pair.shake()
    for side in (pair.client, pair.server):
        same(side.read(1), None)
        same(side.recv(1), None)
        equal(poll(side), POLLOUT)


@case
def end_of_the_queue():
    pair = Exchange().shake()
    pair.client_in.write_eof()
    equal(poll(pair.client, POLLIN), POLLIN)
    equal(pair.client.read(), b"")
    same(pair.client.truncated, True)


@case
def end_of_the_queue_in_the_handshake():
    pair = Exchange()
    pair.client_in.write_eof()
    raises_os_error(-29312, "MBEDTLS_ERR_SSL_CONN_EOF", pair.client.do_handshake)


@case
def queue_that_takes_nothing_more():
    pair = Exchange()
    pair.up.write_eof()
    raises_os_error(EPIPE, None, pair.client.do_handshake)


@case
def close_leaves_the_queues_alone():
    pair = Exchange().shake()
    same(pair.client.close(), None)
    true(pair.up.pending > 0, "close_notify")
    pair.move()
    equal(pair.server.read(), b"")
    same(pair.server.truncated, False)
    equal(pair.up.write(b"x"), 1)
    same(pair.up.eof, False)
    raises_os_error(EBADF, None, pair.client.read, 1)


@case
def other_settings():
    pair = Exchange().shake()
    raises(AttributeError, pair.client.fileno)
    same(pair.client.setblocking(False), None)
    pair.client.settimeout(0.02)
    raises_os_error(ETIMEDOUT, None, pair.client.read, 1)
    pair.client.settimeout(0)
    same(pair.client.read(1), None)


@each("TLSv1_2", "TLSv1_3")
def session_of_an_earlier_connection(name):
    contexts = pin(getattr(ssl.TLSVersion, name), new_verifying_context(), new_server_context())
    session = None
    for again in (False, True):
        pair = Exchange(*contexts, server_hostname="server.test", session=session).shake()
        equal((pair.client.session_reused, pair.server.session_reused), (again, again))
        pair.server.write(b"the ticket comes with this")
        pair.move()
        equal(pair.client.recv(100), b"the ticket comes with this")
        session = pair.client.session


@case
def misuse_of_wrap_bio():
    context = new_client_context()
    bio = ssl.MemoryBIO()
    raises(TypeError, context.wrap_bio)
    raises(TypeError, context.wrap_bio, bio)
    raises(TypeError, context.wrap_bio, bio, None)
    raises(TypeError, context.wrap_bio, End(), bio)
    raises(TypeError, context.wrap_bio, bio, bio, unknown=1)
    raises(TypeError, context.wrap_bio, bio, bio, session=5)
    raises(ValueError, context.wrap_bio, bio, bio, server_side=True)
    raises(ValueError, context.wrap_bio, bio, bio, False, "")
    raises(ValueError, new_verifying_context().wrap_bio, bio, bio)


# The connection holds the queues, and nothing else holds the connection.
@case
def garbage():
    for _ in range(20):
        pair = Exchange()
        pair.client.write(b"x")
        pair = None
        gc.collect()
    pair = Exchange()
    incoming, outgoing = pair.client_in, pair.up
    client = pair.client
    pair = None
    gc.collect()
    same(client.write(b"x"), None)
    true(outgoing.pending > 0)


run()
