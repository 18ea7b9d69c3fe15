# Handshakes and data between two connections in memory, on the board itself.

import board
import gc
import ssl
import time

from pipes import Link, End, content, join, new_client_context, new_psk_contexts, new_server_context, \
    new_verifying_context, noise, path, pin, transfer
from testing import case, contains, each, equal, raises, run, true

@each(("TLSv1.2", ssl.TLSVersion.TLSv1_2), ("TLSv1.3", ssl.TLSVersion.TLSv1_3))
def handshake_and_data(name, version):
    link = Link(*pin(version, new_verifying_context(), new_server_context()))
    equal(link.client.version(), name)
    data = noise(20000)
    equal(transfer(link.client, link.server, data), data)
    equal(transfer(link.server, link.client, data), data)
    link.client.close()
    equal(link.server.read(1), b"")
    link.server.close()


# The second time from bytes, as after deep sleep.
@each(("TLSv1.2", ssl.TLSVersion.TLSv1_2), ("TLSv1.3", ssl.TLSVersion.TLSv1_3))
def resumed_handshake(name, version):
    client_context, server_context = pin(version, new_verifying_context(), new_server_context())
    session = None
    for expected in (False, True, True):
        near, far = join(End(), End())
        server = server_context.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
        client = client_context.wrap_socket(
            near, server_hostname="server.test", do_handshake_on_connect=False, session=session)
        equal(transfer(client, server, b"ping"), b"ping")
        equal(transfer(server, client, b"pong"), b"pong")
        equal((client.version(), client.session_reused, server.session_reused), (name, expected, expected))
        session = ssl.SSLSession.deserialize(client.session.serialize())
        client.close()
        server.close()


@each("rsa", "ec")
def certificate(kind):
    link = Link(new_verifying_context(), new_server_context(kind))
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    link.close()


# The buffer of a record is used again by the next one, unless the collector was first.
@case
def buffers_of_records():
    link = Link(*new_psk_contexts())
    equal(transfer(link.client, link.server, noise(9000)), noise(9000))
    gc.collect()
    before = gc.mem_alloc()
    for size in (600, 4000, 700, 9000, 8999, 1):
        for collect in (False, True):
            data = noise(size)
            equal(transfer(link.client, link.server, data), data)
            if collect:
                gc.collect()
            equal(transfer(link.server, link.client, data), data)
    data = None
    gc.collect()
    true(gc.mem_alloc() - before < 500, "%d bytes more" % (gc.mem_alloc() - before))


# P-256 is the group that has a fast driver: the first of three in the hello (RFC 8446 section 4.2.7).
@case
def preferred_group():
    near, far = join(End(), End())
    client = new_client_context().wrap_socket(near, do_handshake_on_connect=False)
    equal(client.write(b"x"), None)
    hello = bytes(far.inbox)
    true(b"\x00\x0a\x00\x08\x00\x06\x00\x17" in hello, hello)


@case
def pre_shared_key():
    link = Link(*new_psk_contexts())
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    link.close()


# Datagrams keep their borders.
class Datagrams(End):
    def __init__(self):
        super().__init__()
        self.queue = []

    def readinto(self, buf):
        if not self.queue:
            return None
        datagram = self.queue.pop(0)
        buf[:len(datagram)] = datagram
        return len(datagram)

    def write(self, buf):
        self.other.queue.append(bytes(buf))
        return len(buf)


@case
def dtls():
    near, far = join(Datagrams(), Datagrams())
    client_context = ssl.SSLContext(ssl.PROTOCOL_DTLS_CLIENT)
    client_context.load_verify_locations(cadata=content("root.pem"))
    client_context.verify_mode = ssl.CERT_REQUIRED
    server_context = ssl.SSLContext(ssl.PROTOCOL_DTLS_SERVER)
    server_context.load_cert_chain(path("ec-chain.pem"), path("ec.key"))
    server = server_context.wrap_socket(far, server_side=True, do_handshake_on_connect=False, client_id=b"one")
    client = client_context.wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False)
    for _ in range(100):
        client.recv_into(bytearray(1))
        server.recv_into(bytearray(1))
        if client.version() and server.version():
            break
    equal(client.version(), "DTLSv1.2")
    for size in (1, 100, 1200):
        equal(client.write(noise(size)), size)
        equal(server.recv(2000), noise(size))
    client.close()
    server.close()


def refusal(client_context, server_context, hostname="server.test"):
    link = Link(client_context, server_context, hostname=hostname, handshake=False)
    client_failure, server_failure = link.collide()
    link.close()
    true(isinstance(client_failure, OSError), "client")
    true(isinstance(server_failure, OSError), "server")
    equal(server_failure.alert_by, "peer")
    return client_failure


@case
def wrong_authority():
    context = new_client_context()
    context.load_verify_locations(cadata=content("other-root.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    e = refusal(context, new_server_context())
    equal(e.reason, "untrusted")
    true(isinstance(e, ValueError))


@case
def wrong_name():
    e = refusal(new_verifying_context(), new_server_context(), hostname="other.test")
    equal(e.reason, "hostname_mismatch")
    contains(e.detail, "server.test")


@case
def expired():
    equal(refusal(new_verifying_context(), new_server_context("expired")).reason, "expired")


@case
def unset_clock():
    now = time.time() + 946684800
    board.set_time(946684800)
    try:
        e = refusal(new_verifying_context(), new_server_context())
    finally:
        board.set_time(now)
    equal(e.reason, "not_yet_valid")
    contains(e.detail, "clock says 2000-01-01")


@case
def no_public_roots_here():
    context = new_client_context(verify_mode=ssl.CERT_REQUIRED)
    equal(refusal(context, new_server_context()).reason, "untrusted")


@case
def nothing_is_left():
    def once():
        link = Link(*new_psk_contexts())
        transfer(link.client, link.server, b"ping")
        link.close()

    once()
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(5):
        once()
    gc.collect()
    true(gc.mem_alloc() - before < 200, "%d bytes more" % (gc.mem_alloc() - before))


run()
