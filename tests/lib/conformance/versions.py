"""Which version is spoken: negotiation, downgrade, and the fields that are there for history only."""

from conformance import ALL, CLIENTS, SERVERS, SILENT, Known, case
from tls_bytes.wire import SUPPORTED_VERSIONS, u16, u16s, vector


def hello_of(peer):
    return "client_hello" if peer.role == "client" else "server_hello"


def alter(peer, change):
    peer.alter_hello[hello_of(peer)] = change


def versions(*values):
    return lambda hello: hello.extensions.put(SUPPORTED_VERSIONS, vector(u16s(values), 1))


# What a server of TLS 1.3 puts into its random when it speaks an older version.
def sentinel(byte):
    def change(hello):
        hello.random = hello.random[:24] + b"DOWNGRD" + bytes([byte])
    return change


@case("server12", "illegal_parameter", "RFC 8446 4.1.3")
def downgrade_to_12(peer):
    alter(peer, sentinel(1))


@case("server12", "illegal_parameter", "RFC 8446 4.1.3")
def downgrade_to_11(peer):
    alter(peer, sentinel(0))


@case("server12", None, "RFC 8446 4.1.3", ours={"set": {"maximum_version": 0x0303}})
def sentinel_where_12_is_all(peer):
    """A client of TLS 1.2 must not mind the sentinel of TLS 1.3."""
    alter(peer, sentinel(1))


@case("server12", {"protocol_version", "illegal_parameter"}, "RFC 5246 E.1", ours={"set": {"minimum_version": 0x0304}})
def too_old_for_client(peer):
    pass


@case("server12", "protocol_version", "RFC 5246 E.1")
def server_of_11(peer):
    alter(peer, lambda hello: setattr(hello, "version", 0x0302))


@case("server12", "protocol_version", "RFC 5246 E.1")
def server_of_ssl3(peer):
    alter(peer, lambda hello: setattr(hello, "version", 0x0300))


@case("server12", {"protocol_version", "illegal_parameter"}, "RFC 8446 4.2.1",
      known={"mbedtls": Known("Mbed TLS goes on and finds that the suite is not one of 1.3", "handshake_failure")})
def server_chooses_13_in_legacy_version(peer):
    alter(peer, lambda hello: setattr(hello, "version", 0x0304))


@case("server13", {"illegal_parameter", "protocol_version"}, "RFC 8446 4.1.3",
      known={"openssl": Known("OpenSSL goes by supported_versions alone, as servers do")})
def legacy_version_of_13(peer):
    """Both fields say 1.3; legacy_version must be 1.2."""
    alter(peer, lambda hello: setattr(hello, "version", 0x0304))


@case("server13", "illegal_parameter", "RFC 8446 4.2.1")
def selected_version_12(peer):
    alter(peer, lambda hello: hello.extensions.put(SUPPORTED_VERSIONS, u16(0x0303)))


@case("server13", "illegal_parameter", "RFC 8446 4.2.1")
def selected_version_unknown(peer):
    alter(peer, lambda hello: hello.extensions.put(SUPPORTED_VERSIONS, u16(0x0305)))


@case("server13", "illegal_parameter", "RFC 8446 4.2.1", ours={"set": {"minimum_version": 0x0304}})
def selected_version_not_offered(peer):
    alter(peer, lambda hello: hello.extensions.put(SUPPORTED_VERSIONS, u16(0x0303)))


@case("server13", "decode_error", "RFC 8446 4.2.1")
def selected_version_of_three_bytes(peer):
    alter(peer, lambda hello: hello.extensions.put(SUPPORTED_VERSIONS, b"\3\4\0"))


@case("client13", "protocol_version", "RFC 8446 4.2.1", ours={"set": {"minimum_version": 0x0304}})
def without_supported_versions(peer):
    alter(peer, lambda hello: hello.extensions.drop(SUPPORTED_VERSIONS))


@case("client12", "protocol_version", "RFC 8446 D.2", ours={"set": {"minimum_version": 0x0304}})
def too_old_for_server(peer):
    pass


@case("client13", "protocol_version", "RFC 8446 4.2.1")
def only_unknown_versions(peer):
    alter(peer, versions(0x0305, 0x7f1c, 0x1a1a))


@case("client13", "protocol_version", "RFC 8446 4.2.1")
def only_old_versions(peer):
    alter(peer, versions(0x0302, 0x0301))


@case("client13", None, "RFC 8446 4.2.1, RFC 8701")
def unknown_versions_first(peer):
    alter(peer, versions(0x7a7a, 0x0305, 0x0304))


@case("client13", None, "RFC 8446 4.2.1")
def versions_twice(peer):
    alter(peer, versions(0x0304, 0x0304))


@case("client13", {"decode_error", "protocol_version"}, "RFC 8446 4.2.1")
def no_versions(peer):
    alter(peer, versions())


@case("client13", "decode_error", "RFC 8446 4.2.1",
      known={"mbedtls": Known("Mbed TLS takes the list in pairs and finds 1.3"),
             "openssl": Known("OpenSSL finds no version in it", "protocol_version")})
def half_a_version(peer):
    alter(peer, lambda hello: hello.extensions.put(SUPPORTED_VERSIONS, b"\3\3\4\3"))


@case("client13", None, "RFC 8446 4.2.1",
      known={"mbedtls": Known("Mbed TLS refuses any other legacy_version", "protocol_version")})
def legacy_version_from_the_future(peer):
    """Servers must go by supported_versions alone."""
    alter(peer, lambda hello: setattr(hello, "version", 0x0304))


@case("client12", None, "RFC 5246 E.1",
      known={"mbedtls": Known("Mbed TLS refuses versions that it does not know", "protocol_version")})
def client_from_the_future(peer):
    """Higher than the server knows, without supported_versions: 1.2 it is."""
    alter(peer, lambda hello: setattr(hello, "version", 0x0305))


@case("client12", "protocol_version", "RFC 5246 E.1")
def client_of_11(peer):
    alter(peer, lambda hello: setattr(hello, "version", 0x0302))


@case("client12", "protocol_version", "RFC 5246 E.1",
      known={"openssl": Known("OpenSSL answers SSL 3.0 in its own terms", "handshake_failure", "protocol_version")})
def client_of_ssl3(peer):
    alter(peer, lambda hello: setattr(hello, "version", 0x0300))


@case("client12", "inappropriate_fallback", "RFC 7507 3", reason="protocol_version",
      known={"mbedtls": Known("Mbed TLS 3 has given RFC 7507 up; the sentinel of RFC 8446 is there instead")})
def fallback(peer):
    """The suite that says: this is not my best version."""
    alter(peer, lambda hello: hello.suites.append(0x5600))


@case("client12", None, "RFC 7507 3", ours={"set": {"maximum_version": 0x0303}})
def fallback_to_our_best(peer):
    alter(peer, lambda hello: hello.suites.append(0x5600))


OTHER_MAJOR = Known("OpenSSL takes another major version for no TLS", SILENT, "bad_record")


@case("client13", None, "RFC 8446 5.1")
def record_version_of_10(peer):
    """For the first record of a client it is usual."""
    def first(protection, kind, piece):
        peer.seal = lambda protection, kind, piece: protection.seal(kind, piece)
        return protection.seal(kind, piece, version=0x0301)
    peer.seal = first


@case("client12", None, "RFC 5246 E.1", name="record_version_of_10")
def record_version_of_10_in_12(peer):
    record_version_of_10(peer)


@case("client13 client12", None, "RFC 5246 E.1")
def record_version_of_11(peer):
    def first(protection, kind, piece):
        peer.seal = lambda protection, kind, piece: protection.seal(kind, piece)
        return protection.seal(kind, piece, version=0x0302)
    peer.seal = first


@case("client13 server13", None, "RFC 8446 5.1",
      known={"mbedtls": Known("Mbed TLS takes another major version for no TLS", "decode_error", "bad_record"),
             "openssl": OTHER_MAJOR})
def record_versions_at_random(peer):
    """legacy_record_version must be ignored."""
    peer.seal = lambda protection, kind, piece: protection.seal(kind, piece, version=0x0707)


@case("server12", "illegal_parameter", "RFC 5246 7.4.1.3",
      ours={"ciphers": ["TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"], "set": {"maximum_version": 0x0303}})
def suite_not_offered(peer):
    alter(peer, lambda hello: hello.suites.__setitem__(0, 0xc02c))


@case("server13", "illegal_parameter", "RFC 8446 4.1.3", ours={"ciphers": ["TLS1-3-AES-128-GCM-SHA256"]},
      name="suite_not_offered")
def suite_not_offered_13(peer):
    alter(peer, lambda hello: hello.suites.__setitem__(0, 0x1303))


@case(SERVERS, "illegal_parameter", "RFC 8446 4.1.3, RFC 5246 7.4.1.3",
      known={"mbedtls server12": Known("Mbed TLS sends internal_error", "internal_error", "illegal_parameter")})
def suite_unknown(peer):
    alter(peer, lambda hello: hello.suites.__setitem__(0, 0x3a3a))


@case("server13", "illegal_parameter", "RFC 8446 4.1.3")
def suite_of_12(peer):
    alter(peer, lambda hello: hello.suites.__setitem__(0, 0xc02b))


@case("server12", "illegal_parameter", "RFC 8446 4.1.3",
      known={"mbedtls": Known("Mbed TLS sends handshake_failure", "handshake_failure")})
def suite_of_13(peer):
    alter(peer, lambda hello: hello.suites.__setitem__(0, 0x1301))


@case(CLIENTS, "handshake_failure", "RFC 8446 4.1.1, RFC 5246 7.4.1.3")
def no_suite_in_common(peer):
    alter(peer, lambda hello: setattr(hello, "suites", [0x1a1a, 0x00ff]))


@case(CLIENTS, {"decode_error", "illegal_parameter", "handshake_failure"}, "RFC 8446 4.1.2, RFC 5246 7.4.1.2")
def no_suites(peer):
    alter(peer, lambda hello: setattr(hello, "suites", []))


@case(SERVERS, "illegal_parameter", "RFC 8446 4.1.3, RFC 5246 7.4.1.3")
def compression(peer):
    alter(peer, lambda hello: setattr(hello, "compression", b"\1"))


@case("client13", "illegal_parameter", "RFC 8446 4.1.2")
def compression_offered(peer):
    alter(peer, lambda hello: setattr(hello, "compression", b"\1\0"))


@case("client12", None, "RFC 5246 7.4.1.2", name="compression_offered")
def compression_offered_in_12(peer):
    compression_offered(peer)


@case("client13 client12", {"illegal_parameter", "decode_error", "handshake_failure"}, "RFC 8446 4.1.2, RFC 5246 7.4.1.2",
      known={"mbedtls client12": Known("Mbed TLS skips the list: compression is null whatever it says")})
def no_null_compression(peer):
    alter(peer, lambda hello: setattr(hello, "compression", b"\1"))


@case("server13", "illegal_parameter", "RFC 8446 4.1.3")
def session_id_not_returned(peer):
    alter(peer, lambda hello: setattr(hello, "session_id", bytes(32)))


@case(ALL, {"decode_error", "illegal_parameter"}, "RFC 8446 4.1.2, 4.1.3")
def session_id_of_33_bytes(peer):
    alter(peer, lambda hello: setattr(hello, "session_id", bytes(33)))
