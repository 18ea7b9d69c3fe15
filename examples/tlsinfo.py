HELP = """Tell what a TLS server is like: version, cipher suite, certificates, and why they do or do not verify.

    micropython tlsinfo.py HOST[:PORT] [--cafile FILE] [--name NAME] [--timeout SECONDS] [--json]

The port is 443 if none is given. Certificates are verified by the trust anchors in FILE (PEM), or else the machine's, for
HOST, or for NAME. The tree shows what the server sent, issuers above what they issued; names in brackets are of issuers
that were not sent. A pin is for SSLContext.pins. Colours are for terminals, unless NO_COLOR is set.
Exit code: 0 verified, 1 not verified or not connected, 2 wrong arguments.
"""

import binascii
import errno
import hashlib
import json
import os
import socket
import ssl
import sys
import time

MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
VERSION_TAG = 0xA0  # RFC 5280 section 4.1: [0] EXPLICIT
RED, GREEN, BOLD, DIM = 31, 32, 1, 2


class Failure(Exception):
    """There is nothing to tell, and this is why."""


class Usage(Exception):
    """The arguments are wrong."""


# ----------------------------------------------------------------------------------------------------------------------
# Arguments


def parse(words, switches, options):
    """Arguments without a name, and a dict of the others, which are --switches or --options with a value."""
    alone, named = [], {}
    words = iter(words)
    for word in words:
        name, equals, value = word[2:].partition("=")
        if not word.startswith("--"):
            alone.append(word)
        elif name in switches and not equals:
            named[name] = True
        elif name in options:
            if not equals:
                value = next(words, None)
                if value is None:
                    raise Usage("--{} needs a value".format(name))
            named[name] = value
        else:
            raise Usage("there is no option {}".format(word))
    return alone, named


def split_address(text):
    """Host and port of HOST, HOST:PORT, [IPV6]:PORT or IPV6."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    if not host or not (port or "443").isdigit() or not 0 < int(port or 443) < 65536:
        raise Usage("not a host and port: {}".format(text))
    return host, int(port or 443)


# ----------------------------------------------------------------------------------------------------------------------
# The connection


def sentence(error):
    """What an OSError means, for people."""
    code = error.args[0] if error.args else None
    meanings = {
        errno.ECONNREFUSED: "nobody listens there",
        errno.ECONNRESET: "the server cut the connection",
        errno.EHOSTUNREACH: "there is no way to that host",
        errno.ETIMEDOUT: "no answer in time",
        errno.EINPROGRESS: "no answer in time",  # of a connect() that has a timeout
    }
    return getattr(error, "detail", None) or meanings.get(code) or str(error)


def connect(host, port, timeout):
    """A socket, connected to the first of the host's addresses at which somebody listens."""
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except OSError:
        raise Failure("{}: no address is known for this name".format(host))
    for family, _, _, _, address in found:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        try:
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise Failure("{}:{}: {}".format(host, port, sentence(failure)))


def make_context(cafile):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if cafile:
            context.load_verify_locations(cafile=cafile)
        else:
            context.load_default_certs()
    except (OSError, ValueError) as error:
        reason = getattr(error, "detail", None) or error
        raise Failure(reason if isinstance(error, OSError) else "{}: {}".format(cafile, reason))
    return context


def shake_hands(context, host, port, name, timeout):
    """A connection and how long its handshake took; raises OSError."""
    sock = connect(host, port, timeout)
    try:
        conn = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
    except OSError:
        sock.close()
        raise
    try:
        conn.settimeout(timeout)
        conn.do_handshake()
    except OSError:
        conn.close()
        raise
    return conn


def examine(host, port, cafile, name, timeout):
    """Everything there is to tell, as a dict."""
    context = make_context(cafile)
    context.verify_mode = ssl.CERT_REQUIRED
    reason = detail = None
    try:
        try:
            conn = shake_hands(context, host, port, name, timeout)
        except OSError as error:
            if not isinstance(error, ValueError):  # what does not verify raises both in one
                raise
            reason, detail = getattr(error, "reason"), getattr(error, "detail")
            # Once more, to see what it is that does not verify.
            context.verify_mode = ssl.CERT_OPTIONAL
            conn = shake_hands(context, host, port, name, timeout)
    except OSError as error:
        raise Failure("{}:{}: {}".format(host, port, sentence(error)))
    cipher, version, bits = conn.cipher()
    report = {
        "host": host, "port": port, "name": name, "version": version, "cipher": cipher, "bits": bits,
        "handshake_ms": conn.stats()["handshake_ms"], "verified": detail is None, "reason": reason,
        "detail": detail, "problems": list(conn.verify_result),
        "chain": [describe(der) for der in conn.getpeercertchain() or ()],
    }
    conn.close()
    anchors = [name_of(anchor["subject"]) for anchor in context.get_ca_certs()]
    for certificate in report["chain"]:
        certificate["issuer_is_trust_anchor"] = certificate["issuer"] in anchors
    return report


# ----------------------------------------------------------------------------------------------------------------------
# Certificates


def element(der, at):
    """Where the content of the DER element at this place begins, and where it ends."""
    size = der[at + 1]
    at += 2
    if size & 0x80:
        digits = size & 0x7F
        size = int.from_bytes(der[at:at + digits], "big")
        at += digits
    return at, at + size


def pin_of(certificate):
    """The SHA-256 of its public key, SubjectPublicKeyInfo (RFC 5280 section 4.1)."""
    at, _ = element(certificate, 0)
    at, _ = element(certificate, at)  # what is signed
    before = 6 if certificate[at] == VERSION_TAG else 5  # serial number, algorithm, issuer, validity, subject
    for _ in range(before):
        _, at = element(certificate, at)
    _, end = element(certificate, at)
    return digest(certificate[at:end])


def digest(data):
    return binascii.hexlify(hashlib.sha256(data).digest()).decode()


def name_of(names):
    """A distinguished name in one line: the common name if there is one, else all that there is."""
    pairs = [pair for relative in names for pair in relative]
    common = [str(value) for key, value in pairs if key == "commonName"]
    return common[-1] if common else ", ".join("{}={}".format(key, value) for key, value in pairs)


def date(text):
    """2018-01-05 09:34:43 of "Jan  5 09:34:43 2018 GMT"."""
    words = text.split()
    if len(words) != 5 or words[0] not in MONTHS:
        return text  # a date that RFC 5280 does not allow
    month = MONTHS.find(words[0]) // 3 + 1
    return "{}-{:02}-{:02} {}".format(words[3], month, int(words[1]), words[2])


def describe(der):
    """What people and programs want to know of a certificate."""
    fields = ssl._decode_certificate(der)
    return {
        "subject": name_of(fields["subject"]), "issuer": name_of(fields["issuer"]),
        "from": date(fields["notBefore"]), "until": date(fields["notAfter"]),
        "names": [str(value) for _, value in fields.get("subjectAltName", ())], "pin": pin_of(der),
        "sha256": digest(der),
    }


# ----------------------------------------------------------------------------------------------------------------------
# For people


def is_terminal():
    try:
        import termios
        termios.tcgetattr(1)
    except (ImportError, OSError):
        return False
    return not os.getenv("NO_COLOR")


def paint(text, colour):
    return "\x1b[{}m{}\x1b[m".format(colour, text) if is_terminal() else text


def plain(text):
    """A server's words, which must not command the terminal."""
    return "".join(c if " " <= c < "\x7f" or c > "\x9f" else "?" for c in text)


def show_validity(certificate):
    now = "{}-{:02}-{:02} {:02}:{:02}:{:02}".format(*time.gmtime()[:6])
    text = "{} to {}".format(certificate["from"][:10], certificate["until"][:10])
    if certificate["until"] < now:
        return paint(text + ", expired", RED)
    if certificate["from"] > now:
        return paint(text + ", not yet valid", RED)
    return text


def show_below(chain, parent, indent, shown):
    """The certificates that this one issued, and what is below them."""
    children: list = []
    for certificate in chain:
        if certificate["issuer"] == parent and certificate not in shown + children:
            children.append(certificate)
    for certificate in children:
        shown.append(certificate)
        last = certificate is children[-1]
        below = indent + ("    " if last else "│   ")
        print("{}{} {}  {}".format(indent, "└──" if last else "├──", paint(plain(certificate["subject"]), BOLD),
                                   show_validity(certificate)))
        if certificate["names"]:
            print("{}for {}".format(below, plain(", ".join(certificate["names"]))))
        print("{}pin {}".format(below, paint(certificate["pin"], DIM)))
        show_below(chain, certificate["subject"], below, shown)


def show_tree(chain, verified):
    subjects = [certificate["subject"] for certificate in chain]
    # Above the rest are those whose issuer was not sent, or who issued themselves; of a circle, any.
    tops = [certificate for certificate in reversed(chain)
            if certificate["issuer"] not in subjects or certificate["issuer"] == certificate["subject"]]
    shown: list = []
    for certificate in tops + chain:
        if certificate not in shown:
            trust = "a trust anchor" if certificate["issuer_is_trust_anchor"] else "" if verified else "not a trust anchor"
            print("  [{}]  {}".format(plain(certificate["issuer"]), trust))
            show_below(chain, certificate["issuer"], "  ", shown)


def show(report):
    print(paint("{}:{}".format(report["host"], report["port"]), BOLD))
    print("  {}, {} ({} bits), handshake {} ms".format(
        report["version"], report["cipher"], report["bits"], report["handshake_ms"]))
    if report["verified"]:
        print("  {} for {}".format(paint("verified", GREEN), report["name"]))
    else:
        print("  {}: {}".format(paint("not verified", RED), plain(report["detail"])))
        others = [word for word in report["problems"] if word != report["reason"]]
        if others:
            print("  also: " + ", ".join(others))
    show_tree(report["chain"], report["verified"])


def run(words):
    """Returns the exit code."""
    if "--help" in words:
        print(HELP.strip())
        return 0
    alone, named = parse(words, ("json",), ("cafile", "name", "timeout"))
    if len(alone) != 1:
        raise Usage("one HOST or HOST:PORT is needed")
    timeout = named.get("timeout", "10")
    if not timeout.isdigit() or int(timeout) == 0:
        raise Usage("--timeout is a number of seconds")
    host, port = split_address(alone[0])
    try:
        report = examine(host, port, named.get("cafile"), named.get("name", host), int(timeout))
    except Failure as failure:
        if "json" not in named:
            raise
        print(json.dumps({"host": host, "port": port, "verified": False, "error": str(failure)}))
        return 1
    if "json" in named:
        print(json.dumps(report))
    else:
        show(report)
    return 0 if report["verified"] else 1


def main():
    try:
        return run(sys.argv[1:])
    except Usage as error:
        print("tlsinfo: {}; see --help".format(error), file=sys.stderr)
        return 2
    except Failure as error:
        print("tlsinfo: {}".format(plain(str(error))), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
