# SSLContext.keylog_filename: what is in the file, and what happens when it cannot be written.

import gc

from pipes import *
from testing import *

LABELS = {
    "TLSv1_2": ("CLIENT_RANDOM",),
    "TLSv1_3": ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
                "SERVER_TRAFFIC_SECRET_0"),
}
ENOENT = const(2)
EISDIR = const(21)
ENOSPC = const(28)


def new_name():
    return "/tmp/micropython-ssl-keylog-" + "".join("%02x" % byte for byte in os.urandom(8))


# The lines of a file, which is removed.
def take(name):
    with open(name) as f:
        text = f.read()
    os.remove(name)
    return text.split("\n")


@each("TLSv1_2", "TLSv1_3")
def lines(name):
    contexts = pin(getattr(ssl.TLSVersion, name), new_client_context(), new_server_context())
    logs = [new_name(), new_name()]
    for context, log in zip(contexts, logs):
        same(context.keylog_filename, None)
        context.keylog_filename = log
        equal(context.keylog_filename, log)
        equal(os.stat(log)[6], 0)
    Link(*contexts).close()
    near, far = take(logs[0]), take(logs[1])
    equal(near.pop(), "")
    equal(sorted(near), sorted(far[:-1]))
    for label in LABELS[name]:
        found = [line.split(" ") for line in near if line.startswith(label + " ")]
        equal(len(found), 1, label)
        equal((len(found[0]), len(found[0][1])), (3, 64))
        int(found[0][1], 16)
        int(found[0][2], 16)


@case
def appended_and_shared():
    log = new_name()
    with open(log, "w") as f:
        f.write("# before\n")
    contexts = pin(ssl.TLSVersion.TLSv1_2, new_client_context(), new_server_context())
    for context in contexts:
        context.keylog_filename = log
    Link(*contexts).close()
    for context in contexts:
        context.keylog_filename = None
    Link(*contexts).close()
    got = take(log)
    equal(len(got), 4)
    equal(got[0], "# before")
    equal(got[1], got[2])


@case
def misuse():
    context = new_client_context()
    for value in (1, b"x", [], True):
        raises(TypeError, setattr, context, "keylog_filename", value)
    raises_os_error(ENOENT, None, setattr, context, "keylog_filename", "/no/such/folder/file")
    raises_os_error(EISDIR, None, setattr, context, "keylog_filename", "/tmp")
    same(context.keylog_filename, None)
    raises(AttributeError, delattr, context, "keylog_filename")


# The secrets go nowhere, which is told; the handshake goes on.
@each("TLSv1_2", "TLSv1_3")
def full_file_system(name):
    try:
        open("/dev/full").close()
    except OSError:
        raise Skip("no /dev/full")
    contexts = pin(getattr(ssl.TLSVersion, name), new_client_context(), new_server_context())
    contexts[0].keylog_filename = "/dev/full"
    link = Link(*contexts, handshake=False)
    errors = 0
    for _ in range(20):
        try:
            nudge(link.client)
        except OSError as e:
            equal(e.errno, ENOSPC)
            errors += 1
        nudge(link.server)
    true(errors > 0)
    equal(link.client.version(), name.replace("_", "."))
    link.server.write(b"works")
    equal(link.client.read(5), b"works")
    link.close()


# A file system that is written in Python: it may collect garbage and raise what it likes.
class Memory:
    def __init__(self):
        self.text = ""
        self.fault = None

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def open(self, path, mode):
        equal((path, mode), ("/log", "ab"))
        return File(self)


class File(io.IOBase):
    def __init__(self, system):
        self.system = system

    def write(self, buf):
        gc.collect()
        if self.system.fault is not None:
            raise self.system.fault
        self.system.text += bytes(buf).decode()
        return len(buf)

    def ioctl(self, request, arg):
        return 0


@case
def file_system_in_python():
    try:
        import vfs
    except ImportError:
        raise Skip("no vfs")
    memory = Memory()
    vfs.mount(memory, "/memory")
    try:
        contexts = pin(ssl.TLSVersion.TLSv1_3, new_client_context(), new_server_context())
        contexts[0].keylog_filename = "/memory/log"
        Link(*contexts).close()
        true(memory.text.count("\n") >= 4, memory.text)
        memory.fault = KeyboardInterrupt()
        link = Link(*contexts, handshake=False)
        nudge(link.client)
        nudge(link.server)
        raises(KeyboardInterrupt, nudge, link.client)
        memory.fault = None
        link.shake()
        link.close()
    finally:
        vfs.umount("/memory")


run()
