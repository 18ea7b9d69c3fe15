# Contexts and connections that nobody closes: the collector frees them in any state and any order, and all of it.

import gc
import ssl

from pipes import (
    End, Link, content, join, new_client_context, new_psk_contexts, new_server_context, new_verifying_context,
    noise, nudge, path, pin, poll, transfer)
from testing import Failure, case, contains, each, equal, raises, run, true

PSK = new_psk_contexts()
SERVER = new_server_context()
CLIENT = new_client_context()
VERIFYING = new_verifying_context()
EXPIRED = new_server_context("expired")


def resident_kilobytes():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4


# Runs step() many times and sees to it that memory grows neither in MicroPython's heap nor outside of it.
def steady(step, rounds, limit=64):
    def work(count):
        for i in range(count):
            step()
            if i % 8 == 7:
                gc.collect()
        gc.collect()

    # Caches fill up, the allocator gets its arenas.
    work(rounds)
    heap, resident = gc.mem_alloc(), resident_kilobytes()
    work(2 * rounds)
    heap, resident = gc.mem_alloc() - heap, resident_kilobytes() - resident
    true(heap < 4096, "MicroPython's heap grew by %d bytes" % heap)
    true(resident < limit, "the process grew by %d KB in %d rounds" % (resident, 2 * rounds))


# The test of the test: what keeps its connections is found out.
@case
def a_leak_is_noticed():
    kept = []
    raises(Failure, steady, lambda: kept.append(new_client_context()), 40)
    del kept[:]
    raises(Failure, steady, lambda: kept.append(Link(CLIENT, SERVER, handshake=False)), 40)


@case
def contexts():
    def step():
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ssl.SSLContext(ssl.PROTOCOL_DTLS_SERVER)
        new_server_context()
        new_verifying_context().set_ciphers(["TLS1-3-AES-128-GCM-SHA256"])

    steady(step, 100)


@case
def contexts_that_are_changed_again_and_again():
    server, client = new_server_context(), new_client_context()
    names = client.get_ciphers()

    def step():
        server.load_cert_chain(path("ec-chain.pem"), path("ec.key"))
        client.set_ciphers(names)
        client.psk_identity = "device"
        client.psk_key = b"0123456789abcdef"
        client.psk_key = None
        client.psk_identity = None
        server.server_psk_keys = {"a": b"b"}
        server.server_psk_keys = None
        client.verify_mode = ssl.CERT_REQUIRED
        client.verify_mode = ssl.CERT_NONE
        client.minimum_version = ssl.TLSVersion.TLSv1_3
        client.minimum_version = ssl.TLSVersion.TLSv1_2

    steady(step, 100)


@case
def calls_that_fail():
    context = new_server_context()

    def step():
        raises(ValueError, context.load_cert_chain, b"!", path("ec.key"))
        raises(ValueError, context.load_cert_chain, path("ec.pem"), path("rsa.key"))
        raises(ValueError, context.load_cert_chain, path("ec.pem"), path("ec.encrypted.pem"), "wrong")
        raises(ValueError, context.load_verify_locations, cadata=content("root.pem") + content("ec.pem")[:200])
        raises(OSError, context.set_ciphers, ["TLS1-3-AES-128-GCM-SHA256", "unknown"])
        raises(ValueError, CLIENT.wrap_socket, End(), server_hostname="")
        raises(ValueError, VERIFYING.wrap_socket, End())
        raises(OSError, CLIENT.wrap_socket, End(), server_hostname="impossible name")

    steady(step, 40)


@case
def connections_before_their_handshake():
    steady(lambda: Link(CLIENT, SERVER, handshake=False), 300)


@case
def connections_inside_their_handshake():
    class Step:
        turns = 0

        def __call__(self):
            link = Link(CLIENT, SERVER, handshake=False)
            for i in range(self.turns):
                nudge((link.client, link.server)[i % 2])
            self.turns = (self.turns + 1) % 4

    steady(Step(), 100)


@case
def established_connections():
    def step():
        link = Link(CLIENT, SERVER)
        equal(transfer(link.client, link.server, b"ping"), b"ping")

    steady(step, 60)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def established_connections_with_data_in_flight(name, version):
    client, server = pin(version, *new_psk_contexts())

    def step():
        link = Link(client, server)
        link.server.write(bytes(5000))
        link.client.read(10)
        link.near.writable = False
        link.client.write(bytes(5000))

    steady(step, 100)


@case
def closed_connections():
    def step():
        Link(*PSK).close()

    steady(step, 100)


@case
def failed_connections():
    def step():
        Link(VERIFYING, EXPIRED, handshake=False).collide()
        link = Link(CLIENT, SERVER, handshake=False)
        link.near.inbox.extend(b"garbage")
        raises(OSError, link.client.read, 1)
        raises(OSError, link.client.read, 1)

    steady(step, 40)


@case
def connections_whose_wrapping_failed():
    def step():
        near, far = join(End(), End())
        near.inbox.extend(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        raises(OSError, ssl.wrap_socket, near)
        near, far = join(End(), End())
        near.eof = True
        raises(OSError, CLIENT.wrap_socket, near)

    steady(step, 80)


@case
def connections_whose_streams_raise():
    def throw():
        raise KeyError

    def step():
        link = Link(CLIENT, SERVER, handshake=False)
        link.near.when_empty = throw
        raises(KeyError, link.client.read, 1)
        raises(KeyError, link.client.read, 1)

    steady(step, 100)


@case
def contexts_of_wrap_socket():
    key, cert = content("ec.key"), content("ec-chain.pem")

    def step():
        ssl.wrap_socket(End(), server_side=True, key=key, cert=cert, do_handshake=False)
        ssl.wrap_socket(End(), cadata=cert, do_handshake=False)

    steady(step, 60)


@case
def verify_callbacks():
    kept = []

    def callback(der, depth):
        kept.append(der)
        return 0

    def step():
        context = new_verifying_context(verify_callback=callback)
        Link(context, SERVER)
        del kept[:]

    steady(step, 30)


# A connection and its context, its stream and what its callbacks hold point to each other.
@case
def circles():
    def step():
        link = Link(*new_psk_contexts())
        link.near.sock = link.client
        link.far.sock = link.server
        link.client.context.verify_callback = link.near.readinto

    steady(step, 60)


@case
def in_any_order():
    seed = 12345
    kept = []
    for _ in range(300):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        link = Link(*new_psk_contexts(), handshake=bool(seed & 0x10000))
        # Some of the parts survive the others.
        for part in (link.client, link.server, link.near, link.far, link.client_context, link.server_context):
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            if seed & 0x20000:
                kept.append(part)
        link = None
        while len(kept) > 40:
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            kept.pop((seed >> 16) % len(kept))
        gc.collect()
    for part in kept:
        if isinstance(part, ssl.SSLSocket):
            # Whatever it says: the stream and the context are there as long as it is.
            try:
                part.write(b"still alive")
                part.read(1)
            except OSError:
                pass
            part.close()


@case
def collecting_inside_every_call_of_the_stream():
    class Collecting(End):
        def readinto(self, buf):
            gc.collect()
            Link(*PSK, handshake=False)
            return super().readinto(buf)

        def write(self, buf):
            gc.collect()
            count = super().write(buf)
            gc.collect()
            return count

        def ioctl(self, request, arg):
            gc.collect()
            return super().ioctl(request, arg)

    link = Link(near=Collecting(), far=Collecting())
    data = noise(20000)
    equal(transfer(link.client, link.server, data), data)
    poll(link.client)
    link.close()


@case
def stream_is_kept_by_its_connection():
    near, far = join(End(), End())
    sock = CLIENT.wrap_socket(near, do_handshake_on_connect=False)
    server = SERVER.wrap_socket(far, do_handshake_on_connect=False)
    near = far = None
    for _ in range(10):
        gc.collect()
        bytearray(1000)
        if nudge(sock) & nudge(server):
            break
    data = noise(5000)
    equal(transfer(sock, server, data), data)


@case
def name_and_keys_are_kept():
    link = Link(CLIENT, SERVER, hostname="".join(["server", ".", "test"]), handshake=False)
    for _ in range(10):
        gc.collect()
        bytearray(1000)
    link.shake()
    equal(link.client.server_hostname, "server.test")


@case
def bytes_kept_by_an_interrupted_read_survive_collections():
    link = Link(*PSK)
    link.server.write(b"0123456789")

    def throw():
        raise KeyError

    link.near.when_empty = throw
    raises(KeyError, link.client.read, 20)
    for _ in range(20):
        gc.collect()
        bytearray(200)
    link.near.when_empty = None
    equal(link.client.read(3), b"012")
    gc.collect()
    equal(link.client.read(20), b"3456789")


@case
def exceptions_survive_collections():
    e = Link(VERIFYING, EXPIRED, handshake=False).collide()[0]
    for _ in range(20):
        gc.collect()
        bytearray(200)
    equal(e.args, (-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"))
    contains(e.detail, "expired on 2021-12-31")
    equal(e.reason, "expired")


@case
def thousands_dropped_without_a_word():
    for i in range(3000):
        link = Link(*PSK, handshake=False)
        if i % 10 == 0:
            link.shake()
        elif i % 3 == 0:
            nudge(link.client)


@case
def little_memory():
    # What one more connection takes is given back when the heap is nearly full.
    gc.collect()
    hog = []
    try:
        while True:
            hog.append(bytearray(20000))
    except MemoryError:
        pass
    done = 0
    for _ in range(50):
        try:
            link = Link(*PSK)
            equal(transfer(link.client, link.server, b"ping"), b"ping")
            done += 1
        except MemoryError:
            pass
        link = None
    hog = None
    gc.collect()
    link = Link(*PSK)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


run()
