# Exceptions: numbers, names, attributes and texts, the same on both engines.

import io
import ssl
import sys

from pipes import End, Link, new_client_context, new_server_context, new_verifying_context, noise, nudge, path, pin
from testing import case, contains, each, equal, fail, raises, raises_os_error, run, same, true

V1_2 = ssl.TLSVersion.TLSv1_2
V1_3 = ssl.TLSVersion.TLSv1_3

FATAL_ALERT = (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE")
CONN_EOF = (-29312, "MBEDTLS_ERR_SSL_CONN_EOF")
HANDSHAKE_FAILURE = (-28160, "MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE")
BAD_PROTOCOL_VERSION = (-28288, "MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION")
INVALID_RECORD = (-29184, "MBEDTLS_ERR_SSL_INVALID_RECORD")
INVALID_MAC = (-29056, "MBEDTLS_ERR_SSL_INVALID_MAC")
UNEXPECTED_MESSAGE = (-30464, "MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE")


def traceback(e):
    text = io.StringIO()
    sys.print_exception(e, text)
    return text.getvalue()


def check(e, args, reason, alert=None, alert_by=None):
    true(isinstance(e, OSError), e)
    true(not isinstance(e, ValueError), e)
    equal(e.args, args)
    equal(e.errno, args[0])
    equal(e.value, args[0])
    equal(e.reason, reason)
    equal(e.alert, alert)
    equal(e.alert_by, alert_by)
    equal(repr(e), "OSError(%d, '%s')" % args)
    equal(str(e), "(%d, '%s')" % args)
    true(isinstance(e.detail, str) and e.detail, e.detail)
    contains(traceback(e), "OSError: (%d, '%s'): %s\n" % (args[0], args[1], e.detail))


def collide(client, server):
    return Link(client, server, handshake=False).collide()


# One side of a handshake that gets `data` from its peer.
def feed(sock, end, data, eof=False):
    end.inbox.extend(data)
    end.eof = eof
    for _ in range(10):
        sock.read(1)
    fail("no exception")


def feed_client(data, eof=False):
    link = Link(handshake=False)
    return raises(OSError, feed, link.client, link.near, data, eof)


def feed_server(data, eof=False):
    link = Link(handshake=False)
    return raises(OSError, feed, link.server, link.far, data, eof)


def suites(version, context, name):
    pin(version, context)
    context.set_ciphers([name])
    return context


@each(("TLSv1.2", 0x0303, "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"),
      ("TLSv1.3", 0x0304, "TLS1-3-AES-128-GCM-SHA256", "TLS1-3-AES-256-GCM-SHA384"))
def no_cipher_in_common(name, version, one, other):
    client, server = collide(suites(version, new_client_context(), one), suites(version, new_server_context(), other))
    check(client, FATAL_ALERT, "peer_alert", "handshake_failure", "peer")
    contains(client.detail, "server sent alert handshake_failure")
    contains(client.detail, "no cipher suite")
    check(server, HANDSHAKE_FAILURE, "handshake_failure", "handshake_failure", "local")


@case
def no_version_in_common_as_the_client_is_too_old():
    client, server = collide(pin(V1_2, new_client_context())[0], pin(V1_3, new_server_context())[0])
    check(client, FATAL_ALERT, "peer_alert", "protocol_version", "peer")
    contains(client.detail,
             "server sent alert protocol_version: no TLS version in common; this client takes TLS 1.2 only")
    check(server, BAD_PROTOCOL_VERSION, "protocol_version", "protocol_version", "local")
    equal(server.detail, "client offers at most TLS 1.2; this server wants at least TLS 1.3")


@case
def no_version_in_common_as_the_server_is_too_old():
    client, server = collide(pin(V1_3, new_client_context())[0], pin(V1_2, new_server_context())[0])
    # Mbed TLS, told to do no more than 1.2, does not know the extension with the versions and finds no cipher suite.
    reason = "handshake_failure" if ssl.ENGINE == "mbedtls" else "protocol_version"
    check(client, FATAL_ALERT, "peer_alert", reason, "peer")
    contains(client.detail, "server sent alert " + reason)
    check(server, HANDSHAKE_FAILURE if ssl.ENGINE == "mbedtls" else BAD_PROTOCOL_VERSION, reason, reason, "local")
    if ssl.ENGINE == "openssl":
        equal(server.detail, "client wants at least TLS 1.3; this server offers at most TLS 1.2")


# A certificate with a key that the client's suites have no use for.
@case
def no_cipher_for_the_servers_key():
    client = suites(V1_2, new_client_context(), "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256")
    client, server = collide(client, new_server_context("ec"))
    check(client, FATAL_ALERT, "peer_alert", "handshake_failure", "peer")
    check(server, HANDSHAKE_FAILURE, "handshake_failure", "handshake_failure", "local")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def server_without_certificate(name, version):
    server = pin(version, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))[0]
    client, server = collide(new_client_context(), server)
    check(client, FATAL_ALERT, "peer_alert", "handshake_failure", "peer")
    true(isinstance(server, OSError))
    contains(server.detail, "server has no certificate")


@case
def end_of_the_stream_in_the_handshake():
    for e in (feed_client(b"", True), feed_server(b"", True)):
        check(e, CONN_EOF, "connection_eof")
    # Inside a record.
    check(feed_client(b"\x16\x03\x03\x00", True), CONN_EOF, "connection_eof")
    check(feed_client(b"\x16\x03\x03\x00\x30\x02\x00", True), CONN_EOF, "connection_eof")
    check(feed_server(b"\x16\x03\x01\x00\x30\x01\x00", True), CONN_EOF, "connection_eof")


@each(("http", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), ("smtp", b"220 mail.test ESMTP ready\r\n"),
      ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n"))
def client_that_meets_a_server_of_another_protocol(name, greeting):
    e = feed_client(greeting)
    check(e, INVALID_RECORD, "bad_record", e.alert, e.alert and "local")
    contains(e.detail, "TLS")


@each(("http", b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n"), ("post", b"POST /some/where HTTP/1.1\r\n\r\n"),
      ("mqtt", b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test"))
def server_that_meets_a_client_of_another_protocol(name, request):
    e = feed_server(request)
    check(e, INVALID_RECORD, "bad_record", e.alert, e.alert and "local")
    if name != "mqtt":
        contains(e.detail, "TLS")


@each(("zeros", "b'\\0' * 100"), ("ones", "b'\\xff' * 100"), ("noise", "noise(2000)"))
def garbage(name, data):
    for e in (feed_client(eval(data)), feed_server(eval(data))):
        check(e, INVALID_RECORD, "bad_record", e.alert, e.alert and "local")


@case
def application_data_before_the_handshake():
    for e in (feed_client(b"\x17\x03\x03\x00\x05hello"), feed_server(b"\x17\x03\x03\x00\x05hello")):
        check(e, UNEXPECTED_MESSAGE, "unexpected_message", "unexpected_message", "local")


@each(("handshake_failure", 40), ("unrecognized_name", 112), ("internal_error", 80), ("access_denied", 49),
      ("protocol_version", 70), ("unknown_ca", 48), ("user_canceled", 90), ("insufficient_security", 71))
def alert_from_the_peer(name, number):
    e = feed_client(b"\x15\x03\x03\x00\x02\x02" + bytes([number]))
    check(e, FATAL_ALERT, "peer_alert", name, "peer")
    contains(e.detail, "server sent alert " + name)


@case
def alert_without_a_name():
    e = feed_client(b"\x15\x03\x03\x00\x02\x02\xc7")
    check(e, FATAL_ALERT, "peer_alert", 199, "peer")
    contains(e.detail, "server sent alert 199")


@case
def alert_from_a_client():
    link = Link(*pin(V1_2, new_client_context(), new_server_context()), handshake=False)
    nudge(link.client)
    nudge(link.server)
    e = raises(OSError, feed, link.server, link.far, b"\x15\x03\x03\x00\x02\x02\x28")
    check(e, FATAL_ALERT, "peer_alert", "handshake_failure", "peer")
    contains(e.detail, "client sent alert handshake_failure")


@case
def close_notify_in_the_handshake():
    e = feed_client(b"\x15\x03\x03\x00\x02\x01\x00")
    check(e, CONN_EOF, "connection_eof", "close_notify", "peer")


# A record that was changed on its way.
@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def forged_record(name, version):
    link = Link(*pin(version, new_client_context(), new_server_context()))
    link.server.write(b"not to be changed")
    link.near.inbox[-1] ^= 1
    e = raises(OSError, link.client.read, 100)
    check(e, INVALID_MAC, "bad_record_mac", "bad_record_mac", "local")
    # The server learns of it.
    e = raises(OSError, link.server.read, 100)
    check(e, FATAL_ALERT, "peer_alert", "bad_record_mac", "peer")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def fatal_alert_after_the_handshake(name, version):
    link = Link(*pin(version, new_client_context(), new_server_context()))
    link.client.write(b"to be damaged")
    link.far.inbox[-1] ^= 1
    raises(OSError, link.server.read, 100)
    e = raises(OSError, link.client.read, 100)
    check(e, FATAL_ALERT, "peer_alert", "bad_record_mac", "peer")
    # Once failed, it stays so, and says why in the same words.
    for _ in range(2):
        for again in (raises(OSError, link.client.read, 1), raises(OSError, link.client.write, b"x"),
                      raises(OSError, link.client.do_handshake)):
            check(again, FATAL_ALERT, "peer_alert", "bad_record_mac", "peer")
            equal(again.detail, e.detail)


@case
def a_refused_certificate_is_refused_again():
    link = Link(new_verifying_context(), new_server_context("expired"), handshake=False)
    e = link.collide()[0]
    for again in (raises(OSError, link.client.read, 1), raises(OSError, link.client.write, b"x"),
                  raises(OSError, link.client.do_handshake)):
        same(type(again), type(e))
        for name in ("args", "reason", "alert", "alert_by", "detail"):
            equal(getattr(again, name), getattr(e, name))


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def replayed_record(name, version):
    link = Link(*pin(version, new_client_context(), new_server_context()))
    before = len(link.near.inbox)
    link.server.write(b"once")
    record = bytes(link.near.inbox[before:])
    link.near.inbox.extend(record)
    equal(link.client.recv(100), b"once")
    e = raises(OSError, link.client.recv, 100)
    equal(e.args, INVALID_MAC)


@case
def oversized_record():
    link = Link()
    link.near.inbox.extend(b"\x17\x03\x03\xff\xff" + bytes(65535))
    e = raises(OSError, link.client.read, 100)
    check(e, INVALID_RECORD, "bad_record", "record_overflow", "local")


@case
def errors_of_the_stream_keep_their_number():
    class Broken(End):
        def readinto(self, buf):
            raise OSError(104)

        def write(self, buf):
            return -32

    link = Link(near=Broken(), handshake=False)
    raises_os_error(32, None, link.client.read, 1)
    link = Link(far=Broken(), handshake=False)
    raises_os_error(104, None, link.server.read, 1)


# What a program may do with an exception's type without knowing it.
@each("OSError", "ValueError", "verification")
def construction_of_the_types(kind):
    if kind == "OSError":
        e = feed_client(b"", True)
    elif kind == "ValueError":
        e = raises(ValueError, new_client_context().load_verify_locations, cadata=b"!")
    else:
        e = collide(new_verifying_context(), new_server_context("expired"))[0]
    for arguments in ((), (1,), (1, "two"), ("text",), (1, 2, 3), (None,), (e,), (e.args,)):
        other = type(e)(*arguments)
        equal(type(other), type(e))
        equal(other.args, arguments)
        for name in ("reason", "alert", "alert_by", "detail"):
            same(getattr(other, name), None)
        str(other), repr(other), traceback(other)
        true(isinstance(other, Exception))
        if arguments:
            equal(other.value, arguments[0])
    raises(TypeError, type(e), 1, keyword=2)


@each("OSError", "ValueError")
def subclass_of_the_types(kind):
    e = feed_client(b"", True) if kind == "OSError" else raises(
        ValueError, new_client_context().load_verify_locations, cadata=b"!")

    class Mine(type(e)):
        pass

    other = Mine(1, "two")
    equal(other.args, (1, "two"))
    str(other), repr(other), traceback(other)

    def throw():
        raise other

    same(raises(type(e), throw), other)


@case
def exceptions_can_be_raised_again():
    e = feed_client(b"", True)

    def again():
        try:
            raise e
        except OSError as caught:
            same(caught, e)
            raise

    same(raises(OSError, again), e)
    equal(e.args, CONN_EOF)
    equal(e.reason, "connection_eof")


@case
def exceptions_of_the_same_kind_have_one_type():
    equal(type(feed_client(b"", True)), type(feed_client(b"HTTP/1.1 200 OK\r\n")))
    kind = type(feed_client(b"", True))
    true(issubclass(kind, OSError))
    true(not issubclass(kind, ValueError))
    kind = type(collide(new_verifying_context(), new_server_context("expired"))[0])
    true(issubclass(kind, OSError))
    true(issubclass(kind, ValueError))


@case
def unknown_attributes_of_exceptions():
    e = feed_client(b"", True)
    raises(AttributeError, getattr, e, "details")
    raises(AttributeError, setattr, e, "detail", "changed")
    raises(AttributeError, delattr, e, "detail")


@case
def errors_of_certificates_and_keys():
    context = new_server_context()
    for e, reason in (
        (raises(ValueError, context.load_cert_chain, b"!", path("ec.key")), "invalid_cert"),
        (raises(ValueError, context.load_cert_chain, path("ec.pem"), b"!"), "invalid_key"),
    ):
        text = reason.replace("_", " ")
        true(not isinstance(e, OSError))
        equal(e.args, (text,))
        equal(e.value, text)
        equal(str(e), text)
        equal(repr(e), "ValueError('%s',)" % text)
        equal(e.reason, reason)
        same(e.alert, None)
        same(e.alert_by, None)
        true(isinstance(e.detail, str) and e.detail)
        contains(traceback(e), "ValueError: %s: %s\n" % (text, e.detail))


@case
def details_are_sentences():
    for e in (feed_client(b"", True), feed_client(b"HTTP/1.1 200 OK\r\n"), feed_server(noise(100))):
        true(len(e.detail) > 15, e.detail)
        true(len(e.detail) < 200, e.detail)
        for c in e.detail:
            true(" " <= c <= "~", e.detail)


@case
def details_with_odd_bytes_from_the_peer():
    for greeting in (b"HTTP\0\0\0\0", b"\"%s%n\"\x1b[31m", b"\xff\xfe\xfd\xfc\xfb\xfa", b"%%%%%%%%"):
        e = feed_client(greeting + bytes(20))
        for c in e.detail:
            true(" " <= c <= "~", e.detail)


run()
