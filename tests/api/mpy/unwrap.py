# Does unwrap() end TLS and nothing else, and shutdown() one direction?

from pipes import *
from testing import *

CONN_EOF = (-29312, "MBEDTLS_ERR_SSL_CONN_EOF")


def established(**options):
    return Link(*new_psk_contexts(), **options)


# Both ends say that they will not wait.
def patient():
    link = established()
    link.client.setblocking(False)
    link.server.setblocking(False)
    return link


@case
def both_ends():
    link = patient()
    raises_os_error(EAGAIN, None, link.client.unwrap)
    equal(link.server.read(1), b"")
    same(link.server.unwrap(), link.far)
    same(link.client.unwrap(), link.near)
    # Not one byte of TLS is left, and the streams are open.
    equal((bytes(link.near.inbox), bytes(link.far.inbox)), (b"", b""))
    equal((link.near.closed, link.far.closed), (0, 0))
    equal(link.near.write(b"plain"), 5)
    equal(bytes(link.far.inbox), b"plain")


@each("TLSv1_2", "TLSv1_3")
def plain_bytes_right_behind(name):
    contexts = pin(getattr(ssl.TLSVersion, name), *new_psk_contexts())
    link = Link(*contexts)
    link.client.setblocking(False)
    link.server.setblocking(False)
    equal(transfer(link.server, link.client, noise(30000)), noise(30000))
    raises_os_error(EAGAIN, None, link.client.unwrap)
    # The peer answers, and goes on in plain before we have read that.
    same(link.server.unwrap(), link.far)
    link.far.write(b"plain text")
    same(link.client.unwrap(), link.near)
    equal(bytes(link.near.inbox), b"plain text")


@each("unwrap", "close")
def nothing_is_left_after(name):
    link = patient()
    raises_os_error(EAGAIN, None, link.client.unwrap)
    link.server.unwrap()
    link.client.unwrap()
    if name == "close":
        same(link.client.close(), None)
        equal(link.near.closed, 0)
    for method, arguments in (("unwrap", ()), ("read", (1,)), ("write", (b"x",)), ("do_handshake", ()),
                              ("shutdown", (2,))):
        raises_os_error(EBADF, None, getattr(link.client, method), *arguments)
    equal(link.client.pending(), 0)
    same(link.client.version(), None)


@case
def over_sockets_with_timeouts():
    near, far = socket_pair()
    near.setblocking(False)
    far.setblocking(False)
    link = Link(*new_psk_contexts(), near=near, far=far)
    link.server.setblocking(False)
    link.client.settimeout(0.02)
    raises_os_error(ETIMEDOUT, None, link.client.unwrap)
    same(link.server.unwrap(), far)
    same(link.client.unwrap(), near)
    # The timeout is the socket's own now.
    raises_os_error(ETIMEDOUT, None, near.read, 1)
    far.write(b"plain")
    equal(near.read(5), b"plain")
    near.close()
    far.close()


@case
def data_of_the_peer_comes_first():
    link = patient()
    link.server.write(b"last words")
    raises_os_error(EINVAL, None, link.client.unwrap)
    raises_os_error(EINVAL, None, link.client.unwrap)
    equal(link.client.read(10), b"last words")
    raises_os_error(EAGAIN, None, link.client.unwrap)
    link.server.unwrap()
    same(link.client.unwrap(), link.near)


@case
def peer_without_a_word():
    link = patient()
    raises_os_error(EAGAIN, None, link.client.unwrap)
    link.near.inbox[:] = b""
    link.near.eof = True
    raises_os_error(*CONN_EOF, link.client.unwrap)
    raises_os_error(*CONN_EOF, link.client.unwrap)
    same(link.client.truncated, True)
    same(link.client.close(), None)
    equal(link.near.closed, 1)


@case
def before_and_after():
    link = established(handshake=False)
    for method, arguments in (("unwrap", ()), ("shutdown", (0,)), ("shutdown", (1,)), ("shutdown", (2,))):
        raises_os_error(ENOTCONN, None, getattr(link.client, method), *arguments)
    link.shake()
    link.client.close()
    for method, arguments in (("unwrap", ()), ("shutdown", (0,))):
        raises_os_error(EBADF, None, getattr(link.client, method), *arguments)


@case
def after_a_failure():
    link = established()
    link.near.inbox.extend(b"this is not a record of TLS")
    failed = raises(OSError, link.client.read, 1)
    equal(raises(OSError, link.client.unwrap).errno, failed.errno)
    equal(raises(OSError, link.client.shutdown, 1).errno, failed.errno)


@case
def misuse():
    link = established()
    for how in (-1, 3, 77):
        raises(ValueError, link.client.shutdown, how)
    raises(TypeError, link.client.shutdown)
    raises(TypeError, link.client.shutdown, None)
    raises(TypeError, link.client.unwrap, 1)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def shutdown_for_writing():
    link = patient()
    same(link.client.shutdown(1), None)
    same(link.client.shutdown(1), None)
    e = raises_os_error(EPIPE, None, link.client.write, b"x")
    contains(e.detail, "shut down")
    equal(link.server.read(), b"")
    # The other direction goes on.
    equal(transfer(link.server, link.client, noise(20000)), noise(20000))
    equal(link.near.closed, 0)
    link.server.close()
    equal(link.client.read(), b"")
    same(link.client.truncated, False)


@case
def shutdown_for_reading():
    link = patient()
    link.server.write(b"never heard")
    same(link.client.shutdown(0), None)
    for _ in range(2):
        equal(link.client.read(), b"")
        equal(link.client.recv(5), b"")
        equal(link.client.readinto(bytearray(5)), 0)
    equal(poll(link.client, POLLIN), POLLIN)
    equal(transfer(link.client, link.server, noise(20000)), noise(20000))


@case
def shutdown_of_both():
    link = patient()
    same(link.client.shutdown(2), None)
    equal(link.client.read(), b"")
    raises_os_error(EPIPE, None, link.client.write, b"x")
    equal(link.server.read(), b"")
    same(link.server.unwrap(), link.far)
    # What the peer says is read for this.
    same(link.client.unwrap(), link.near)


# A stream that closes the connection, or unwraps it, while it is being unwrapped.
@each("close", "unwrap", "shutdown")
def from_inside(name):
    link = established()
    seen = []

    def interfere():
        link.near.when_empty = None
        try:
            getattr(link.client, name)(*((1,) if name == "shutdown" else ()))
            seen.append(None)
        except OSError as e:
            seen.append(e.errno)
        link.server.close()

    link.near.when_empty = interfere
    if name == "close":
        raises_os_error(EBADF, None, link.client.unwrap)
    else:
        same(link.client.unwrap(), link.near)
    equal(seen, [None] if name == "close" else [EBUSY])
    equal(link.near.closed, 1 if name == "close" else 0)


run()
