HELP = """Fetch a page over verified TLS and tell what the connection was like.

    micropython https_get.py URL [--cafile FILE] [--name NAME] [--output FILE] [--save FILE] [--timeout SECONDS]

The server's certificate must be valid for the host in URL, or for NAME, and lead to a trust anchor in the cafile (PEM), or
to one of the machine's own. `--output` keeps the page, `--save` the server's certificate (DER). No redirection is followed.
Exit code: 0 fetched, 1 refused or failed, 2 wrong arguments.
"""

import errno
import hashlib
import socket
import ssl
import sys
import time


class Failure(Exception):
    """What went wrong, in a sentence."""


class Usage(Exception):
    """The arguments are wrong."""


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


def split_url(url):
    if not url.startswith("https://"):
        raise Usage("not an https:// address: {}".format(url))
    authority, _, path = url[8:].partition("/")
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    if not host or not (port or "443").isdigit():
        raise Usage("not a host and port: {}".format(authority))
    return host, int(port or 443), "/" + path


def sentence(error):
    """What an exception means, for people."""
    meanings = {
        errno.ECONNREFUSED: "nobody listens there",
        errno.ECONNRESET: "the server cut the connection",
        errno.EHOSTUNREACH: "there is no way to that host",
        errno.ETIMEDOUT: "no answer in time",
        errno.EINPROGRESS: "no answer in time",  # of a connect() that has a timeout
    }
    return getattr(error, "detail", None) or meanings.get(error.args[0]) or str(error)


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
    raise failure


def make_context(cafile):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    if cafile:
        try:
            context.load_verify_locations(cafile=cafile)
        except (OSError, ValueError) as error:
            reason = getattr(error, "detail", None) or error
            raise Failure(reason if isinstance(error, OSError) else "{}: {}".format(cafile, reason))
    return context


def read_page(connection, host, path, output):
    """Returns the status line and the number of bytes and the digest of the body."""
    connection.write("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n".format(path, host).encode())
    status = connection.readline().strip()
    if not status.startswith(b"HTTP/"):
        raise Failure("what it answers is not HTTP")
    length = None
    while header := connection.readline().strip():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    digest = hashlib.sha256()
    size = 0
    while chunk := connection.recv(4096):
        digest.update(chunk)
        size += len(chunk)
        if output:
            output.write(chunk)
    # Without a length only close_notify tells that this is all: else somebody on the way may have cut it.
    if connection.truncated if length is None else size < length:
        raise Failure("the page ended too early, after {} bytes".format(size))
    return status.decode(), size, digest.digest().hex()


def store(path, data):
    with open(path, "wb") as file:
        file.write(data)


def fetch(url, cafile=None, name=None, output=None, save=None, timeout="10"):
    host, port, path = split_url(url)
    if not timeout.isdigit() or int(timeout) == 0:
        raise Usage("--timeout is a number of seconds")
    context = make_context(cafile)
    sock = connect(host, port, int(timeout))
    try:
        start = time.ticks_us()
        connection = context.wrap_socket(sock, server_hostname=name or host)
    except OSError:
        sock.close()
        raise
    with connection:
        handshake = time.ticks_diff(time.ticks_us(), start)
        connection.settimeout(int(timeout))
        certificate = connection.getpeercert(True)
        suite, version, bits = connection.cipher()
        start = time.ticks_us()
        if output:
            with open(output, "wb") as file:
                status, size, digest = read_page(connection, host, path, file)
        else:
            status, size, digest = read_page(connection, host, path, None)
        transfer = time.ticks_diff(time.ticks_us(), start)
    if save:
        store(save, certificate)
    print("  connection   {}, {} ({} bits)".format(version, suite, bits))
    print("  certificate  valid for", name or host)
    print("  fingerprint  sha256", hashlib.sha256(certificate).digest().hex())
    print("  page         {}: {} bytes, sha256 {}...".format(status, size, digest[:16]))
    print("  time         {:.1f} ms handshake, {:.1f} ms page".format(handshake / 1000, transfer / 1000))


def main():
    if "--help" in sys.argv:
        print(HELP.strip())
        return 0
    try:
        urls, options = parse(sys.argv[1:], ("cafile", "name", "output", "save", "timeout"))
        if len(urls) != 1:
            raise Usage("one URL is needed")
        fetch(urls[0], **options)
        return 0
    except Usage as error:
        print("https_get: {}; see --help".format(error), file=sys.stderr)
        return 2
    except Failure as error:
        print("  failed      ", error)
    except (OSError, ValueError) as error:
        # A certificate that does not verify is both of them, and says what is wrong with it.
        refused = isinstance(error, OSError) and isinstance(error, ValueError)
        print("  refused     " if refused else "  failed      ", sentence(error))
    return 1


if __name__ == "__main__":
    sys.exit(main())
