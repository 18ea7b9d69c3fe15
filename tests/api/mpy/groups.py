# Groups of the key exchange: set_groups() and set_ecdh_curve().

import ssl

from pipes import Link, new_client_context, new_server_context, new_verifying_context, pin, transfer
from testing import case, each, equal, raises, run, true

SUITES = ["TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256", "TLS1-3-AES-128-GCM-SHA256"]


def contexts(version):
    one, other = pin(version, new_verifying_context(), new_server_context("rsa"))
    # No other key exchange helps.
    one.set_ciphers(SUITES)
    return one, other


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def a_group_in_common(name, version):
    for client, server in ((["X25519", "P-256"], ["P-256"]), (["secp384r1"], ("P-256", "P-384")),
                           (["x25519"], ["X25519"]), (["prime256v1"], ["secp256r1"]), (["secp521r1"], ["P-521"])):
        one, other = contexts(version)
        one.set_groups(client)
        other.set_groups(server)
        link = Link(one, other)
        equal(transfer(link.client, link.server, b"ping"), b"ping")


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def one_curve(name, version):
    one, other = contexts(version)
    one.set_ecdh_curve("prime256v1")
    other.set_ecdh_curve("P-256")
    Link(one, other)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def no_group_in_common(name, version):
    one, other = contexts(version)
    one.set_groups(["X25519"])
    other.set_ecdh_curve("secp384r1")
    client_failure, server_failure = Link(one, other, handshake=False).collide()
    equal(server_failure.args, (-28160, "MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE"))
    equal(server_failure.alert, "handshake_failure")
    equal(server_failure.alert_by, "local")
    true(server_failure.detail)
    equal(client_failure.args, (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"))
    equal(client_failure.alert, "handshake_failure")
    equal(client_failure.alert_by, "peer")


@each("", "P-257", "p-256", "P-256:P-384", "-P-256", "P-256 ")
def unknown_names(name):
    one, other = contexts(0x0304)
    one.set_groups(["P-384"])
    e = raises(ValueError, one.set_groups, ["P-256", name])
    equal(e.args, ("invalid groups",))
    true(name in e.detail, e.detail)
    e = raises(ValueError, one.set_ecdh_curve, name)
    equal(e.args, ("invalid curve",))
    true(name in e.detail, e.detail)
    # Nothing has changed.
    other.set_groups(["P-256"])
    true(isinstance(Link(one, other, handshake=False).collide()[1], OSError))
    other.set_groups(["P-384"])
    Link(one, other)


@case
def no_names():
    raises(ValueError, new_client_context().set_groups, [])
    raises(ValueError, new_server_context().set_groups, ())


@each("None", "12", "'P-256'", "{'P-256'}", "['P-256', None]", "[12]")
def other_types(expression):
    raises(TypeError, new_client_context().set_groups, eval(expression))


@each("None", "12", "['P-256']")
def other_types_of_a_curve(expression):
    raises(TypeError, new_client_context().set_ecdh_curve, eval(expression))


@case
def nul_in_a_name():
    raises(ValueError, new_client_context().set_groups, ["P-256\0"])


@case
def a_change_is_for_later_connections():
    one, other = contexts(0x0304)
    link = Link(one, other, handshake=False)
    one.set_groups(["X25519"])
    other.set_groups(["P-384"])
    link.shake()
    true(isinstance(Link(one, other, handshake=False).collide()[1], OSError))


@case
def with_pre_shared_keys():
    one, other = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    one.psk_identity, one.psk_key = "device", b"0123456789abcdef"
    other.server_psk_keys = {"device": b"0123456789abcdef"}
    one.set_groups(["P-384"])
    other.set_groups(["P-384", "P-256"])
    Link(one, other)


@case
def deleted_context():
    context = new_client_context()
    context.__del__()
    raises(OSError, context.set_groups, ["P-256"])


run()
