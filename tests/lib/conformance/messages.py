"""Handshake messages: signatures, Finished, what is missing, comes twice, too early, too short or too long."""

from conformance import ALL, CLIENTS, END, SERVERS, Known, case
from conformance.steps import WANTS_CERTIFICATE, body, flip, insert_after, insert_before, show_certificate
from tls_bytes.records import Plain
from tls_bytes.wire import HANDSHAKE, message, number, vector

# ----------------------------------------------------------------------------------------------------------------------
# Signatures

@case("server12", {"decrypt_error"}, "RFC 5246 7.4.3", reason="handshake_failure")
def wrong_signature(peer):
    peer.alter["server_key_exchange"] = flip


@case("server13", "decrypt_error", "RFC 8446 4.4.3", name="wrong_signature")
def wrong_signature_13(peer):
    peer.alter["certificate_verify"] = flip


@case(CLIENTS, "decrypt_error", "RFC 8446 4.4.3, RFC 5246 7.4.8", ours=WANTS_CERTIFICATE, name="wrong_signature")
def clients_wrong_signature(peer):
    show_certificate(peer)
    peer.alter["certificate_verify"] = flip


@case(SERVERS, "decrypt_error", "RFC 8446 4.4.3, RFC 5246 7.4.3")
def signature_of_another_key(peer):
    chain, peer.identity = peer.identity.chain, peer.stranger
    peer.identity.chain = chain


@case(CLIENTS, "decrypt_error", "RFC 8446 4.4.3, RFC 5246 7.4.8", ours=WANTS_CERTIFICATE, name="signature_of_another_key")
def clients_signature_of_another_key(peer):
    show_certificate(peer)
    signature_of_another_key(peer)


def scheme(value):
    def prepare(peer):
        peer.scheme = value
    return prepare


def clients_scheme(value):
    def prepare(peer):
        show_certificate(peer)
        peer.scheme = value
    return prepare


for value, name in ((0x0804, "scheme_of_rsa"), (0x0503, "scheme_of_p384"), (0x0203, "scheme_of_sha1"),
                    (0x7a7a, "scheme_unknown")):
    case(SERVERS, {"illegal_parameter", "decrypt_error", "handshake_failure"}, "RFC 8446 4.4.3, RFC 5246 7.4.3",
         name=name)(scheme(value))
    case(CLIENTS, {"illegal_parameter", "decrypt_error", "handshake_failure"}, "RFC 8446 4.4.3, RFC 5246 7.4.8",
         name=name, ours=WANTS_CERTIFICATE)(clients_scheme(value))


@case("server13", {"illegal_parameter", "decrypt_error"}, "RFC 8446 4.4.3")
def signature_of_the_other_role(peer):
    """A signature that a client made does not stand for a server."""
    def sign(peer):
        peer.role = "client"
        peer.send_certificate_verify()
        peer.role = "server"
    peer.steps[peer.steps.index("send certificate_verify")] = sign


@case("server13", {"illegal_parameter", "decrypt_error", "decode_error"}, "RFC 8446 4.4.3")
def signature_empty(peer):
    peer.alter["certificate_verify"] = body(lambda data: data[:2] + b"\0\0")


# ----------------------------------------------------------------------------------------------------------------------
# Finished

@case(ALL, "decrypt_error", "RFC 8446 4.4.4, RFC 5246 7.4.9")
def wrong_finished(peer):
    peer.alter["finished"] = flip


@case(ALL, {"decrypt_error", "decode_error"}, "RFC 8446 4.4.4, RFC 5246 7.4.9")
def short_finished(peer):
    peer.alter["finished"] = body(lambda data: data[:-1])


@case(ALL, {"decrypt_error", "decode_error"}, "RFC 8446 4.4.4, RFC 5246 7.4.9")
def long_finished(peer):
    peer.alter["finished"] = body(lambda data: data + b"\0")


@case(ALL, {"decrypt_error", "decode_error"}, "RFC 8446 4.4.4, RFC 5246 7.4.9")
def empty_finished(peer):
    peer.alter["finished"] = body(lambda data: b"")


@case(ALL, "decrypt_error", "RFC 8446 4.4.4, RFC 5246 7.4.9")
def finished_of_zeros(peer):
    peer.alter["finished"] = body(lambda data: bytes(len(data)))


# ----------------------------------------------------------------------------------------------------------------------
# Missing, repeated, exchanged: the step that is not as it should be, and so on with the rest

SENT = {
    "server12": ["certificate", "server_key_exchange", "server_hello_done", "finished"],
    "server13": ["encrypted_extensions", "certificate", "certificate_verify", "finished"],
    "client12": ["client_key_exchange", "finished"],
    "client13": [],
}


def without(name):
    return altered(name, lambda data: b"")


def again(name):
    """Sends the message once more, but not as a part of the handshake."""
    def prepare(peer):
        kept = []
        peer.alter[name] = lambda data: kept.append(data) or data
        insert_after(peer, f"send {name}", lambda peer: peer.put(HANDSHAKE, kept[0]))
    return prepare


def exchanged(first, second):
    def prepare(peer):
        i, j = peer.steps.index(first), peer.steps.index(second)
        peer.steps[i], peer.steps[j] = second, first
    return prepare


def no_more_after(step):
    """The peer falls silent, and ends the connection."""
    def prepare(peer):
        del peer.steps[peer.steps.index(step) + 1:]
        peer.talk = []
    return prepare


def altered(name, change):
    def prepare(peer):
        peer.alter[name] = change
    return prepare


ORDER = "RFC 8446 4, RFC 5246 7.3"
LAST = {"server12": "server_hello_done", "server13": "finished", "client12": "finished"}
DUPLICATES = {"mbedtls server12": Known("Mbed TLS takes a second ServerKeyExchange for a damaged CertificateRequest",
                                        "decode_error")}
for peer, names in SENT.items():
    for name in names:
        if name != "finished" and name != LAST[peer]:
            case(peer, "unexpected_message", ORDER, name=f"without_{name}")(without(name))
        if name != "finished":
            case(peer, "unexpected_message", ORDER, name=f"twice_{name}",
                 known=DUPLICATES if name == "server_key_exchange" else None)(again(name))
    for first, second in zip(names, names[1:]):
        if second != "finished" or peer == "server13":
            case(peer, "unexpected_message", ORDER, name=f"{second}_before_{first}")(
                exchanged(f"send {first}", f"send {second}"))

for peer, step in (("server12", "send server_key_exchange"), ("server13", "send certificate_verify"),
                   ("client12", "send keys"), ("client13", "hear finished"), ("server12", "hear finished")):
    case(peer, END, ORDER, name=f"silent_after_{step.split()[1]}")(no_more_after(step))


@case("client13", "bad_record_mac", "RFC 8446 5.2")
def data_instead_of_finished(peer):
    """Under keys that are not due yet."""
    peer.alter["finished"] = lambda data: b""


@case("client12 server12", "unexpected_message", ORDER, name="data_instead_of_finished")
def data_instead_of_finished_12(peer):
    peer.steps[peer.steps.index("send finished"):] = []


@case("client12", "unexpected_message", ORDER)
def without_change_cipher_spec(peer):
    peer.steps[peer.steps.index("send keys")] = lambda peer: None


@case("server12", "unexpected_message", ORDER, name="without_change_cipher_spec")
def server_without_change_cipher_spec(peer):
    peer.steps[peer.steps.index("send keys")] = lambda peer: None


@case("client12 server12", "unexpected_message", "RFC 5246 7.1")
def change_cipher_spec_at_once(peer):
    """Before there are keys (CVE-2014-0224)."""
    insert_after(peer, "send client_hello" if peer.role == "client" else "send server_hello", "send change_cipher_spec")


PLAIN = {"mbedtls client13": Known("Mbed TLS takes what is not encrypted for what cannot be decrypted", "bad_record_mac"),
         "mbedtls server13": Known("Mbed TLS takes what is not encrypted for what cannot be decrypted", "bad_record_mac")}


@case("client12", "unexpected_message", ORDER)
def hello_twice(peer):
    again("client_hello")(peer)


@case("client13", "unexpected_message", ORDER, name="hello_twice", known=PLAIN)
def hello_twice_13(peer):
    again("client_hello")(peer)


@case("server12", "unexpected_message", ORDER, name="hello_twice")
def server_hello_twice(peer):
    again("server_hello")(peer)


@case("server13", "unexpected_message", ORDER, name="hello_twice", known=PLAIN)
def server_hello_twice_13(peer):
    kept = []
    peer.alter["server_hello"] = lambda data: kept.append(data) or data
    insert_after(peer, "send server_hello", lambda peer: peer.put_raw(Plain().seal(HANDSHAKE, kept[0])))


@case("client13", "unexpected_message", ORDER, ours=WANTS_CERTIFICATE)
def without_certificate(peer):
    show_certificate(peer)
    peer.steps.remove("send certificate")


@case("client13", "unexpected_message", ORDER, ours=WANTS_CERTIFICATE)
def without_certificate_verify(peer):
    show_certificate(peer)
    peer.steps.remove("send certificate_verify")


@case("client12", "unexpected_message", ORDER, ours=WANTS_CERTIFICATE, name="without_certificate")
def without_certificate_12(peer):
    show_certificate(peer)
    peer.steps.remove("send certificate")


@case("client12", "unexpected_message", ORDER, ours=WANTS_CERTIFICATE, name="without_certificate_verify")
def without_certificate_verify_12(peer):
    show_certificate(peer)
    peer.steps.remove("send certificate_verify")


@case("client13", "unexpected_message", ORDER, ours=WANTS_CERTIFICATE)
def finished_alone(peer):
    show_certificate(peer)
    for step in ("send certificate", "send certificate_verify"):
        peer.steps.remove(step)


@case("client13", "certificate_required", "RFC 8446 4.4.2.4", ours=WANTS_CERTIFICATE)
def no_certificates(peer):
    show_certificate(peer)
    peer.identity.chain = []
    peer.steps.remove("send certificate_verify")


@case("client12", "handshake_failure", "RFC 5246 7.4.6", ours=WANTS_CERTIFICATE, reason="no_client_certificate",
      name="no_certificates")
def no_certificates_12(peer):
    no_certificates(peer)


@case("server13", "decode_error", "RFC 8446 4.4.2.4",
      known={"mbedtls": Known("Mbed TLS sends the alert of SSL 3.0", "no_certificate", "bad_certificate")})
def server_without_certificates(peer):
    peer.identity.chain = []


@case("client13 client12", "unexpected_message", ORDER)
def certificate_not_asked_for(peer):
    insert_before(peer, "send finished" if peer.version == 13 else "send client_key_exchange", "send certificate")


@case(ALL, "unexpected_message", "RFC 8446 5, RFC 5246 7.3")
def data_before_finished(peer):
    insert_before(peer, "send finished", "send data")


@case(ALL, "unexpected_message", "RFC 8446 5, RFC 5246 7.3")
def data_for_a_hello(peer):
    step = "send client_hello" if peer.role == "client" else "send server_hello"
    peer.steps[peer.steps.index(step):] = ["send data"]
    peer.talk = []


@case(ALL, "unexpected_message", "RFC 8446 4")
def unknown_message(peer):
    insert_before(peer, "send finished", lambda peer: peer.put(HANDSHAKE, message(99, b"?")))


@case(ALL, "unexpected_message", "RFC 8446 4")
def key_update_before_finished(peer):
    insert_before(peer, "send finished", lambda peer: peer.put(HANDSHAKE, message(24, b"\0")))


@case("client13 client12", "unexpected_message", "RFC 8446 4")
def message_of_a_server(peer):
    insert_before(peer, "send finished", lambda peer: peer.put(HANDSHAKE, message(4, bytes(6))))


@case("server13", "unexpected_message", "RFC 8446 4", name="ticket_before_finished")
def ticket_before_finished(peer):
    insert_before(peer, "send finished", lambda peer: peer.put(HANDSHAKE, message(4, number(7200, 4) + bytes(12))))


@case("server12", None, "RFC 5246 7.4.1.1",
      known={"mbedtls": Known("Mbed TLS expects one only after the handshake", "unexpected_message")})
def hello_request(peer):
    """A client in the middle of a handshake ignores it."""
    insert_before(peer, "send certificate", lambda peer: peer.put(HANDSHAKE, message(0, b"")))


@case("server13", "unexpected_message", "RFC 8446 4", name="hello_request",
      known={"openssl": Known("OpenSSL ignores it, as in TLS 1.2")})
def hello_request_13(peer):
    insert_before(peer, "send certificate", lambda peer: peer.put(HANDSHAKE, message(0, b"")))


# ----------------------------------------------------------------------------------------------------------------------
# Lengths

BODIES = {
    "client12": ["client_hello", "client_key_exchange"], "client13": ["client_hello"],
    "server12": ["server_hello", "certificate", "server_key_exchange", "server_hello_done"],
    "server13": ["server_hello", "encrypted_extensions", "certificate", "certificate_verify"],
}


LONGER = {
    "client_hello": {"mbedtls client13": Known("Mbed TLS reads no further than the extensions, and has another transcript "
                                               "then: the handshake cannot succeed", END)},
    "server_hello": {"mbedtls server13": Known("Mbed TLS reads no further than the extensions; Finished covers the rest")},
    "certificate_verify": {"mbedtls server13": Known("Mbed TLS reads no further than the signature; Finished covers it")},
}
EMPTY = {"client_key_exchange": {"openssl": Known("OpenSSL calls this the lack of a key", "handshake_failure")}}
LENGTHS = "RFC 8446 4.1, 6.2; RFC 5246 7.2.2"
TOO_LONG, TOO_SHORT = {"decode_error", "illegal_parameter"}, {"decode_error", "illegal_parameter"}
for peer, names in BODIES.items():
    for name in names:
        case(peer, TOO_LONG, LENGTHS, name=f"garbage_after_{name}", known=LONGER.get(name))(altered(name, body(lambda data: data + b"\0")))
        if name != "server_hello_done":
            case(peer, TOO_SHORT, LENGTHS, name=f"{name}_cut")(altered(name, body(lambda data: data[:-1])))
            case(peer, TOO_SHORT, LENGTHS, name=f"{name}_empty", known=EMPTY.get(name))(altered(name, body(lambda data: b"")))


@case(ALL, {"decode_error", "illegal_parameter", "unexpected_message", "record_overflow", "handshake_failure"}, LENGTHS)
def message_of_16_megabytes(peer):
    """That is what it says: our side must not wait for it for ever, nor take the memory."""
    name = "client_hello" if peer.role == "client" else "certificate"
    peer.alter[name] = lambda data: data[:1] + b"\xff\xff\xff" + data[4:] + bytes(70000)


def longer_at(name, where, size):
    """The length at this place of the message says one more than there is."""
    def change(data):
        value = int.from_bytes(data[where:where + size], "big") + 1
        return data[:where] + number(value, size) + data[where + size:]
    return altered(name, change)


case("server13", TOO_SHORT, LENGTHS, name="certificate_list_lies")(longer_at("certificate", 5, 3))
case("server13", TOO_SHORT, LENGTHS, name="certificate_context_lies")(longer_at("certificate", 4, 1))
case("server12", TOO_SHORT, LENGTHS, name="certificate_list_lies")(longer_at("certificate", 4, 3))
case("server13", TOO_SHORT, LENGTHS, name="signature_lies")(longer_at("certificate_verify", 6, 2))
case("server13", TOO_SHORT, LENGTHS, name="encrypted_extensions_lie")(longer_at("encrypted_extensions", 4, 2))
case(SERVERS, TOO_SHORT, LENGTHS, name="session_id_lies")(longer_at("server_hello", 38, 1))
case("client12", TOO_SHORT, LENGTHS, name="key_exchange_lies")(longer_at("client_key_exchange", 4, 1))
case("server12", TOO_SHORT, LENGTHS, name="point_lies")(longer_at("server_key_exchange", 7, 1))
case(CLIENTS, TOO_SHORT, LENGTHS, name="session_id_lies")(longer_at("client_hello", 38, 1))
case(CLIENTS, TOO_SHORT, LENGTHS, name="suites_lie")(longer_at("client_hello", 39, 2))
case(CLIENTS, TOO_SHORT, LENGTHS, name="compression_lies")(longer_at("client_hello", 43, 1))
case(CLIENTS, TOO_SHORT, LENGTHS, name="extensions_lie")(longer_at("client_hello", 45, 2))
case(CLIENTS, TOO_SHORT, LENGTHS, name="extension_lies")(longer_at("client_hello", 49, 2))
case(CLIENTS, TOO_SHORT, LENGTHS, name="name_list_lies")(longer_at("client_hello", 51, 2))
case(CLIENTS, TOO_SHORT, LENGTHS, name="name_lies")(longer_at("client_hello", 54, 2))


@case("server13", "decode_error", "RFC 8446 4.4.2",
      known={"openssl": Known("OpenSSL takes it for a certificate that cannot be read", "bad_certificate")})
def empty_certificate(peer):
    peer.alter["certificate"] = body(lambda data: b"\0" + vector(vector(b"", 3) + b"\0\0", 3))


@case("server13", {"illegal_parameter", "decode_error"}, "RFC 8446 4.4.2")
def certificate_with_a_context(peer):
    peer.steps[peer.steps.index("send certificate")] = lambda peer: peer.send_certificate(b"context")


@case(SERVERS, "bad_certificate", "RFC 8446 6.2, RFC 5246 7.2.2")
def damaged_certificate(peer):
    leaf = peer.identity.chain[0]
    peer.identity.chain = [b"\x31" + leaf[1:], *peer.identity.chain[1:]]
