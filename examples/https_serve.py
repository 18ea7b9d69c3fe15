HELP = """Serve the files of a folder over TLS, on the bench and in the lab.

    micropython https_serve.py DIRECTORY [--port PORT] [--host ADDRESS] [--name NAME] [--cert FILE --key FILE]
                               [--seconds N] [--most N]

Without --cert and --key the server makes itself a certificate for NAME (localhost) and ADDRESS (127.0.0.1), which it
forgets when it ends. With them it uses these (PEM), and makes them if neither is there yet: so clients can trust the same
certificate next time. Making one takes the openssl command. A folder is shown by its index.html, else as a list.
A client has so many seconds (30) for a whole page; at most so many clients (100) are served at a time.
Exit code: 0 interrupted, 1 failed, 2 wrong arguments.
"""

import asyncio
import binascii
import errno
import hashlib
import os
import ssl
import sys

KIND, FOLDER, FILE = 0xF000, 0x4000, 0x8000  # st_mode of os.stat()
TYPES = {
    "html": "text/html; charset=utf-8", "txt": "text/plain; charset=utf-8", "css": "text/css", "js": "text/javascript",
    "json": "application/json", "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "ico": "image/x-icon",
    "pdf": "application/pdf", "wasm": "application/wasm",
}
STATUS = {200: "OK", 301: "Moved Permanently", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
LONGEST_HEAD = 8192
CHUNK = 16384  # the longest record


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


def number(named, option, default):
    text = named.get(option, str(default))
    if not text.isdigit():
        raise Usage("--{} is a number".format(option))
    return int(text)


# ----------------------------------------------------------------------------------------------------------------------
# The certificate


def quote(text):
    """One word of a shell's command."""
    return "'" + text.replace("'", "'\\''") + "'"


def make_certificate(cert, key, name, host):
    """Has the openssl command make a certificate that is its own issuer; the key can be read by its owner only."""
    for text in (name, host):
        if not all(c.isalpha() or c.isdigit() or c in ".:-_" for c in text):
            raise Usage("not a host name or address: {}".format(text))
    address = "" if host in ("0.0.0.0", "::") else ",IP:" + host
    command = (
        "umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -sha256 "
        "-subj /CN={} -addext subjectAltName=DNS:{}{} -addext extendedKeyUsage=serverAuth -keyout {} -out {} 2>/dev/null"
    ).format(name, name, address, quote(key), quote(cert))
    if os.system(command) != 0:
        raise Failure("no certificate could be made with the openssl command; is it there, and the folder of the files?")


def own_certificate(name, host):
    """A certificate and its key, PEM, that are nowhere else."""
    folder = "{}/https-serve-{}".format(os.getenv("TMPDIR") or "/tmp", binascii.hexlify(os.urandom(8)).decode())
    if os.system("mkdir -m 700 " + quote(folder)) != 0:
        raise Failure("the folder {} cannot be made".format(folder))
    cert, key = folder + "/cert.pem", folder + "/key.pem"
    try:
        make_certificate(cert, key, name, host)
        with open(cert) as file:
            certificate = file.read()
        with open(key) as file:
            return certificate, file.read()
    finally:
        for path in (cert, key):
            if look_at(path)[0]:
                os.remove(path)
        os.rmdir(folder)


def make_context(named, host):
    """A server's context, and the certificate if it is known here (PEM)."""
    cert, key = named.get("cert"), named.get("key")
    name = named.get("name", "localhost")
    if (cert is None) != (key is None):
        raise Usage("--cert and --key need each other")
    if cert is None:
        cert, key = own_certificate(name, host)
    elif not look_at(cert)[0] and not look_at(key)[0]:
        make_certificate(cert, key, name, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ValueError) as error:
        raise Failure("certificate or key: {}".format(getattr(error, "detail", None) or error))
    if "-----BEGIN" not in cert:
        with open(cert) as file:
            cert = file.read()
    return context, cert


def fingerprint(pem):
    """The SHA-256 of a certificate, as clients show it."""
    end = "-----END CERTIFICATE-----"
    first = pem[pem.find("-----BEGIN CERTIFICATE-----"):pem.find(end) + len(end)]
    return binascii.hexlify(hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).digest()).decode()


# ----------------------------------------------------------------------------------------------------------------------
# Files


def unquote(text):
    """What %XX stand for; ValueError if they stand for nothing."""
    parts = text.encode().split(b"%")
    data = parts[0]
    for part in parts[1:]:
        if len(part) < 2:
            raise ValueError
        data += binascii.unhexlify(part[:2]) + part[2:]
    return data.decode()


def find(root, target):
    """The path of what was asked for, which is below the root; or None."""
    try:
        path = unquote(target.partition("?")[0])
    except ValueError:
        return None
    names = [name for name in path.split("/") if name not in ("", ".")]
    if not path.startswith("/") or ".." in names or "\0" in path:
        return None
    return "/".join([root] + names)


def look_at(path):
    """What is there, FOLDER or FILE or something else, and its size."""
    try:
        stat = os.stat(path)
    except OSError:
        return None, 0
    return stat[0] & KIND, stat[6]


def escape(text):
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text


def link_to(name):
    """A relative URL."""
    safe = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
    return "./" + "".join(chr(c) if c in safe else "%{:02X}".format(c) for c in name.encode())


def list_of(folder):
    """A page with the names in a folder."""
    names = sorted(name + ("/" if look_at(folder + "/" + name)[0] == FOLDER else "") for name in os.listdir(folder))
    lines = ['<li><a href="{}">{}</a>'.format(link_to(name), escape(name)) for name in names]
    return '<!doctype html><meta charset="utf-8"><title>Files</title><ul>\n{}\n</ul>\n'.format("\n".join(lines)).encode()


async def read_request(reader):
    """Method and target; None if the client says nothing, ValueError if it says nonsense."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await reader.read(512)
        if not piece and not head:
            return None
        head += piece
        if not piece or len(head) > LONGEST_HEAD:
            raise ValueError
    method, target, version = head.partition(b"\r\n")[0].decode().split()
    if not version.startswith("HTTP/1."):
        raise ValueError
    return method, target


async def say(writer, status, kind, length, more=""):
    writer.write("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n".format(
        status, STATUS[status], kind, length, more).encode())
    await writer.drain()


async def say_page(writer, status, page, with_body, kind="text/plain; charset=utf-8", more=""):
    await say(writer, status, kind, len(page), more)
    if with_body:
        writer.write(page)
        await writer.drain()


async def send_file(writer, path, size, with_body):
    await say(writer, 200, TYPES.get(path.rsplit(".", 1)[-1].lower(), "application/octet-stream"), size)
    with open(path, "rb") as file:
        while with_body and (chunk := file.read(CHUNK)):
            writer.write(chunk)
            await writer.drain()


async def answer(root, reader, writer):
    """Serves one request; returns a line for the log, or None."""
    try:
        request = await read_request(reader)
    except ValueError:
        await say_page(writer, 400, b"what is this?\n", True)
        return "400"
    if request is None:
        return None
    method, target = request
    with_body = method != "HEAD"
    if method not in ("GET", "HEAD"):
        await say_page(writer, 405, b"GET and HEAD only\n", True, more="Allow: GET, HEAD\r\n")
        return "405 {!r}".format(method)
    is_folder_name = target.partition("?")[0].endswith("/")
    path = find(root, target)
    kind, size = look_at(path) if path else (None, 0)
    if kind == FOLDER and is_folder_name and look_at(path + "/index.html")[0] == FILE:
        path += "/index.html"
        kind, size = look_at(path)
    elif kind == FILE and is_folder_name:
        kind = None
    if kind == FILE:
        await send_file(writer, path, size, with_body)
    elif kind != FOLDER:  # nothing, or something that could block, such as a pipe
        await say_page(writer, 404, b"there is nothing here\n", with_body)
        return "404 {!r}".format(target)
    elif is_folder_name:
        await say_page(writer, 200, list_of(path), with_body, TYPES["html"])
    else:
        # Links in the page are meant to lead into the folder. A second slash in front would name another host.
        await say_page(writer, 301, b"", False, more="Location: /{}/\r\n".format(target.partition("?")[0].lstrip("/")))
        return "301 {!r}".format(target)
    return "200 {!r}".format(target)


class Server:
    def __init__(self, root, seconds, most):
        self.root = root
        self.seconds = seconds
        self.free = most

    async def serve_client(self, reader, writer):
        self.free -= 1
        try:
            if self.free >= 0:
                line = await asyncio.wait_for(answer(self.root, reader, writer), self.seconds)
                if line:
                    print(line)
        except asyncio.TimeoutError:
            print("client was too slow")
        except OSError as error:
            print("client failed:", getattr(error, "detail", None) or error)
        finally:
            self.free += 1
            writer.close()
            await writer.wait_closed()


async def serve(root, named):
    host, port = named.get("host", "127.0.0.1"), number(named, "port", 8443)
    server = Server(root, number(named, "seconds", 30), number(named, "most", 100))
    if look_at(root)[0] != FOLDER:
        raise Failure("there is no folder {}".format(root))
    context, certificate = make_context(named, host)
    try:
        await asyncio.start_server(server.serve_client, host, port, backlog=64, ssl=context)
    except OSError as error:
        reason = "somebody else listens there" if error.errno == errno.EADDRINUSE else str(error)
        raise Failure("{}:{}: {}".format(host, port, reason))
    print("serving {} at https://{}:{}/".format(root, "[{}]".format(host) if ":" in host else host, port))
    print("its certificate has the SHA-256", fingerprint(certificate))
    await asyncio.Event().wait()


def main():
    if "--help" in sys.argv:
        print(HELP.strip())
        return 0
    try:
        folders, named = parse(sys.argv[1:], ("port", "host", "name", "cert", "key", "seconds", "most"))
        if len(folders) != 1:
            raise Usage("one DIRECTORY is needed")
        asyncio.run(serve(folders[0].rstrip("/") or "/.", named))
    except Usage as error:
        print("https_serve: {}; see --help".format(error), file=sys.stderr)
        return 2
    except Failure as error:
        print("https_serve: {}".format(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
