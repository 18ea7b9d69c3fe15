# Sessions: SSLSocket.session and session_reused, SSLSession, wrap_socket(session=), SSLContext.num_tickets.

import gc
import ssl

from pipes import End, Link, connect, content, join, new_client_context, new_psk_contexts, new_server_context, \
    new_verifying_context, nudge, path, pin
from testing import case, contains, each, equal, raises, run, same, true


def contexts(version):
    return pin(version, new_verifying_context(), new_server_context())


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def resumes(name, version):
    client_context, server_context = contexts(version)
    client, server = connect(client_context, server_context)
    same(client.session_reused, False)
    same(server.session_reused, False)
    session = client.session
    true(isinstance(session, ssl.SSLSession))
    for _ in range(2):
        client, server = connect(client_context, server_context, session)
        same(client.session_reused, True)
        same(server.session_reused, True)
        equal(client.version(), name)
        equal(client.verify_result, ())
        session = client.session


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def certificate_of_a_resumed_connection(name, version):
    client_context, server_context = contexts(version)
    client, _ = connect(client_context, server_context)
    client, _ = connect(client_context, server_context, client.session)
    # Mbed TLS does not keep it in the sessions of TLS 1.3.
    kept = ssl.ENGINE == "openssl" or name == "TLSv1.2"
    equal(client.getpeercert(True), content("ec.der") if kept else None)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def another_context_that_asks_the_same(name, version):
    client_context, server_context = contexts(version)
    client, _ = connect(client_context, server_context)
    again, = pin(version, new_verifying_context())
    same(connect(again, server_context, client.session)[0].session_reused, True)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def another_name(name, version):
    client_context, server_context = pin(version, new_client_context(), new_server_context())
    client, _ = connect(client_context, server_context)
    same(connect(client_context, server_context, client.session, "www.server.test")[0].session_reused, False)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def more_verification(name, version):
    client_context, server_context = pin(version, new_client_context(), new_server_context())
    client, _ = connect(client_context, server_context)
    verifying, = pin(version, new_verifying_context())
    same(connect(verifying, server_context, client.session)[0].session_reused, False)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def check_hostname(name, version):
    client_context, server_context = contexts(version)
    client_context.check_hostname = False
    client, _ = connect(client_context, server_context)
    client_context.check_hostname = True
    same(connect(client_context, server_context, client.session)[0].session_reused, False)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def verify_callback_of_a_client(name, version):
    client_context, server_context = contexts(version)
    client, _ = connect(client_context, server_context)
    seen = []
    client_context.verify_callback = lambda der, depth: seen.append(depth) or 0
    client, _ = connect(client_context, server_context, client.session)
    same(client.session_reused, False)
    equal(seen, [2, 1, 0])
    client, _ = connect(client_context, server_context, client.session)
    same(client.session_reused, True)
    equal(seen, [2, 1, 0])


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def verify_callback_of_a_server(name, version):
    client_context, server_context = contexts(version)
    client, _ = connect(client_context, server_context)
    server_context.verify_callback = lambda der, depth: 0
    same(connect(client_context, server_context, client.session)[0].session_reused, False)


@each("verify_mode", "load_verify_locations", "num_tickets")
def server_changes(what):
    for version in (0x0303, 0x0304):
        client_context, server_context = contexts(version)
        client, _ = connect(client_context, server_context)
        if what == "load_verify_locations":
            server_context.load_verify_locations(path("root.pem"))
        else:
            setattr(server_context, what, 1 if what == "verify_mode" else 0)
        same(connect(client_context, server_context, client.session)[0].session_reused, False)


@case
def session_before_the_handshake_and_after_close():
    link = Link(handshake=False)
    for sock in (link.client, link.server):
        same(sock.session, None)
        same(sock.session_reused, False)
    link.shake()
    same(link.server.session, None)
    link.close()
    for sock in (link.client, link.server):
        same(sock.session, None)
        same(sock.session_reused, False)


@case
def session_survives_its_connection():
    client_context, server_context = contexts(0x0304)
    client, server = connect(client_context, server_context)
    session = client.session
    client.close()
    del client, server
    gc.collect()
    same(connect(client_context, server_context, session)[0].session_reused, True)


@case
def session_may_go_before_the_handshake():
    client_context, server_context = contexts(0x0304)
    client, _ = connect(client_context, server_context)
    link = Link(client_context, server_context, handshake=False)
    near, far = join(End(), End())
    waiting = client_context.wrap_socket(
        near, server_hostname="server.test", do_handshake_on_connect=False, session=client.session)
    server = server_context.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    gc.collect()
    while not nudge(waiting) & nudge(server):
        pass
    same(waiting.session_reused, True)


@case
def psk_connections_have_no_sessions():
    for version in (0x0303, 0x0304):
        client, _ = connect(*pin(version, *new_psk_contexts()))
        same(client.session, None)
        same(client.session_reused, False)


@case
def wrong_types_and_sides():
    near, _ = join(End(), End())
    for wrong in (1, "session", b"bytes", object(), []):
        raises(TypeError, new_client_context().wrap_socket, near, server_hostname="server.test", session=wrong)
    session = connect(*contexts(0x0303))[0].session
    raises(ValueError, new_server_context().wrap_socket, near, server_side=True, session=session)
    raises(TypeError, new_client_context().wrap_socket, near, False, True, True, None, None, session)


@case
def attributes_of_a_session():
    for version in (0x0303, 0x0304):
        session = connect(*contexts(version))[0].session
        true(isinstance(session.id, bytes) and len(session.id) <= 32)
        true(session.time > 1700000000)
        equal(session.timeout, 7200)
        equal(session.ticket_lifetime_hint, 7200)
        same(session.has_ticket, True)
        raises(AttributeError, getattr, session, "ticket")
        raises(AttributeError, setattr, session, "time", 1)
        raises(AttributeError, setattr, session, "other", 1)


@case
def sockets_session_cannot_be_set():
    client, _ = connect(*contexts(0x0303))
    for name in ("session", "session_reused"):
        raises(AttributeError, setattr, client, name, None)


@case
def sessions_are_made_by_connections():
    raises(TypeError, ssl.SSLSession)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def bytes_and_back(name, version):
    client_context, server_context = contexts(version)
    session = connect(client_context, server_context)[0].session
    data = session.serialize()
    true(isinstance(data, bytes))
    for form in (bytes, bytearray, memoryview):
        again = ssl.SSLSession.deserialize(form(data))
        equal(again.serialize(), data)
        for attribute in ("id", "time", "timeout", "ticket_lifetime_hint", "has_ticket"):
            equal(getattr(again, attribute), getattr(session, attribute))
        same(connect(client_context, server_context, again)[0].session_reused, True)


@case
def refused_bytes():
    data = connect(*contexts(0x0304))[0].session.serialize()
    altered = bytearray(data)
    altered[-1] ^= 1
    for refused, words in (
        (b"", "not a session"),
        (b"x" * 100, "not a session"),
        (data[:20], "not a session"),
        (data[:-1], "damaged"),
        (data + b"\0", "damaged"),
        (altered, "damaged"),
    ):
        contains(str(raises(ValueError, ssl.SSLSession.deserialize, refused)), words)
    for wrong in (None, 1, []):
        raises(TypeError, ssl.SSLSession.deserialize, wrong)


@case
def deleted_session():
    session = connect(*contexts(0x0304))[0].session
    session.__del__()
    session.__del__()
    raises(OSError, session.serialize)
    raises(OSError, new_client_context().wrap_socket, join(End(), End())[0], session=session)


@case
def num_tickets():
    context = new_server_context()
    equal(context.num_tickets, 2)
    for number in (0, 1, 5, 65535):
        context.num_tickets = number
        equal(context.num_tickets, number)
    for wrong in (-1, 65536):
        raises(ValueError, setattr, context, "num_tickets", wrong)
    raises(TypeError, setattr, context, "num_tickets", "2")
    equal(context.num_tickets, 65535)
    equal(new_client_context().num_tickets, 2)
    raises(ValueError, setattr, new_client_context(), "num_tickets", 1)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def no_tickets(name, version):
    client_context, server_context = contexts(version)
    server_context.num_tickets = 0
    session = connect(client_context, server_context)[0].session
    true(session is None or not session.has_ticket)
    same(connect(client_context, server_context, session)[0].session_reused, False)


@case
def many_sessions():
    client_context, server_context = contexts(0x0304)
    client, _ = connect(client_context, server_context)
    for _ in range(2000):
        session = client.session
    same(connect(client_context, server_context, session)[0].session_reused, True)


run()
