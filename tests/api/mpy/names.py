# Whether the name that was asked for is the name in the certificate (RFC 9525).

import ssl

from pipes import Link, new_client_context, new_server_context, new_verifying_context, nudge
from testing import case, contains, each, equal, raises, run, true

VERIFY_FAILED = (-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED")


def accept(identity, name):
    link = Link(new_verifying_context(), new_server_context(identity), hostname=name)
    equal(link.client.verify_result, ())
    equal(link.client.server_hostname, name)


def refuse(identity, name):
    link = Link(new_verifying_context(), new_server_context(identity), hostname=name, handshake=False)
    failure = link.collide()[0]
    true(isinstance(failure, OSError) and isinstance(failure, ValueError), failure)
    equal(failure.args, VERIFY_FAILED)
    equal(failure.reason, "hostname_mismatch")
    contains(failure.detail, "asked for")
    contains(failure.detail, name)
    equal(link.client.version(), None)
    equal(link.client.verify_result, ())


# subjectAltName of "ec": server.test, localhost, *.wild.test, 127.0.0.1 and ::1
@each("server.test", "SERVER.test", "Server.Test", "server.test.", "localhost", "a.wild.test", "A.WILD.TEST",
      "xn--bcher-kva.wild.test", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1")
def name_of_the_certificate(name):
    accept("ec", name)


@each("wrong.test", "server", "server.tes", "server.testx", "xserver.test", "www.server.test", "test", "wild.test",
      "a.b.wild.test", "*.test", "127.0.0.2", "127.0.0.10", "::2", "::ffff:127.0.0.1")
def other_name(name):
    refuse("ec", name)


@each("'.server.test'", "'server.test..'", "'server..test'", "'.'", "'..'", "'server test'", "'server.test\\n'",
      "'s\\xfcrver.test'", "'\\x7f'")
def impossible_name(expression):
    name = eval(expression)
    e = raises((OSError, ValueError), Link, new_verifying_context(), hostname=name, handshake=False)
    true(isinstance(e, ValueError) or e.detail)


# An address is never looked for among host names, nor a host name among addresses.
@each("server.test", "127.0.0.1.wild.test", "localhost")
def host_name_where_only_addresses_are(name):
    refuse("ip-only", name)


@each("127.0.0.1", "::1")
def address(address):
    accept("ip-only", address)


@each("10.0.0.1", "::2", "127.0.0.0")
def other_address(address):
    refuse("ip-only", address)


@case
def subject_alternative_name_decides_over_common_name():
    refuse("san-other", "server.test")
    accept("san-other", "other.test")


# RFC 9525 section 2 would rather not, but certificates of devices are often like that.
@case
def common_name_counts_if_there_is_nothing_else():
    accept("cn-only", "cnonly.test")
    accept("cn-only", "CNONLY.test")
    refuse("cn-only", "server.test")
    refuse("cn-only", "www.cnonly.test")


@case
def detail_names_both():
    link = Link(new_verifying_context(), new_server_context("wrong-name"), handshake=False)
    failure = link.collide()[0]
    equal(failure.detail, "certificate is for wrong.test; asked for server.test")


@case
def name_does_not_matter_without_verification():
    Link(new_client_context(), new_server_context("wrong-name"), hostname="server.test")
    Link(new_client_context(), new_server_context("wrong-name"), hostname=None)


@case
def check_can_be_switched_off():
    context = new_verifying_context(check_hostname=False)
    link = Link(context, new_server_context("wrong-name"), hostname="server.test")
    equal(link.client.verify_result, ())


@case
def check_cannot_be_switched_off_afterwards():
    context = new_verifying_context()
    link = Link(context, new_server_context("wrong-name"), handshake=False)
    context.check_hostname = False
    equal(link.collide()[0].reason, "hostname_mismatch")


@case
def optional_verification_tells_of_the_wrong_name():
    context = new_verifying_context(verify_mode=ssl.CERT_NONE)
    context.verify_mode = ssl.CERT_OPTIONAL
    link = Link(context, new_server_context("wrong-name"))
    equal(link.client.verify_result, ("hostname_mismatch",))
    link = Link(context, new_server_context("ec"))
    equal(link.client.verify_result, ())


@case
def optional_verification_without_a_name_checks_the_chain_only():
    context = new_verifying_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    equal(Link(context, new_server_context("wrong-name"), hostname=None).client.verify_result, ())
    equal(Link(context, new_server_context("other-ca"), hostname=None).client.verify_result, ("untrusted",))


# What a client sends, read from the first message: RFC 6066 section 3 wants host names, without the final dot.
@each(("server.test", True), ("server.test.", True), ("localhost", True), ("127.0.0.1", False), ("::1", False),
      ("2001:db8::7", False))
def name_in_the_first_message(name, sent):
    link = Link(hostname=name, handshake=False)
    nudge(link.client)
    hello = bytes(link.far.inbox)
    true(len(hello) > 100)
    bare = name[:-1] if name.endswith(".") else name
    entry = bytes([0, 0, len(bare)]) + bare.encode()
    equal(entry in hello, sent)
    true(bare.encode() + b"." not in hello)


@case
def no_name_in_the_first_message():
    link = Link(hostname=None, handshake=False)
    nudge(link.client)
    # Extension 0 would come with a list length and type 0.
    true(b"server" not in bytes(link.far.inbox))


run()
