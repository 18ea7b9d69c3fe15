# CA bundles where a board has them: in ROMFS, as bytes, and in a file.

import gc
import io
import ssl
import vfs

import ballast
from pipes import Link, content, new_server_context, transfer
from testing import case, each, equal, raises, run, true

PUBLIC = "/rom/public.bundle"  # all public roots, and the one of the test servers


# A file that is read piece by piece, unlike those in ROMFS.
class File:
    def __init__(self, data):
        self.data = data

    def mount(self, readonly, mkfs):
        pass

    def stat(self, path):
        return (0x8000, 0, 0, 0, 0, 0, len(self.data), 0, 0, 0)

    def open(self, path, mode):
        return io.BytesIO(self.data)


vfs.mount(File(content("roots.bundle")), "/file")


def new_client_context(**where):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if where:
        context.load_verify_locations(**where)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def anchors(kind):
    return {"ROMFS": dict(cafile=PUBLIC), "bytes": dict(cadata=content("roots.bundle")),
            "file": dict(cafile="/file")}[kind]


def ping(client_context, identity="ec"):
    link = Link(client_context, new_server_context(identity))
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    link.close()


@each("ROMFS", "bytes", "file")
def place(kind):
    context = new_client_context(**anchors(kind))
    ping(context)
    ping(context)


@each("ROMFS", "bytes", "file")
def default_context(kind):
    context = ssl.create_default_context(**anchors(kind))
    ping(context)
    equal(raises(OSError, ping, context, "self-signed").reason, "untrusted")
    equal(raises(OSError, ping, context, "wrong-name").reason, "hostname_mismatch")


# A board trusts nobody by itself, and can be told later whom.
@case
def default_context_without_anchors():
    context = ssl.create_default_context()
    for _ in range(2):
        refused = raises(OSError, ping, context)
        equal(refused.reason, "untrusted")
        equal(refused.detail, "server's certificate cannot be verified: no trust anchors were loaded (cadata)")
    context.load_verify_locations(PUBLIC)
    ping(context)
    equal(raises(OSError, ping, context, "other-ca").reason, "untrusted")


@case
def stranger():
    refused = raises(OSError, ping, new_client_context(cafile=PUBLIC), "other-ca")
    equal(refused.reason, "untrusted")


@case
def damaged():
    good = content("roots.bundle")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    for bad in (good[:-1], good[:41] + b"\x07" + good[42:]):
        raises(ValueError, context.load_verify_locations, cadata=bad)
    equal(raises(OSError, ping, context).reason, "untrusted")


def held(function):
    gc.collect()
    before = gc.mem_alloc()
    kept = function()
    gc.collect()
    return gc.mem_alloc() - before, kept


@case
def memory_for_loading():
    held(lambda: new_client_context(cafile=PUBLIC))  # what is made once is not counted
    without, first = held(new_client_context)
    with_all, second = held(lambda: new_client_context(cafile=PUBLIC))
    true(with_all < without + 300, "%d bytes instead of %d" % (with_all, without))


# The smallest free heap, to half a kilobyte, in which both ends of a connection work.
def smallest_heap(client_context):
    server_context = new_server_context()

    def works(left):
        filling = ballast.all_but(left)
        try:
            Link(client_context, server_context).close()
            return True
        except (MemoryError, OSError):
            return False
        finally:
            filling = None

    low, high = 16, 120
    true(works(high * 512))
    while high - low > 1:
        middle = (low + high) // 2
        if works(middle * 512):
            high = middle
        else:
            low = middle
    return high * 512


@case
def memory_for_a_verification():
    without, with_all = smallest_heap(new_client_context()), smallest_heap(new_client_context(cafile=PUBLIC))
    true(with_all <= without + 3 * 1024, "%d bytes instead of %d" % (with_all, without))


run()
