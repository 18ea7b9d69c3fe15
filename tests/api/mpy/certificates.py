# The ways to write certificates and keys down: files and data, PEM and DER, key formats, chains, several authorities.

import ssl

from pipes import Link, content, new_server_context, new_verifying_context, noise, path, transfer
from testing import case, each, equal, raises, run, true

PASSWORD = "secret"


# Whether a server with this identity can be talked to by a client that verifies it.
def serve(certfile, keyfile=None, password=None, roots="root.pem"):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certfile, keyfile, password)
    verify(server, roots)
    return server


def verify(server, roots="root.pem"):
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=content(roots))
    client.verify_mode = ssl.CERT_REQUIRED
    link = Link(client, server)
    equal(transfer(link.client, link.server, b"ping"), b"ping")
    return link


def refuse(argument, certfile, keyfile=None, password=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    e = raises(ValueError, context.load_cert_chain, certfile, keyfile, password)
    equal(e.args, ("invalid " + argument,))
    true(e.detail, "detail")
    return e


@each("str", "bytes", "bytearray", "memoryview", "part of a memoryview", "path")
def kinds_of_arguments(kind):
    def convert(name):
        data = content(name)
        if kind == "str":
            return data.decode()
        if kind == "bytearray":
            return bytearray(data)
        if kind == "memoryview":
            return memoryview(data)
        if kind == "part of a memoryview":
            return memoryview(b"rubbish" + data + b"rubbish")[7:-7]
        return path(name) if kind == "path" else data

    serve(convert("ec-chain.pem"), convert("ec.key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=convert("root.pem"))


@each(
    "ec.key", "ec.sec1.pem", "ec.sec1.der", "ec.pkcs8.pem", "ec.pkcs8.der",
    "rsa.key", "rsa.pkcs1.pem", "rsa.pkcs1.der", "rsa.pkcs8.pem", "rsa.pkcs8.der")
def key_formats(name):
    chain = name.split(".")[0] + "-chain.pem"
    serve(path(chain), path(name))
    serve(content(chain), content(name))


@each("ec.encrypted.pem", "ec.encrypted.der", "rsa.encrypted.pem", "rsa.encrypted.der")
def encrypted_keys(name):
    chain = path(name.split(".")[0] + "-chain.pem")
    serve(chain, path(name), PASSWORD)
    serve(chain, content(name), PASSWORD.encode())
    refuse("key", chain, path(name), "wrong")
    refuse("key", chain, path(name), "")
    refuse("key", chain, path(name))


@case
def password_for_a_key_that_needs_none():
    serve(path("ec-chain.pem"), path("ec.key"), PASSWORD)


@case
def password_with_nul():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    raises(ValueError, context.load_cert_chain, path("ec-chain.pem"), path("ec.encrypted.pem"), "secret\0")


@each("12", "['secret']", "lambda: 'secret'")
def password_of_another_type(expression):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    raises(TypeError, context.load_cert_chain, path("ec-chain.pem"), path("ec.encrypted.pem"), eval(expression))


@each("ec-all.pem", "rsa-all.pem")
def key_and_chain_in_one_file(name):
    serve(path(name))
    serve(content(name))
    serve(content(name).decode())
    serve(path(name), path(name))


@each("ec-chain.pem", "ec-chain.der", "rsa-chain.pem", "rsa-chain.der")
def chains(name):
    key = path(name.split("-")[0] + ".key")
    serve(path(name), key)
    serve(content(name), key)


@each("ec.pem", "ec.der")
def leaf_without_its_issuer(name):
    # The client has the intermediate among its anchors, else it could not verify it.
    serve(path(name), path("ec.key"), roots="inter.pem")


@each("p384", "rsa-only")
def other_kinds_of_keys(name):
    serve(path(name + "-chain.pem"), path(name + ".key"), roots="roots.pem")


@case
def text_around_pem():
    comment = b"subject=server\n   issuer=none of your business\n\n"
    serve(comment + content("ec-chain.pem") + comment, comment + content("ec.key") + comment)
    serve(comment + content("ec-all.pem"))


@case
def pem_with_crlf():
    serve(content("ec-chain.pem").replace(b"\n", b"\r\n"), content("ec.key").replace(b"\n", b"\r\n"))


@case
def pem_without_last_newline():
    serve(content("ec-chain.pem")[:-1], content("ec.key")[:-1])


@case
def pem_with_terminating_nul():
    # What programs had to write for the built-in module of some ports.
    serve(content("ec-chain.pem") + b"\0", content("ec.key") + b"\0")


@each("nothing", "one byte", "zeros", "text", "empty pem", "half pem", "bad base64", "half der", "key", "long rubbish")
def unusable_certificates(kind):
    data = {
        "nothing": b"",
        "one byte": b"\x30",
        "zeros": bytes(1000),
        "text": b"this is not a certificate",
        "empty pem": b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "half pem": content("ec.pem")[:300],
        "bad base64": content("ec.pem").replace(b"MII", b"M*I"),
        "half der": content("ec.der")[:200],
        "key": content("ec.key"),
        "long rubbish": noise(20000),
    }[kind]
    refuse("cert", data, content("ec.key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    e = raises(ValueError, context.load_verify_locations, cadata=data)
    equal(e.args, ("invalid cert",))
    true(e.detail, "detail")


@each("nothing", "one byte", "zeros", "text", "empty pem", "half pem", "bad base64", "half der", "certificate",
      "public key", "long rubbish")
def unusable_keys(kind):
    data = {
        "nothing": b"",
        "one byte": b"\x30",
        "zeros": bytes(1000),
        "text": b"this is not a key",
        "empty pem": b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "half pem": content("ec.key")[:100],
        "bad base64": content("ec.key").replace(b"MIG", b"M*G"),
        "half der": content("ec.sec1.der")[:60],
        "certificate": content("ec.pem"),
        "public key": b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n",
        "long rubbish": noise(20000),
    }[kind]
    refuse("key", content("ec-chain.pem"), data)


# A certificate somewhere in the middle that cannot be read must not be dropped in silence.
@each("pem", "der")
def bad_certificate_inside_a_chain(form):
    good = content("ec." + form)
    bad = {"pem": content("inter.pem").replace(b"MII", b"MIA"), "der": content("inter.der")[:-10]}[form]
    refuse("cert", good + bad, content("ec.key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    raises(ValueError, context.load_verify_locations, cadata=good + bad)


@each("rsa.key", "client-ec.key")
def key_that_does_not_belong_to_the_certificate(name):
    refuse("key", path("ec-chain.pem"), path(name))


@each("pem", "der")
def several_authorities(form):
    # "ec" needs the first and "rsa-only" the second.
    serve(path("ec-chain.pem"), path("ec.key"), roots="roots." + form)
    serve(path("rsa-only.pem"), path("rsa-only.key"), roots="roots." + form)


@case
def authorities_add_up():
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=content("root.pem"))
    client.load_verify_locations(cadata=content("root-rsa.der"))
    client.verify_mode = ssl.CERT_REQUIRED
    Link(client, new_server_context("ec"))
    Link(client, new_server_context("rsa-only"))


@case
def same_authority_twice():
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for _ in range(3):
        client.load_verify_locations(cadata=content("root.pem") + content("root.pem"))
    client.verify_mode = ssl.CERT_REQUIRED
    Link(client, new_server_context("ec"))


@case
def failed_load_changes_nothing():
    server = new_server_context("ec")
    raises(ValueError, server.load_cert_chain, path("rsa-chain.pem"), path("ec.key"))
    raises(ValueError, server.load_cert_chain, b"!", path("ec.key"))
    raises(ValueError, server.load_cert_chain, path("ec-chain.pem"), b"!")
    equal(verify(server).client.getpeercert(True), content("ec.der"))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=content("root.pem"))
    # The first of the two can be read.
    raises(ValueError, client.load_verify_locations, cadata=content("other-root.der") + b"rubbish")
    client.verify_mode = ssl.CERT_REQUIRED
    Link(client, new_server_context("ec"))
    true(Link(client, new_server_context("other-ca"), handshake=False).collide()[0])


@case
def second_certificate_with_the_same_kind_of_key_replaces_the_first():
    server = new_server_context("ec")
    server.load_cert_chain(path("wrong-name-chain.pem"), path("wrong-name.key"))
    equal(Link(server_context=server).client.getpeercert(True), content("wrong-name.der"))


@case
def two_kinds_of_keys_side_by_side():
    server = new_server_context("ec")
    server.load_cert_chain(path("rsa-chain.pem"), path("rsa.key"))
    for suite, name in (("TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "ec"), ("TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256",
                                                                            "rsa")):
        client = new_verifying_context()
        client.set_ciphers([suite])
        link = Link(client, server)
        equal(link.client.getpeercert(True), content(name + ".der"))
        equal(link.client.cipher()[0], suite)


@case
def argument_names():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile=path("ec-chain.pem"), keyfile=path("ec.encrypted.pem"), password=PASSWORD)
    verify(context)
    raises(TypeError, context.load_cert_chain)
    raises(TypeError, context.load_cert_chain, path("ec-chain.pem"), key=path("ec.key"))
    raises(TypeError, context.load_cert_chain, path("ec-chain.pem"), path("ec.key"), None, None)
    raises(TypeError, context.load_cert_chain, None)


@case
def verify_locations_arguments():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    raises(TypeError, context.load_verify_locations)
    raises(TypeError, context.load_verify_locations, None)
    raises(TypeError, context.load_verify_locations, cafile=12)
    raises(TypeError, context.load_verify_locations, cadata=12)
    raises(TypeError, context.load_verify_locations, wrong=path("root.pem"))
    equal(raises(OSError, context.load_verify_locations, path("missing.pem")).errno, 2)
    equal(raises(OSError, context.load_verify_locations, cafile=path("missing.pem")).errno, 2)


@each("cafile by position", "cafile", "cadata", "cadata as text", "bytes by position")
def ways_to_load_authorities(way):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if way == "cafile by position":
        context.load_verify_locations(path("root.pem"))
    elif way == "cafile":
        context.load_verify_locations(cafile=path("root.pem"))
    elif way == "cadata":
        context.load_verify_locations(cadata=content("root.der"))
    elif way == "cadata as text":
        context.load_verify_locations(cadata=content("root.pem").decode())
    else:
        # The built-in module's one argument.
        context.load_verify_locations(content("root.der"))
    context.verify_mode = ssl.CERT_REQUIRED
    Link(context, new_server_context("ec"))


@case
def cadata_is_never_a_path():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    e = raises(ValueError, context.load_verify_locations, cadata=path("root.pem"))
    equal(e.args, ("invalid cert",))


@case
def both_sources_of_authorities_at_once():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path("root.pem"), cadata=content("root-rsa.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    Link(context, new_server_context("ec"))
    Link(context, new_server_context("rsa-only"))


run()
