"""Do pre-shared keys work instead of certificates, in TLS 1.2 and 1.3 and in DTLS?"""

import os

import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
KEY = "00112233445566778899aabbccddeeff"
OTHER_KEY = "ffeeddccbbaa99887766554433221100"
GET = "GET / HTTP/1.0\r\n\r\n"
CLIENT_STEPS = [["write", GET], ["read_to_end"], ["close"]]
SERVER_STEPS = [["serve_http", "hello"], ["close"]]
OPENSSL = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
GNUTLS = {
    # gnutls-cli 3.7 crashes after handshakes with ECDHE-PSK in TLS 1.2, whoever the server is.
    "TLSv1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK",
    "TLSv1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+PSK",
}

BINARY = "hex:fffe01"  # an identity that is no text

each_version = pytest.mark.parametrize("version", VERSIONS)


def client_spec(context, identity="device", key=KEY, version=None):
    return context("TLS_CLIENT", psk={identity: key}, version=version)


def server_spec(context, keys=None, version=None):
    return context("TLS_SERVER", psk=keys or {"device": KEY, "other": OTHER_KEY}, version=version)


def check(result, version):
    assert result["error"] is None, result["error"]["traceback"]
    assert result["info"]["version"] == version
    assert result["info"]["peer"] is None
    if version == "TLSv1.2":
        assert "PSK" in result["info"]["cipher"][0]


@each_version
@pytest.mark.parametrize(("identity", "key"), [("device", KEY), ("other", OTHER_KEY), ("long" * 32, KEY * 4)],
                         ids=["first", "second", "long"])
def test_between_the_engines(mpy_server, mpy_client, context, other_engine, version, identity, key):
    """Each engine's client with the other's server."""
    keys = {"device": KEY, "other": OTHER_KEY, "long" * 32: KEY * 4}
    server = mpy_server(SERVER_STEPS, context=server_spec(context, keys))
    client = mpy_client(server.port, CLIENT_STEPS, engine=other_engine, wrap={},
                        context=client_spec(context, identity, key, version))
    client_result = client.result()
    check(client_result, version)
    check(server.result(), version)
    assert client_result["steps"][1]["text"].endswith("hello")


@each_version
def test_client_of_openssl(mpy_client, context, start, free_port, version):
    """openssl s_server -psk."""
    port = free_port()
    start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-nocert", "-psk", KEY, "-psk_identity",
           "device", OPENSSL[version]]).wait_port(port)
    result = mpy_client(port, CLIENT_STEPS, context=client_spec(context), wrap={}).result()
    check(result, version)
    assert " 200 " in result["steps"][1]["text"]


@each_version
def test_server_for_openssl(mpy_server, context, start, version):
    """openssl s_client -psk."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-psk", KEY,
                    "-psk_identity", "device", OPENSSL[version]], stdin=True)
    client.send(GET)
    assert client.check().endswith("hello")
    check(server.result(), version)


@each_version
def test_client_of_gnutls(mpy_client, context, start, tool, free_port, tmp_path, version):
    """gnutls-serv with a file of keys."""
    port = free_port()
    keys = tmp_path / "keys"
    keys.write_text(f"someone:{OTHER_KEY}\ndevice:{KEY}\n", encoding="ascii")
    start([tool("gnutls-serv"), "--port", port, "--http", "--pskpasswd", keys, "--priority", GNUTLS[version],
           ]).wait_port(port)
    result = mpy_client(port, CLIENT_STEPS, context=client_spec(context), wrap={}).result()
    check(result, version)
    assert " 200 " in result["steps"][1]["text"]


@each_version
def test_server_for_gnutls(mpy_server, context, start, tool, version):
    """gnutls-cli with a key."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    client = start([tool("gnutls-cli"), "--port", server.port, "--pskusername", "device", "--pskkey", KEY, "--priority",
                    GNUTLS[version], "127.0.0.1"], stdin=True)
    client.send(GET)
    assert "hello" in client.check()
    check(server.result(), version)


@each_version
def test_wrong_key(mpy_server, mpy_client, context, other_engine, version):
    """Two keys under one name: no connection, both ends fail with an OSError."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    client = mpy_client(server.port, CLIENT_STEPS, engine=other_engine, wrap={},
                        context=client_spec(context, key=OTHER_KEY, version=version))
    client_error, server_error = client.result()["error"], server.result()["error"]
    assert (client_error["where"], server_error["where"]) == ("wrap", "wrap")
    assert client_error["is_os_error"] and server_error["is_os_error"]
    # One of them finds out and tells the other.
    assert {client_error["alert_by"], server_error["alert_by"]} == {"local", "peer"}


@each_version
def test_unknown_identity(mpy_server, mpy_client, context, other_engine, version):
    """The server says whose key it does not know, the client that it was refused."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context))
    client = mpy_client(server.port, CLIENT_STEPS, engine=other_engine, wrap={},
                        context=client_spec(context, identity="stranger", version=version))
    client_error, server_error = client.result()["error"], server.result()["error"]
    assert server_error["args"] == [-0x6C80, "MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY"]
    assert server_error["reason"] == "unknown_psk_identity"
    assert client_error["args"] == [-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"]
    assert client_error["alert"] == server_error["alert"]


@each_version
def test_certificate_is_no_substitute(mpy_server, start, context, certs, version):
    """A server with pre-shared keys turns away a client that has none, even with a certificate at hand."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="ec", psk={"device": KEY}))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-CAfile",
                    certs / "root.pem", OPENSSL[version]])
    assert client.wait() != 0
    assert server.result()["error"]["is_os_error"]


@pytest.mark.parametrize("role", ["client", "server"])
def test_dtls(mpy_server, mpy_client, context, start, free_port, role):
    """openssl s_server and s_client -dtls1_2 -psk."""
    if role == "client":
        port = free_port()
        server = start(["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-nocert", "-psk", KEY,
                        "-psk_identity", "device", "-quiet"], stdin=True).wait_udp_port(port)
        client = mpy_client(port, [["send", "ping\n"], ["recv", 100], ["close"]], udp=True, wrap={},
                            context=context("DTLS_CLIENT", psk={"device": KEY}))
        server.wait_output("^ping")
        server.send("pong\n")
        result = client.result()
        assert result["steps"][1] == "pong\n"
    else:
        server = mpy_server([["recv", 100], ["send", "pong\n"], ["close"]], udp=True,
                            context=context("DTLS_SERVER", psk={"device": KEY}))
        client = start(["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-psk", KEY,
                        "-psk_identity", "device"], stdin=True)
        client.send("ping\n")
        client.wait_output("^pong")
        result = server.result()
        assert result["steps"][0] == "ping\n"
    assert result["error"] is None, result["error"]["traceback"]
    assert result["info"]["version"] == "DTLSv1.2"
    assert "PSK" in result["info"]["cipher"][0]


# ---------------------------------------------------------------------------------------------------------------------
# Callbacks


@each_version
@pytest.mark.parametrize("identity", ["device", BINARY], ids=["text", "binary"])
def test_callbacks_between_the_engines(mpy_server, mpy_client, context, other_engine, version, identity):
    """The callbacks of each engine's client with those of the other's server."""
    keys = {"other": OTHER_KEY, identity: KEY}
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", psk_callbacks=keys))
    client = mpy_client(server.port, CLIENT_STEPS, engine=other_engine, wrap={},
                        context=context("TLS_CLIENT", psk_callbacks={identity: KEY}, version=version))
    check(client.result(), version)
    check(server.result(), version)


@each_version
def test_client_callback_with_openssl(mpy_client, context, start, free_port, engine, version):
    """openssl s_server -psk_hint: in TLS 1.2 OpenSSL's client is told the hint, and chooses its identity by it."""
    port = free_port()
    start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-nocert", "-psk", KEY, "-psk_identity",
           "device", "-psk_hint", "device", OPENSSL[version]]).wait_port(port)
    told = engine == "openssl" and version == "TLSv1.2"
    keys = {"other": OTHER_KEY, "device": KEY} if told else {"device": KEY}
    result = mpy_client(port, CLIENT_STEPS, context=context("TLS_CLIENT", psk_callbacks=keys), wrap={}).result()
    check(result, version)
    assert " 200 " in result["steps"][1]["text"]


@each_version
@pytest.mark.parametrize("identity", ["device", os.fsdecode(b"\xff\xfe\x01")], ids=["text", "binary"])
def test_server_callback_for_openssl(mpy_server, context, start, version, identity):
    """openssl s_client -psk_identity, with bytes that are no text too."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", psk_callbacks={"device": KEY, BINARY: KEY}))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-psk", KEY,
                    "-psk_identity", identity, OPENSSL[version]], stdin=True)
    client.send(GET)
    assert client.check().endswith("hello")
    check(server.result(), version)


def test_hint_for_openssl(mpy_server, context, start, engine):
    """openssl s_client prints the hint. Mbed TLS cannot send one."""
    if engine == "mbedtls":
        pytest.skip("Mbed TLS cannot send a hint")
    spec = context("TLS_SERVER", psk_callbacks={"device": KEY}, psk_hint="by-name")
    server = mpy_server(SERVER_STEPS, context=spec)
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-psk", KEY, "-psk_identity",
                    "device", "-tls1_2", "-ign_eof"], stdin=True)
    client.send(GET)
    assert "PSK identity hint: by-name" in client.check()


# ---------------------------------------------------------------------------------------------------------------------
# Both ends get an error


@each_version
@pytest.mark.parametrize("way", ["psk", "psk_callbacks"])
@pytest.mark.parametrize("case", ["identity", "key", "none"])
def test_openssl_client_is_refused(mpy_server, context, start, version, way, case):
    """openssl s_client with a stranger's identity, a wrong key, or a certificate in mind only."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="ec", **{way: {"device": KEY}}))
    options = {
        "identity": ["-psk", KEY, "-psk_identity", "stranger"],
        "key": ["-psk", OTHER_KEY, "-psk_identity", "device"],
        "none": [],
    }[case]
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", OPENSSL[version],
                    *options], stdin=True)
    assert client.wait() != 0
    assert server.result()["error"]["is_os_error"]


@each_version
@pytest.mark.parametrize("way", ["psk", "psk_callbacks"])
@pytest.mark.parametrize("case", ["key", "certificate"])
def test_refused_by_openssl_server(mpy_client, context, start, certs, free_port, version, way, case):
    """openssl s_server that knows another key, or has a certificate only. (It takes any identity.)"""
    port = free_port()
    options = {
        "key": ["-nocert", "-psk", OTHER_KEY, "-psk_identity", "device"],
        "certificate": ["-cert", certs / "ec.pem", "-key", certs / "ec.key"],
    }[case]
    server = start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", OPENSSL[version], *options], stdin=True,
                   ).wait_port(port)
    spec = context("TLS_CLIENT", **{way: {"device": KEY}})
    error = mpy_client(port, CLIENT_STEPS, context=spec, wrap={}).result()["error"]
    assert error["is_os_error"]
    server.wait_output("ERROR", stream="stderr")


@each_version
@pytest.mark.parametrize("case", ["identity", "key"])
def test_refused_by_gnutls_server(mpy_client, context, start, tool, free_port, tmp_path, version, case):
    """gnutls-serv that knows another identity, or another key."""
    port = free_port()
    keys = tmp_path / "keys"
    keys.write_text(f"someone:{KEY}\n" if case == "identity" else f"device:{OTHER_KEY}\n", encoding="ascii")
    server = start([tool("gnutls-serv"), "--port", port, "--http", "--pskpasswd", keys, "--priority", GNUTLS[version],
                    ]).wait_port(port)
    error = mpy_client(port, CLIENT_STEPS, context=client_spec(context), wrap={}).result()["error"]
    assert error["is_os_error"]
    server.wait_output("Error in handshake", stream="stderr")


@each_version
@pytest.mark.parametrize("case", ["identity", "key"])
def test_gnutls_client_is_refused(mpy_server, context, start, tool, version, case):
    """gnutls-cli with a stranger's identity or a wrong key."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", psk_callbacks={"device": KEY}))
    name, key = ("stranger", KEY) if case == "identity" else ("device", OTHER_KEY)
    client = start([tool("gnutls-cli"), "--port", server.port, "--pskusername", name, "--pskkey", key, "--priority",
                    GNUTLS[version], "127.0.0.1"], stdin=True)
    assert client.wait() != 0
    assert server.result()["error"]["is_os_error"]


# ---------------------------------------------------------------------------------------------------------------------
# DTLS with GnuTLS

GNUTLS_DTLS = "NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:+PSK"


def test_dtls_client_of_gnutls(mpy_client, context, start, tool, free_port, tmp_path):
    """gnutls-serv --udp --echo."""
    port = free_port()
    keys = tmp_path / "keys"
    keys.write_text(f"device:{KEY}\n", encoding="ascii")
    start([tool("gnutls-serv"), "--udp", "--echo", "--port", port, "--pskpasswd", keys, "--priority", GNUTLS_DTLS,
           ]).wait_udp_port(port)
    result = mpy_client(port, [["send", "ping\n"], ["recv", 100], ["close"]], udp=True, wrap={},
                        context=context("DTLS_CLIENT", psk_callbacks={"device": KEY})).result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][1] == "ping\n"


def test_dtls_server_for_gnutls(mpy_server, context, start, tool):
    """gnutls-cli --udp."""
    server = mpy_server([["recv", 100], ["send", "pong\n"], ["close"]], udp=True,
                        context=context("DTLS_SERVER", psk_callbacks={"device": KEY}))
    client = start([tool("gnutls-cli"), "--udp", "--port", server.port, "--pskusername", "device", "--pskkey", KEY,
                    "--priority", GNUTLS_DTLS, "127.0.0.1"], stdin=True)
    client.wait_output("Handshake was completed")
    client.send("ping\n")
    client.wait_output("pong")
    result = server.result()
    assert result["error"] is None, result["error"]["traceback"]
    assert result["steps"][0] == "ping\n"
