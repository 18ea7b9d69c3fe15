"""The presentation language (RFC 8446 section 3): numbers, vectors, handshake messages, hellos."""

import dataclasses
import os

# Content types
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23

# Handshake messages
HELLO_REQUEST, CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, END_OF_EARLY_DATA = 0, 1, 2, 4, 5
ENCRYPTED_EXTENSIONS, CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE = 8, 11, 12, 13, 14
CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED, KEY_UPDATE, MESSAGE_HASH = 15, 16, 20, 24, 254

# Extensions
SERVER_NAME, SUPPORTED_GROUPS, EC_POINT_FORMATS, SIGNATURE_ALGORITHMS, ALPN = 0, 10, 11, 13, 16
EXTENDED_MASTER_SECRET, SESSION_TICKET, PRE_SHARED_KEY, EARLY_DATA, SUPPORTED_VERSIONS, COOKIE = 23, 35, 41, 42, 43, 44
PSK_KEY_EXCHANGE_MODES, CERTIFICATE_AUTHORITIES, KEY_SHARE, RENEGOTIATION_INFO = 45, 47, 51, 0xff01

TLS12, TLS13 = 0x0303, 0x0304
AES_128_GCM_SHA256, ECDHE_ECDSA_AES_128_GCM_SHA256 = 0x1301, 0xc02b
P256, X25519 = 23, 29
ECDSA_P256_SHA256 = 0x0403

ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure",
    41: "no_certificate", 42: "bad_certificate", 47: "illegal_parameter", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version",
    80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation",
    109: "missing_extension", 110: "unsupported_extension", 115: "unknown_psk_identity", 116: "certificate_required",
    120: "no_application_protocol",
}

# The random of a ServerHello that is a HelloRetryRequest (section 4.1.3).
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def number(value, size):
    return value.to_bytes(size, "big")


def u8(value):
    return number(value, 1)


def u16(value):
    return number(value, 2)


def u16s(values):
    return b"".join(u16(value) for value in values)


def vector(data, size):
    """data behind its length, a number of so many bytes."""
    return number(len(data), size) + data


def message(kind, body):
    return u8(kind) + vector(body, 3)


class Reader:
    """Takes a message to pieces."""

    def __init__(self, data):
        self.data = data

    def take(self, size):
        assert size <= len(self.data), "the peer's message is too short"
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def vector(self, size):
        return self.take(self.number(size))

    def u16s(self, size):
        inner = Reader(self.vector(size))
        return [inner.number(2) for _ in range(len(inner.data) // 2)]


class Extensions(list):
    """Pairs (type, data) in the order in which they are sent."""

    def get(self, kind):
        return next((data for each, data in self if each == kind), None)

    def put(self, kind, data=b""):
        """In the place of the one that is there, else at the end."""
        for i, (each, _) in enumerate(self):
            if each == kind:
                self[i] = (kind, data)
                return
        self.append((kind, data))

    def drop(self, kind):
        self[:] = [pair for pair in self if pair[0] != kind]

    def encode(self):
        return vector(b"".join(u16(kind) + vector(data, 2) for kind, data in self), 2)

    @classmethod
    def decode(cls, reader):
        inner = Reader(reader.vector(2) if reader.data else b"")
        result = cls()
        while inner.data:
            result.append((inner.number(2), inner.vector(2)))
        return result


@dataclasses.dataclass
class Hello:
    """A ClientHello, or with one suite and one compression method a ServerHello."""

    kind: int
    suites: list
    extensions: Extensions = dataclasses.field(default_factory=Extensions)
    version: int = TLS12
    random: bytes = dataclasses.field(default_factory=lambda: os.urandom(32))
    session_id: bytes = b""
    compression: bytes = b"\0"

    def encode(self):
        if self.kind == CLIENT_HELLO:
            choices = vector(u16s(self.suites), 2) + vector(self.compression, 1)
        else:
            choices = u16s(self.suites) + self.compression
        return message(self.kind, u16(self.version) + self.random + vector(self.session_id, 1) + choices
                       + self.extensions.encode())

    @classmethod
    def decode(cls, data):
        reader = Reader(data)
        kind = reader.number(1)
        reader = Reader(reader.vector(3))
        version, random, session_id = reader.number(2), reader.take(32), reader.vector(1)
        if kind == CLIENT_HELLO:
            suites, compression = reader.u16s(2), reader.vector(1)
        else:
            suites, compression = [reader.number(2)], reader.take(1)
        return cls(kind, suites, Extensions.decode(reader), version, random, session_id, compression)
