"""Does ALPN agree on the protocol that both sides would have, with curl, nginx, CPython and OpenSSL?"""

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
GET = "GET / HTTP/1.0\r\n\r\n"
CLIENT_STEPS = [["write", GET], ["read_to_end"], ["close"]]
SERVER_STEPS = [["serve_http", "hello"], ["close"]]

each_version = pytest.mark.parametrize("version", VERSIONS)


def client_spec(context, protocols, version=None):
    return context("TLS_CLIENT", ca="root", version=version, alpn=protocols)


def server_spec(context, protocols, version=None):
    return context("TLS_SERVER", cert="ec", version=version, alpn=protocols)


def check(result, protocol):
    assert result["error"] is None, result["error"]["traceback"]
    assert result["info"]["protocol"] == protocol


def check_refused_client(result):
    assert result["error"]["args"] == [-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"], result["error"]["traceback"]
    assert (result["error"]["alert"], result["error"]["alert_by"]) == ("no_application_protocol", "peer")


def check_refusing_server(result):
    assert result["error"]["args"] == [-0x7580, "MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL"], result["error"]["traceback"]
    assert result["error"]["reason"] == "no_application_protocol"
    assert (result["error"]["alert"], result["error"]["alert_by"]) == ("no_application_protocol", "local")


# ----------------------------------------------------------------------------------------------------------------------
# curl


def curl(start, certs, port, *options):
    return start(["curl", "-v", "-sS", "--cacert", certs / "root.pem", "--resolve", f"server.test:{port}:127.0.0.1",
                  *options, f"https://server.test:{port}/"])


@each_version
def test_server_for_curl_http_1(mpy_server, context, start, certs, version):
    """curl offers h2 and http/1.1, this server has the latter."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context, ["mqtt", "http/1.1"], version))
    client = curl(start, certs, server.port, "--http2")
    assert client.check() == "hello"
    assert "server accepted http/1.1" in client.stderr
    check(server.result(), "http/1.1")


@each_version
def test_server_for_curl_h2(mpy_server, context, start, certs, version):
    """A server that puts h2 first gets curl's HTTP/2."""
    server = mpy_server([["readline"], ["close"]], context=server_spec(context, ["h2", "http/1.1"], version))
    client = curl(start, certs, server.port, "--http2")
    client.wait()
    assert "server accepted h2" in client.stderr
    result = server.result()
    check(result, "h2")
    assert result["steps"][0] == "PRI * HTTP/2.0\r\n"


@each_version
def test_server_for_curl_that_offers_nothing(mpy_server, context, start, certs, version):
    """curl --no-alpn."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context, ["h2", "http/1.1"], version))
    assert curl(start, certs, server.port, "--no-alpn").check() == "hello"
    check(server.result(), None)


@each_version
def test_server_that_has_nothing_for_curl(mpy_server, context, start, certs, version):
    """No protocol in common: curl is told so."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context, ["mqtt"], version))
    client = curl(start, certs, server.port, "--http2")
    assert client.wait() == 35
    assert "no application protocol" in client.stderr
    check_refusing_server(server.result())


# ----------------------------------------------------------------------------------------------------------------------
# nginx


@each_version
@pytest.mark.parametrize(("protocols", "expected"), [
    (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "h2"), (["acme", "http/1.0"], "http/1.0")],
    ids=["http/1.1", "h2", "http/1.0"])
def test_client_of_nginx(mpy_client, nginx, context, certs, free_port, version, protocols, expected):
    """An nginx with HTTP/2 prefers that, and answers in the protocol that was agreed on."""
    port = free_port()
    nginx(f"""
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_protocols {version};
    """)
    spec = client_spec(context, protocols)
    if expected == "h2":
        # Its first frame: SETTINGS (RFC 9113 section 3.4).
        result = mpy_client(port, [["frame_header"], ["close"]], context=spec).result()
        assert result["steps"][0][3] == 4
    else:
        result = mpy_client(port, CLIENT_STEPS, context=spec).result()
        assert "hello from nginx" in result["steps"][1]["text"]
    check(result, expected)


@each_version
def test_client_that_has_nothing_for_nginx(mpy_client, nginx, context, certs, version):
    """nginx refuses a client that offers other protocols only."""
    server = nginx(f"""
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_protocols {version};
    """)
    check_refused_client(mpy_client(server.port, CLIENT_STEPS, context=client_spec(context, ["mqtt"])).result())


# ----------------------------------------------------------------------------------------------------------------------
# CPython


@each_version
@pytest.mark.parametrize(("ours", "theirs", "expected"), [
    (["h2", "http/1.1"], ["http/1.1", "h2"], "http/1.1"), (["h2"], [], None), ([], ["h2"], None),
    (["h2"], ["http/1.1"], None)], ids=["both", "client-only", "server-only", "no-overlap"])
def test_client_of_cpython(mpy_client, context, certs, version, ours, theirs, expected):
    """A server in CPython chooses by its own order. Where nothing fits it goes on without a protocol."""
    server_context = python_peer.server_context(certs, version=version)
    server_context.set_alpn_protocols(theirs)

    def handle(conn):
        python_peer.serve_http(conn)
        protocol = conn.selected_alpn_protocol()
        python_peer.close_notify(conn)
        return protocol

    server = python_peer.Server(server_context, handle)
    check(mpy_client(server.port, CLIENT_STEPS, context=client_spec(context, ours)).result(), expected)
    assert server.result() == expected


@each_version
@pytest.mark.parametrize(("ours", "theirs", "expected"), [
    (["h2", "http/1.1"], ["http/1.1", "h2"], "h2"), (["h2"], [], None), ([], ["h2"], None)],
    ids=["both", "server-only", "client-only"])
def test_server_for_cpython(mpy_server, context, certs, version, ours, theirs, expected):
    """A client in CPython."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context, ours))
    client_context = python_peer.client_context(certs, version=version)
    client_context.set_alpn_protocols(theirs)
    with python_peer.connect(server.port, client_context) as conn:
        assert conn.selected_alpn_protocol() == expected
        conn.sendall(GET.encode())
        assert python_peer.receive_to_end(conn).endswith(b"hello")
    check(server.result(), expected)


@each_version
def test_server_that_has_nothing_for_cpython(mpy_server, context, certs, version):
    """This server refuses (RFC 7301 section 3.2), where one in CPython would go on."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context, ["mqtt"]))
    client_context = python_peer.client_context(certs, version=version)
    client_context.set_alpn_protocols(["h2"])
    with pytest.raises(python_peer.ssl.SSLError) as caught:
        python_peer.connect(server.port, client_context)
    assert "no application protocol" in str(caught.value)
    check_refusing_server(server.result())


# ----------------------------------------------------------------------------------------------------------------------
# The other engine, and DTLS


@each_version
def test_between_the_engines(mpy_server, mpy_client, context, other_engine, version):
    """Each engine's client with the other's server."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context, ["b", "a"]))
    client = mpy_client(server.port, CLIENT_STEPS, engine=other_engine, context=client_spec(context, ["a", "b"], version))
    check(client.result(), "b")
    check(server.result(), "b")


@each_version
def test_nothing_in_common_between_the_engines(mpy_server, mpy_client, context, other_engine, version):
    """Both ends say why."""
    server = mpy_server(SERVER_STEPS, context=server_spec(context, ["b"]))
    client = mpy_client(server.port, CLIENT_STEPS, engine=other_engine, context=client_spec(context, ["a"], version))
    check_refused_client(client.result())
    check_refusing_server(server.result())


def test_dtls_server_for_openssl(mpy_server, start, certs):
    """openssl s_client -dtls1_2 -alpn."""
    spec = {"protocol": "DTLS_SERVER", "cert": [str(certs / "ec-chain.pem"), str(certs / "ec.key"), None],
            "alpn": ["coap", "other"]}
    server = mpy_server([["recv", 100], ["write", "pong\n"], ["close"]], udp=True, context=spec)
    client = start(["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{server.port}", "-alpn", "other,coap"],
                   stdin=True)
    client.wait_output("^ALPN protocol: coap")
    client.send("ping\n")
    client.wait_output("^pong")
    check(server.result(), "coap")
