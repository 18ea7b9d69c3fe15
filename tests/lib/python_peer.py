"""TLS peers in CPython, run in threads of the test."""

import contextlib
import select
import socket
import ssl
import threading

TIMEOUT = 20
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def configure(context, version):
    # CPython lets OpenSSL take the end of the transport for close_notify, and does so itself (suppress_ragged_eofs).
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    if version is not None:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def server_context(certs, name="ec", version=None, client_ca=None):
    """A server with one of our certificates; with client_ca it demands a certificate of its clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / f"{name}-chain.pem", certs / f"{name}.key")
    if client_ca is not None:
        context.load_verify_locations(certs / f"{client_ca}.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return configure(context, version)


def client_context(certs, ca="root", version=None, name=None):
    """A client that verifies, optionally with a certificate of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certs / f"{ca}.pem")
    if name is not None:
        context.load_cert_chain(certs / f"{name}-chain.pem", certs / f"{name}.key")
    return configure(context, version)


class Thread(threading.Thread):
    """A thread whose result, or exception, result() hands over."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self._function = function
        self._result = None
        self._error = None
        self.start()

    def run(self):
        try:
            self._result = self._function()
        except BaseException as error:  # it is raised again where somebody waits for it
            self._error = error

    def result(self, timeout=TIMEOUT):
        self.join(timeout)
        assert not self.is_alive(), "the peer in CPython is still at work"
        if self._error is not None:
            raise self._error
        return self._result


class Server:
    """Serves `connections` clients, one after the other, with handle(SSLSocket) in a thread.

    result() is what `handle` returned for the last one, or raises what it, or the handshake, raised.
    """

    def __init__(self, context, handle, connections=1):
        self._context = context
        self._handle = handle
        self._connections = connections
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT)
        self.port = self._listener.getsockname()[1]
        self._thread = Thread(self._serve)

    def _serve(self):
        with self._listener:
            for _ in range(self._connections):
                raw, _ = self._listener.accept()
                raw.settimeout(TIMEOUT)
                with self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False,
                                               suppress_ragged_eofs=False) as conn:
                    handshake(conn)
                    result = self._handle(conn)
        return result

    def result(self, timeout=TIMEOUT):
        return self._thread.result(timeout)

    def error(self):
        """The exception that ended it."""
        try:
            result = self.result()
        except Exception as error:
            return error
        raise AssertionError(f"the server did not fail but returned {result!r}")


def handshake(conn):
    try:
        conn.do_handshake()
    except ssl.SSLError:
        # Closed with unread data, the transport would be reset and our alert lost.
        linger(conn)
        raise


def linger(conn):
    """Ends what we send and waits until the peer has ended too, whatever it sends until then."""
    with contextlib.suppress(OSError), socket.socket(fileno=conn.detach()) as raw:
        raw.settimeout(TIMEOUT)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536):
            pass


def connect(port, context, server_hostname="server.test"):
    """A client's connection, its handshake done."""
    raw = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    conn = context.wrap_socket(raw, server_hostname=server_hostname, do_handshake_on_connect=False,
                               suppress_ragged_eofs=False)
    handshake(conn)
    return conn


def receive_exactly(conn, size):
    data = bytearray()
    while len(data) < size:
        piece = conn.recv(min(65536, size - len(data)))
        assert piece, f"ended after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def receive_to_end(conn):
    """Everything up to the peer's close_notify; a connection that just ends raises."""
    data = bytearray()
    while True:
        piece = conn.recv(65536)
        if not piece:
            return bytes(data)
        data += piece


def serve_http(conn, body="hello"):
    """Answers one HTTP request, whose first line is the result."""
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        piece = conn.recv(4096)
        assert piece, "the client ended inside its request"
        request += piece
    conn.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    return request.partition(b"\r\n")[0].decode()


def close_notify(conn):
    """Sends close_notify and waits for the peer's."""
    conn.unwrap().close()


def send_and_receive(conn, outgoing, expected):
    """Sends and receives at the same time, in one thread: a connection of OpenSSL is not for two."""
    waits = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
    unsent, received = memoryview(outgoing), bytearray()
    conn.setblocking(False)
    while unsent or len(received) < expected:
        idle = True
        if unsent:
            with contextlib.suppress(*waits):
                unsent = unsent[conn.send(unsent[:16384]):]
                idle = False
        if len(received) < expected:
            with contextlib.suppress(*waits):
                data = conn.recv(min(65536, expected - len(received)))
                assert data, f"the peer ended after {len(received)} of {expected} bytes"
                received += data
                idle = False
        if idle:
            assert any(select.select([conn], [conn] if unsent else [], [], 10)), "nothing happened for 10 s"
    conn.setblocking(True)
    return bytes(received)
