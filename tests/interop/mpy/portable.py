# A client and a server that use ssl as programs written for CPython do; the same script runs on CPython and here.
# portable.py client|server PORT FOLDER-OF-CERTIFICATES: each scenario is one connection, and both ends go through them in
# the same order. Prints what it saw, one JSON list per line.

import json
import select
import socket
import ssl
import sys

ROLE, PORT, CERTS = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ADDRESS = socket.getaddrinfo("127.0.0.1", PORT)[0][-1]
SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function())
    return function


def tell(*words):
    print(json.dumps([ROLE] + list(words)))


def client_context(ca="root.pem"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=CERTS + "/" + ca)
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile=CERTS + "/ec-chain.pem", keyfile=CERTS + "/ec.key")
    return context


def text(path):
    with open(path) as file:
        return file.read()


def receive_all(conn):
    data = b""
    while True:
        piece = conn.recv(1024)
        if not piece:
            return data
        data += piece


# What a certificate that was refused raises is an OSError and a ValueError on each.
def refusal(function):
    try:
        function()
    except (OSError, ValueError) as e:
        return [type(e).__name__, isinstance(e, OSError), isinstance(e, ValueError)]
    return None


# Each scenario is (what the client does with a connected socket, what the server does).

@scenario
def request_and_answer():
    def client(sock):
        with client_context().wrap_socket(sock, server_hostname="server.test") as conn:
            conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
            # First, since CPython forgets it with the last byte.
            tell("peer", conn.version(), len(conn.cipher()), len(conn.getpeercert(True)), conn.server_hostname,
                 conn.server_side)
            tell("answer", receive_all(conn).decode())

    def server(sock):
        with server_context().wrap_socket(sock, server_side=True) as conn:
            request = conn.recv(1024)
            tell("request", request.decode(), conn.version(), conn.getpeercert(True))
            conn.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")

    return client, server


@scenario
def the_name_is_another():
    def client(sock):
        tell("refusal", refusal(lambda: client_context().wrap_socket(sock, server_hostname="other.test")))
        sock.close()

    def server(sock):
        try:
            server_context().wrap_socket(sock, server_side=True).recv(1)
        except OSError:
            sock.close()

    return client, server


# What a program should use that knows nothing better.
@scenario
def default_context():
    def client(sock):
        context = ssl.create_default_context(cafile=CERTS + "/root.pem")
        tell("default", context.verify_mode == ssl.CERT_REQUIRED, context.check_hostname)
        with context.wrap_socket(sock, server_hostname="server.test") as conn:
            tell("verified", bool(conn.getpeercert()), receive_all(conn).decode())

    def server(sock):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTS + "/ec-chain.pem", CERTS + "/ec.key")
        tell("default", context.verify_mode == ssl.CERT_NONE)
        with context.wrap_socket(sock, server_side=True) as conn:
            conn.sendall(b"hello")

    return client, server


@scenario
def default_context_and_another_name():
    def client(sock):
        context = ssl.create_default_context(cafile=CERTS + "/root.pem")
        tell("refusal", refusal(lambda: context.wrap_socket(sock, server_hostname="other.test")))
        sock.close()

    return client, the_name_is_another()[1]


@scenario
def default_context_and_a_stranger():
    def client(sock):
        context = ssl.create_default_context(cadata=text(CERTS + "/other-root.pem"))
        tell("refusal", refusal(lambda: context.wrap_socket(sock, server_hostname="server.test")))
        sock.close()

    return client, the_name_is_another()[1]


@scenario
def the_issuer_is_a_stranger():
    def client(sock):
        context = client_context("other-root.pem")
        tell("refusal", refusal(lambda: context.wrap_socket(sock, server_hostname="server.test")))
        sock.close()

    return client, the_name_is_another()[1]


@scenario
def versions_and_protocols():
    def client(sock):
        context = client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2", "http/1.1"])
        with context.wrap_socket(sock, server_hostname="server.test") as conn:
            tell("agreed", conn.version(), conn.selected_alpn_protocol(), conn.cipher()[1])
            conn.recv(1)

    def server(sock):
        context = server_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        with context.wrap_socket(sock, server_side=True) as conn:
            tell("agreed", conn.version(), conn.selected_alpn_protocol())
            conn.sendall(b".")

    return client, server


@scenario
def client_certificates():
    def client(sock):
        context = client_context()
        context.load_cert_chain(CERTS + "/client-ec-chain.pem", CERTS + "/client-ec.key")
        with context.wrap_socket(sock, server_hostname="server.test") as conn:
            tell("welcome", conn.recv(100).decode())

    def server(sock):
        context = server_context()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cafile=CERTS + "/root.pem")
        with context.wrap_socket(sock, server_side=True) as conn:
            tell("client", len(conn.getpeercert(True)))
            conn.sendall(b"welcome")

    return client, server


@scenario
def handshake_by_hand():
    def client(sock):
        conn = client_context().wrap_socket(sock, server_hostname="server.test", do_handshake_on_connect=False)
        tell("before", conn.version(), conn.cipher())
        conn.settimeout(10)
        conn.do_handshake()
        buf = bytearray(16)
        count = conn.recv_into(buf)
        tell("after", conn.version(), bytes(buf[:count]).decode(), conn.pending())
        conn.write(b"thanks")
        plain = conn.unwrap()
        plain.close()

    def server(sock):
        with server_context().wrap_socket(sock, server_side=True) as conn:
            conn.send(b"data")
            tell("thanks", conn.read(6).decode())
            plain = conn.unwrap()
            plain.close()

    return client, server


# What would block is an exception in CPython; in MicroPython it is None, as of every stream, or OSError(EAGAIN).
def until_done(function, wait):
    while True:
        try:
            result = function()
            if result is not None:
                return result
        except OSError as e:
            if e.errno not in (2, 3, 11):  # SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, EAGAIN
                raise
        wait()


# A client that does not block and waits by poll; a server that takes what comes until the client has finished.
@scenario
def without_blocking():
    def client(sock):
        conn = client_context().wrap_socket(sock, server_hostname="server.test", do_handshake_on_connect=False)
        conn.setblocking(False)

        poller = select.poll()
        poller.register(conn, select.POLLIN)

        def wait():
            poller.poll(10000)

        until_done(lambda: conn.do_handshake() or True, wait)
        certificate = conn.getpeercert()
        tell("certificate", certificate["subject"], certificate["notAfter"], len(certificate["subjectAltName"]))
        for word in (b"one", b"two"):
            conn.sendall(word)
            tell("echo", until_done(lambda: conn.recv(1024), wait).decode())
        conn.close()

    def server(sock):
        conn = server_context().wrap_socket(sock, server_side=True)
        received = b""
        try:
            data = conn.recv(1024)
            while data:
                received += data
                conn.sendall(data)
                data = conn.recv(1024)
        finally:
            conn.shutdown(2)  # SHUT_RDWR
            conn.close()
        tell("received", received.decode())

    return client, server


# A session without sockets below: the bytes go by hand.
@scenario
def memory_bio():
    def client(sock):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        conn = client_context().wrap_bio(incoming, outgoing, server_hostname="server.test")

        def exchange():
            data = outgoing.read()
            while data:
                data = data[sock.send(data):]
            data = sock.recv(16384)
            if data:
                incoming.write(data)
            else:
                incoming.write_eof()

        until_done(lambda: conn.do_handshake() or True, exchange)
        conn.write(b"hello")
        tell("bio", conn.version(), until_done(lambda: conn.read(5), exchange).decode(), incoming.eof)
        sock.close()

    def server(sock):
        conn = server_context().wrap_socket(sock, server_side=True)
        conn.sendall(conn.read(5))
        try:
            conn.recv(1)
        except OSError:
            pass
        conn.close()

    return client, server


if ROLE == "server":
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(ADDRESS)
    listener.listen(1)
    for _, server in SCENARIOS:
        server(listener.accept()[0])
    listener.close()
else:
    for client, _ in SCENARIOS:
        sock = socket.socket()
        sock.connect(ADDRESS)
        client(sock)
