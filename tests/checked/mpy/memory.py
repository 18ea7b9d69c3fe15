# Every allocation of a connection fails in turn, in the C library's heap and in that of Python's objects: the program
# gets an exception that says so, nothing is left behind, no byte is lost and the next connection works.

import asyncio
import gc
import os
import socket
import ssl

import failing
from datagrams import Pair, talk as talk_datagrams
from pipes import (
    End, connect, content, join, new_psk_contexts, new_server_context, new_verifying_context, noise, path, pin,
    socket_pair, transfer)
from testing import case, each, equal, fail, run, same, true

ENOMEM = 12
UP, DOWN = noise(6000, 5), noise(6000, 6)
STRIDE = int(os.getenv("CHECKED_STRIDE") or 0)

# Blocks that Mbed TLS loses in one pass, three where memory runs out while the keys of TLS 1.3 are set up (see
# tests/engine/leaks.lsan).
LOST = 12 if ssl.ENGINE == "mbedtls" else 0


# ---------------------------------------------------------------------------------------------------------------------
# Programs


def exchange(client, server):
    equal(transfer(client, server, UP, 1000), UP)
    equal(transfer(server, client, DOWN, 1000), DOWN)


def look_at(client):
    client.getpeercert(), client.getpeercert(True), client.getpeercertchain(), client.cipher(), client.stats()
    client.export_keying_material("EXPORTER-test", 32), client.verify_result, client.selected_alpn_protocol()


# A client and a server that take turns, contexts included: connect, transfer, resume, close.
def take_turns(name):
    if name.startswith("psk"):
        client_context, server_context = new_psk_contexts()
    else:
        client_context, server_context = new_verifying_context(), new_server_context()
        client_context.set_alpn_protocols(["h2"]), server_context.set_alpn_protocols(["h2"])
        client_context.verify_callback = lambda der, depth: 0
    if name.startswith("mutual"):
        client_context.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
        server_context.load_verify_locations(cadata=content("root.pem"))
        server_context.verify_mode = ssl.CERT_REQUIRED
    pin(0x0303 if name.endswith("1.2") else 0x0304, client_context, server_context)
    session = None
    for _ in range(1 if name.startswith("psk") else 2):
        client, server = connect(client_context, server_context, session)
        exchange(client, server)
        look_at(client)
        session = client.session
        client.close()
        equal(server.read(), b"")
        server.close()
    if session is not None:
        same(client.stats()["resumed"], True)
        ssl.SSLSession.deserialize(session.serialize())


# A client that blocks: its stream has the server work when it has nothing.
def block(contexts):
    near, far = join(End(), End())
    server = contexts[1].wrap_socket(far, server_side=True, do_handshake_on_connect=False)

    def serve():
        data = server.recv(1000)
        if data:
            server.write(data)

    near.when_empty = serve
    client = contexts[0].wrap_socket(near, server_hostname="server.test")
    for part in range(0, 3000, 500):
        client.write(UP[part:part + 500])
    equal(client.read(3000), UP[:3000])
    client.close()
    server.close()


def over_datagrams():
    pair = Pair("psk")
    talk_datagrams(pair)
    look_at(pair.client)
    pair.client.close()
    true(not pair.server.recv(10))  # None: there was no memory for close_notify, and close() is no place to say so
    pair.server.close()


# Both roles under asyncio, over sockets of the system.
def with_asyncio(contexts, near, far):
    results = []
    near.setblocking(False), far.setblocking(False)
    try:
        results = asyncio.run(asyncio.wait_for(both(contexts, near, far), 10))
    finally:
        failing.stop()
        asyncio.new_event_loop()
    failures = [result for result in results if result is not None]
    for failure in sorted(failures, key=says_so, reverse=True):
        raise failure


async def both(contexts, near, far):
    client = contexts[0].wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False)
    server = contexts[1].wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    return await asyncio.gather(talk(client), serve(server), return_exceptions=True)


async def talk(sock):
    try:
        stream = asyncio.StreamReader(sock)
        stream.write(UP)
        await stream.drain()
        equal(await stream.readexactly(len(UP)), UP)
    finally:
        sock.close()


async def serve(sock):
    try:
        stream = asyncio.StreamReader(sock)
        while True:
            data = await stream.read(1000)
            if not data:
                break
            stream.write(data)
            await stream.drain()
    finally:
        sock.close()


# ---------------------------------------------------------------------------------------------------------------------
# Failing in turn


def descriptors():
    return len(os.listdir("/proc/self/fd"))


# What a call leaves on the stack may look like a pointer to the collector.
def clean_stack(depth=20):
    return depth and clean_stack(depth - 1)


def settle():
    for _ in range(3):
        clean_stack()
        gc.collect()


def says_so(e):
    return isinstance(e, MemoryError) or (isinstance(e, OSError) and e.errno == ENOMEM)


# With the number-th request and `count` - 1 more refused: the exception, or None; and how many requests there were.
def attempt(heap, number, count, program, prepare):
    failure = None
    arguments = prepare()
    failing.start(heap, number, count)
    try:
        program(*arguments)
    except Exception as e:
        failing.stop()
        failure = e
    requests = failing.stop()
    for thing in arguments:
        if isinstance(thing, socket.socket):
            thing.close()
    return failure, requests


MANY = 1 << 30


# What a program says that was told.
def check_failure(heap, count, number, failure):
    if not says_so(failure):
        print("request", number)
        raise failure
    if heap == failing.C and count == 1:
        fail("request %d was not tried again: %r" % (number, failure))


# Goes through every step-th position, after the first ones. How many there were, of how many requests, and how many the
# program was told of.
def fail_in_turn(heap, count, program, prepare, step):
    files = descriptors()
    number = told = positions = 0
    while True:
        failure, requests = attempt(heap, number, count, program, prepare)
        if failure is None and requests <= number:
            return positions, requests, told
        positions += 1
        if failure is not None:
            check_failure(heap, count, number, failure)
            failure = None
            told += 1
            if told % 4 == 0 and attempt(heap, 0, 0, program, prepare)[0] is not None:
                fail("after the failure of request %d nothing works" % number)
        clean_stack()
        gc.collect()
        if descriptors() != files:
            fail("request %d left a descriptor" % number)
        number += 1 if number < 10 else step


# Blocks in C's heap and bytes in Python's when all is done.
def holdings(heap, program, prepare):
    for _ in range(3):
        attempt(heap, 0, 0, program, prepare)
    settle()
    return failing.blocks(), gc.mem_alloc()


# Once more if something is left: libraries keep what they made when memory ran out for the first time.
def check(heap, count, program, prepare, step):
    before = holdings(heap, program, prepare)
    for _ in range(2):
        figures = fail_in_turn(heap, count, program, prepare, STRIDE or step)
        after = holdings(heap, program, prepare)
        blocks, used = after[0] - before[0], after[1] - before[1]
        print("%d of %d requests failed in turn, programs were told of %d" % figures)
        if blocks <= LOST and used < 1000:
            return
        before = after
    fail("leaked: %d blocks of C's heap, %d bytes of Python's" % (blocks, used))


@each("psk 1.2", "psk 1.3", "1.2", "mutual 1.3")
def c_heap_is_full(name):
    check(failing.C, MANY, take_turns, lambda: (name,), 997)


# Then garbage is collected and the request tried again, wherever it is.
@each("psk 1.2", "psk 1.3", "1.2", "mutual 1.3")
def one_request_to_the_c_heap_fails(name):
    check(failing.C, 1, take_turns, lambda: (name,), 997)


@each("psk 1.2", "psk 1.3", "1.2", "mutual 1.3")
def python_heap_is_full(name):
    check(failing.GC, MANY, take_turns, lambda: (name,), 97)


@each("psk 1.2", "psk 1.3", "1.2", "mutual 1.3")
def one_request_to_the_python_heap_fails(name):
    check(failing.GC, 1, take_turns, lambda: (name,), 97)


@each(("c", failing.C, 499), ("python", failing.GC, 31))
def of_a_client_that_blocks(name, heap, step):
    contexts = new_verifying_context(), new_server_context()
    check(heap, MANY, block, lambda: (contexts,), step)


@each(("c", failing.C, 197), ("python", failing.GC, 17))
def of_dtls(name, heap, step):
    check(heap, MANY, over_datagrams, lambda: (), step)


# Not the other heap: MicroPython 1.25's own select.poll() uses NULL if there is no memory for an entry.
@case
def of_asyncio():
    contexts = new_verifying_context(), new_server_context()
    check(failing.C, MANY, with_asyncio, lambda: (contexts,) + socket_pair(), 499)


run()
