"""What peers do wrong, or right in an unusual way, and what has to come of it: cases for tests/hostile/test_conformance.py.

    @case("server12 server13", "illegal_parameter", "RFC 8446 4.1.3")
    def downgraded(peer): ...

is a case for two peers (of tls_bytes), before which the function is called. Our side has to send that alert, one of several
(a set), or with None as alert to succeed, or with END to wait for more. Further arguments:

    reason  of our error, where it is not REASONS[alert]
    ours    changes to our context, see tests/hostile/mpy/conformance.py
    check   function(peer, result) for what else has to be true afterwards
    known   {engine: Known(why, alert, reason)}: what the library does instead of what the RFC demands, and why we leave it
"""

import dataclasses

# The libraries take a missing extension for different things.
MISSING = {"decode_error", "illegal_parameter", "handshake_failure"}

# What our error says for an alert that we send.
REASONS = {
    "unexpected_message": "unexpected_message", "bad_record_mac": "bad_record_mac", "record_overflow": "bad_record",
    "handshake_failure": "handshake_failure", "illegal_parameter": "illegal_parameter", "decode_error": "decode_error",
    "decrypt_error": "handshake_failure", "protocol_version": "protocol_version", "missing_extension": MISSING,
    "unsupported_extension": "unsupported_extension", "certificate_required": "no_client_certificate",
    "no_application_protocol": "no_application_protocol", "bad_certificate": "bad_certificate",
    "inappropriate_fallback": "protocol_version",
}
# Instead of an alert: our side waits for more, as it should, and hears that the connection has ended.
END = "end of the connection"
# Our side fails as the peer's alert says; as the end of the connection before its time.
TOLD = "the peer's alert"
CLOSED = "close_notify before its time"
# Our side fails without an alert, where what came is not TLS at all.
SILENT = "no alert"
CASES = []


@dataclasses.dataclass
class Known:
    """alert None: it goes on as if nothing had been."""

    why: str
    alert: object = None
    reason: object = None


@dataclasses.dataclass
class Case:
    name: str
    peer: str
    prepare: object
    alert: object
    rfc: str
    reason: object = None
    ours: dict = dataclasses.field(default_factory=dict)
    check: object = None
    known: dict = dataclasses.field(default_factory=dict)

    @property
    def id(self):
        return f"{self.peer}-{self.name}"


def case(peers, alert, rfc, *, name=None, known=None, **more):
    """known: {engine: Known} or {"engine peer": Known}."""
    def register(prepare):
        for peer in peers.split():
            mine = {}
            for key, value in (known or {}).items():
                engine, *only = key.split()
                if not only or peer in only:
                    mine[engine] = value
            CASES.append(Case(name or prepare.__name__, peer, prepare, alert, rfc, known=mine, **more))
        return prepare
    return register


CLIENTS, SERVERS = "client12 client13", "server12 server13"
ALL = f"{CLIENTS} {SERVERS}"
