# What verification finds, under each verify_mode and in each role, and how it is told.

import io
import ssl
import sys

from pipes import (
    EBADF, End, Link, content, join, new_client_context, new_server_context, new_verifying_context, nudge, path,
    pin, transfer)
from testing import case, contains, each, equal, raises, raises_os_error, run, same, true

VERIFY_FAILED = (-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED")
FATAL_ALERT = (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE")

# identity of the server, reason, part of the detail, alert that the server gets
BAD_SERVERS = (
    ("expired", "expired", "server's certificate expired on 2021-12-31; this device's clock says 20",
     "certificate_expired"),
    ("not-yet", "not_yet_valid", "server's certificate is not valid before 2048-01-01; this device's clock says 20",
     None),
    ("wrong-name", "hostname_mismatch", "certificate is for wrong.test; asked for server.test", "bad_certificate"),
    ("other-ca", "untrusted", "which is not a trust anchor", "unknown_ca"),
    ("self-signed", "untrusted", "server's certificate is self-signed and not among the trust anchors", "unknown_ca"),
    ("not-a-ca", None, "", None),
)


def fail_to_connect(identity, version=0x0304, root="root.pem"):
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=content(root))
    client.verify_mode = ssl.CERT_REQUIRED
    link = Link(*pin(version, client, new_server_context(identity)), handshake=False)
    client_failure, server_failure = link.collide()
    true(isinstance(client_failure, Exception), "client")
    true(isinstance(server_failure, Exception), "server")
    return link, client_failure, server_failure


def find(identity):
    for row in BAD_SERVERS:
        if row[0] == identity:
            return row[1:]


@each("expired", "not-yet", "wrong-name", "other-ca", "self-signed", "not-a-ca")
def bad_server(identity):
    reason, detail, alert = find(identity)
    for version in (0x0303, 0x0304):
        link, failure, server_failure = fail_to_connect(identity, version)
        true(isinstance(failure, OSError), "OSError")
        true(isinstance(failure, ValueError), "ValueError")
        equal(failure.args, VERIFY_FAILED)
        equal(failure.errno, VERIFY_FAILED[0])
        if reason is None:
            true(failure.reason in ("untrusted", "wrong_usage"), failure.reason)
        else:
            equal(failure.reason, reason)
        contains(failure.detail, detail)
        equal(failure.alert_by, "local")
        equal(link.client.verify_result, ())
        # The server hears why.
        equal(server_failure.args, FATAL_ALERT)
        equal(server_failure.reason, "peer_alert")
        equal(server_failure.alert, failure.alert)
        equal(server_failure.alert_by, "peer")
        if alert is not None:
            equal(failure.alert, alert)
        contains(server_failure.detail, "client sent alert " + failure.alert)
        # No data gets through.
        equal(link.client.version(), None)
        equal(link.client.cipher(), None)
        equal(raises(OSError, link.client.write, b"secret").args, VERIFY_FAILED)
        equal(raises(OSError, link.client.read, 1).args, VERIFY_FAILED)


@case
def expired_authority():
    link, failure, server_failure = fail_to_connect("expired-root", root="root-expired.pem")
    equal(failure.args, VERIFY_FAILED)
    equal(failure.reason, "expired")
    contains(failure.detail, "expired on 2021-12-31")


@case
def no_authority_loaded():
    # A server context loads none by itself.
    client = new_client_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    server = new_server_context(verify_mode=ssl.CERT_REQUIRED)
    client_failure, server_failure = Link(client, server, handshake=False).collide()
    equal(server_failure.args, VERIFY_FAILED)
    contains(server_failure.detail, "no trust anchors were loaded")


@case
def authority_is_not_the_issuer():
    link, failure, server_failure = fail_to_connect("ec", root="other-root.pem")
    equal(failure.reason, "untrusted")
    contains(failure.detail, "Test root")


@case
def missing_intermediate():
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path("ec.pem"), path("ec.key"))
    failure = Link(new_verifying_context(), server, handshake=False).collide()[0]
    equal(failure.reason, "untrusted")
    contains(failure.detail, "Test intermediate")


@case
def leaf_itself_among_the_authorities():
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=content("self-signed.pem"))
    client.verify_mode = ssl.CERT_REQUIRED
    equal(Link(client, new_server_context("self-signed")).client.verify_result, ())
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=content("self-signed.pem"))
    client.verify_mode = ssl.CERT_REQUIRED
    true(Link(client, new_server_context("ec"), handshake=False).collide()[0])


@each("expired", "not-yet", "wrong-name", "other-ca", "self-signed", "not-a-ca")
def optional_verification(identity):
    reason = find(identity)[0]
    client = new_verifying_context()
    client.verify_mode = ssl.CERT_OPTIONAL
    link = Link(client, new_server_context(identity))
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    result = link.client.verify_result
    true(isinstance(result, tuple))
    if reason is None:
        true("untrusted" in result or "wrong_usage" in result, result)
    else:
        true(reason in result, result)
    equal(link.client.getpeercert(True), content(identity + ".der"))


@each("expired", "not-yet", "wrong-name", "other-ca", "self-signed", "not-a-ca")
def no_verification(identity):
    link = Link(new_client_context(), new_server_context(identity))
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    equal(link.client.verify_result, ())
    equal(link.client.getpeercert(True), content(identity + ".der"))


def mutual(identity, mode, version=0x0304):
    client = new_client_context()
    if identity is not None:
        client.load_cert_chain(path(identity + "-chain.pem"), path(identity + ".key"))
    server = new_server_context(verify_mode=mode)
    server.load_verify_locations(cadata=content("root.pem"))
    return Link(*pin(version, client, server), handshake=False)


@each(("TLSv1.2", 0x0303), ("TLSv1.3", 0x0304))
def good_client(name, version):
    for identity in ("client-ec", "client-rsa"):
        for mode in (ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED):
            link = mutual(identity, mode, version).shake()
            equal(link.server.getpeercert(True), content(identity + ".der"))
            equal(link.server.verify_result, ())
            equal(transfer(link.client, link.server, b"ping"), b"ping")


@each(("client-expired", "expired", "client's certificate expired on 2021-12-31"),
      ("client-other", "untrusted", "is not a trust anchor"),
      ("ec", "wrong_usage", "client: certificate is not meant for this use"),
      ("self-signed", "untrusted", "client's certificate is self-signed"))
def bad_client(identity, reason, detail):
    for version in (0x0303, 0x0304):
        client_failure, failure = mutual(identity, ssl.CERT_REQUIRED, version).collide()
        true(isinstance(failure, OSError) and isinstance(failure, ValueError))
        equal(failure.args, VERIFY_FAILED)
        equal(failure.reason, reason)
        contains(failure.detail, detail)
        equal(failure.alert_by, "local")
        equal(client_failure.args, FATAL_ALERT)
        equal(client_failure.alert_by, "peer")
        equal(client_failure.alert, failure.alert)
        contains(client_failure.detail, "server sent alert ")


@each(("client-expired", "expired"), ("client-other", "untrusted"), ("ec", "wrong_usage"))
def bad_client_under_optional_verification(identity, reason):
    link = mutual(identity, ssl.CERT_OPTIONAL).shake()
    true(reason in link.server.verify_result, link.server.verify_result)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def client_is_not_asked_without_verification():
    link = mutual("client-ec", ssl.CERT_NONE).shake()
    same(link.server.getpeercert(True), None)
    equal(link.server.verify_result, ())


@each(("TLSv1.2", 0x0303, "handshake_failure"), ("TLSv1.3", 0x0304, "certificate_required"))
def client_without_certificate(name, version, alert):
    link = mutual(None, ssl.CERT_REQUIRED, version)
    client_failure, failure = link.collide()
    equal(link.server.verify_result, ())
    equal(failure.args, (-29824, "MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE"))
    equal(failure.reason, "no_client_certificate")
    equal(failure.alert_by, "local")
    true(failure.detail)
    equal(client_failure.args, FATAL_ALERT)
    equal(client_failure.alert_by, "peer")
    equal(client_failure.alert, failure.alert)
    equal(failure.alert, alert)


@case
def client_without_certificate_under_optional_verification():
    for version in (0x0303, 0x0304):
        link = mutual(None, ssl.CERT_OPTIONAL, version).shake()
        equal(link.server.verify_result, ("missing",))
        same(link.server.getpeercert(True), None)
        equal(transfer(link.client, link.server, b"ping"), b"ping")


@case
def wrap_socket_itself_raises_it():
    near, far = join(End(), End())
    server = new_server_context("expired").wrap_socket(far, do_handshake_on_connect=False)
    near.when_empty = lambda: nudge(server)
    failure = raises(OSError, new_verifying_context().wrap_socket, near, server_hostname="server.test")
    equal(failure.args, VERIFY_FAILED)
    true(isinstance(failure, ValueError))


# Programs that were written for the built-in module look at str(); a person sees the detail in the traceback.
@each(("expired", "The certificate validity has expired", "certificate has expired"),
      ("other-ca", "The certificate is not correctly signed by the trusted CA", "unable to get local issuer"),
      ("wrong-name", "The certificate Common Name (CN) does not match with the expected CN", "hostname mismatch"))
def text_is_that_of_the_library(identity, mbedtls, openssl):
    failure = fail_to_connect(identity)[1]
    contains(str(failure), mbedtls if ssl.ENGINE == "mbedtls" else openssl)
    text = io.StringIO()
    sys.print_exception(failure, text)
    contains(text.getvalue(), failure.detail)


# Mbed TLS servers do not show a certificate that is not theirs to show.
@case
def server_with_a_certificate_for_clients():
    link, failure, server_failure = fail_to_connect("wrong-usage")
    if ssl.ENGINE == "mbedtls":
        equal(server_failure.args, (-28160, "MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE"))
        equal(failure.args, FATAL_ALERT)
    else:
        equal(failure.args, VERIFY_FAILED)
        equal(failure.reason, "wrong_usage")
        contains(failure.detail, "server: certificate is not meant for this use")


# OpenSSL does not even load such a key.
@case
def server_with_a_weak_key():
    if ssl.ENGINE == "openssl":
        e = raises(ValueError, new_server_context, "weak")
        equal(e.args, ("invalid key",))
        contains(e.detail, "too small")
    else:
        link, failure, server_failure = fail_to_connect("weak", ssl.TLSVersion.TLSv1_2)
        equal(failure.args, VERIFY_FAILED)
        equal(failure.reason, "weak")
        contains(failure.detail, "too weak")


@case
def failed_verification_is_remembered_after_close():
    link, failure, server_failure = fail_to_connect("expired")
    link.close()
    equal(link.near.closed, 1)
    raises_os_error(EBADF, None, link.client.read, 1)
    equal(link.client.verify_result, ())
    # The exception lives on by itself.
    contains(failure.detail, "expired on 2021-12-31")


run()
