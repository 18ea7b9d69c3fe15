# CA bundles as arguments: bytes, files, what Python code may change; and damage.

import gc
import os
import ssl

from pipes import Link, content, new_client_context, new_server_context, path, transfer
from testing import case, contains, each, equal, raises, run, true


def bundle_path():
    return path("roots.bundle")


def bundle():
    return content("roots.bundle")


def verifying(cafile=None, cadata=None):
    context = new_client_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile, cadata=cadata)
    return context


def accepted(context, certificate="ec"):
    link = Link(context, new_server_context(certificate))
    equal(transfer(link.client, link.server, b"ping"), b"ping")


def refused(context, certificate="ec"):
    e = Link(context, new_server_context(certificate), handshake=False).collide()[0]
    equal(e.reason, "untrusted")
    return e


@case
def there_are_bundles():
    true(ssl.HAS_BUNDLE)


MAKERS = {
    "cadata": lambda: verifying(cadata=bundle()),
    "file": lambda: verifying(bundle_path()),
    "cafile as bytes": lambda: verifying(bundle()),
    "memoryview": lambda: verifying(cadata=memoryview(bundle())),
    "bytearray": lambda: verifying(cadata=bytearray(bundle())),
}


@each("cadata", "file", "cafile as bytes", "memoryview", "bytearray")
def they_are_taken(kind):
    context = MAKERS[kind]()
    equal(context.cert_store_stats(), {"x509": 2, "x509_ca": 2, "crl": 0})
    accepted(context)
    accepted(context)
    refused(context, "self-signed")


@case
def others_are_added():
    context = verifying(bundle_path())
    refused(context, "self-signed")
    context.load_verify_locations(path("self-signed.pem"))
    accepted(context)
    accepted(context, "self-signed")
    equal(len(context.get_ca_certs(True)), context.cert_store_stats()["x509_ca"])


@case
def certificates_come_out():
    ders = verifying(bundle_path()).get_ca_certs(True)
    equal(sorted(ders), sorted([content("root.der"), content("other-root.der")]))


# A buffer that is written to later was copied, and one that nobody else holds stays.
@case
def buffers_of_others():
    data = bytearray(bundle())
    context = verifying(cadata=data)
    for i in range(len(data)):
        data[i] = 0
    data.extend(bytes(100000))
    del data
    contexts = [verifying(cadata=bundle()) for i in range(3)]
    gc.collect()
    junk = [bytes(5000) for i in range(50)]
    for context in contexts + [context]:
        accepted(context)
    del junk


@case
def a_file_may_go():
    copy = path("tmp-gone-%s.bundle" % ssl.ENGINE)
    with open(copy, "wb") as f:
        f.write(bundle())
    context = verifying(copy)
    os.remove(copy)
    accepted(context)


# An open file whose content changes: what is not what the index says is not trusted.
@case
def a_file_that_changes():
    copy = path("tmp-changes-%s.bundle" % ssl.ENGINE)
    with open(copy, "wb") as f:
        f.write(bundle())
    context = verifying(copy)
    accepted(context)
    with open(copy, "r+b") as f:
        f.seek(60 + 2 * 16)
        f.write(bytes(len(bundle()) - 92))
    contains(refused(context).detail, "in the CA bundle is damaged")
    raises(ValueError, context.get_ca_certs, True)
    with open(copy, "wb") as f:
        f.write(b"")
    refused(context)
    os.remove(copy)


@case
def damage():
    good = bundle()
    for bad in (good[:-1], good + b"\0", good[:60], good[:8], good[:40] + b"\1" + good[41:], good[:50] + b"\1" + good[51:]):
        context = new_client_context()
        e = raises(ValueError, context.load_verify_locations, cadata=bad)
        equal(e.args[0], "invalid cert")
        equal(context.cert_store_stats()["x509"], 0)
    e = raises(ValueError, new_client_context().load_verify_locations, cadata=good[:100])
    contains(e.detail, "100 bytes instead of")


@case
def servers_take_them():
    server = new_server_context("ec")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(bundle_path())
    client = new_client_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    link = Link(client, server)
    equal(transfer(link.client, link.server, b"ping"), b"ping")


run()
