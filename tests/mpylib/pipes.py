# Streams in memory, and TLS connections over them: client and server in one script.

import io
import os
import select
import socket
import ssl
import struct

from micropython import const

STREAM_POLL = const(3)
STREAM_CLOSE = const(4)
POLLIN = const(1)
POLLOUT = const(4)
POLLERR = const(8)
POLLHUP = const(16)
POLLNVAL = const(32)

EINTR = const(4)
EIO = const(5)
EBADF = const(9)
EAGAIN = const(11)
EBUSY = const(16)
EINVAL = const(22)
EPIPE = const(32)
ENOTCONN = const(107)
ETIMEDOUT = const(110)

CERTS = os.getenv("CERTS")


# A file of tools/make-certs: its path, or what is in it.
def path(name):
    return CERTS + "/" + name


def content(name):
    with open(path(name), "rb") as f:
        return f.read()


# One end of a pipe that carries bytes. A subclass overrides readinto() and write() to be slow, to raise or to lie.
class End(io.IOBase):
    def __init__(self):
        self.other = None
        self.inbox = bytearray()
        self.eof = False  # the other end is closed: reads end after what is in the inbox
        self.readable = True  # False: reads would block
        self.writable = True
        self.when_empty = None  # called when a read finds nothing; the read then looks again
        self.reads = 0
        self.writes = 0
        self.polls = []  # what poll asked for, each time
        self.requests = []  # other ioctls

    def readinto(self, buf):
        self.reads += 1
        return self.take(buf, len(buf))

    def write(self, buf):
        self.writes += 1
        return self.give(buf, len(buf))

    def take(self, buf, limit):
        if not self.readable:
            return None
        if not self.inbox and self.when_empty is not None:
            self.when_empty()
        if not self.inbox:
            return 0 if self.eof else None
        count = min(limit, len(buf), len(self.inbox))
        buf[:count] = self.inbox[:count]
        self.inbox[:count] = b""
        return count

    def give(self, buf, limit):
        if not self.writable:
            return None
        count = min(limit, len(buf))
        self.other.inbox.extend(memoryview(buf)[:count])
        return count

    def ioctl(self, request, arg):
        if request == STREAM_POLL:
            self.polls.append(arg)
            answer = 0
            if arg & POLLIN and self.readable and (self.inbox or self.eof):
                answer |= POLLIN
            if arg & POLLOUT and self.writable:
                answer |= POLLOUT
            return answer
        self.requests.append(request)
        if request == STREAM_CLOSE:
            self.other.eof = True
            return 0
        return -EINVAL

    @property
    def closed(self):
        return self.requests.count(STREAM_CLOSE)


def join(near, far):
    near.other = far
    far.other = near
    return near, far


# Two connected sockets of the system. MicroPython has no socketpair(); names that begin with NUL are no files.
def socket_pair():
    name = struct.pack("H", socket.AF_UNIX) + b"\0micropython-ssl-test-" + os.urandom(8)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(1)
    near = socket.socket(socket.AF_UNIX)
    near.connect(name)
    far = listener.accept()[0]
    listener.close()
    return near, far


def new_client_context(**attributes):
    return _set(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), attributes)


# A client that trusts the test root.
def new_verifying_context(**attributes):
    context = new_client_context(**attributes)
    context.load_verify_locations(cadata=content("root.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def new_server_context(identity="ec", **attributes):
    context = _set(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), attributes)
    context.load_cert_chain(path(identity + "-chain.pem"), path(identity + ".key"))
    return context


# Contexts with a pre-shared key: handshakes without public keys are short and cost little.
def new_psk_contexts():
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.psk_identity = "device"
    client.psk_key = b"0123456789abcdef"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.server_psk_keys = {"device": b"0123456789abcdef"}
    return client, server


def _set(context, attributes):
    for name, value in attributes.items():
        setattr(context, name, value)
    return context


# Sets both contexts to one version.
def pin(version, *contexts):
    for context in contexts:
        if version == ssl.TLSVersion.TLSv1_2:
            context.minimum_version = version
            context.maximum_version = version
        else:
            context.maximum_version = version
            context.minimum_version = version
    return contexts


# A client and a server over two ends; `client` and `server` are the connections, `near` and `far` what they run over.
class Link:
    def __init__(self, client_context=None, server_context=None, near=None, far=None, hostname="server.test",
                 handshake=True, **options):
        if near is None or isinstance(near, End):
            near, far = join(near or End(), far or End())
        self.near, self.far = near, far
        self.client_context = client_context or new_client_context()
        self.server_context = server_context or new_server_context()
        self.server = self.server_context.wrap_socket(
            self.far, server_side=True, do_handshake_on_connect=False, **options)
        self.client = self.client_context.wrap_socket(
            self.near, server_hostname=hostname, do_handshake_on_connect=False, **options)
        if handshake:
            self.shake()

    # Takes turns until both sides have finished their handshakes.
    def shake(self, turns=100000):
        for _ in range(turns):
            if nudge(self.client) & nudge(self.server):
                return self
        raise AssertionError("the handshake did not finish")

    # As long as something moves; returns the two exceptions that ended the handshakes, or None.
    def collide(self, turns=1000):
        failures = [None, None]
        for _ in range(turns):
            done = True
            for i, sock in enumerate((self.client, self.server)):
                if failures[i] is None:
                    try:
                        # Also when established: in TLS 1.3 the client learns later what the server thinks of it.
                        if sock.read(1) == b"":
                            failures[i] = EOFError()
                    except Exception as e:
                        failures[i] = e
                        (self.far, self.near)[i].eof = True
                    done = False
            if done or not (self.near.inbox or self.far.inbox):
                break
        return failures

    def close(self):
        self.client.close()
        self.server.close()


# One step of a handshake over streams that do not block; whether it is complete. A read also brings out what is left of
# a flight, so it is good for a side that has finished, too.
def nudge(sock):
    answer = sock.readinto(bytearray(1))
    if answer is not None:
        raise AssertionError("read answered %r in a handshake" % (answer,))
    return sock.version() is not None


# The poll flags of a connection now.
def poll(sock, events=POLLIN | POLLOUT):
    poller = select.poll()
    poller.register(sock, events)
    for ready in poller.poll(0):
        return ready[1]
    return 0


# Sends all of data from one connection to another, taking turns; returns what arrived.
def transfer(source, target, data, turns=1000000):
    view = memoryview(data)
    sent = 0
    received = bytearray()
    for _ in range(turns):
        if sent < len(data):
            sent += source.write(view[sent:]) or 0
        part = target.read(len(data) - len(received))
        if part == b"":
            break
        received.extend(part or b"")
        if len(received) == len(data):
            break
        if not part and sent == len(data):
            poll(source, POLLOUT)  # sends what is left of the last record
    return bytes(received)


# Bytes without a pattern that a lost or doubled part could fit into.
def noise(size, seed=1):
    data = bytearray(size)
    for i in range(size):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        data[i] = seed >> 16 & 255
    return bytes(data)


# Both sides write and read pieces of random sizes until everything has arrived; returns what the server and the client
# got. `guard` makes a call for each step and may see to exceptions of the streams.
def exchange(link, up, down, dice, guard=lambda call, *arguments: call(*arguments), turns=200000):
    sides = (
        (link.client, memoryview(up), bytearray(), len(down)),
        (link.server, memoryview(down), bytearray(), len(up)),
    )
    sent = [0, 0]
    for _ in range(turns):
        done = 0
        for i, (sock, data, got, expected) in enumerate(sides):
            if sent[i] < len(data):
                sent[i] += guard(sock.write, data[sent[i]:sent[i] + dice.randrange(1, 5000)]) or 0
            elif len(got) == expected:
                done += 1
            # Also when all is there: a read brings out what a write has left.
            part = guard(sock.recv, dice.randrange(1, 5000))
            if part == b"":
                raise AssertionError("the stream ended after %d of %d bytes" % (len(got), expected))
            got.extend(part or b"")
        if done == 2:
            break
    return bytes(sides[1][2]), bytes(sides[0][2])


# A connection of these contexts; the client has read, so it has what tickets there are.
def connect(client_context, server_context, session=None, hostname="server.test"):
    near, far = join(End(), End())
    server = server_context.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    client = client_context.wrap_socket(near, server_hostname=hostname, do_handshake_on_connect=False, session=session)
    for _ in range(1000):
        if nudge(client) & nudge(server):
            break
    for source, target in ((client, server), (server, client)):
        if transfer(source, target, b"hello") != b"hello":
            raise AssertionError("other data arrived")
    return client, server
