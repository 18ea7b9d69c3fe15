"""Makes certificate chains, good and bad, of descriptions.

Keys of curves are always the same, those of RSA as long as build/ is there. openssl(1) makes the signatures, each once:
they are kept in build/chains.
"""

import base64
import contextlib
import functools
import hashlib
import os
import pathlib
import subprocess
import tempfile
import textwrap

import der
from der import BIT_STRING, OCTET_STRING, extension, integer, oid, sequence, tlv

NOW = 1893456000  # 2030-01-01 00:00:00 UTC: by this time all chains are judged
FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "build" / "chains"
# Wide enough for tools that know no other time than today's.
BEFORE, AFTER = "200101000000Z", "491231235959Z"

# Curves: the length of a scalar in octets, and the OID.
_CURVES = {
    "P-192": (24, "1.2.840.10045.3.1.1"), "P-224": (28, "1.3.132.0.33"), "P-256": (32, "1.2.840.10045.3.1.7"),
    "P-384": (48, "1.3.132.0.34"), "P-521": (66, "1.3.132.0.35"), "secp256k1": (32, "1.3.132.0.10"),
    "brainpool": (32, "1.3.36.3.3.2.8.1.1.7")}
_ECDSA = {"sha1": "1.2.840.10045.4.1", "sha224": "1.2.840.10045.4.3.1", "sha256": "1.2.840.10045.4.3.2",
          "sha384": "1.2.840.10045.4.3.3", "sha512": "1.2.840.10045.4.3.4"}
_RSA = {"md5": "1.2.840.113549.1.1.4", "sha1": "1.2.840.113549.1.1.5", "sha224": "1.2.840.113549.1.1.14",
        "sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12", "sha512": "1.2.840.113549.1.1.13"}
_SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"), tlv(5))
# RSASSA-PSS with SHA-256 and a salt of 32 octets, RFC 4055 section 3.1.
_PSS = sequence(oid("1.2.840.113549.1.1.10"), sequence(
    tlv(0xA0, _SHA256), tlv(0xA1, sequence(oid("1.2.840.113549.1.1.8"), _SHA256)), tlv(0xA2, integer(32))))
_PSS_OPTIONS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
_ED25519 = sequence(oid("1.3.101.112"))


def _openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, stdout=subprocess.PIPE, check=True, timeout=60).stdout


def _keep(what, make):
    """What make() returned the first time that it was asked for `what`, in this process or another one; its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / hashlib.sha256(repr(what).encode()).hexdigest()
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
            file.write(make())
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path


def pem(label, data):
    text = "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 64))
    return f"-----BEGIN {label}-----\n{text}\n-----END {label}-----\n"


class Key:
    """A key pair: of a curve, "Ed25519", or an RSA key of so many bits. `name` tells keys of one kind apart."""

    def __init__(self, name, kind="P-256"):
        self.name, self.kind = name, kind

    def _make(self):
        if isinstance(self.kind, int):
            return _openssl("genrsa", str(self.kind))
        seed = hashlib.sha512(self.name.encode()).digest()
        if self.kind == "Ed25519":
            return pem("PRIVATE KEY", sequence(
                integer(0), _ED25519, tlv(OCTET_STRING, tlv(OCTET_STRING, seed[:32])))).encode()
        size, curve = _CURVES[self.kind]
        scalar = b"\0" + (seed * 2)[:size - 1]  # below the group's order, whichever that is
        return pem("EC PRIVATE KEY", sequence(
            integer(1), tlv(OCTET_STRING, scalar), tlv(0xA0, oid(curve)))).encode()

    @functools.cached_property
    def path(self):
        """A file with the private key in PEM."""
        return _keep(("key", self.kind, self.name), self._make)

    @functools.cached_property
    def public(self):
        """SubjectPublicKeyInfo."""
        return _openssl("pkey", "-in", str(self.path), "-pubout", "-outform", "DER")

    def algorithm(self, digest):
        """AlgorithmIdentifier of its signatures."""
        if self.kind == "Ed25519":
            return _ED25519
        if digest == "pss":
            return _PSS
        return sequence(oid(_RSA[digest]), tlv(5)) if isinstance(self.kind, int) else sequence(oid(_ECDSA[digest]))

    def sign(self, digest, data):
        return _keep(("signature", self.public, digest, data), lambda: self._sign(digest, data)).read_bytes()

    def _sign(self, digest, data):
        if self.kind == "Ed25519":
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                return _openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(self.path), "-in", file.name)
        options = ["-sha256", *_PSS_OPTIONS] if digest == "pss" else [f"-{digest}"]
        return _openssl("dgst", *options, "-sign", str(self.path), data=data)


class Certificate:
    """A description of a certificate; it is signed when `der` is asked for.

    Without an issuer it is self-signed. `extensions` are elements. `fields` are those of der.to_sign(), for what has no
    parameter here; `signer` is a key that is not the issuer's, `named` an algorithm that is not the signature's,
    `issuer_name` a name that is not the issuer's, and a spoilt certificate has a signature of something else.
    """

    def __init__(self, subject, key, issuer=None, extensions=(), *, before=BEFORE, after=AFTER, digest="sha256",
                 signer=None, spoilt=False, named=None, issuer_name=None, **fields):
        self.subject = der.common_name(subject) if isinstance(subject, str) else subject
        self.key, self.issuer, self.signer = key, issuer or self, signer
        self.extensions, self.dates = extensions, tuple(map(_time, (before, after)))
        self.digest, self.spoilt, self.named, self.issuer_name = digest, spoilt, named, issuer_name
        self.fields = fields

    @functools.cached_property
    def der(self):
        signer = self.signer or self.issuer.key
        algorithm = signer.algorithm(self.digest)
        to_sign = der.to_sign(
            subject=self.subject, key=self.key.public, not_before=self.dates[0], not_after=self.dates[1],
            issuer=self.issuer_name or self.issuer.subject, algorithm=algorithm, extensions=self.extensions,
            **self.fields)
        signature = signer.sign(self.digest, to_sign + (b"something else" if self.spoilt else b""))
        return sequence(to_sign, self.named or algorithm, tlv(BIT_STRING, b"\0", signature))

    @property
    def pem(self):
        return pem("CERTIFICATE", self.der)


def _time(text):
    if isinstance(text, bytes):
        return text
    return der.utc_time(text) if len(text) == 13 else der.generalized_time(text)


# ----------------------------------------------------------------------------------------------------------------------
# Extensions

SERVER_AUTH, CLIENT_AUTH, EMAIL_PROTECTION = (f"1.3.6.1.5.5.7.3.{n}" for n in (1, 2, 4))
ANY_USAGE = "2.5.29.37.0"
BASIC_CONSTRAINTS, NAME_CONSTRAINTS = "2.5.29.19", "2.5.29.30"

_KEY_USAGES = ("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
               "keyCertSign", "cRLSign")


def basic_constraints(authority=True, length=None, critical=True):
    parts = [*([der.boolean(True)] if authority else []), *([] if length is None else [integer(length)])]
    return extension(BASIC_CONSTRAINTS, sequence(*parts), critical)


def key_usage(*names, critical=True):
    bits = sum(0x80 >> _KEY_USAGES.index(name) for name in names)
    unused = (bits & -bits).bit_length() - 1 if bits else 0
    return extension("2.5.29.15", tlv(BIT_STRING, bytes([unused, bits] if bits else [0])), critical)


def extended_key_usage(*kinds, critical=False):
    return extension("2.5.29.37", sequence(*map(oid, kinds)), critical)


def subtrees(tag, names, rest=b""):
    return tlv(tag, *[sequence(name, rest) for name in names]) if names else b""


def name_constraints(permitted=(), excluded=(), critical=False, rest=b""):
    """The names are GeneralName elements; `rest` comes behind each of them."""
    return extension(
        NAME_CONSTRAINTS, sequence(subtrees(0xA0, permitted, rest), subtrees(0xA1, excluded, rest)), critical)


def key_identifier(key):
    return hashlib.sha1(key.public).digest()


def subject_key_identifier(octets):
    return extension("2.5.29.14", tlv(OCTET_STRING, octets))


def authority_key_identifier(octets=None, issuer=None, serial=None):
    parts = [tlv(0x80, octets)] if octets else []
    if issuer:
        parts += [tlv(0xA1, der.directory(issuer)), tlv(0x82, serial)]
    return extension("2.5.29.35", sequence(*parts))
