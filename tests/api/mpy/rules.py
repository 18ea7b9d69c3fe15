# What is demanded of certificates beyond trust anchors and names: verify_flags with revocation lists, pins, verify_time.

import hashlib
import ssl
from binascii import a2b_base64

from pipes import EBUSY, Link, content, new_client_context, new_psk_contexts, new_server_context
from pipes import new_verifying_context, path, transfer
from testing import case, contains, each, equal, raises, raises_os_error, run, true

SPKI_P256 = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
T_2021 = 1622505600  # 2021-06-01
T_2026 = 1780272000  # 2026-06-01


def pin(name):
    der = content(name + ".der")
    start = der.index(SPKI_P256)
    return hashlib.sha256(der[start:start + 91]).digest()


def refused(client, server, reason):
    failures = Link(client, server, handshake=False).collide()
    e = failures[0]
    true(isinstance(e, OSError) and isinstance(e, ValueError), "both kinds of error")
    equal(e.args, (-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"))
    equal(e.reason, reason)
    equal(e.alert_by, "local")
    equal(failures[1].reason, "peer_alert")
    equal(failures[1].alert, e.alert)
    return e


def accepted(client, server):
    link = Link(client, server)
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    return link


# ----------------------------------------------------------------------------------------------------------------------
# verify_flags


@case
def constants():
    equal(ssl.VERIFY_DEFAULT, 0)
    equal(ssl.VERIFY_CRL_CHECK_LEAF, 0x4)
    equal(ssl.VERIFY_CRL_CHECK_CHAIN, 0xC)
    equal(ssl.VERIFY_X509_STRICT, 0x20)
    equal(ssl.VERIFY_X509_TRUSTED_FIRST, 0x8000)
    equal(ssl.VERIFY_X509_PARTIAL_CHAIN, 0x80000)
    equal(ssl.HAS_CRL, True)


@case
def flags_are_read_back():
    context = new_client_context()
    equal(context.verify_flags, ssl.VERIFY_DEFAULT)
    for flags in (0x4, 0xC, 0x8000, 0x80000, 0x8800C, 0):
        context.verify_flags = flags
        equal(context.verify_flags, flags)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    equal(context.verify_flags, ssl.VERIFY_CRL_CHECK_LEAF)


@each("1", "8", "0x40", "-1", "1 << 31", "0x7fffffff")
def flags_that_cannot_be(expression):
    context = new_client_context(verify_flags=4)
    raises(ValueError, setattr, context, "verify_flags", eval(expression))
    equal(context.verify_flags, 4)


@each("None", "'4'", "[4]")
def flags_of_another_type(expression):
    raises(TypeError, setattr, new_client_context(), "verify_flags", eval(expression))


@case
def strict_is_for_openssl():
    context = new_verifying_context()
    if ssl.ENGINE == "mbedtls":
        raises_os_error(
            -28800, "MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE", setattr, context, "verify_flags", ssl.VERIFY_X509_STRICT)
        equal(context.verify_flags, 0)
    else:
        context.verify_flags = ssl.VERIFY_X509_STRICT
        accepted(context, new_server_context())


@case
def revoked():
    client = new_verifying_context()
    client.load_verify_locations(path("inter-crl.pem"))
    accepted(client, new_server_context("revoked"))  # nobody asked yet
    client.verify_flags = ssl.VERIFY_CRL_CHECK_LEAF
    accepted(client, new_server_context())
    e = refused(client, new_server_context("revoked"), "revoked")
    contains(e.detail, "revoked")
    equal(e.alert, "certificate_revoked")


@each("nothing", "root-crl.pem", "inter-crl-old.pem", "inter-crl-forged.pem")
def list_that_does_not_help(name):
    client = new_verifying_context(verify_flags=ssl.VERIFY_CRL_CHECK_LEAF)
    if name != "nothing":
        client.load_verify_locations(path(name))
    contains(refused(client, new_server_context(), "bad_crl").detail, "revocation list")


@case
def whole_chain():
    client = new_verifying_context(verify_flags=ssl.VERIFY_CRL_CHECK_CHAIN)
    client.load_verify_locations(path("inter-crl.pem"))
    refused(client, new_server_context(), "bad_crl")  # nobody knows about inter
    client.load_verify_locations(path("root-crl.pem"))
    accepted(client, new_server_context())
    refused(client, new_server_context("revoked"), "revoked")
    refused(client, new_server_context("revoked-issuer"), "revoked")


@each("cafile", "cafile as data", "cadata", "together")
def ways_to_load_lists(way):
    client = new_client_context(verify_mode=ssl.CERT_REQUIRED, verify_flags=ssl.VERIFY_CRL_CHECK_LEAF)
    if way == "together":
        client.load_verify_locations(cadata=content("inter-crl.pem") + content("root.pem"))
    else:
        client.load_verify_locations(path("root.pem"))
    if way == "cafile":
        client.load_verify_locations(cafile=path("crls.pem"))
    elif way == "cafile as data":
        client.load_verify_locations(content("inter-crl.pem").decode())
    elif way == "cadata":
        client.load_verify_locations(cadata=content("inter-crl.pem"))
    accepted(client, new_server_context())
    refused(client, new_server_context("revoked"), "revoked")


@case
def optional_tells():
    client = new_verifying_context(verify_flags=ssl.VERIFY_CRL_CHECK_LEAF)
    client.verify_mode = ssl.CERT_OPTIONAL
    equal(accepted(client, new_server_context()).client.verify_result, ("bad_crl",))
    client.load_verify_locations(path("crls.pem"))
    equal(accepted(client, new_server_context("revoked")).client.verify_result, ("revoked",))
    equal(accepted(client, new_server_context()).client.verify_result, ())


@each("half", "damaged")
def unusable_lists(kind):
    data = content("inter-crl.pem")
    data = data[:200] if kind == "half" else data.replace(b"MI", b"M*")
    context = new_client_context()
    e = raises(ValueError, context.load_verify_locations, cadata=data)
    equal(e.args, ("invalid cert",))
    true(e.detail, "detail")
    raises(ValueError, context.load_verify_locations, cadata=content("root.pem") + data)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(path("other-root.pem"))
    refused(context, new_server_context(), "untrusted")


@case
def lists_in_der():
    text = content("inter-crl.pem").decode()
    der = a2b_base64(text[text.index("\n"):text.index("-----END")])
    context = new_client_context()
    equal(raises(ValueError, context.load_verify_locations, cadata=der).args, ("invalid cert",))
    equal(raises(ValueError, context.load_verify_locations, cadata=content("root.der") + der).args, ("invalid cert",))


@case
def lists_beside_a_chain_of_ones_own():
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    raises(ValueError, server.load_cert_chain, path("inter-crl.pem"), path("ec.key"))
    server.load_cert_chain(content("inter-crl.pem") + content("ec-chain.pem"), path("ec.key"))
    accepted(new_verifying_context(), server)


@each("CERT_NONE", "CERT_OPTIONAL", "CERT_REQUIRED")
def lists_on_a_server(mode):
    # They are about clients: what the server itself shows is the client's business.
    server = new_server_context("revoked", verify_flags=ssl.VERIFY_CRL_CHECK_LEAF)
    server.load_verify_locations(cadata=content("root.pem") + content("inter-crl.pem"))
    server.verify_mode = getattr(ssl, mode)
    client = new_verifying_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    equal(accepted(client, server).server.verify_result, ())
    client.load_cert_chain(path("revoked-chain.pem"), path("revoked.key"))
    if mode == "CERT_REQUIRED":
        equal(Link(client, server, handshake=False).collide()[1].reason, "revoked")
    else:
        equal("revoked" in accepted(client, server).server.verify_result, mode == "CERT_OPTIONAL")


@case
def lists_alone_are_no_anchors():
    # So the default ones are loaded, which are ours here.
    client = new_client_context(verify_flags=ssl.VERIFY_CRL_CHECK_LEAF)
    client.load_verify_locations(path("inter-crl.pem"))
    client.verify_mode = ssl.CERT_REQUIRED
    accepted(client, new_server_context())
    refused(client, new_server_context("revoked"), "revoked")


# ----------------------------------------------------------------------------------------------------------------------
# pins


@case
def pins_are_read_back():
    context = new_client_context()
    equal(context.pins, None)
    context.pins = [pin("ec"), bytearray(pin("inter")), memoryview(pin("root"))]
    equal(set(context.pins), {pin("ec"), pin("inter"), pin("root")})
    equal(type(context.pins), frozenset)
    raises(AttributeError, lambda: context.pins.add(pin("rsa")))
    context.pins = {pin("ec")}
    equal(set(context.pins), {pin("ec")})
    context.pins = (pin for pin in (pin("ec"),))
    equal(set(context.pins), {pin("ec")})
    context.pins = None
    equal(context.pins, None)


@each("set()", "[]", "{b''}", "{bytes(31)}", "{bytes(33)}", "[bytes(32), bytes(20)]")
def pins_that_cannot_be(expression):
    context = new_client_context(pins={pin("ec")})
    raises(ValueError, setattr, context, "pins", eval(expression))
    equal(set(context.pins), {pin("ec")})


@each("12", "True", "bytes(32)", "'a' * 32", "{'a' * 32}", "{12}", "[None]")
def pins_of_another_type(expression):
    context = new_client_context(pins={pin("ec")})
    raises(TypeError, setattr, context, "pins", eval(expression))
    equal(set(context.pins), {pin("ec")})


@case
def pins_that_raise():
    def pins():
        yield pin("ec")
        raise KeyError("no more")

    context = new_client_context(pins={pin("inter")})
    raises(KeyError, setattr, context, "pins", pins())
    equal(set(context.pins), {pin("inter")})


@each("ec", "inter", "root")
def pinned(name):
    client = new_verifying_context(pins={pin("other-ca"), pin(name)})
    link = accepted(client, new_server_context())
    equal(link.client.verify_result, ())
    client.pins = {pin("other-ca")}
    e = refused(client, new_server_context(), "pin_mismatch")
    contains(e.detail, "the key " + pin("ec").hex())
    client.pins = None
    accepted(client, new_server_context())


@each("CERT_NONE", "CERT_OPTIONAL")
def pinned_without_authority(mode):
    client = new_client_context(verify_mode=getattr(ssl, mode), pins={pin("self-signed")})
    accepted(client, new_server_context("self-signed"))
    refused(client, new_server_context(), "pin_mismatch")
    client.pins = {pin("inter")}
    accepted(client, new_server_context())
    # It proves nothing that somebody sends the pinned certificate along.
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(content("self-signed.pem") + content("inter.pem"), path("self-signed.key"))
    refused(client, server, "pin_mismatch")


@case
def wrap_socket_knows_no_pins_but_its_contexts_do():
    link = Link(new_client_context(pins={pin("ec")}), new_server_context())
    equal(set(link.client.context.pins), {pin("ec")})


@case
def server_pins_its_clients():
    server = new_server_context(pins={pin("client-ec")})
    client = new_verifying_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    equal(accepted(client, server).server.getpeercert(True), content("client-ec.der"))
    other = new_verifying_context()
    other.load_cert_chain(path("client-other-chain.pem"), path("client-other.key"))
    equal(Link(other, server, handshake=False).collide()[1].reason, "pin_mismatch")
    equal(Link(new_verifying_context(), server, handshake=False).collide()[1].reason, "no_client_certificate")


@case
def callback_is_asked_before_pins():
    seen = []
    client = new_verifying_context(pins={pin("other-ca")})
    client.verify_callback = lambda der, depth: seen.append(depth) or 0
    refused(client, new_server_context(), "pin_mismatch")
    equal(seen, [2, 1, 0])


@case
def callback_is_not_asked_under_none():
    client = new_client_context(pins={pin("ec")})
    client.verify_callback = lambda der, depth: 1
    accepted(client, new_server_context())


@case
def psk_has_no_pins():
    client, server = new_psk_contexts()
    client.pins = {pin("ec")}
    server.pins = {pin("ec")}
    accepted(client, server)


@each("TLSv1_2", "TLSv1_3")
def session_under_other_pins(version):
    client = new_verifying_context(pins={pin("ec")})
    client.maximum_version = getattr(ssl.TLSVersion, version)
    server = new_server_context()
    link = accepted(client, server)
    transfer(link.server, link.client, b"the ticket comes with this")
    session = link.client.session

    def resumes():
        ends = Link(client, server, handshake=False)
        ends.client = client.wrap_socket(
            ends.near, server_hostname="server.test", do_handshake_on_connect=False, session=session)
        ends.shake()
        return ends.client.session_reused

    equal(resumes(), True)
    client.pins = {pin("inter")}
    equal(resumes(), False)
    client.pins = {pin("ec")}
    equal(resumes(), True)
    client.verify_time = T_2026
    equal(resumes(), False)
    client.verify_time = None
    equal(resumes(), True)
    client.load_verify_locations(path("crls.pem"))
    client.verify_flags = ssl.VERIFY_CRL_CHECK_LEAF
    equal(resumes(), False)


# ----------------------------------------------------------------------------------------------------------------------
# verify_time


@case
def time_is_read_back():
    context = new_client_context()
    equal(context.verify_time, None)
    for time in (0, 1, T_2026, 2**31 - 1, 2**31, 2**32 + 1, 2**39):
        context.verify_time = time
        equal(context.verify_time, time)
    context.verify_time = 1780272000.9
    equal(context.verify_time, 1780272000)
    context.verify_time = None
    equal(context.verify_time, None)


@each("-1", "-1.5", "float('nan')", "float('inf')", "2**40", "2**64", "-2**31", "-2**40", "1e30")
def times_that_cannot_be(expression):
    context = new_client_context(verify_time=T_2026)
    raises(ValueError, setattr, context, "verify_time", eval(expression))
    equal(context.verify_time, T_2026)


@each("'2026-06-01'", "[]", "(2026, 6, 1)")
def times_of_another_type(expression):
    context = new_client_context(verify_time=T_2026)
    raises(TypeError, setattr, context, "verify_time", eval(expression))
    equal(context.verify_time, T_2026)


@case
def as_of_then():
    client = new_verifying_context(verify_time=T_2021)
    accepted(client, new_server_context("expired"))
    e = refused(client, new_server_context(), "not_yet_valid")
    contains(e.detail, "2024-01-01")
    contains(e.detail, "verify_time is 2021-06-01")
    client.verify_time = None
    refused(client, new_server_context("expired"), "expired")


# ----------------------------------------------------------------------------------------------------------------------


@each("verify_flags", "pins", "verify_time")
def not_from_inside_of_a_call(name):
    value = {"verify_flags": 4, "pins": {pin("ec")}, "verify_time": T_2026}[name]
    errors = []

    def change(der, depth):
        errors.append(raises(OSError, setattr, client, name, value).errno)
        return 0

    client = new_verifying_context()
    client.verify_callback = change
    accepted(client, new_server_context())
    equal(errors, [EBUSY] * 3)
    equal(getattr(client, name), 0 if name == "verify_flags" else None)


@each("verify_flags", "pins", "verify_time")
def after_the_end_of_a_context(name):
    context = new_client_context()
    context.__del__()
    raises((AttributeError, OSError), getattr, context, name)
    raises(OSError, setattr, context, name, {"verify_flags": 4, "pins": {pin("ec")}, "verify_time": 1}[name])


run()
