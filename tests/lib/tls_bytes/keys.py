"""Key exchange, key schedules (RFC 8446 section 7, RFC 5246 section 8) and signatures."""

import hashlib
import hmac

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from tls_bytes.wire import P256, X25519, u8, u16, vector

ZEROS = bytes(32)


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data, digest="sha256"):
    return hmac.digest(key, data, digest)


def expand(secret, info, size, digest="sha256"):
    """HKDF-Expand (RFC 5869)."""
    result = block = b""
    for i in range(1, 2 + size // 32):
        block = mac(secret, block + info + u8(i), digest)
        result += block
    return result[:size]


def expand_label(secret, label, context, size, digest="sha256"):
    return expand(secret, u16(size) + vector(b"tls13 " + label, 1) + vector(context, 1), size, digest)


def derive(secret, label, transcript):
    """Derive-Secret."""
    return expand_label(secret, label, sha256(transcript), 32)


def next_secret(secret, shared):
    """The next extraction down the key schedule. HKDF-Extract is HMAC."""
    return mac(derive(secret, b"derived", b""), shared)


def finished(secret, transcript):
    """The verify_data of TLS 1.3."""
    return mac(expand_label(secret, b"finished", b"", 32), sha256(transcript))


def prf(secret, label, seed, size, digest="sha256"):
    """The pseudorandom function of TLS 1.2."""
    result, a = b"", label + seed
    while len(result) < size:
        a = mac(secret, a, digest)
        result += mac(secret, a + label + seed, digest)
    return result[:size]


class Share:
    """An ephemeral key in a group."""

    def __init__(self, group):
        self.group = group
        if group == X25519:
            self._key = x25519.X25519PrivateKey.generate()
            self.public = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        else:
            assert group == P256
            self._key = ec.generate_private_key(ec.SECP256R1())
            self.public = self._key.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

    def agree(self, public):
        if self.group == X25519:
            return self._key.exchange(x25519.X25519PublicKey.from_public_bytes(public))
        return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public))


class Identity:
    """A chain and the key of its first certificate, of tools/make-certs."""

    def __init__(self, folder, name, chain=True):
        pem = (folder / f"{name}{'-chain' if chain else ''}.pem").read_bytes()
        end = b"-----END CERTIFICATE-----\n"
        self.chain = [
            x509.load_pem_x509_certificate(each + end).public_bytes(serialization.Encoding.DER)
            for each in pem.split(end) if each.strip()]
        self._key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)

    def sign(self, data):
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))
