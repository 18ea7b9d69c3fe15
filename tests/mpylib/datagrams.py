# Datagrams in memory, and DTLS over them: lost, doubled, out of order, forged.

import io
import ssl
import time

from pipes import EINVAL, POLLIN, POLLOUT, STREAM_CLOSE, STREAM_POLL, join, nudge, path
from testing import equal, fail, true

CONTEXTS = {}


# One end of a pipe that carries datagrams. `fate` says for each one sent what becomes of it: a list of what arrives.
class Post(io.IOBase):
    def __init__(self):
        self.other = None
        self.inbox = []
        self.fate = None
        self.sent = 0
        self.largest = 0
        self.readable = True
        self.writable = True
        self.requests = []

    def readinto(self, buf):
        if not self.inbox or not self.readable:
            return None
        datagram = self.inbox.pop(0)
        true(len(datagram) <= len(buf), "buffer for a datagram")
        buf[: len(datagram)] = datagram
        return len(datagram)

    def write(self, buf):
        if not self.writable:
            return None
        self.sent += 1
        self.largest = max(self.largest, len(buf))
        datagram = bytes(buf)
        self.other.inbox.extend([datagram] if self.fate is None else self.fate(self.sent, datagram))
        return len(buf)

    def ioctl(self, request, arg):
        if request == STREAM_POLL:
            answer = arg & POLLIN if self.inbox and self.readable else 0
            return answer | (arg & POLLOUT if self.writable else 0)
        self.requests.append(request)
        return 0 if request == STREAM_CLOSE else -EINVAL


def contexts(kind):
    if kind not in CONTEXTS:
        client, server = ssl.SSLContext(ssl.PROTOCOL_DTLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_DTLS_SERVER)
        if kind == "psk":
            client.psk_identity = "device"
            client.psk_key = b"0123456789abcdef"
            server.server_psk_keys = {"device": b"0123456789abcdef"}
        else:
            server.load_cert_chain(path("rsa-chain.pem" if kind == "rsa" else "ec-chain.pem"),
                                   path("rsa.key" if kind == "rsa" else "ec.key"))
            client.load_verify_locations(path("root.pem"))
            client.verify_mode = ssl.CERT_REQUIRED
        if kind == "mutual":
            client.load_cert_chain(path("client-rsa-chain.pem"), path("client-rsa.key"))
            server.load_verify_locations(path("root.pem"))
            server.verify_mode = ssl.CERT_REQUIRED
        CONTEXTS[kind] = client, server
    return CONTEXTS[kind]


class Pair:
    def __init__(self, kind="psk", handshake=True, near_fate=None, far_fate=None, **options):
        self.near, self.far = join(Post(), Post())
        self.near.fate = near_fate
        self.far.fate = far_fate
        client, server = contexts(kind)
        self.server = server.wrap_socket(self.far, do_handshake_on_connect=False, **options)
        self.client = client.wrap_socket(self.near, server_hostname="server.test", do_handshake_on_connect=False)
        if handshake:
            self.shake()

    # Lost datagrams are sent again when a timer has run out, so this takes time, but only then.
    def shake(self, seconds=15):
        end = time.ticks_add(time.ticks_ms(), seconds * 1000)
        while not (nudge(self.client) & nudge(self.server)):
            if time.ticks_diff(end, time.ticks_ms()) < 0:
                fail("no handshake within %d s" % seconds)
            if not self.near.inbox and not self.far.inbox:
                time.sleep_ms(2)


def talk(pair):
    for i in range(3):
        word = b"message %d" % i
        equal(pair.client.send(word), len(word))
        equal(pair.server.recv(100), word)
        equal(pair.server.send(word * 2), len(word) * 2)
        equal(pair.client.recv(100), word * 2)
