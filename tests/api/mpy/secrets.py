# Keys are in no text that a program might log: errors, what repr() and str() give, statistics.

import io
import ssl
import sys

from pipes import Link, content, new_client_context, new_server_context, path, pin
from testing import case, each, fail, raises, run, true

KEY = b"Rumpelstiltskin-0123456789"
OTHER = b"Rapunzel-0123456789abcdefg"


def traceback(e):
    text = io.StringIO()
    sys.print_exception(e, text)
    return text.getvalue()


def look(*things):
    for thing in things:
        texts = [repr(thing), str(thing)]
        if isinstance(thing, Exception):
            texts.append(traceback(thing))
            texts.extend(str(getattr(thing, name, None)) for name in ("args", "reason", "detail", "alert", "value"))
        for text in texts:
            for secret in (KEY, OTHER, b"open sesame"):
                for part in (secret[:8], secret[-8:]):
                    for form in (part.decode(), part.hex(), part.hex(" ")):
                        if form in text:
                            fail("%r is in %r" % (form, text))


# The test of the test.
@case
def what_is_there_is_found():
    raises(AssertionError, look, ValueError("Rumpelstiltskin"))
    raises(AssertionError, look, KEY.hex())


@each(("1.2", 0x0303), ("1.3", 0x0304))
def pre_shared_keys(name, version):
    for server_key in (KEY, OTHER):
        client, server = pin(version, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        client.psk_identity, client.psk_key = "device", KEY
        server.server_psk_keys = {"device": server_key}
        link = Link(client, server, handshake=False)
        failures = link.collide(30)
        true(any(failures) == (server_key is OTHER), failures)
        look(*(failure for failure in failures if failure is not None))
        look(client, server, link.client, link.server, link.client.stats(), server.session_stats(), link.client.cipher())
        if server_key is KEY:
            look(link.client.session)
    look(raises(ValueError, setattr, client, "psk_key", KEY * 100), raises(TypeError, setattr, client, "psk_key", [KEY]))


@case
def keys_that_are_refused():
    server = new_server_context()
    look(raises(ValueError, server.load_cert_chain, path("ec.pem"), KEY))
    look(raises(ValueError, server.load_cert_chain, path("ec.pem"), b"-----BEGIN PRIVATE KEY-----\n" + KEY))
    for password in ("open sesame", KEY):
        look(raises(ValueError, server.load_cert_chain, path("ec.pem"), path("ec.encrypted.pem"), password))
    look(raises(ValueError, setattr, server, "ticket_keys", [KEY]))
    look(raises(ValueError, ssl.SSLSession.deserialize, KEY))


@case
def own_keys():
    client, server = new_client_context(), new_server_context()
    server.ticket_keys = [(KEY * 3)[:48]]
    link = Link(client, server)
    key = content("ec.sec1.der")[7:39]
    for thing in (client, server, link.client, link.server, link.client.session, link.server.stats()):
        look(thing)
        true(key.hex() not in repr(thing))


run()
