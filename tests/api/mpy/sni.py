# A server with several names: sni_callback, and the context that it gives a connection.

import gc
import os
import ssl
import tls

from pipes import (
    EBUSY,
    End,
    Link,
    connect,
    content,
    join,
    new_client_context,
    new_psk_contexts,
    new_server_context,
    new_verifying_context,
    path,
    pin,
    transfer,
)
from testing import case, contains, each, equal, fail, raises, run, same, true

UNRECOGNIZED_NAME = 112


# A server for server.test, which sends who wants wrong.test to the other context.
def two_hosts(other=None):
    other = other or new_server_context("wrong-name")

    def choose(sock, name, context):
        if name == "wrong.test":
            sock.context = other

    return new_server_context(sni_callback=choose), other


# A server with this callback and a client meet; returns what each of them raised.
def collide(callback, version=0x0304, hostname="server.test"):
    client, server = pin(version, new_client_context(), new_server_context(sni_callback=callback))
    return Link(client, server, hostname=hostname, handshake=False).collide()


# A socket whose callback is at work: calls function(sock, context) there and returns what it raises.
def inside(function, kind, version=0x0304):
    caught = []

    def choose(sock, name, context):
        caught.append(raises(kind, function, sock, context))

    client, server = pin(version, new_client_context(), new_server_context(sni_callback=choose))
    link = Link(client, server)
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(len(caught), 1)
    return caught[0]


# ---- The attribute


@case
def attribute():
    context = new_server_context()
    same(context.sni_callback, None)
    callback = lambda sock, name, context: None  # noqa: E731
    context.sni_callback = callback
    same(context.sni_callback, callback)
    for wrong in (1, "f", (), True):
        raises(TypeError, setattr, context, "sni_callback", wrong)
        same(context.sni_callback, callback)
    context.sni_callback = None
    same(context.sni_callback, None)
    raises(ValueError, setattr, new_client_context(), "sni_callback", callback)
    same(new_client_context().sni_callback, None)


@case
def removed_again():
    server, other = two_hosts()
    server.sni_callback = None
    link = Link(server_context=server, hostname="wrong.test")
    same(link.server.context, server)


@case
def not_while_a_connection_is_in_a_call():
    e = inside(lambda sock, context: setattr(context, "sni_callback", None), OSError)
    equal(e.errno, EBUSY)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def arguments(name, version):
    seen = []
    client, server = pin(version, new_client_context(), new_server_context())
    server.sni_callback = lambda *args: seen.append(args)
    for hostname, expected in (("server.test", "server.test"), ("UPPER.test", "UPPER.test"), ("127.0.0.1", None),
                               (None, None)):
        link = Link(client, server, hostname=hostname)
        equal(len(seen), 1)
        sock, name, context = seen.pop()
        same(sock, link.server)
        equal(name, expected)
        same(context, server)
        same(link.server.context, server)


# ---- Another context


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def each_host_has_its_certificate(name, version):
    server, other = two_hosts()
    pin(version, server, other)
    for hostname, context in (("server.test", server), ("wrong.test", other)):
        client = new_verifying_context()
        link = Link(*pin(version, client), server, hostname=hostname)
        same(link.server.context, context)
        equal(link.server.version(), name)
        equal(transfer(link.client, link.server, b"ping"), b"ping")
        equal(transfer(link.server, link.client, b"pong"), b"pong")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def everything_of_it_counts(name, version):
    seen = []
    server, other = two_hosts()
    pin(version, other)
    server.set_alpn_protocols(["mqtt"])
    server.minimum_version = 0x0303
    server.maximum_version = 0x0303  # of which a client of TLS 1.3 has none
    other.set_alpn_protocols(["h2"])
    other.load_verify_locations(cadata=content("root.pem"))
    other.verify_mode = ssl.CERT_REQUIRED
    other.verify_callback = lambda der, depth: seen.append(depth) or 0
    server.set_groups(["P-521"])
    other.set_groups(["P-384", "P-256"])
    client = new_verifying_context()
    pin(version, client)
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    client.set_alpn_protocols(["http/1.1", "h2"])
    client.set_groups(["X25519", "P-384", "P-256"])
    link = Link(client, server, hostname="wrong.test")
    equal(link.server.version(), name)
    equal(link.server.selected_alpn_protocol(), "h2")
    true(link.server.getpeercert())
    equal(link.server.verify_result, ())
    equal(seen[-1], 0)
    # And it demands the certificate.
    client = new_verifying_context()
    pin(version, client)
    client.set_alpn_protocols(["h2"])
    failures = Link(client, server, hostname="wrong.test", handshake=False).collide()
    equal(failures[1].reason, "no_client_certificate")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def to_pre_shared_keys_and_back(name, version):
    psk_client, psk_server = new_psk_contexts()
    server = new_server_context()
    server.sni_callback = lambda sock, name, context: setattr(sock, "context", psk_server)
    pin(version, psk_client, psk_server, server)
    link = Link(psk_client, server)
    same(link.server.context, psk_server)
    contains(link.server.cipher()[0], "PSK" if version == 0x0303 else "TLS1-3")
    psk_server.sni_callback = lambda sock, name, context: setattr(sock, "context", server)
    link = Link(new_verifying_context(), psk_server)
    same(link.server.context, server)


@case
def the_key_log_of_it():
    name = "/tmp/sni-keylog-%s" % "".join("%02x" % b for b in os.urandom(8))
    server, other = two_hosts()
    other.keylog_filename = name
    try:
        Link(server_context=server)
        equal(os.stat(name)[6], 0)
        Link(server_context=server, hostname="wrong.test")
        true(os.stat(name)[6] > 100)
    finally:
        os.remove(name)


@case
def contexts_of_other_classes():
    class Mine(ssl.SSLContext):
        pass

    for kind in (Mine, tls.SSLContext):
        other = kind(ssl.PROTOCOL_TLS_SERVER)
        other.load_cert_chain(path("wrong-name-chain.pem"), path("wrong-name.key"))
        server, _ = two_hosts(other)
        Link(new_verifying_context(), server, hostname="wrong.test")


# The last one that was set counts; the callback of another context is not asked.
@case
def set_twice():
    one, two = new_server_context("rsa"), new_server_context("wrong-name")
    two.sni_callback = lambda sock, name, context: fail("asked again")

    def choose(sock, name, context):
        sock.context = one
        same(sock.context, one)
        sock.context = context
        sock.context = two

    link = Link(new_verifying_context(), new_server_context(sni_callback=choose), hostname="wrong.test")
    same(link.server.context, two)


# The socket keeps its context, and nothing else has to.
@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def garbage(name, version):
    def choose(sock, name, context):
        sock.context = pin(version, new_server_context("wrong-name"))[0]
        del context
        gc.collect()

    client = new_verifying_context()
    server = new_server_context(sni_callback=choose)
    for _ in range(3):
        link = Link(*pin(version, client), server, hostname="wrong.test", handshake=False)
        link.server_context = None
        link.shake()
        gc.collect()
        _junk = [bytearray(100) for _ in range(1000)]
        equal(transfer(link.client, link.server, b"ping"), b"ping")
        equal(link.server.context.verify_mode, ssl.CERT_NONE)


# ---- What cannot be set


@case
def wrong_contexts():
    for wrong in (None, 1, "context", ssl.SSLContext):
        inside(lambda sock, context: setattr(sock, "context", wrong), TypeError)
    for protocol in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_DTLS_SERVER):
        other = ssl.SSLContext(protocol)
        contains(str(inside(lambda sock, context: setattr(sock, "context", other), ValueError)), "protocol")
    gone = new_server_context()
    gone.__del__()
    inside(lambda sock, context: setattr(sock, "context", gone), OSError)


@case
def only_in_the_callback():
    server = new_server_context()
    link = Link(server_context=server, handshake=False)
    for _ in range(2):
        for sock in (link.server, link.client):
            before = sock.context
            contains(str(raises(RuntimeError, setattr, sock, "context", new_server_context())), "sni_callback")
            same(sock.context, before)
        link.shake()
    link.close()
    raises(RuntimeError, setattr, link.server, "context", server)
    raises(AttributeError, delattr, link.server, "context")
    same(link.server.context, server)


# ... of this very connection.
@case
def not_for_another_connection():
    other = Link(handshake=False).server
    inside(lambda sock, context: setattr(other, "context", new_server_context()), RuntimeError)


@case
def a_context_that_goes_at_once():
    other = new_server_context("wrong-name")

    def choose(sock, name, context):
        sock.context = other
        other.__del__()

    failures = collide(choose)
    equal(failures[1].errno, 9)
    equal(failures[0].alert, "handshake_failure")


# ---- Refusals


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def refused_with_an_alert(name, version):
    for alert, word, args in (
            (UNRECOGNIZED_NAME, "unrecognized_name", (-30720, "MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME")),
            (49, "access_denied", (-28160, "MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE"))):
        client, server = collide(lambda sock, name, context: alert, version)
        equal(server.args, args)
        equal((server.alert, server.alert_by), (word, "local"))
        contains(server.detail, "server.test")
        equal((client.alert, client.alert_by), (word, "peer"))


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def an_exception_reaches_the_caller(name, version):
    class Oops(Exception):
        pass

    def choose(sock, name, context):
        raise Oops(name)

    one, other = pin(version, new_client_context(), new_server_context(sni_callback=choose))
    link = Link(one, other, handshake=False)
    client, server = link.collide()
    true(isinstance(server, Oops), server)
    equal(client.alert, "handshake_failure")
    # It is over, and says so.
    e = raises(OSError, link.server.read, 1)
    equal(e.alert, "handshake_failure")
    raises(OSError, link.server.do_handshake)
    link.close()


@case
def an_exception_of_a_kind_that_ends_programs():
    def choose(sock, name, context):
        raise SystemExit(3)

    link = Link(server_context=new_server_context(sni_callback=choose), handshake=False)
    same(link.client.read(1), None)
    equal(raises(SystemExit, link.server.read, 1).args, (3,))


@each("'no'", "1.5", "True", "False", "(112,)", "b''")
def answers_of_a_wrong_type(expression):
    answer = eval(expression)
    client, server = collide(lambda sock, name, context: answer)
    true(isinstance(server, TypeError), server)
    equal(client.alert, "internal_error")


@each("0", "-1", "1", "11", "256", "112 + 256", "1 << 70")
def numbers_that_are_no_alerts(expression):
    answer = eval(expression)
    client, server = collide(lambda sock, name, context: answer)
    true(isinstance(server, (ValueError, OverflowError)), server)
    equal(client.alert, "internal_error")


# All that TLS has, but for those of before TLS 1.0 and those that are for other moments.
@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def every_alert(name, version):
    for alert in (10, 20, 22, 40, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 70, 71, 80, 86, 90, 110, 112, 113, 115, 120):
        client, server = collide(lambda sock, name, context: alert, version)
        true(isinstance(server, OSError), server)
        equal(client.alert, server.alert, alert)
        equal(client.alert_by, "peer")
        if server.alert is None:
            fail(alert)


# ---- Inside of the callback


@case
def the_connection_is_busy():
    for call in (lambda sock: sock.read(1), lambda sock: sock.write(b"x"), lambda sock: sock.do_handshake(),
                 lambda sock: sock.recv(1), lambda sock: sock.readinto(bytearray(1))):
        equal(inside(lambda sock, context: call(sock), OSError).errno, EBUSY)


@case
def what_it_can_be_asked():
    seen = []

    def choose(sock, name, context):
        seen.append((sock.version(), sock.cipher(), sock.server_side, sock.selected_alpn_protocol(), sock.pending(),
                     sock.verify_result, sock.session_reused, sock.getpeercert()))

    Link(server_context=new_server_context(sni_callback=choose))
    equal(seen, [(None, None, True, None, 0, (), False, None)])


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def closed_inside(name, version):
    def choose(sock, name, context):
        sock.close()

    one, other = pin(version, new_client_context(), new_server_context(sni_callback=choose))
    link = Link(one, other, handshake=False)
    link.collide()
    equal(link.far.closed, 1)
    raises(OSError, link.server.read, 1)


@case
def deleted_inside():
    def choose(sock, name, context):
        sock.__del__()
        gc.collect()

    Link(server_context=new_server_context(sni_callback=choose)).close()


# Whoever wraps the stream again reads what belongs to the first connection: there is nothing there.
@case
def wrapped_again_inside():
    ends = join(End(), End())
    again = []

    def choose(sock, name, context):
        inner = new_server_context().wrap_socket(ends[1], server_side=True, do_handshake_on_connect=False)
        again.append(inner.read(1))

    link = Link(server_context=new_server_context(sni_callback=choose), near=ends[0], far=ends[1])
    equal(again, [None])
    equal(transfer(link.client, link.server, b"ping"), b"ping")


# A whole other connection, of the same contexts, in the midst of it.
@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def other_connections_inside(name, version):
    server, other = two_hosts()
    pin(version, server, other)
    choose = server.sni_callback
    inner = []

    def choose_and_more(sock, name, context):
        if not inner:
            inner.append(None)
            inner[0] = Link(server_context=context, hostname="wrong.test")
        choose(sock, name, context)

    server.sni_callback = choose_and_more
    link = Link(server_context=server, hostname="wrong.test")
    for one in (link, inner[0]):
        same(one.server.context, other)
        equal(transfer(one.client, one.server, b"ping"), b"ping")


# ---- Transports


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def byte_by_byte(name, version):
    class Slow(End):
        def readinto(self, buf):
            self.reads += 1
            return self.take(buf, 1) if self.reads % 2 else None

    server, other = two_hosts()
    pin(version, server, other)
    link = Link(new_verifying_context(), server, near=End(), far=Slow(), hostname="wrong.test")
    same(link.server.context, other)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def an_exception_of_the_stream_before():
    class Raises(End):
        def readinto(self, buf):
            self.reads += 1
            if self.reads in (2, 3):
                raise RuntimeError("not now")
            return self.take(buf, 20)

    server, other = two_hosts()
    link = Link(new_verifying_context(), server, near=End(), far=Raises(), hostname="wrong.test", handshake=False)
    raised = 0
    for _ in range(100):
        try:
            link.shake()
            break
        except RuntimeError:
            raised += 1
    equal(raised, 2)
    same(link.server.context, other)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


# Set while half of the hello is there: it is too late for that connection.
@case
def set_in_the_middle_of_a_hello():
    server = new_server_context()
    link = Link(server_context=server, handshake=False)
    same(link.client.read(1), None)
    hello, link.far.inbox = bytes(link.far.inbox), bytearray()
    link.far.inbox.extend(hello[:20])
    same(link.server.read(1), None)
    server.sni_callback = lambda sock, name, context: fail("too late")
    link.far.inbox.extend(hello[20:])
    link.shake()


# ---- Sessions


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def a_ticket_of_one_host_is_no_proof_for_another(name, version):
    where = [None]
    other = new_server_context()
    other.load_verify_locations(cadata=content("root.pem"))
    other.verify_mode = ssl.CERT_REQUIRED
    server = new_server_context()

    def choose(sock, name, context):
        if where[0] is not None:
            sock.context = where[0]

    server.sni_callback = choose
    client = new_client_context()
    pin(version, server, other, client)
    server.ticket_keys = other.ticket_keys = [bytes(80)]
    first, _ = connect(client, server)
    session = first.session
    second, _ = connect(client, server, session)
    same(second.session_reused, True)
    session = second.session
    where[0] = other
    near, far = join(End(), End())
    link = Link(client, server, near=near, far=far, handshake=False)
    link.client = client.wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False,
                                     session=session)
    failures = link.collide()
    equal(failures[1].reason, "no_client_certificate")
    same(link.server.session_reused, False)


run()
