# Each method and attribute of sockets, contexts and sessions is used from inside each callback and each method of a
# stream: it answers or raises, and the connection then works or has failed loudly. And garbage is collected in each of
# these places, whenever it is called.

import gc
import io
import os
import ssl
import uctypes

from pipes import (
    End, Link, content, new_client_context, new_psk_contexts, new_server_context, new_verifying_context, path, pin,
    transfer)
from testing import each, equal, raises, run, true

STREAM_SEEK = 2
SEEK = {"offset": uctypes.INT64 | 0, "whence": uctypes.INT32 | 8}  # struct mp_stream_seek_t
ALLOWED = (TypeError, ValueError, OSError, AttributeError, MemoryError, OverflowError, RuntimeError)

# What a method gets: the first of these that it does not take for a TypeError.
ARGUMENTS = (
    (), (b"data",), (bytearray(5),), (0.01,), (1,), ("prime256v1",), (["X25519"],), (None,), ("EXPORTER-test", 32),
    (End(),), (ssl.MemoryBIO(), ssl.MemoryBIO()), (lambda *a: None,))


class Hooks:
    def __init__(self, place):
        self.place = place
        self.link = None
        self.action = None  # once
        self.always = None
        self.ran = 0

    def at(self, place):
        if place == self.place and self.always is not None:
            self.ran += 1
            self.always()
        if place == self.place and self.action is not None and self.link is not None:
            action, self.action = self.action, None
            self.ran += 1
            action(self.link)


class Stream(End):
    def __init__(self, hooks, side):
        super().__init__()
        self.hooks = hooks
        self.side = side

    def readinto(self, buf):
        self.hooks.at(self.side + " readinto")
        return super().readinto(buf)

    def write(self, buf):
        self.hooks.at(self.side + " write")
        return super().write(buf)

    def ioctl(self, request, arg):
        self.hooks.at(self.side + " ioctl")
        return super().ioctl(request, arg)


# A CA bundle in a file, which is read in the middle of a handshake.
class Bundle(io.IOBase):
    def __init__(self, hooks):
        self.hooks = hooks
        self.data = content("roots.bundle")
        self.place = 0

    def readinto(self, buf):
        self.hooks.at("bundle readinto")
        part = self.data[self.place:self.place + len(buf)]
        buf[:len(part)] = part
        self.place += len(part)
        return len(part)

    def ioctl(self, request, arg):
        self.hooks.at("bundle ioctl")
        if request == STREAM_SEEK:
            seek = uctypes.struct(arg, SEEK)
            self.place = seek.offset + (len(self.data) if seek.whence == 2 else 0)
            seek.offset = self.place
        return 0


# A file system with two files: one tells of each line that is written, the other is a bundle.
class Files:
    hooks = None

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, name):
        return (0x8000,) + (0,) * 9

    def open(self, name, mode):
        if name == "/roots.bundle":
            return Bundle(self.hooks)
        file = Stream(self.hooks, "keylog")
        file.other = file
        return file


FILES = Files()
os.mount(FILES, "/files")


def new_bundle_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations("/files/roots.bundle")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def new_contexts(hooks, version):
    place = hooks.place
    client, server = new_psk_contexts()
    if place.startswith("psk"):
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client.set_psk_client_callback(lambda hint: hooks.at("psk client") or ("device", b"0123456789abcdef"))
        server.set_psk_server_callback(lambda identity: hooks.at("psk server") or b"0123456789abcdef")
    if place.endswith("verify"):
        client, server = new_verifying_context(), new_server_context()
    if place == "client verify":
        client.verify_callback = lambda der, depth: hooks.at(place) or 0
    if place == "server verify":
        client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
        server.load_verify_locations(cadata=content("root.pem"))
        server.verify_mode = ssl.CERT_REQUIRED
        server.verify_callback = lambda der, depth: hooks.at(place) or 0
    if place == "sni":
        server.sni_callback = lambda sock, name, context: hooks.at(place)
    if place.startswith("keylog"):
        FILES.hooks = hooks
        client.keylog_filename = "/files/keylog"
    if place.startswith("bundle"):
        FILES.hooks = hooks
        client, server = new_bundle_context(), new_server_context()
    return pin(version, client, server)


# Handshake, both directions, end; True if all of it worked. What fails must say so.
def live(hooks, contexts):
    try:
        link = Link(*contexts, near=Stream(hooks, "client"), far=Stream(hooks, "server"), handshake=False)
        link.client.setblocking(False)  # so that the stream is asked, and nothing waits for who waits for it
        link.server.setblocking(False)
        hooks.link = link
        if any(link.collide(30)):
            return False
        up, down = transfer(link.client, link.server, b"ping", 50), transfer(link.server, link.client, b"pong", 50)
        link.close()
    except ALLOWED:
        return False
    # Less may have come than was sent, if the connection was closed from inside, or what was sent from there, but nothing
    # else and in order.
    true(up in b"datadataping" and down in b"datadatapong", (up, down))
    return (up, down) == (b"ping", b"pong")


def good():
    link = Link(*new_psk_contexts())
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(transfer(link.server, link.client, b"pong"), b"pong")


def try_calls(target, name):
    for arguments in ARGUMENTS:
        try:
            attribute = getattr(target, name)
            if not callable(attribute):
                setattr(target, name, arguments[0] if arguments else attribute)
            else:
                attribute(*arguments)
        except TypeError:
            continue
        except ALLOWED:
            pass
        if arguments or not callable(attribute):
            break


TARGETS = {
    "own socket": lambda link, client: link.client if client else link.server,
    "other socket": lambda link, client: link.server if client else link.client,
    "own context": lambda link, client: link.client_context if client else link.server_context,
    "other context": lambda link, client: link.server_context if client else link.client_context,
}

NAMES = {
    "socket": [name for name in dir(Link(*new_psk_contexts()).client) if name not in ("__class__", "__name__")],
    "context": [name for name in dir(new_client_context()) if name not in ("__class__", "__name__")],
}


@each(
    "client readinto", "client write", "client ioctl", "server readinto", "server write", "server ioctl",
    "client verify", "server verify", "sni", "psk client", "psk server", "keylog write", "keylog ioctl",
    "bundle readinto", "bundle ioctl")
def everything_from_inside(place):
    ran = tried = worked = 0
    for version in (0x0303, 0x0304):
        hooks = Hooks(place)
        true(live(hooks, new_contexts(hooks, version)), "nothing was done, and it failed")
        for what, find in TARGETS.items():
            for name in NAMES[what.split()[1]]:
                hooks = Hooks(place)
                contexts = new_contexts(hooks, version)

                def action(link):
                    is_client = place.split()[0] in ("client", "keylog", "bundle") or place == "psk client"
                    try_calls(find(link, is_client), name)
                    gc.collect()

                hooks.action = action
                worked += live(hooks, contexts)
                ran += hooks.ran
                tried += 1
        good()
    print("%d of %d ran, %d connections worked all the same" % (ran, tried, worked))
    equal(ran, tried)


# Connections and contexts that nobody holds are finalised there, and what was freed is written over.
def stir():
    for handshake in (False, True):
        Link(*new_psk_contexts(), handshake=handshake)
    gc.collect()
    for size in (16, 32, 64, 100, 400, 2000):
        bytearray(b"\xa5" * size)


@each(
    "client readinto", "client write", "client ioctl", "server readinto", "server write", "server ioctl",
    "client verify", "server verify", "sni", "psk client", "psk server", "keylog write", "keylog ioctl",
    "bundle readinto", "bundle ioctl")
def collection_inside(place):
    for version in (0x0303, 0x0304):
        hooks = Hooks(place)
        hooks.always = stir
        true(live(hooks, new_contexts(hooks, version)), version)
        true(hooks.ran)
    good()


# A file has one place where it is read: who comes in between is refused, and nobody waits for itself.
@each("bundle readinto", "bundle ioctl")
def a_bundle_is_read_from_inside_itself(place):
    hooks = Hooks(place)
    contexts = new_contexts(hooks, 0x0304)
    inner = []
    hooks.action = lambda link: inner.append(live(Hooks(None), contexts))
    live(hooks, contexts)
    equal(inner, [False])
    true(live(hooks, contexts))


def press_ctrl_c(link):
    raise KeyboardInterrupt


# That the bundle cannot be read is all that the engine is told; the exception itself comes as soon as the call has ended.
@each("bundle readinto", "bundle ioctl")
def ctrl_c_while_a_bundle_is_read(place):
    hooks = Hooks(place)
    contexts = new_contexts(hooks, 0x0304)
    hooks.action = press_ctrl_c
    raises(KeyboardInterrupt, live, hooks, contexts)
    true(hooks.ran)
    true(live(hooks, contexts))


run()
