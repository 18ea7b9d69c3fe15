# SSLContext: how it is made, its attributes, cipher suites and versions.

import gc
import ssl
import tls

from pipes import (
    EBADF, End, Link, content, join, new_client_context, new_server_context, new_verifying_context, path, pin,
    transfer)
from testing import case, each, equal, raises, raises_os_error, run, same, true

CLIENT = ssl.PROTOCOL_TLS_CLIENT
SERVER = ssl.PROTOCOL_TLS_SERVER
V1_2 = ssl.TLSVersion.TLSv1_2
V1_3 = ssl.TLSVersion.TLSv1_3

BAD_CONFIG = (-24192, "MBEDTLS_ERR_SSL_BAD_CONFIG")


@each("0", "1", "2", "3")
def protocols(protocol):
    context = ssl.SSLContext(int(protocol))
    equal(context.protocol, int(protocol))
    true(isinstance(context, ssl.SSLContext))


@each("-1", "4", "16", "1000", "1 << 62", "-1 << 62")
def bad_protocols(protocol):
    raises((ValueError, OverflowError), ssl.SSLContext, eval(protocol))
    raises((ValueError, OverflowError), tls.SSLContext, eval(protocol))


@each("None", "'0'", "b'0'", "1.5", "[]")
def protocols_that_are_no_numbers(protocol):
    raises(TypeError, ssl.SSLContext, eval(protocol))


@case
def number_of_arguments():
    raises(TypeError, ssl.SSLContext)
    raises(TypeError, ssl.SSLContext, 0, 0)
    raises(TypeError, ssl.SSLContext, protocol=0)
    raises(TypeError, tls.SSLContext)


@case
def verification_at_the_start():
    for protocol in (CLIENT, SERVER, ssl.PROTOCOL_DTLS_CLIENT, ssl.PROTOCOL_DTLS_SERVER):
        equal(ssl.SSLContext(protocol).verify_mode, ssl.CERT_NONE)
    equal(tls.SSLContext(CLIENT).verify_mode, ssl.CERT_REQUIRED)
    equal(tls.SSLContext(ssl.PROTOCOL_DTLS_CLIENT).verify_mode, ssl.CERT_REQUIRED)
    equal(tls.SSLContext(SERVER).verify_mode, ssl.CERT_NONE)
    equal(tls.SSLContext(ssl.PROTOCOL_DTLS_SERVER).verify_mode, ssl.CERT_NONE)


@case
def tls_contexts_work():
    context = tls.SSLContext(CLIENT)
    context.load_verify_locations(content("root.der"))
    Link(context, new_server_context())
    true(isinstance(context, ssl.SSLContext))
    true(isinstance(context, tls.SSLContext))


@case
def instances_of_the_two_types():
    true(not isinstance(ssl.SSLContext(CLIENT), tls.SSLContext))


@each("0", "1", "2")
def verify_mode(mode):
    for protocol in (CLIENT, SERVER):
        context = ssl.SSLContext(protocol)
        context.verify_mode = int(mode)
        equal(context.verify_mode, int(mode))


@each("-1", "3", "256", "1 << 32", "1 << 62")
def bad_verify_mode(mode):
    context = ssl.SSLContext(CLIENT)
    context.verify_mode = ssl.CERT_OPTIONAL
    raises((ValueError, OverflowError), setattr, context, "verify_mode", eval(mode))
    equal(context.verify_mode, ssl.CERT_OPTIONAL)


@each("None", "'2'", "2.0")
def verify_mode_that_is_no_number(mode):
    context = ssl.SSLContext(CLIENT)
    raises(TypeError, setattr, context, "verify_mode", eval(mode))
    equal(context.verify_mode, ssl.CERT_NONE)


@case
def check_hostname():
    context = ssl.SSLContext(CLIENT)
    same(context.check_hostname, True)
    context.check_hostname = 0
    same(context.check_hostname, False)
    context.check_hostname = "yes"
    same(context.check_hostname, True)


@case
def required_verification_needs_a_name_unless_names_do_not_matter():
    context = new_verifying_context()
    e = raises(ValueError, context.wrap_socket, join(End(), End())[0], do_handshake_on_connect=False)
    equal(e.args, ("CERT_REQUIRED requires server_hostname",))
    context.check_hostname = False
    Link(context, new_server_context(), hostname=None)
    Link(context, new_server_context("wrong-name"), hostname="server.test")


@each("verify_mod", "checkhostname", "options", "session", "__dict__", "ciphers", "keylog", "Verify_Mode")
def unknown_attributes(name):
    for context in (ssl.SSLContext(CLIENT), tls.SSLContext(SERVER)):
        raises(AttributeError, getattr, context, name)
        raises(AttributeError, setattr, context, name, 1)
        raises(AttributeError, delattr, context, name)


@each("protocol", "load_cert_chain", "wrap_socket", "get_ciphers", "__class__")
def attributes_that_cannot_be_set(name):
    context = ssl.SSLContext(CLIENT)
    before = getattr(context, name)
    raises(AttributeError, setattr, context, name, 1)
    raises(AttributeError, delattr, context, name)
    equal(getattr(context, name), before)


@each("protocol", "verify_mode", "check_hostname", "verify_callback", "minimum_version", "maximum_version",
      "max_record", "psk_identity", "psk_key", "server_psk_keys")
def attributes_that_cannot_be_deleted(name):
    context = ssl.SSLContext(SERVER)
    before = getattr(context, name)
    raises(AttributeError, delattr, context, name)
    equal(getattr(context, name), before)


@case
def versions_at_the_start():
    for protocol in (CLIENT, SERVER):
        context = ssl.SSLContext(protocol)
        equal(context.minimum_version, V1_2)
        equal(context.maximum_version, V1_3)


@case
def versions_can_be_set():
    context = ssl.SSLContext(CLIENT)
    context.minimum_version = V1_3
    equal((context.minimum_version, context.maximum_version), (V1_3, V1_3))
    context.minimum_version = V1_2
    context.maximum_version = V1_2
    equal((context.minimum_version, context.maximum_version), (V1_2, V1_2))


@each("0", "-1", "0x0300", "0x0301", "0x0302", "0x0305", "0x7f00", "1 << 16 | 0x0303", "1 << 32 | 0x0304", "1 << 62")
def bad_versions(version):
    context = ssl.SSLContext(CLIENT)
    raises((ValueError, OverflowError), setattr, context, "minimum_version", eval(version))
    raises((ValueError, OverflowError), setattr, context, "maximum_version", eval(version))
    equal((context.minimum_version, context.maximum_version), (V1_2, V1_3))


@each("CLIENT", "SERVER", "ssl.PROTOCOL_DTLS_CLIENT", "ssl.PROTOCOL_DTLS_SERVER")
def max_record(protocol):
    context = ssl.SSLContext(eval(protocol))
    equal(context.max_record, 16384)
    for size in (512, 513, 3000, 16383, 16384):
        context.max_record = size
        equal(context.max_record, size)
    for wrong in (511, 16385, 0, -1, 1 << 31, 1 << 62):
        raises((ValueError, OverflowError), setattr, context, "max_record", wrong)
    raises(TypeError, setattr, context, "max_record", "1024")
    equal(context.max_record, 16384)


@case
def versions_that_cross():
    context = ssl.SSLContext(CLIENT)
    context.maximum_version = V1_2
    raises(ValueError, setattr, context, "minimum_version", V1_3)
    equal((context.minimum_version, context.maximum_version), (V1_2, V1_2))
    context.maximum_version = V1_3
    context.minimum_version = V1_3
    raises(ValueError, setattr, context, "maximum_version", V1_2)
    equal((context.minimum_version, context.maximum_version), (V1_3, V1_3))


@each("None", "'TLSv1.2'", "771.0")
def versions_that_are_no_numbers(version):
    context = ssl.SSLContext(CLIENT)
    raises(TypeError, setattr, context, "minimum_version", eval(version))
    raises(TypeError, setattr, context, "maximum_version", eval(version))


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def negotiated_version(name, version):
    link = Link(*pin(version, new_client_context(), new_server_context()))
    equal(link.client.version(), name)
    equal(link.server.version(), name)
    link = Link(pin(version, new_client_context())[0], new_server_context())
    equal(link.client.version(), name)
    link = Link(new_client_context(), pin(version, new_server_context())[0])
    equal(link.client.version(), name)


@case
def highest_version_is_negotiated():
    equal(Link().client.version(), "TLSv1.3")


@case
def versions_of_dtls():
    context = ssl.SSLContext(ssl.PROTOCOL_DTLS_CLIENT)
    context.minimum_version = V1_2
    context.maximum_version = V1_3
    equal(context.minimum_version, V1_2)


@case
def get_ciphers():
    names = ssl.SSLContext(CLIENT).get_ciphers()
    true(isinstance(names, list))
    for name in ("TLS1-3-AES-128-GCM-SHA256", "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256",
                 "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"):
        true(name in names, name)
    equal(len(set(names)), len(names))
    for name in names:
        # Nothing that today's RFCs forbid (RFC 9325 section 4.1).
        for bad in ("NULL", "RC4", "3DES", "MD5", "anon", "EXPORT", "-DES-"):
            true(bad not in name, name)


@each("TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
def set_ciphers_takes_both_spellings(name):
    context = new_client_context()
    context.set_ciphers([name])
    equal(context.get_ciphers(), ["TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"])
    equal(Link(context).client.cipher(), ("TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "TLSv1.2", 128))


@each("TLS1-3-AES-256-GCM-SHA384", "TLS_AES_256_GCM_SHA384")
def set_ciphers_takes_suites_of_tls_1_3(name):
    context = new_client_context()
    context.set_ciphers((name,))
    equal(context.get_ciphers(), ["TLS1-3-AES-256-GCM-SHA384"])
    equal(Link(context).client.cipher(), ("TLS1-3-AES-256-GCM-SHA384", "TLSv1.3", 256))


@case
def list_without_suites_of_a_version_switches_it_off():
    context = new_client_context()
    context.set_ciphers(["TLS1-3-AES-256-GCM-SHA384"])
    link = Link(context, pin(V1_2, new_server_context())[0], handshake=False)
    true(link.collide()[0])


@case
def order_of_ciphers():
    names = ["TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384", "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"]
    for order in (names, names[::-1]):
        context = pin(V1_2, new_client_context())[0]
        context.set_ciphers(order)
        equal(context.get_ciphers(), order)


@case
def what_get_ciphers_gives_can_be_set():
    context = new_client_context()
    names = context.get_ciphers()
    context.set_ciphers(names)
    equal(context.get_ciphers(), names)
    Link(context)


@each("'TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256'", "None", "12", "{}", "[12]", "[None]",
      "['TLS1-3-AES-128-GCM-SHA256', 1]")
def ciphers_of_another_type(expression):
    context = new_client_context()
    before = context.get_ciphers()
    raises(TypeError, context.set_ciphers, eval(expression))
    equal(context.get_ciphers(), before)


@each("BAR", "", "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA25", "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA2567",
      "tls-ecdhe-ecdsa-with-aes-128-gcm-sha256", "DEFAULT", "ECDHE-ECDSA-AES128-GCM-SHA256")
def unknown_cipher(name):
    context = new_client_context()
    before = context.get_ciphers()
    e = raises_os_error(BAD_CONFIG[0], BAD_CONFIG[1], context.set_ciphers, [name])
    true(e.detail)
    # Also behind one that is known.
    raises_os_error(BAD_CONFIG[0], BAD_CONFIG[1], context.set_ciphers, ["TLS1-3-AES-128-GCM-SHA256", name])
    equal(context.get_ciphers(), before)


@case
def very_long_name_of_a_cipher():
    raises_os_error(BAD_CONFIG[0], BAD_CONFIG[1], new_client_context().set_ciphers, ["A" * 100000])
    raises_os_error(BAD_CONFIG[0], BAD_CONFIG[1], new_client_context().set_ciphers, ["TLS-" + "\0" * 1000])


@case
def no_cipher():
    context = new_client_context()
    before = context.get_ciphers()
    for nothing in ([], ()):
        raises_os_error(BAD_CONFIG[0], BAD_CONFIG[1], context.set_ciphers, nothing)
    equal(context.get_ciphers(), before)


@case
def same_cipher_many_times():
    context = new_client_context()
    context.set_ciphers(["TLS1-3-AES-128-GCM-SHA256"] * 5000)
    equal(Link(context).client.cipher()[0], "TLS1-3-AES-128-GCM-SHA256")


@case
def methods_need_their_arguments():
    context = new_client_context()
    raises(TypeError, context.set_ciphers)
    raises(TypeError, context.get_ciphers, 1)
    raises(TypeError, context.wrap_socket)
    raises(TypeError, context.load_default_certs, 1)


@case
def wrap_socket_arguments_are_named():
    context = new_client_context()
    raises(TypeError, context.wrap_socket, End(), False)
    raises(TypeError, context.wrap_socket, End(), do_handshake=False)
    raises(TypeError, context.wrap_socket, End(), server_name="server.test")


@case
def server_side_needs_a_context_for_servers():
    raises(ValueError, new_client_context().wrap_socket, End(), server_side=True, do_handshake_on_connect=False)


@case
def server_context_makes_servers_anyway():
    sock = new_server_context().wrap_socket(End(), do_handshake_on_connect=False)
    same(sock.server_side, True)


@each("12", "object()", "['a']")
def client_id_of_another_type(expression):
    context = ssl.SSLContext(ssl.PROTOCOL_DTLS_SERVER)
    raises(TypeError, context.wrap_socket, End(), client_id=eval(expression), do_handshake_on_connect=False)


@case
def change_reaches_new_connections_only():
    context = new_verifying_context()
    before = Link(context, new_server_context("other-ca"), handshake=False)
    context.verify_mode = ssl.CERT_NONE
    Link(context, new_server_context("other-ca"))
    true(before.collide()[0])


@case
def context_may_go_before_its_connections():
    link = Link()
    server = new_server_context()
    link = Link(new_client_context(), server)
    link.client_context = link.server_context = server = None
    gc.collect()
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(link.client.context.protocol, CLIENT)


@case
def deleted_context_is_refused():
    context = new_server_context()
    link = Link(server_context=context)
    context.__del__()
    context.__del__()
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    raises_os_error(EBADF, None, context.get_ciphers)
    raises_os_error(EBADF, None, context.set_ciphers, ["TLS1-3-AES-128-GCM-SHA256"])
    raises_os_error(EBADF, None, context.wrap_socket, End())
    raises_os_error(EBADF, None, context.load_cert_chain, path("ec-all.pem"))
    raises_os_error(EBADF, None, context.load_verify_locations, path("root.pem"))
    raises_os_error(EBADF, None, context.load_default_certs)
    for name, value in (("verify_mode", 0), ("minimum_version", V1_2), ("server_psk_keys", {})):
        raises_os_error(EBADF, None, setattr, context, name, value)
    for name in ("verify_mode", "minimum_version", "maximum_version"):
        raises_os_error(EBADF, None, getattr, context, name)


@case
def load_default_certs():
    # The pytest side points SSL_CERT_FILE to the test roots.
    context = new_client_context(verify_mode=ssl.CERT_REQUIRED)
    context.load_default_certs()
    Link(context, new_server_context())


@case
def required_verification_loads_default_certs():
    context = new_client_context(verify_mode=ssl.CERT_REQUIRED)
    Link(context, new_server_context())
    context = new_client_context(verify_mode=ssl.CERT_REQUIRED)
    # Not beside anchors that were given.
    context.load_verify_locations(path("other-root.pem"))
    true(Link(context, new_server_context(), handshake=False).collide()[0])


@case
def servers_trust_nobody_by_default():
    server = new_server_context()
    server.verify_mode = ssl.CERT_REQUIRED
    client = new_client_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    true(Link(client, server, handshake=False).collide()[1])


# Those that are made of an empty bytearray have no data in MicroPython: NULL.
@case
def empty_bytes_in_place_of_text():
    empty = bytes(bytearray())
    client, server = new_client_context(), new_server_context()
    raises(OSError, client.set_ciphers, [empty])
    raises(ValueError, client.set_alpn_protocols, [empty])
    raises(ValueError, client.set_groups, [empty])
    raises(ValueError, client.set_ecdh_curve, empty)
    raises(ValueError, client.wrap_socket, End(), server_hostname=empty)
    raises(OSError, client.load_verify_locations, None, empty)
    server.load_cert_chain(path("ec-chain.pem"), path("ec.key"), empty)
    raises(ValueError, server.load_cert_chain, path("ec.pem"), path("ec.encrypted.pem"), empty)
    if ssl.ENGINE == "openssl":
        server.set_psk_server_callback(lambda identity: b"key", empty)
    raises(ValueError, Link(client, new_server_context()).client.get_channel_binding, empty)


run()
