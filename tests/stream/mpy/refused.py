# A stream that can no longer be written although the peer has said something: what it has said is told, and the stream's
# error only if that explains nothing. No write seems to succeed whose bytes went nowhere.

import ssl

from pipes import (
    EIO, EPIPE, End, Link, POLLIN, new_client_context, new_psk_contexts, new_server_context, nudge, path, pin, poll,
    transfer)
from testing import case, each, equal, raises, raises_os_error, run, same, true

ECONNRESET = 104

PEER_ALERT = (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE")
HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"  # an alert, not encrypted


class Surprise(Exception):
    pass


# Answers or raises `broken` when it is written, once that is set. `last_words` are found in it from then on.
class Breaking(End):
    broken = None
    last_words = b""
    dead_reads = 0
    at = None  # breaks by itself at this write
    cause = -EPIPE

    def write(self, buf):
        self.writes += 1
        if self.writes == self.at:
            self.break_down(self.cause)
        if self.broken is None:
            return self.give(buf, len(buf))
        if isinstance(self.broken, int):
            return self.broken
        raise self.broken

    def break_down(self, cause):
        self.broken = cause
        self.inbox.extend(self.last_words)
        self.eof = True

    def readinto(self, buf):
        count = self.take(buf, len(buf))
        if self.broken is not None and count == 0:
            self.dead_reads += 1
        return count


def number(cause):
    return -cause if isinstance(cause, int) else cause.args[0]


def new_link(version=ssl.TLSVersion.TLSv1_2, psk=False, **options):
    pair = new_psk_contexts() if psk else (new_client_context(), new_server_context())
    return Link(*pin(version, *pair), near=Breaking(), **options)


CAUSES = {
    "EPIPE": -EPIPE,
    "ECONNRESET": -ECONNRESET,
    "raised EPIPE": OSError(EPIPE),
    "raised ECONNRESET": OSError(ECONNRESET),
}


# At each write of a client's handshake. Mbed TLS writes its second flight piece by piece.
@each("EPIPE", "ECONNRESET", "raised EPIPE", "raised ECONNRESET")
def alert_in_the_handshake(name):
    cause = CAUSES[name]
    for at in (1, 2, 3):
        link = new_link(handshake=False)
        link.near.last_words = HANDSHAKE_FAILURE
        link.near.at = at
        link.near.cause = cause
        told = None
        for _ in range(100):
            try:
                nudge(link.client)
            except OSError as e:
                told = e
                break
            if link.near.broken is None:
                nudge(link.server)
            if link.client.version():
                break
        if link.near.broken is None:
            continue  # OpenSSL's second flight is one write
        equal(told and told.args, PEER_ALERT, at)
        equal((told.alert, told.alert_by), ("handshake_failure", "peer"))
        raises_os_error(PEER_ALERT[0], PEER_ALERT[1], link.client.do_handshake)
        link.client.close()
        equal(link.near.closed, 1)


@case
def alert_for_a_server_in_the_handshake():
    far = Breaking()
    far.last_words = HANDSHAKE_FAILURE
    far.at = 1
    link = Link(*pin(ssl.TLSVersion.TLSv1_2, new_client_context(), new_server_context()), far=far, handshake=False)
    nudge(link.client)
    e = raises_os_error(PEER_ALERT[0], PEER_ALERT[1], link.server.do_handshake)
    equal(e.alert, "handshake_failure")


# Nothing to hear: the error itself, every time, the same object if it was one.
@each("EPIPE", "ECONNRESET", "raised EPIPE", "raised ECONNRESET")
def nothing_said_in_the_handshake(name):
    cause = CAUSES[name]
    for said in (b"", b"\x16\x03\x03"):
        for call in ("do_handshake", "read", "write"):
            link = new_link(handshake=False)
            link.near.last_words = said
            link.near.break_down(cause)
            for _ in range(3):
                e = raises_os_error(number(cause), None, getattr(link.client, call),
                                    *{"read": (1,), "write": (b"x",)}.get(call, ()))
                if not isinstance(cause, int):
                    same(e, cause)
            link.client.close()
            equal(link.near.closed, 1)


# A stream that is not readable is not read: it might wait for ever.
@case
def stream_that_would_wait():
    link = new_link(handshake=False)
    link.near.break_down(-EPIPE)
    link.near.eof = False
    before = link.near.reads
    for _ in range(3):
        raises_os_error(EPIPE, None, link.client.do_handshake)
    equal(link.near.reads, before)


# A TLS 1.3 client has finished before the server refuses its certificate.
@each("EPIPE", "ECONNRESET", "raised EPIPE", "raised ECONNRESET")
def refused_after_the_handshake(name):
    cause = CAUSES[name]
    server_context = new_server_context(verify_mode=ssl.CERT_REQUIRED)
    server_context.load_verify_locations(path("root.pem"))
    for call in ("write", "read", "do_handshake"):
        link = Link(*pin(ssl.TLSVersion.TLSv1_3, new_client_context(), server_context), near=Breaking(),
                    handshake=False)
        while link.client.version() is None:
            nudge(link.client)
            if link.client.version() is None:
                nudge(link.server)
        raises(OSError, link.server.read, 1)
        link.near.break_down(cause)
        if call == "do_handshake":
            # Nothing to send, nothing to read: it has been done.
            same(link.client.do_handshake(), None)
            continue
        arguments = (1,) if call == "read" else (b"request",)
        e = raises_os_error(PEER_ALERT[0], PEER_ALERT[1], getattr(link.client, call), *arguments)
        equal(e.alert_by, "peer")
        raises_os_error(PEER_ALERT[0], PEER_ALERT[1], link.client.write, b"more")
        raises_os_error(PEER_ALERT[0], PEER_ALERT[1], link.client.read, 1)


# It may also refuse it while the client is still writing its last flight, which Mbed TLS does piece by piece: the alert
# comes under keys that the client has only when it is through.
@each("EPIPE", "ECONNRESET", "raised EPIPE", "raised ECONNRESET")
def refused_within_the_last_flight(name):
    server_context = new_server_context(verify_mode=ssl.CERT_REQUIRED)
    server_context.load_verify_locations(path("root.pem"))
    link = Link(*pin(ssl.TLSVersion.TLSv1_3, new_client_context(), server_context), near=Breaking(), handshake=False)
    write = link.near.write

    def write_to_a_hasty_server(buf):
        try:
            nudge(link.server)
        except OSError:
            link.near.break_down(CAUSES[name])
        return write(buf)

    nudge(link.client)
    nudge(link.server)
    link.near.write = write_to_a_hasty_server
    link.client.setblocking(False)
    try:
        link.client.do_handshake()
        # OpenSSL's flight is one write: the server has not seen any of it.
        same(link.near.broken, None)
        return
    except OSError as e:
        equal(e.args, PEER_ALERT)
        equal(e.alert_by, "peer")
    raises_os_error(PEER_ALERT[0], PEER_ALERT[1], link.client.do_handshake)


# A client says something and goes, and waits for no answer: its server cannot send it tickets any more, which it does not
# need, and hears it.
@each("EPIPE", "ECONNRESET", "raised EPIPE", "raised ECONNRESET")
def client_gone_before_its_tickets(name):
    cause = CAUSES[name]
    link = Link(*pin(ssl.TLSVersion.TLSv1_3, new_client_context(), new_server_context()), far=Breaking(), handshake=False)
    nudge(link.client)
    nudge(link.server)
    link.client.do_handshake()
    link.client.write(b"21.5\n")
    link.far.at, link.far.cause = link.far.writes + 1, cause
    link.server.do_handshake()
    true(link.far.broken)
    raises_os_error(number(cause), None, link.server.write, b"ok")
    equal(link.server.readline(), b"21.5\n")
    raises_os_error(number(cause), None, link.server.do_handshake)


# A server that answers early and closes: its answer can be read after the failed write.
@each("EPIPE", "ECONNRESET", "raised EPIPE", "raised ECONNRESET")
def answer_before_the_end(name):
    cause = CAUSES[name]
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        link = new_link(version, psk=True)
        link.server.write(b"too large")
        link.server.close()
        link.near.break_down(cause)
        e = raises_os_error(number(cause), None, link.client.write, b"x" * 40000)
        raises_os_error(number(cause), None, link.client.send, b"x")
        raises_os_error(number(cause), None, link.client.do_handshake)
        true(poll(link.client, POLLIN) & POLLIN)
        equal(link.client.pending(), 9)
        equal(link.client.read(4), b"too ")
        raises_os_error(number(cause), None, link.client.write, b"x")
        equal(link.client.read(), b"large")
        same(link.client.truncated, False)
        equal(link.client.read(1), b"")
        raises_os_error(number(cause), None, link.client.write, b"x")
        link.client.close()
        equal(link.near.closed, 1)


# Without close_notify nobody knows whether that was all.
@each("EPIPE", "ECONNRESET", "raised EPIPE", "raised ECONNRESET")
def data_and_no_end(name):
    cause = CAUSES[name]
    link = new_link(psk=True)
    link.server.write(b"part")
    link.near.break_down(cause)
    raises_os_error(number(cause), None, link.client.write, b"x")
    equal(link.client.read(4), b"part")
    for _ in range(3):
        raises_os_error(number(cause), None, link.client.read, 1)


# A write that had to wait is told by whatever finds out: also the poll that goes before.
@each("EPIPE", "ECONNRESET", "raised EPIPE", "raised ECONNRESET")
def output_that_was_left_behind(name):
    cause = CAUSES[name]
    for polled in (False, True):
        link = new_link(psk=True)
        link.server.write(b"answer")
        link.near.writable = False
        equal(link.client.write(b"request"), 7)
        link.near.break_down(cause)
        if polled:
            true(poll(link.client, POLLIN) & POLLIN)
        equal(link.client.read(6), b"answer")
        raises_os_error(number(cause), None, link.client.read, 1)
        raises_os_error(number(cause), None, link.client.write, b"x")


# Other errors pass, and the connection goes on.
@each(("EIO", -EIO), ("raised EIO", OSError(EIO)), ("raised", Surprise()), ("text", OSError("EPIPE")), ("bare", OSError()))
def other_errors(name, cause):
    link = new_link(psk=True)
    link.server.write(b"answer")
    link.near.broken = cause
    if isinstance(cause, int):
        equal(link.client.write(b"request"), 7)  # encrypted: it goes with the next call
    else:
        same(raises(Exception, link.client.write, b"request"), cause)
    link.near.broken = None
    equal(link.client.read(6), b"answer")
    equal(link.server.read(7), b"request")
    equal(transfer(link.client, link.server, b"ping"), b"ping")


run()
