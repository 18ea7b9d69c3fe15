# Every method and attribute of SSLSocket in every state of a connection.

import gc
import ssl

from pipes import (
    EBADF, End, Link, STREAM_CLOSE, content, join, new_client_context, new_server_context, new_verifying_context,
    noise, nudge, transfer)
from testing import case, each, equal, fail, raises, raises_os_error, run, same, true

FATAL_ALERT = (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE")


# Streams that a program may have: with the methods that SSLSocket passes on.
class Polite(End):
    def __init__(self):
        super().__init__()
        self.heard = []

    def setblocking(self, flag):
        self.heard.append(("setblocking", flag))

    def settimeout(self, seconds):
        self.heard.append(("settimeout", seconds))

    def fileno(self):
        return 77


def before_handshake():
    link = Link(near=Polite(), handshake=False)
    return link


def in_handshake():
    link = Link(near=Polite(), handshake=False)
    nudge(link.client)
    return link


def established():
    return Link(near=Polite())


def ended():
    link = Link(near=Polite())
    link.server.close()
    equal(link.client.read(), b"")
    return link


def failed():
    link = Link(near=Polite(), handshake=False)
    link.near.inbox.extend(b"this is no TLS record")
    raises(OSError, link.client.read, 1)
    return link


def rejected():
    link = Link(new_verifying_context(), new_server_context("expired"), near=Polite(), handshake=False)
    link.collide()
    return link


def closed():
    link = established()
    link.client.close()
    return link


def closed_before_handshake():
    link = before_handshake()
    link.client.close()
    return link


def closed_in_handshake():
    link = in_handshake()
    link.client.close()
    return link


def closed_after_failure():
    link = failed()
    link.client.close()
    return link


STATES = (before_handshake, in_handshake, established, ended, failed, rejected, closed, closed_before_handshake,
          closed_in_handshake, closed_after_failure)

CALLS = (
    ("read", ()), ("read", (1,)), ("read", (0,)), ("read", (-1,)), ("read", (100000,)), ("readinto", (bytearray(10),)),
    ("readinto", (bytearray(10), 5)), ("readinto", (bytearray(0),)), ("readline", ()), ("readline", (5,)),
    ("recv", (10,)), ("recv_into", (bytearray(10),)), ("write", (b"data",)), ("write", (b"data", 2)),
    ("write", (b"data", 1, 2)), ("write", (b"",)), ("send", (b"data",)), ("sendall", (b"data",)),
    ("setblocking", (False,)), ("settimeout", (0,)), ("fileno", ()), ("makefile", ()), ("makefile", ("rb",)),
    ("makefile", ("rb", 0)), ("pending", ()), ("cipher", ()), ("version", ()), ("getpeercert", (True,)),
    ("getpeercert", ()), ("getpeercert", (False,)), ("getpeercertchain", ()), ("__enter__", ()), ("close", ()),
    ("__exit__", (None, None, None)),
)

WRONG_CALLS = (
    ("read", ("1",)), ("read", (None,)), ("read", (1.5,)), ("read", (1, 2)), ("readinto", ()), ("readinto", (b"123",)),
    ("readinto", (None,)), ("readinto", ("123",)), ("readinto", (bytearray(3), "1")), ("readline", ("1",)),
    ("recv", ("1",)), ("recv_into", (b"1",)), ("write", ()), ("write", (None,)), ("write", (12,)),
    ("write", (["a"],)), ("write", (b"1", "1")), ("write", (b"1", 0, "1")), ("send", ()), ("send", (12,)),
    ("sendall", (None,)), ("setblocking", ()), ("settimeout", ()), ("getpeercert", (True, True)), ("cipher", (1,)),
    ("version", (1,)), ("pending", (1,)), ("makefile", (1, 2, 3)), ("close", (1,)), ("__exit__", ()),
    ("do_handshake", (1,)),
)


@each("before_handshake", "in_handshake", "established", "ended", "failed", "rejected", "closed",
      "closed_before_handshake", "closed_in_handshake", "closed_after_failure")
def every_method_in_every_state(state):
    # Each call on a connection of its own, and each call after each other call.
    for name, arguments in CALLS:
        sock = globals()[state]().client
        for other, more in ((name, arguments), ("close", ()), (name, arguments)):
            try:
                getattr(sock, other)(*more)
            except (OSError, NotImplementedError, MemoryError):
                pass
    for first in CALLS:
        sock = globals()[state]().client
        for name, arguments in (first,) + CALLS:
            try:
                getattr(sock, name)(*arguments)
            except (OSError, NotImplementedError, MemoryError):
                pass


@each("before_handshake", "in_handshake", "established", "ended", "failed", "rejected", "closed")
def wrong_arguments_in_every_state(state):
    sock = globals()[state]().client
    for name, arguments in WRONG_CALLS:
        try:
            getattr(sock, name)(*arguments)
        except (TypeError, ValueError, OSError):
            continue
        fail("%s%r raised nothing" % (name, arguments))


@each("established", "ended")
def wrong_arguments_are_type_errors(state):
    sock = globals()[state]().client
    for name, arguments in WRONG_CALLS:
        raises(TypeError, getattr(sock, name), *arguments)


@each("closed", "closed_before_handshake", "closed_in_handshake", "closed_after_failure")
def moving_data_after_close(state):
    sock = globals()[state]().client
    for name, arguments in (
        ("read", ()), ("read", (1,)), ("readinto", (bytearray(10),)), ("readline", ()), ("recv", (10,)),
        ("recv_into", (bytearray(10),)), ("write", (b"data",)), ("send", (b"data",)), ("sendall", (b"data",)),
        ("do_handshake", ()), ("setblocking", (True,)), ("settimeout", (1,)), ("fileno", ()),
    ):
        equal(raises(OSError, getattr(sock, name), *arguments).errno, EBADF, name)


@each("failed", "rejected")
def moving_data_after_failure(state):
    link = globals()[state]()
    reads, writes = link.near.reads, link.near.writes
    first = raises(OSError, link.client.read, 1)
    for name, arguments in (
        ("read", ()), ("read", (1,)), ("readinto", (bytearray(10),)), ("readline", ()), ("recv", (10,)),
        ("recv_into", (bytearray(10),)), ("write", (b"data",)), ("send", (b"data",)), ("sendall", (b"data",)),
        ("do_handshake", ()),
    ):
        e = raises(OSError, getattr(link.client, name), *arguments)
        equal(e.args, first.args, name)
        true(e.detail, name)
    equal((link.near.reads, link.near.writes), (reads, writes), "the stream was touched")


@each("before_handshake", "in_handshake", "failed", "rejected", "closed", "closed_before_handshake",
      "closed_in_handshake", "closed_after_failure")
def descriptions_without_a_connection(state):
    sock = globals()[state]().client
    same(sock.cipher(), None)
    same(sock.version(), None)
    same(sock.getpeercert(True), None)
    equal(sock.pending(), 0)
    equal(sock.verify_result, ())
    same(sock.truncated, False)
    same(sock.server_side, False)
    equal(sock.server_hostname, "server.test")
    true(isinstance(sock.context, ssl.SSLContext))
    equal(str(sock), "<SSLSocket>")
    equal(repr(sock), "<SSLSocket>")


@case
def descriptions_of_a_connection():
    link = established()
    for sock in (link.client, link.server):
        name, version, bits = sock.cipher()
        true(name.startswith("TLS1-3-"), name)
        equal(version, "TLSv1.3")
        true(bits in (128, 256), bits)
        equal(sock.version(), "TLSv1.3")
        equal(sock.pending(), 0)
        equal(sock.verify_result, ())
        same(sock.truncated, False)
        equal(str(sock), "<SSLSocket>")
    equal(link.client.cipher(), link.server.cipher())
    same(link.server.getpeercert(True), None)
    der = link.client.getpeercert(True)
    equal(type(der), bytes)
    equal(der, content("ec.der"))
    same(link.client.context, link.client_context)
    same(link.server.context, link.server_context)
    same(link.server.server_side, True)
    same(link.server.server_hostname, None)


@case
def peer_certificate_outlives_the_connection():
    link = established()
    der = link.client.getpeercert(True)
    link.close()
    link = None
    gc.collect()
    equal(der, content("ec.der"))


@case
def pending_counts_decrypted_bytes():
    link = established()
    link.server.write(b"0123456789")
    equal(link.client.pending(), 0)
    equal(link.client.read(3), b"012")
    equal(link.client.pending(), 7)
    equal(link.client.read(7), b"3456789")
    equal(link.client.pending(), 0)


@each("verify_result", "truncated", "server_side", "server_hostname", "nothing", "read", "__class__")
def attributes_cannot_be_set(name):
    sock = established().client
    raises(AttributeError, setattr, sock, name, 1)
    raises(AttributeError, delattr, sock, name)


@each("session_reusd", "Version", "__dict__", "stream", "connection")
def unknown_attributes(name):
    raises(AttributeError, getattr, established().client, name)


@case
def ioctl_is_for_c_only():
    true(not hasattr(established().client, "ioctl"))


@case
def close_closes_the_stream_once():
    for state in (before_handshake, in_handshake, established, ended, failed, rejected):
        link = state()
        equal(link.near.closed, 0)
        same(link.client.close(), None)
        same(link.client.close(), None)
        link.client.__exit__(None, None, None)
        equal(link.near.requests, [STREAM_CLOSE])


@case
def with_statement():
    link = established()
    with link.client as sock:
        same(sock, link.client)
        sock.write(b"inside")
    equal(link.near.closed, 1)
    equal(link.server.read(), b"inside")
    same(link.server.truncated, False)


@case
def with_statement_closes_after_an_exception():
    link = established()

    def work():
        with link.client:
            raise KeyError("from the block")

    equal(raises(KeyError, work).args, ("from the block",))
    equal(link.near.closed, 1)
    equal(link.server.read(), b"")


@case
def settings_go_to_the_stream():
    link = established()
    link.client.setblocking(False)
    link.client.setblocking(True)
    link.client.settimeout(None)
    link.client.settimeout(2.5)
    equal(link.near.heard, [("setblocking", False), ("setblocking", True), ("settimeout", None), ("settimeout", 2.5)])
    equal(link.client.fileno(), 77)


@case
def settings_of_streams_without_them():
    link = Link()
    for settings in (("setblocking", False), ("settimeout", 1), ("settimeout", 0), ("settimeout", None)):
        same(getattr(link.client, settings[0])(settings[1]), None)
    raises(AttributeError, link.client.fileno)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def makefile_is_the_socket():
    sock = established().client
    same(sock.makefile(), sock)
    same(sock.makefile("rwb"), sock)
    same(sock.makefile("rwb", 0), sock)


@case
def end_of_data():
    link = established()
    link.server.write(b"last words")
    link.server.close()
    equal(link.client.read(100), b"last words")
    for _ in range(3):
        equal(link.client.read(100), b"")
        equal(link.client.read(), b"")
        equal(link.client.readline(), b"")
        equal(link.client.readinto(bytearray(5)), 0)
        equal(link.client.recv(5), b"")
        equal(link.client.recv_into(bytearray(5)), 0)
    same(link.client.truncated, False)


@case
def end_of_the_stream_without_close_notify():
    link = established()
    link.server.write(b"last words")
    link.near.eof = True
    equal(link.client.read(100), b"last words")
    same(link.client.truncated, True)
    for _ in range(3):
        equal(link.client.read(100), b"")
    same(link.client.truncated, True)


@case
def end_of_the_stream_without_close_notify_is_an_error_on_demand():
    link = Link(suppress_ragged_eofs=False)
    link.server.write(b"last words")
    link.near.eof = True
    equal(link.client.read(10), b"last words")
    e = raises_os_error(-29312, "MBEDTLS_ERR_SSL_CONN_EOF", link.client.read, 1)
    equal(e.reason, "connection_eof")
    true(e.detail)
    same(link.client.truncated, True)
    # Not so a proper end.
    link = Link(suppress_ragged_eofs=False)
    link.server.close()
    equal(link.client.read(), b"")


@case
def end_inside_a_record():
    link = established()
    link.server.write(b"never complete")
    link.near.inbox = link.near.inbox[:-1]
    link.near.eof = True
    equal(link.client.read(100), b"")
    same(link.client.truncated, True)


@case
def writing_after_the_peers_end():
    # TLS 1.3 lets each side end by itself (RFC 8446 section 6.1).
    link = established()
    link.server.close()
    equal(link.client.read(), b"")
    equal(link.client.write(b"more"), 4)


@case
def handshake_on_demand():
    near, far = join(End(), End())
    server = new_server_context().wrap_socket(far, do_handshake_on_connect=False)
    client = new_client_context().wrap_socket(near, do_handshake_on_connect=False)
    near.when_empty = lambda: nudge(server)
    same(client.do_handshake(), None)
    equal(client.version(), "TLSv1.3")
    reads, writes = near.reads, near.writes
    same(client.do_handshake(), None)
    equal((near.reads, near.writes), (reads, writes))


@case
def writing_starts_the_handshake():
    link = before_handshake()
    same(link.client.write(b"early"), None)
    equal(link.near.writes > 0, True)
    link.shake()
    same(link.server.read(10), None)
    link.client.write(b"later")
    equal(link.server.read(10), b"later")


@case
def close_before_handshake_sends_nothing():
    link = before_handshake()
    link.client.close()
    equal(link.near.writes, 0)


@case
def close_in_handshake_sends_no_close_notify():
    link = in_handshake()
    writes = link.near.writes
    link.client.close()
    equal(link.near.writes, writes)
    e = link.collide()[1]
    equal(e.args, (-29312, "MBEDTLS_ERR_SSL_CONN_EOF"))


@case
def wrapping_an_ssl_socket():
    # TLS inside TLS: a SSLSocket is a stream like others.
    outer = Link()
    server = new_server_context("rsa").wrap_socket(outer.server, do_handshake_on_connect=False)
    client = new_client_context().wrap_socket(outer.client, do_handshake_on_connect=False)
    for _ in range(20):
        if nudge(client) & nudge(server):
            break
    equal(client.getpeercert(True), content("rsa.der"))
    data = noise(50000)
    equal(transfer(client, server, data), data)
    client.close()
    equal(outer.near.closed, 1)
    equal(server.read(), b"")
    same(server.truncated, False)


@case
def printing_to_a_socket():
    link = established()
    print("hello", 5, file=link.client)
    equal(link.server.readline(), b"hello 5\n")


@case
def equality_and_hash():
    link = established()
    true(link.client == link.client)
    true(link.client != link.server)
    equal({link.client: 1}[link.client], 1)


@case
def deleting_by_hand():
    for state in STATES:
        link = state()
        link.client.__del__()
        link.client.__del__()
        equal(raises(OSError, link.client.read, 1).errno, EBADF)
        link.client.close()
        same(link.client.version(), None)


run()
