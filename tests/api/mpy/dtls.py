# What DTLS adds to the surface: mtu, client_id, messages that are too long.

import ssl

from datagrams import Pair, contexts, talk
from testing import case, contains, each, equal, raises, raises_os_error, run, true


@each("CLIENT", "SERVER")
def mtu_is_checked(role):
    context = ssl.SSLContext(getattr(ssl, "PROTOCOL_DTLS_" + role))
    equal(context.mtu, 1400)
    for good in (256, 16384, 1200):
        context.mtu = good
        equal(context.mtu, good)
    for bad in (0, -1, 255, 16385, 65536 + 1200, 1 << 40):
        raises((ValueError, OverflowError), setattr, context, "mtu", bad)
    for bad in (None, "1200", 1200.5):
        raises(TypeError, setattr, context, "mtu", bad)
    equal(context.mtu, 1200)
    raises(AttributeError, delattr, context, "mtu")


@each("CLIENT", "SERVER")
def mtu_is_not_for_streams(role):
    context = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_" + role))
    raises(ValueError, setattr, context, "mtu", 1200)


# For connections made from now on, and only for them.
@case
def mtu_of_a_connection():
    client, server = contexts("mutual")
    try:
        client.mtu = server.mtu = 500
        pair = Pair("mutual", handshake=False)
        client.mtu = server.mtu = 9000
        pair.shake()
        true(450 < pair.near.largest <= 500, pair.near.largest)
        true(450 < pair.far.largest <= 500, pair.far.largest)
        pair = Pair("mutual")
        true(500 < pair.near.largest, pair.near.largest)
        pair.client.send(bytes(8900))
        true(8900 < pair.near.largest <= 9000, pair.near.largest)
        equal(pair.server.recv(9000), bytes(8900))
    finally:
        client.mtu = server.mtu = 1400


# It says what would be possible; nothing is sent, and the connection goes on.
@each("send", "write", "sendall")
def message_that_is_too_long(method):
    pair = Pair()
    sent = pair.near.sent
    e = raises_os_error(-0x7100, "MBEDTLS_ERR_SSL_BAD_INPUT_DATA", getattr(pair.client, method), bytes(1400))
    equal(e.reason, "bad_argument")
    contains(e.detail, "a datagram of 1400 bytes is too long: ")
    equal(pair.near.sent, sent)
    possible = int(e.detail.split(": ")[1].split()[0])
    raises(OSError, pair.client.send, bytes(possible + 1))
    equal(pair.client.send(bytes(possible)), possible)
    true(pair.near.largest <= 1400, pair.near.largest)
    equal(pair.server.recv(2000), bytes(possible))
    talk(pair)


@case
def empty_message():
    pair = Pair()
    sent = pair.near.sent
    equal(pair.client.send(b""), 0)
    equal(pair.near.sent, sent)
    talk(pair)


@case
def client_id_is_checked():
    _, server = contexts("psk")
    for bad in (1, 1.5, [], object()):
        raises(TypeError, server.wrap_socket, Pair().far, client_id=bad, do_handshake_on_connect=False)
    for good in (None, b"", b"x", bytearray(100), "192.0.2.1"):
        pair = Pair(handshake=False, client_id=good)
        pair.shake()
        talk(pair)


run()
