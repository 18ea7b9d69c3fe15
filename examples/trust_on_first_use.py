HELP = """Trust a server on first use: remember its key, and refuse any other from then on.

    micropython trust_on_first_use.py HOST[:PORT] FILE

For devices in a network of one's own, whose servers have certificates that they made themselves: neither trust anchors
nor a clock are needed. FILE keeps the pins, a line for each server; whoever replaces a server's key deletes its line.
What the first contact meets is taken on trust, so make it where nobody is in between. Exit code: 0 connected, 1 refused
or failed, 2 wrong arguments.
"""

import binascii
import hashlib
import socket
import ssl
import sys

VERSION_TAG = 0xA0


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
    return hashlib.sha256(certificate[at:end]).digest()


def recall(file, server):
    """The pin of a server, None if it is new."""
    try:
        with open(file) as lines:
            for line in lines:
                name, _, pin = line.strip().partition(" ")
                if name == server:
                    return binascii.unhexlify(pin)
    except OSError:
        pass  # the first of all servers
    return None


def remember(file, server, pin):
    with open(file, "a") as lines:
        lines.write("{} {}\n".format(server, binascii.hexlify(pin).decode()))


def connect(server, file):
    """A connection to a server that is known, or known from now on."""
    host, _, port = server.partition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    pin = recall(file, server)
    if pin is not None:
        context.pins = {pin}
    try:
        found = socket.getaddrinfo(host, int(port or 443), 0, socket.SOCK_STREAM)[0]
    except OSError:
        raise OSError("{}: no address is known for this name".format(host))
    sock = socket.socket(found[0])
    sock.connect(found[-1])
    try:
        connection = context.wrap_socket(sock, server_hostname=host)
    except OSError:
        sock.close()
        raise
    if pin is None:
        remember(file, server, pin_of(connection.getpeercert(True)))
    print("known by its key" if pin else "met for the first time", "over", connection.version())
    return connection


def main():
    if "--help" in sys.argv:
        print(HELP.strip())
        return 0
    if len(sys.argv) != 3 or not (sys.argv[1].partition(":")[2] or "443").isdigit():
        print("trust_on_first_use: HOST or HOST:PORT, and a FILE are needed; see --help", file=sys.stderr)
        return 2
    try:
        connect(sys.argv[1], sys.argv[2]).close()
        return 0
    except (OSError, ValueError) as error:
        refused = getattr(error, "reason", None) == "pin_mismatch"
        print("refused:" if refused else "failed:", getattr(error, "detail", None) or error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
