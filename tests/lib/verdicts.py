"""What verification makes of some 340 certificate chains, good and bad: the cases, and which rules decide.

tests/verify runs them; docs/trust-verdicts.md is made of them (tools/verdicts --write).
"""

import chains
import der
from chains import (
    CLIENT_AUTH, EMAIL_PROTECTION, SERVER_AUTH, Certificate, Key, authority_key_identifier, basic_constraints,
    extended_key_usage, key_identifier, key_usage, name_constraints, subject_key_identifier)
from der import address, alt_names, dns, email, extension, tlv, utf8

HOST = "server.test"
SERVER, CLIENT = "server", "client"

# Verdicts: this, or the `reason` of the exception.
ACCEPT = "accept"
EXPIRED, NOT_YET_VALID, UNTRUSTED = "expired", "not_yet_valid", "untrusted"
HOSTNAME, USAGE, WEAK, BAD = "hostname_mismatch", "wrong_usage", "weak", "bad_certificate"


class Case:
    """A chain, what is asked of it, and the verdict.

    `chain` is what the peer sends, its own certificate first; `anchors` are those of the other side. `differences` says
    for an engine ("mbedtls", "openssl") or a tool ("openssl verify", "certtool") what its verdict is instead, and why;
    `by_bundle` are engines whose verdict is the right one where the anchors are in a CA bundle.
    """

    def __init__(self, group, name, verdict, chain, anchors, source, host, role, by_bundle,
                 differences):
        self.group, self.name, self.verdict, self.source = group, name, verdict, source
        self.chain, self.anchors, self.host, self.role = chain, anchors, host, role
        self.by_bundle, self.differences = by_bundle, differences

    def verdict_of(self, who):
        return self.differences[who][0] if who in self.differences else self.verdict


# Differences that several cases have.
UNIQUE = ACCEPT, "it does not mind them, though nobody may issue such certificates"
SERIAL = (UNTRUSTED, "OpenSSL takes the serial number for a condition; Mbed TLS takes the first of two certificates that "
                     "the issuer has for one key, so it would refuse what either of them has issued")
UNREAD = BAD, "Mbed TLS cannot read it"
UNREAD_ANCHOR = "invalid cert", "Mbed TLS cannot read it, so it is not loaded as an anchor"
NO_ISSUER = UNTRUSTED, "Mbed TLS passes over issuers that may not issue, and then has none"
PASSED_OVER = UNTRUSTED, "OpenSSL passes over certificates with extensions that it cannot read, and then has no issuer"
NOT_COMPARED = BAD, "OpenSSL says that it cannot compare them, not that they are violated"
ONE_ISSUER = UNTRUSTED, "of several issuers of one name without key identifiers OpenSSL tries one"
ORDER = (UNTRUSTED, "Mbed TLS looks for an issuer among those that follow, and lets us put them in order only where the "
                    "anchors are in a CA bundle, as the machine's are")
ONE_OF_GNUTLS = UNTRUSTED, "of several issuers of one name without key identifiers GnuTLS tries one"
FIRST_OF_NAME = UNTRUSTED, "of several intermediates of one name it takes the first, and looks for no other way from there"
NO_OTHER_WAY = {"mbedtls": FIRST_OF_NAME, "openssl": FIRST_OF_NAME, "verify": FIRST_OF_NAME, "certtool": FIRST_OF_NAME}
STRICT_ONLY = ACCEPT, "it looks at this under -x509_strict only"
ANY_SUITE = ACCEPT, "it does not know the cipher suite, so any usage will do that some suite needs"
LEVEL = ACCEPT, "it is asked for level 2, which is 112 bits"
PARTIAL = ACCEPT, "it takes wildcards for part of a label unless a program says otherwise"
CRITICAL_CONSTRAINTS = "Mbed TLS cannot read critical name constraints in what the peer sends; anchors may have them"
NO_USAGE = ACCEPT, "it does not compare key usages with what the key is for in TLS"
ANY_PURPOSE = ACCEPT, "anyExtendedKeyUsage stands for all of them"
NO_SUBJECTS = ACCEPT, "GnuTLS does not check constraints on subjects"
ALL_PERMITTED = UNTRUSTED, "where some kind of name is permitted GnuTLS refuses those of other kinds"
MEDIUM = ACCEPT, "it is asked for the profile medium, which is 112 bits"
NO_CURVE = WEAK, "GnuTLS does not have the curve"
ONLY_CA_BIT = ACCEPT, "GnuTLS does not ask this of an anchor"
CURVE = BAD, "this build of Mbed TLS does not have the curve"
CURVE_OF_ANCHOR = "invalid cert", "this build of Mbed TLS does not have the curve, so the anchor is not loaded"

TODAY = None, "certtool of GnuTLS 3.7 knows no other time than today"

CASES = []
_group = []


def group(title, source):
    _group[:] = [title, source]


def case(name, verdict, chain, *, anchors=None, source=None, host=HOST, role=SERVER, by_bundle=(), **differences):
    """Differences are written as mbedtls=, openssl=, verify=, certtool= (verdict, reason)."""
    names = {"verify": "openssl verify"}
    CASES.append(Case(
        _group[0], name, verdict, chain, [ROOT] if anchors is None else anchors, source or _group[1], host, role,
        by_bundle, {names.get(who, who): difference for who, difference in differences.items()}))


# ----------------------------------------------------------------------------------------------------------------------
# What chains are made of

ROOT_KEY, INTER_KEY, LOWER_KEY, LEAF_KEY, OTHER_KEY = map(Key, ("root", "inter", "lower", "leaf", "other"))
CA = (basic_constraints(), key_usage("keyCertSign", "cRLSign"))


def root(name="Root", key=ROOT_KEY, extensions=CA, **more):
    return Certificate(name, key, None, extensions, **more)


ROOT = root()
OTHER_ROOT = root("Other root", OTHER_KEY)


def inter(issuer=ROOT, extensions=CA, name="Intermediate", key=INTER_KEY, **more):
    return Certificate(name, key, issuer, extensions, **more)


INTER = inter()


def lower(issuer=INTER, extensions=CA, name="Lower intermediate", key=LOWER_KEY, **more):
    return Certificate(name, key, issuer, extensions, **more)


def leaf(issuer=INTER, names=(dns(HOST),), extensions=(), subject="Leaf", key=LEAF_KEY, **more):
    names = [alt_names(*names)] if names else []
    return Certificate(subject, key, issuer, [*names, *extensions], **more)


def below(issuer, **more):
    """A leaf that an intermediate has issued, and the intermediate."""
    return [leaf(issuer, **more), issuer]


def named(*names, subject="Leaf"):
    return [leaf(ROOT, names, subject=subject)]


def with_extensions(*extensions):
    return [leaf(ROOT, extensions=extensions)]


def tower(count):
    """A leaf below so many intermediates."""
    chain = [ROOT]
    for n in range(count):
        chain.append(inter(chain[-1], name=f"Intermediate {n}", key=(INTER_KEY, LOWER_KEY)[n % 2]))
    return [leaf(chain[-1]), *reversed(chain[1:])]


# ----------------------------------------------------------------------------------------------------------------------
group("Paths", "RFC 5280 6.1")

GOOD = below(INTER)
case("leaf and intermediate", ACCEPT, GOOD)
case("leaf of the root", ACCEPT, [leaf(ROOT)])
case("the root is sent as well", ACCEPT, [*GOOD, ROOT], source="RFC 8446 4.4.2")
case("another intermediate is sent as well", ACCEPT, [GOOD[0], lower(OTHER_ROOT), INTER], source="RFC 8446 4.4.2")
case("intermediates in the wrong order", ACCEPT, [leaf(lower()), INTER, lower()], source="RFC 8446 4.4.2", mbedtls=ORDER,
     by_bundle=["mbedtls"])
case("the intermediate twice", ACCEPT, [*GOOD, INTER], source="RFC 8446 4.4.2")
case("the intermediate is missing", UNTRUSTED, GOOD[:1])
case("the intermediate is an anchor", ACCEPT, GOOD[:1], anchors=[INTER], source="RFC 5280 6.1.1 (d)")
case("another root is trusted", UNTRUSTED, GOOD, anchors=[OTHER_ROOT])
case("a root of the same name with another key is trusted", UNTRUSTED, GOOD, anchors=[root(key=OTHER_KEY)])
case("two roots of one name are trusted, the second has the key", ACCEPT, GOOD, anchors=[root(key=OTHER_KEY), ROOT],
     verify=ONE_ISSUER)
case("the leaf's signature is wrong", UNTRUSTED, below(INTER, spoilt=True), source="RFC 5280 6.1.3 (a)(1)")
case("the intermediate's signature is wrong", UNTRUSTED, below(inter(spoilt=True)), source="RFC 5280 6.1.3 (a)(1)")
case("the leaf is signed by another key", UNTRUSTED, below(INTER, signer=OTHER_KEY), source="RFC 5280 6.1.3 (a)(1)")
case("the leaf names another issuer", UNTRUSTED, [leaf(INTER, issuer_name=der.common_name("Nobody")), INTER],
     source="RFC 5280 6.1.3 (a)(4)")
case("the algorithm is not the one that is signed", UNTRUSTED, below(INTER, named=LEAF_KEY.algorithm("sha384")),
     source="RFC 5280 4.1.1.2", mbedtls=UNREAD)
case("the issuer's name in other letters and another type of text", ACCEPT,
     [leaf(INTER, issuer_name=der.name(("2.5.4.3", tlv(der.PRINTABLE, b"INTERMEDIATE")))), INTER],
     source="RFC 5280 7.1", certtool=(
    UNTRUSTED, "GnuTLS compares names octet for octet"))
case("the issuer has no name", BAD, below(inter(name=der.name())), source="RFC 5280 4.1.2.6", verify=STRICT_ONLY)
SELF_SIGNED = leaf(None)
case("self-signed leaf, trusted", ACCEPT, [SELF_SIGNED], anchors=[SELF_SIGNED], source="RFC 5280 6.1.1 (d)")
case("self-signed leaf, not trusted", UNTRUSTED, [SELF_SIGNED])
case("self-signed leaf, one of the same name is trusted", UNTRUSTED, [SELF_SIGNED], anchors=[leaf(None, key=OTHER_KEY)])
case("leaf of an unknown issuer, trusted", ACCEPT, GOOD[:1], anchors=[GOOD[0]], source="RFC 5280 6.1.1 (d)", certtool=(
    UNTRUSTED, "an anchor has to be an authority, or to have signed itself"))
case("leaf with an expired date, trusted", EXPIRED, [leaf(None, after="210101000000Z")],
     anchors=[leaf(None, after="210101000000Z")], source="RFC 5280 6.1.3 (a)(2)")
LOOP = inter(lower(ROOT))
case("two intermediates that issued each other", UNTRUSTED, [leaf(LOOP), LOOP, lower(LOOP)])
case("an intermediate that issued itself", UNTRUSTED, [leaf(root("Loop", INTER_KEY)), root("Loop", INTER_KEY)])
CROSS = inter(OTHER_ROOT, name="Root", key=ROOT_KEY)
case("two ways to an anchor, one of them known", ACCEPT, [leaf(INTER), INTER, CROSS], anchors=[OTHER_ROOT])
case("two ways to an anchor, one of them expired", ACCEPT,
     [leaf(INTER), INTER, inter(OTHER_ROOT, name="Root", key=ROOT_KEY, after="210101000000Z")],
     anchors=[ROOT, OTHER_ROOT])
case("a chain of ten: eight intermediates", ACCEPT, tower(8))
case("a chain of eleven: nine intermediates", UNTRUSTED, tower(9), mbedtls=(BAD, "Mbed TLS has no word for it"),
     verify=(
    ACCEPT, "its limit is 100"), certtool=(ACCEPT, "its limit is higher"))
IDENTIFIED = inter(extensions=[*CA, subject_key_identifier(key_identifier(INTER_KEY))])
case("authority key identifier", ACCEPT,
     below(IDENTIFIED, extensions=[authority_key_identifier(key_identifier(INTER_KEY))]), source="RFC 5280 4.2.1.1")
case("authority key identifier of another key", UNTRUSTED,
     below(IDENTIFIED, extensions=[authority_key_identifier(key_identifier(OTHER_KEY))]), source="RFC 5280 4.2.1.1")
case("authority key identifier with another serial number", ACCEPT,
     below(IDENTIFIED, extensions=[authority_key_identifier(issuer=ROOT.subject, serial=b"\x55")]),
     source="RFC 5280 4.2.1.1", openssl=SERIAL, verify=SERIAL)


def same_name(identified):
    """Three roots of one name with their keys, and what each has issued."""
    keys = ROOT_KEY, OTHER_KEY, LOWER_KEY
    subject = [[subject_key_identifier(key_identifier(key))] if identified else [] for key in keys]
    authority = [[authority_key_identifier(key_identifier(key))] if identified else [] for key in keys]
    roots = [root(key=key, extensions=[*CA, *extra]) for key, extra in zip(keys, subject)]
    return roots, [below(inter(issuer, extensions=[*CA, *extra])) for issuer, extra in zip(roots, authority)]


CHOICE = {"first": {"certtool": ONE_OF_GNUTLS}, "second": {"verify": ONE_ISSUER, "certtool": ONE_OF_GNUTLS},
          "third": {"verify": ONE_ISSUER}}

# A bundle has an order of its own: one of the three is the last one there, too.
for identified, words in ((False, "without"), (True, "with")):
    roots, issued = same_name(identified)
    for number, chain in zip(("first", "second", "third"), issued):
        case(f"three roots of one name {words} key identifiers, the {number} has the key", ACCEPT, chain, anchors=roots,
             **({} if identified else CHOICE[number]))
    case(f"three roots of one name {words} key identifiers, the root is sent as well", ACCEPT, [*issued[2], roots[2]],
         anchors=roots, **({} if identified else {"verify": ONE_ISSUER}))
    case(f"two roots of one name {words} key identifiers, neither has the key", UNTRUSTED, issued[2], anchors=roots[:2])
BY_TWO = [inter(OTHER_ROOT), inter(ROOT)]
case("intermediate issued by two authorities, both sent, the first is known", ACCEPT, [leaf(BY_TWO[0]), *BY_TWO],
     anchors=[OTHER_ROOT])
case("intermediate issued by two authorities, both sent, the second is known", ACCEPT, [leaf(BY_TWO[0]), *BY_TWO],
     anchors=[ROOT], **NO_OTHER_WAY)
case("a root that another one has certified, both are known", ACCEPT, [leaf(INTER), INTER, CROSS, OTHER_ROOT],
     anchors=[ROOT, OTHER_ROOT])
case("a root that another one has certified, only itself is known", ACCEPT, [leaf(INTER), INTER, CROSS, OTHER_ROOT],
     anchors=[ROOT])
OTHER_INTER = inter(key=OTHER_KEY)
case("two intermediates of one name, the second has the key", ACCEPT, [leaf(INTER), OTHER_INTER, INTER], **NO_OTHER_WAY)
case("others between, before and behind", ACCEPT,
     [leaf(lower()), lower(OTHER_ROOT, name="Unneeded"), lower(), OTHER_ROOT, INTER, leaf(OTHER_ROOT), ROOT])
UPSIDE_DOWN = tower(4)
case("four intermediates upside down, the root first", ACCEPT, [UPSIDE_DOWN[0], ROOT, *UPSIDE_DOWN[:0:-1]],
     source="RFC 8446 4.4.2", mbedtls=ORDER, by_bundle=["mbedtls"])
case("the root before the intermediate", ACCEPT, [GOOD[0], ROOT, INTER], source="RFC 8446 4.4.2")

# ----------------------------------------------------------------------------------------------------------------------
group("Dates", "RFC 5280 6.1.3 (a)(2)")

LAST, FIRST = {"after": "210101000000Z"}, {"before": "480101000000Z"}
case("the leaf has expired", EXPIRED, below(INTER, **LAST))
case("the intermediate has expired", EXPIRED, below(inter(**LAST)))
case("the root has expired", EXPIRED, GOOD, anchors=[root(**LAST)])
case("the leaf is not yet valid", NOT_YET_VALID, below(INTER, **FIRST))
case("the intermediate is not yet valid", NOT_YET_VALID, below(inter(**FIRST)))
case("the root is not yet valid", NOT_YET_VALID, GOOD, anchors=[root(**FIRST)])
case("the last second", ACCEPT, below(INTER, after="300101000000Z"), source="RFC 5280 4.1.2.5",
     verify=(EXPIRED, "it refuses a certificate in its last second"), certtool=TODAY)
case("the second after the last", EXPIRED, below(INTER, after="291231235959Z"), source="RFC 5280 4.1.2.5",
     certtool=TODAY)
case("the first second", ACCEPT, below(INTER, before="300101000000Z"), source="RFC 5280 4.1.2.5", certtool=TODAY)
case("the second before the first", NOT_YET_VALID, below(INTER, before="300101000001Z"), source="RFC 5280 4.1.2.5",
     certtool=TODAY)
case("to the year 2050 and after", ACCEPT, below(INTER, after="20510101000000Z"), source="RFC 5280 4.1.2.5.2")
case("to the end of time", ACCEPT, below(INTER, after="99991231235959Z"), source="RFC 5280 4.1.2.5")
case("a year of two digits from 50 on is of the last century", EXPIRED, below(INTER, after="500101000000Z"),
     source="RFC 5280 4.1.2.5.1")
case("from after the end", EXPIRED, below(INTER, before="480101000000Z", after="210101000000Z"))
case("without seconds", BAD, below(INTER, before=der.utc_time("2501010000Z")),
     source="RFC 5280 4.1.2.5.1", certtool=(ACCEPT, "GnuTLS reads it"))
case("with a time zone", BAD, below(INTER, before=der.utc_time("250101000000+0000")), source="RFC 5280 4.1.2.5.1")
case("with fractions of seconds", BAD, below(INTER, before=der.generalized_time("20250101000000.5Z")),
     source="RFC 5280 4.1.2.5.2")
case("no date", BAD, below(INTER, before=der.utc_time("251301000000Z")), source="RFC 5280 4.1.2.5")

# ----------------------------------------------------------------------------------------------------------------------
group("Path length", "RFC 5280 6.1.4 (l), (m)")


def ca(length=None, *more):
    return [basic_constraints(length=length), key_usage("keyCertSign"), *more]


def three(length_of_root=None, length=None):
    """A leaf two intermediates below the root."""
    top = inter(root(extensions=ca(length_of_root)), ca(length))
    return [leaf(lower(top)), lower(top), top], [root(extensions=ca(length_of_root))]


def limited(name, verdict, pair, **more):
    case(name, verdict, pair[0], anchors=pair[1], **more)


limited("root 0, no intermediate", ACCEPT, ([leaf(ROOT)], [root(extensions=ca(0))]))
limited("root 0, one intermediate", USAGE, (GOOD, [root(extensions=ca(0))]), mbedtls=NO_ISSUER)
limited("root 1, one intermediate", ACCEPT, (GOOD, [root(extensions=ca(1))]))
limited("root 1, two intermediates", USAGE, three(length_of_root=1), mbedtls=NO_ISSUER)
limited("root 2, two intermediates", ACCEPT, three(length_of_root=2))
limited("intermediate 0", ACCEPT, (below(inter(extensions=ca(0))), [ROOT]))
limited("intermediate 0, another below", USAGE, three(length=0), mbedtls=NO_ISSUER)
limited("intermediate 1, another below", ACCEPT, three(length=1))


def identified(issuer, key, extensions, signer, **more):
    """An intermediate that says whose key it has and whose key signed it, as those do that issued themselves."""
    return inter(issuer, [*extensions, subject_key_identifier(key_identifier(key)),
                          authority_key_identifier(key_identifier(signer))], key=key, **more)


def rollover(extensions, **more):
    """A leaf below an intermediate that an older one of the same name and with these extensions has issued."""
    old = identified(ROOT, INTER_KEY, extensions, ROOT_KEY)
    new = identified(old, LOWER_KEY, extensions, INTER_KEY)
    return [leaf(new, extensions=[authority_key_identifier(key_identifier(LOWER_KEY))], **more), new, old]


case("intermediate 0, below it one that issued itself", ACCEPT, rollover(ca(0)), source="RFC 5280 4.2.1.9", mbedtls=(
    UNTRUSTED, "Mbed TLS counts it until it has found its issuer"), certtool=(UNTRUSTED, "GnuTLS counts it"))
case("a number too large for 32 bits", ACCEPT, below(inter(extensions=ca(2**40))), mbedtls=UNREAD,
     certtool=(UNTRUSTED, "GnuTLS cannot read it"))
case("a negative number", BAD, below(inter(extensions=ca(-1))), source="RFC 5280 4.2.1.9", openssl=PASSED_OVER,
     certtool=(ACCEPT, "GnuTLS does not mind"))

# ----------------------------------------------------------------------------------------------------------------------
group("Who may issue", "RFC 5280 6.1.4 (k), (n)")

SIGNS = key_usage("keyCertSign")
case("intermediate without basicConstraints", USAGE, below(inter(extensions=[SIGNS])), mbedtls=NO_ISSUER)
case("intermediate without extensions", USAGE, below(inter(extensions=[])), mbedtls=NO_ISSUER)
case("intermediate that is no authority", USAGE, below(inter(extensions=[basic_constraints(False), SIGNS])),
     mbedtls=NO_ISSUER)
case("intermediate whose basicConstraints are not critical", ACCEPT,
     below(inter(extensions=[basic_constraints(critical=False), SIGNS])))
case("a leaf as issuer", USAGE, [leaf(GOOD[0], key=OTHER_KEY, subject="Lower"), *GOOD], mbedtls=NO_ISSUER)
case("intermediate of version 1", USAGE, below(inter(extensions=[], version=None)), mbedtls=NO_ISSUER)
case("intermediate of version 2", USAGE, below(inter(extensions=[], version=1)), mbedtls=NO_ISSUER)
case("intermediate without keyCertSign", USAGE, below(inter(extensions=[basic_constraints(), key_usage("cRLSign")])),
     mbedtls=NO_ISSUER)
case("intermediate without key usage", ACCEPT, below(inter(extensions=[basic_constraints()])))
case("root of version 1", ACCEPT, GOOD, anchors=[root(extensions=[], version=None)], source="RFC 5280 6.1.1 (d)")
case("root without basicConstraints", USAGE, GOOD, anchors=[root(extensions=[])], mbedtls=NO_ISSUER,
     certtool=ONLY_CA_BIT)
case("root with key usage only", USAGE, GOOD, anchors=[root(extensions=[SIGNS])], mbedtls=NO_ISSUER,
     verify=STRICT_ONLY, certtool=ONLY_CA_BIT)
case("root that is no authority", USAGE, GOOD, anchors=[root(extensions=[basic_constraints(False)])], mbedtls=NO_ISSUER)
case("root without keyCertSign", USAGE, GOOD, anchors=[root(extensions=[basic_constraints(), key_usage("cRLSign")])],
     mbedtls=NO_ISSUER)
case("an authority as server", ACCEPT, with_extensions(basic_constraints(),
     key_usage("digitalSignature", "keyCertSign")))
case("a leaf that says that it is no authority", ACCEPT, with_extensions(basic_constraints(False)))
case("a path length in a leaf", ACCEPT, with_extensions(basic_constraints(False, 0)), source="RFC 5280 4.2.1.9")

# ----------------------------------------------------------------------------------------------------------------------
group("Key usage", "RFC 5280 4.2.1.3, RFC 8446 4.4.2.2, RFC 8422 2.2")

case("digitalSignature", ACCEPT, with_extensions(key_usage("digitalSignature")))
case("digitalSignature, not critical", ACCEPT, with_extensions(key_usage("digitalSignature", critical=False)))
case("digitalSignature among others", ACCEPT, with_extensions(
    key_usage("digitalSignature", "nonRepudiation", "keyEncipherment", "keyAgreement")))
for usage in ("nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign"):
    any_suite = {"verify": ANY_SUITE} if usage in ("keyEncipherment", "keyAgreement") else {}
    case(f"{usage} only", USAGE, with_extensions(key_usage(usage)), certtool=NO_USAGE, **any_suite)
case("keyEncipherment only, not critical", USAGE, with_extensions(key_usage("keyEncipherment", critical=False)),
     verify=ANY_SUITE, certtool=NO_USAGE)
RSA_LEAF = Key("leaf", 2048)
case("RSA with digitalSignature", ACCEPT, [leaf(ROOT, key=RSA_LEAF, extensions=[key_usage("digitalSignature")])])
case("RSA with keyEncipherment only", USAGE, [leaf(ROOT, key=RSA_LEAF, extensions=[key_usage("keyEncipherment")])],
     verify=ANY_SUITE, certtool=NO_USAGE)
case("no usage at all", USAGE, with_extensions(key_usage()), openssl=PASSED_OVER, certtool=NO_USAGE)

# ----------------------------------------------------------------------------------------------------------------------
group("Extended key usage", "RFC 5280 4.2.1.12")

case("serverAuth", ACCEPT, with_extensions(extended_key_usage(SERVER_AUTH)))
case("serverAuth, critical", ACCEPT, with_extensions(extended_key_usage(SERVER_AUTH, critical=True)))
case("serverAuth and clientAuth", ACCEPT, with_extensions(extended_key_usage(CLIENT_AUTH, SERVER_AUTH)))
case("clientAuth only", USAGE, with_extensions(extended_key_usage(CLIENT_AUTH)))
case("clientAuth only, critical", USAGE, with_extensions(extended_key_usage(CLIENT_AUTH, critical=True)))
case("emailProtection only", USAGE, with_extensions(extended_key_usage(EMAIL_PROTECTION)))
case("a purpose that nobody knows", USAGE, with_extensions(extended_key_usage("1.2.3.4")))
case("anyExtendedKeyUsage only", USAGE, with_extensions(extended_key_usage(chains.ANY_USAGE)), certtool=ANY_PURPOSE)
case("anyExtendedKeyUsage and serverAuth", ACCEPT, with_extensions(extended_key_usage(chains.ANY_USAGE, SERVER_AUTH)))
case("Netscape's step-up only", USAGE, with_extensions(extended_key_usage("2.16.840.1.113730.4.1")),
     verify=(ACCEPT, "it takes this of old for serverAuth"))
for title, purposes, verdict in (
        ("serverAuth", [SERVER_AUTH], ACCEPT), ("serverAuth and clientAuth", [SERVER_AUTH, CLIENT_AUTH], ACCEPT),
        ("clientAuth only", [CLIENT_AUTH], USAGE), ("emailProtection only", [EMAIL_PROTECTION], USAGE),
        ("anyExtendedKeyUsage only", [chains.ANY_USAGE], USAGE)):
    case(f"intermediate for {title}", verdict, below(inter(extensions=[*CA, extended_key_usage(*purposes)])))
case("root for clientAuth only", USAGE, GOOD, anchors=[root(extensions=[*CA, extended_key_usage(CLIENT_AUTH)])],
     certtool=ONLY_CA_BIT)

group("Clients' certificates", "RFC 5280 4.2.1.12, RFC 8446 4.4.2.4")
for title, extensions, verdict, differences in (
        ("without usages", [], ACCEPT, {}), ("clientAuth", [extended_key_usage(CLIENT_AUTH)], ACCEPT, {}),
        ("clientAuth and serverAuth", [extended_key_usage(SERVER_AUTH, CLIENT_AUTH)], ACCEPT, {}),
        ("serverAuth only", [extended_key_usage(SERVER_AUTH)], USAGE, {}),
        ("anyExtendedKeyUsage only", [extended_key_usage(chains.ANY_USAGE)], USAGE, {"certtool": ANY_PURPOSE}),
        ("digitalSignature", [key_usage("digitalSignature")], ACCEPT, {}),
        ("keyEncipherment only", [key_usage("keyEncipherment")], USAGE, {"certtool": NO_USAGE}),
        ("keyCertSign only", [key_usage("keyCertSign")], USAGE, {"certtool": NO_USAGE})):
    case(f"client: {title}", verdict, with_extensions(*extensions), role=CLIENT, host=None, **differences)
case("client: keyAgreement only", USAGE, with_extensions(key_usage("keyAgreement")), role=CLIENT, host=None,
     verify=ANY_SUITE, certtool=NO_USAGE)
for title, purpose, verdict in (("clientAuth", CLIENT_AUTH, ACCEPT), ("serverAuth", SERVER_AUTH, USAGE)):
    case(f"client: intermediate for {title} only", verdict,
         below(inter(extensions=[*CA, extended_key_usage(purpose)])), role=CLIENT, host=None)
case("client: expired", EXPIRED, below(INTER, **LAST), role=CLIENT, host=None)
case("client: not trusted", UNTRUSTED, GOOD, anchors=[OTHER_ROOT], role=CLIENT, host=None)
case("client: the intermediate is no authority", USAGE, below(inter(extensions=[basic_constraints(False)])),
     role=CLIENT,
     host=None, mbedtls=NO_ISSUER)
case("client: without a name", ACCEPT, named(subject="Somebody"), role=CLIENT, host=None)
case("client: name constraints", USAGE, below(inter(extensions=[*CA, name_constraints([dns("other.test")])])),
     role=CLIENT, host=None)

# ----------------------------------------------------------------------------------------------------------------------
group("Name constraints", "RFC 5280 4.2.1.10")

V4, V6 = bytes([192, 0, 2, 1]), bytes.fromhex("20010db8000000000000000000000001")
NET4, NET6 = bytes([192, 0, 2, 0, 255, 255, 255, 0]), V6[:4] + bytes(12) + b"\xff" * 4 + bytes(12)
OTHER_NET4 = bytes([198, 51, 100, 0, 255, 255, 255, 0])
ORGANIZATION = ("2.5.4.10", utf8("Example"))
SUBJECT = der.name(ORGANIZATION, ("2.5.4.3", utf8("Leaf")))


def constrained(name, verdict, permitted=(), excluded=(), names=(dns(HOST),), subject="Leaf", **more):
    issuer = inter(extensions=[*CA, name_constraints(permitted, excluded)])
    case(name, verdict, below(issuer, names=names, subject=subject), **more)


constrained("permitted: the domain", ACCEPT, [dns("test")])
constrained("permitted: the host itself", ACCEPT, [dns(HOST)])
constrained("permitted: the host in upper case", ACCEPT, [dns("SERVER.Test")], source="RFC 5280 7.2")
constrained("permitted: another domain", USAGE, [dns("example")])
constrained("permitted: another host", USAGE, [dns("other.test")])
constrained("permitted: a host below", USAGE, [dns("a.server.test")])
constrained("permitted: the same end, but not at a dot", USAGE, [dns("ver.test")])
constrained("permitted: two domains, the second fits", ACCEPT, [dns("example"), dns("test")])
constrained("permitted: everything", ACCEPT, [dns("")])
constrained("permitted: the domain, with a dot before it", ACCEPT, [dns(".test")])
constrained("permitted: hosts below this one, with a dot before it", USAGE, [dns(".server.test")])
constrained("permitted: one of the leaf's two names", USAGE, [dns("server.test")],
            names=[dns(HOST), dns("evil.example")])
constrained("permitted: the domain of a wildcard", ACCEPT, [dns("server.test")], names=[dns("*.server.test")],
            host="a.server.test")
constrained("permitted: a host that a wildcard stands for", USAGE, [dns("a.server.test")], names=[dns("*.server.test")],
            host="a.server.test")
constrained("permitted: addresses only, the leaf has a DNS name", ACCEPT, [address(NET4)])
constrained("excluded: the domain", USAGE, (), [dns("test")])
constrained("excluded: the host itself", USAGE, (), [dns(HOST)])
constrained("excluded: the host in upper case", USAGE, (), [dns("SERVER.TEST")], source="RFC 5280 7.2")
constrained("excluded: another domain", ACCEPT, (), [dns("example")])
constrained("excluded: everything", USAGE, (), [dns("")])
constrained("excluded: a host below", ACCEPT, (), [dns("a.server.test")])
constrained("excluded: a host that a wildcard stands for", USAGE, (), [dns("a.server.test")],
            names=[dns("*.server.test")], host="b.server.test", verify=(
    ACCEPT, "OpenSSL compares wildcards as if they were hosts"), certtool=(
    ACCEPT, "GnuTLS compares wildcards as if they were hosts"))
constrained("excluded: part of what is permitted", USAGE, [dns("test")], [dns(HOST)])
constrained("excluded: one of the leaf's two names", USAGE, (), [dns("evil.example")],
            names=[dns(HOST), dns("evil.example")])
constrained("permitted: the network", ACCEPT, [address(NET4)], names=[address(V4)], host="192.0.2.1")
constrained("permitted: another network", USAGE, [address(OTHER_NET4)], names=[address(V4)], host="192.0.2.1")
constrained("excluded: the network", USAGE, (), [address(NET4)], names=[address(V4)], host="192.0.2.1")
constrained("excluded: another network", ACCEPT, (), [address(OTHER_NET4)], names=[address(V4)], host="192.0.2.1")
constrained("excluded: the whole of IPv4", USAGE, (), [address(bytes(8))], names=[address(V4)], host="192.0.2.1")
constrained("permitted: the network, IPv6", ACCEPT, [address(NET6)], names=[address(V6)], host="2001:db8::1")
constrained("permitted: another network, IPv6", USAGE, [address(b"\xfe" + NET6[1:])], names=[address(V6)],
            host="2001:db8::1")
constrained("excluded: the network, IPv6", USAGE, (), [address(NET6)], names=[address(V6)], host="2001:db8::1")
constrained("permitted: a network of IPv4, the leaf has an address of IPv6", USAGE, [address(NET4)],
            names=[address(V6)],
            host="2001:db8::1", certtool=(
    ACCEPT, "GnuTLS takes IPv4 and IPv6 for two kinds of names"))
constrained("permitted: a DNS name, the leaf has an address", ACCEPT, [dns("example")], names=[address(V4)],
            host="192.0.2.1", certtool=ALL_PERMITTED)
constrained("permitted: an address without a mask", USAGE, [address(V4)], names=[address(V4)], host="192.0.2.1",
            openssl=NOT_COMPARED)
MAIL = [dns(HOST), email("someone@mail.test")]
constrained("permitted: the mailbox", ACCEPT, [email("someone@mail.test")], names=MAIL)
constrained("permitted: another mailbox", USAGE, [email("nobody@mail.test")], names=MAIL)
constrained("permitted: mailboxes of the host", ACCEPT, [email("mail.test")], names=MAIL)
constrained("permitted: mailboxes of another host", USAGE, [email("test")], names=MAIL)
constrained("permitted: mailboxes of the domain", ACCEPT, [email(".test")], names=MAIL)
constrained("permitted: mailboxes of another domain", USAGE, [email(".example")], names=MAIL)
constrained("excluded: the mailbox", USAGE, (), [email("someone@mail.test")], names=MAIL)
constrained("excluded: mailboxes of the host", USAGE, (), [email("MAIL.test")], names=MAIL)
constrained("excluded: mailboxes of another host", ACCEPT, (), [email("other.test")], names=MAIL)
constrained("permitted: mailboxes, one is in the subject", USAGE, [email("other.test")], names=[dns(HOST)],
            subject=der.name(
    ("2.5.4.3", utf8("Leaf")), ("1.2.840.113549.1.9.1", tlv(der.IA5, b"someone@mail.test"))))
constrained("permitted: the subject", ACCEPT, [der.directory(der.name(ORGANIZATION))], subject=SUBJECT)
constrained("permitted: another subject", USAGE, [der.directory(der.name(("2.5.4.10", utf8("Other"))))],
            subject=SUBJECT, certtool=NO_SUBJECTS)
constrained("permitted: another beginning of the subject", USAGE,
            [der.directory(der.name(("2.5.4.3", utf8("Leaf"))))], subject=SUBJECT, certtool=NO_SUBJECTS)
constrained("excluded: the subject", USAGE, (), [der.directory(der.name(ORGANIZATION))], subject=SUBJECT)
constrained("excluded: another subject", ACCEPT, (), [der.directory(der.name(("2.5.4.10", utf8("Other"))))],
            subject=SUBJECT, mbedtls=(
    USAGE, "there are many ways to write a subject, so none is known to be outside"), certtool=(
    UNTRUSTED, "GnuTLS refuses constraints that exclude subjects"))
constrained("permitted: a kind of name that the leaf has and nobody compares", USAGE, [der.registered("1.2.3")],
            names=[dns(HOST), der.registered("1.2.3.4")], openssl=NOT_COMPARED)
constrained("permitted: a kind of name that the leaf does not have", ACCEPT, [der.registered("1.2.3")], certtool=(
    UNTRUSTED, "GnuTLS refuses constraints of kinds that it does not know"))
constrained("the common name stands for the host", USAGE, [dns("example")], names=(), subject=HOST)
constrained("the common name stands for the host, permitted", ACCEPT, [dns("test")], names=(), subject=HOST)
constrained("of nothing", ACCEPT)
NAMED = [name_constraints([dns("other.test")])]
case("of the root", USAGE, GOOD, anchors=[root(extensions=[*CA, *NAMED])])
case("of the root, the names are permitted", ACCEPT, GOOD, anchors=[root(extensions=[*CA,
     name_constraints([dns("test")])])])
case("of the root, critical, the names are permitted", ACCEPT, GOOD,
     anchors=[root(extensions=[*CA, name_constraints([dns("test")], critical=True)])])
case("of the root, critical, other names are permitted", USAGE, GOOD,
     anchors=[root(extensions=[*CA, name_constraints([dns("other.test")], critical=True)])])
CONSTRAINED = inter(extensions=[*CA, name_constraints([dns("test")])])
BELOW = lower(CONSTRAINED, [*CA, *NAMED])
case("of two intermediates, the second is narrower", USAGE, [leaf(BELOW), BELOW, CONSTRAINED])
WIDER = lower(inter(extensions=[*CA, *NAMED]), [*CA, name_constraints([dns("test")])])
case("of two intermediates, the second is wider", USAGE, [leaf(WIDER), WIDER, inter(extensions=[*CA, *NAMED])])
ORGANIZED = inter(extensions=[*CA, name_constraints([der.directory(der.name(ORGANIZATION))])])
case("an intermediate is outside", USAGE, [leaf(lower(ORGANIZED), subject=SUBJECT), lower(ORGANIZED), ORGANIZED],
     certtool=NO_SUBJECTS)
case("an intermediate that issued itself is outside", ACCEPT, rollover(
    [*CA, name_constraints([der.directory(der.name(ORGANIZATION))])], subject=SUBJECT), source="RFC 5280 6.1.3 (b)")
CRITICAL = inter(extensions=[*CA, name_constraints([dns("test")], critical=True)])
case("critical, the names are permitted", ACCEPT, below(CRITICAL), mbedtls=(BAD, CRITICAL_CONSTRAINTS))
case("critical, other names are permitted", USAGE,
     below(inter(extensions=[*CA, name_constraints([dns("other.test")], critical=True)])),
     mbedtls=(BAD, CRITICAL_CONSTRAINTS))
case("in a leaf", ACCEPT, with_extensions(*NAMED))
case("with a minimum", USAGE, below(inter(extensions=[*CA, name_constraints(
    [dns("test")], rest=tlv(0x80, b"\x01"))])), openssl=NOT_COMPARED, certtool=(ACCEPT, "GnuTLS does not look at it"))
case("damaged", USAGE, below(inter(extensions=[*CA, extension(chains.NAME_CONSTRAINTS, b"\x30\x05\xa0\x7fabc")])),
     openssl=PASSED_OVER)

# ----------------------------------------------------------------------------------------------------------------------
group("Extensions", "RFC 5280 4.2")

UNKNOWN = "1.2.3.4.5"
case("unknown, not critical", ACCEPT, with_extensions(extension(UNKNOWN, b"\5\0")))
case("unknown, critical, in the leaf", BAD, with_extensions(extension(UNKNOWN, b"\5\0", critical=True)))
case("unknown, critical, in the intermediate", BAD,
     below(inter(extensions=[*CA, extension(UNKNOWN, b"\5\0", critical=True)])))
case("unknown, critical, in the root", BAD, GOOD, anchors=[root(extensions=[*CA, extension(UNKNOWN, b"\5\0", True)])],
     mbedtls=UNREAD_ANCHOR)
case("unknown, twice", ACCEPT, with_extensions(*[extension(UNKNOWN, b"\5\0")] * 2),
     certtool=(BAD, "GnuTLS reads no certificate that has an extension twice"))
case("subjectAltName twice", BAD, with_extensions(alt_names(dns("other.test"))), openssl=PASSED_OVER)
case("basicConstraints twice", BAD, below(inter(extensions=[basic_constraints(False), *CA])), openssl=PASSED_OVER)
case("key usage twice", BAD, with_extensions(key_usage("keyAgreement"), key_usage("digitalSignature")),
     openssl=PASSED_OVER)
case("extended key usage twice", BAD, with_extensions(extended_key_usage(CLIENT_AUTH),
     extended_key_usage(SERVER_AUTH)), openssl=PASSED_OVER)
case("name constraints twice", USAGE, below(inter(extensions=[*CA, *NAMED, name_constraints([dns("test")])])),
     openssl=PASSED_OVER)
case("subjectAltName damaged", BAD, [leaf(ROOT, (), [extension("2.5.29.17", b"\x30\x05\x82\x7fabc")])],
     openssl=PASSED_OVER)
case("basicConstraints damaged", BAD, below(inter(extensions=[extension(chains.BASIC_CONSTRAINTS, b"\x30\x7f")])),
     openssl=PASSED_OVER)
case("key usage damaged", BAD, with_extensions(extension("2.5.29.15", b"\x04\x01\x80", True)), openssl=PASSED_OVER,
     certtool=NO_USAGE)
case("extended key usage damaged", BAD, with_extensions(extension("2.5.29.37", b"\x30\x05abc")), openssl=PASSED_OVER)
case("certificate policies, critical", ACCEPT, with_extensions(extension(
    "2.5.29.32", der.sequence(der.sequence(der.oid("2.5.29.32.0"))), True)), source="RFC 5280 4.2.1.4")
case("policy constraints: a policy is required, none is there", BAD, below(inter(extensions=[*CA, extension(
    "2.5.29.36", der.sequence(tlv(0x80, b"\0")), True)])), source="RFC 5280 6.1.3 (f)", verify=(
    ACCEPT, "it looks at policies under -policy_check only"))
POLICY = extension("2.5.29.32", der.sequence(der.sequence(der.oid("1.2.3.4"))))
case("policy constraints: a policy is required, and there", ACCEPT, below(
    inter(extensions=[*CA, POLICY, extension("2.5.29.36", der.sequence(tlv(0x80, b"\0")), True)]), extensions=[POLICY]),
     source="RFC 5280 4.2.1.11", mbedtls=UNREAD,
     certtool=(BAD, "GnuTLS does not know policy constraints, which are critical"))
case("inhibitAnyPolicy, critical", ACCEPT, below(inter(extensions=[*CA, extension("2.5.29.54", der.integer(0), True)])),
     source="RFC 5280 4.2.1.14", mbedtls=UNREAD)
case("subjectAltName, critical, without a subject", ACCEPT,
     [leaf(ROOT, (), [extension("2.5.29.17", der.sequence(dns(HOST)), True)], subject=der.name())],
     source="RFC 5280 4.1.2.6")
case("subjectAltName, not critical, without a subject", ACCEPT, named(dns(HOST), subject=der.name()),
     source="RFC 5280 4.1.2.6")
case("Netscape's certificate type: client", USAGE, with_extensions(
    extension("2.16.840.1.113730.1.1", tlv(der.BIT_STRING, b"\x07\x80"))), source="Netscape, before RFC 2459",
    certtool=(ACCEPT, "GnuTLS does not know it"))

# ----------------------------------------------------------------------------------------------------------------------
group("Versions and serial numbers", "RFC 5280 4.1.2")

case("leaf of version 1", ACCEPT, [leaf(ROOT, (), subject=HOST, version=None)], source="RFC 5280 4.1.2.1")
case("leaf of version 1 with extensions", BAD, [leaf(ROOT, version=None)], source="RFC 5280 4.1.2.9",
     verify=STRICT_ONLY)
case("leaf of version 2 with unique identifiers", BAD,
     [leaf(ROOT, (), subject=HOST, version=1, after_key=tlv(0x81, b"\0abc") + tlv(0x82, b"\0def"))],
     source="RFC 5280 4.1.2.8", verify=UNIQUE, certtool=UNIQUE)
case("leaf of version 3 with unique identifiers", BAD,
     [leaf(ROOT, after_key=tlv(0x81, b"\0abc") + tlv(0x82, b"\0def"))],
     source="RFC 5280 4.1.2.8", verify=UNIQUE, certtool=UNIQUE)
case("leaf of version 4", BAD, [leaf(ROOT, version=3)], source="RFC 5280 4.1.2.1",
     verify=(ACCEPT, "it does not ask for the version"), certtool=(ACCEPT, "it does not ask for the version"))
for title, serial in (("0", b"\0"), ("-1", b"\xff"), ("large and negative", b"\x80" + bytes(15)),
                      ("of 20 octets", b"\x7f" * 20), ("of 21 octets", b"\x7f" * 21), ("of 34 octets", b"\x7f" * 34)):
    case(f"serial number {title}", ACCEPT, [leaf(ROOT, serial=serial)], source="RFC 5280 4.1.2.2")
case("intermediate with a negative serial number", ACCEPT, below(inter(serial=b"\x80")), source="RFC 5280 4.1.2.2")

# ----------------------------------------------------------------------------------------------------------------------
group("Hashes and keys", "RFC 9325 4.1, 4.2, RFC 8446 4.4.2.4")

RSA_ROOT_KEY = Key("root", 2048)
RSA_ROOT = root(key=RSA_ROOT_KEY)
case("leaf signed with MD5", WEAK, [leaf(RSA_ROOT, digest="md5")], anchors=[RSA_ROOT])
case("leaf signed with SHA-1", WEAK, [leaf(ROOT, digest="sha1")])
case("leaf signed with SHA-224", WEAK, [leaf(ROOT, digest="sha224")], verify=LEVEL, certtool=MEDIUM)
case("leaf signed with SHA-384", ACCEPT, [leaf(ROOT, digest="sha384")])
case("leaf signed with SHA-512", ACCEPT, [leaf(ROOT, digest="sha512")])
case("leaf signed with RSA", ACCEPT, [leaf(RSA_ROOT)], anchors=[RSA_ROOT])
case("leaf signed with RSA-PSS", ACCEPT, [leaf(RSA_ROOT, digest="pss")], anchors=[RSA_ROOT])
case("intermediate signed with SHA-1", WEAK, below(inter(digest="sha1")))
case("root signed with SHA-1", ACCEPT, GOOD, anchors=[root(digest="sha1")], source="RFC 5280 6.1.1 (d)")
case("leaf with RSA of 1024 bits", WEAK, [leaf(ROOT, key=Key("leaf", 1024))])
case("leaf with RSA of 2048 bits", ACCEPT, [leaf(ROOT, key=RSA_LEAF)])
case("intermediate with RSA of 1024 bits", WEAK, below(inter(key=Key("inter", 1024))))
for kind, verdict, differences in (
        ("P-192", WEAK, {"mbedtls": CURVE}), ("P-224", WEAK, {"mbedtls": CURVE, "verify": LEVEL, "certtool": MEDIUM}),
        ("P-384", ACCEPT, {}),
        ("P-521", ACCEPT, {}), ("secp256k1", ACCEPT, {"mbedtls": CURVE, "certtool": NO_CURVE}),
        ("brainpool", ACCEPT, {"mbedtls": CURVE, "certtool": NO_CURVE}),
        ("Ed25519", ACCEPT, {"mbedtls": (BAD, "Mbed TLS does not have the algorithm")})):
    case(f"intermediate with {kind}", verdict, below(inter(key=Key("inter", kind))), **differences)
for kind, title, differences in (
        (512, "RSA of 512 bits", {}), (1024, "RSA of 1024 bits", {}), ("P-192", "P-192", {"mbedtls": CURVE_OF_ANCHOR}),
        ("P-224", "P-224", {"mbedtls": CURVE_OF_ANCHOR, "verify": LEVEL, "certtool": MEDIUM})):
    weak = root(key=Key("root", kind))
    case(f"root with {title}", WEAK, [leaf(weak)], anchors=[weak], **differences)

# ----------------------------------------------------------------------------------------------------------------------
group("Names", "RFC 9525 6.3, 6.4")

case("the name", ACCEPT, named(dns(HOST)))
case("another name", HOSTNAME, named(dns("other.test")))
case("a name below", HOSTNAME, named(dns("a.server.test")))
case("the domain", HOSTNAME, named(dns("test")))
case("upper case in the certificate", ACCEPT, named(dns("SERVER.Test")))
case("upper case in what is asked for", ACCEPT, named(dns(HOST)), host="Server.TEST")
case("a trailing dot in what is asked for", ACCEPT, named(dns(HOST)), host="server.test.", source="RFC 9525 6.3")
case("a trailing dot in the certificate", HOSTNAME, named(dns("server.test.")), source="RFC 5280 4.2.1.6")
case("a trailing dot in both", HOSTNAME, named(dns("server.test.")), host="server.test.", source="RFC 5280 4.2.1.6")
case("a dot before it", HOSTNAME, named(dns(".server.test")))
case("a dot before it, a name below is asked for", HOSTNAME, named(dns(".server.test")), host="a.server.test")
case("a space before it", HOSTNAME, named(dns(" server.test")))
case("a space behind it", HOSTNAME, named(dns("server.test ")))
case("a port behind it", HOSTNAME, named(dns("server.test:443")))
case("the second of two", ACCEPT, named(dns("other.test"), dns(HOST)))
case("the last of 100", ACCEPT, named(*[dns(f"host{n}.test") for n in range(99)], dns(HOST)))
case("none of 100", HOSTNAME, named(*[dns(f"host{n}.test") for n in range(100)]))
case("an empty name", HOSTNAME, named(dns("")))
case("an empty list", HOSTNAME, [leaf(ROOT, (), [alt_names()])], source="RFC 5280 4.2.1.6")
case("NUL behind it", HOSTNAME, named(dns("server.test\0")))
case("NUL and another domain behind it", HOSTNAME, named(dns("server.test\0.evil.example")))
case("NUL before it", HOSTNAME, named(dns("\0server.test")))
case("as a URI", HOSTNAME, named(der.uri(HOST)), source="RFC 9525 6.3")
case("as the host of a URI", HOSTNAME, named(der.uri("https://server.test/")), source="RFC 9525 6.3")
case("as a mailbox", HOSTNAME, named(email(HOST)))
case("as another name", HOSTNAME, named(der.other_name("1.3.6.1.5.5.7.8.7", tlv(der.IA5, b"_https.server.test"))))
case("as a directory name", HOSTNAME, named(der.directory(der.common_name(HOST))))
case("a label of 63 letters", ACCEPT, named(dns("a" * 63 + ".test")), host="a" * 63 + ".test")
case("an underscore", ACCEPT, named(dns("a_b.test")), host="a_b.test")

group("Common names", "RFC 9525 2, RFC 6125 6.4.4")
case("no subjectAltName", ACCEPT, named(subject=HOST))
case("no subjectAltName, another common name", HOSTNAME, named(subject="other.test"))
case("no subjectAltName, a wildcard", ACCEPT, named(subject="*.test.example"), host="a.test.example")
case("no subjectAltName, NUL in the common name", HOSTNAME, named(subject="server.test\0.evil.example"))
case("no subjectAltName, the second of two common names", ACCEPT, named(
    subject=der.name(("2.5.4.3", utf8("other")), ("2.5.4.3", utf8(HOST)))), certtool=(
    HOSTNAME, "GnuTLS looks at a common name only if there is one of them"))
case("no subjectAltName, the common name in two octets a character", HOSTNAME, named(
    subject=der.name(("2.5.4.3", tlv(der.BMP, HOST.encode("utf-16-be"))))),
    verify=(ACCEPT, "OpenSSL converts it"), certtool=(ACCEPT, "GnuTLS converts it"))
case("the common name beside another DNS name", HOSTNAME, named(dns("other.test"), subject=HOST))
case("the common name beside an address", HOSTNAME, named(address(V4), subject=HOST), verify=(
    ACCEPT, "the common name counts unless there is a DNS name"))
case("the common name beside a mailbox", HOSTNAME, named(email("a@server.test"), subject=HOST), verify=(
    ACCEPT, "the common name counts unless there is a DNS name"), certtool=(
    ACCEPT, "the common name counts unless there is a DNS name or an address"))
case("the host as organization", HOSTNAME, named(subject=der.name(("2.5.4.10", utf8(HOST)))))

group("Wildcards", "RFC 9525 6.3, RFC 6125 6.4.3")
for pattern, host, verdict in (
        ("*.server.test", "a.server.test", ACCEPT),
        ("*.SERVER.test", "A.server.TEST", ACCEPT),
        ("*.server.test", "server.test", HOSTNAME),
        ("*.server.test", "a.b.server.test", HOSTNAME),
        ("*.server.test", "aserver.test", HOSTNAME),
        ("*.server.test", "a.server.test.", ACCEPT),
        ("*.server.test.", "a.server.test", HOSTNAME),
        ("*.server.test", "xn--bcher-kva.server.test", ACCEPT),
        ("*.xn--bcher-kva.test", "a.xn--bcher-kva.test", ACCEPT),
        ("*.server.test", "a_b.server.test", HOSTNAME),
        ("*", "server.test", HOSTNAME),
        ("*", "test", HOSTNAME),
        ("*.", "test", HOSTNAME),
        ("*.test", "server.test", HOSTNAME),
        ("*.*", "server.test", HOSTNAME),
        ("*.*.test", "a.server.test", HOSTNAME),
        ("a.*.test", "a.server.test", HOSTNAME),
        ("server.*", "server.test", HOSTNAME),
        ("a*.server.test", "abc.server.test", HOSTNAME),
        ("*c.server.test", "abc.server.test", HOSTNAME),
        ("a*c.server.test", "abc.server.test", HOSTNAME),
        ("**.server.test", "a.server.test", HOSTNAME),
        ("**.server.test", "a.b.server.test", HOSTNAME),
        ("xn--*.server.test", "xn--bcher-kva.server.test", HOSTNAME),
        ("*--kva.server.test", "xn--kva.server.test", HOSTNAME),
        (".*.server.test", "a.server.test", HOSTNAME),
        ("*.server.test\0", "a.server.test", HOSTNAME),
        ("*\0.server.test", "a.server.test", HOSTNAME),
        ("?.server.test", "a.server.test", HOSTNAME),
        ("*.0.2.1", "192.0.2.1", HOSTNAME)):
    title = pattern.replace("\0", "<NUL>")
    partial = {"verify": PARTIAL} if pattern in ("a*.server.test", "*c.server.test") else {}
    if pattern in ("*c.server.test", "*--kva.server.test") or "_" in host:
        partial["certtool"] = ACCEPT, "a wildcard is the beginning of a label or all of it, of any characters"
    case(f"{title} for {host}", verdict, named(dns(pattern)), host=host, **partial)

group("Internationalized names", "RFC 9525 6.3, RFC 5890 2.3.2.1")
BOOKS = "xn--bcher-kva.test"
case("A-label", ACCEPT, named(dns(BOOKS)), host=BOOKS)
case("A-label in upper case", ACCEPT, named(dns("XN--BCHER-KVA.test")), host=BOOKS)
case("another A-label", HOSTNAME, named(dns("xn--bcher-kvb.test")), host=BOOKS)
case("U-label in UTF-8", HOSTNAME, named(dns("bücher.test")), host=BOOKS, source="RFC 5280 7.2")
case("U-label in Latin-1", HOSTNAME, named(tlv(0x82, "bücher.test".encode("latin-1"))), host=BOOKS,
     source="RFC 5280 7.2")
case("U-label in the common name", HOSTNAME, named(subject="bücher.test"), host=BOOKS)
case("without what makes it an A-label", HOSTNAME, named(dns("bcher-kva.test")), host=BOOKS)

group("Addresses", "RFC 9525 6.5")
case("IPv4", ACCEPT, named(address(V4)), host="192.0.2.1")
case("another IPv4", HOSTNAME, named(address(V4)), host="192.0.2.2")
case("IPv6", ACCEPT, named(address(V6)), host="2001:db8::1")
case("IPv6, written in full", ACCEPT, named(address(V6)), host="2001:0DB8:0:0:0:0:0:1")
case("another IPv6", HOSTNAME, named(address(V6)), host="2001:db8::2")
case("IPv6, only a DNS name", HOSTNAME, named(dns("2001:db8::1")), host="2001:db8::1")
case("the second of two addresses", ACCEPT, named(address(V4), address(V6)), host="2001:db8::1")
case("an address beside a name", ACCEPT, named(dns(HOST), address(V4)), host="192.0.2.1")
case("IPv4 as a DNS name", HOSTNAME, named(dns("192.0.2.1")), host="192.0.2.1")
case("IPv4 as common name", HOSTNAME, named(subject="192.0.2.1"), host="192.0.2.1")
case("IPv4 as common name beside a DNS name", HOSTNAME, named(dns(HOST), subject="192.0.2.1"), host="192.0.2.1")
case("IPv4 as a URI", HOSTNAME, named(der.uri("192.0.2.1")), host="192.0.2.1")
case("IPv4 in an IPv6 address", HOSTNAME, named(address(bytes(10) + b"\xff\xff" + V4)), host="192.0.2.1")
case("IPv6 asked for that is an IPv4 address", HOSTNAME, named(address(V4)), host="::ffff:192.0.2.1")
case("an address of 5 octets", HOSTNAME, named(address(V4 + b"\0")), host="192.0.2.1", mbedtls=UNREAD)
case("a network", HOSTNAME, named(address(NET4)), host="192.0.2.1", mbedtls=UNREAD)
case("a name asked for, the octets of the address are its letters", HOSTNAME, named(address(b"a.bc")), host="a.bc")
