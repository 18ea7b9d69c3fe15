# A wrap_socket() that fails leaves the stream open and as it was; a SSLSocket whose handshake fails still closes it.

import gc
import ssl

from pipes import (
    End, Link, STREAM_CLOSE, join, new_client_context, new_server_context, new_verifying_context, nudge, transfer)
from testing import case, each, equal, raises, raises_os_error, run, same


# A server that a client with `context` is refused by, or refuses; it is driven from the client's stream.
def with_server(context):
    near, far = join(End(), End())
    server = context.wrap_socket(far, do_handshake_on_connect=False)

    def work():
        try:
            nudge(server)
        except OSError:
            near.eof = True

    near.when_empty = work
    return near, far


# Not closed, not even looked at, and what was not for TLS is still there to be read.
def still_usable(near, far):
    equal(near.requests, [])
    equal(near.polls, [])
    near.when_empty = None
    near.eof = False
    near.inbox = bytearray(b"still here")
    buffer = bytearray(20)
    equal(near.readinto(buffer), 10)
    equal(bytes(buffer[:10]), b"still here")
    far.inbox = bytearray()
    equal(near.write(b"me too"), 6)
    equal(bytes(far.inbox), b"me too")


@case
def server_is_refused():
    near, far = with_server(new_server_context("expired"))
    raises(OSError, new_verifying_context().wrap_socket, near, server_hostname="server.test")
    still_usable(near, far)


@case
def refused_by_the_server():
    server = new_server_context()
    server.set_ciphers(["TLS1-3-AES-128-GCM-SHA256"])
    client = new_client_context()
    client.set_ciphers(["TLS1-3-AES-256-GCM-SHA384"])
    near, far = with_server(server)
    raises(OSError, client.wrap_socket, near)
    still_usable(near, far)


@each(("http", b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("garbage", b"\0" * 50))
def no_tls_at_all(name, data):
    near, far = join(End(), End())
    near.inbox.extend(data)
    raises(OSError, ssl.wrap_socket, near)
    still_usable(near, far)


@case
def end_of_the_stream():
    near, far = join(End(), End())
    near.eof = True
    e = raises_os_error(-29312, "MBEDTLS_ERR_SSL_CONN_EOF", ssl.wrap_socket, near)
    equal(e.reason, "connection_eof")
    still_usable(near, far)


@each("OSError(110)", "OSError(104)", "ValueError('stream')", "KeyboardInterrupt()", "SystemExit(3)", "MemoryError()")
def exception_of_the_stream(expression):
    near, far = join(End(), End())
    thrown = eval(expression)

    def throw():
        raise thrown

    near.when_empty = throw
    same(raises(BaseException, ssl.wrap_socket, near), thrown)
    still_usable(near, far)


@each(110, 104, 5)
def error_number_of_the_stream(number):
    class Returning(End):
        def readinto(self, buf):
            return -number if not self.inbox else super().readinto(buf)

    near, far = join(Returning(), End())
    raises_os_error(number, None, ssl.wrap_socket, near)
    still_usable(near, far)


@case
def exception_of_a_callback():
    near, far = with_server(new_server_context())
    thrown = KeyError("from the callback")

    def callback(der, depth):
        raise thrown

    context = new_verifying_context(verify_callback=callback)
    same(raises(KeyError, context.wrap_socket, near, server_hostname="server.test"), thrown)
    still_usable(near, far)


@case
def wrong_arguments():
    near, far = join(End(), End())
    context = new_verifying_context()
    raises(ValueError, context.wrap_socket, near)
    raises(ValueError, context.wrap_socket, near, server_hostname="")
    raises(TypeError, context.wrap_socket, near, server_hostname=12)
    raises(TypeError, context.wrap_socket, near, no_such_argument=1)
    equal((near.reads, near.writes), (0, 0))
    still_usable(near, far)


@case
def stream_can_be_wrapped_again():
    near, far = with_server(new_server_context("expired"))
    raises(OSError, new_verifying_context().wrap_socket, near, server_hostname="server.test")
    # A new connection of the peer, now without verification.
    near.inbox = bytearray()
    far.inbox = bytearray()
    near.eof = False
    server = new_server_context().wrap_socket(far, do_handshake_on_connect=False)
    near.when_empty = lambda: nudge(server)
    client = new_client_context().wrap_socket(near)
    near.when_empty = None
    nudge(server)
    equal(transfer(client, server, b"ping"), b"ping")


@case
def stream_survives_its_failed_wrappers():
    near, far = join(End(), End())
    for _ in range(50):
        near.inbox = bytearray(b"\0" * 20)
        raises(OSError, ssl.wrap_socket, near)
        gc.collect()
    still_usable(near, far)


# With the handshake put off there is an object, and to close it is to close the stream.
@each("refused", "eof", "garbage", "exception")
def close_after_a_failed_handshake(kind):
    link = Link(new_verifying_context(), new_server_context("expired"), handshake=False)
    if kind == "refused":
        link.collide()
        link.near.eof = False
    elif kind == "eof":
        link.near.eof = True
        raises(OSError, link.client.read, 1)
    elif kind == "garbage":
        link.near.inbox.extend(bytes(20))
        raises(OSError, link.client.read, 1)
    else:
        def throw():
            raise KeyError

        link.near.when_empty = throw
        raises(KeyError, link.client.read, 1)
    writes = link.near.writes
    equal(link.near.requests, [])
    link.client.close()
    equal(link.near.requests, [STREAM_CLOSE])
    equal(link.near.writes, writes)
    link.client.close()
    equal(link.near.requests, [STREAM_CLOSE])


run()
