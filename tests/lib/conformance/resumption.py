"""Resumption, and what a peer can do wrong about it: cases of a second handshake.

    @resumption("client13", True, "RFC 8446 2.2")
    def name(peer): ...

The peer has what the first handshake gave (peer.ticket) when the function is called. The second handshake is abbreviated, or
full (False), or either (None); or our side refuses it with an alert, or one of a set. known is as for other cases.
"""

import dataclasses

from conformance import Known
from conformance.steps import flip
from tls_bytes.wire import KEY_SHARE, PRE_SHARED_KEY, PSK_KEY_EXCHANGE_MODES, u16

RESUMPTIONS = []
BINDER = {"handshake_failure", "illegal_parameter"}


@dataclasses.dataclass
class Resumption:
    name: str
    peer: str
    prepare: object
    resumed: object
    rfc: str
    alert: object = None
    reason: object = None
    known: dict = dataclasses.field(default_factory=dict)

    @property
    def id(self):
        return f"{self.peer}-{self.name}"


def resumption(peer, resumed, rfc, *, name=None, **more):
    def register(prepare):
        RESUMPTIONS.append(Resumption(name or prepare.__name__, peer, prepare, resumed, rfc, **more))
        return prepare
    return register


# ----------------------------------------------------------------------------------------------------------------------
# Our server

@resumption("client13", True, "RFC 8446 2.2")
def ordinary(peer):
    pass


@resumption("client12", True, "RFC 5077 3.1")
def ticket_of_12(peer):
    pass


@resumption("client13", None, "RFC 8446 4.2.11.2", alert={"decrypt_error", "illegal_parameter"}, reason=BINDER)
def wrong_binder(peer):
    peer.alter["client_hello"] = flip


@resumption("client13", None, "RFC 8446 4.2.11.2", alert={"decrypt_error", "illegal_parameter"}, reason=BINDER)
def another_key(peer):
    identity, psk, age = peer.ticket
    peer.ticket = identity, flip(psk), age


@resumption("client13", False, "RFC 8446 4.2.11")
def ticket_of_a_stranger(peer):
    peer.ticket = bytes(len(peer.ticket[0])), *peer.ticket[1:]


def damaged_at(where):
    def prepare(peer):
        peer.ticket = flip(peer.ticket[0], where), *peer.ticket[1:]
    return prepare


for where in (0, 20, 40, -1):
    resumption("client13", False, "RFC 8446 4.2.11", name=f"ticket_damaged_at_{where}")(damaged_at(where))
    resumption("client12", False, "RFC 5077 3.1", name=f"ticket_damaged_at_{where}")(damaged_at(where))


@resumption("client13", None, "RFC 8446 4.2.11.1")
def ticket_from_the_future(peer):
    """Its age is below zero."""
    identity, psk, age = peer.ticket
    peer.ticket = identity, psk, (age - 100000) % (1 << 32)


@resumption("client13", None, "RFC 8446 4.2.11.1")
def very_old_ticket(peer):
    identity, psk, age = peer.ticket
    peer.ticket = identity, psk, (age + 700 * 86400 * 1000) % (1 << 32)


@resumption("client13", None, "RFC 8446 4.2.11", alert={"illegal_parameter", "decode_error"})
def psk_not_last(peer):
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.insert(0, (PRE_SHARED_KEY, b""))


@resumption("client13", None, "RFC 8446 4.2.9", alert="missing_extension",
            known={"mbedtls": Known("Mbed TLS sends illegal_parameter", "illegal_parameter")})
def without_modes(peer):
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.drop(PSK_KEY_EXCHANGE_MODES)


@resumption("client12", False, "RFC 5077 3.4")
def ticket_empty(peer):
    peer.ticket = b"", peer.ticket[1]


@resumption("client12", None, "RFC 5246 7.4.9", alert={"decrypt_error", "bad_record_mac"})
def another_master_secret(peer):
    """Whoever has the ticket alone has nothing."""
    peer.ticket = peer.ticket[0], flip(peer.ticket[1])
    # Without the keys it cannot read what the server says, and goes on blindly.
    peer.hear_ticket = peer.hear_keys = peer.hear_finished = lambda: None
    peer.deaf = True


@resumption("client12", None, "RFC 7627 5.3", alert="handshake_failure",
            known={"mbedtls": Known("Mbed TLS resumes, without comparing this")})
def extended_master_secret_left_out(peer):
    peer.extended = False


# ----------------------------------------------------------------------------------------------------------------------
# Our client

@resumption("server13", True, "RFC 8446 2.2")
def ordinary_server(peer):
    pass


@resumption("server13", False, "RFC 8446 2.2")
def server_forgot(peer):
    peer.ticket = None


@resumption("server13", None, "RFC 8446 4.2.11", alert="illegal_parameter")
def identity_out_of_range(peer):
    peer.alter_hello["server_hello"] = lambda hello: hello.extensions.put(PRE_SHARED_KEY, u16(1))


@resumption("server13", None, "RFC 8446 4.2.9", alert={"illegal_parameter", "missing_extension"},
            known={"mbedtls": Known("Mbed TLS sends handshake_failure", "handshake_failure")})
def psk_without_share(peer):
    """Our client wants forward secrecy."""
    peer.alter_hello["server_hello"] = lambda hello: hello.extensions.drop(KEY_SHARE)


@resumption("server13", None, "RFC 8446 4.4.4", alert={"decrypt_error", "bad_record_mac"})
def server_without_the_key(peer):
    peer.deaf = True
    peer.ticket = peer.ticket[0], flip(peer.ticket[1])


@resumption("server13", None, "RFC 8446 2.2", alert="unexpected_message")
def certificate_though_resumed(peer):
    peer.steps[:] = [lambda peer, step=step: getattr(peer, step.replace(" ", "_"))() for step in peer.steps]
