"""Does a connection that has to wait do what it is told, and go on afterwards as if nothing had been?"""

import errno
import hashlib
import json
import os
import pathlib
import socket
import threading
import time

import python_peer
import pytest

MPY = pathlib.Path(__file__).resolve().parent / "mpy"
VERSIONS = ("TLSv1.2", "TLSv1.3")
DEFERRED = {"server_hostname": "server.test", "do_handshake_on_connect": False}

each_version = pytest.mark.parametrize("version", VERSIONS)


class Relay:
    """Carries bytes between a client and a server, by default each on its own, and can be stopped and started."""

    def __init__(self, server_port, chunk=1):
        self._server_port = server_port
        self._chunk = chunk
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(python_peer.TIMEOUT)
        self.port = self._listener.getsockname()[1]
        self._thread = python_peer.Thread(self._run)

    def stop(self):
        self._open.clear()

    def go_on(self):
        self._open.set()

    def _run(self):
        with self._listener, self._listener.accept()[0] as client, \
                socket.create_connection(("127.0.0.1", self._server_port), python_peer.TIMEOUT) as server:
            client.settimeout(python_peer.TIMEOUT)
            ways = [python_peer.Thread(lambda: self._carry(client, server)),
                    python_peer.Thread(lambda: self._carry(server, client))]
            for way in ways:
                way.join(python_peer.TIMEOUT)

    def _carry(self, source, sink):
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := source.recv(self._chunk):
            assert self._open.wait(python_peer.TIMEOUT)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


# ----------------------------------------------------------------------------------------------------------------------
# Timeouts


@each_version
def test_read_times_out_and_goes_on(mpy_client, certs, version):
    """ETIMEDOUT from a read; the data that comes later is there for the next."""
    def handle(conn):
        assert conn.recv(100) == b"I waited"
        conn.sendall(b"here it is")
        python_peer.close_notify(conn)

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    result = mpy_client(server.port, [
        ["settimeout", 0.1], ["attempt", ["read", 10]], ["attempt", ["recv", 10]], ["settimeout", 10],
        ["write", "I waited"], ["read_to_end"], ["close"]]).result()
    server.result()
    assert result["error"] is None, result["error"]["traceback"]
    for step in (1, 2):
        assert result["steps"][step]["error"]["errno"] == errno.ETIMEDOUT
        assert result["steps"][step]["error"]["is_os_error"]
    assert result["steps"][5] == {"text": "here it is", "truncated": False}


@each_version
def test_timeout_inside_a_record(mpy_client, certs, version):
    """Half of a record before the timeout, half after it."""
    told = threading.Event()

    def handle(conn):
        assert conn.recv(100) == b"ready"
        relay.stop_soon = True
        conn.sendall(b"x" * 1000)
        assert conn.recv(100) == b"timed out"
        told.set()
        python_peer.close_notify(conn)

    class HalfARecord(Relay):
        """Keeps the second half of the server's data until the client has timed out."""

        stop_soon = False
        left = 500

        def _carry(self, source, sink):
            while data := source.recv(1):
                if source.getpeername()[1] == self._server_port and self.stop_soon:
                    self.left -= 1
                    if self.left == 0:
                        assert told.wait(python_peer.TIMEOUT)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    relay = HalfARecord(server.port)
    result = mpy_client(relay.port, [
        ["write", "ready"], ["settimeout", 0.3], ["attempt", ["read", 1000]], ["settimeout", 10],
        ["write", "timed out"], ["read", 1000], ["read_to_end"], ["close"]]).result()
    server.result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][2]["error"]["errno"] == errno.ETIMEDOUT
    assert result["steps"][5] == "x" * 1000
    assert result["steps"][6] == {"text": "", "truncated": False}


@each_version
@pytest.mark.parametrize("timeout", [0.2, 0], ids=["timeout", "non-blocking"])
def test_full_transport(mpy_client, certs, tmp_path, version, timeout):
    """A peer that does not read: what send() took arrives once, what it did not take never."""
    data = os.urandom(12_000_000)
    path = tmp_path / "data"
    path.write_bytes(data)
    go_on = threading.Event()

    def handle(conn):
        assert go_on.wait(python_peer.TIMEOUT)
        received = python_peer.receive_to_end(conn)
        return len(received), hashlib.sha256(received).hexdigest()

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    # Other sizes the second time: the buffer of a call that could not go on is gone.
    client = mpy_client(server.port, [
        ["settimeout", timeout], ["send_some", str(path), [16384, 5000, 1, 40000]], ["say", "full"], ["wait"],
        ["settimeout", 10], ["send_some", str(path), [3, 9999]], ["close"]])
    client.process.wait_output("^full")
    go_on.set()
    client.process.send("go on\n")
    result = client.result()
    assert result["error"] is None, result["error"]["traceback"]
    first, second = result["steps"][1], result["steps"][5]
    assert first["errno"] == (errno.ETIMEDOUT if timeout else None)
    assert 0 < first["offset"] < second["offset"] == len(data)
    assert server.result() == (len(data), hashlib.sha256(data).hexdigest())


@each_version
def test_handshake_times_out(mpy_client, version, context, certs):
    """A server that does not answer: ETIMEDOUT, not for ever; and the handshake can be taken up again."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.serve_http)
    relay = Relay(server.port, chunk=1000)
    relay.stop()
    client = mpy_client(relay.port, [
        ["attempt", ["do_handshake"]], ["say", "timed out"], ["settimeout", 10], ["do_handshake"],
        ["write", "GET / HTTP/1.0\r\n\r\n"], ["read_to_end"], ["close"]], wrap=DEFERRED, timeout=0.2)
    client.process.wait_output("^timed out")
    relay.go_on()
    result = client.result()
    server.result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][0]["error"]["errno"] == errno.ETIMEDOUT
    assert result["steps"][5]["text"].endswith("hello")


def test_wrap_times_out(mpy_client):
    """The handshake inside wrap_socket() is bounded by the socket's timeout too."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = mpy_client(silent.getsockname()[1], [], timeout=0.2).result()
    assert result["error"]["where"] == "wrap"
    assert result["error"]["errno"] == errno.ETIMEDOUT


# ----------------------------------------------------------------------------------------------------------------------
# Peers that drip: there is always something to read or to write soon, and never all of it


class Drip(Relay):
    """Carries bytes as they come, or after drip() one in 50 ms each way, until go_on()."""

    def __init__(self, server_port):
        super().__init__(server_port, chunk=65536)

    def drip(self):
        self.stop()

    def _carry(self, source, sink):
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := source.recv(self._chunk):
            while data:
                size = len(data) if self._open.wait(0.05) else 1
                sink.sendall(data[:size])
                data = data[size:]
        sink.shutdown(socket.SHUT_WR)


def go_on(peer, relay, word="timed out"):
    peer.process.wait_output(f"^{word}")
    relay.go_on()
    peer.process.send("go on\n")


def check_timed_out(step):
    assert step["error"]["errno"] == errno.ETIMEDOUT
    assert step["error"]["is_os_error"]


@each_version
@pytest.mark.parametrize("method", ["read", "readinto", "readline", "recv", "recv_into"])
def test_dripping_record(mpy_client, certs, version, method):
    """The time is that of the whole read; what comes later completes the record."""
    line = "x" * 999 + "\n"

    def handle(conn):
        assert conn.recv(100) == b"ready"
        relay.drip()
        conn.sendall(line.encode())
        python_peer.close_notify(conn)

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    relay = Drip(server.port)
    client = mpy_client(relay.port, [
        ["write", "ready"], ["settimeout", 0.3], ["attempt", [method, 1000]], ["say", "timed out"], ["wait"],
        ["settimeout", 10], [method, 1000], ["read_to_end"], ["close"]])
    go_on(client, relay)
    result = client.result()
    server.result()
    assert result["error"] is None, result["error"]["traceback"]
    check_timed_out(result["steps"][2])
    assert result["steps"][6] == line
    assert result["steps"][7] == {"text": "", "truncated": False}


@each_version
@pytest.mark.parametrize("role", ["client", "server"])
def test_dripping_handshake(mpy_client, mpy_server, certs, version, role):
    """The same of do_handshake(), at either end."""
    steps = [["settimeout", 0.3], ["attempt", ["do_handshake"]], ["say", "timed out"], ["wait"], ["settimeout", 10],
             ["do_handshake"], ["write", "hello"], ["read_to_end"], ["close"]]

    def handle(conn):
        assert conn.recv(100) == b"hello"
        conn.sendall(b"welcome")
        python_peer.close_notify(conn)

    if role == "client":
        theirs = python_peer.Server(python_peer.server_context(certs, version=version), handle)
        relay = Drip(theirs.port)
        relay.drip()
        ours = mpy_client(relay.port, steps, wrap=DEFERRED)
    else:
        ours = mpy_server(steps, wrap={"do_handshake_on_connect": False})
        relay = Drip(ours.port)
        relay.drip()
        theirs = python_peer.Thread(
            lambda: handle(python_peer.connect(relay.port, python_peer.client_context(certs, version=version))))
    go_on(ours, relay)
    result = ours.result()
    theirs.result()
    assert result["error"] is None, result["error"]["traceback"]
    check_timed_out(result["steps"][1])
    assert result["steps"][7] == {"text": "welcome", "truncated": False}
    assert result["info"]["version"] == version


@each_version
@pytest.mark.parametrize("method", ["write", "send", "sendall"])
@pytest.mark.parametrize("then", ["go on", "shutdown"])
def test_dripping_reader(mpy_client, certs, tmp_path, version, method, then):
    """A peer that takes a byte now and then: each record that was counted arrives once, and no other.

    Writes are of one record, which in TLS 1.3 of Mbed TLS is a little less than 16384 bytes: of a longer one nobody knows
    how much of it has gone when it times out.
    """
    data = os.urandom(12_000_000)
    path = tmp_path / "data"
    path.write_bytes(data)

    def handle(conn):
        received = python_peer.receive_to_end(conn)
        conn.unwrap()
        return len(received), hashlib.sha256(received).hexdigest()

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    relay = Drip(server.port)
    rest = [["send_some", str(path), [3, 9999], method], ["close"]]
    if then == "shutdown":
        rest = [["shutdown", 1], ["read_to_end"], ["close"]]
    client = mpy_client(relay.port, [
        ["say", "connected"], ["wait"], ["settimeout", 0.3], ["send_some", str(path), [16000, 5000, 1], method],
        ["attempt", ["shutdown", 1] if then == "shutdown" else ["write", ""]], ["say", "timed out"], ["wait"],
        ["settimeout", 20], *rest])
    client.process.wait_output("^connected")
    relay.drip()
    client.process.send("go on\n")
    go_on(client, relay)
    result = client.result(60)
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][3]["errno"] == errno.ETIMEDOUT
    count = result["steps"][3]["offset"]
    assert 0 < count < len(data)
    if then == "shutdown":
        # The kernel may have found a little more room.
        assert result["steps"][4] == {"result": None} or result["steps"][4]["error"]["errno"] == errno.ETIMEDOUT
        assert result["steps"][9] == {"text": "", "truncated": False}
    else:
        count = result["steps"][8]["offset"]
        assert count == len(data)
    assert server.result(60) == (count, hashlib.sha256(data[:count]).hexdigest())


@each_version
def test_dripping_close_notify(mpy_client, certs, version):
    """unwrap() waits for the peer's close_notify no longer than it may, and can be called again."""
    def handle(conn):
        assert conn.recv(100) == b"ready"
        relay.drip()
        conn.unwrap().close()

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    relay = Drip(server.port)
    client = mpy_client(relay.port, [
        ["write", "ready"], ["settimeout", 0.3], ["attempt", ["unwrap"]], ["say", "timed out"], ["wait"],
        ["settimeout", 10], ["unwrap"], ["drop"]])
    go_on(client, relay)
    result = client.result()
    server.result()
    assert result["error"] is None, result["error"]["traceback"]
    check_timed_out(result["steps"][2])


@each_version
@pytest.mark.parametrize("timeout", [0.3, 0], ids=["timeout", "non-blocking"])
def test_close_to_a_full_peer(mpy_client, certs, tmp_path, version, timeout):
    """close() waits no longer than it may for a peer that takes nothing; the peer sees that the end is missing."""
    data = os.urandom(12_000_000)
    path = tmp_path / "data"
    path.write_bytes(data)
    closed = threading.Event()

    def handle(conn):
        assert closed.wait(python_peer.TIMEOUT)
        received = bytearray()
        with pytest.raises(OSError):
            while piece := conn.recv(65536):
                received += piece
            raise AssertionError("close_notify came through")
        return bytes(received)

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    client = mpy_client(server.port, [
        ["settimeout", timeout], ["send_some", str(path), [16000]], ["settimeout", 0.2], ["duration", ["close"]],
        ["say", "closed"], ["attempt", ["write", "x"]]])
    client.process.wait_output("^closed")
    closed.set()
    result = client.result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][1]["errno"] == (errno.ETIMEDOUT if timeout else None)
    # Without settimeout() it would wait for three seconds.
    assert result["steps"][3] < 2500
    assert result["steps"][5]["error"]["errno"] == errno.EBADF
    received = server.result()
    assert 0 < len(received) <= result["steps"][1]["offset"]
    assert data.startswith(received)


# ----------------------------------------------------------------------------------------------------------------------
# Deferred handshakes


@each_version
@pytest.mark.parametrize("first", [["write", "GET / HTTP/1.0\r\n\r\n"], ["do_handshake"]], ids=["write", "do_handshake"])
def test_deferred_handshake(mpy_client, certs, version, first):
    """The first write, or do_handshake(), does the handshake and verifies the server."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.serve_http)
    steps = [first] + ([["write", "GET / HTTP/1.0\r\n\r\n"]] if first == ["do_handshake"] else [])
    result = mpy_client(server.port, [*steps, ["read_to_end"], ["close"]], wrap=DEFERRED).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert server.result() == "GET / HTTP/1.0"
    assert result["info"]["version"] == version


@each_version
def test_deferred_handshake_by_reading(mpy_client, mpy_server, context, version, other_engine):
    """The first read does the handshake, at both ends."""
    server = mpy_server([["write", "welcome"], ["read_to_end"], ["close"]], wrap={"do_handshake_on_connect": False},
                        engine=other_engine)
    client = mpy_client(server.port, [["read", 7], ["write", "thanks"], ["close"]], wrap=DEFERRED,
                        context=context("TLS_CLIENT", ca="root", version=version))
    client_result, server_result = client.result(), server.result()
    assert client_result["error"] is None, client_result["error"]["traceback"]
    assert client_result["steps"][0] == "welcome"
    assert server_result["steps"][1] == {"text": "thanks", "truncated": False}


@each_version
@pytest.mark.parametrize("step", [["write", "x"], ["read", 1]], ids=["write", "read"])
def test_deferred_handshake_refuses(mpy_client, certs, version, step):
    """A wrong server is refused by whatever does the handshake, before a byte of data is sent."""
    server = python_peer.Server(
        python_peer.server_context(certs, "wrong-name", version), lambda conn: conn.recv(10))
    result = mpy_client(server.port, [step], wrap=DEFERRED).result()
    assert result["error"]["where"] == step[0]
    assert result["error"]["reason"] == "hostname_mismatch"
    assert result["error"]["is_os_error"] and result["error"]["is_value_error"]
    # In TLS 1.3 the server's handshake is over when the alert arrives.
    assert "BAD_CERTIFICATE" in server.error().reason


# ----------------------------------------------------------------------------------------------------------------------
# Non-blocking


@each_version
def test_nothing_blocks(mpy_client, version, certs):
    """On a non-blocking socket reads and writes return None at once as long as the peer is silent."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.serve_http)
    relay = Relay(server.port, chunk=1000)
    relay.stop()
    client = mpy_client(relay.port, [
        ["read", 1], ["write", "x"], ["readline"], ["poll", "r", 0], ["say", "not blocked"],
        ["settimeout", 10], ["write", "GET / HTTP/1.0\r\n\r\n"], ["read_to_end"], ["close"]], wrap=DEFERRED, timeout=0)
    client.process.wait_output("^not blocked", timeout=5)
    relay.go_on()
    result = client.result()
    assert server.result() == "GET / HTTP/1.0"
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][:4] == [None, None, None, False]


READS = (["read", 1], ["read", -1], ["recv", 1], ["readline"], ["readinto", 1], ["recv_into", 1])
WRITES = (["write", "x"], ["send", "x"], ["sendall", "x"])


@each_version
def test_no_method_waits(mpy_client, certs, version):
    """Each method of a non-blocking connection, before the handshake and after it, to a peer that is silent."""
    def handle(conn):
        conn.sendall(b"x")
        received = python_peer.receive_to_end(conn)
        time.sleep(0.5)  # or the answer is there before unwrap() has looked for it
        conn.unwrap()
        return received

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    relay = Relay(server.port, chunk=1000)
    relay.stop()
    attempts = [["attempt", step] for step in (*READS, *WRITES, ["do_handshake"], ["unwrap"], ["shutdown", 1])]
    # do_handshake() would wait on a stream that does not block by itself.
    client = mpy_client(relay.port, [
        ["settimeout", 0], *attempts, ["say", "not blocked"], ["settimeout", 10], ["do_handshake"], ["read", 1],
        ["settimeout", 0], *attempts[:-1], ["settimeout", 10], ["unwrap"], ["drop"]], wrap=DEFERRED)
    client.process.wait_output("^not blocked", timeout=5)
    relay.go_on()
    result = client.result()
    assert server.result() == b"xxx"
    assert result["error"] is None, result["error"]["traceback"]

    def outcomes(steps):
        return [step["error"]["errno"] if "error" in step else step["result"] for step in steps]

    nothing = len(READS) * [None]
    assert outcomes(result["steps"][1:13]) == [*nothing, None, None, None, errno.EAGAIN, errno.ENOTCONN, errno.ENOTCONN]
    assert result["steps"][16] == "x"
    assert outcomes(result["steps"][18:29]) == [*nothing, 1, 1, 1, None, errno.EAGAIN]


def test_poll_sees_decrypted_data(mpy_client, certs):
    """What is left of a record is readable although the socket below is not."""
    def handle(conn):
        conn.sendall(b"0123456789")
        return python_peer.receive_to_end(conn)

    server = python_peer.Server(python_peer.server_context(certs), handle)
    result = mpy_client(server.port, [
        ["poll", "r", 5000], ["recv", 4], ["pending"], ["poll", "r", 0], ["poll", "rw", 0], ["recv", 100], ["pending"],
        ["poll", "r", 0], ["poll", "w", 0], ["close"]]).result()
    server.result()
    assert result["steps"][:9] == [True, "0123", 6, True, True, "456789", 0, False, True]


@each_version
@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("relayed", [False, True], ids=["direct", "byte by byte"])
def test_duplex(start_mpy, context, certs, free_port, tmp_path, role, version, relayed):
    """Data in both directions at the same time, driven by select.poll(), with the handshake on the way."""
    size = 20_000 if relayed else 3_000_000
    outgoing, incoming = os.urandom(size), os.urandom(size + 1)
    path = tmp_path / "data"
    path.write_bytes(outgoing)

    def exchange(conn):
        received = python_peer.send_and_receive(conn, incoming, len(outgoing))
        conn.sendall(b"done")
        python_peer.close_notify(conn)
        return hashlib.sha256(received).hexdigest()

    def start_duplex(port, **spec):
        return start_mpy(MPY / "duplex.py", [{"port": port, "send": str(path), "receive": len(incoming), **spec}])

    if role == "client":
        server = python_peer.Server(python_peer.server_context(certs, version=version), exchange)
        port = Relay(server.port).port if relayed else server.port
        mpy = start_duplex(port, context=context("TLS_CLIENT", ca="root"), wrap={"server_hostname": "server.test"})
        seen = server.result()
    else:
        port = free_port()
        mpy = start_duplex(port, server=True, context=context("TLS_SERVER", cert="ec"), wrap={"server_side": True})
        mpy.wait_port(port)
        target = Relay(port).port if relayed else port
        seen = exchange(python_peer.connect(target, python_peer.client_context(certs, version=version)))
    mpy.check()
    result = json.loads(mpy.stdout)
    assert seen == hashlib.sha256(outgoing).hexdigest()
    assert (result["size"], result["sha256"]) == (len(incoming), hashlib.sha256(incoming).hexdigest())
    assert result["end"] == "done"
    assert result["version"] == version
    # A byte of a record wakes it up; but without any there is no reason to run.
    limit = 60_000 if relayed else 3000
    assert result["woken_for_nothing"] < limit


def test_duplex_between_the_engines(start_mpy, context, certs, free_port, tmp_path, other_engine):
    """The same with the other engine as the peer, in the same way."""
    port = free_port()
    files = [tmp_path / "client", tmp_path / "server"]
    for file in files:
        file.write_bytes(os.urandom(1_500_000))
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    common = {"port": port, "receive": 1_500_000}
    server = start_mpy(MPY / "duplex.py", [{
        **common, "server": True, "ends": True, "send": str(files[1]), "context": context("TLS_SERVER", cert="ec"),
        "wrap": {"server_side": True}}], engine=other_engine).wait_port(port)
    client = start_mpy(MPY / "duplex.py", [{
        **common, "send": str(files[0]), "context": context("TLS_CLIENT", ca="root"),
        "wrap": {"server_hostname": "server.test"}}])
    client_result, server_result = json.loads(client.check()), json.loads(server.check())
    assert client_result["sha256"] == digests[1]
    assert server_result["sha256"] == digests[0]
