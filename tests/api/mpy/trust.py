# Certificates as dicts, what a context trusts, and what programs written for CPython ask the module for.

import os
import ssl

from pipes import EBADF, End, Link, content, new_client_context, new_psk_contexts, new_server_context
from pipes import new_verifying_context, path
from testing import case, contains, each, equal, raises, raises_os_error, run, same, true

ROOT_SUBJECT = ((("commonName", "Test root"),),)


# ----------------------------------------------------------------------------------------------------------------------
# getpeercert()


@case
def dict_of_a_verified_peer():
    client = Link(new_verifying_context()).client
    certificate = client.getpeercert()
    equal(certificate["version"], 3)
    equal(certificate["notBefore"], "Jan  1 00:00:00 2024 GMT")
    equal(certificate["notAfter"], "Dec 31 23:59:59 2049 GMT")
    true(("DNS", "server.test") in certificate["subjectAltName"])
    true(("IP Address", "127.0.0.1") in certificate["subjectAltName"])
    true(("IP Address", "0:0:0:0:0:0:0:1") in certificate["subjectAltName"])
    equal(client.getpeercert(False), certificate)
    equal(client.getpeercert(binary_form=False), certificate)
    equal(client.getpeercert(binary_form=True), content("ec.der"))
    equal(ssl._decode_certificate(content("ec.der")), certificate)


@case
def dict_is_empty_if_nobody_validated():
    client = Link(new_client_context()).client
    equal(client.getpeercert(), {})
    equal(client.getpeercert(True), content("ec.der"))


@each(("expired", "expired"), ("of a stranger", "other-ca"), ("for another name", "wrong-name"), ("good", "ec"))
def dict_of_an_optional_peer(_, identity):
    context = new_verifying_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    client = Link(context, new_server_context(identity)).client
    # Whoever was only looked at must not be taken for whoever was found good.
    equal(client.getpeercert() != {}, identity == "ec")
    equal(client.getpeercert(True), content(identity + ".der"))


@case
def dict_of_a_client():
    server = new_server_context()
    server.load_verify_locations(path("root.pem"))
    server.verify_mode = ssl.CERT_REQUIRED
    client = new_client_context()
    client.load_cert_chain(path("client-ec-chain.pem"), path("client-ec.key"))
    link = Link(client, server)
    equal(link.server.getpeercert()["subject"], ((("commonName", "Test client EC"),),))
    equal(link.server.getpeercertchain(), [content("client-ec.der"), content("inter.der")])


@case
def no_certificate_no_dict():
    link = Link(*new_psk_contexts())
    same(link.client.getpeercert(), None)
    same(link.server.getpeercert(), None)
    equal(link.client.getpeercertchain(), [])
    link = Link(new_verifying_context(), handshake=False)
    same(link.client.getpeercert(), None)
    equal(link.client.getpeercertchain(), [])
    link.shake()
    same(link.server.getpeercert(), None)
    link.close()
    same(link.client.getpeercert(), None)
    equal(link.client.getpeercertchain(), [])


@case
def chain_of_the_peer():
    client = Link(new_client_context()).client
    equal(client.getpeercertchain(), [content("ec.der"), content("inter.der")])
    raises(TypeError, client.getpeercertchain, 1)


@each(("empty", b""), ("text", b"hello"), ("cut", "ec.der"), ("no DER", b"\x30\x80\x00\x00"))
def what_is_no_certificate(_, data):
    if isinstance(data, str):
        data = content(data)[:-1]
    equal(raises(ValueError, ssl._decode_certificate, data).args, ("invalid cert",))


@case
def decoding_wants_bytes():
    raises(TypeError, ssl._decode_certificate, None)
    raises(TypeError, ssl._decode_certificate, 1)
    equal(ssl._decode_certificate(bytearray(content("root.der")))["subject"], ROOT_SUBJECT)
    equal(ssl._decode_certificate(memoryview(content("root.der")))["subject"], ROOT_SUBJECT)


# ----------------------------------------------------------------------------------------------------------------------
# What a context trusts


@case
def trust_anchors_are_told():
    context = new_client_context()
    equal(context.get_ca_certs(), [])
    equal(context.cert_store_stats(), {"x509": 0, "x509_ca": 0, "crl": 0})
    context.load_verify_locations(path("roots.pem"))
    equal(context.cert_store_stats(), {"x509": 2, "x509_ca": 2, "crl": 0})
    equal(set(context.get_ca_certs(True)), {content("root.der"), content("root-rsa.der")})
    true(ROOT_SUBJECT in [certificate["subject"] for certificate in context.get_ca_certs(binary_form=False)])
    context.load_verify_locations(path("crls.pem"))
    equal(context.cert_store_stats(), {"x509": 2, "x509_ca": 2, "crl": 2})
    context.load_verify_locations(path("self-signed.pem"))
    equal(context.cert_store_stats()["x509"], 3)


@case
def leaves_are_no_authorities():
    context = new_client_context()
    context.load_verify_locations(path("ec.pem"))
    equal(context.cert_store_stats(), {"x509": 1, "x509_ca": 0, "crl": 0})
    equal(context.get_ca_certs(), [])
    equal(context.get_ca_certs(True), [])


@case
def asked_for_while_connecting():
    context = new_verifying_context()
    seen = []

    def look(der, depth):
        seen.append((context.cert_store_stats()["x509"], len(context.get_ca_certs(True))))
        return 0

    context.verify_callback = look
    Link(context)
    equal(seen, [(1, 1)] * len(seen))
    true(seen)


@case
def asked_for_after_the_end():
    context = new_verifying_context()
    context.__del__()
    raises_os_error(EBADF, None, context.get_ca_certs)
    raises_os_error(EBADF, None, context.cert_store_stats)


@case
def locations_by_position():
    context = new_client_context()
    context.load_verify_locations(None, None, content("root.pem"))
    equal(context.cert_store_stats()["x509"], 1)
    context.load_verify_locations(path("root-rsa.pem"), None, content("other-root.pem"))
    equal(context.cert_store_stats()["x509"], 3)
    raises(TypeError, context.load_verify_locations)
    raises(TypeError, context.load_verify_locations, None, None, None)


# A folder with these files, whose names have "__" for the dot.
class Folder:
    def __init__(self, **files):
        self.name = "/tmp/micropython-ssl-test-" + os.urandom(8).hex()
        os.mkdir(self.name)
        self.files = []
        for name, data in files.items():
            self.add(name.replace("__", "."), data)

    def add(self, name, data):
        with open(self.name + "/" + name, "wb") as file:
            file.write(data)
        self.files.append(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in self.files:
            os.unlink(self.name + "/" + name)
        os.rmdir(self.name)


@case
def folders():
    with Folder(root__pem=content("root.pem"), b__CRT=content("root-rsa.der"), list__crl=content("inter-crl.pem"),
                README__txt=content("other-root.pem"), broken__pem=b"rubbish", empty__pem=b"") as folder:
        folder.add("0123abcd.0", content("other-root.pem"))
        folder.add("0123abcd.r0", content("root-crl.pem"))
        os.mkdir(folder.name + "/folder.pem")
        context = new_client_context()
        try:
            context.load_verify_locations(capath=folder.name)
        finally:
            os.rmdir(folder.name + "/folder.pem")
        equal(context.cert_store_stats(), {"x509": 3, "x509_ca": 3, "crl": 2})
        context.verify_mode = ssl.CERT_REQUIRED
        true(Link(context).client.getpeercert())


@each(("empty", None), ("no names of certificates", "README"), ("names only", "a.pem"))
def folders_without_certificates(_, name):
    with Folder() as folder:
        if name is not None:
            folder.add(name, b"rubbish")
        context = new_client_context()
        e = raises(ValueError, context.load_verify_locations, capath=folder.name)
        equal(e.args, ("invalid cert",))
        contains(e.detail, "no certificate in the folder")
        equal(context.cert_store_stats()["x509"], 0)


@case
def folders_that_are_none():
    context = new_client_context()
    raises(OSError, context.load_verify_locations, capath="/nonexistent/folder")
    equal(raises(OSError, context.load_verify_locations, capath="").errno, 2)
    raises(TypeError, context.load_verify_locations, capath=1)


# ----------------------------------------------------------------------------------------------------------------------
# create_default_context()


@case
def default_context_of_a_client():
    context = ssl.create_default_context()
    equal(type(context), ssl.SSLContext)
    equal(context.protocol, ssl.PROTOCOL_TLS_CLIENT)
    equal(context.verify_mode, ssl.CERT_REQUIRED)
    equal(context.check_hostname, True)
    # The tests' environment says that the root is what the machine trusts.
    equal(context.get_ca_certs(True), [content("root.der")])
    true(Link(context).client.getpeercert())


@case
def default_context_refuses():
    for identity in ("wrong-name", "expired", "other-ca", "self-signed"):
        failure = Link(ssl.create_default_context(), new_server_context(identity), handshake=False).collide()[0]
        equal(failure.args, (-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"), identity)


@each("cafile", "cadata", "cadata as text")
def default_context_with_anchors(how):
    if how == "cafile":
        context = ssl.create_default_context(cafile=path("other-root.pem"))
    else:
        data = content("other-root.pem")
        context = ssl.create_default_context(cadata=data.decode() if "text" in how else data)
    # These and no others.
    equal(context.get_ca_certs(True), [content("other-root.der")])
    equal(context.verify_mode, ssl.CERT_REQUIRED)
    true(Link(context, new_server_context("other-ca")).client.getpeercert())


@case
def default_context_with_a_folder():
    with Folder(a__pem=content("root.pem")) as folder:
        equal(ssl.create_default_context(capath=folder.name).cert_store_stats()["x509"], 1)


@case
def default_context_of_a_server():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    equal(context.protocol, ssl.PROTOCOL_TLS_SERVER)
    equal(context.verify_mode, ssl.CERT_NONE)
    # The machine's authorities vouch for servers; that they know a client says nothing.
    equal(context.get_ca_certs(), [])
    context = ssl.create_default_context(purpose=ssl.Purpose.CLIENT_AUTH, cafile=path("root.pem"))
    equal(context.cert_store_stats()["x509"], 1)


@case
def default_context_misused():
    raises(ValueError, ssl.create_default_context, 2)
    raises(TypeError, ssl.create_default_context, "server")
    raises(TypeError, ssl.create_default_context, ssl.Purpose.SERVER_AUTH, path("root.pem"))
    raises(OSError, ssl.create_default_context, cafile=path("nothing-here.pem"))
    raises(ValueError, ssl.create_default_context, cadata=b"rubbish")
    raises(AttributeError, lambda: ssl.Purpose.OTHER)


@case
def load_default_certs():
    context = new_client_context()
    context.load_default_certs()
    context.load_default_certs()
    equal(context.get_ca_certs(True), [content("root.der")])


@case
def load_default_certs_between_handshakes():
    # What is asked for cannot be had while a connection of the context is at work, so it is had afterwards.
    class Wrapping(End):
        def write(self, buf):
            ssl.SSLContext.wrap_socket(context, End(), server_hostname="server.test", do_handshake_on_connect=False)
            return super().write(buf)

    context = new_client_context(verify_mode=ssl.CERT_REQUIRED)
    context.load_verify_locations(path("other-root.pem"))
    link = Link(context, near=Wrapping(), handshake=False)
    context.load_default_certs()
    equal(link.collide()[0].args[0], -9984)
    true(Link(context).client.getpeercert())


# ----------------------------------------------------------------------------------------------------------------------
# PEM and DER


@each("root", "ec", "rsa")
def pem_and_der(name):
    der = content(name + ".der")
    pem = ssl.DER_cert_to_PEM_cert(der)
    equal(pem, content(name + ".pem").decode())
    equal(ssl.DER_cert_to_PEM_cert(memoryview(der)), pem)
    equal(ssl.PEM_cert_to_DER_cert(pem), der)
    equal(ssl.PEM_cert_to_DER_cert(pem + " \n\n"), der)
    equal(ssl.PEM_cert_to_DER_cert(pem.replace("\n", "\r\n")), der)


@case
def lengths_of_pem():
    for size in range(100):
        der = bytes(range(size))
        pem = ssl.DER_cert_to_PEM_cert(der)
        true(max(len(line) for line in pem.split("\n")) <= 64)
        equal(ssl.PEM_cert_to_DER_cert(pem), der)


@case
def pem_that_is_none():
    head, foot = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    for text in ("", head, foot, head + "AAAA", "AAAA" + foot, "x" + head + foot, head + "A" + foot, head + "AA=" + foot,
                 head + "A===" + foot, head + "AA==AA==" + foot, head + "AA\0A" + foot, head + "AAA\xe4" + foot,
                 head + "====" + foot, head + foot + "x"):
        e = raises(ValueError, ssl.PEM_cert_to_DER_cert, text)
        equal(e.args, ("invalid PEM",), text)
    raises(TypeError, ssl.PEM_cert_to_DER_cert, None)
    raises(TypeError, ssl.PEM_cert_to_DER_cert, 1)


@case
def der_is_bytes():
    for wrong in ("text", None, 1, [1]):
        raises(TypeError, ssl.DER_cert_to_PEM_cert, wrong)


# ----------------------------------------------------------------------------------------------------------------------
# get_default_verify_paths(), get_server_certificate()


@case
def where_the_default_anchors_are():
    paths = ssl.get_default_verify_paths()
    equal(paths.cafile, path("root.pem"))
    same(paths.capath, None)
    equal(paths.openssl_cafile_env, "SSL_CERT_FILE")
    true(paths.openssl_cafile)
    equal(paths.openssl_capath_env, "SSL_CERT_DIR")
    same(paths.openssl_capath, None)
    equal(paths[0], paths.cafile)
    equal(len(paths), 6)


@case
def certificate_of_what():
    for wrong in (None, 1, (), ("127.0.0.1",), ("127.0.0.1", 1, 2)):
        raises((TypeError, ValueError), ssl.get_server_certificate, wrong)
    raises(TypeError, ssl.get_server_certificate)
    raises(ValueError, ssl.get_server_certificate, ("127.0.0.1", 1), 1)
    raises(OSError, ssl.get_server_certificate, ("127.0.0.1", 1), ca_certs=path("nothing-here.pem"))


run()
