# Streams that are slow or block now and then: every byte arrives, once and in order.

import random
import ssl

from pipes import (
    End, Link, content, exchange, new_client_context, new_psk_contexts, new_server_context, new_verifying_context,
    noise, path, pin, transfer)
from testing import case, each, equal, run, same, true

UP = noise(20000, 11)
DOWN = noise(20000, 12)


# At most `read_size` or `write_size` bytes a call; every `nth` call finds that it would block.
class Slow(End):
    def __init__(self, read_size=100000, write_size=100000, read_nth=0, write_nth=0):
        super().__init__()
        self.read_size = read_size
        self.write_size = write_size
        self.read_nth = read_nth
        self.write_nth = write_nth

    def readinto(self, buf):
        self.reads += 1
        if self.read_nth and self.reads % self.read_nth == 0:
            return None
        return self.take(buf, self.read_size)

    def write(self, buf):
        self.writes += 1
        if self.write_nth and self.writes % self.write_nth == 0:
            return None
        return self.give(buf, self.write_size)


# Anything a well-behaved stream may do, by dice.
class Moody(End):
    def __init__(self, dice):
        super().__init__()
        self.dice = dice

    def readinto(self, buf):
        kind = self.dice.randrange(4)
        if kind == 0:
            return None
        return self.take(buf, len(buf) if kind == 1 else self.dice.randrange(1, 40 if kind == 2 else 2000))

    def write(self, buf):
        kind = self.dice.randrange(5)
        if kind == 0:
            return None
        if kind == 4:
            return 0
        return self.give(buf, len(buf) if kind == 1 else self.dice.randrange(1, 40 if kind == 2 else 2000))


def contexts(kind):
    client, server = new_client_context(), new_server_context()
    if kind.startswith("psk"):
        client, server = new_psk_contexts()
    if kind.startswith("mutual"):
        client = new_verifying_context()
        client.load_cert_chain(path("client-rsa-chain.pem"), path("client-rsa.key"))
        server = new_server_context("rsa", verify_mode=ssl.CERT_REQUIRED)
        server.load_verify_locations(cadata=content("root.pem"))
    if "1.2" in kind:
        pin(ssl.TLSVersion.TLSv1_2, client, server)
    elif "1.3" in kind:
        pin(ssl.TLSVersion.TLSv1_3, client, server)
    return client, server


# A whole connection, from the first byte of the handshake to the close.
def live(kind, near, far, up=UP, down=DOWN, seed=1):
    link = Link(*contexts(kind), near=near, far=far)
    got = exchange(link, up, down, dice(seed))
    equal(got[0], up, "to the server")
    equal(got[1], down, "to the client")
    while not link.client.send(b"bye"):
        pass
    for _ in range(100):
        # The read brings out what is left; then close_notify finds the way free, on most of these streams.
        same(link.client.recv(1), None)
    link.client.close()
    farewell = b""
    for _ in range(1000):
        part = link.server.read(10)
        if part == b"":
            break
        farewell += part or b""
    equal(farewell, b"bye")


def dice(seed):
    random.seed(seed)
    return random


@each("1.2", "1.3", "mutual 1.2", "mutual 1.3", "psk 1.2", "psk 1.3")
def one_byte_at_a_time(kind):
    live(kind, Slow(1, 1), Slow(1, 1), UP[:3000], DOWN[:3000])


@each("1.2", "1.3", "mutual 1.2", "mutual 1.3")
def one_byte_at_a_time_in_one_direction(kind):
    live(kind, Slow(read_size=1), Slow(write_size=1), UP[:3000], DOWN[:3000])
    live(kind, Slow(write_size=1), Slow(read_size=1), UP[:3000], DOWN[:3000])


@each("1.2", "1.3")
def a_few_bytes_at_a_time(kind):
    for size in (2, 3, 4, 5, 6, 7, 13, 1000):
        live(kind, Slow(size, size), Slow(size, size), UP[:2000], DOWN[:2000])


@each("1.2", "1.3", "mutual 1.2", "mutual 1.3", "psk 1.2", "psk 1.3")
def every_nth_read_blocks(kind):
    for nth in (2, 3, 5):
        live(kind, Slow(read_nth=nth), Slow(read_nth=nth))


@each("1.2", "1.3", "mutual 1.2", "mutual 1.3", "psk 1.2", "psk 1.3")
def every_nth_write_blocks(kind):
    for nth in (2, 3, 5):
        live(kind, Slow(write_nth=nth), Slow(write_nth=nth))


@each("1.2", "1.3", "mutual 1.2", "mutual 1.3")
def every_second_call_blocks_and_the_others_move_one_byte(kind):
    live(kind, Slow(1, 1, 2, 2), Slow(1, 1, 2, 2), UP[:2000], DOWN[:2000])


@each("1.2", "1.3", "mutual 1.2", "mutual 1.3", "psk 1.2", "psk 1.3")
def at_random(kind):
    for seed in range(6):
        seed = seed * 1000 + len(kind)
        print("seed", seed)
        live(kind, Moody(dice(seed)), Moody(random), UP, DOWN, seed)


# Each call of the stream in turn is the one that blocks, in both directions.
@each("1.2", "1.3", "mutual 1.2", "mutual 1.3")
def each_call_of_the_handshake_blocks_once(kind):
    class Once(End):
        def __init__(self, at):
            super().__init__()
            self.at = at
            self.calls = 0

        def readinto(self, buf):
            self.calls += 1
            return None if self.calls == self.at else self.take(buf, len(buf))

        def write(self, buf):
            self.calls += 1
            return None if self.calls == self.at else self.give(buf, len(buf))

    pair = contexts(kind)
    for side in (0, 1):
        at = 1
        while True:
            ends = (Once(at), Once(0)) if side == 0 else (Once(0), Once(at))
            link = Link(*pair, near=ends[0], far=ends[1])
            equal(transfer(link.client, link.server, b"ping"), b"ping")
            equal(transfer(link.server, link.client, b"pong"), b"pong")
            if ends[side].calls < at:
                break
            at += 1
        true(at > 5, at)


@each(("large records", 16384), ("small records", 100))
def streams_much_smaller_than_a_record(name, size):
    link = Link(near=Slow(write_size=10, write_nth=3), far=Slow(read_size=7, read_nth=2))
    data = noise(size * 2, 5)
    equal(exchange(link, data, b"", dice(4)), (data, b""))


# A pipe that holds no more than a few hundred bytes, filled by both sides at once: nobody waits for the other for ever.
@case
def narrow_pipes():
    class Narrow(End):
        def give(self, buf, limit):
            space = 300 - len(self.other.inbox)
            return super().give(buf, space) if space > 0 else None

    link = Link(near=Narrow(), far=Narrow())
    equal(exchange(link, UP, DOWN, dice(3)), (UP, DOWN))


@case
def many_megabytes():
    link = Link()
    block = noise(60000, 9)
    for _ in range(50):
        equal(link.client.write(block), len(block))
        equal(link.server.read(len(block)), block)


run()
