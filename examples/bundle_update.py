HELP = """Fetch a new CA bundle from a server that the old one vouches for, and put it in the old one's place.

    micropython bundle_update.py URL FILE [--timeout SECONDS]

FILE is the bundle (or a file of trust anchors in PEM or DER) that is in use. What URL has is kept beside it first, as
FILE.new, and takes its place only if it came whole, can be read, and vouches for the server of URL too, so that the next
update is possible. No redirection is followed. `update(URL, FILE)` is for programs. It changes files, not contexts: those
that were made before should be made anew.
Exit code: 0 the bundle is up to date, 1 refused or failed, 2 wrong arguments. A failure leaves the old bundle in place.
"""

import errno
import gc
import hashlib
import os
import socket
import ssl
import sys

LONGEST = 1 << 20  # bytes
PIECE = 1024


class Failure(Exception):
    """What went wrong, in a sentence."""


class Usage(Exception):
    """The arguments are wrong."""


def update(url, path, timeout=30):
    """Whether the bundle at `path` was replaced, by another. Raises OSError, of the network or a refusal, and Failure."""
    host, port, page = split_url(url)
    new = path + ".new"
    try:
        with open_connection(host, port, path, timeout) as conn:
            digest = fetch(conn, host, page, new)
        if digest_of(new) != digest:
            raise Failure("what was written to {} is not what came".format(new))
        if digest_of(path) == digest:
            return False
        # A server whose certificate gets another authority keeps the old one until all devices have a bundle with both.
        try:
            open_connection(host, port, new, timeout).close()
        except ValueError as error:
            raise Failure("with the new bundle: {}".format(getattr(error, "detail", None) or error))
        conn = None
        gc.collect()  # contexts keep their bundle open, and not every file system replaces a file that is
        os.rename(new, path)
        return True
    finally:
        try:
            os.remove(new)
        except OSError:
            pass  # it was renamed, or never made


def split_url(url):
    if not url.startswith("https://"):
        raise Usage("not an https:// address: {}".format(url))
    authority, _, page = url[8:].partition("/")
    host, _, port = authority.partition(":")
    if not host or not (port or "443").isdigit():
        raise Usage("not a host and port: {}".format(authority))
    return host, int(port or 443), "/" + page


def open_connection(host, port, bundle, timeout):
    """A connection to a server for which the bundle vouches."""
    context = ssl.create_default_context(cafile=bundle)
    sock = connected_socket(host, port, timeout)
    try:
        conn = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
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


def connected_socket(host, port, timeout):
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
    raise failure


def fetch(conn, host, page, path):
    """Stores a page; returns its digest."""
    conn.write("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n".format(page, host).encode())
    status = conn.readline().split()
    if len(status) < 2 or not status[0].startswith(b"HTTP/"):
        raise Failure("what {} answers is not HTTP".format(host))
    if status[1] != b"200":
        raise Failure("{} answers {}".format(host, status[1].decode()))
    length = None
    while header := conn.readline().strip():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if length is None or length > LONGEST:
        raise Failure("{} does not say how long the bundle is, or it is too long".format(host))
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while length > 0:
            piece = conn.read(min(length, PIECE))
            if not piece:
                raise Failure("{} bytes are missing at the end".format(length))
            digest.update(piece)
            file.write(piece)
            length -= len(piece)
    return digest.digest()


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.digest()


# ----------------------------------------------------------------------------------------------------------------------
# The program


def parse(words, options):
    """Arguments without a name, and a dict of the others, which are --options with a value."""
    alone, named = [], {}
    words = iter(words)
    for word in words:
        if not word.startswith("--"):
            alone.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name not in options:
            raise Usage("there is no option {}".format(word))
        named[name] = value if equals else next(words, None)
        if named[name] is None:
            raise Usage("{} needs a value".format(word))
    return alone, named


def sentence(error):
    """What an exception means, for people."""
    meanings = {
        errno.ECONNREFUSED: "nobody listens there",
        errno.ECONNRESET: "the server cut the connection",
        errno.EHOSTUNREACH: "there is no way to that host",
        errno.ETIMEDOUT: "no answer in time",
        errno.EINPROGRESS: "no answer in time",  # of a connect() that has a timeout
    }
    return getattr(error, "detail", None) or meanings.get(error.args[0] if error.args else None) or str(error)


def run(words):
    alone, named = parse(words, ("timeout",))
    if len(alone) != 2:
        raise Usage("a URL and a FILE are needed")
    timeout = named.get("timeout", "30")
    if not timeout.isdigit() or int(timeout) == 0:
        raise Usage("--timeout is a number of seconds")
    print("replaced" if update(alone[0], alone[1], int(timeout)) else "is up to date")


def main():
    if "--help" in sys.argv:
        print(HELP.strip())
        return 0
    try:
        run(sys.argv[1:])
    except Usage as error:
        print("bundle_update: {}; see --help".format(error), file=sys.stderr)
        return 2
    except (Failure, OSError, ValueError) as error:
        print("bundle_update: {}".format(sentence(error)), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
