# SSLSocket.stats(): what went through the streams below, whole records, how the handshake went, and what a connection
# takes of the heap.

import gc
import time

from pipes import *
from testing import *

NAMES = [
    "bytes_received", "bytes_sent", "handshake_ms", "heap_held", "heap_peak", "records_received", "records_sent",
    "resumed"]


# Keeps what goes through.
class Recorded(End):
    def __init__(self):
        super().__init__()
        self.read = bytearray()
        self.written = bytearray()

    def readinto(self, buf):
        count = super().readinto(buf)
        if count:
            self.read.extend(memoryview(buf)[:count])
        return count

    def write(self, buf):
        count = super().write(buf)
        if count:
            self.written.extend(memoryview(buf)[:count])
        return count


# ... in small pieces.
class Slow(Recorded):
    def take(self, buf, limit):
        return super().take(buf, 3)

    def give(self, buf, limit):
        return super().give(buf, 7)


def count_records(data):
    count = 0
    at = 0
    while at + 5 <= len(data) and at + 5 + (data[at + 3] << 8 | data[at + 4]) <= len(data):
        at += 5 + (data[at + 3] << 8 | data[at + 4])
        count += 1
    return count


def check(sock, stream):
    stats = sock.stats()
    equal(sorted(stats), NAMES)
    equal((stats["bytes_received"], stats["bytes_sent"]), (len(stream.read), len(stream.written)))
    equal((stats["records_received"], stats["records_sent"]),
          (count_records(stream.read), count_records(stream.written)))
    return stats


@each(("TLSv1_2", Recorded), ("TLSv1_3", Recorded), ("TLSv1_2 slow", Slow), ("TLSv1_3 slow", Slow))
def counted(name, kind):
    contexts = pin(getattr(ssl.TLSVersion, name.split()[0]), new_client_context(), new_server_context())
    link = Link(*contexts, near=kind(), far=kind(), handshake=False)
    stats = link.client.stats()
    true(0 < stats.pop("heap_held") <= stats.pop("heap_peak"))
    equal(stats, {"bytes_received": 0, "bytes_sent": 0, "records_received": 0, "records_sent": 0, "handshake_ms": None,
                  "resumed": False})
    nudge(link.client)
    same(check(link.client, link.near)["handshake_ms"], None)
    link.shake()
    true(check(link.client, link.near)["records_sent"] >= 2)
    true(isinstance(check(link.server, link.far)["handshake_ms"], int))
    before = link.client.stats()
    equal(transfer(link.client, link.server, noise(50000)), noise(50000))
    stats = check(link.client, link.near)
    equal(stats["records_sent"] - before["records_sent"], 4)
    true(50000 < stats["bytes_sent"] - before["bytes_sent"] < 50400)
    equal(stats["handshake_ms"], before["handshake_ms"])
    check(link.server, link.far)
    link.client.close()
    true(check(link.client, link.near)["records_sent"] > stats["records_sent"], "close_notify")
    equal(link.server.read(), b"")
    check(link.server, link.far)
    link.server.close()
    check(link.server, link.far)


# Of each end from its first step to its last one: what the stream and the peer take counts.
@case
def duration_of_the_handshake():
    class Sleepy(End):
        slept = 0

        def write(self, buf):
            time.sleep_ms(20)
            self.slept += 20
            return super().write(buf)

    start = time.ticks_ms()
    link = Link(near=Sleepy())
    whole = time.ticks_diff(time.ticks_ms(), start)
    slept = link.near.slept
    true(slept >= 40, slept)
    for sock in (link.client, link.server):
        true(slept - 20 <= sock.stats()["handshake_ms"] <= whole + 1, (slept, sock.stats()["handshake_ms"], whole))
    # What comes later does not.
    time.sleep_ms(2 * whole + 20)
    transfer(link.client, link.server, b"ping")
    true(link.client.stats()["handshake_ms"] <= whole + 1)


@case
def resumed():
    contexts = pin(ssl.TLSVersion.TLSv1_2, new_client_context(), new_server_context())
    session = Link(*contexts).client.session
    near, far = join(End(), End())
    server = contexts[1].wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    client = contexts[0].wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False, session=session)
    while not nudge(client) & nudge(server):
        pass
    same(client.stats()["resumed"], True)
    same(server.stats()["resumed"], True)


# The engine's tests compare the numbers with what freeing a connection gives back.
@each("TLSv1_2", "TLSv1_3")
def heap(name):
    contexts = pin(getattr(ssl.TLSVersion, name), new_verifying_context(), new_server_context())
    Link(*contexts).close()  # what the library keeps for ever is there from now on
    gc.collect()
    link = Link(*contexts, handshake=False)
    sides = (link.client, link.server)
    new = [sock.stats()["heap_held"] for sock in sides]
    link.shake()
    transfer(link.server, link.client, noise(50000))
    transfer(link.client, link.server, noise(50000))
    for i, sock in enumerate(sides):
        stats = sock.stats()
        true(0 < stats["heap_held"] < stats["heap_peak"], stats)
        true(stats["heap_peak"] > new[i], stats)
    peaks = [sock.stats()["heap_peak"] for sock in sides]
    link.close()
    for sock, peak in zip(sides, peaks):
        equal(sock.stats()["heap_held"], 0)
        true(sock.stats()["heap_peak"] >= peak)


# No buffer of a record is held by a connection that has nothing to read or to write, also when a client has read session
# tickets after its last write.
@each("TLSv1_2", "TLSv1_3")
def heap_of_an_idle_connection(name):
    link = Link(*pin(getattr(ssl.TLSVersion, name), new_verifying_context(), new_server_context()))
    transfer(link.client, link.server, noise(20000))
    transfer(link.server, link.client, noise(20000))
    for sock in (link.client, link.server):
        same(sock.read(1), None)
        true(sock.stats()["heap_held"] < 24000, sock.stats())


# Nor by a server whose client has said nothing yet: anyone can open such connections.
@case
def heap_of_a_server_that_waits():
    contexts = new_verifying_context(), new_server_context()
    Link(*contexts).close()  # as above
    link = Link(*contexts, handshake=False)
    same(link.server.read(1), None)
    true(link.server.stats()["heap_held"] < 45000, link.server.stats())


# What a callback makes is not the connection's that asks it.
@case
def heap_of_others():
    made = []

    def make(der, depth):
        if busy:
            for _ in range(10):
                made.append(new_verifying_context())
        return 0

    peaks = []
    for busy in (False, False, True):
        client = new_verifying_context(verify_callback=make)
        peaks.append(Link(client, new_server_context()).client.stats()["heap_peak"])
    true(len(made) >= 20, len(made))
    true(peaks[2] < peaks[1] + 5000, peaks)


@case
def misuse():
    link = Link()
    raises(TypeError, link.client.stats, 1)
    raises(AttributeError, setattr, link.client, "stats", 1)
    link.client.stats()["bytes_sent"] = 0
    true(link.client.stats()["bytes_sent"] > 0)


run()
