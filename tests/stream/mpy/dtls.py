# DTLS over datagrams in memory: lost, doubled, out of order, forged.

import ssl

from datagrams import Pair, Post, contexts, talk
from pipes import (
    End, POLLIN, POLLNVAL, POLLOUT, STREAM_CLOSE, content, join, new_server_context, noise, nudge, path, poll)
from testing import case, each, equal, raises, run, same, true


@each("psk", "ec", "rsa", "mutual")
def connects(kind):
    pair = Pair(kind)
    equal(pair.client.version(), "DTLSv1.2")
    equal(pair.server.version(), "DTLSv1.2")
    equal(pair.client.cipher(), pair.server.cipher())
    if kind == "mutual":
        equal(pair.server.getpeercert(True), content("client-rsa.der"))
    talk(pair)


@case
def datagrams_fit_an_ethernet_frame():
    pair = Pair("mutual")
    true(pair.near.largest <= 1472, pair.near.largest)
    true(pair.far.largest <= 1472, pair.far.largest)


@case
def borders_of_messages():
    pair = Pair()
    for word in (b"one", b"two", b"three"):
        pair.client.send(word)
    equal(pair.server.recv(100), b"one")
    equal(pair.server.recv(100), b"two")
    equal(pair.server.recv(100), b"three")
    same(pair.server.recv(100), None)
    # read() collects what is there.
    for word in (b"one", b"two", b"three"):
        pair.client.send(word)
    equal(pair.server.read(100), b"onetwothree")


@case
def rest_of_a_message():
    pair = Pair()
    pair.client.send(b"0123456789")
    pair.client.send(b"next")
    equal(pair.server.recv(4), b"0123")
    equal(pair.server.pending(), 6)
    equal(pair.server.recv(100), b"456789")
    equal(pair.server.recv(100), b"next")


@each("1", "100", "1000", "1200")
def sizes_of_messages(size):
    pair = Pair()
    data = noise(int(size))
    equal(pair.client.send(data), len(data))
    equal(pair.near.sent and pair.near.largest <= 1472, True)
    equal(pair.server.recv(5000), data)


@case
def message_that_is_too_long():
    pair = Pair()
    sent = pair.near.sent
    raises(OSError, pair.client.send, bytes(20000))
    equal(pair.near.sent, sent)
    talk(pair)


# Each datagram of the handshake in turn is lost on its way, once.
@each("near", "far")
def lost_in_the_handshake(side):
    whole = Pair("psk")
    total = (whole.near if side == "near" else whole.far).sent
    true(total >= 2, total)
    for index in range(1, total + 1):
        def fate(number, datagram):
            return [] if number == index else [datagram]

        pair = Pair("psk", near_fate=fate if side == "near" else None, far_fate=fate if side == "far" else None)
        talk(pair)


@case
def lost_in_the_handshake_with_certificates():
    pair = Pair("ec", near_fate=lambda number, datagram: [] if number % 3 == 1 else [datagram],
                far_fate=lambda number, datagram: [] if number == 2 else [datagram])
    pair.near.fate = pair.far.fate = None
    talk(pair)


@each("psk", "ec", "mutual")
def doubled_in_the_handshake(kind):
    pair = Pair(kind, near_fate=lambda number, datagram: [datagram] * 2,
                far_fate=lambda number, datagram: [datagram] * 2)
    pair.near.fate = pair.far.fate = None
    talk(pair)


# Every second datagram comes before the one that was sent before it.
@each("psk", "mutual")
def out_of_order_in_the_handshake(kind):
    def swapper():
        held = []

        def fate(number, datagram):
            if number % 2 == 1:
                held.append(datagram)
                # Held back until the next one, which may be the repetition of it.
                return []
            return [datagram, held.pop()] if held else [datagram]

        return fate

    pair = Pair(kind, near_fate=None, far_fate=swapper())
    pair.near.fate = pair.far.fate = None
    talk(pair)


@case
def rubbish_is_dropped():
    def fate(number, datagram):
        return [b"", b"\0", b"rubbish" * 10, datagram[:-1], bytes(13), datagram, noise(200)]

    pair = Pair("psk")
    pair.near.fate = pair.far.fate = fate
    pair.client.send(b"among rubbish")
    for _ in range(10):
        got = pair.server.recv(100)
        if got is not None:
            break
    equal(got, b"among rubbish")


@case
def forged_message_is_dropped():
    pair = Pair()
    pair.client.send(b"forged")
    datagram = bytearray(pair.far.inbox.pop())
    datagram[-1] ^= 1
    pair.far.inbox.append(bytes(datagram))
    pair.client.send(b"genuine")
    got = pair.server.recv(100)
    if got is None:
        got = pair.server.recv(100)
    equal(got, b"genuine")


@case
def replayed_message_is_dropped():
    pair = Pair()
    pair.near.fate = lambda number, datagram: [datagram] * 3
    pair.client.send(b"once")
    equal(pair.server.recv(100), b"once")
    for _ in range(5):
        same(pair.server.recv(100), None)
    pair.near.fate = None
    talk(pair)


@case
def lost_and_reordered_messages():
    pair = Pair()
    pair.near.fate = lambda number, datagram: [] if number % 2 else [datagram]
    for i in range(10):
        equal(pair.client.send(b"%d" % i), 1)
    got = []
    while True:
        message = pair.server.recv(10)
        if message is None:
            break
        got.append(message)
    equal(len(got), 5)
    pair.near.fate = None
    pair.client.send(b"first")
    pair.client.send(b"second")
    pair.far.inbox.reverse()
    equal(pair.server.recv(10), b"second")
    equal(pair.server.recv(10), b"first")


@case
def goodbye():
    pair = Pair()
    pair.client.send(b"last words")
    pair.client.close()
    equal(pair.near.requests, [STREAM_CLOSE])
    equal(pair.server.recv(100), b"last words")
    equal(pair.server.recv(100), b"")
    same(pair.server.truncated, False)


@case
def blocked_stream():
    pair = Pair(handshake=False)
    pair.near.writable = False
    same(pair.client.read(1), None)
    same(pair.client.write(b"x"), None)
    pair.near.writable = True
    pair.shake()
    talk(pair)


@case
def polling():
    pair = Pair()
    equal(poll(pair.client), POLLOUT)
    pair.server.send(b"0123456789")
    equal(poll(pair.client), POLLIN | POLLOUT)
    equal(pair.client.recv(4), b"0123")
    equal(poll(pair.client), POLLIN | POLLOUT)
    equal(pair.client.recv(10), b"456789")
    equal(poll(pair.client), POLLOUT)
    pair.client.close()
    equal(poll(pair.client), POLLNVAL)


# The cookie proves that the client can receive at its address; without it a server does next to nothing.
@case
def server_answers_an_unknown_client_with_little():
    pair = Pair("ec", handshake=False)
    same(pair.client.read(1), None)
    hello = len(pair.far.inbox[0])
    same(pair.server.read(1), None)
    equal(pair.far.sent, 1)
    true(pair.far.largest < hello, (pair.far.largest, hello))


@case
def cookie_is_bound_to_the_client():
    pair = Pair("psk", handshake=False, client_id=b"192.0.2.1:1000")
    pair.shake()
    talk(pair)
    # The second message of a client with the cookie of another address starts from the beginning.
    one = Pair("psk", handshake=False, client_id=b"192.0.2.1:1000")
    same(one.client.read(1), None)
    same(one.server.read(1), None)
    same(one.client.read(1), None)
    with_cookie = one.far.inbox[-1]
    other = Pair("psk", handshake=False, client_id=b"192.0.2.99:1000")
    other.far.inbox.append(with_cookie)
    same(other.server.read(1), None)
    true(other.far.largest < 100, other.far.largest)


@case
def failed_verification():
    server = ssl.SSLContext(ssl.PROTOCOL_DTLS_SERVER)
    server.load_cert_chain(path("expired-chain.pem"), path("expired.key"))
    near, far = join(Post(), Post())
    server = server.wrap_socket(far, do_handshake_on_connect=False)
    client = contexts("ec")[0].wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False)
    failure = None
    for _ in range(20):
        try:
            nudge(client)
        except OSError as e:
            failure = e
            break
        nudge(server)
    equal(failure.args, (-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"))
    equal(failure.reason, "expired")
    failure = None
    for _ in range(20):
        try:
            nudge(server)
        except OSError as e:
            failure = e
            break
    equal(failure.args, (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"))


@case
def tls_and_dtls_do_not_mix():
    near, far = join(End(), End())
    client = ssl.SSLContext(ssl.PROTOCOL_DTLS_CLIENT).wrap_socket(near, do_handshake_on_connect=False)
    server = new_server_context().wrap_socket(far, do_handshake_on_connect=False)
    same(client.read(1), None)
    raises(OSError, server.read, 1)


@case
def dropped_connections():
    import gc

    for i in range(200):
        pair = Pair(handshake=i % 20 == 0)
        if i % 3 == 0:
            pair.client.read(1)
        if i % 20 == 0:
            gc.collect()


run()
