# Does settimeout() bound each method as a whole, however slowly the peer goes on, and does the connection go on after
# it? Does no method of a non-blocking connection wait?

import time

from pipes import *
from testing import *



# A stream whose peer sends a byte at a time: never is there nothing to read for long, and never is it much.
class Drip(End):
    def __init__(self):
        super().__init__()
        self.slow = True

    def readinto(self, buf):
        if self.slow:
            time.sleep_ms(5)
            return self.take(buf, 1)
        return self.take(buf, len(buf))


# ... and one that takes a byte at a time.
class Narrow(End):
    slow = True

    def write(self, buf):
        if self.slow:
            time.sleep_ms(5)
            return self.give(buf, 1)
        return self.give(buf, len(buf))


# One that has a timeout of its own, as sockets do, which is of no use against drips.
class Timed(Drip):
    timeout = None

    def settimeout(self, seconds):
        self.timeout = seconds


def dripping(kind=Drip, **options):
    link = Link(*new_psk_contexts(), near=kind(), far=End(), handshake=False, **options)
    link.near.slow = False
    return link


def over_sockets(**options):
    near, far = socket_pair()
    near.setblocking(False)
    far.setblocking(False)
    return Link(*new_psk_contexts(), near=near, far=far, **options)


# ----------------------------------------------------------------------------------------------------------------------
# Slow peers


@each(("read", Drip, "read"), ("readinto", Drip, "readinto"), ("recv", Drip, "recv"), ("recv_into", Drip, "recv_into"),
      ("readline", Drip, "readline"), ("read timed", Timed, "read"), ("readinto timed", Timed, "readinto"),
      ("recv timed", Timed, "recv"), ("recv_into timed", Timed, "recv_into"), ("readline timed", Timed, "readline"))
def read_of_a_record_that_drips(name, kind, method):
    link = dripping(kind).shake()
    link.server.write(noise(400))
    link.near.slow = True
    link.client.settimeout(0.05)
    argument = {"read": 400, "recv": 400, "readline": 400}.get(method, bytearray(400))
    raises_os_error(ETIMEDOUT, None, getattr(link.client, method), argument)
    true(link.near.inbox, "it waited until all was there")
    # Half a record was read: the rest completes it.
    link.near.slow = False
    link.client.settimeout(5)
    equal(link.client.recv(400), noise(400))


# Each record is there at once, and all of it never.
@each("read", "readinto")
def read_of_many_records(method):
    link = dripping().shake()
    count = [0]

    def send_one():
        time.sleep_ms(5)
        count[0] += 1
        link.server.write(bytes([count[0]]))

    link.near.when_empty = send_one
    link.near.ioctl = lambda request, arg: arg if request == STREAM_POLL else 0
    link.client.settimeout(0.2)
    argument = 250 if method == "read" else bytearray(250)
    raises_os_error(ETIMEDOUT, None, getattr(link.client, method), argument)
    true(1 < count[0] < 250, count[0])
    link.near.when_empty = None
    got = link.client.read(count[0])
    equal(got, bytes(range(1, count[0] + 1)))


@each(("pipes", dripping), ("timed", lambda: dripping(Timed)), ("sockets", over_sockets))
def read_without_any_answer(name, make):
    link = make()
    link.shake()
    link.client.settimeout(0.03)
    raises_os_error(ETIMEDOUT, None, link.client.read, 1)
    raises_os_error(ETIMEDOUT, None, link.client.recv, 1)
    raises_os_error(ETIMEDOUT, None, link.client.unwrap)
    link.server.write(b"after all")
    equal(link.client.read(9), b"after all")


@case
def timeout_of_a_python_stream_is_told_to_it():
    link = dripping(Timed).shake()
    link.client.settimeout(0.5)
    equal(link.near.timeout, 0.5)
    link.client.settimeout(None)
    equal(link.near.timeout, None)


@each("write", "send", "sendall")
def write_that_is_taken_slowly(method):
    link = dripping(Narrow).shake()
    link.near.slow = True
    link.client.settimeout(0.05)
    # The first record is encrypted, and counts as written. There is no time for the second one.
    equal(getattr(link.client, method)(noise(1000)), 1000)
    raises_os_error(ETIMEDOUT, None, getattr(link.client, method), b"more")
    taken = len(link.far.inbox)
    true(1 <= taken < 500, taken)
    # The record that had begun goes out in whole before anything else.
    link.near.slow = False
    link.client.settimeout(5)
    equal(getattr(link.client, method)(b"next"), 4)
    equal(link.server.recv(2000), noise(1000))
    equal(link.server.recv(2000), b"next")


@case
def write_to_a_socket_that_is_full():
    link = over_sockets()
    link.client.settimeout(0.05)
    data = noise(65536)
    sent = 0
    # A write either takes all of it or ends with the time.
    for _ in range(100):
        try:
            equal(link.client.write(data), len(data))
            sent += 1
        except OSError as e:
            equal(e.errno, ETIMEDOUT)
            break
    true(0 < sent < 100, sent)
    link.client.settimeout(5)
    link.server.setblocking(False)
    received = bytearray()
    for _ in range(100000):
        part = link.server.read(65536)
        if not part:
            break
        received.extend(part)
    true(bytes(received).startswith(data * sent), "bytes are missing")


@each("client", "server")
def handshake_that_drips(role):
    contexts = new_psk_contexts()
    near, far = (Drip(), End()) if role == "client" else (End(), Drip())
    link = Link(*contexts, near=near, far=far, handshake=False)
    slow, other = (link.client, link.server) if role == "client" else (link.server, link.client)
    drip = near if role == "client" else far
    # The peer's first flight lies there in whole, and gets through a byte at a time.
    if role == "client":
        same(slow.recv(1), None)
    same(other.recv(1), None)
    slow.settimeout(0.05)
    raises_os_error(ETIMEDOUT, None, slow.do_handshake)
    same(slow.version(), None)
    # It goes on where it stopped.
    drip.slow = False
    slow.settimeout(0)
    link.shake()
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(transfer(link.server, link.client, b"pong"), b"pong")


@case
def handshake_over_sockets_goes_on():
    near, far = socket_pair()
    client, server = new_psk_contexts()
    client = client.wrap_socket(near, do_handshake_on_connect=False)
    client.settimeout(0.03)
    raises_os_error(ETIMEDOUT, None, client.do_handshake)
    raises_os_error(ETIMEDOUT, None, client.do_handshake)
    raises_os_error(ETIMEDOUT, None, client.write, b"x")
    raises_os_error(ETIMEDOUT, None, client.read, 1)
    server = server.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    server.setblocking(False)
    client.setblocking(False)
    for _ in range(100):
        if nudge(client) & nudge(server):
            break
    equal(transfer(client, server, b"ping"), b"ping")


@case
def timeout_while_closing():
    link = over_sockets()
    link.client.settimeout(0)
    while link.client.write(noise(65536)):
        pass
    link.client.settimeout(0.02)
    start = time.ticks_ms()
    same(link.client.close(), None)
    # Without a timeout it would wait for three seconds.
    true(time.ticks_diff(time.ticks_ms(), start) < 2500)
    raises_os_error(EBADF, None, link.client.read, 1)


# The three seconds are over when it closes, and under asyncio all others would wait for it once more.
@case
def closing_after_the_peer_has_read_nothing_for_long():
    link = over_sockets()
    link.client.settimeout(0)
    while link.client.write(noise(65536)):
        pass
    time.sleep(3.1)
    start = time.ticks_ms()
    same(link.client.close(), None)
    true(time.ticks_diff(time.ticks_ms(), start) < 1500)


@each(("shutdown", lambda sock: sock.shutdown(1)), ("unwrap", lambda sock: sock.unwrap()))
def close_notify_that_is_taken_slowly(name, method):
    link = dripping(Narrow).shake()
    link.near.slow = True
    link.client.settimeout(0.05)
    raises_os_error(ETIMEDOUT, None, method, link.client)
    link.near.slow = False
    link.server.setblocking(False)
    same(link.server.read(1), None)
    link.client.settimeout(5)
    same(link.client.shutdown(1), None)
    equal(link.server.read(1), b"")
    same(link.server.truncated, False)


@case
def close_notify_that_drips():
    link = dripping().shake()
    link.server.shutdown(1)
    link.near.slow = True
    link.client.settimeout(0.05)
    raises_os_error(ETIMEDOUT, None, link.client.unwrap)
    link.near.slow = False
    link.client.settimeout(5)
    same(link.client.unwrap(), link.near)
    equal(link.server.read(1), b"")


# A byte in 5 ms would be a minute and more.
@each(("what was written", Narrow), ("what is unread", Drip))
def close_over_a_slow_stream(name, kind):
    link = dripping(kind).shake()
    link.near.slow = True
    link.client.settimeout(0.05)
    if kind is Narrow:
        equal(link.client.write(noise(16000)), 16000)
    else:
        link.server.write(noise(16000))
    start = time.ticks_ms()
    same(link.client.close(), None)
    true(time.ticks_diff(time.ticks_ms(), start) < 5000)
    raises_os_error(EBADF, None, link.client.read, 1)
    equal(link.near.closed, 1)


# A stream that blocks is not written by poll() if it would.
@case
def poll_does_not_wait():
    link = dripping().shake()
    client = link.client
    client.setblocking(False)
    link.near.writable = False
    equal(client.write(b"waits"), 5)

    def block(buf):
        fail("it would block")

    write = link.near.write
    link.near.write = block
    equal(poll(client, POLLOUT), 0)
    link.near.write = write
    link.near.writable = True
    equal(poll(client, POLLOUT), POLLOUT)
    equal(link.server.read(5), b"waits")


# A stream that is told that it is readable, and then is not.
@case
def stream_that_lies_about_being_ready():
    link = dripping().shake()
    link.near.ioctl = lambda request, arg: arg if request == STREAM_POLL else 0
    link.client.settimeout(0.03)
    raises_os_error(ETIMEDOUT, None, link.client.read, 1)
    link.near.writable = False
    equal(link.client.write(b"x"), 1)
    raises_os_error(ETIMEDOUT, None, link.client.write, b"y")
    link.near.writable = True
    link.server.write(b"yes")
    equal(link.client.read(3), b"yes")


@case
def kinds_of_timeouts():
    link = over_sockets()
    for value in (1, 0.5, 0.0001, 5, 2147483647, 1e30, None, 0, 0.0):
        same(link.client.settimeout(value), None)
    for value in (-1, -0.5, float("nan")):
        raises(ValueError, link.client.settimeout, value)
    raises(TypeError, link.client.settimeout, "1")
    # The last good one holds: it does not wait.
    same(link.client.read(1), None)
    # One that is almost nothing is not zero.
    link.client.settimeout(0.0001)
    raises_os_error(ETIMEDOUT, None, link.client.read, 1)
    link.client.setblocking(False)
    same(link.client.read(1), None)


# ----------------------------------------------------------------------------------------------------------------------
# Non-blocking: nothing waits


READS = (
    ("read", ()), ("read", (1,)), ("recv", (1,)), ("readline", ()), ("readinto", (bytearray(1),)),
    ("recv_into", (bytearray(1),)),
)


@each("sockets", "pipes")
def nothing_waits_before_the_handshake(kind):
    near, far = socket_pair() if kind == "sockets" else join(End(), End())
    client = new_psk_contexts()[0].wrap_socket(near, do_handshake_on_connect=False)
    client.setblocking(False)
    for name, arguments in READS + (("write", (b"x",)), ("send", (b"x",)), ("sendall", (b"x",))):
        same(getattr(client, name)(*arguments), None, name)
    raises_os_error(EAGAIN, None, client.do_handshake)
    raises_os_error(ENOTCONN, None, client.unwrap)
    raises_os_error(ENOTCONN, None, client.shutdown, 1)
    for name in ("cipher", "version"):
        same(getattr(client, name)(), None)
    equal(client.pending(), 0)
    same(client.close(), None)


@each("sockets", "pipes")
def nothing_waits_after_the_handshake(kind):
    link = over_sockets() if kind == "sockets" else Link(*new_psk_contexts())
    link.client.settimeout(0)
    link.server.settimeout(0)
    same(link.client.do_handshake(), None)
    for name, arguments in READS:
        same(getattr(link.client, name)(*arguments), None, name)
    equal(link.client.write(b"ping"), 4)
    equal(link.server.read(10), b"ping")
    # The peer's close_notify is not there yet.
    raises_os_error(EAGAIN, None, link.client.unwrap)
    same(link.client.shutdown(1), None)
    same(link.client.read(1), None)
    equal(link.server.read(1), b"")
    same(link.server.unwrap(), link.far)
    same(link.client.unwrap(), link.near)


# A stream that blocks and cannot be told not to is asked before it is read or written.
@case
def blocking_stream_is_asked_first():
    link = dripping().shake()
    client = link.client
    client.setblocking(False)

    class Blocks(Exception):
        pass

    def block(buf):
        raise Blocks()

    link.near.readinto = block
    link.near.write = block
    link.near.readable = link.near.writable = False
    same(client.read(1), None)
    equal(client.write(b"x"), 1)
    same(client.write(b"y"), None)
    client.setblocking(True)
    raises(Blocks, client.read, 1)


@case
def full_stream_without_waiting():
    link = Link(*new_psk_contexts())
    link.client.setblocking(False)
    link.near.writable = False
    link.client.write(b"taken")
    same(link.client.write(b"x"), None)
    raises_os_error(EAGAIN, None, link.client.shutdown, 1)
    raises_os_error(EAGAIN, None, link.client.unwrap)
    raises_os_error(EPIPE, None, link.client.write, b"x")
    link.near.writable = True
    raises_os_error(EAGAIN, None, link.client.unwrap)
    equal(link.server.read(), b"taken")


run()
