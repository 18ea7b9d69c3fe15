# Asks a PostgreSQL server, which begins without TLS (SSLRequest), proves the password, and binds that proof to the TLS
# connection (SCRAM-SHA-256-PLUS, RFC 5802 and 7677), so that nobody in the middle could pass it on.
#
#   postgres_client.py PORT CAFILE CERT KEY VERSION PASSWORD BINDING
#
# BINDING "right", or "wrong": that of another server's certificate. Prints what the server says of the connection.

import binascii
import hashlib
import os
import socket
import ssl
import struct
import sys

SSL_REQUEST = 80877103
PROTOCOL = 196608  # 3.0
BLOCK = 64  # of SHA-256
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def hmac(key, data):
    key = key + bytes(BLOCK - len(key))
    inner = hashlib.sha256(bytes(c ^ 0x36 for c in key) + data).digest()
    return hashlib.sha256(bytes(c ^ 0x5C for c in key) + inner).digest()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def salted(password, salt, rounds):
    digest = result = hmac(password, salt + b"\0\0\0\1")
    for _ in range(rounds - 1):
        digest = hmac(password, digest)
        result = xor(result, digest)
    return result


def base64(data):
    return binascii.b2a_base64(data).strip()


def send(conn, kind, body):
    conn.write(kind + struct.pack(">I", len(body) + 4) + body)


def receive(conn):
    kind, size = struct.unpack(">1sI", conn.read(5))
    body = conn.read(size - 4)
    if kind == b"E":
        fields = [field for field in body.split(b"\0") if field[:1] == b"M"]
        print("error", fields[0][1:].decode())
        sys.exit(1)
    return kind, body


def authentication(conn):
    """The method that the server asks for, and its data."""
    kind, body = receive(conn)
    assert kind == b"R", kind
    return struct.unpack(">I", body)[0], body[4:]


def prove(conn, password, binding):
    """RFC 5802 section 3, with the channel binding in place of trust."""
    method, names = authentication(conn)
    assert method == 10 and b"SCRAM-SHA-256-PLUS" in names.split(b"\0"), (method, names)
    head = b"p=tls-server-end-point,,"
    first = b"n=,r=" + base64(os.urandom(18))
    send(conn, b"p", b"SCRAM-SHA-256-PLUS\0" + struct.pack(">I", len(head + first)) + head + first)
    method, challenge = authentication(conn)
    assert method == 11
    nonce, salt, rounds = [field[2:] for field in challenge.split(b",")]
    key = salted(password, binascii.a2b_base64(salt), int(rounds))
    last = b"c=" + base64(head + binding) + b",r=" + nonce
    signed = b",".join((first, challenge, last))
    client = hmac(key, b"Client Key")
    proof = xor(client, hmac(hashlib.sha256(client).digest(), signed))
    send(conn, b"p", last + b",p=" + base64(proof))
    method, final = authentication(conn)
    # The server has to know the password, too.
    assert method == 12 and final == b"v=" + base64(hmac(hmac(key, b"Server Key"), signed))
    assert authentication(conn)[0] == 0


def ask(conn, query):
    """The fields of the first row."""
    send(conn, b"Q", query.encode() + b"\0")
    row = None
    while (message := receive(conn))[0] != b"Z":
        kind, body = message
        if kind == b"D":
            row, at = [], 2
            for _ in range(struct.unpack(">H", body)[0]):
                size, = struct.unpack(">i", body[at:at + 4])
                at += 4
                row.append(None if size < 0 else body[at:at + size].decode())
                at += max(size, 0)
    return row


port, cafile, cert, key, version, password, kind = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
context.load_verify_locations(cafile=cafile)
context.load_cert_chain(cert, key)
context.maximum_version = context.minimum_version = VERSIONS[version]
sock = socket.socket()
sock.connect(socket.getaddrinfo("127.0.0.1", int(port))[0][-1])
sock.write(struct.pack(">II", 8, SSL_REQUEST))
assert sock.read(1) == b"S"
conn = context.wrap_socket(sock, server_hostname="server.test")
start = struct.pack(">I", PROTOCOL) + b"user\0tester\0database\0postgres\0\0"
conn.write(struct.pack(">I", len(start) + 4) + start)
binding = conn.get_channel_binding("tls-server-end-point")
prove(conn, password.encode(), binding if kind == "right" else hashlib.sha256(b"another").digest())
while receive(conn)[0] != b"Z":
    pass
print(*ask(conn, "SELECT ssl, version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), sep="|")
print(len(ask(conn, "SELECT repeat('x', 100000)")[0]))
send(conn, b"X", b"")
conn.close()
