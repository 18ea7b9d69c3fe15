"""Extensions: unknown ones and GREASE (RFC 8701), twice, unasked for, in the wrong message; ALPN."""

from conformance import ALL, CLIENTS, SERVERS, Known, case
from conformance.steps import CLIENT_CERTIFICATE, ask_certificate, body
from tls_bytes.wire import (ALPN, EC_POINT_FORMATS, ENCRYPTED_EXTENSIONS, EXTENDED_MASTER_SECRET, KEY_SHARE, PRE_SHARED_KEY,
                            PSK_KEY_EXCHANGE_MODES, RENEGOTIATION_INFO, SERVER_NAME, SIGNATURE_ALGORITHMS,
                            SUPPORTED_GROUPS, SUPPORTED_VERSIONS, TLS13, Extensions, message, u16, u16s, vector)

UNKNOWN = Known("OpenSSL ignores what servers say that it does not know")
TWICE = Known("Mbed TLS does not look whether it was there before")
ONE_AFTER = Known("Mbed TLS reads no further than the list")
GREASE = (0x0a0a, 0x3a3a, 0xfafa)


def alter(peer, change):
    peer.alter_hello["client_hello" if peer.role == "client" else "server_hello"] = change


@case(CLIENTS, None, "RFC 8701 3.1")
def grease(peer):
    """In every list that a client has."""
    def change(hello):
        hello.suites[:0] = GREASE
        put = hello.extensions.put
        put(SUPPORTED_GROUPS, vector(u16s([*GREASE, *peer.groups]), 2))
        put(SIGNATURE_ALGORITHMS, vector(u16s([*GREASE, 0x0403]), 2))
        put(ALPN, vector(vector(b"\x0a\x0a", 1) + vector(b"http/1.1", 1), 2))
        if peer.version == 13:
            put(SUPPORTED_VERSIONS, vector(u16s([*GREASE, TLS13]), 1))
            put(KEY_SHARE, vector(u16(GREASE[0]) + vector(b"\0", 2) + hello.extensions.get(KEY_SHARE)[2:], 2))
        hello.extensions.insert(0, (GREASE[0], b""))
        hello.extensions.append((GREASE[1], b"\0"))
    alter(peer, change)


@case("client13", None, "RFC 8701 3.1",
      known={"mbedtls": Known("Mbed TLS refuses modes that it does not know", "illegal_parameter")})
def grease_in_psk_modes(peer):
    alter(peer, lambda hello: hello.extensions.put(PSK_KEY_EXCHANGE_MODES, vector(b"\x0b\1", 1)))


@case(CLIENTS, None, "RFC 8446 4.2, RFC 5246 7.4.1.4")
def unknown_extensions(peer):
    alter(peer, lambda hello: hello.extensions.extend((0x4000 + i, bytes(i)) for i in range(100)))


@case(CLIENTS, None, "RFC 8446 4.2, RFC 5246 7.4.1.4")
def unknown_extension_of_8_kilobytes(peer):
    alter(peer, lambda hello: hello.extensions.append((0x4000, bytes(8000))))


@case(CLIENTS, None, "RFC 8446 4.2, RFC 5246 7.4.1.4")
def extensions_in_another_order(peer):
    alter(peer, lambda hello: hello.extensions.reverse())


@case("server13", None, "RFC 8701 4.1", ours=CLIENT_CERTIFICATE)
def grease_in_certificate_request(peer):
    ask_certificate(peer)
    extensions = Extensions([(GREASE[0], b""), (SIGNATURE_ALGORITHMS, vector(u16s([*GREASE, 0x0403]), 2)), (GREASE[1], b"\0")])
    peer.alter["certificate_request"] = body(lambda data: b"\0" + extensions.encode())


@case("server13", None, "RFC 8701 4.1")
def grease_in_a_ticket(peer):
    extensions = Extensions([(GREASE[0], b"")])
    peer.talk.insert(0, lambda peer: peer.send_ticket(extensions=extensions.encode()))


@case(CLIENTS, {"illegal_parameter", "decode_error"}, "RFC 8446 4.2, RFC 5246 7.4.1.4",
      known={"mbedtls client13": TWICE})
def extension_twice(peer):
    alter(peer, lambda hello: hello.extensions.append((SUPPORTED_GROUPS, hello.extensions.get(SUPPORTED_GROUPS))))


@case(CLIENTS, {"illegal_parameter", "decode_error", None}, "RFC 8446 4.2, RFC 5246 7.4.1.4")
def unknown_extension_twice(peer):
    alter(peer, lambda hello: hello.extensions.extend([(0x4000, b""), (0x4000, b"")]))


@case("server13", {"illegal_parameter", "decode_error"}, "RFC 8446 4.2", name="extension_twice",
      known={"mbedtls": TWICE})
def server_extension_twice(peer):
    alter(peer, lambda hello: hello.extensions.append((KEY_SHARE, hello.extensions.get(KEY_SHARE))))


@case("server12", {"illegal_parameter", "decode_error", "unsupported_extension"}, "RFC 5246 7.4.1.4", name="extension_twice",
      known={"mbedtls": TWICE})
def server12_extension_twice(peer):
    alter(peer, lambda hello: hello.extensions.append((EXTENDED_MASTER_SECRET, b"")))


@case(SERVERS, "unsupported_extension", "RFC 8446 4.2, RFC 5246 7.4.1.4",
      known={"openssl": UNKNOWN, "mbedtls server12": Known("Mbed TLS ignores it, as in a ClientHello"),
             "mbedtls server13": Known("Mbed TLS sends illegal_parameter", "illegal_parameter")})
def unknown_extension_in_server_hello(peer):
    alter(peer, lambda hello: hello.extensions.put(0x7a7a))


@case(SERVERS, {"unsupported_extension", "illegal_parameter"}, "RFC 8446 4.2, RFC 5246 7.4.1.4")
def alpn_unasked_in_server_hello(peer):
    alter(peer, lambda hello: hello.extensions.put(ALPN, vector(vector(b"x", 1), 2)))


@case("server13", {"illegal_parameter", "unsupported_extension"}, "RFC 8446 4.2")
def groups_in_server_hello(peer):
    """Known, but not for this message."""
    alter(peer, lambda hello: hello.extensions.put(SUPPORTED_GROUPS, vector(u16s([29]), 2)))


@case("server13", "unsupported_extension", "RFC 8446 4.2.11")
def psk_not_offered(peer):
    alter(peer, lambda hello: hello.extensions.put(PRE_SHARED_KEY, u16(0)))


def encrypted_extensions(*pairs):
    encoded = Extensions(pairs).encode()
    def prepare(peer):
        peer.alter["encrypted_extensions"] = lambda data: message(ENCRYPTED_EXTENSIONS, encoded)
    return prepare


ASKED = "RFC 8446 4.2"
case("server13", "unsupported_extension", ASKED, name="unknown_encrypted_extension",
     known={"openssl": UNKNOWN, "mbedtls": Known("Mbed TLS sends illegal_parameter", "illegal_parameter")})(encrypted_extensions((0x7a7a, b"")))
case("server13", {"unsupported_extension", "illegal_parameter"}, ASKED, name="alpn_not_offered")(
    encrypted_extensions((ALPN, vector(vector(b"x", 1), 2))))
case("server13", "unsupported_extension", ASKED, name="early_data_not_offered")(encrypted_extensions((42, b"")))
case("server13", "illegal_parameter", ASKED, name="share_in_encrypted_extensions")(encrypted_extensions((KEY_SHARE, b"")))
case("server13", {"illegal_parameter", "decode_error"}, ASKED, name="encrypted_extension_twice", known={"mbedtls": TWICE})(
    encrypted_extensions((SERVER_NAME, b""), (SERVER_NAME, b"")))
case("server13", None, "RFC 6066 3", name="server_name_confirmed")(encrypted_extensions((SERVER_NAME, b"")))
case("server13", None, "RFC 8446 4.2.7", name="groups_in_encrypted_extensions")(
    encrypted_extensions((SUPPORTED_GROUPS, vector(u16s([23, 24, 0x3a3a]), 2))))


@case("server13", {"unsupported_extension", "illegal_parameter"}, "RFC 8446 4.4.2",
      known={"openssl": UNKNOWN})
def extension_in_certificate(peer):
    leaf = peer.identity.chain
    entries = b"".join(vector(each, 3) + Extensions([(0x7a7a, b"")]).encode() for each in leaf)
    peer.alter["certificate"] = body(lambda data: b"\0" + vector(entries, 3))


@case("server13", "missing_extension", "RFC 8446 4.3.2", ours=CLIENT_CERTIFICATE,
      known={"mbedtls": Known("Mbed TLS sends decode_error", "decode_error")})
def certificate_request_without_algorithms(peer):
    ask_certificate(peer)
    peer.alter["certificate_request"] = body(lambda data: b"\0\0\0")


@case("client13", "missing_extension", "RFC 8446 9.2")
def without_signature_algorithms(peer):
    alter(peer, lambda hello: hello.extensions.drop(SIGNATURE_ALGORITHMS))


@case("client13", "handshake_failure", "RFC 8446 4.2.3")
def signature_algorithms_unknown(peer):
    alter(peer, lambda hello: hello.extensions.put(SIGNATURE_ALGORITHMS, vector(u16s(GREASE), 2)))


@case(CLIENTS, {"decode_error", "handshake_failure", "illegal_parameter"}, "RFC 8446 4.2.3, RFC 5246 7.4.1.4.1")
def signature_algorithms_empty(peer):
    alter(peer, lambda hello: hello.extensions.put(SIGNATURE_ALGORITHMS, vector(b"", 2)))


BEHIND = {"server_name": {"mbedtls": ONE_AFTER}, "groups": {"mbedtls client13": ONE_AFTER}}
for kind, name in ((SERVER_NAME, "server_name"), (SUPPORTED_GROUPS, "groups"), (SIGNATURE_ALGORITHMS, "signature_algorithms")):
    case(CLIENTS, {"decode_error", "illegal_parameter"}, "RFC 8446 4.2", name=f"{name}_without_a_list")(
        lambda peer, kind=kind: alter(peer, lambda hello: hello.extensions.put(kind, b"")))
    case(CLIENTS, {"decode_error", "illegal_parameter"}, "RFC 8446 4.2", name=f"{name}_with_garbage_behind",
         known=BEHIND.get(name))(
        lambda peer, kind=kind: alter(peer, lambda hello: hello.extensions.put(kind, hello.extensions.get(kind) + b"\0\0")))


# ----------------------------------------------------------------------------------------------------------------------
# RFC 5746, 7627 and 8422

@case("client12", {"handshake_failure"}, "RFC 5746 3.6")
def renegotiation_info_of_a_connection_before(peer):
    alter(peer, lambda hello: hello.extensions.put(RENEGOTIATION_INFO, vector(b"x" * 12, 1)))


@case("server12", {"handshake_failure", "illegal_parameter"}, "RFC 5746 3.4", name="renegotiation_info_of_a_connection_before")
def servers_renegotiation_info(peer):
    alter(peer, lambda hello: hello.extensions.put(RENEGOTIATION_INFO, vector(b"x" * 12, 1)))


@case("client12", {"decode_error", "illegal_parameter"}, "RFC 7627 5.1")
def extended_master_secret_with_data(peer):
    alter(peer, lambda hello: hello.extensions.put(EXTENDED_MASTER_SECRET, b"x"))


@case("client12", {"illegal_parameter", "decode_error", "handshake_failure"}, "RFC 8422 5.1.2",
      known={"mbedtls": Known("Mbed TLS does not read the list: nobody lacks uncompressed points")})
def no_uncompressed_points(peer):
    alter(peer, lambda hello: hello.extensions.put(EC_POINT_FORMATS, b"\1\2"))


# ----------------------------------------------------------------------------------------------------------------------
# ALPN (RFC 7301)

HTTP = {"alpn": ["http/1.1"]}


def protocols(*names):
    return vector(b"".join(vector(name, 1) for name in names), 2)


@case(CLIENTS, None, "RFC 7301 3.2, RFC 8701 3.1", ours=HTTP)
def alpn(peer):
    alter(peer, lambda hello: hello.extensions.put(ALPN, protocols(b"\x1a\x1a", b"h2", b"http/1.1")))


@case(CLIENTS, "no_application_protocol", "RFC 7301 3.2", ours=HTTP)
def no_protocol_in_common(peer):
    alter(peer, lambda hello: hello.extensions.put(ALPN, protocols(b"\x1a\x1a", b"h2")))


@case(CLIENTS, {"decode_error", "illegal_parameter"}, "RFC 7301 3.1", ours=HTTP)
def empty_protocol(peer):
    alter(peer, lambda hello: hello.extensions.put(ALPN, protocols(b"", b"http/1.1")))


case("server13", {"illegal_parameter", "no_application_protocol"}, "RFC 7301 3.2", name="protocol_not_offered", ours=HTTP,
     known={"openssl": Known("OpenSSL calls this a bad extension", "decode_error")})(
    encrypted_extensions((ALPN, protocols(b"h2"))))
case("server13", {"illegal_parameter", "decode_error"}, "RFC 7301 3.1", name="two_protocols_chosen", ours=HTTP,
     known={"mbedtls": ONE_AFTER})(
    encrypted_extensions((ALPN, protocols(b"http/1.1", b"http/1.1"))))


@case("server12", {"illegal_parameter", "no_application_protocol"}, "RFC 7301 3.2", ours=HTTP, name="protocol_not_offered",
      known={"openssl": Known("OpenSSL calls this a bad extension", "decode_error"),
             "mbedtls": Known("Mbed TLS sends handshake_failure", "handshake_failure")})
def protocol_not_offered_12(peer):
    alter(peer, lambda hello: hello.extensions.put(ALPN, protocols(b"h2")))
