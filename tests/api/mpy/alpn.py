# ALPN: set_alpn_protocols() and selected_alpn_protocol().

import ssl

from pipes import Link, new_client_context, new_server_context, pin
from testing import case, each, equal, raises, run, same, true


def connect(client, server, version=0x0304, **options):
    one, other = pin(version, new_client_context(), new_server_context())
    if client is not None:
        one.set_alpn_protocols(client)
    if server is not None:
        other.set_alpn_protocols(server)
    return Link(one, other, **options)


@case
def constant():
    same(ssl.HAS_ALPN, True)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def the_server_chooses(name, version):
    link = connect(["h2", "http/1.1"], ["http/1.1", "h2"], version)
    equal(link.client.selected_alpn_protocol(), "http/1.1")
    equal(link.server.selected_alpn_protocol(), "http/1.1")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def who_does_not_use_it_connects_all_the_same(name, version):
    for client, server in ((["h2"], None), (None, ["h2"]), (None, None), ([], ["h2"]), (["h2"], [])):
        link = connect(client, server, version)
        same(link.client.selected_alpn_protocol(), None)
        same(link.server.selected_alpn_protocol(), None)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def nothing_in_common(name, version):
    client_failure, server_failure = connect(["h2"], ["http/1.1"], version, handshake=False).collide()
    equal(server_failure.args, (-30080, "MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL"))
    equal(server_failure.reason, "no_application_protocol")
    equal(server_failure.alert, "no_application_protocol")
    equal(server_failure.alert_by, "local")
    equal(client_failure.alert, "no_application_protocol")
    equal(client_failure.alert_by, "peer")
    equal(client_failure.args, (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"))


@case
def before_the_handshake_and_after_close():
    link = connect(["h2"], ["h2"], handshake=False)
    same(link.client.selected_alpn_protocol(), None)
    same(link.server.selected_alpn_protocol(), None)
    link.shake()
    link.close()
    same(link.client.selected_alpn_protocol(), None)
    same(link.server.selected_alpn_protocol(), None)
    link.server.__del__()
    same(link.server.selected_alpn_protocol(), None)


@case
def after_a_failed_handshake():
    link = connect(["h2"], ["http/1.1"], handshake=False)
    link.collide()
    same(link.client.selected_alpn_protocol(), None)
    same(link.server.selected_alpn_protocol(), None)


@case
def kinds_of_names():
    equal(connect(("h2", b"x"), [b"x"]).client.selected_alpn_protocol(), "x")
    equal(connect(["gr\u00fcn"], ["gr\u00fcn".encode()]).client.selected_alpn_protocol(), "gr\u00fcn")
    equal(connect([b"\xfa\xfb"], [b"\xfa\xfb"]).server.selected_alpn_protocol(), b"\xfa\xfb")


@each("''", "b''", "'x' * 256", "'a\\0b'")
def names_that_cannot_be(expression):
    context = new_client_context()
    context.set_alpn_protocols(["kept"])
    raises(ValueError, context.set_alpn_protocols, ["h2", eval(expression)])
    server = new_server_context()
    server.set_alpn_protocols(["kept"])
    equal(Link(context, server).client.selected_alpn_protocol(), "kept")


@case
def too_many_names():
    context = new_client_context()
    e = raises(ValueError, context.set_alpn_protocols, ["x" * 255] * 256)
    equal(e.args, ("invalid protocols",))
    true(e.detail)


@each("None", "12", "'h2'", "b'h2'", "{'h2'}", "['h2', None]", "[['h2']]", "[12]")
def other_types(expression):
    raises(TypeError, new_client_context().set_alpn_protocols, eval(expression))


@case
def a_change_is_for_later_connections():
    one, other = new_client_context(), new_server_context()
    one.set_alpn_protocols(["one"])
    other.set_alpn_protocols(["one"])
    link = Link(one, other, handshake=False)
    one.set_alpn_protocols(["two"])
    other.set_alpn_protocols(["two"])
    link.shake()
    equal(link.client.selected_alpn_protocol(), "one")
    equal(Link(one, other).server.selected_alpn_protocol(), "two")


@case
def names_survive_the_garbage_collector():
    import gc

    one, other = new_client_context(), new_server_context()
    for context in (one, other):
        context.set_alpn_protocols(["proto-%d" % i for i in range(3)])
    for _ in range(20):
        bytearray(5000)
        gc.collect()
    equal(Link(one, other).client.selected_alpn_protocol(), "proto-0")


@case
def deleted_context():
    context = new_client_context()
    context.__del__()
    raises(OSError, context.set_alpn_protocols, ["h2"])


@case
def with_a_session():
    one, other = pin(0x0303, new_client_context(), new_server_context())
    for context in (one, other):
        context.set_alpn_protocols(["h2"])
    first = Link(one, other)
    link = Link(one, other, handshake=False)
    link.client = one.wrap_socket(link.near, server_hostname="server.test", do_handshake_on_connect=False,
                                  session=first.client.session)
    link.shake()
    true(link.client.session_reused)
    equal(link.client.selected_alpn_protocol(), "h2")


run()
