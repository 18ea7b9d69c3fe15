# SSLContext.verify_callback: when it is called, with what, and what it may do.

import gc
import ssl

from pipes import (
    EBADF, EBUSY, Link, content, new_client_context, new_server_context, new_verifying_context, nudge, path, pin,
    poll, transfer)
from testing import case, each, equal, fail, raises, raises_os_error, run, same, true

GENERIC = (-1, "MBEDTLS_ERR_ERROR_GENERIC_ERROR")


class Surprise(Exception):
    pass


def connect(callback, identity="ec", mode=ssl.CERT_REQUIRED, root="root.pem", handshake=True):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=content(root))
    context.verify_mode = mode
    context.verify_callback = callback
    return Link(context, new_server_context(identity), handshake=handshake)


@case
def none_at_the_start():
    same(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).verify_callback, None)


@case
def can_be_read_back_and_taken_away():
    context = new_client_context()

    def callback(der, depth):
        return 0

    context.verify_callback = callback
    same(context.verify_callback, callback)
    context.verify_callback = None
    same(context.verify_callback, None)


@each("1", "'callback'", "[]", "object()", "True")
def not_callable(expression):
    context = new_client_context()
    context.verify_callback = print
    raises(TypeError, setattr, context, "verify_callback", eval(expression))
    same(context.verify_callback, print)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def called_from_the_top_of_the_chain_to_the_leaf(name, version):
    seen = []

    def callback(der, depth):
        seen.append((depth, bytes(der)))
        return 0

    context = new_verifying_context(verify_callback=callback)
    link = Link(*pin(version, context, new_server_context()))
    equal(seen, [(2, content("root.der")), (1, content("inter.der")), (0, content("ec.der"))])
    equal(link.client.verify_result, ())
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def gets_a_memoryview():
    kinds = []

    def callback(der, depth):
        kinds.append((type(der), type(depth), len(der)))
        return 0

    connect(callback)
    equal(kinds[-1], (memoryview, int, len(content("ec.der"))))


@case
def what_it_got_may_be_kept():
    views = []

    def callback(der, depth):
        views.append(der)
        return 0

    link = connect(callback)
    link.close()
    link = None
    for _ in range(50):
        bytearray(3000)
        gc.collect()
    equal([bytes(view) for view in views], [content("root.der"), content("inter.der"), content("ec.der")])


@case
def what_it_got_may_be_written_to():
    def callback(der, depth):
        try:
            for i in range(len(der)):
                der[i] = 0
        except TypeError:
            pass
        return 0

    link = connect(callback)
    equal(link.client.getpeercert(True), content("ec.der"))


@each("1", "-1", "True", "0x100", "0x10000", "1 << 29", "-1 << 29")
def anything_but_zero_rejects(answer):
    link = connect(lambda der, depth: eval(answer), handshake=False)
    failure, server_failure = link.collide()
    true(isinstance(failure, OSError))
    equal(failure.args, GENERIC)
    equal(failure.reason, "rejected_by_callback")
    equal(link.client.verify_result, ())
    true(failure.detail)
    # The server learns of it.
    equal(server_failure.alert_by, "peer")
    equal(link.client.version(), None)


@each("2", "1", "0")
def rejects_at_each_depth(depth):
    depth = int(depth)
    depths = []

    def callback(der, at):
        depths.append(at)
        return 1 if at == depth else 0

    link = connect(callback, handshake=False)
    equal(link.collide()[0].args, GENERIC)
    true(depth in depths)
    # The first no is enough; whether the rest is asked is the library's business.
    true(depths == sorted(depths, reverse=True), depths)


@each("0", "False")
def zero_goes_on(answer):
    connect(lambda der, depth: eval(answer))


@each("None", "'0'", "[]", "0.0")
def answer_that_is_no_number(answer):
    link = connect(lambda der, depth: eval(answer), handshake=False)
    true(isinstance(link.collide()[0], TypeError))


@case
def wrong_number_of_arguments():
    link = connect(lambda der: 0, handshake=False)
    true(isinstance(link.collide()[0], TypeError))


@each("Surprise", "OSError", "ValueError", "MemoryError")
def exception_surfaces_unchanged_and_rejects(kind):
    raised = []

    def callback(der, depth):
        raised.append(eval(kind)("from the callback", depth))
        raise raised[-1]

    link = connect(callback, handshake=False)
    failure, server_failure = link.collide()
    same(failure, raised[0])
    equal(len(raised), 1)
    equal(failure.args, ("from the callback", 2))
    true(isinstance(server_failure, (OSError, EOFError)))
    # The connection is rejected for good, it does not start again.
    true(isinstance(raises(OSError, link.client.read, 1), OSError))
    equal(len(raised), 1)
    equal(link.client.version(), None)
    raises(OSError, link.client.write, b"secret")
    link.close()


@each("KeyboardInterrupt", "SystemExit", "GeneratorExit")
def exceptions_that_end_programs(kind):
    def callback(der, depth):
        raise eval(kind)

    link = connect(callback, handshake=False)
    raises(eval(kind), link.shake)
    raises(OSError, link.client.read, 1)
    link.close()
    equal(link.near.closed, 1)


@case
def not_called_without_verification():
    def callback(der, depth):
        fail("called")

    for attributes in ({}, {"check_hostname": False}):
        Link(new_client_context(verify_callback=callback, **attributes), new_server_context("self-signed"))


@case
def called_under_optional_verification():
    depths = []

    def callback(der, depth):
        depths.append(depth)
        return 0

    link = connect(callback, mode=ssl.CERT_OPTIONAL)
    equal(depths, [2, 1, 0])
    equal(link.client.verify_result, ())


@case
def cannot_make_a_bad_chain_good():
    for identity in ("expired", "wrong-name", "other-ca", "self-signed"):
        link = connect(lambda der, depth: 0, identity, handshake=False)
        failure = link.collide()[0]
        equal(failure.args, (-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"), identity)
        equal(link.client.version(), None)


@case
def is_called_for_bad_chains_too():
    leaf = []

    def callback(der, depth):
        if depth == 0:
            leaf.append(bytes(der))
        return 0

    for identity in ("expired", "wrong-name", "other-ca", "self-signed"):
        del leaf[:]
        connect(callback, identity, handshake=False).collide()
        equal(leaf, [content(identity + ".der")], identity)


@case
def on_a_server_for_the_clients_chain():
    seen = []

    def callback(der, depth):
        seen.append((depth, bytes(der)))
        return 0

    server = new_server_context(verify_mode=ssl.CERT_REQUIRED, verify_callback=callback)
    server.load_verify_locations(cadata=content("root.pem"))
    client = new_client_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    Link(client, server)
    equal(seen, [(2, content("root.der")), (1, content("inter.der")), (0, content("client-ec.der"))])


@case
def callback_of_a_server_rejects():
    server = new_server_context(verify_mode=ssl.CERT_REQUIRED, verify_callback=lambda der, depth: 1)
    server.load_verify_locations(cadata=content("root.pem"))
    client = new_client_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    client_failure, server_failure = Link(client, server, handshake=False).collide()
    equal(server_failure.args, GENERIC)
    equal(client_failure.alert_by, "peer")


@case
def methods_of_the_connection_inside():
    answers = []

    def callback(der, depth):
        sock = link.client
        for name, arguments in (
            ("read", (1,)), ("readinto", (bytearray(4),)), ("readline", ()), ("recv", (1,)), ("write", (b"x",)),
            ("send", (b"x",)), ("sendall", (b"x",)), ("do_handshake", ()),
        ):
            answers.append((name, raises(OSError, getattr(sock, name), *arguments).args[0]))
        for name in ("cipher", "version", "pending"):
            getattr(sock, name)()
        sock.getpeercert(True)
        sock.verify_result, sock.truncated, sock.context, sock.server_side, sock.server_hostname
        poll(sock)
        return 0

    link = connect(callback, handshake=False)
    link.shake()
    equal(len(answers), 3 * 8)
    for name, number in answers:
        equal(number, EBUSY, name)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def closing_the_connection_inside():
    def callback(der, depth):
        link.client.close()
        link.client.close()
        true(not link.near.closed)
        return 0

    link = connect(callback, handshake=False)
    for _ in range(20):
        for sock in (link.client, link.server):
            try:
                sock.read(1)
            except OSError:
                pass
    equal(link.near.closed, 1)
    raises_os_error(EBADF, None, link.client.read, 1)
    equal(link.client.version(), None)


@case
def changing_the_context_inside():
    context = new_verifying_context()
    tried = []

    def callback(der, depth):
        for name, value in (("verify_mode", 0), ("verify_callback", None), ("minimum_version", 0x0303),
                            ("maximum_version", 0x0304), ("psk_key", b"k"), ("psk_identity", "i")):
            tried.append(name)
            if name.startswith("psk"):
                # Half of a pair changes nothing yet.
                continue
            raises_os_error(EBUSY, None, setattr, context, name, value)
        raises_os_error(EBUSY, None, context.load_verify_locations, path("root.pem"))
        raises_os_error(EBUSY, None, context.load_cert_chain, path("client-ec-chain.pem"), path("client-ec.key"))
        raises_os_error(EBUSY, None, context.set_ciphers, ["TLS1-3-AES-128-GCM-SHA256"])
        raises_os_error(EBUSY, None, context.load_default_certs)
        return 0

    context.verify_callback = callback
    Link(context)
    true(tried)
    same(context.verify_callback, callback)
    equal(context.verify_mode, ssl.CERT_REQUIRED)
    # Afterwards it can be changed again.
    context.verify_callback = None
    Link(context)


@case
def other_connections_inside():
    inner = []

    def callback(der, depth):
        if depth == 0 and len(inner) < 3:
            # Of another context, and of the same one: then it gets here again.
            inner.append(0)
            other = Link(new_verifying_context(), new_server_context("rsa"))
            equal(transfer(other.client, other.server, b"inside"), b"inside")
            other = Link(context, new_server_context())
            equal(transfer(other.client, other.server, b"inside"), b"inside")
            other.close()
        return 0

    context = new_verifying_context(verify_callback=callback)
    link = Link(context)
    equal(len(inner), 3)
    equal(transfer(link.client, link.server, b"outside"), b"outside")


@case
def collecting_garbage_inside():
    def callback(der, depth):
        for _ in range(5):
            Link(handshake=False)
        gc.collect()
        gc.collect()
        return 0

    link = connect(callback)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def deleting_the_connection_inside():
    def callback(der, depth):
        link.client.__del__()
        return 0

    link = connect(callback, handshake=False)
    for _ in range(20):
        try:
            nudge(link.client)
        except OSError:
            break
        nudge(link.server)


@case
def deep_recursion_inside():
    def callback(der, depth):
        def down(n):
            return down(n + 1)

        down(0)

    link = connect(callback, handshake=False)
    true(isinstance(link.collide()[0], RuntimeError))


@case
def bound_methods_and_classes_are_callable():
    class Judge:
        def __init__(self, *arguments):
            pass

        def judge(self, der, depth):
            return 0

        def __call__(self, der, depth):
            return 0

    connect(Judge().judge)
    connect(Judge())


run()
