"""Do channel bindings and exported keying material equal what CPython, OpenSSL and GnuTLS have at the other end?"""

import hashlib
import re
import socket
import subprocess

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
LABEL = "EXPERIMENTAL interop"
GNUTLS_PRIORITY = {"TLSv1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLSv1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}
BINDINGS = [["binding", kind] for kind in ("tls-unique", "tls-server-end-point", "tls-exporter")]

each_version = pytest.mark.parametrize("version", VERSIONS)


def keying_material(process, pattern, timeout=10):
    return process.wait_output(pattern, timeout).group(1).lower()


def steps_of(peer):
    result = peer.result()
    assert result["error"] is None, result["error"]["traceback"]
    return result["steps"]


# ----------------------------------------------------------------------------------------------------------------------
# tls-unique: CPython


@pytest.mark.parametrize("resumed", [False, True], ids=["full", "resumed"])
def test_tls_unique_of_client(mpy_client, certs, context, tmp_path, resumed):
    """In a full handshake the client's Finished comes first, in a resumed one the server's."""
    def handle(conn):
        conn.sendall(b"x")
        conn.recv(1)
        binding = conn.get_channel_binding("tls-unique").hex()
        python_peer.close_notify(conn)
        return binding

    server = python_peer.Server(python_peer.server_context(certs, version="TLSv1.2"), handle, connections=1 + resumed)
    spec = context("TLS_CLIENT", ca="root", version="TLSv1.2")
    session = str(tmp_path / "session")
    first = mpy_client(server.port, [["read", 1], ["save_session", session], ["binding", "tls-unique"], ["write", "x"],
                                     ["close"]], context=spec)
    steps = steps_of(first)
    if resumed:
        second = mpy_client(server.port, [["read", 1], ["binding", "tls-unique"], ["write", "x"], ["close"]], context=spec,
                            session=session)
        steps = [None, *steps_of(second)]
        assert second.result()["info"]["reused"]
    binding = steps[2]
    assert len(binding) == 24
    assert server.result() == binding


@pytest.mark.parametrize("resumed", [False, True], ids=["full", "resumed"])
def test_tls_unique_of_server(mpy_server, certs, context, resumed):
    """The same with a client in CPython."""
    spec = context("TLS_SERVER", cert="ec", version="TLSv1.2")
    server = mpy_server([["write", "x"], ["binding", "tls-unique"], ["read", 1], ["close"]], context=spec,
                        connections=1 + resumed)
    client_context = python_peer.client_context(certs, version="TLSv1.2")
    session, bindings, reused = None, [], False
    for _ in range(1 + resumed):
        raw = socket.create_connection(("127.0.0.1", server.port), python_peer.TIMEOUT)
        conn = client_context.wrap_socket(raw, server_hostname="server.test", session=session)
        assert conn.recv(1) == b"x"
        bindings.append(conn.get_channel_binding("tls-unique").hex())
        session, reused = conn.session, conn.session_reused
        conn.sendall(b"x")
        python_peer.close_notify(conn)
    result = server.result()
    results = result["connections"] if resumed else [result]
    assert [each["steps"][1] for each in results] == bindings
    assert reused == resumed


# ----------------------------------------------------------------------------------------------------------------------
# Keying material: OpenSSL


@each_version
def test_export_of_client(mpy_client, context, start, certs, free_port, version):
    """openssl s_server -keymatexport."""
    port = free_port()
    server = start(["openssl", "s_server", "-accept", str(port), "-cert", certs / "ec.pem", "-key", certs / "ec.key",
                    "-cert_chain", certs / "ec-chain.pem",
                    "-keymatexport", LABEL, "-keymatexportlen", "40"], stdin=True).wait_port(port)
    client = mpy_client(port, [["export", LABEL, 40], ["write", "done"], ["wait"], ["close"]],
                        context=context("TLS_CLIENT", ca="root", version=version))
    expected = keying_material(server, r"Keying material: ([0-9A-F]{80})$")
    client.process.send("go on\n")
    assert steps_of(client)[0] == expected


def test_tls_exporter_of_client(mpy_client, context, start, certs, free_port):
    """RFC 9266 section 4.2: what s_server exports with that label. In TLS 1.2 it cannot with an empty context."""
    port = free_port()
    server = start(["openssl", "s_server", "-accept", str(port), "-cert", certs / "ec.pem", "-key", certs / "ec.key",
                    "-cert_chain", certs / "ec-chain.pem", "-tls1_3",
                    "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"], stdin=True).wait_port(port)
    client = mpy_client(port, [["binding", "tls-exporter"], ["write", "done"], ["wait"], ["close"]],
                        context=context("TLS_CLIENT", ca="root"))
    expected = keying_material(server, r"Keying material: ([0-9A-F]{64})$")
    client.process.send("go on\n")
    assert steps_of(client)[0] == expected


@each_version
def test_export_of_server(mpy_server, context, start, certs, version):
    """openssl s_client -keymatexport."""
    server = mpy_server([["export", LABEL, 40], ["write", "done"], ["wait"], ["close"]],
                        context=context("TLS_SERVER", cert="ec", version=version))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", certs / "root.pem",
                    "-keymatexport", LABEL, "-keymatexportlen", "40"], stdin=True)
    expected = keying_material(client, r"Keying material: ([0-9A-F]{80})$")
    server.process.send("go on\n")
    assert steps_of(server)[0] == expected


# ----------------------------------------------------------------------------------------------------------------------
# Everything: GnuTLS, which prints its bindings


def check_gnutls(output, steps, certs, version):
    shown = dict(re.findall(r"- '([a-z-]+)': ([0-9a-f]+)", output))
    end_point = hashlib.sha256((certs / "ec.der").read_bytes()).hexdigest()
    assert shown["tls-server-end-point"] == end_point
    assert steps[:3] == [shown["tls-unique"] if version == "TLSv1.2" else None, end_point, shown["tls-exporter"]]


@each_version
def test_gnutls_client(mpy_server, context, start, certs, version):
    """gnutls-cli --verbose --keymatexport."""
    server = mpy_server([*BINDINGS, ["export", LABEL, 40], ["write", "done\n"], ["wait"], ["close"]],
                        context=context("TLS_SERVER", cert="ec", version=version))
    client = start(["gnutls-cli", "--verbose", f"--port={server.port}", f"--x509cafile={certs / 'root.pem'}",
                    "--sni-hostname=server.test", "--verify-hostname=server.test", f"--priority={GNUTLS_PRIORITY[version]}",
                    f"--keymatexport={LABEL}", "--keymatexportsize=40", "127.0.0.1"], stdin=True)
    expected = keying_material(client, r"Key material: ([0-9a-f]{80})")
    client.wait_output("done")
    server.process.send("go on\n")
    steps = steps_of(server)
    check_gnutls(client.stdout, steps, certs, version)
    assert steps[3] == expected


@each_version
def test_tls_exporter_between_the_engines(mpy_client, mpy_server, context, other_engine, version):
    """All bindings and an export with a context, which none of the programs above has."""
    steps = [*BINDINGS, ["export", LABEL, 40, "context"], ["export", LABEL, 40, ""]]
    server = mpy_server([*steps, ["write", "x"], ["close"]], engine=other_engine,
                        context=context("TLS_SERVER", cert="ec", version=version))
    client = mpy_client(server.port, [["do_handshake"], *steps, ["read", 1], ["close"]],
                        context=context("TLS_CLIENT", ca="root", version=version))
    near, far = steps_of(client)[1:6], steps_of(server)[:5]
    assert near == far
    assert all(near[1:])


# ----------------------------------------------------------------------------------------------------------------------
# tls-server-end-point: the hash goes by the certificate's signature


@pytest.mark.parametrize(("options", "expected"), [
    (["-sha256"], "sha256"), (["-sha384"], "sha384"), (["-sha512"], "sha512"), (["-sha1"], "sha256"),
    (["-sha384", "-sigopt", "rsa_padding_mode:pss"], "sha384")], ids=["sha256", "sha384", "sha512", "sha1", "pss-sha384"])
def test_end_point_hash(mpy_client, context, tmp_path, options, expected):
    """Certificates signed with other hashes; SHA-256 stands for SHA-1 (RFC 5929 section 4.1)."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server.test", "-days", "30",
                    *options, "-keyout", tmp_path / "own.key", "-out", tmp_path / "own-chain.pem"],
                   check=True, capture_output=True)
    der = subprocess.run(["openssl", "x509", "-in", tmp_path / "own-chain.pem", "-outform", "DER"], check=True,
                         capture_output=True).stdout

    def handle(conn):
        conn.sendall(b"x")
        return python_peer.receive_to_end(conn)

    server = python_peer.Server(python_peer.server_context(tmp_path, "own", "TLSv1.3"), handle)
    steps = steps_of(mpy_client(server.port, [["read", 1], ["binding", "tls-server-end-point"], ["close"]],
                                context=context("TLS_CLIENT", version="TLSv1.3")))
    assert steps[1] == hashlib.new(expected, der).hexdigest()
