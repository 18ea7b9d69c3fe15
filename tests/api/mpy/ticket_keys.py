# SSLContext.ticket_keys: servers that take each other's session tickets.

import hashlib
import ssl

from pipes import connect, content, new_client_context, new_server_context, new_verifying_context, path, pin
from testing import case, each, equal, raises, run, same

OLD = bytes(range(48))
NEW = bytes(range(100, 180))


def server(version, *keys):
    context, = pin(version, new_server_context())
    if keys:
        context.ticket_keys = list(keys)
    return context


# The digest of a P-256 key, for SSLContext.pins.
def key_digest(name):
    der = content(name + ".der")
    start = der.index(b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01")
    return hashlib.sha256(der[start:start + 91]).digest()


# Whether a session of the first server is resumed by the second. The client shows a certificate if it is asked for one.
def resumed(version, first, second):
    client_context, = pin(version, new_verifying_context())
    client_context.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    client, _ = connect(client_context, first)
    client, peer = connect(client_context, second, client.session)
    same(client.session_reused, peer.session_reused)
    return client.session_reused


@case
def values():
    context = new_server_context()
    same(context.ticket_keys, None)
    for keys in ([OLD], (OLD, NEW), [bytearray(OLD)], [memoryview(NEW)], 16 * [OLD]):
        context.ticket_keys = keys
        same(context.ticket_keys, keys)
    for wrong in ([], 17 * [OLD], [OLD, OLD[1:]], [NEW + b"x"], [b""]):
        raises(ValueError, setattr, context, "ticket_keys", wrong)
    for wrong in (1, OLD, "keys", [None], [1], {OLD: NEW}):
        raises((TypeError, ValueError), setattr, context, "ticket_keys", wrong)
    same(context.ticket_keys, keys)
    context.ticket_keys = None
    same(context.ticket_keys, None)
    raises(ValueError, setattr, new_client_context(), "ticket_keys", [OLD])
    same(new_client_context().ticket_keys, None)
    context.__del__()
    raises(OSError, setattr, context, "ticket_keys", [OLD])


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def shared(name, version):
    for key in (OLD, NEW):
        same(resumed(version, server(version, key), server(version, key)), True)
    same(resumed(version, server(version, OLD), server(version, NEW)), False)
    same(resumed(version, server(version), server(version)), False)
    same(resumed(version, server(version, OLD), server(version)), False)


# The new key comes to one server after the other, then the old one goes.
@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def rotation(name, version):
    before, during, after = (OLD,), (NEW, OLD), (NEW,)
    for first, second, expected in (
        (before, during, True),
        (during, during, True),
        (during, before, False),
        (during, after, True),
        (after, during, True),
        (before, after, False),
    ):
        same(resumed(version, server(version, *first), server(version, *second)), expected)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def rotation_in_one_context(name, version):
    context = server(version, OLD)
    client_context, = pin(version, new_verifying_context())
    session = connect(client_context, context)[0].session
    context.ticket_keys = [NEW, OLD]
    client, _ = connect(client_context, context, session)
    same(client.session_reused, True)
    session = client.session
    context.ticket_keys = [NEW]
    # In TLS 1.2, too, a client with a ticket under an old key got a new one (Mbed TLS does not offer that there).
    given = ssl.ENGINE == "openssl" or name == "TLSv1.3"
    client, _ = connect(client_context, context, session)
    same(client.session_reused, given)
    session = client.session
    context.ticket_keys = None
    same(connect(client_context, context, session)[0].session_reused, False)


# Servers that ask for different things do not take each other's tickets, though they share keys.
@each("verify_mode", "load_verify_locations", "verify_callback")
def other_rules(what):
    for version in (0x0303, 0x0304):
        first = server(version, OLD)
        second = server(version, OLD)
        for context in (first, second):
            if what == "load_verify_locations":
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(path("root.pem"))
        if what == "verify_mode":
            second.verify_mode = ssl.CERT_OPTIONAL
        elif what == "load_verify_locations":
            second.load_verify_locations(path("other-root.pem"))
        else:
            second.verify_callback = lambda der, depth: 0
        same(resumed(version, first, second), False)
        same(resumed(version, second, first), False)


# Each server has changed its rules as often as the other, but not to the same.
@each("verify_flags", "verify_time", "pins", "verify_callback")
def other_rules_of_equal_age(what):
    values = {
        "verify_flags": (ssl.VERIFY_CRL_CHECK_LEAF, ssl.VERIFY_DEFAULT),
        "verify_time": (1800000000, None),
        "pins": ({key_digest("client-ec")}, {key_digest("inter")}),
        "verify_callback": (lambda der, depth: 0, None),
    }[what]
    for version in (0x0303, 0x0304):
        first, second = servers = [server(version, OLD) for _ in range(2)]
        for context, value in zip(servers, values):
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(path("root.pem"))
            setattr(context, what, value)
        same(resumed(version, first, second), False)
        same(resumed(version, second, first), False)


# … those that ask for the same do, if the library keeps what it found.
@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def same_rules(name, version):
    servers = [server(version, OLD) for _ in range(2)]
    for context in servers:
        context.load_verify_locations(path("root.pem"))
        context.verify_callback = lambda der, depth: 0
    same(resumed(version, *servers), True)
    for context in servers:
        context.verify_mode = ssl.CERT_OPTIONAL
    same(resumed(version, *servers), ssl.ENGINE == "openssl" or name == "TLSv1.2")


run()
