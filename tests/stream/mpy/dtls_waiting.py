# DTLS without anybody who waits inside of a call: poll and asyncio know when it is time to send again.

import asyncio
import select

from datagrams import Pair, talk
from micropython import const
from pipes import POLLIN, POLLOUT, poll
from testing import case, each, equal, run, same, true

SECOND = const(1000)


def wait(sock, events, timeout=5 * SECOND):
    poller = select.poll()
    poller.register(sock, events)
    for _, answer in poller.poll(timeout):
        return answer
    return 0


def losing(*numbers):
    return lambda number, datagram: [] if number in numbers else [datagram]


# Nothing arrives and yet poll comes back, in either direction: the timer of the handshake has run out.
@each(("reading", POLLIN), ("writing", POLLOUT), ("both", POLLIN | POLLOUT))
def poll_tells_the_timer(name, events):
    pair = Pair(handshake=False, near_fate=losing(1))
    same(pair.client.read(1) if events == POLLIN else pair.client.write(b"x"), None)
    equal(poll(pair.client, events), 0)
    equal(pair.near.sent, 1)
    equal(wait(pair.client, events), events)
    equal(pair.near.sent, 1)  # it only tells
    same(pair.client.read(1), None)
    equal(pair.near.sent, 2)
    equal(poll(pair.client, events), 0)
    pair.shake()
    talk(pair)


# Once the handshake is over there is no timer any more.
@case
def poll_is_quiet_after_the_handshake():
    pair = Pair()
    equal(wait(pair.client, POLLIN, 1200), 0)
    equal(wait(pair.server, POLLIN, 10), 0)


@case
def poll_does_not_spin_on_a_stream_that_is_full():
    pair = Pair(handshake=False, near_fate=losing(1))
    same(pair.client.read(1), None)
    equal(wait(pair.client, POLLIN), POLLIN)
    pair.near.writable = False
    same(pair.client.read(1), None)
    equal(poll(pair.client, POLLIN) & POLLIN, 0)
    pair.near.writable = True
    pair.shake()
    talk(pair)


def streams(pair):
    return asyncio.StreamReader(pair.client), asyncio.StreamReader(pair.server)


# One message, or None if what made the stream readable was none.
async def receive(stream, size):
    while True:
        await stream.read(0)  # until there is something to read
        message = stream.s.recv(size)
        if message is not None:
            return message


async def echo(stream, count):
    for _ in range(count):
        stream.write(await receive(stream, 100))
        await stream.drain()


async def ask(stream, count):
    for i in range(count):
        stream.write(b"message %d" % i)
        await stream.drain()
        equal(await receive(stream, 100), b"message %d" % i)


async def both(*jobs):
    await asyncio.wait_for(asyncio.gather(*jobs), 30)


# Both sides as tasks; the first datagram of the client and one of the server are lost.
@each("psk", "ec", "mutual")
def asyncio_sends_again(kind):
    pair = Pair(kind, handshake=False, near_fate=losing(1), far_fate=losing(3))
    client, server = streams(pair)
    asyncio.run(both(ask(client, 3), echo(server, 3)))


# The server has finished, but the client does not know: it repeats itself, and a server that only waits answers.
@each("psk", "ec", "mutual")
def asyncio_repeats_the_last_flight(kind):
    whole = Pair(kind)
    last = whole.far.sent
    pair = Pair(kind, handshake=False, far_fate=losing(last))
    client, server = streams(pair)
    asyncio.run(both(ask(client, 2), echo(server, 2)))
    true(pair.far.sent >= last + 3, pair.far.sent)


@each("empty", "long", "handshake")
def rubbish_before_the_handshake(kind):
    rubbish = {"empty": [b""] * 3, "long": [bytes(1000)], "handshake": [b"\x16\xfe\xfd" + bytes(9) + b"\x05" + bytes(3)]}
    pair = Pair("ec", handshake=False)
    pair.near.inbox.extend(rubbish[kind])
    pair.far.inbox.extend(rubbish[kind])
    pair.shake()
    talk(pair)


# An empty datagram, which anybody can send in the name of the peer, is not the end.
@case
def empty_datagrams_are_dropped():
    pair = Pair()
    pair.client.send(b"message")
    pair.far.inbox[0:0] = [b"", b""]
    equal(pair.server.recv(100), b"message")
    pair.far.inbox.append(b"")
    same(pair.server.recv(100), None)
    same(pair.server.truncated, False)
    pair.far.inbox.extend([b""] * 1000)
    same(pair.server.recv(100), None)
    for _ in range(100):
        pair.server.recv(100)
    talk(pair)


run()
