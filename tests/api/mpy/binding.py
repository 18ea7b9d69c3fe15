# Channel bindings and exported keying material: the same at both ends, and none where there is none.

from pipes import *
from testing import *

KINDS = ("tls-unique", "tls-server-end-point", "tls-exporter")


def versions(name):
    return pin(getattr(ssl.TLSVersion, name), new_verifying_context(), new_server_context())


@each("TLSv1_2", "TLSv1_3")
def bindings(name):
    link = Link(*versions(name), handshake=False)
    for kind in KINDS:
        same(link.client.get_channel_binding(kind), None)
    link.shake()
    for kind, size in zip(KINDS, (12 if name == "TLSv1_2" else None, 32, 32)):
        binding = link.client.get_channel_binding(kind)
        equal(binding, link.server.get_channel_binding(kind))
        equal(binding and len(binding), size)
    equal(link.client.get_channel_binding(), link.client.get_channel_binding("tls-unique"))
    link.close()
    for kind in KINDS:
        same(link.client.get_channel_binding(kind), None)


@case
def unknown_bindings():
    link = Link()
    for kind in ("", "tls-", "tls-unique-for-telnet", "TLS-UNIQUE"):
        raises(ValueError, link.client.get_channel_binding, kind)
    for kind in (None, 1):
        raises(TypeError, link.client.get_channel_binding, kind)
    raises(TypeError, link.client.get_channel_binding, "tls-unique", 1)


@each("TLSv1_2", "TLSv1_3")
def keying_material(name):
    link = Link(*versions(name))
    near, far = link.client.export_keying_material, link.server.export_keying_material
    material = near("EXPERIMENTAL", 20)
    equal(len(material), 20)
    equal(far(b"EXPERIMENTAL", length=20), material)
    equal(far("EXPERIMENTAL", 20, None), material)
    for arguments in (("EXPERIMENTAL", 8160), ("x", 1), ("E", 20, b"context"), ("E", 20, bytearray(512)), ("E", 20, b"")):
        equal(near(*arguments), far(*arguments))
    equal(near("E", 20, b"") == near("E", 20), name == "TLSv1_3")
    true(near("E", 20, b"a") != near("E", 20, context=b"b"))
    equal(far("EXPERIMENTAL", 20), material)


@case
def misuse_of_keying_material():
    link = Link(handshake=False)
    export = link.client.export_keying_material
    e = raises_os_error(ENOTCONN, None, export, "x", 1)
    contains(e.detail, "not complete")
    link.shake()
    for label in ("", "x" * 250, "master secret", "key expansion", "client finished"):
        raises(ValueError, export, label, 20)
    for length in (0, -1, 8161, 1 << 20):
        raises(ValueError, export, "x", length)
    raises(ValueError, export, "x", 20, bytes(513))
    for arguments in ((), ("x",), (1, 20), ("x", "20"), ("x", 20, 5), ("x", 20, None, None)):
        raises(TypeError, export, *arguments)
    link.close()
    raises_os_error(EBADF, None, export, "x", 1)


# From inside a call of the same connection.
@case
def busy():
    link = Link()
    results = []

    def look():
        link.near.when_empty = None
        for call in (lambda: link.client.get_channel_binding("tls-exporter"),
                     lambda: link.client.export_keying_material("x", 1)):
            results.append(raises_os_error(EBUSY, None, call).errno)

    link.near.when_empty = look
    same(link.client.read(1), None)
    equal(results, [EBUSY, EBUSY])


# A connection that has failed.
@case
def failed():
    client, server = new_verifying_context(), new_server_context()
    client.minimum_version, server.maximum_version = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
    link = Link(client, server, handshake=False)
    link.collide()
    same(link.client.get_channel_binding("tls-exporter"), None)
    raises(OSError, link.client.export_keying_material, "x", 1)


run()
