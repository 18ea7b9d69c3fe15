# What TLS costs on a board: each function measures one figure. Runs with this module and with the built-in one.
#
# The emulator counts one nanosecond of the board's clock for each instruction (-icount shift=0).

import bench
import gc
import time

import tls
import trust

INSTRUCTIONS_PER_TICK = 40  # of a clock of 25 MHz


def content(name):
    with open("/host/certs/" + name, "rb") as f:
        return f.read()


def instructions(function, *args):
    gc.collect()
    start = time.ticks_cpu()
    function(*args)
    return time.ticks_diff(time.ticks_cpu(), start) * INSTRUCTIONS_PER_TICK


def contexts(version=None, verify=None, cipher=None, max_record=None):
    server = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    client = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    trust.load(client, verify)
    if verify:
        server.load_cert_chain(content("ec-chain.der"), content("ec.sec1.der"))
    else:
        server.load_cert_chain(content("ec.der"), content("ec.sec1.der"))
    for context in (client, server):
        if version is not None:
            context.maximum_version = context.minimum_version = version
        if max_record is not None:
            context.max_record = max_record
    if cipher is not None:
        client.set_ciphers([cipher])
    return client, server


def connect(client, server, ends, **options):
    near = client.wrap_socket(ends[0], server_hostname="server.test", do_handshake_on_connect=False, **options)
    far = server.wrap_socket(ends[1], server_side=True, do_handshake_on_connect=False)
    one = bytearray(1)
    while not near.write(b"x"):
        far.readinto(one)
    while not far.readinto(one):
        pass
    while not far.write(b"y"):
        pass
    while not near.readinto(one):
        pass
    return near, far


# A handshake and a byte each way, for both ends together.
def handshake(**options):
    client, server = contexts(**options)
    connect(client, server, bench.pipe(8192))  # what the library prepares once is not counted
    return instructions(connect, client, server, bench.pipe(8192))


# The same again, with the session of the first.
def resumed(**options):
    client, server = contexts(**options)
    session = connect(client, server, bench.pipe(8192))[0].session
    return instructions(lambda: connect(client, server, bench.pipe(8192), session=session))


# Bytes of heap that a context holds for what it verifies by.
def trusting(roots):
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    gc.collect()
    before = gc.mem_alloc()
    trust.load(context, roots)
    gc.collect()
    return gc.mem_alloc() - before


# Bytes of heap that an idle connection holds, without the stream below it: what four more hold than two.
def idle(**options):
    client, server = contexts(**options)
    ends = [bench.pipe(2048) for _ in range(6)]
    held = [None] * 6
    before = 0
    for i in range(6):
        held[i] = connect(client, server, ends[i])
        if i in (1, 5):
            gc.collect()
            before, count = gc.mem_alloc(), gc.mem_alloc() - before
    return count // 8


def send(near, far, data, room):
    sent = 0
    while sent < len(data):
        sent += near.write(data) or 0
        received = 0
        while received < len(data):
            received += far.readinto(room) or 0


# Instructions for a byte that is encrypted, sent, received and decrypted.
def bulk(size=4096, records=8, **options):
    client, server = contexts(**options)
    near, far = connect(client, server, bench.pipe(2 * size))
    data, room = bytearray(size), bytearray(size)
    send(near, far, data, room)
    count = instructions(lambda: [send(near, far, data, room) for _ in range(records)])
    return count // (size * records)


# The same by the library's cipher alone.
def cipher(chacha20, size=4096):
    gc.collect()
    return bench.cipher(chacha20, size) * INSTRUCTIONS_PER_TICK // size
