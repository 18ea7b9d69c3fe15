# Sends a mail over a connection that begins without TLS (STARTTLS, RFC 3207): smtp_client.py PORT CAFILE NAME

import socket
import ssl
import sys


def answer(stream):
    """The code of an answer and its lines."""
    lines = []
    while True:
        line = stream.readline()
        if not line:
            raise OSError("the server has gone")
        lines.append(line[4:].strip())
        if line[3:4] != b"-":
            return int(line[:3]), lines


def say(stream, line, wanted):
    stream.write(line + b"\r\n")
    code, lines = answer(stream)
    assert code == wanted, (line, code, lines)
    return lines


port, cafile, name = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
context.load_verify_locations(cafile=cafile)
sock = socket.socket()
sock.connect(socket.getaddrinfo("127.0.0.1", int(port))[0][-1])
assert answer(sock)[0] == 220
assert b"STARTTLS" in say(sock, b"EHLO board.test", 250)
# A server that is left in the clear takes no mail.
sock.write(b"MAIL FROM:<board@board.test>\r\n")
assert answer(sock)[0] == 530
say(sock, b"STARTTLS", 220)
try:
    conn = context.wrap_socket(sock, server_hostname=name)
except OSError as error:
    print("refused", error.reason)
    # The socket is still ours, and nothing was said on it in the clear.
    sock.close()
    sys.exit(1)
assert b"STARTTLS" not in say(conn, b"EHLO board.test", 250)
say(conn, b"MAIL FROM:<board@board.test>", 250)
say(conn, b"RCPT TO:<owner@server.test>", 250)
say(conn, b"DATA", 354)
for number in range(2000):
    conn.write(b"reading %d of many\r\n" % number)
say(conn, b".", 250)
say(conn, b"QUIT", 221)
print("sent", conn.version())
conn.close()
