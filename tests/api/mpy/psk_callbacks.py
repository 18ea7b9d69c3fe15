# Pre-shared keys by CPython's callbacks: set_psk_client_callback() and set_psk_server_callback().

import ssl

from pipes import EBUSY, Link, content, new_client_context, new_server_context, path, pin, transfer
from testing import case, each, equal, raises, run, same, true

KEY = b"0123456789abcdef"


def client(callback=lambda hint: ("device", KEY)):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_psk_client_callback(callback)
    return context


def server(callback=lambda identity: KEY, hint=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_psk_server_callback(callback, hint)
    return context


def connect(one, other):
    link = Link(one, other)
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(transfer(link.server, link.client, b"pong"), b"pong")
    return link


def refuse(one, other):
    link = Link(one, other, handshake=False)
    failures = link.collide()
    true(isinstance(failures[0], Exception), failures)
    true(isinstance(failures[1], Exception), failures)
    for sock in (link.client, link.server):
        raises(OSError, sock.read, 1)  # it is over
    return failures


class Oops(Exception):
    pass


def oops(_):
    raise Oops("told you")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def connects(name, version):
    asked = []

    def find(identity):
        asked.append(identity)
        return {"one": b"1" * 16, "two": b"2" * 32}[identity]

    for identity, key in (("one", b"1" * 16), ("two", b"2" * 32)):
        hints = []
        one = client(lambda hint: (hints.append(hint), (identity, key))[1])
        link = connect(*pin(version, one, server(find)))
        equal(link.client.version(), name)
        same(link.client.getpeercert(True), None)
        equal(hints, [None])
        true(identity in asked)


@case
def connects_without_saying_a_version():
    connect(client(), server())


@each("str", "bytes", "bytearray")
def kinds_of_answers(kind):
    convert = {"str": str, "bytes": lambda s: s.encode(), "bytearray": lambda s: bytearray(s.encode())}[kind]
    seen = []
    connect(client(lambda hint: [convert("device"), convert("0123456789abcdef")]),
            server(lambda identity: (seen.append(identity), convert("0123456789abcdef"))[1]))
    equal(seen[-1], "device")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def identities_that_are_no_text(name, version):
    seen = []
    connect(*pin(version, client(lambda hint: (b"\xff\xfe\x01", KEY)),
                 server(lambda identity: (seen.append(identity), KEY)[1])))
    equal(seen[-1], b"\xff\xfe\x01")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def server_knows_nobody(name, version):
    for nothing in (None, b""):
        client_failure, server_failure = refuse(*pin(version, client(), server(lambda identity: nothing)))
        equal(server_failure.args, (-27776, "MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY"))
        equal(server_failure.alert_by, "local")
        equal(client_failure.args, (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"))
        equal(client_failure.alert, server_failure.alert)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def client_has_no_key(name, version):
    for nothing in ((None, KEY), ("device", b""), ("", KEY), ("device", None)):
        client_failure, _ = refuse(*pin(version, client(lambda hint: nothing), server()))
        equal(client_failure.args, (-27776, "MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY"))
        true("no pre-shared key" in client_failure.detail, client_failure.detail)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def exception_of_the_client(name, version):
    client_failure, server_failure = refuse(*pin(version, client(oops), server()))
    equal(type(client_failure), Oops)
    equal(client_failure.args, ("told you",))


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def exception_of_the_server(name, version):
    client_failure, server_failure = refuse(*pin(version, client(), server(oops)))
    equal(type(server_failure), Oops)
    equal(client_failure.args, (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"))


@each("None", "12", "'device'", "('device',)", "('device', b'k', 1)", "(12, b'k')", "('device', 12)",
      "('device', b'k' * 513)", "('i' * 257, b'k')")
def answers_of_the_client_that_cannot_be(expression):
    answer = eval(expression)
    failure = refuse(client(lambda hint: answer), server())[0]
    true(isinstance(failure, (TypeError, ValueError)), failure)


@each("12", "[1]", "b'k' * 513")
def answers_of_the_server_that_cannot_be(expression):
    answer = eval(expression)
    failure = refuse(client(), server(lambda identity: answer))[1]
    true(isinstance(failure, (TypeError, ValueError)), failure)


@case
def callbacks_that_are_none():
    one, other = new_client_context(), new_server_context()
    for value in ("12", "'f'", "[]"):
        raises(TypeError, one.set_psk_client_callback, eval(value))
        raises(TypeError, other.set_psk_server_callback, eval(value))
    raises(TypeError, one.set_psk_client_callback)
    raises(TypeError, other.set_psk_server_callback)
    raises(TypeError, other.set_psk_server_callback, oops, 12)
    raises(ValueError, other.set_psk_server_callback, oops, "a\0b")
    raises(ValueError, other.set_psk_server_callback, oops, "h" * 257)
    equal(Link(one, other).client.getpeercert(True), content("ec.der"))


@case
def of_the_other_role():
    raises(ValueError, new_client_context().set_psk_server_callback, oops)
    raises(ValueError, new_server_context().set_psk_client_callback, oops)


@case
def hint():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ssl.ENGINE == "mbedtls":
        e = raises(OSError, context.set_psk_server_callback, oops, identity_hint="by name")
        equal(e.args, (-28800, "MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE"))
        return
    context.set_psk_server_callback(lambda identity: KEY, identity_hint="by name")
    hints = []
    one = client(lambda hint: (hints.append(hint), ("device", KEY))[1])
    connect(one, pin(0x0303, context)[0])
    # Once for TLS 1.3, of which nothing came, and once more for TLS 1.2.
    equal(hints, [None, "by name"])
    context.set_psk_server_callback(lambda identity: KEY)
    connect(one, context)
    equal(hints[2:], [None, None])


@case
def can_be_switched_off_again():
    one, other = client(), server()
    one.set_psk_client_callback(None)
    other.set_psk_server_callback(None)
    other.load_cert_chain(path("ec-chain.pem"), path("ec.key"))
    equal(connect(one, other).client.getpeercert(True), content("ec.der"))


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def no_certificates_beside_them(name, version):
    other = new_server_context()
    other.set_psk_server_callback(lambda identity: KEY)
    refuse(*pin(version, new_client_context(), other))
    refuse(*pin(version, client(), new_server_context()))
    connect(*pin(version, client(), other))


@case
def attributes_come_first():
    one, other = client(oops), server(lambda identity: KEY if identity == "other" else None)
    one.psk_identity, one.psk_key = "device", b"1" * 16
    other.server_psk_keys = {"device": b"1" * 16}
    connect(one, other)
    connect(client(lambda hint: ("other", KEY)), other)
    # Without them the callback stays.
    one.psk_identity = one.psk_key = None
    other.server_psk_keys = None
    refuse(one, other)
    one.set_psk_client_callback(lambda hint: ("other", KEY))
    connect(one, other)


@case
def callbacks_may_do_anything():
    link = None
    found = []

    def find(identity):
        import gc

        gc.collect()
        for action in (lambda: link.server.read(1), lambda: link.server.do_handshake(),
                       lambda: link.server.context.set_psk_server_callback(None)):
            found.append(raises(OSError, action).errno)
        link.server.version(), link.server.cipher()
        return KEY

    link = Link(client(), server(find), handshake=False)
    link.shake()
    equal(found[:3], [EBUSY] * 3)


@case
def closing_in_a_callback():
    link = None

    def find(identity):
        link.server.close()
        return KEY

    link = Link(client(), server(find), handshake=False)
    failures = link.collide()
    true(isinstance(failures[1], OSError), failures)


@case
def garbage_collection_of_callbacks():
    import gc

    def make(key):
        return client(lambda hint: ("device", key)), server(lambda identity: key)

    one, other = make(bytes(KEY))
    for _ in range(20):
        bytearray(5000)
        gc.collect()
    connect(one, other)


@case
def deleted_context():
    one, other = client(), server()
    one.__del__()
    other.__del__()
    raises(OSError, one.set_psk_client_callback, None)
    raises(OSError, other.set_psk_server_callback, None)


run()
