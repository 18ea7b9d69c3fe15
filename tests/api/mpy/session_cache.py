# SSLContext.session_cache_size and session_stats(): clients that resume by themselves, servers that keep sessions.

import gc
import ssl

from pipes import End, connect, join, new_client_context, new_psk_contexts, new_server_context, \
    new_verifying_context, nudge, path, pin
from testing import case, each, equal, raises, run, same, true


def contexts(version, size=4):
    client_context, server_context = pin(version, new_verifying_context(), new_server_context())
    client_context.session_cache_size = size
    return client_context, server_context


def reused(client_context, server_context, **options):
    client, server = connect(client_context, server_context, **options)
    same(client.session_reused, server.session_reused)
    return client.session_reused


@case
def size():
    context = new_client_context()
    equal(context.session_cache_size, 0)
    for number in (1, 10, 65535, 0):
        context.session_cache_size = number
        equal(context.session_cache_size, number)
    for wrong in (-1, 65536):
        raises(ValueError, setattr, context, "session_cache_size", wrong)
    for wrong in (None, "1", b"1", [1]):
        raises(TypeError, setattr, context, "session_cache_size", wrong)
    equal(context.session_cache_size, 0)
    equal(new_server_context().session_cache_size, 100)
    context.__del__()
    raises(OSError, getattr, context, "session_cache_size")
    raises(OSError, setattr, context, "session_cache_size", 1)
    raises(OSError, context.session_stats)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def resumes_by_itself(name, version):
    client_context, server_context = contexts(version)
    same(reused(client_context, server_context), False)
    for _ in range(3):
        same(reused(client_context, server_context), True)
        gc.collect()


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def not_at_first(name, version):
    client_context, server_context = contexts(version, 0)
    same(reused(client_context, server_context), False)
    same(reused(client_context, server_context), False)
    equal(client_context.session_stats()["number"], 0)


# In TLS 1.3 a ticket is offered once: the second of two connections that begin at the same time has none.
@each(("TLSv1.2", 0x0303, True), ("TLSv1.3", 0x0304, False))
def single_use(name, version, again):
    client_context, server_context = contexts(version)
    connect(client_context, server_context)
    pairs = []
    for _ in range(2):
        near, far = join(End(), End())
        server = server_context.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
        client = client_context.wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False)
        nudge(client)
        pairs.append((client, server))
    for client, server in pairs:
        while not nudge(client) & nudge(server):
            pass
    equal([client.session_reused for client, server in pairs], [True, again])


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def each_name_has_its_own(name, version):
    client_context, server_context = contexts(version)
    client_context.verify_mode = ssl.CERT_NONE
    same(reused(client_context, server_context, hostname="a.test"), False)
    same(reused(client_context, server_context, hostname="b.test"), False)
    same(reused(client_context, server_context, hostname="a.test"), True)
    same(reused(client_context, server_context, hostname="b.test"), True)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def without_a_name(name, version):
    client_context, server_context = pin(version, new_client_context(), new_server_context())
    client_context.session_cache_size = 4
    same(reused(client_context, server_context, hostname=None), False)
    same(reused(client_context, server_context, hostname=None), False)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def least_recently_used(name, version):
    client_context, server_context = contexts(version, 2)
    client_context.verify_mode = ssl.CERT_NONE
    for hostname in ("a.test", "b.test", "a.test", "c.test"):
        connect(client_context, server_context, hostname=hostname)
    equal(client_context.session_stats()["number"], 2)
    equal(client_context.session_stats()["cache_full"], 1)
    same(reused(client_context, server_context, hostname="a.test"), True)
    same(reused(client_context, server_context, hostname="b.test"), False)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def smaller(name, version):
    client_context, server_context = contexts(version)
    client_context.verify_mode = ssl.CERT_NONE
    for hostname in ("a.test", "b.test"):
        connect(client_context, server_context, hostname=hostname)
    client_context.session_cache_size = 1
    equal(client_context.session_stats()["number"], 1)
    same(reused(client_context, server_context, hostname="a.test"), False)
    client_context.session_cache_size = 0
    equal(client_context.session_stats()["number"], 0)
    same(reused(client_context, server_context, hostname="a.test"), False)


@each("verify_mode", "check_hostname", "verify_callback", "load_verify_locations")
def other_verification(what):
    for version in (0x0303, 0x0304):
        client_context, server_context = contexts(version)
        if what == "verify_mode":
            client_context.verify_mode = ssl.CERT_NONE
        elif what == "check_hostname":
            client_context.check_hostname = False
        connect(client_context, server_context)
        if what == "verify_mode":
            client_context.verify_mode = ssl.CERT_REQUIRED
        elif what == "check_hostname":
            client_context.check_hostname = True
        elif what == "verify_callback":
            client_context.verify_callback = lambda der, depth: 0
        else:
            client_context.load_verify_locations(path("other-root.pem"))
        same(reused(client_context, server_context), False)
        same(reused(client_context, server_context), True)


# A session that the program brings comes first, and what the server gives for it is kept.
@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def own_session_comes_first(name, version):
    client_context, server_context = contexts(version)
    session = connect(client_context, server_context)[0].session
    client_context.session_cache_size = 0
    client_context.session_cache_size = 1
    same(reused(client_context, server_context, session=session), True)
    same(reused(client_context, server_context), True)


# Of a connection that fails no session is kept (RFC 5246 section 7.2.2).
@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def failed_connection(name, version):
    client_context, server_context = contexts(version)
    near, far = join(End(), End())
    server = server_context.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    client = client_context.wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False)
    while not nudge(client) & nudge(server):
        pass
    server.write(b"x")
    equal(client.read(1), b"x")
    equal(client_context.session_stats()["number"], 1)
    near.inbox.extend(b"\x17\x03\x03\x00\x20" + bytes(32))
    raises(OSError, client.read, 1)
    equal(client_context.session_stats()["number"], 0)
    same(reused(client_context, server_context), False)


@case
def psk_connections_keep_nothing():
    for version in (0x0303, 0x0304):
        client_context, server_context = pin(version, *new_psk_contexts())
        client_context.session_cache_size = 4
        connect(client_context, server_context)
        same(reused(client_context, server_context), False)
        equal(client_context.session_stats()["number"], 0)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def stats(name, version):
    client_context, server_context = contexts(version)
    for _ in range(3):
        connect(client_context, server_context)
    client = client_context.session_stats()
    equal(client, {"number": 1, "connect": 3, "connect_good": 3, "accept": 0, "accept_good": 0, "hits": 2, "misses": 1,
                   "timeouts": 0, "cache_full": 0})
    server = server_context.session_stats()
    equal(server, {"number": 0, "connect": 0, "connect_good": 0, "accept": 3, "accept_good": 3, "hits": 2, "misses": 0,
                   "timeouts": 0, "cache_full": 0})
    # A ticket of another server is unknown to this one, and a handshake that fails is none that went well.
    connect(client_context, pin(version, new_server_context())[0])
    connect(client_context, server_context)
    equal(server_context.session_stats()["misses"], 1)
    near, far = join(End(), End())
    waiting = client_context.wrap_socket(near, server_hostname="server.test", do_handshake_on_connect=False)
    nudge(waiting)
    near.inbox.extend(b"nonsense")
    raises(OSError, waiting.do_handshake)
    client = client_context.session_stats()
    equal((client["connect"], client["connect_good"]), (6, 5))
    raises(TypeError, client_context.session_stats, 1)


@case
def many_connections():
    client_context, server_context = contexts(0x0304, 3)
    client_context.verify_mode = ssl.CERT_NONE
    for i in range(60):
        connect(client_context, server_context, hostname="host%d.test" % (i % 7))
    true(client_context.session_stats()["number"] <= 3)


run()
