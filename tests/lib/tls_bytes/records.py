"""Protection of records, one object for each direction and key: seal(kind, data) and open(header, body)."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tls_bytes.keys import expand_label
from tls_bytes.wire import APPLICATION_DATA, TLS12, number, u8, u16

TAG = 16


class Plain:
    """No protection."""

    def seal(self, kind, data, version=TLS12, padding=0):
        return u8(kind) + u16(version) + u16(len(data)) + data

    def open(self, header, body):
        return header[0], body


class Sealed13:
    """AES-128-GCM in TLS 1.3 (RFC 8446 section 5.2)."""

    def __init__(self, secret):
        self.secret = secret
        self._aead = AESGCM(expand_label(secret, b"key", b"", 16))
        self._iv = expand_label(secret, b"iv", b"", 12)
        self.sequence = 0

    def _nonce(self):
        nonce = bytes(a ^ b for a, b in zip(self._iv, number(self.sequence, 12)))
        self.sequence += 1
        return nonce

    def seal(self, kind, data, version=TLS12, padding=0):
        return self.seal_inner(data + u8(kind) + bytes(padding), version)

    def seal_inner(self, inner, version=TLS12, outer=APPLICATION_DATA):
        header = u8(outer) + u16(version) + u16(len(inner) + TAG)
        return header + self._aead.encrypt(self._nonce(), inner, header)

    def open(self, header, body):
        inner = self._aead.decrypt(self._nonce(), body, header).rstrip(b"\0")
        return inner[-1], inner[:-1]

    def updated(self):
        """What follows a KeyUpdate (section 7.2)."""
        return Sealed13(expand_label(self.secret, b"traffic upd", b"", 32))


class Sealed12:
    """AES-128-GCM in TLS 1.2 (RFC 5288)."""

    def __init__(self, key, salt):
        self._aead = AESGCM(key)
        self._salt = salt
        self.sequence = 0

    def _additional(self, kind, version, size):
        additional = number(self.sequence, 8) + u8(kind) + u16(version) + u16(size)
        self.sequence += 1
        return additional

    def seal(self, kind, data, version=TLS12, padding=0):
        explicit = number(self.sequence, 8)
        sealed = explicit + self._aead.encrypt(self._salt + explicit, data, self._additional(kind, version, len(data)))
        return u8(kind) + u16(version) + u16(len(sealed)) + sealed

    def open(self, header, body):
        size = len(body) - 8 - TAG
        version = int.from_bytes(header[1:3], "big")
        return header[0], self._aead.decrypt(
            self._salt + body[:8], body[8:], self._additional(header[0], version, size))
