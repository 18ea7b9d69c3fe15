# Pre-shared keys: psk_identity and psk_key of a client, server_psk_keys of a server.

import ssl

from pipes import End, Link, content, join, new_client_context, new_server_context, path, pin, transfer
from testing import case, each, equal, raises, run, same, true

KEY = b"0123456789abcdef"


def client(identity="device", key=KEY):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.psk_identity = identity
    context.psk_key = key
    return context


def server(keys={"device": KEY}):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.server_psk_keys = keys
    return context


def connect(one, other):
    link = Link(one, other)
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(transfer(link.server, link.client, b"pong"), b"pong")
    return link


def refuse(one, other):
    failures = Link(one, other, handshake=False).collide()
    true(isinstance(failures[0], OSError), failures)
    true(isinstance(failures[1], OSError), failures)
    return failures


@case
def attributes_at_the_start():
    for protocol in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER):
        context = ssl.SSLContext(protocol)
        same(context.psk_identity, None)
        same(context.psk_key, None)
        same(context.server_psk_keys, None)


@case
def attributes_can_be_read_back():
    context = client(b"id", bytearray(KEY))
    equal(context.psk_identity, b"id")
    equal(context.psk_key, bytearray(KEY))
    keys = {"a": b"b"}
    same(server(keys).server_psk_keys, keys)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def connects(name, version):
    link = connect(*pin(version, client(), server()))
    equal(link.client.version(), name)
    same(link.client.getpeercert(True), None)
    same(link.server.getpeercert(True), None)
    equal(link.client.verify_result, ())
    equal(link.client.cipher(), link.server.cipher())


@case
def connects_without_saying_a_version():
    connect(client(), server())


@each("str/str", "str/bytes", "bytes/str", "bytes/bytes", "bytearray/str")
def kinds_of_identities(kinds):
    mine, theirs = kinds.split("/")
    convert = {"str": lambda s: s, "bytes": lambda s: s.encode(), "bytearray": lambda s: bytearray(s.encode())}
    connect(client(convert[mine]("device")), server({convert[theirs]("device"): KEY}))


@each("bytes", "bytearray", "memoryview", "str")
def kinds_of_keys(kind):
    convert = {"bytes": bytes, "bytearray": bytearray, "memoryview": memoryview, "str": lambda b: b.decode()}
    key = convert[kind](KEY)
    connect(client(key=key), server({"device": key}))


@case
def the_right_key_of_several():
    keys = {"one": b"1" * 16, "two": b"2" * 32, "three": b"3" * 64}
    for identity, key in keys.items():
        connect(client(identity, key), server(keys))


@case
def dictionary_is_looked_at_when_a_client_comes():
    keys = {}
    context = server(keys)
    refuse(client(), context)
    keys["device"] = KEY
    connect(client(), context)
    del keys["device"]
    refuse(client(), context)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def wrong_key(name, version):
    client_failure, server_failure = refuse(*pin(version, client(key=b"x" * 16), server()))
    equal(client_failure.args, (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"))
    equal(client_failure.alert_by, "peer")
    true(client_failure.detail)
    equal(server_failure.alert_by, "local")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def unknown_identity(name, version):
    client_failure, server_failure = refuse(*pin(version, client("stranger"), server()))
    equal(client_failure.args, (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"))


@case
def unknown_identity_in_tls_1_2_has_a_name():
    client_failure, server_failure = refuse(*pin(0x0303, client("stranger"), server()))
    equal(server_failure.args, (-27776, "MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY"))
    equal(server_failure.reason, "unknown_psk_identity")
    equal(client_failure.alert, "unknown_psk_identity")


@case
def client_with_a_key_offers_nothing_else():
    refuse(client(), new_server_context())


@case
def server_with_keys_accepts_nothing_else():
    context = new_server_context()
    context.server_psk_keys = {"device": KEY}
    refuse(new_client_context(), context)
    connect(client(), context)


@case
def can_be_switched_off_again():
    one, other = client(), server()
    one.psk_identity = None
    one.psk_key = None
    other.server_psk_keys = None
    other.load_cert_chain(path("ec-chain.pem"), path("ec.key"))
    link = connect(one, other)
    equal(link.client.getpeercert(True), content("ec.der"))


@case
def halves_need_each_other():
    for name, value in (("psk_identity", "device"), ("psk_key", KEY)):
        context = new_client_context()
        setattr(context, name, value)
        raises(ValueError, context.wrap_socket, join(End(), End())[0], do_handshake_on_connect=False)
        setattr(context, name, None)
        Link(context)


@case
def either_half_may_be_changed():
    context = client("first", b"1" * 16)
    context.psk_identity = "second"
    context.psk_key = b"2" * 16
    connect(context, server({"second": b"2" * 16}))


@each("1", "16", "32", "64", "512")
def lengths_of_keys(length):
    key = b"k" * int(length)
    connect(client(key=key), server({"device": key}))


@each("1", "128", "255", "256")
def lengths_of_identities(length):
    identity = "i" * int(length)
    connect(client(identity), server({identity: KEY}))


@each("0", "513", "1000", "100000")
def bad_lengths_of_keys(length):
    context = client()
    raises(ValueError, setattr, context, "psk_key", b"k" * int(length))
    equal(context.psk_key, KEY)
    connect(context, server())


@each("0", "257", "1000", "100000")
def bad_lengths_of_identities(length):
    context = client()
    raises(ValueError, setattr, context, "psk_identity", "i" * int(length))
    equal(context.psk_identity, "device")
    connect(context, server())


@each("0", "513", "1000")
def bad_lengths_of_keys_on_the_server(length):
    failures = Link(client(), server({"device": b"k" * int(length)}), handshake=False).collide()
    true(isinstance(failures[1], ValueError), failures)


@each("12", "None", "[1]")
def keys_of_another_type_on_the_server(expression):
    failures = Link(client(), server({"device": eval(expression)}), handshake=False).collide()
    true(isinstance(failures[1], TypeError), failures)


@each("12", "[]", "{}", "1.5")
def attributes_of_another_type(expression):
    context = client()
    raises(TypeError, setattr, context, "psk_key", eval(expression))
    raises(TypeError, setattr, context, "psk_identity", eval(expression))
    connect(context, server())


@each("12", "[]", "'device'", "(('device', b'key'),)")
def server_keys_of_another_type(expression):
    context = server()
    raises(TypeError, setattr, context, "server_psk_keys", eval(expression))
    connect(client(), context)


@case
def attributes_of_the_other_role():
    raises(ValueError, setattr, new_client_context(), "server_psk_keys", {})
    raises(ValueError, setattr, new_server_context(), "psk_key", KEY)
    raises(ValueError, setattr, new_server_context(), "psk_identity", "device")


@case
def any_bytes_in_identities_and_keys():
    identity, key = bytes(range(1, 129)), bytes(range(200, 256))
    connect(client(identity, key), server({identity: key}))


@case
def nul_bytes():
    connect(client(key=b"\0" * 16), server({"device": b"\0" * 16}))
    refuse(client(key=b"\0" * 15 + b"1"), server({"device": b"\0" * 16}))


@case
def empty_dictionary_still_means_keys_only():
    context = new_server_context()
    context.server_psk_keys = {}
    refuse(new_client_context(), context)
    refuse(client(), context)


@case
def no_certificate_is_asked_for():
    # A client that verifies has nothing to verify.
    context = client()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = False
    context.load_verify_locations(path("root.pem"))
    connect(context, server())


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def offers_suites_with_keys_only(name, version):
    link = connect(*pin(version, client(), server()))
    suite = link.client.cipher()[0]
    true("PSK" in suite or suite.startswith("TLS1-3-"), suite)


@case
def garbage_collection_of_keys():
    import gc

    one, other = client("device-%d" % 7, bytes(KEY)), server({"device-%d" % 7: bytes(KEY)})
    for _ in range(20):
        bytearray(5000)
        gc.collect()
    connect(one, other)


run()
