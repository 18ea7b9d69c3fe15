"""The record layer: lengths, content types, empty records, padding, sequence numbers, change_cipher_spec."""

from conformance import ALL, END, Known, case
from conformance.steps import flip, insert_after, insert_before
from tls_bytes.records import Plain, Sealed13
from tls_bytes.wire import ALERT, APPLICATION_DATA, HANDSHAKE, u8, u16

LARGEST = 1 << 14
INVALID = Known("Mbed TLS has one word for every wrong record, and leaves the alert to us", "decode_error", "bad_record")
ROOM = Known("Mbed TLS takes what its buffer has room for, and cannot decrypt it", "bad_record_mac")
SHORT_DATA = Known("the library measures the data without the padding")
TOO_SHORT = Known("OpenSSL calls this an error of its own", "internal_error", "internal")
DROPPED = {"mbedtls": Known("Mbed TLS drops every change_cipher_spec in TLS 1.3")}
ILLEGAL = {"openssl": Known("OpenSSL sends illegal_parameter", "illegal_parameter")}
OVERFLOW = "RFC 8446 5.1, 5.2; RFC 5246 6.2"


def hello_step(peer):
    return "send client_hello" if peer.role == "client" else "send server_hello"


def first(raw):
    """The peer's first record is this, and then it ends."""
    def prepare(peer):
        peer.steps[peer.steps.index(hello_step(peer)):] = [lambda peer: peer.put_raw(raw)]
        peer.talk = []
    return prepare


def before_data(act):
    def prepare(peer):
        peer.talk.insert(0, act)
    return prepare


def after_hello(act):
    def prepare(peer):
        insert_after(peer, hello_step(peer), act)
    return prepare


# ----------------------------------------------------------------------------------------------------------------------
# Length

@case(ALL, "record_overflow", OVERFLOW)
def plain_overflow(peer):
    first(u8(HANDSHAKE) + u16(0x0303) + u16(LARGEST + 1) + b"\1" + bytes(LARGEST))(peer)


@case(ALL, "record_overflow", OVERFLOW,
      known={"mbedtls client13": ROOM, "mbedtls server13": ROOM})
def sealed_overflow(peer):
    """Longer than any protection makes it."""
    size = LARGEST + (256 if peer.version == 13 else 2048) + 1
    before_data(lambda peer: peer.put_raw(u8(APPLICATION_DATA) + u16(0x0303) + u16(size) + bytes(size)))(peer)


@case(ALL, "record_overflow", OVERFLOW,
      known={"mbedtls": INVALID})
def inner_overflow(peer):
    """One byte too much, encrypted as it should be."""
    before_data(lambda peer: peer.put_raw(peer.writing.seal(APPLICATION_DATA, bytes(LARGEST + 1))))(peer)


@case(ALL, None, OVERFLOW)
def largest(peer):
    peer.data = b"x" * LARGEST


@case(ALL, None, OVERFLOW)
def three_records_of_data(peer):
    peer.data = b"x" * (2 * LARGEST + 1)


@case("client13 server13", None, "RFC 8446 5.4")
def padding(peer):
    peer.seal = lambda protection, kind, piece: protection.seal(kind, piece, padding=100)


@case("client13 server13", None, "RFC 8446 5.4")
def all_padding_there_is_room_for(peer):
    def send(peer):
        peer.put_raw(peer.writing.seal(APPLICATION_DATA, peer.data, padding=LARGEST - len(peer.data)))
    peer.talk[0] = send


@case("client13 server13", "record_overflow", "RFC 8446 5.4",
      known={"mbedtls": SHORT_DATA, "openssl": SHORT_DATA})
def too_much_padding(peer):
    before_data(lambda peer: peer.put_raw(peer.writing.seal(APPLICATION_DATA, b"", padding=LARGEST + 1)))(peer)


@case("client13 server13", "unexpected_message", "RFC 8446 5.4",
      known={"mbedtls": INVALID})
def zeros_only(peer):
    """No content type."""
    before_data(lambda peer: peer.put_raw(peer.writing.seal_inner(bytes(40))))(peer)


@case("client13 server13", "unexpected_message", "RFC 8446 5.4",
      known={"mbedtls": INVALID, "openssl": Known("OpenSSL takes it for too short to decrypt", "bad_record_mac")})
def nothing_inside(peer):
    before_data(lambda peer: peer.put_raw(peer.writing.seal_inner(b"")))(peer)


@case(ALL, {"bad_record_mac", "decode_error"}, "RFC 8446 5.2, RFC 5246 6.2.3.3",
      known={"openssl client12": TOO_SHORT, "openssl server12": TOO_SHORT})
def shorter_than_a_tag(peer):
    before_data(lambda peer: peer.put_raw(u8(APPLICATION_DATA) + u16(0x0303) + u16(10) + bytes(10)))(peer)


# ----------------------------------------------------------------------------------------------------------------------
# Empty

@case(ALL, None, "RFC 8446 5.1, RFC 5246 6.2.1")
def empty_data(peer):
    before_data(lambda peer: peer.put_raw(peer.writing.seal(APPLICATION_DATA, b"")))(peer)


@case(ALL, {"unexpected_message", END}, "RFC 8446 5.1",
      known={"mbedtls": INVALID})
def empty_handshake_first(peer):
    """Not to be sent; nothing is said of who receives one. So many are ignored, more are not."""
    first(Plain().seal(HANDSHAKE, b"") * 3)(peer)


@case("client13 server13", "unexpected_message", "RFC 8446 5.1, 5.4",
      known={"mbedtls": INVALID})
def empty_handshake(peer):
    insert_before(peer, "send finished", lambda peer: peer.put_raw(peer.writing.seal(HANDSHAKE, b"")))


@case("client13 server13", {"unexpected_message", "decode_error"}, "RFC 8446 5.1, 5.4",
      known={"mbedtls": INVALID})
def empty_alert(peer):
    before_data(lambda peer: peer.put_raw(peer.writing.seal(ALERT, b"")))(peer)


# ----------------------------------------------------------------------------------------------------------------------
# Content types

for kind in (0, 24, 25, 99, 255):
    case(ALL, "unexpected_message", "RFC 8446 5, RFC 5246 6", name=f"content_type_{kind}_first")(
        first(Plain().seal(kind, b"what is this?")))
    case(ALL, "unexpected_message", "RFC 8446 5, RFC 5246 6", name=f"content_type_{kind}")(
        before_data(lambda peer, kind=kind: peer.put(kind, b"what is this?")))


@case("client13 server13", "unexpected_message", "RFC 8446 5.2",
      known={"mbedtls": Known("Mbed TLS does not look at the outer type of a record that it can decrypt")})
def outer_type_of_handshake(peer):
    """Encrypted records say that they are application data."""
    before_data(lambda peer: peer.put_raw(peer.writing.seal_inner(u8(APPLICATION_DATA), outer=HANDSHAKE)))(peer)


@case("client13 server13", {"unexpected_message", "bad_record_mac"}, "RFC 8446 5")
def plain_data(peer):
    before_data(lambda peer: peer.put_raw(Plain().seal(APPLICATION_DATA, b"not encrypted at all, but long enough")))(peer)


@case("client13 server13", {"unexpected_message", "bad_record_mac"}, "RFC 8446 5, 6")
def plain_alert_afterwards(peer):
    """Anybody could have sent it."""
    before_data(lambda peer: peer.put_raw(Plain().seal(ALERT, b"\1\0")))(peer)


@case("client12 server12", "bad_record_mac", "RFC 5246 6.2.3", name="plain_data")
def plain_data_12(peer):
    plain_data(peer)


# ----------------------------------------------------------------------------------------------------------------------
# Integrity

def spoilt(at):
    def send(peer):
        peer.put_raw(flip(peer.writing.seal(APPLICATION_DATA, peer.data), at))
    return before_data(send)


case(ALL, "bad_record_mac", "RFC 8446 5.2, RFC 5246 7.2.2", name="bad_tag")(spoilt(-1))
case(ALL, "bad_record_mac", "RFC 8446 5.2, RFC 5246 7.2.2", name="bad_data")(spoilt(14))


@case(ALL, "bad_record_mac", "RFC 8446 5.2, RFC 5246 7.2.2")
def bad_tag_of_finished(peer):
    def spoil(protection, kind, piece):
        record = protection.seal(kind, piece)
        return flip(record) if peer.spoiling else record
    peer.spoiling = False
    peer.seal = spoil
    insert_before(peer, "send finished", lambda peer: setattr(peer, "spoiling", True))


@case(ALL, "bad_record_mac", "RFC 8446 5.3, RFC 5246 6.2.3.3")
def record_again(peer):
    """Replayed."""
    def send(peer):
        record = peer.writing.seal(APPLICATION_DATA, b"")
        peer.put_raw(record + record)
    before_data(send)(peer)


@case(ALL, "bad_record_mac", "RFC 8446 5.3, RFC 5246 6.2.3.3")
def record_left_out(peer):
    before_data(lambda peer: peer.writing.seal(APPLICATION_DATA, b"lost"))(peer)


@case(ALL, "bad_record_mac", "RFC 8446 5.3, RFC 5246 6.2.3.3")
def records_exchanged(peer):
    def send(peer):
        one, two = peer.writing.seal(APPLICATION_DATA, b"1"), peer.writing.seal(APPLICATION_DATA, b"2")
        peer.put_raw(two + one)
    before_data(send)(peer)


@case("client13 server13", "bad_record_mac", "RFC 8446 7.3")
def old_keys(peer):
    """Those of the handshake for what follows it."""
    before_data(lambda peer: peer.write_with(Sealed13(peer.handshake[peer.role])))(peer)


# ----------------------------------------------------------------------------------------------------------------------
# change_cipher_spec in TLS 1.3 (section 5 and D.4): one byte 1 between the hellos and the Finished, to be dropped

def change_cipher_spec(data=b"\1"):
    return lambda peer: peer.put_raw(Plain().seal(20, data))


@case("client13 server13", None, "RFC 8446 5, D.4", name="change_cipher_spec")
def compatible(peer):
    after_hello(change_cipher_spec())(peer)


case("client13 server13", "unexpected_message", "RFC 8446 5", name="change_cipher_spec_of_two_bytes", known=ILLEGAL)(
    after_hello(change_cipher_spec(b"\1\1")))
case("client13 server13", "unexpected_message", "RFC 8446 5", name="change_cipher_spec_2", known=ILLEGAL)(
    after_hello(change_cipher_spec(b"\2")))
case("client13 server13", "unexpected_message", "RFC 8446 5", name="change_cipher_spec_empty", known=ILLEGAL)(
    after_hello(change_cipher_spec(b"")))
case("client13 server13", "unexpected_message", "RFC 8446 5", name="change_cipher_spec_afterwards", known=DROPPED)(
    before_data(change_cipher_spec()))
case("client13 server13", "unexpected_message", "RFC 8446 5", name="change_cipher_spec_encrypted", known=DROPPED)(
    before_data(lambda peer: peer.put(20, b"\1")))


@case("client13", "unexpected_message", "RFC 8446 5", known=DROPPED)
def change_cipher_spec_before_hello(peer):
    peer.steps.insert(0, change_cipher_spec())


@case("server13", "unexpected_message", "RFC 8446 5", name="change_cipher_spec_before_hello", known=DROPPED)
def change_cipher_spec_before_server_hello(peer):
    insert_before(peer, "send server_hello", change_cipher_spec())


@case("client12 server12", {"decode_error", "illegal_parameter", "unexpected_message"}, "RFC 5246 7.1")
def change_cipher_spec_2_of_12(peer):
    peer.send_change_cipher_spec = lambda: peer.put(20, b"\2")


@case("client12 server12", "unexpected_message", "RFC 5246 7.1")
def change_cipher_spec_afterwards(peer):
    before_data(lambda peer: peer.send_change_cipher_spec())(peer)


# ----------------------------------------------------------------------------------------------------------------------
# Messages and keys

@case("server13", "unexpected_message", "RFC 8446 5.1")
def message_over_a_change_of_keys(peer):
    """What follows the ServerHello in its record would be without protection."""
    def send(peer):
        kept = peer.put_raw
        peer.put_raw = lambda raw: None
        peer.send_server_hello()
        peer.put_raw = kept
        hello = peer.transcript[peer.hello_size:]
        peer.put_raw(Plain().seal(HANDSHAKE, hello + b"\x08\0\0\2\0\0"))
    peer.steps[peer.steps.index("send server_hello")] = send
    peer.steps.insert(1, lambda peer: setattr(peer, "hello_size", len(peer.transcript)))


@case("client13 server13", "unexpected_message", "RFC 8446 5.1")
def data_inside_a_message(peer):
    """Half of Finished, then data."""
    def half(kind, data):
        return [data[:10]] if kind == HANDSHAKE and data[0] == 20 else [data]
    peer.frame = half
    insert_before(peer, "send finished", lambda peer: setattr(peer, "before", peer.writing))
    insert_after(peer, "send finished", lambda peer: peer.write_with(peer.before), "send data")
