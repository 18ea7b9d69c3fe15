"""Odd certificates, none of which verifies: every form of name, date, number and extension that a reader may meet."""

import uuid

import der
from der import alt_names, certificate, crl_points, dns, extension, name, oid, sequence, tlv, uri, utf8

OCSP, CA_ISSUERS = "1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2"
CN = "2.5.4.3"

# The attributes that have names; OpenSSL knows many more.
ATTRIBUTES = [
    *(f"2.5.4.{n}" for n in (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 23, 41, 42, 43, 44, 45, 46,
                             49, 65, 72, 97)),
    *(f"0.9.2342.19200300.100.1.{n}" for n in (1, 3, 25)), *(f"1.2.840.113549.1.9.{n}" for n in (1, 2, 8)),
    *(f"1.3.6.1.4.1.311.60.2.1.{n}" for n in (1, 2, 3))]


def subject(*rdns, **more):
    return certificate(subject=name(*rdns), **more)


def text(tag, content):
    return subject((CN, tlv(tag, content)))


def serial(content):
    return certificate(serial=content)


def names(*alternatives):
    return certificate(extensions=[alt_names(*alternatives)])


def dates(not_before, not_after):
    return certificate(not_before=not_before, not_after=not_after)


def access(*descriptions):
    return certificate(extensions=[der.authority_access(*descriptions)])


def points(*list_of_points):
    return certificate(extensions=[crl_points(*list_of_points)])


CERTIFICATES = {
    "plain": certificate(),
    "empty subject": subject(),
    "empty subject and issuer": certificate(subject=name(), issuer=name()),
    "subject and issuer with many parts": certificate(
        subject=name(("2.5.4.6", tlv(der.PRINTABLE, b"CH")), ("2.5.4.8", utf8("Zürich")), ("2.5.4.7", utf8("Zürich")),
                     ("2.5.4.10", utf8("Beispiel & Söhne")), ("2.5.4.11", utf8("a")), ("2.5.4.11", utf8("b")),
                     (CN, utf8("c"))),
        issuer=name(("2.5.4.6", tlv(der.PRINTABLE, b"FR")), (CN, utf8("Autorité")))),
    # Kinds of text
    "UTF-8": text(der.UTF8, "grüße, 世界 \N{GRINNING FACE}".encode()),
    "UTF-8 with NUL": text(der.UTF8, b"a\0b"),
    "UTF-8, empty": text(der.UTF8, b""),
    "BMPString": text(der.BMP, "Grüße 世界".encode("utf-16-be")),
    "UniversalString": text(der.UNIVERSAL, "ü世\N{GRINNING FACE}".encode("utf-32-be")),
    "T61String": text(der.T61, "Grüße".encode("latin-1")),
    "PrintableString": text(der.PRINTABLE, b"Test CA, 2024 (only)"),
    "PrintableString with others": text(der.PRINTABLE, "a@b_\u00e9".encode("latin-1")),
    "IA5String": text(der.IA5, b"someone@example.org"),
    "NumericString": text(der.NUMERIC, b"0123 456"),
    "quotes and backslashes": text(der.UTF8, b"\"a\\b'c\\n\n\t"),
    "a long name": text(der.UTF8, b"x" * 5000),
    "bit string": subject(("2.5.4.45", tlv(der.BIT_STRING, b"\0\xde\xad\xbe\xef"))),
    # Relative distinguished names
    "multi-valued RDN": subject([(CN, utf8("a")), ("2.5.4.11", utf8("b"))]),
    "multi-valued RDNs among others": subject(
        ("2.5.4.6", tlv(der.PRINTABLE, b"DE")), [("2.5.4.5", utf8("1")), (CN, utf8("a")), ("2.5.4.42", utf8("b"))],
        ("2.5.4.10", utf8("c")), [("2.5.4.4", utf8("d")), ("2.5.4.42", utf8("e"))]),
    # Object identifiers
    "all attributes": subject(*[(kind, tlv(der.PRINTABLE, b"x")) for kind in ATTRIBUTES]),
    "unknown attributes": subject(
        ("1.2.3.4", utf8("a")), ("0.0", utf8("b")), ("1.39", utf8("c")), ("2.40", utf8("d")), ("2.999.1", utf8("e")),
        ("1.3.6.1.4.1.4294967295.4294967296", utf8("f"))),
    "attribute with a UUID": subject((f"2.25.{uuid.UUID('fedcba98-7654-3210-fedc-ba9876543210').int}", utf8("a"))),
    # Serial numbers
    "serial 0": serial(b"\0"),
    "serial 127": serial(b"\x7f"),
    "serial 128": serial(b"\0\x80"),
    "serial of 20 octets": serial(b"\x7f" + bytes(range(19))),
    "serial of 21 octets": serial(b"\0" + b"\xff" * 20),
    "serial of 34 octets": serial(b"\x01" + b"\xa5" * 33),
    "serial -1": serial(b"\xff"),
    "serial -128": serial(b"\x80"),
    "serial -256": serial(b"\xff\0"),
    "serial, large and negative": serial(b"\x80" + b"\0" * 18 + b"\x01"),
    # Dates
    "1950 to 2049": dates(der.utc_time("500101000000Z"), der.utc_time("491231235959Z")),
    "from before 1970": dates(der.utc_time("690720201740Z"), der.utc_time("700101000000Z")),
    "from 1900": dates(der.generalized_time("19000101000000Z"), der.generalized_time("20500101000000Z")),
    "after 2050": dates(der.generalized_time("20500228000000Z"),
                        der.generalized_time("99991231235959Z")),
    "until 9999": dates(der.utc_time("240101000000Z"), der.generalized_time("99991231235959Z")),
    "a leap day": dates(der.utc_time("240229123456Z"), der.generalized_time("20000229235959Z")),
    "no leap day": dates(der.utc_time("230229123456Z"), der.generalized_time("21000229000000Z")),
    "UTCTime without seconds": dates(der.utc_time("2401010000Z"), der.utc_time("2501010000Z")),
    "fractions of seconds": dates(der.generalized_time("20240101000000.5Z"), der.generalized_time("20250101000000.123Z")),
    "dates that are none": dates(der.utc_time("241301000000Z"), der.utc_time("not a date!!Z")),
    # Versions
    "version 1": certificate(version=None),
    "version 2 with unique identifiers": certificate(
        version=1, after_key=tlv(0x81, b"\0abc") + tlv(0x82, b"\0def")),
    "version 4": certificate(version=3),
    # Alternative names
    "alternative names of all kinds": names(
        dns("a.example"), der.email("a@a.example"), uri("https://a.example/?q=a&b#c"), der.address(bytes([192, 0, 2, 1])),
        der.address(bytes.fromhex("20010db8000000000000000000000001")), der.directory(der.common_name("dir")),
        der.registered("1.2.3.4.5")),
    "one alternative name": names(dns("*.wild.example")),
    "IPv6 addresses": names(*[der.address(bytes.fromhex(octets)) for octets in (
        "00000000000000000000000000000000", "00000000000000000000000000000001", "fe800000000000000123456789abcdef",
        "00000000000000000000ffffc0000201", "ffffffffffffffffffffffffffffffff")]),
    "addresses of other lengths": names(der.address(b""), der.address(b"\1\2\3"), der.address(bytes(8)), dns("a")),
    "directory names": names(
        der.directory(name(("2.5.4.6", tlv(der.PRINTABLE, b"JP")), [(CN, utf8("世界")), ("2.5.4.11", utf8("b"))])),
        der.directory(name())),
    "registered identifiers": names(
        der.registered("1.2.3"), der.registered(f"2.25.{2**127 + 12345}"), der.registered("2.5.4.3")),
    "other names": names(
        der.other_name("1.3.6.1.4.1.311.20.2.3", utf8("user@a.example")), der.other_name("1.2.3", utf8("x")),
        der.other_name("1.3.6.1.5.5.7.8.5", utf8("jürgen@a.example")),
        der.other_name("1.3.6.1.5.5.7.8.7", tlv(der.IA5, b"_imap.a.example")),
        der.other_name("1.3.6.1.5.5.7.8.8", utf8("realm.example")), der.other_name("1.3.6.1.5.5.7.8.9", utf8("ü@ü.example")),
        der.other_name("1.3.6.1.5.5.7.8.5", tlv(der.IA5, b"of another type")),
        der.other_name("1.2.3", sequence(utf8("a"), utf8("b")))),
    "X.400 and EDI names": names(tlv(0xA3, b""), tlv(0xA5, tlv(0xA1, utf8("party"))), dns("a")),
    "alternative names, none": names(),
    "alternative names with NUL": names(dns("a.example\0b.example"), der.email("\0"), uri("\0\0")),
    "alternative names in UTF-8": names(dns("bücher.example"), der.email("ü@a.example"), uri("https://世界/")),
    "alternative names twice": certificate(extensions=[alt_names(dns("a")), alt_names(dns("b"))]),
    "alternative names, damaged": certificate(extensions=[extension("2.5.29.17", b"\x30\x05\x82\x7fabc")]),
    "alternative names, no list": certificate(extensions=[extension("2.5.29.17", utf8("a"))]),
    "critical alternative names": certificate(
        subject=name(), extensions=[extension("2.5.29.17", sequence(dns("a.example")), critical=True)]),
    "hundreds of alternative names": names(*[dns(f"host{n}.example") for n in range(400)]),
    # Where to ask
    "OCSP": access(der.access(OCSP, uri("http://ocsp.example/"))),
    "CA issuers": access(der.access(CA_ISSUERS, uri("http://a.example/ca.crt"))),
    "OCSP and CA issuers": access(
        der.access(CA_ISSUERS, uri("http://a.example/1")), der.access(OCSP, uri("http://a.example/2")),
        der.access(OCSP, uri("http://b.example/3")), der.access(CA_ISSUERS, uri("ldap://b.example/4"))),
    "other ways to ask": access(
        der.access("1.3.6.1.5.5.7.48.3", uri("http://a.example/")), der.access(OCSP, dns("a.example"))),
    "a point for revocation lists": points(der.point(uri("http://a.example/a.crl"))),
    "points for revocation lists": points(
        der.point(uri("http://a.example/a.crl"), uri("ldap://a.example/cn=a?list")), der.point(dns("a.example")),
        der.point(uri("http://b.example/b.crl"), rest=tlv(0x81, b"\1\x06"))),
    "points without addresses": points(der.point(der.directory(der.common_name("crl")))),
    "relative points": points(sequence(tlv(0xA0, tlv(0xA1, sequence(oid(CN), utf8("a")))))),
    "points with issuers only": points(
        sequence(tlv(0xA2, der.directory(der.common_name("a")))), der.point(uri("http://a.example/"))),
    "everything": certificate(subject=name((CN, utf8("all"))), extensions=[
        alt_names(dns("a.example"), der.address(bytes(4))), der.authority_access(
            der.access(OCSP, uri("http://a.example/ocsp")), der.access(CA_ISSUERS, uri("http://a.example/ca"))),
        crl_points(der.point(uri("http://a.example/crl"))),
        extension("2.5.29.19", sequence(der.boolean(True)), critical=True)]),
    "unknown extensions": certificate(extensions=[
        extension("1.2.3.4.5", b"\x05\x00"), extension("2.5.29.99", b"not even DER", critical=True), alt_names(dns("a"))]),
    # Keys and signatures that nobody can use
    "unknown key": certificate(key=sequence(sequence(oid("1.2.3.4")), tlv(der.BIT_STRING, b"\0abc"))),
    "unknown signature": certificate(algorithm=sequence(oid("1.2.3.5")), signature=tlv(der.BIT_STRING, b"\0abc")),
}

# Where the dict is not CPython's: the certificate, and a value of ours. CPython raises, or (the serial number) cuts off, or
# (the dates, which RFC 5280 does not allow) calculates.
DIFFERENT = {
    "serial of 40 octets": (serial(b"\x01" + b"\xa5" * 39), "serialNumber", "01" + "A5" * 39),
    "VisibleString": (text(der.VISIBLE, b"visible ~"), "subject", ((("commonName", "visible ~"),),)),
    "BMPString of half characters": (text(der.BMP, b"a"), "subject", ((("commonName", b"a"),),)),
    "surrogates in a BMPString": (
        text(der.BMP, b"\xd8\x3d\xde\x00"), "subject", ((("commonName", "\ufffd\ufffd"),),)),
    "text that is none": (text(0x05, b""), "subject", ((("commonName", b""),),)),
    "UTF-8 that is none": (text(der.UTF8, b"\xff\xfe"), "subject", ((("commonName", "\u00ff\u00fe"),),)),
    "alternative names in Latin-1": (
        names(tlv(0x82, "bücher".encode("latin-1"))), "subjectAltName", (("DNS", "bücher"),)),
    "dates with offsets": (
        dates(der.utc_time("240101000000+0100"), der.utc_time("250101000000-0130")), "notBefore", "Bad time value"),
}
