"""Does each side know whether it has got everything?"""

import contextlib
import socket
import ssl

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
CONN_EOF = [-0x7280, "MBEDTLS_ERR_SSL_CONN_EOF"]

each_version = pytest.mark.parametrize("version", VERSIONS)


def say_and(finish):
    """A server that says hello and then ends the connection in some way."""
    def handle(conn):
        conn.sendall(b"hello")
        finish(conn)
    return handle


def drop(conn):
    """The transport ends without close_notify."""
    socket.socket(fileno=conn.detach()).close()


def reset(conn):
    """The transport is reset (RST instead of FIN)."""
    raw = socket.socket(fileno=conn.detach())
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raw.close()


@each_version
def test_client_sees_close_notify(mpy_client, certs, version):
    """The peer's close_notify is the end, for every read after it too."""
    server = python_peer.Server(
        python_peer.server_context(certs, version=version), say_and(python_peer.close_notify))
    result = mpy_client(server.port, [["read_to_end"], ["recv", 1], ["read", 1], ["readline"], ["close"]]).result()
    server.result()
    assert result["error"] is None
    assert result["steps"] == [{"text": "hello", "truncated": False}, "", "", "", None]


@each_version
@pytest.mark.parametrize("suppress", [None, True])
def test_client_sees_truncation_as_end(mpy_client, certs, version, suppress):
    """The transport ends: b"" with truncated set, by default."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), say_and(drop))
    wrap = {"server_hostname": "server.test"}
    if suppress is not None:
        wrap["suppress_ragged_eofs"] = suppress
    result = mpy_client(server.port, [["read_to_end"], ["recv", 1], ["close"]], wrap=wrap).result()
    server.result()
    assert result["error"] is None
    assert result["steps"] == [{"text": "hello", "truncated": True}, "", None]


@each_version
def test_client_is_told_truncation(mpy_client, certs, version):
    """With suppress_ragged_eofs=False it is an error; what had arrived can still be read before."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), say_and(drop))
    wrap = {"server_hostname": "server.test", "suppress_ragged_eofs": False}
    result = mpy_client(server.port, [["read", 5], ["recv", 10]], wrap=wrap).result()
    server.result()
    assert result["steps"] == ["hello"]
    assert result["error"]["where"] == "recv"
    assert result["error"]["args"] == CONN_EOF
    assert result["error"]["reason"] == "connection_eof"
    assert result["error"]["is_os_error"] and not result["error"]["is_value_error"]


@each_version
def test_reset_keeps_its_errno(mpy_client, certs, version):
    """ECONNRESET of the transport is told as such, never taken for the end."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), say_and(reset))
    # The first read waits for more than will ever come.
    result = mpy_client(server.port, [["read", 100]]).result()
    server.result()
    assert result["error"]["args"] == [104]
    assert result["error"]["is_os_error"]


PEER_ALERT = [-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"]


def test_alert_before_a_reset_in_the_handshake(mpy_client):
    """Sending fails, but the alert that explains it lies unread in the socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = mpy_client(
        listener.getsockname()[1], [["say", "here"], ["wait"], ["do_handshake"]],
        wrap={"server_hostname": "server.test", "do_handshake_on_connect": False})
    raw, _ = listener.accept()
    client.process.wait_output("here")
    raw.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # handshake_failure
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raw.close()
    client.process.send("go\n")
    error = client.result()["error"]
    assert error["args"] == PEER_ALERT
    assert (error["alert"], error["alert_by"]) == ("handshake_failure", "peer")


def test_alert_before_a_reset_after_the_handshake(mpy_client, certs):
    """A TLS 1.3 client learns in its first write that its certificate was missing, although that write cannot go."""
    server_context = python_peer.server_context(certs, version="TLSv1.3")
    server_context.load_verify_locations(certs / "root.pem")
    server_context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    client = mpy_client(listener.getsockname()[1], [["say", "here"], ["wait"], ["write", "x"]])
    raw, _ = listener.accept()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server_context.wrap_bio(incoming, outgoing, server_side=True)
    with pytest.raises(ssl.SSLError, match="did not return a certificate"):
        while True:
            incoming.write(raw.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            raw.sendall(outgoing.read())
    raw.sendall(outgoing.read())
    client.process.wait_output("here")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raw.close()
    client.process.send("go\n")
    error = client.result()["error"]
    assert (error["where"], error["args"]) == ("write", PEER_ALERT)
    assert (error["alert"], error["alert_by"]) == ("certificate_required", "peer")


@each_version
def test_server_sees_truncation(mpy_server, context, certs, version):
    """The same as a server. Without tickets: this client would not read them, and TCP then resets the connection."""
    server = mpy_server([["read_to_end"], ["close"]], context=context("TLS_SERVER", cert="ec").set(num_tickets=0))
    conn = python_peer.connect(server.port, python_peer.client_context(certs, version=version))
    conn.sendall(b"half a messa")
    drop(conn)
    assert server.result()["steps"] == [{"text": "half a messa", "truncated": True}, None]


@each_version
def test_peer_sees_close_notify_of_client(mpy_client, certs, version):
    """close() says close_notify: the server in CPython does not complain."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.receive_to_end)
    assert mpy_client(server.port, [["write", "bye"], ["close"]]).result()["error"] is None
    assert server.result() == b"bye"


@each_version
def test_peer_sees_close_notify_of_server(mpy_server, certs, version):
    """The same of a server."""
    server = mpy_server([["write", "bye"], ["close"]])
    with python_peer.connect(server.port, python_peer.client_context(certs, version=version)) as conn:
        assert python_peer.receive_to_end(conn) == b"bye"
    assert server.result()["error"] is None


@each_version
def test_peer_is_told_truncation(mpy_client, certs, version):
    """A connection dropped without close() is a truncation to the peer: the tests above can fail."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.receive_to_end)
    mpy_client(server.port, [["write", "bye"], ["drop"]]).result()
    # Its type depends on the version of CPython.
    assert "EOF" in str(server.error())


@each_version
def test_answer_after_close_notify(mpy_client, certs, version):
    """A peer that has said close_notify can still be written to (RFC 8446 section 6.1)."""
    def handle(conn):
        # Sends close_notify and stays: unwrap() would wait for ours.
        conn.settimeout(0)
        with pytest.raises(ssl.SSLWantReadError):
            conn.unwrap()
        conn.settimeout(python_peer.TIMEOUT)
        # From now on CPython tells our close_notify so, to say that both have been exchanged.
        data = b""
        with pytest.raises(ssl.SSLZeroReturnError):
            while True:
                data += conn.recv(100)
        return data

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
    result = mpy_client(server.port, [["read_to_end"], ["write", "late"], ["close"]]).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert server.result() == b"late"


@each_version
@pytest.mark.parametrize("role", ["client", "server"])
def test_end_inside_the_handshake(mpy_client, mpy_server, certs, start, role, version):
    """A peer that goes away in the handshake."""
    if role == "client":
        listener = socket.create_server(("127.0.0.1", 0))
        client = mpy_client(listener.getsockname()[1], [])
        raw, _ = listener.accept()
        raw.recv(65536)
        raw.close()
        result = client.result()
    else:
        server = mpy_server([])
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = python_peer.client_context(certs, version=version).wrap_bio(
                incoming, outgoing, server_hostname="server.test")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            raw.sendall(outgoing.read())
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
        result = server.result()
    assert result["error"]["where"] == "wrap"
    assert result["error"]["args"] == CONN_EOF
    assert result["error"]["reason"] == "connection_eof"
