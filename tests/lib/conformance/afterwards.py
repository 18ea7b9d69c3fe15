"""After the handshake: KeyUpdate, tickets, messages that are over, alerts at any time."""

from conformance import ALL, CLOSED, TOLD, Known, case
from tls_bytes.wire import ALERT, APPLICATION_DATA, HANDSHAKE, Extensions, message, number, u16, vector

BOTH13 = "client13 server13"
UPDATES = {"mbedtls": Known("Mbed TLS 3.6 has no KeyUpdate, and refuses it loudly", "unexpected_message")}


def talk(*steps):
    def prepare(peer):
        peer.talk[:0] = steps
    return prepare


def later(kind, content):
    return talk(lambda peer: peer.put(HANDSHAKE, message(kind, content)))


# ----------------------------------------------------------------------------------------------------------------------
# KeyUpdate (RFC 8446 4.6.3)

def updated(times):
    def check(peer, result):
        assert peer.key_updates == times
    return check


UPDATE = "RFC 8446 4.6.3"
case(BOTH13, None, UPDATE, name="key_update", known=UPDATES, check=updated(0))(talk("send key_update"))
case(BOTH13, None, UPDATE, name="key_update_wanted", known=UPDATES, check=updated(1))(
    talk(lambda peer: peer.send_key_update(1)))
case(BOTH13, None, UPDATE, name="key_updates_20", known=UPDATES)(talk(*["send key_update"] * 20))
case(BOTH13, "illegal_parameter", UPDATE, name="key_update_2", known=UPDATES)(later(24, b"\2"))
case(BOTH13, "decode_error", UPDATE, name="key_update_empty", known=UPDATES)(later(24, b""))
case(BOTH13, {"decode_error", "illegal_parameter"}, UPDATE, name="key_update_long", known=UPDATES)(later(24, b"\0\0"))
case(BOTH13, "bad_record_mac", UPDATE, name="key_update_without_new_keys", known=UPDATES)(later(24, b"\0"))
case("client12 server12", "unexpected_message", "RFC 5246 7.4", name="key_update")(later(24, b"\0"))


@case(BOTH13, "unexpected_message", "RFC 8446 5.1", known=UPDATES)
def data_behind_key_update(peer):
    """In the same record as the last message under the old keys."""
    update = message(24, b"\0")
    peer.talk.insert(0, lambda peer: peer.put(HANDSHAKE, update + message(24, b"\0")))


# ----------------------------------------------------------------------------------------------------------------------
# Messages whose time is over

OVER = "RFC 8446 4, 4.6; RFC 5246 7.4"
for kind, content, name in (
        (1, bytes(40), "client_hello"), (2, bytes(40), "server_hello"), (8, b"\0\0", "encrypted_extensions"),
        (11, bytes(4), "certificate"), (15, bytes(4), "certificate_verify"), (20, bytes(32), "finished"),
        (5, b"", "end_of_early_data"), (254, bytes(32), "message_hash"), (77, b"", "unknown")):
    case(BOTH13, "unexpected_message", OVER, name=f"{name}_afterwards")(later(kind, content))
case("server13", "unexpected_message", "RFC 8446 4.6.2", name="certificate_request_afterwards")(
    later(13, b"\0" + Extensions([(13, vector(u16(0x0403), 2))]).encode()))
case("client13", "unexpected_message", "RFC 8446 4.6.1", name="ticket_of_a_client")(
    later(4, number(7200, 4) + number(0, 4) + b"\1\0" + vector(b"t", 2) + b"\0\0"))
case("client12 server12", "unexpected_message", "RFC 5246 7.4", name="finished_afterwards")(later(20, bytes(12)))


# ----------------------------------------------------------------------------------------------------------------------
# Tickets (RFC 8446 4.6.1)

TICKET = "RFC 8446 4.6.1"
BAD_TICKET = {"decode_error", "illegal_parameter"}


LIFETIME = {"mbedtls": Known("Mbed TLS ends the connection with a server that gives a ticket for more than a week",
                             "illegal_parameter")}
LOOSE = {"mbedtls": Known("Mbed TLS takes such a ticket, which nobody else is harmed by")}


def ticket(**fields):
    return talk(lambda peer: peer.send_ticket(**fields))


case("server13", None, TICKET, name="ticket")(ticket())
case("server13", None, TICKET, name="ticket_of_no_lifetime")(ticket(lifetime=0))
case("server13", None, TICKET, name="ticket_for_weeks", known=LIFETIME)(ticket(lifetime=604800 + 1))
case("server13", None, TICKET, name="ticket_for_ever", known=LIFETIME)(ticket(lifetime=0xffffffff))
case("server13", BAD_TICKET, TICKET, name="ticket_empty", known=LOOSE)(ticket(identity=b""))
case("server13", None, TICKET, name="ticket_without_nonce")(ticket(nonce=b""))
case("server13", None, TICKET, name="ticket_with_a_long_nonce",
     known={"mbedtls": Known("Mbed TLS has room for shorter ones, as servers use, and ends the connection", "internal_error",
                             "internal")})(ticket(nonce=bytes(255)))
case("server13", None, TICKET, name="ticket_of_16_kilobytes")(ticket(identity=bytes(16000)))
case("server13", None, TICKET, name="tickets_50")(talk(*["send ticket"] * 50))
case("server13", BAD_TICKET, TICKET, name="ticket_cut")(later(4, number(7200, 4) + bytes(4) + b"\1\0" + u16(40) + b"t"))
case("server13", BAD_TICKET, TICKET, name="ticket_with_garbage_behind", known=LOOSE)(ticket(extensions=b"\0\0\0"))


# ----------------------------------------------------------------------------------------------------------------------
# Alerts

INVALID = {"mbedtls": Known("Mbed TLS has one word for every wrong record, and leaves the alert to us", "decode_error", "bad_record")}
LEVELS = Known("the library does not hear what is neither a warning nor fatal")


def peers_alert(name):
    """What the peer says is what our error tells."""
    def check(peer, result):
        assert result["error"]["alert"] == name and result["error"]["alert_by"] == "peer"
        assert result["error"]["reason"] == "peer_alert" and result["received"] == ""
    return check


def ends_with(level, number, when):
    """The peer sends an alert, and then it has ended."""
    def prepare(peer):
        if when == "early":
            last = "send finished" if peer.version == 13 else "send keys"
            peer.steps[peer.steps.index(last):] = [lambda peer: peer.send_alert(level, number)]
            peer.talk = []
        else:
            peer.talk[:] = [lambda peer: peer.send_alert(level, number)]
    return prepare


ALERTS = "RFC 8446 6, RFC 5246 7.2"
for when in ("early", "late"):
    for code, name in ((40, "handshake_failure"), (48, "unknown_ca"), (80, "internal_error")):
        case(ALL, TOLD, ALERTS, name=f"{name}_{when}", check=peers_alert(name))(ends_with(2, code, when))
case(BOTH13, TOLD, "RFC 8446 6", name="handshake_failure_as_warning", check=peers_alert("handshake_failure"),
     known={"mbedtls": Known("Mbed TLS goes by the level in TLS 1.3 too, and does not hear a warning")})(
         talk(lambda peer: peer.send_alert(1, 40)))
case(ALL, CLOSED, ALERTS, name="close_notify_early")(ends_with(1, 0, "early"))
case(ALL, {"decode_error", "unexpected_message"}, ALERTS, name="alert_of_one_byte", known=INVALID)(talk(lambda peer: peer.put(ALERT, b"\1")))
case(ALL, {"decode_error", "unexpected_message"}, ALERTS, name="alert_of_three_bytes", known=INVALID)(
    talk(lambda peer: peer.put(ALERT, b"\1\0\0")))
case(BOTH13, {"decode_error", "unexpected_message"}, "RFC 8446 5.1", name="two_alerts_in_a_record", known=INVALID)(
    talk(lambda peer: peer.put(ALERT, b"\1\0\1\0")))
case(ALL, {"illegal_parameter", "decode_error", "unexpected_message"}, ALERTS, name="alert_level_3",
     known={"mbedtls": LEVELS, "openssl client13": LEVELS, "openssl server13": LEVELS})(
    talk(lambda peer: peer.send_alert(3, 90)))
case("client12 server12", None, "RFC 5246 7.2", name="warning_of_no_renegotiation",
     known={"openssl": Known("OpenSSL ends the connection though nobody asked for renegotiation", "handshake_failure")})(talk(lambda peer: peer.send_alert(1, 100)))
case("client12 server12", None, "RFC 5246 7.2.2", name="unknown_warning")(talk(lambda peer: peer.send_alert(1, 222)))
case(ALL, None, "RFC 8446 6.1, RFC 5246 7.2", name="user_canceled")(talk(lambda peer: peer.send_alert(1, 90)))
case(ALL, "unexpected_message", ALERTS, name="warnings_without_end",
     known={"mbedtls": Known("Mbed TLS hears any number of warnings; each costs the peer more than us")})(talk(*[lambda peer: peer.send_alert(1, 90)] * 200))


@case(ALL, None, "RFC 8446 6.1, RFC 5246 7.2.1")
def data_after_close_notify(peer):
    """It is not read."""
    peer.talk.append(lambda peer: peer.put(APPLICATION_DATA, b"too late"))


@case(ALL, None, "RFC 8446 6.1", check=lambda peer, result: truncated(result))
def without_close_notify(peer):
    peer.talk.remove("send close_notify")


def truncated(result):
    assert result["truncated"] is True
