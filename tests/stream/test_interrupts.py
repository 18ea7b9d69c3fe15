"""Ctrl-C while MicroPython waits inside TLS: a KeyboardInterrupt, and the connection goes on."""

import contextlib
import hashlib
import pathlib
import signal
import socket
import ssl
import threading
import time

import pytest

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

# What all scripts begin with: `sock` is a connection to the port of the peer, before its handshake.
CONNECT = """
import socket
import ssl
import sys

address = socket.getaddrinfo("127.0.0.1", int(sys.argv[1]))[0][-1]
plain = socket.socket()
plain.connect(address)
sock = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain, do_handshake_on_connect=False)
"""


class Peer:
    """A TLS server of CPython for one connection, which does what a test says when it says so."""

    def __init__(self, certs, version):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = self._context.maximum_version = VERSIONS[version]
        self._context.load_cert_chain(certs / "ec-chain.pem", certs / "ec.key")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self.connection = None

    def accept(self):
        self.connection = self._listener.accept()[0]
        self.connection.settimeout(10)

    def handshake(self):
        self.connection = self._context.wrap_socket(self.connection, server_side=True)

    def close(self):
        for end in (self._listener, self.connection):
            if end is not None:
                end.close()


@pytest.fixture(params=VERSIONS)
def peer(request, certs):
    with contextlib.closing(Peer(certs, request.param)) as peer:
        yield peer


def wait_until_asleep(process):
    """Waits until the process waits for something: after its last output that can only be the peer."""
    deadline = time.monotonic() + 10
    while True:
        state = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        if state == "S":
            return
        assert state == "R", f"{process.name} is in state {state}"
        assert time.monotonic() < deadline, f"{process.name} does not come to rest"
        time.sleep(0.001)


def interrupt(process, output="waiting"):
    process.wait_output(rf"^{output}$")
    wait_until_asleep(process)
    process.signal(signal.SIGINT)


def test_read(start_mpy, peer):
    """Bytes that the interrupted read had collected come with the next one."""
    process = start_mpy(CONNECT + """
sock.do_handshake()
assert sock.read(1) == b"a"
try:
    print("waiting")
    print("read gave", sock.read(9))
except KeyboardInterrupt:
    print("interrupted")
assert sock.pending() == 2
assert sock.read(9) == b"bcdefghij"
sock.write(b"thanks")
sock.close()
""", [str(peer.port)])
    peer.accept()
    peer.handshake()
    peer.connection.sendall(b"abc")
    interrupt(process)
    process.wait_output("^interrupted$")
    peer.connection.sendall(b"defghij")
    assert peer.connection.recv(100) == b"thanks"
    assert peer.connection.recv(100) == b""
    process.check()


@pytest.mark.parametrize(
    "call", ["readinto(bytearray(5))", "readline()", "read()", "recv(5)", "recv_into(bytearray(5))"])
def test_other_reads(start_mpy, peer, call):
    process = start_mpy(CONNECT + f"""
sock.do_handshake()
try:
    print("waiting")
    print("it gave", sock.{call})
except KeyboardInterrupt:
    print("interrupted")
assert sock.recv(100) == b"hello"
""", [str(peer.port)])
    peer.accept()
    peer.handshake()
    interrupt(process)
    process.wait_output("^interrupted$")
    peer.connection.sendall(b"hello")
    process.check()


def test_handshake(start_mpy, peer):
    process = start_mpy(CONNECT + """
for _ in range(2):
    try:
        print("waiting")
        sock.do_handshake()
        print("done without the peer")
    except KeyboardInterrupt:
        assert sock.version() is None
        print("interrupted")
sock.do_handshake()
print(sock.version())
sock.write(b"hello")
sock.close()
""", [str(peer.port)])
    peer.accept()
    interrupt(process)
    process.wait_output("^interrupted$")
    interrupt(process, "waiting\\ninterrupted\\nwaiting")
    process.wait_output("^interrupted\\nwaiting\\ninterrupted$")
    peer.handshake()
    assert peer.connection.recv(100) == b"hello"
    process.check()


def test_handshake_of_wrap_socket(start_mpy, peer):
    """The stream is open still, and the program's."""
    process = start_mpy(CONNECT + """
sock = None
try:
    print("waiting")
    ssl.wrap_socket(plain)
    print("done without the peer")
except KeyboardInterrupt:
    plain.write(b"still open")
    plain.close()
""", [str(peer.port)])
    peer.accept()
    interrupt(process)
    received = b""
    while chunk := peer.connection.recv(4096):
        received += chunk
    assert received.endswith(b"still open")
    process.check()


def test_write(start_mpy, peer):
    """The peer gets a clean beginning of what was written, and then what is written afterwards."""
    process = start_mpy(CONNECT + """
sock.do_handshake()
data = bytes(range(251)) * 100000
try:
    print("waiting")
    sock.write(data)
    print("the peer took all of it")
except KeyboardInterrupt:
    print("interrupted")
sock.write(b"<end>")
sock.close()
""", [str(peer.port)], options=("-X", "heapsize=64M"))
    peer.accept()
    peer.handshake()
    interrupt(process)
    process.wait_output("^interrupted$")
    received = bytearray()
    while chunk := peer.connection.recv(65536):
        received += chunk
    process.check()
    assert received.endswith(b"<end>")
    data = bytes(range(251)) * 100000
    assert 0 < len(received) - 5 < len(data)
    assert received[:-5] == data[:len(received) - 5]


def test_many_times(start_mpy, peer):
    """Interrupts at any moment of a long transfer: no byte is lost, none comes twice."""
    process = start_mpy(CONNECT + """
import hashlib

sock.do_handshake()
buffer = bytearray(2000000)
view = memoryview(buffer)
got = 0
ready = False
while got < len(buffer):
    try:
        while got < len(buffer):
            if not ready:
                ready = True
                print("ready")
            # MicroPython raises between calls only where it loops, so the count is not lost.
            got += sock.readinto(view[got:got + 5000])
    except KeyboardInterrupt:
        # The next one comes after the word, which is inside the try again.
        ready = False
print(hashlib.sha256(buffer).digest().hex())
sock.close()
""", [str(peer.port)])
    peer.accept()
    peer.handshake()
    data = hashlib.shake_128(b"many times").digest(2000000)
    interrupts = 20

    def send():
        # The last part waits until all interrupts have come.
        step = len(data) // (interrupts + 1)
        for i in range(interrupts):
            peer.connection.sendall(data[i * step:(i + 1) * step])
            process.wait_output(rf"(^ready\n){{{i + 1}}}")
            process.signal(signal.SIGINT)
        process.wait_output(rf"(^ready\n){{{interrupts + 1}}}")
        peer.connection.sendall(data[interrupts * step:])

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    sender.join(20)
    assert not sender.is_alive(), process.describe()
    assert process.check().splitlines()[-1] == hashlib.sha256(data).hexdigest()
