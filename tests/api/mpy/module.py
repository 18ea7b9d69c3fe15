# What the modules `ssl` and `tls` hold.

import os
import ssl
import sys
import tls

from pipes import End
from testing import case, each, equal, raises, run, same, true


@each(
    ("PROTOCOL_TLS_CLIENT", 0), ("PROTOCOL_TLS_SERVER", 1), ("PROTOCOL_DTLS_CLIENT", 2), ("PROTOCOL_DTLS_SERVER", 3),
    ("CERT_NONE", 0), ("CERT_OPTIONAL", 1), ("CERT_REQUIRED", 2))
def constants(name, value):
    equal(getattr(ssl, name), value)
    equal(getattr(tls, name), value)


@case
def versions():
    equal(ssl.TLSVersion.TLSv1_2, 0x0303)
    equal(ssl.TLSVersion.TLSv1_3, 0x0304)
    same(tls.TLSVersion, ssl.TLSVersion)


@case
def engine():
    true(ssl.ENGINE in ("openssl", "mbedtls"))
    equal(ssl.ENGINE, EXPECTED_ENGINE)
    equal(tls.ENGINE, ssl.ENGINE)


@case
def version_of_the_library_is_there_under_its_own_name_only():
    mine, others = ("OPENSSL_VERSION", "MBEDTLS_VERSION")
    prefix = "OpenSSL 3."
    if ssl.ENGINE == "mbedtls":
        mine, others = others, mine
        prefix = "Mbed TLS 3."
    for module in (ssl, tls):
        true(getattr(module, mine).startswith(prefix), getattr(module, mine))
        true(not hasattr(module, others))


@each(
    "HAS_TLSv1_2", "HAS_TLSv1_3", "HAS_DTLS", "HAS_PSK", "HAS_CLIENT", "HAS_SERVER", "HAS_ECDH", "HAS_SNI", "HAS_PEM",
    "HAS_PEER_CERTIFICATE", "HAS_ALPN", "HAS_EXPORTER", "HAS_TLS_UNIQUE")
def features(name):
    # The hosted interpreters have all of them.
    same(getattr(ssl, name), True)
    same(getattr(tls, name), True)


@each("HAS_NEVER_CHECK_COMMON_NAME", "HAS_SSLv2", "HAS_SSLv3", "HAS_TLSv1", "HAS_TLSv1_1")
def features_that_no_build_has(name):
    same(getattr(ssl, name), False)
    same(getattr(tls, name), False)


@case
def version_of_the_module():
    true(isinstance(ssl.__version__, str))
    equal(len(ssl.__version__.split(".")), 3)
    equal(tls.__version__, ssl.__version__)


@case
def names():
    equal(ssl.__name__, "ssl")
    equal(tls.__name__, "tls")
    equal(repr(ssl), "<module 'ssl'>")


@case
def no_exception_type_of_its_own():
    true(not hasattr(ssl, "SSLError"))
    true(not hasattr(tls, "SSLError"))


@case
def no_misspelt_names():
    for name in ("CERT_REQURED", "wrap_sockets", "PROTOCOL_TLS", "TLSVersions", ""):
        true(not hasattr(ssl, name), name)


@case
def modules_cannot_be_written_to():
    def store():
        ssl.CERT_REQUIRED = 0

    raises(AttributeError, store)
    equal(ssl.CERT_REQUIRED, 2)


@case
def both_modules_share_their_types():
    same(tls.SSLSocket, ssl.SSLSocket)
    true(issubclass(tls.SSLContext, ssl.SSLContext))
    equal(str(ssl.SSLContext), "<class 'SSLContext'>")
    equal(str(tls.SSLContext), "<class 'SSLContext'>")


@case
def sockets_are_made_by_wrapping_only():
    raises(TypeError, ssl.SSLSocket)
    raises(TypeError, ssl.SSLSocket, End())


@case
def sockets_cannot_be_subclassed():
    raises(TypeError, type, "Mine", (ssl.SSLSocket,), {})


@case
def importing_again():
    import ssl as first

    for name in ("ssl", "tls"):
        if name in sys.modules:
            del sys.modules[name]
    import ssl as second

    same(second.SSLContext, first.SSLContext)


EXPECTED_ENGINE = os.getenv("ENGINE")

run()
