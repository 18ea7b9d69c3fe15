# WebSocket (RFC 6455) over TLS, with MicroPython's own module `websocket` where it is the server.
#
#   websocket_peer.py server PORT CERT KEY     sends back the lines that come, to one client
#   websocket_peer.py client PORT CAFILE       sends messages of many sizes and expects them back

import binascii
import hashlib
import os
import socket
import ssl
import struct
import sys

import websocket

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
SET_DATA_OPTS = 9  # MP_STREAM_SET_DATA_OPTS


def read_head(conn):
    """The headers of a request or an answer, and its first line under None."""
    head = {None: conn.readline().strip()}
    while line := conn.readline().strip():
        name, _, value = line.partition(b":")
        head[name.lower()] = value.strip()
    return head


def accept_of(key):
    return binascii.b2a_base64(hashlib.sha1(key + GUID).digest()).strip()


def serve(port, cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    listener.listen(1)
    conn = context.wrap_socket(listener.accept()[0], server_side=True)
    head = read_head(conn)
    conn.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Accept: " + accept_of(head[b"sec-websocket-key"]) + b"\r\n\r\n")
    stream = websocket.websocket(conn)
    stream.ioctl(SET_DATA_OPTS, BINARY)
    lines = 0
    # None: a header came in parts. The module lets the first byte of a close frame through as data.
    while (line := stream.readline()) is None or line.endswith(b"\n"):
        if line:
            stream.write(line)
            lines += 1
    print("served", lines, conn.version())
    stream.close()


def send_frame(conn, kind, data, last=True):
    head = bytes(((0x80 if last else 0) | kind,))
    if len(data) < 126:
        head += bytes((0x80 | len(data),))
    elif len(data) < 65536:
        head += struct.pack(">BH", 0x80 | 126, len(data))
    else:
        head += struct.pack(">BQ", 0x80 | 127, len(data))
    mask = os.urandom(4)
    masked = bytearray(data)
    for at in range(len(masked)):
        masked[at] ^= mask[at & 3]
    conn.write(head + mask + masked)


def read_frame(conn):
    first, size = conn.read(2)
    if size == 126:
        size, = struct.unpack(">H", conn.read(2))
    elif size == 127:
        size, = struct.unpack(">Q", conn.read(8))
    return first & 0x80, first & 0xF, conn.read(size)


def read_message(conn):
    """Its kind and all of its data."""
    last, kind, data = read_frame(conn)
    while not last:
        last, _, more = read_frame(conn)
        data += more
    return kind, data


def be_client(port, cafile):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=cafile)
    context.set_alpn_protocols(["http/1.1"])
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    conn = context.wrap_socket(sock, server_hostname="localhost")
    key = binascii.b2a_base64(os.urandom(16)).strip()
    conn.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
    head = read_head(conn)
    assert head[None].startswith(b"HTTP/1.1 101 ") and head[b"sec-websocket-accept"] == accept_of(key), head
    for size in (0, 1, 125, 126, 16384, 65535, 65536, 200000):
        data = os.urandom(1) * size
        if size > 2:
            send_frame(conn, BINARY, data[:2], False)
            send_frame(conn, 0, data[2:])
        else:
            send_frame(conn, BINARY, data)
        assert read_message(conn) == (BINARY, data), size
    send_frame(conn, PING, b"are you there?")
    assert read_message(conn) == (PONG, b"are you there?")
    send_frame(conn, CLOSE, struct.pack(">H", 1000))
    kind, data = read_message(conn)
    print("closed", kind == CLOSE, data == struct.pack(">H", 1000), conn.version())
    conn.close()


role, port, *files = sys.argv[1:]
(serve if role == "server" else be_client)(int(port), *files)
