# ssl.wrap_socket(): its arguments, by position and by name, and what is wrong with them.

import io
import ssl
import sys

from pipes import CERTS, End, Link, content, join, nudge, path, transfer
from testing import case, each, equal, raises, run, same, true

CERT = path("ec-chain.pem")
KEY = path("ec.key")


# An unconnected stream: nothing is done with it as long as there is no handshake.
def stream():
    return join(End(), End())[0]


def wrap(*args, **kwargs):
    kwargs.setdefault("do_handshake", False)
    return ssl.wrap_socket(stream(), *args, **kwargs)


# Connects two ends by ssl.wrap_socket() itself and sends a word through.
def connect(client, server):
    near, far = join(End(), End())
    link = object.__new__(Link)
    link.near, link.far = near, far
    link.server = ssl.wrap_socket(far, server_side=True, do_handshake=False, **server)
    link.client = ssl.wrap_socket(near, do_handshake=False, **client)
    link.shake()
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(transfer(link.server, link.client, b"pong"), b"pong")
    return link


@case
def the_simplest_client():
    sock = ssl.wrap_socket(stream(), do_handshake=False)
    true(isinstance(sock, ssl.SSLSocket))
    same(sock.server_side, False)
    same(sock.server_hostname, None)
    equal(sock.context.protocol, ssl.PROTOCOL_TLS_CLIENT)
    equal(sock.context.verify_mode, ssl.CERT_NONE)


@case
def all_arguments_by_position():
    sock = ssl.wrap_socket(
        stream(), True, KEY, CERT, ssl.CERT_OPTIONAL, content("root.pem"), "server.test", False)
    same(sock.server_side, True)
    equal(sock.server_hostname, "server.test")
    equal(sock.context.protocol, ssl.PROTOCOL_TLS_SERVER)
    equal(sock.context.verify_mode, ssl.CERT_OPTIONAL)


@case
def all_arguments_by_name():
    sock = ssl.wrap_socket(
        sock=stream(), server_side=True, keyfile=KEY, certfile=CERT, cert_reqs=ssl.CERT_REQUIRED,
        cadata=content("root.pem"), server_hostname="server.test", do_handshake=False)
    same(sock.server_side, True)
    equal(sock.server_hostname, "server.test")
    equal(sock.context.verify_mode, ssl.CERT_REQUIRED)


@case
def too_many_positions():
    raises(TypeError, ssl.wrap_socket, stream(), False, None, None, 0, None, None, False, None)


@case
def no_stream():
    raises(TypeError, ssl.wrap_socket)


@each("None", "12", "b'data'", "'text'", "object()", "ssl", "ssl.SSLSocket")
def not_a_stream(expression):
    raises(OSError, ssl.wrap_socket, eval(expression), do_handshake=False)


@each("servername", "ciphers", "ca_certs", "do_handshake_on_connect", "ssl_version")
def unknown_keyword(name):
    raises(TypeError, ssl.wrap_socket, stream(), do_handshake=False, **{name: None})


@case
def newer_spelling_of_key_and_cert():
    wrap(server_side=True, key=KEY, cert=CERT)


@each("keyfile", "certfile")
def both_spellings(name):
    arguments = {"key": KEY, "cert": CERT, name: KEY}
    raises(TypeError, wrap, server_side=True, **arguments)


@case
def spellings_may_be_mixed():
    wrap(server_side=True, keyfile=KEY, cert=CERT)
    wrap(server_side=True, key=KEY, certfile=CERT)


@case
def none_stands_for_not_given():
    wrap(False, None, None, ssl.CERT_NONE, None, None, key=None, cert=None)


@case
def key_without_certificate():
    e = raises(TypeError, wrap, keyfile=KEY)
    equal(str(e), "can't convert 'NoneType' object to str implicitly")


@case
def certificate_without_key_takes_the_key_from_it():
    connect({}, {"certfile": path("ec-all.pem")})


@case
def certificate_without_key_anywhere():
    e = raises(ValueError, wrap, server_side=True, certfile=CERT)
    equal(repr(e), "ValueError('invalid key',)")


@case
def bad_key_data():
    e = raises(ValueError, wrap, key=b"!", cert=content("ec.pem"))
    equal(repr(e), "ValueError('invalid key',)")
    equal(str(e), "invalid key")
    equal(e.args, ("invalid key",))
    true(e.detail)
    true(e.reason)


@case
def bad_certificate_data():
    e = raises(ValueError, wrap, key=content("ec.key"), cert=b"!")
    equal(repr(e), "ValueError('invalid cert',)")
    equal(str(e), "invalid cert")
    equal(e.args, ("invalid cert",))
    true(e.detail)
    true(e.reason)


@case
def bad_key_is_found_before_bad_certificate():
    equal(repr(raises(ValueError, wrap, key=b"!", cert=b"!")), "ValueError('invalid key',)")


@case
def bad_certificate_authorities():
    e = raises(ValueError, wrap, cadata=b"!")
    equal(repr(e), "ValueError('invalid cert',)")
    true(e.detail)


@each("keyfile", "certfile")
def missing_file(name):
    arguments = {"keyfile": KEY, "certfile": CERT, name: path("there-is-no-such-file.pem")}
    e = raises(OSError, wrap, server_side=True, **arguments)
    equal((e.args, e.errno, repr(e), str(e)), ((2,), 2, "OSError(2,)", "[Errno 2] ENOENT"))
    equal(e.detail, "the file %s cannot be read" % arguments[name])
    text = io.StringIO()
    sys.print_exception(e, text)
    true(text.getvalue().endswith("OSError: [Errno 2] ENOENT: %s\n" % e.detail), text.getvalue())


@each("keyfile", "certfile", "cadata")
def neither_text_nor_bytes(name):
    arguments = {"keyfile": KEY, "certfile": CERT, name: 12}
    raises(TypeError, wrap, **arguments)


# The folder itself can be opened but not read.
@case
def folder_instead_of_file():
    e = raises(OSError, wrap, server_side=True, keyfile=KEY, certfile=CERTS)
    equal((e.args, e.detail), ((21,), "the file %s cannot be read" % CERTS))


# Trust anchors take another way, since the file may be a bundle.
@each("there-is-no-such-file.pem", "")
def no_file_of_authorities(name):
    e = raises(OSError, ssl.create_default_context, cafile=path(name))
    equal((e.args, e.detail), ((2 if name else 21,), "the file %s cannot be read" % path(name)))


# A key that was left out, and one that has changed places with its certificate.
@each(("forgotten", "ec.pem"), ("swapped", "ec.key", "ec.pem"), ("DER", "ec.der", "ec.der"))
def certificate_in_place_of_the_key(name, certificate, key=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    e = raises(ValueError, context.load_cert_chain, path(certificate), key and path(key))
    equal((e.args, e.detail), (("invalid key",), "there is no private key in it"))


@case
def key_of_another_certificate():
    e = raises(ValueError, wrap, keyfile=path("rsa.key"), certfile=path("ec.pem"))
    equal(e.args, ("invalid key",))
    true(e.detail)


@case
def client_with_certificate_of_its_own():
    link = connect(
        {"keyfile": path("client-ec.key"), "certfile": path("client-ec-chain.pem")},
        {"keyfile": KEY, "certfile": CERT, "cert_reqs": ssl.CERT_REQUIRED, "cadata": content("root.pem")})
    equal(link.server.getpeercert(True), content("client-ec.der"))
    equal(link.client.getpeercert(True), content("ec.der"))


@case
def verified_server():
    link = connect({"cert_reqs": ssl.CERT_REQUIRED, "cadata": content("root.pem"), "server_hostname": "server.test"},
                   {"keyfile": KEY, "certfile": CERT})
    equal(link.client.verify_result, ())


@each("-1", "3", "1000", "-1 << 40", "1 << 40", "1 << 100")
def bad_cert_reqs(expression):
    raises((ValueError, OverflowError), wrap, cert_reqs=eval(expression))


@each("None", "'CERT_NONE'", "1.5", "b'1'")
def cert_reqs_that_is_no_number(expression):
    raises(TypeError, wrap, cert_reqs=eval(expression))


@case
def required_verification_needs_a_name():
    e = raises(ValueError, wrap, cert_reqs=ssl.CERT_REQUIRED, cadata=content("root.pem"))
    equal(e.args, ("CERT_REQUIRED requires server_hostname",))


@case
def required_verification_on_a_server_needs_no_name():
    wrap(server_side=True, keyfile=KEY, certfile=CERT, cert_reqs=ssl.CERT_REQUIRED, cadata=content("root.pem"))


@case
def optional_verification_needs_no_name():
    wrap(cert_reqs=ssl.CERT_OPTIONAL, cadata=content("root.pem"))


@each("''", "'\\0'", "'server.test\\0'", "'server.test\\0.evil.test'", "b''")
def empty_name_or_one_with_nul(expression):
    raises(ValueError, wrap, server_hostname=eval(expression))


@each("12", "['server.test']", "True")
def name_of_another_type(expression):
    raises(TypeError, wrap, server_hostname=eval(expression))


# Longer than a host name can be (RFC 1035 section 2.3.4), and far longer.
@each("256", "70000")
def name_that_is_too_long(length):
    raises((ValueError, OSError), wrap, server_hostname="a" * int(length))


@case
def longest_name():
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    equal(len(name), 253)
    connect({"server_hostname": name}, {"keyfile": KEY, "certfile": CERT})


# Addresses are not sent as SNI (RFC 6066 section 3), and an underscore or a trailing dot is not an error.
@each("127.0.0.1", "::1", "fe80::1", "under_score.test", "server.test.", "localhost", "xn--bcher-kva.test")
def names_that_are_fine(name):
    connect({"server_hostname": name}, {"keyfile": KEY, "certfile": CERT})


@case
def truth_of_flags():
    same(wrap(server_side=1, keyfile=KEY, certfile=CERT).server_side, True)
    same(wrap(server_side="", keyfile=None).server_side, False)
    same(ssl.wrap_socket(stream(), do_handshake=0).version(), None)


@case
def handshake_is_done_by_default():
    near, far = join(End(), End())
    server = ssl.wrap_socket(far, server_side=True, keyfile=KEY, certfile=CERT, do_handshake=False)
    near.when_empty = lambda: nudge(server)
    client = ssl.wrap_socket(near)
    true(client.version() is not None)
    near.when_empty = None
    nudge(server)
    equal(transfer(client, server, b"ping"), b"ping")


@case
def handshake_is_put_off_on_demand():
    near = stream()
    ssl.wrap_socket(near, do_handshake=False)
    equal((near.reads, near.writes, near.polls, near.requests), (0, 0, [], []))


@case
def server_without_certificate_can_be_made():
    near = End()
    link = Link(near=near, handshake=False)
    server = ssl.wrap_socket(link.far, server_side=True, do_handshake=False)
    link.server = server
    client_failure, server_failure = link.collide()
    true(isinstance(server_failure, OSError))
    true(isinstance(client_failure, OSError))


@case
def bytes_io_is_a_stream():
    ssl.wrap_socket(io.BytesIO(), do_handshake=False).close()


@case
def arguments_are_checked_before_the_stream_is_touched():
    near = stream()
    raises(ValueError, ssl.wrap_socket, near, key=b"!", cert=b"!")
    raises(ValueError, ssl.wrap_socket, near, cadata=b"!")
    raises(ValueError, ssl.wrap_socket, near, cert_reqs=7)
    raises(ValueError, ssl.wrap_socket, near, server_hostname="")
    raises(OSError, ssl.wrap_socket, near, cert=path("missing"), key=KEY)
    equal((near.reads, near.writes, near.polls, near.requests), (0, 0, [], []))


run()
