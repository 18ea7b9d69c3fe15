"""Fetch a page over verified TLS and tell what the connection was like.

    micropython https_get.py URL [cafile=FILE] [name=NAME] [save=FILE]

The server's certificate must be valid for the host in URL, or for NAME, and lead to a trust anchor in FILE (PEM), or to
one of the machine's own. `save` stores the server's certificate (DER). Exit code: 0 fetched, 1 refused or failed.
"""

import hashlib
import socket
import ssl
import sys
import time


def split_url(url):
    if not url.startswith("https://"):
        raise ValueError("not an https:// address: " + url)
    authority, _, path = url[8:].partition("/")
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    return host, int(port or 443), "/" + path


def connect(host, port):
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
    sock = socket.socket()
    sock.connect(address)
    return sock


def make_context(cafile):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    if cafile:
        context.load_verify_locations(cafile=cafile)
    return context


def read_page(connection, host, path):
    """Returns the status line and the number of bytes and the digest of the body."""
    connection.write("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n".format(path, host).encode())
    status = connection.readline().decode().strip()
    while connection.readline().strip():
        pass
    digest = hashlib.sha256()
    size = 0
    while chunk := connection.recv(4096):
        digest.update(chunk)
        size += len(chunk)
    return status, size, digest.digest().hex()


def fetch(url, cafile=None, name=None, save=None):
    host, port, path = split_url(url)
    sock = connect(host, port)
    start = time.ticks_us()
    connection = make_context(cafile).wrap_socket(sock, server_hostname=name or host)
    handshake = time.ticks_diff(time.ticks_us(), start)
    certificate = connection.getpeercert(True)
    suite, version, bits = connection.cipher()
    start = time.ticks_us()
    status, size, digest = read_page(connection, host, path)
    transfer = time.ticks_diff(time.ticks_us(), start)
    connection.close()
    if save:
        with open(save, "wb") as file:
            file.write(certificate)
    print("  connection   {}, {} ({} bits)".format(version, suite, bits))
    print("  certificate  valid for", name or host)
    print("  fingerprint  sha256", hashlib.sha256(certificate).digest().hex())
    print("  page         {}: {} bytes, sha256 {}...".format(status, size, digest[:16]))
    print("  time         {:.1f} ms handshake, {:.1f} ms page".format(handshake / 1000, transfer / 1000))


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 1
    try:
        fetch(sys.argv[1], **dict(arg.split("=", 1) for arg in sys.argv[2:]))
        return 0
    except ValueError as error:
        # A certificate that does not verify is a ValueError and an OSError, and says what is wrong with it.
        print("  refused     ", getattr(error, "detail", None) or error)
    except OSError as error:
        print("  failed      ", getattr(error, "detail", None) or error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
