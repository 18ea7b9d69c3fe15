"""Writes DER (X.690), also such as no tool would write: what a certificate's reader may meet."""


def tlv(tag, *parts):
    """An element: its tag, the length, the parts joined."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts):
    return tlv(0x30, *parts)


def elements(element):
    """The elements that are in one of ours."""
    found, at = [], 2 if element[1] < 0x80 else 2 + (element[1] & 0x7F)
    while at < len(element):
        length, start = element[at + 1], at + 2
        if length >= 0x80:
            start += length & 0x7F
            length = int.from_bytes(element[at + 2:start], "big")
        found.append(element[at:start + length])
        at = start + length
    return found


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def base128(value):
    octets = [value & 0x7F]
    while value > 0x7F:
        value >>= 7
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))


def oid_content(dotted):
    first, second, *others = map(int, dotted.split("."))
    return b"".join(map(base128, [first * 40 + second, *others]))


def oid(dotted):
    return tlv(0x06, oid_content(dotted))


def boolean(value):
    return tlv(0x01, b"\xff" if value else b"\x00")


UTF8, NUMERIC, PRINTABLE, T61, IA5, VISIBLE, UNIVERSAL, BMP = 12, 18, 19, 20, 22, 26, 28, 30
BIT_STRING, OCTET_STRING = 3, 4


def utf8(text):
    return tlv(UTF8, text.encode())


def name(*rdns):
    """A Name: each RDN is a list of (OID, element), or one such pair."""
    sets = []
    for rdn in rdns:
        pairs = rdn if isinstance(rdn, list) else [rdn]
        sets.append(tlv(0x31, *[sequence(oid(kind), value) for kind, value in pairs]))
    return sequence(*sets)


def common_name(text):
    return name(("2.5.4.3", utf8(text)))


def utc_time(text):
    return tlv(0x17, text.encode())


def generalized_time(text):
    return tlv(0x18, text.encode())


def extension(kind, value, critical=False):
    return sequence(oid(kind), *([boolean(True)] if critical else []), tlv(OCTET_STRING, value))


def alt_names(*names):
    """subjectAltName: the names are GeneralName elements."""
    return extension("2.5.29.17", sequence(*names))


def dns(text):
    return tlv(0x82, text.encode())


def email(text):
    return tlv(0x81, text.encode())


def uri(text):
    return tlv(0x86, text.encode())


def address(octets):
    return tlv(0x87, octets)


def directory(value):
    return tlv(0xA4, value)


def registered(dotted):
    return tlv(0x88, oid_content(dotted))


def other_name(kind, value):
    return tlv(0xA0, oid(kind), tlv(0xA0, value))


def access(kind, value):
    """An AccessDescription of authorityInfoAccess."""
    return sequence(oid(kind), value)


def authority_access(*descriptions):
    return extension("1.3.6.1.5.5.7.1.1", sequence(*descriptions))


def point(*names, rest=b""):
    """A DistributionPoint with these names."""
    return sequence(tlv(0xA0, tlv(0xA0, *names)), rest)


def crl_points(*points):
    return extension("2.5.29.31", sequence(*points))


ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
# A point on P-256, its generator: no one has its private key.
P256_KEY = sequence(
    sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")),
    tlv(BIT_STRING, bytes.fromhex(
        "00046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")))
SIGNATURE = tlv(BIT_STRING, b"\0", sequence(integer(1), integer(1)))


def to_sign(version=2, serial=b"", issuer=None, subject=None, not_before=None, not_after=None, key=P256_KEY,
            extensions=(), algorithm=ECDSA_SHA256, after_key=b""):
    """TBSCertificate; `serial` is the INTEGER's content, `version` None leaves it out."""
    fields = [] if version is None else [tlv(0xA0, integer(version))]
    fields += [
        tlv(0x02, serial) if serial else integer(1), algorithm,
        issuer if issuer is not None else common_name("issuer"),
        sequence(not_before or utc_time("240101000000Z"), not_after or utc_time("491231235959Z")),
        subject if subject is not None else common_name("subject"), key, after_key]
    if extensions:
        fields.append(tlv(0xA3, sequence(*extensions)))
    return sequence(*fields)


def certificate(signature=SIGNATURE, algorithm=ECDSA_SHA256, **fields):
    return sequence(to_sign(algorithm=algorithm, **fields), algorithm, signature)
