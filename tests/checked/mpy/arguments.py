# Anything at all is given to everything that the module has: the callables and attributes are found by dir(), so that
# new ones are tried too, and the names of keywords in the type stubs.

import array
import gc
import io
import os
import random
import re
import ssl
import sys
import time
import tls

from datagrams import Post, join
from pipes import EPIPE, End, Link, content, new_psk_contexts, new_server_context, new_verifying_context, transfer
from seeds import seeds
from testing import each, equal, run, true

# What docs/errors.md names, and what MicroPython itself says of attributes that are not there.
ALLOWED = (TypeError, ValueError, OSError, AttributeError, MemoryError, OverflowError)
CALLS = 60  # with one set of objects
LIMIT_MS = 10000
# Callables and attributes that dir() found when this was written; there may be more, but not fewer.
THINGS = 113


class Slip(Exception):
    pass


def slip(*arguments):
    raise Slip


# An object all of whose methods raise; one whose methods answer nonsense.
class Awkward:
    __bool__ = __len__ = __iter__ = __call__ = __eq__ = __hash__ = __str__ = __int__ = __getitem__ = __next__ = slip
    __contains__ = __repr__ = __add__ = __enter__ = __exit__ = __lt__ = slip


class Silly:
    def __init__(self, answer):
        self.answer = answer

    def nonsense(self, *arguments):
        return self.answer

    __bool__ = __len__ = __iter__ = __call__ = __eq__ = __hash__ = __getitem__ = __next__ = nonsense


# Streams that end, raise or lie; none waits for anybody.
class Ended(End):
    def __init__(self):
        super().__init__()
        self.eof = True
        self.other = self


# Like a socket: there is something to read when the other end has gone, and writes fail.
class Pipe(End):
    def write(self, buf):
        return -EPIPE if self.eof else super().write(buf)


class Lying(io.IOBase):
    def answer(self, *arguments):
        kind = random.randrange(12)
        if kind == 0:
            raise Slip
        return random.choice((0, 1, -1, -5, 100000, 1 << 62, 5, "a", b"abc", -(1 << 62), 1.5, []))

    readinto = write = answer

    def ioctl(self, request, arg):
        return self.answer() if random.randrange(2) else 5


class Broken(Post):
    def readinto(self, buf):
        return -5


class Nothing(io.IOBase):
    pass


NUMBERS = (
    0, 1, -1, 2, 3, 5, 12, 16, 110, 255, 256, 511, 512, 1400, 16384, 65535, 65536, 0x0303, 0x0304, 1 << 31, -(1 << 31),
    (1 << 32) - 1, (1 << 62) - 1, -(1 << 62), 1 << 63, -(1 << 63), (1 << 64) - 1, 1 << 64, 1 << 200, -(1 << 200), 1.5,
    -0.5, 1e30, -1e30, float("nan"), float("inf"), 0.001)
TEXTS = (
    "", "a", "server.test", "1.2.3.4", "::1", "a" * 255, "a" * 256, "a" * 300, "a." * 40000, "\0", "a\0b", "\u20ac" * 50,
    "TLS1-3-AES-128-GCM-SHA256", "X25519", "prime256v1", "h2", "tls-unique", "tls-exporter", "EXPORTER-test", "%s%n%d",
    "no/such/file", ".", "-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
FILES = ("root.pem", "ec.key", "ec-chain.pem", "ec.der", "roots.bundle", "crls.pem", "ec.encrypted.pem", "rsa-all.pem")
KEYWORDS = []


def read_keywords():
    folder = __file__.rsplit("/", 1)[0] + "/../../../typings/"
    names = set()
    # What has a type; the sentences of docstrings have colons, too.
    parameter = re.compile(r"^ *([a-z_]+): [A-Za-z]+( [|=]|\[|\)|$)")
    for stub in ("ssl.pyi",):
        with open(folder + stub) as f:
            for line in f:
                for part in line.rstrip().split(","):
                    match = parameter.match(part.split("(")[-1])
                    if match:
                        names.add(match.group(1))
    KEYWORDS.extend(sorted(names))
    true("server_side" in names and "cafile" in names and "password" in names, names)


def enter_folder():
    folder = "/tmp/arguments-%d" % random.getrandbits(30)
    os.mkdir(folder)
    os.chdir(folder)
    return folder


# Copies, since some calls write to what they are given: new ones for each world.
def copy_files():
    for name in FILES:
        with open(name, "wb") as f:
            f.write(content(name))
    with open("12345678.0", "wb") as f:  # as OpenSSL names what is in its folders
        f.write(content("root.pem"))


def leave_folder(folder):
    os.chdir("/")
    for name in os.listdir(folder):
        try:
            os.remove(folder + "/" + name)
        except OSError:
            pass
    os.rmdir(folder)


# ---------------------------------------------------------------------------------------------------------------------
# Values


def buffers():
    size = random.choice((0, 1, 3, 32, 48, 80, 300, 5000))
    data = bytearray(random.getrandbits(8) for _ in range(size))
    return random.choice((
        bytes(data), data, memoryview(data), memoryview(bytes(data)), memoryview(data)[size:], memoryview(data)[1:-1],
        array.array("H", range(size // 2)), array.array("d", range(size // 8)), content(random.choice(FILES))))


def value(world, depth=0):
    kind = random.randrange(16 if depth < 2 else 12)
    if kind < 3:
        return random.choice((None, True, False, Ellipsis, object, slip, len, ssl.SSLContext, ssl.SSLSocket, ssl))
    if kind < 5:
        return random.choice(NUMBERS)
    if kind < 7:
        return random.choice(TEXTS + FILES)
    if kind < 9:
        return buffers()
    if kind == 9:
        return random.choice((Awkward(), Awkward, Silly(None), Silly(1), Silly("a"), Silly([]), lambda *a: None,
                              lambda *a: 0, lambda *a: b"key", Slip(), (x for x in (1, 2))))
    if kind == 10:
        return random.choice((Ended, Lying, Broken, Nothing, io.BytesIO, ssl.MemoryBIO))()
    if kind == 11:
        return random.choice(world)
    items = [value(world, depth + 1) for _ in range(random.choice((0, 1, 2, 2, 3, 17)))]
    if kind == 12:
        return items
    if kind == 13:
        return tuple(items)
    if kind == 14:
        try:
            return set(item for item in items if not isinstance(item, tuple))
        except (TypeError, Slip):
            return items
    result = {}
    for item in items:
        if isinstance(item, tuple):
            continue  # UBSan finds that their hashes overflow
        try:
            result[item] = value(world, depth + 1)
        except (TypeError, Slip, NotImplementedError):
            pass
    return result


# ---------------------------------------------------------------------------------------------------------------------
# Objects in every state


def half_made():
    link = Link(*new_psk_contexts(), near=Pipe(), far=Pipe(), handshake=False)
    link.near.eof = link.far.eof = True
    return link


def connected():
    link = Link(*new_psk_contexts(), near=Pipe(), far=Pipe())
    link.client.write(b"from the client\n"), link.server.write(b"from the server\n")
    link.near.eof = link.far.eof = True
    return link


patient = []  # those whose streams do not end, and those over other connections


def new_world():
    copy_files()
    client, server = new_verifying_context(), new_server_context()
    dtls = ssl.SSLContext(ssl.PROTOCOL_DTLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_DTLS_SERVER)
    world = [client, server, tls.SSLContext(ssl.PROTOCOL_TLS_CLIENT), tls.SSLContext(ssl.PROTOCOL_TLS_SERVER)]
    world.extend(dtls)
    world.extend(new_psk_contexts())
    for link in (half_made(), connected(), connected(), connected()):
        world.extend((link.client, link.server))
    world[-1].close()  # and the peer finds out
    failed = Link(client, new_server_context("expired"), handshake=False)
    true(any(failed.collide()))
    world.extend((failed.client, failed.server))
    asked = new_server_context()
    asked.sni_callback = lambda sock, name, context: random.choice((None, 0, 112, 300, "a", client))
    world.append(asked)
    Link(client, asked, handshake=False).collide()
    world.append(client.wrap_socket(connected().client, server_hostname="server.test", do_handshake_on_connect=False))
    for context, side in zip(dtls, (False, True)):
        near, far = join(Broken(), Broken())
        world.append(context.wrap_socket(near, server_side=side, do_handshake_on_connect=False))
    link = Link(client, server)
    transfer(link.server, link.client, b"hello")
    world.append(link.client.session)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    world.extend((incoming, outgoing))
    alive = Link(*new_psk_contexts())
    patient[:] = [alive.client, alive.server]
    world.extend((alive.client, alive.server, client.wrap_bio(incoming, outgoing, server_hostname="server.test")))
    for sock in (link.client, half_made().client):
        sock.close()
        world.append(sock)
    try:
        client.load_cert_chain(b"!", b"!")
    except ValueError as e:
        world.append(e)
    world.append(failed.collide()[0])
    for deleted in (new_psk_contexts()[0], half_made().client, connected().client, ssl.MemoryBIO()):
        if hasattr(deleted, "__del__"):
            deleted.__del__()
        world.append(deleted)
    full = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    full.pins = {bytes(32)}
    full.load_verify_locations("roots.bundle")
    return world + [full, ssl, tls, ssl.TLSVersion, ssl.Purpose]


NAMES = {}


# By type: some objects, closed or deleted, have less to say. Of modules without what is there to be looked at only.
def names_of(target):
    is_module = target in (ssl, tls)
    key = target if is_module else type(target)
    if key not in NAMES:
        NAMES[key] = [name for name in dir(target) if name not in ("__class__", "__name__", "__dict__", "__module__")
                      and (not is_module or callable(getattr(target, name)))]
    return NAMES[key]


def label(target, name):
    return type(target).__name__ + "." + name


# Of each type: its names, and the objects of it.
def sort(world):
    kinds = []
    for target in world:
        names = names_of(target)
        for known, targets in kinds:
            if known is names:
                targets.append(target)
                break
        else:
            kinds.append((names, [target]))
    return kinds


# ---------------------------------------------------------------------------------------------------------------------
# Calls

# What makes sense, for callables that hardly anything at random would get past the first argument of. One of two calls
# starts from here. Others need nothing here.
SENSE = {
    "SSLContext": lambda: (random.randrange(4),),
    "load_cert_chain": lambda: ("ec-chain.pem", "ec.key", None),
    "load_verify_locations": lambda: random.choice((
        ("root.pem", None, content("root.pem")), ("roots.bundle",), (None, "."),
        (None, None, content("roots.bundle")))),
    "set_ciphers": lambda: (["TLS1-3-AES-128-GCM-SHA256", "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"],),
    "set_alpn_protocols": lambda: (["h2", b"http/1.1"],),
    "set_groups": lambda: (["X25519", "prime256v1"],),
    "set_ecdh_curve": lambda: ("prime256v1",),
    "set_psk_client_callback": lambda: (lambda hint: ("device", b"key"),),
    "set_psk_server_callback": lambda: (lambda identity: b"key",),
    "wrap_socket": lambda: (Ended(),),
    "wrap_bio": lambda: (ssl.MemoryBIO(), ssl.MemoryBIO()),
    "create_default_context": lambda: (random.choice((ssl.Purpose.CLIENT_AUTH, ssl.Purpose.SERVER_AUTH)),),
    "get_default_verify_paths": lambda: (),
    "get_server_certificate": lambda: (("127.0.0.1", 1), ssl.PROTOCOL_TLS_CLIENT, "root.pem", 1),
    "_decode_certificate": lambda: (content(random.choice(("ec.der", "ip-only.der", "san-other.der"))),),
    "PEM_cert_to_DER_cert": lambda: (content("ec.pem").decode(),),
    "DER_cert_to_PEM_cert": lambda: (content("ec.der"),),
    "readinto": lambda: (bytearray(random.randrange(100)), random.randrange(-1, 120)),
    "recv_into": lambda: (bytearray(random.randrange(100)), random.randrange(-1, 120)),
    "read": lambda: (random.randrange(-1, 100),),
    "write": lambda: (bytes(random.randrange(100)), random.randrange(100), random.randrange(100)),
    "sendall": lambda: (bytes(random.randrange(100)),),
    "shutdown": lambda: (random.randrange(3),),
    "export_keying_material": lambda: ("EXPORTER-test", random.randrange(1, 100), b"context"),
    "get_channel_binding": lambda: ("tls-exporter",),
    "settimeout": lambda: (random.random() / 100,),
    "pins": lambda: ({bytes(32)},),
    "ticket_keys": lambda: ([bytes(48), bytes(80)],),
    "server_psk_keys": lambda: ({"device": b"0123456789abcdef"},),
    "verify_callback": lambda: (lambda der, depth: 0,),
    "sni_callback": lambda: (lambda sock, name, context: random.choice((None, 112)),),
    "keylog_filename": lambda: ("keys",),
}


def arguments_for(name, world):
    arguments = [value(world) for _ in range(random.choice((0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4)))]
    if name in SENSE and random.randrange(2):
        sense = list(SENSE[name]())
        if sense and arguments and random.randrange(3):
            sense[random.randrange(len(sense))] = arguments[0]
        arguments = sense
    return arguments


seen = {}


def describe(target, name, arguments, keywords):
    try:
        return "%s.%s(%r, %r)" % (type(target).__name__, name, arguments, keywords)
    except Exception:
        return "%s.%s(…)" % (type(target).__name__, name)


def read(e):
    try:
        str(e), repr(e), sys.print_exception(e, io.StringIO())
    except ALLOWED + (Slip,):
        pass  # of what it was given


KINDS = ssl.SSLContext, ssl.SSLSocket, ssl.SSLSession, ssl.MemoryBIO


# What waits for peers that do not answer, unless the socket was told otherwise; with DTLS it is half a minute.
def is_patient(thing):
    if any(thing is sock for sock in patient):
        return True
    context = thing.context if isinstance(thing, ssl.SSLSocket) else thing
    return isinstance(context, ssl.SSLContext) and context.protocol > 1


def is_over_tls(name, things):
    return name == "wrap_socket" and any(isinstance(thing, ssl.SSLSocket) for thing in things)


def attempt(world):
    kinds = sort(world)
    names, targets = random.choice([kind for kind in kinds for _ in kind[0]])
    target = random.choice(targets)
    name = random.choice(names)
    arguments = arguments_for(name, world)
    keywords = {random.choice(KEYWORDS): value(world) for _ in range(random.choice((0, 0, 0, 1, 2)))}
    over_tls = is_over_tls(name, arguments + list(keywords.values()))
    key = label(target, name)
    seen.setdefault(key, 0)
    start = time.ticks_ms()
    try:
        if isinstance(target, ssl.SSLSocket) and is_patient(target):
            target.settimeout(0.01)
        # What is made cannot be told before. And a handshake over a stream that ends fails.
        if name == "wrap_socket" and (over_tls or is_patient(target) or random.randrange(2)):
            keywords["do_handshake" if target is ssl else "do_handshake_on_connect"] = False
        attribute = getattr(target, name)
        if callable(attribute) and random.randrange(20):
            answer = attribute(*arguments, **keywords)
            seen[key] += 1
            if len(world) < 60 and isinstance(answer, KINDS):
                world.append(answer)
                if over_tls:
                    patient.append(answer)
        elif random.randrange(10):
            setattr(target, name, arguments[0] if arguments else None)
            seen[key] += 1
        else:
            delattr(target, name)
    except ALLOWED + (Slip,) as e:
        read(e)
    except Exception as e:
        if isinstance(e, RuntimeError) and name == "context":
            return
        print(describe(target, name, arguments, keywords))
        raise
    took = time.ticks_diff(time.ticks_ms(), start)
    true(took < LIMIT_MS, "%d ms: %s" % (took, key))


# Connections with contexts that have been through that.
def use(world):
    contexts = [thing for thing in world if isinstance(thing, (ssl.SSLContext, tls.SSLContext))]
    for _ in range(3):
        client, server = random.choice(contexts), random.choice(contexts)
        try:
            link = Link(client, server, handshake=False, near=End(), far=End())
            link.collide(50)
            repr(link.client), str(link.server), link.client.stats(), link.server.getpeercert()
            link.near.eof = link.far.eof = True
            link.close()
        except ALLOWED + (Slip,):
            pass


def good():
    for contexts in (new_psk_contexts(), (new_verifying_context(), new_server_context())):
        link = Link(*contexts)
        equal(transfer(link.client, link.server, b"ping"), b"ping")
        equal(transfer(link.server, link.client, b"pong"), b"pong")
        link.close()


@each("anything")
def nothing_but_exceptions(name):
    read_keywords()
    folder = enter_folder()
    calls = 0
    try:
        for seed in seeds(60):
            try:
                world = new_world()
                things = set(label(target, name) for target in world for name in names_of(target))
                true(len(things) >= THINGS, len(things))
                for _ in range(CALLS):
                    attempt(world)
                    calls += 1
                use(world)
                world = None
                gc.collect()
                good()
            except BaseException:
                print("seed", seed)
                raise
    finally:
        leave_folder(folder)
    if calls > 40 * len(things):  # it is hardly by chance that one of them is left out
        equal(things - set(seen), set())
    print("%d calls of %d things; %d of these have done something" % (calls, len(seen), sum(map(bool, seen.values()))))
    print(sorted(key for key, count in seen.items() if not count))


run()
