# poll(): which direction of the stream is asked for, and what it answers in each state.

import select
import ssl

from pipes import (
    End, Link, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, STREAM_POLL, new_client_context, new_psk_contexts,
    new_server_context, new_verifying_context, noise, nudge, pin, poll, socket_pair)
from testing import case, each, equal, raises, run, same, true

BOTH = POLLIN | POLLOUT


# What poll() answers and what it asked the stream for (None: it did not ask).
def ask(sock, end, events):
    del end.polls[:]
    answer = poll(sock, events)
    true(len(end.polls) <= 1, end.polls)
    return answer, end.polls[0] if end.polls else None


def check(sock, end, events, asked, answer):
    equal(ask(sock, end, events), (answer, asked), "poll for %d: (answer, asked)" % events)


def connect(**options):
    return Link(*new_psk_contexts(), **options)


# Before anybody has tried anything, each direction is itself.
@case
def before_the_first_call():
    link = connect(handshake=False)
    check(link.client, link.near, POLLIN, POLLIN, 0)
    check(link.client, link.near, POLLOUT, POLLOUT, POLLOUT)
    check(link.client, link.near, BOTH, BOTH, POLLOUT)
    check(link.server, link.far, POLLIN, POLLIN, 0)


@case
def handshake_that_wants_to_write():
    link = connect(handshake=False)
    link.near.writable = False
    same(link.client.read(1), None)
    # A read waits for the stream to be writable; for a write that is so anyway.
    check(link.client, link.near, POLLIN, POLLOUT, 0)
    check(link.client, link.near, POLLOUT, POLLOUT, 0)
    link.near.writable = True
    check(link.client, link.near, POLLIN, POLLOUT, POLLIN)
    check(link.client, link.near, BOTH, POLLOUT, BOTH)


@case
def handshake_that_wants_to_read():
    link = connect(handshake=False)
    same(link.client.write(b"early"), None)
    # A write waits for the server's answer.
    check(link.client, link.near, POLLOUT, POLLIN, 0)
    check(link.client, link.near, POLLIN, POLLIN, 0)
    check(link.client, link.near, BOTH, POLLIN, 0)
    nudge(link.server)
    check(link.client, link.near, POLLOUT, POLLIN, POLLOUT)
    check(link.client, link.near, BOTH, POLLIN, BOTH)


# Reading and writing have wants of their own: what a read waits for says nothing about a write.
@case
def separate_wants():
    link = connect(handshake=False)
    link.near.writable = False
    same(link.client.read(1), None)
    link.near.writable = True
    link.near.readable = False
    same(link.client.write(b"early"), None)
    # The read wants to write still, as far as it knows; the write wants to read.
    check(link.client, link.near, POLLIN, POLLOUT, POLLIN)
    check(link.client, link.near, POLLOUT, POLLIN, 0)
    same(link.client.read(1), None)
    check(link.client, link.near, POLLIN, POLLIN, 0)
    check(link.client, link.near, POLLOUT, POLLIN, 0)


@case
def wants_end_with_the_handshake():
    link = connect(handshake=False)
    same(link.client.write(b"early"), None)
    same(link.server.write(b"early"), None)
    link.shake()
    for sock, end in ((link.client, link.near), (link.server, link.far)):
        end.inbox = bytearray()
        check(sock, end, POLLIN, POLLIN, 0)
        check(sock, end, POLLOUT, POLLOUT, POLLOUT)


@case
def idle_connection():
    link = connect()
    link.client.read(1)
    check(link.client, link.near, POLLIN, POLLIN, 0)
    check(link.client, link.near, POLLOUT, POLLOUT, POLLOUT)
    check(link.client, link.near, BOTH, BOTH, POLLOUT)
    link.near.writable = False
    check(link.client, link.near, POLLOUT, POLLOUT, 0)


@case
def data_on_its_way():
    link = connect()
    link.client.read(1)
    link.server.write(b"data")
    check(link.client, link.near, POLLIN, POLLIN, POLLIN)
    check(link.client, link.near, BOTH, BOTH, BOTH)
    equal(link.client.read(4), b"data")
    check(link.client, link.near, POLLIN, POLLIN, 0)


@case
def decrypted_data_is_readable_at_once():
    link = connect()
    link.server.write(b"0123456789")
    equal(link.client.read(3), b"012")
    link.near.readable = False
    check(link.client, link.near, POLLIN, None, POLLIN)
    # Only the other direction is a question to the stream.
    check(link.client, link.near, BOTH, POLLOUT, BOTH)
    link.near.writable = False
    check(link.client, link.near, BOTH, POLLOUT, POLLIN)
    reads = link.near.reads
    equal(link.client.read(7), b"3456789")
    equal(link.near.reads, reads)
    check(link.client, link.near, POLLIN, POLLIN, 0)


# Records that came with the first one and lie in the library's memory: nothing new will come from the stream.
@each("1.2", "1.3")
def several_records_at_once(version):
    version = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    link = Link(*pin(version, *new_psk_contexts()))
    words = [b"%04d" % i for i in range(100)]
    for word in words:
        link.server.write(word)
    got = []
    for _ in range(1000):
        if not poll(link.client, POLLIN):
            break
        got.append(link.client.recv(100))
    equal(got, words)
    same(link.client.recv(1), None)


# A record of which a part is there: poll must not spin.
@each("1.2", "1.3")
def part_of_a_record(version):
    version = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    for cut in (1, 4, 5, 6, 20):
        link = Link(*pin(version, *new_psk_contexts()))
        same(link.client.read(1), None)
        link.server.write(b"data")
        rest = link.near.inbox[cut:]
        link.near.inbox = link.near.inbox[:cut]
        same(link.client.read(4), None)
        check(link.client, link.near, POLLIN, POLLIN, 0)
        link.near.inbox = rest
        check(link.client, link.near, POLLIN, POLLIN, POLLIN)
        equal(link.client.read(4), b"data")


# Records without data (session tickets of TLS 1.3): readable perhaps, but a read then says "not yet" and it is over.
@case
def records_without_data():
    link = Link(new_client_context(), new_server_context())
    for _ in range(10):
        if not poll(link.client, POLLIN):
            break
        same(link.client.read(1), None)
    check(link.client, link.near, POLLIN, POLLIN, 0)


@case
def pending_output_is_flushed():
    link = connect()
    link.near.writable = False
    equal(link.client.send(b"data"), 4)
    equal(poll(link.client, POLLOUT), 0)
    equal(bytes(link.far.inbox), b"")
    link.near.writable = True
    equal(poll(link.client, POLLOUT), POLLOUT)
    equal(link.server.read(4), b"data")


@case
def pending_output_is_flushed_by_who_only_waits_for_the_answer():
    link = connect()
    link.near.writable = False
    equal(link.client.send(b"question"), 8)
    same(link.client.read(1), None)
    link.near.writable = True
    equal(poll(link.client, POLLIN), 0)
    equal(link.server.read(8), b"question")


# As long as output is left, somebody who waits for the answer has to wake up when the stream takes it.
@case
def waiting_for_the_answer_with_pending_output():
    link = connect()
    link.near.writable = False
    equal(link.client.send(b"question"), 8)
    same(link.client.read(1), None)
    answer, asked = ask(link.client, link.near, POLLIN)
    equal(answer, 0)
    true(asked & POLLIN, asked)


@case
def pending_output_of_the_handshake():
    link = connect(handshake=False)
    link.near.writable = False
    same(link.client.read(1), None)
    link.near.writable = True
    poll(link.client, POLLIN)
    true(len(link.far.inbox) > 50, len(link.far.inbox))


@case
def closed():
    for state in (True, False):
        link = connect(handshake=state)
        link.client.close()
        for events in (POLLIN, POLLOUT, BOTH, 0):
            check(link.client, link.near, events, None, POLLNVAL)


@each("garbage", "alert", "eof", "refused")
def failed(kind):
    link = Link(new_verifying_context(), new_server_context("expired"), handshake=False)
    if kind == "garbage":
        link.near.inbox.extend(b"fooba")
    elif kind == "alert":
        link.near.inbox.extend(b"\x15\x03\x03\x00\x02\x02\x28")
    elif kind == "eof":
        link.near.eof = True
    if kind == "refused":
        link.collide()
    else:
        check(link.client, link.near, POLLIN, POLLIN, POLLIN)
        raises(OSError, link.client.read, 128)
    for events in (POLLIN, POLLOUT, BOTH, 0):
        check(link.client, link.near, events, None, POLLNVAL)
    link.client.close()
    check(link.client, link.near, BOTH, None, POLLNVAL)


@case
def failed_after_the_handshake():
    link = connect()
    link.server.write(b"data")
    link.near.inbox[-1] ^= 1
    raises(OSError, link.client.read, 1)
    check(link.client, link.near, POLLIN, None, POLLNVAL)


@case
def ended():
    link = connect()
    link.server.close()
    check(link.client, link.near, POLLIN, POLLIN, POLLIN)
    equal(link.client.read(1), b"")
    link.near.readable = False
    check(link.client, link.near, POLLIN, None, POLLIN)
    check(link.client, link.near, BOTH, POLLOUT, BOTH)


@case
def other_events_of_the_stream_come_through():
    class Hanging(End):
        def ioctl(self, request, arg):
            if request == STREAM_POLL:
                return super().ioctl(request, arg) | POLLHUP | POLLERR
            return super().ioctl(request, arg)

    link = connect(near=Hanging())
    equal(poll(link.client, POLLIN) & (POLLHUP | POLLERR), POLLHUP | POLLERR)


@case
def poll_does_not_read():
    link = connect(handshake=False)
    nudge(link.client)
    nudge(link.server)
    reads = link.near.reads
    for _ in range(5):
        equal(poll(link.client, POLLIN), POLLIN)
    equal(link.near.reads, reads)


# A program that does nothing but what poll tells it gets through the handshake and the data, without one call in vain
# too many.
@each("slow writes", "slow reads", "both")
def driven_by_poll_alone(kind):
    class Busy(End):
        turn = 0

        def ioctl(self, request, arg):
            if request == STREAM_POLL:
                self.turn += 1
                self.readable = kind == "slow writes" or self.turn % 3 == 0
                self.writable = kind == "slow reads" or self.turn % 2 == 0
            return super().ioctl(request, arg)

        def readinto(self, buf):
            return self.take(buf, 200)

        def write(self, buf):
            return self.give(buf, 150)

    link = connect(near=Busy(), far=Busy(), handshake=False)
    up, down = noise(5000, 1), noise(5000, 2)
    sides = [[link.client, up, 0, bytearray(), down], [link.server, down, 0, bytearray(), up]]
    for _ in range(20000):
        for side in sides:
            sock, data, sent, got, expected = side
            events = (POLLIN if len(got) < len(expected) else 0) | POLLOUT
            ready = poll(sock, events)
            true(not ready & (POLLERR | POLLNVAL), ready)
            if ready & POLLIN and len(got) < len(expected):
                got.extend(sock.recv(1000) or b"")
            if ready & POLLOUT and sent < len(data):
                side[2] += sock.send(data[sent:sent + 700]) or 0
        if len(sides[0][3]) == len(down) and len(sides[1][3]) == len(up):
            break
    equal(bytes(sides[0][3]), down)
    equal(bytes(sides[1][3]), up)


@case
def several_connections_in_one_poll():
    links = [connect() for _ in range(5)]
    poller = select.poll()
    for link in links:
        link.client.read(1)
        poller.register(link.client, POLLIN)
    equal(poller.poll(0), [])
    links[1].server.write(b"x")
    links[3].server.write(b"x")
    ready = {id(sock) for sock, event in poller.poll(0)}
    equal(ready, {id(links[1].client), id(links[3].client)})
    poller.unregister(links[1].client)
    equal(len(poller.poll(0)), 1)


@case
def poll_of_real_sockets():
    near, far = socket_pair()
    near.setblocking(False)
    far.setblocking(False)
    link = Link(*new_psk_contexts(), near=near, far=far)
    same(link.client.read(1), None)
    equal(poll(link.client, BOTH), POLLOUT)
    link.server.write(b"0123456789")
    equal(poll(link.client, BOTH), BOTH)
    equal(link.client.read(5), b"01234")
    # The kernel has nothing left, the connection has.
    equal(poll(link.client, POLLIN), POLLIN)
    equal(link.client.read(5), b"56789")
    equal(poll(link.client, POLLIN), 0)
    link.server.close()
    equal(poll(link.client, POLLIN) & POLLIN, POLLIN)
    equal(link.client.read(1), b"")


run()
