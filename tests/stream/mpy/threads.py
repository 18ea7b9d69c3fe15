# Threads: on connections of their own they do not disturb each other, on one connection they take turns or are refused.

import _thread
import gc
import ssl
import time

from pipes import (
    EBADF, EBUSY, Link, content, new_client_context, new_psk_contexts, new_server_context, new_verifying_context, noise,
    nudge, path, socket_pair, transfer)
from testing import case, contains, equal, fail, raises_os_error, run, true

CONTEXTS = new_verifying_context(), new_server_context()


# Runs work(0), work(1), … in a thread each; raises what one of them raised.
def in_threads(count, work, seconds=30):
    done = []
    failures = []

    def body(i):
        try:
            work(i)
        except BaseException as e:
            failures.append(e)
        done.append(i)

    for i in range(count):
        _thread.start_new_thread(body, (i,))
    end = time.ticks_add(time.ticks_ms(), seconds * 1000)
    while len(done) < count:
        if time.ticks_diff(end, time.ticks_ms()) < 0:
            fail("only %r of %d threads have ended" % (done, count))
        time.sleep_ms(2)
    if failures:
        raise failures[0]


@case
def connections_of_one_context():
    def work(i):
        data = noise(20000, i)
        for _ in range(10):
            link = Link(*CONTEXTS)
            equal(transfer(link.client, link.server, data), data)
            equal(transfer(link.server, link.client, data), data)
            link.close()

    in_threads(4, work)


@case
def contexts_of_their_own():
    def work(i):
        for _ in range(10):
            link = Link(new_verifying_context(), new_server_context("rsa" if i % 2 else "ec"))
            equal(link.client.getpeercert(True), content("rsa.der" if i % 2 else "ec.der"))

    in_threads(4, work)


@case
def failing_handshakes_of_one_context():
    server = new_server_context("expired")

    def work(i):
        for _ in range(10):
            failure = Link(CONTEXTS[0], server, handshake=False).collide()[0]
            equal(failure.reason, "expired")
            contains(failure.detail, "expired on 2021-12-31")

    in_threads(4, work)


# A file has one place where it is read, which the threads share.
@case
def trust_anchors_in_one_open_file():
    client, server = new_client_context(verify_mode=ssl.CERT_REQUIRED), new_server_context()
    client.load_verify_locations(cafile=path("roots.bundle"))

    def work(i):
        for _ in range(40):
            link = Link(client, server)
            equal(transfer(link.client, link.server, b"hello"), b"hello")

    in_threads(6, work)


# A context cannot be changed while a connection of it is inside a call; both go on whatever the outcome.
@case
def changing_a_context_in_use():
    client, server = new_verifying_context(), new_server_context()
    names = client.get_ciphers()

    def work(i):
        if i == 0:
            for _ in range(200):
                try:
                    client.set_ciphers(names)
                    client.load_verify_locations(cadata=content("root-rsa.der"))
                except OSError as e:
                    equal(e.args, (EBUSY,))
        else:
            for _ in range(15):
                link = Link(client, server)
                equal(transfer(link.client, link.server, b"ping"), b"ping")

    in_threads(3, work)


# Two threads that read the same connection, a third that writes to its peer: each byte reaches one of them.
@case
def two_readers_of_one_connection():
    near, far = socket_pair()
    far.setblocking(False)
    near.setblocking(False)
    link = Link(*new_psk_contexts(), near=near, far=far)
    near.settimeout(5)
    total = 2000
    parts = [bytearray(), bytearray()]
    count = [0, 0]

    # Several threads do, so it may be refused.
    def send(data):
        while True:
            try:
                if link.server.send(data) is not None:
                    return
            except OSError as e:
                equal(e.args, (EBUSY,))
            time.sleep_ms(1)

    def work(i):
        if i == 2:
            for k in range(total):
                send(bytes([k & 255]))
            return
        while count[0] + count[1] < total:
            try:
                part = link.client.recv(1)
            except OSError as e:
                if e.errno != EBUSY:
                    raise
                time.sleep_ms(1)
                continue
            parts[i].extend(part)
            count[i] += len(part)
            if count[0] + count[1] == total - 1:
                # The other one may be waiting for a byte that does not come: one more for it.
                send(b"!")

    in_threads(3, work)
    got = sorted(bytes(parts[0] + parts[1]).replace(b"!", b""))
    expected = sorted(bytes([k & 255 for k in range(total)]).replace(b"!", b""))
    equal(got, expected)


@case
def close_by_another_thread():
    for _ in range(30):
        near, far = socket_pair()
        near.setblocking(False)
        far.setblocking(False)
        link = Link(*new_psk_contexts(), near=near, far=far)
        near.settimeout(5)
        started = []

        def work(i):
            if i == 0:
                started.append(1)
                try:
                    link.client.read(1)
                except OSError as e:
                    true(e.errno in (EBADF, EBUSY), e.args)
            else:
                while not started:
                    time.sleep_ms(1)
                link.client.close()
                # A close that came while the read was inside is carried out when it returns.
                try:
                    link.server.write(b"x")
                except OSError:
                    pass  # it was carried out already

        in_threads(2, work)
        raises_os_error(EBADF, None, link.client.read, 1)


@case
def garbage_of_other_threads():
    def work(i):
        for k in range(30):
            link = Link(*CONTEXTS, handshake=k % 5 == 0)
            if k % 5:
                nudge(link.client)
            link = None
            if k % 10 == i:
                gc.collect()

    in_threads(4, work)


run()
