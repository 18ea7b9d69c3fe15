# Provokes every error that docs/errors.md tells of; prints one JSON list per error: [name of the provocation, and what the
# exception says: args, type's name, reason, alert, alert_by, detail]. The last line is the number of pages of memory. With
# an argument: takes connections until there is no memory, which somebody has to limit.

import gc
import json
import sys

import ssl
from pipes import (
    End, Link, content, join, new_client_context, new_psk_contexts, new_server_context, new_verifying_context, nudge, path,
    pin, socket_pair)


def tell(name, e):
    attributes = [getattr(e, attribute, None) for attribute in ("reason", "alert", "alert_by", "detail")]
    print(json.dumps([name, list(e.args), type(e).__name__] + attributes))


V1_2 = ssl.TLSVersion.TLSv1_2
V1_3 = ssl.TLSVersion.TLSv1_3

_provocations = []


def provocation(function):
    _provocations.append(function)
    return function


def caught(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as e:
        return e
    raise AssertionError("%s: no exception" % function)


def collide(client, server, **options):
    return Link(client, server, handshake=False, **options).collide()


def read_until_it_fails(sock):
    for _ in range(100):
        if sock.read(1) == b"":
            raise AssertionError("ended without an error")


# What a client or server says to bytes of its peer.
def client_says(data, version=None, eof=False, context=None):
    context = context or new_client_context()
    if version is not None:
        pin(version, context)
    link = Link(context, handshake=False)
    nudge(link.client)
    hello = bytes(link.far.inbox)
    link.near.inbox.extend(data(hello) if callable(data) else data)
    link.near.eof = eof
    return caught(read_until_it_fails, link.client)


def server_says(data):
    link = Link(handshake=False)
    link.far.inbox.extend(data)
    return caught(read_until_it_fails, link.server)


# Pieces of TLS messages.
def u16(n):
    return bytes([n >> 8, n & 255])


def u24(n):
    return bytes([n >> 16]) + u16(n & 0xFFFF)


def record(kind, data):
    return bytes([kind, 3, 3]) + u16(len(data)) + data


def message(kind, body):
    return record(22, bytes([kind]) + u24(len(body)) + body)


# A ServerHello; `session` is the identifier that it echoes.
def server_hello(session, suite, extensions=b"", version=0x0303):
    body = u16(version) + bytes(range(32)) + bytes([len(session)]) + session + u16(suite) + b"\0"
    return message(2, body + u16(len(extensions)) + extensions)


def extension(number, data):
    return u16(number) + u16(len(data)) + data


# The session identifier in the record of a ClientHello.
def session_of(hello):
    return hello[44:44 + hello[43]]


SUITE_1_2 = 0xC02B  # ECDHE-ECDSA with AES-128-GCM
SUITE_1_3 = 0x1301
RENEGOTIATION = extension(0xFF01, b"\0")  # what OpenSSL wants to see in TLS 1.2


# Server of TLS 1.2 that shows this certificate, or none.
def shows(*certificates):
    chain = b"".join(u24(len(certificate)) + certificate for certificate in certificates)
    return server_hello(b"", SUITE_1_2, RENEGOTIATION) + message(11, u24(len(chain)) + chain)


# -- The peer's certificate

def refusal_of(identity, **attributes):
    return collide(new_verifying_context(**attributes), new_server_context(identity))[0]


@provocation
def expired():
    return refusal_of("expired")


@provocation
def not_yet_valid():
    return refusal_of("not-yet")


@provocation
def hostname_mismatch():
    return refusal_of("wrong-name")


@provocation
def untrusted():
    return refusal_of("other-ca")


@provocation
def untrusted_self_signed():
    return refusal_of("self-signed")


@provocation
def untrusted_without_anchors():
    client = new_client_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    return collide(client, new_server_context(verify_mode=ssl.CERT_REQUIRED))[1]


@provocation
def wrong_usage():
    client = new_client_context()
    client.load_cert_chain(path("ec-chain.pem"), path("ec.key"))
    server = new_server_context(verify_mode=ssl.CERT_REQUIRED)
    server.load_verify_locations(cadata=content("root.pem"))
    return collide(client, server)[1]


@provocation
def weak():
    # OpenSSL's servers would not show it.
    return client_says(shows(content("weak.der"), content("inter.der")), V1_2, context=new_verifying_context())


@provocation
def decode_error_in_an_empty_chain():
    return client_says(shows(), V1_2)


@provocation
def bad_certificate():
    return client_says(shows(b"\x30\x81\xfd" + bytes(0xfd)), V1_2)


@provocation
def revoked():
    context = new_verifying_context(verify_flags=ssl.VERIFY_CRL_CHECK_LEAF)
    context.load_verify_locations(path("inter-crl.pem"))
    return collide(context, new_server_context("revoked"))[0]


@provocation
def bad_crl():
    return refusal_of("ec", verify_flags=ssl.VERIFY_CRL_CHECK_LEAF)


@provocation
def pin_mismatch():
    return refusal_of("ec", pins={bytes(32)})


@provocation
def rejected_by_callback():
    return refusal_of("ec", verify_callback=lambda der, depth: 1)


def without_certificate(version):
    server = new_server_context(verify_mode=ssl.CERT_REQUIRED)
    server.load_verify_locations(cadata=content("root.pem"))
    return collide(*pin(version, new_client_context(), server))


@provocation
def no_client_certificate_1_2():
    return without_certificate(V1_2)[1]


@provocation
def no_client_certificate_1_3():
    return without_certificate(V1_3)[1]


# -- Own certificates and keys

@provocation
def invalid_cert():
    return caught(new_client_context().load_verify_locations, cadata=b"!")


@provocation
def invalid_cert_not_pem():
    return caught(new_client_context().load_verify_locations, path("ec.key"))


@provocation
def invalid_key():
    return caught(new_server_context().load_cert_chain, path("ec-chain.pem"), b"!")


@provocation
def invalid_key_that_is_a_certificate():
    return caught(new_client_context().load_cert_chain, path("ec.pem"))


@provocation
def invalid_key_of_another_certificate():
    return caught(new_server_context().load_cert_chain, path("ec-chain.pem"), path("client-ec.key"))


def server_without_certificate(version):
    return collide(*pin(version, new_client_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)))[1]


@provocation
def no_certificate_1_2():
    return server_without_certificate(V1_2)


@provocation
def no_certificate_1_3():
    return server_without_certificate(V1_3)


# -- Nothing in common

def no_cipher_in_common():
    client, server = pin(V1_2, new_client_context(), new_server_context())
    client.set_ciphers(["TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"])
    server.set_ciphers(["TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"])
    return collide(client, server)


@provocation
def handshake_failure():
    return no_cipher_in_common()[1]


@provocation
def peer_alert():
    return no_cipher_in_common()[0]


@provocation
def no_application_protocol():
    client, server = new_client_context(), new_server_context()
    client.set_alpn_protocols(["h2"])
    server.set_alpn_protocols(["http/1.1"])
    return collide(client, server)[1]


@provocation
def unrecognized_name():
    server = new_server_context()
    server.sni_callback = lambda sock, name, context: 112
    return collide(new_client_context(), server)[1]


def no_version_in_common():
    return collide(pin(V1_2, new_client_context())[0], pin(V1_3, new_server_context())[0])


@provocation
def protocol_version():
    return no_version_in_common()[1]


@provocation
def protocol_version_of_an_old_client():
    # TLS 1.0
    body = u16(0x0301) + bytes(32) + b"\0" + u16(4) + u16(0xC009) + u16(0xFF) + b"\1\0" + u16(0)
    return server_says(message(1, body))


@provocation
def protocol_version_of_an_old_server():
    return client_says(server_hello(b"", 0xC009, RENEGOTIATION, 0x0301))


@provocation
def protocol_version_chosen_by_the_server():
    return client_says(server_hello(b"", SUITE_1_2, RENEGOTIATION), V1_3)


@provocation
def peer_alert_protocol_version():
    return no_version_in_common()[0]


@provocation
def unknown_psk_identity():
    client, server = new_psk_contexts()
    client.psk_identity = "stranger"
    return collide(client, server)[1]


@provocation
def handshake_failure_with_another_psk():
    client, server = new_psk_contexts()
    client.psk_key = b"another key of 16"
    return collide(client, server)[1]


# -- The peer's bytes

@provocation
def bad_record():
    return client_says(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@provocation
def bad_record_too_long():
    link = Link()
    link.near.inbox.extend(b"\x17\x03\x03\xff\xff" + bytes(100))
    return caught(link.client.read, 1)


@provocation
def bad_record_mac():
    link = Link()
    link.server.write(b"not to be changed")
    link.near.inbox[-1] ^= 1
    return caught(link.client.read, 100)


@provocation
def decode_error():
    return client_says(message(2, b"\3\3"))


@provocation
def illegal_parameter():
    # A session identifier that is not the client's.
    return client_says(server_hello(b"", SUITE_1_3, extension(43, b"\3\4")), V1_3)


@provocation
def unsupported_extension():
    extensions = extension(43, b"\3\4") + extension(41, b"\0\0")
    return client_says(lambda hello: server_hello(session_of(hello), SUITE_1_3, extensions), V1_3)


@provocation
def unexpected_message():
    return client_says(record(23, b"hello"))


@provocation
def connection_eof():
    return client_says(b"", eof=True)


@provocation
def connection_eof_without_close_notify():
    link = Link(suppress_ragged_eofs=False)
    link.near.eof = True
    return caught(link.client.read, 1)


@provocation
def connection_eof_by_close_notify():
    return client_says(b"\x15\x03\x03\x00\x02\x01\x00")


@provocation
def timeout():
    # A peer that hears and does not answer; the limit is 12 seconds.
    context = ssl.SSLContext(ssl.PROTOCOL_DTLS_CLIENT)
    return caught(context.wrap_socket, join(End(), End())[0], server_hostname="server.test")


# -- What the program asks for

@provocation
def bad_argument_cipher():
    return caught(new_client_context().set_ciphers, ["TLS-NO-SUCH-SUITE"])


@provocation
def bad_argument_no_ciphers():
    return caught(new_client_context().set_ciphers, [])


@provocation
def bad_argument_name():
    return caught(new_client_context().wrap_socket, End(), server_hostname="not a name")


@provocation
def bad_argument_closed_for_writing():
    link = Link()
    link.client.close()
    return caught(link.client.write, b"x")


@provocation
def no_such_file():
    return caught(new_client_context().load_cert_chain, "nowhere.pem", "nowhere.key")


@provocation
def closed():
    link = Link()
    link.client.close()
    return caught(link.client.do_handshake)


@provocation
def busy():
    link = Link(handshake=False)
    errors = []

    def again():
        errors.append(caught(link.client.write, b"x"))
        link.near.when_empty = None

    link.near.when_empty = again
    nudge(link.client)
    return errors[0]


@provocation
def busy_context():
    link = Link(handshake=False)
    errors = []

    def change():
        errors.append(caught(setattr, link.client_context, "verify_mode", ssl.CERT_NONE))
        link.near.when_empty = None

    link.near.when_empty = change
    nudge(link.client)
    return errors[0]


@provocation
def shut_down():
    link = Link()
    link.client.shutdown(1)
    return caught(link.client.write, b"x")


@provocation
def not_connected():
    return caught(Link(handshake=False).client.unwrap)


@provocation
def unread():
    link = Link()
    link.server.write(b"data")
    return caught(link.client.unwrap)


@provocation
def timed_out():
    near, far = socket_pair()
    sock = new_client_context().wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False)
    sock.settimeout(0.01)
    return caught(sock.do_handshake)


@provocation
def would_block():
    near, far = socket_pair()
    sock = new_client_context().wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False)
    sock.setblocking(False)
    return caught(sock.do_handshake)


if wanted := sys.argv[1:]:
    # With little memory: connections until there is no more.
    kept = []
    try:
        while True:
            kept.append(Link(handshake=False))
    except OSError as e:
        kept.clear()
        gc.collect()
        tell("no_memory", e)
else:
    for function in _provocations:
        e = function()
        tell(function.__name__, e)
    print(open("/proc/self/statm").read().split()[0])
