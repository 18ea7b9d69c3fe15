# poll() over real sockets, where the system waits: nothing that there is to do stays hidden, and nobody runs in circles.

import asyncio
import gc
import os
import select
import socket
import ssl
import time

from pipes import (
    Link, POLLIN, POLLOUT, new_client_context, new_psk_contexts, new_server_context, new_verifying_context, noise, nudge,
    pin, socket_pair)
from testing import case, each, equal, raises, run, same, true

BOTH = POLLIN | POLLOUT


def connect(version=None, **options):
    contexts = new_verifying_context(), new_server_context()
    near, far = socket_pair()
    for end in (near, far):
        end.setblocking(False)
    link = Link(*(pin(version, *contexts) if version else contexts), near=near, far=far, **options)
    for sock in (link.client, link.server):
        sock.setblocking(False)
    if link.client.version():
        nudge(link.client)  # takes the tickets
    return link


def watch(sock, events):
    poller = select.poll()
    poller.register(sock, events)
    return poller


def events_of(poller, ms=0):
    ready = poller.poll(ms)
    return ready[0][1] if ready else 0


# Like a number of milliseconds, but of the process.
def wake_ups():
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("voluntary_ctxt_switches"):
                return int(line.split()[1])


def descriptors():
    return len(os.listdir("/proc/self/fd"))


# That the process has made.
def reads():
    with open("/proc/self/io") as f:
        for line in f:
            if line.startswith("syscr"):
                return int(line.split()[1])


# A socket that gave all it had is not asked whether it has more. Mbed TLS reads a record's header by itself, and has
# never been told of less than it asked for.
@case
def reads_once():
    link = connect()
    of_telling = reads() - reads()
    taken = reads()
    for _ in range(100):
        link.server.write(b"four")
        equal(link.client.read(1000), b"four")
    taken = reads() - taken + of_telling
    equal(taken, 100 if ssl.ENGINE == "openssl" else 300)
    link.server.write(b"four")
    link.server.write(noise(20000))
    equal(len(link.client.read(30000)), 20004, "records that are there come together")
    same(link.client.read(1), None)
    link.close()


@each(("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3))
def decrypted_data_is_seen(name, version):
    link = connect(version)
    before = watch(link.client, POLLIN)
    equal(events_of(before), 0)
    link.server.write(b"four")
    equal(events_of(before, 1000), POLLIN)
    equal(link.client.read(1), b"f")
    equal(events_of(before), POLLIN, "registered before the data came")
    equal(events_of(watch(link.client, POLLIN)), POLLIN, "registered after a part was read")
    equal(link.client.read(3), b"our")
    equal(events_of(before), 0)
    same(link.client.read(1), None)
    equal(events_of(before), 0)
    link.close()


# The reader begins to wait while a writer does: no one is asked for a descriptor again.
@case
def decrypted_data_is_seen_by_a_later_reader():
    link = connect()
    poller = watch(link.client, POLLOUT)
    link.server.write(b"four")
    poller.poll(0)
    equal(link.client.read(1), b"f")
    poller.modify(link.client, BOTH)
    true(events_of(poller) & POLLIN)
    equal(link.client.read(), b"our")
    equal(events_of(poller), POLLOUT)
    link.close()


@each("close_notify", "cut", "failure")
def ends_are_seen(how):
    link = connect()
    poller = watch(link.client, POLLIN)
    if how == "close_notify":
        link.server.close()
    elif how == "cut":
        link.far.close()
    else:
        link.far.write(b"\x17\x03\x03\x00\x20" + bytes(32))
    for _ in range(3):
        true(events_of(poller, 1000) & POLLIN)
        if how == "failure":
            raises(OSError, link.client.read, 1)
        else:
            equal(link.client.read(1), b"")
    link.client.close()


# What a read had collected when it failed is kept for the next one.
@case
def kept_data_is_seen():
    link = connect()
    poller = watch(link.client, POLLIN)
    link.server.write(b"four")
    equal(events_of(poller, 1000), POLLIN)
    equal(link.client.read(5), b"four")
    link.server.write(b"more")
    equal(events_of(poller, 1000), POLLIN)
    e = raises(OSError, link.client.unwrap)
    equal(e.errno, 22)
    equal(events_of(poller), POLLIN)
    equal(link.client.read(4), b"more")
    equal(events_of(poller), 0)
    link.client.shutdown(0)
    equal(events_of(poller), POLLIN)
    equal(link.client.read(4), b"")
    link.close()


# What is left of a record that a write has taken goes out although the program waits for the answer only.
@each("before", "after")
def output_goes_out_while_waiting_to_read(registered):
    link = connect()
    poller = watch(link.client, POLLIN)
    sent = 0
    while not events_of(poller):
        sent += link.client.write(noise(16000))
    if registered == "after":
        poller = watch(link.client, POLLIN)
    received = 0
    for _ in range(10000):
        received += len(link.server.read(4096) or b"")
        if received == sent:
            break
        if events_of(poller):
            same(link.client.read(1), None)
    equal(received, sent)
    equal(events_of(poller), 0)
    link.close()


@each(("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3))
def handshake_by_poll(name, version):
    link = connect(version, handshake=False)
    poller = select.poll()
    poller.register(link.client, POLLOUT)
    poller.register(link.server, POLLIN)
    attempts = 0
    done = 0
    while done < 2:
        ready = poller.poll(2000)
        true(ready, "nobody is ready")
        for sock, _ in ready:
            attempts += 1
            if sock is link.client and sock.write(b"hello"):
                poller.unregister(sock)
                done += 1
            elif sock is link.server and sock.read(5) == b"hello":
                poller.unregister(sock)
                done += 1
    true(attempts < 30, attempts)
    link.close()


# A writer is woken in vain while the peer does not answer, but not without a pause.
@each("not unregistered", "like asyncio")
def silent_peer(way):
    link = connect(handshake=False)
    poller = watch(link.client, POLLOUT)
    start = time.ticks_ms()
    attempts = 0
    while time.ticks_diff(time.ticks_ms(), start) < 200:
        poller.poll(50)
        if way == "like asyncio":
            poller.unregister(link.client)
        same(link.client.write(b"hello"), None)
        if way == "like asyncio":
            poller.register(link.client, POLLOUT)
        attempts += 1
    true(attempts < 300, attempts)
    # One that reads is not woken at all.
    same(link.client.read(1), None)
    equal(events_of(watch(link.client, POLLIN), 50), 0)
    link.close()


# The stream is full, and there is something to read: two that do not look at each other.
@case
def unread_data_and_a_full_stream():
    link = connect()
    poller = watch(link.client, POLLOUT)
    link.server.write(b"four")
    poller.poll(0)
    equal(link.client.read(1), b"f")
    while link.client.write(bytes(10000)):
        pass
    start = time.ticks_ms()
    attempts = 0
    while time.ticks_diff(time.ticks_ms(), start) < 200:
        poller.poll(50)
        same(link.client.write(b"more"), None)
        attempts += 1
    true(attempts < 300, attempts)
    while link.server.read(10000):
        pass
    equal(events_of(poller, 1000), POLLOUT)
    while not link.client.write(b"more"):
        link.server.read(10000)
    equal(link.client.read(3), b"our")
    equal(events_of(poller), POLLOUT)
    poller.modify(link.client, POLLIN)
    equal(events_of(poller), 0)
    link.close()


@case
def idle_connections_cost_nothing():
    links = [connect() for _ in range(20)]
    poller = select.poll()
    for link in links:
        poller.register(link.client, POLLIN)
        poller.register(link.server, POLLIN)
    before = wake_ups()
    equal(poller.poll(300), [])
    true(wake_ups() - before < 50, wake_ups() - before)
    for link in links:
        link.close()


async def ping_pong(link, rounds, idle):
    near, far = asyncio.StreamReader(link.client), asyncio.StreamReader(link.server)

    async def echo():
        for i in range(rounds):
            line = await far.readline()
            far.write(line + line)
            await far.drain()

    task = asyncio.create_task(echo())
    for i in range(rounds):
        near.write(b"%d\n" % i)
        await near.drain()
        equal(await near.readline(), b"%d\n" % i)
        equal(await near.readline(), b"%d\n" % i)
    await task
    if idle:
        before = wake_ups()
        try:
            await asyncio.wait_for(near.read(1), 0.3)
        except asyncio.TimeoutError:
            pass
        true(wake_ups() - before < 50, wake_ups() - before)


@each("established", "deferred")
def asyncio_waits(handshake):
    async def main():
        links = [connect(handshake=handshake == "established") for _ in range(10)]
        await asyncio.gather(*(ping_pong(link, 20, link is links[0]) for link in links))
        for link in links:
            link.close()

    asyncio.run(asyncio.wait_for(main(), 30))


# Plain sockets and TLS in one poll object: objects without a descriptor would be lost as soon as it grows.
@case
def among_many_others():
    links = []
    others = []
    poller = select.poll()
    for i in range(200):
        if i % 10 == 0:
            link = connect(handshake=i % 20 == 0)
            links.append(link)
            poller.register(link.client, POLLIN)
        others.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        poller.register(others[-1], POLLIN)
        bytearray(100)
    for link in links:
        if not link.client.version():
            link.shake()
        link.server.write(b"x")
        equal([sock for sock, _ in poller.poll(1000)], [link.client])
        equal(link.client.read(1), b"x")
    for link in links:
        link.close()
    for other in others:
        other.close()


@case
def descriptors_are_closed():
    def poll_and(end):
        link = connect()
        equal(events_of(watch(link.client, BOTH)), POLLOUT)
        end(link)
        link.near.close()
        link.far.close()

    def drop(link):
        link.client = link.server = None

    def unwrap(link):
        streams = {}
        while len(streams) < 2:
            for sock in (link.client, link.server):
                try:
                    streams[sock] = sock.unwrap()
                except OSError:
                    pass

    for end in (lambda link: link.close(), drop, unwrap):
        gc.collect()
        before = descriptors()
        for _ in range(3):
            poll_and(end)
            bytearray(5000)
        gc.collect()
        true(descriptors() <= before + 1, "%d instead of %d" % (descriptors(), before))


# What follows a flight of the handshake does not wait until that is acknowledged.
@case
def tcp_sends_at_once():
    import ffi

    getsockopt = ffi.open("libc.so.6").func("i", "getsockopt", "iiiPP")

    def no_delay():
        value, size = bytearray(4), bytearray(b"\4\0\0\0")
        equal(getsockopt(plain.fileno(), 6, 1, value, size), 0)
        return value[0]

    plain = socket.socket()
    equal(no_delay(), 0)
    sock = new_client_context().wrap_socket(plain, do_handshake_on_connect=False)
    equal(no_delay(), 1)
    sock.close()


# Without any left, the connection is asked each millisecond.
@case
def no_descriptor_left():
    link = connect()
    used = []
    try:
        while True:
            used.append(socket.socket())
    except OSError:
        pass
    try:
        poller = watch(link.client, BOTH)
        equal(events_of(poller), POLLOUT)
        link.server.write(b"x")
        equal(events_of(poller, 1000), BOTH)
        equal(link.client.read(1), b"x")
        equal(events_of(poller), POLLOUT)
    finally:
        for sock in used:
            sock.close()
    link.close()


run()
