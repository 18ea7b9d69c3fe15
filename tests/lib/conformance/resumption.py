"""Resumption, with what a peer can do wrong about it: pairs (peer, first, then) for test_resumption().

"first" prepares the peer of the full handshake, "then" that of the second one, after it was given what the first one kept.
"""

from conformance import Known
from conformance.steps import flip
from tls_bytes.wire import PRE_SHARED_KEY, PSK_KEY_EXCHANGE_MODES, KEY_SHARE, u16, vector, Reader


class Resumption:
    def __init__(self, name, peer, then, resumed, alert=None, rfc="", known=None):
        self.name, self.peer, self.then, self.resumed = name, peer, then, resumed
        self.alert, self.rfc, self.known = alert, rfc, known or {}


RESUMPTIONS = []


def resumption(peer, resumed, rfc, alert=None, known=None):
    """resumed: whether the second handshake is to be an abbreviated one (None: either); with alert it fails."""
    def register(then):
        RESUMPTIONS.append(Resumption(then.__name__, peer, then, resumed, alert, rfc, known))
        return then
    return register


# ----------------------------------------------------------------------------------------------------------------------
# Our server

@resumption("client13", True, "RFC 8446 2.2")
def ordinary(peer):
    pass


@resumption("client12", True, "RFC 5077 3.1")
def ticket_of_12(peer):
    pass


@resumption("client13", None, "RFC 8446 4.2.11.2", alert="decrypt_error")
def wrong_binder(peer):
    peer.alter["client_hello"] = flip


@resumption("client13", None, "RFC 8446 4.2.11.2", alert="decrypt_error")
def another_key(peer):
    identity, psk, age = peer.ticket
    peer.ticket = identity, flip(psk), age


@resumption("client13", False, "RFC 8446 4.2.11")
def ticket_of_a_stranger(peer):
    peer.ticket = bytes(len(peer.ticket[0])), *peer.ticket[1:]


for where in (0, 20, 40, -1):
    @resumption("client13", False, "RFC 8446 4.2.11")
    def damaged_ticket(peer, where=where):
        peer.ticket = flip(peer.ticket[0], where), *peer.ticket[1:]
    damaged_ticket.__name__ = RESUMPTIONS[-1].name = f"damaged_ticket_at_{where}"

    @resumption("client12", False, "RFC 5077 3.1")
    def damaged_ticket_12(peer, where=where):
        peer.ticket = flip(peer.ticket[0], where), peer.ticket[1]
    RESUMPTIONS[-1].name = f"damaged_ticket_at_{where}"


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
    def alter(hello):
        hello.extensions.append((0x4000, b""))
    say = peer.say_client_hello

    def say_client_hello(name):
        alter(peer.hello)
        peer.hello.extensions.insert(0, (PRE_SHARED_KEY, b""))
        say(name)
    peer.say_client_hello = say_client_hello


@resumption("client13", None, "RFC 8446 4.2.9", alert="missing_extension")
def without_modes(peer):
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.drop(PSK_KEY_EXCHANGE_MODES)


@resumption("client12", False, "RFC 5077 3.4")
def ticket_empty(peer):
    peer.ticket = b"", peer.ticket[1]


@resumption("client12", None, "RFC 5246 7.4.9", alert={"decrypt_error", "bad_record_mac"})
def another_master_secret(peer):
    """Whoever has the ticket alone has nothing."""
    peer.ticket = peer.ticket[0], flip(peer.ticket[1])
    # Without the keys it cannot read what the server says, so it goes on blindly.
    peer.blind = True


@resumption("client12", None, "RFC 7627 5.3", alert="handshake_failure")
def extended_master_secret_left_out(peer):
    peer.extended = False


# ----------------------------------------------------------------------------------------------------------------------
# Our client

@resumption("server13", True, "RFC 8446 2.2")
def ordinary_server(peer):
    peer.resumption = True


@resumption("server13", False, "RFC 8446 2.2")
def server_forgot(peer):
    peer.ticket = None


@resumption("server13", None, "RFC 8446 4.2.11", alert="illegal_parameter")
def identity_out_of_range(peer):
    peer.alter_hello["server_hello"] = lambda hello: hello.extensions.put(PRE_SHARED_KEY, u16(1))


@resumption("server13", None, "RFC 8446 4.2.9", alert={"illegal_parameter", "missing_extension"})
def psk_without_share(peer):
    """Our client wants forward secrecy."""
    peer.alter_hello["server_hello"] = lambda hello: hello.extensions.drop(KEY_SHARE)


@resumption("server13", None, "RFC 8446 4.4.4", alert={"decrypt_error", "bad_record_mac"})
def server_without_the_key(peer):
    peer.ticket = peer.ticket[0], flip(peer.ticket[1])


@resumption("server13", None, "RFC 8446 2.2", alert="unexpected_message")
def certificate_though_resumed(peer):
    peer.steps[:] = [lambda peer, step=step: getattr(peer, step.replace(" ", "_"))() for step in peer.steps]
