"""Does a server with two names show each client the one it asked for, with all that goes with it, and refuse others?"""

import json
import pathlib

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
GET = "GET / HTTP/1.0\r\n\r\n"
CLIENT_STEPS = [["write", GET], ["read_to_end"], ["close"]]
SERVER_STEPS = [["serve_http", "hello"], ["close"]]
MPY = pathlib.Path(__file__).resolve().parent / "mpy"
# Their certificates and ALPN protocols.
HOSTS = {"server.test": ("ec", "http/1.1"), "wrong.test": ("wrong-name", "http/1.0")}

each_version = pytest.mark.parametrize("version", VERSIONS)
each_host = pytest.mark.parametrize("host", HOSTS)


@pytest.fixture
def hosts_spec(context):
    """hosts_spec(version=None, more={}): a server of server.test that knows wrong.test too, and more as peer.py has it."""
    def hosts_spec(version=None, more=None):
        other = context("TLS_SERVER", cert="wrong-name", version=version, alpn=["http/1.0"])
        return context("TLS_SERVER", cert="ec", version=version, alpn=["http/1.1", "h2"],
                       hosts={"wrong.test": other, **(more or {})})

    return hosts_spec


def check(result, name, host):
    assert result["error"] is None, result["error"]["traceback"]
    assert result["names"] == [name]
    assert result["info"]["protocol"] in (HOSTS[host][1], None)


def check_refused(result, code, alert):
    assert result["error"]["args"] == code, result["error"]["traceback"]
    assert (result["error"]["alert"], result["error"]["alert_by"]) == (alert, "local")


# ----------------------------------------------------------------------------------------------------------------------
# curl


def curl(start, certs, port, host, *options):
    return start(["curl", "-v", "-sS", "--cacert", certs / "root.pem", "--resolve", f"{host}:{port}:127.0.0.1",
                  *options, f"https://{host}:{port}/"])


@each_version
@each_host
def test_server_for_curl(mpy_server, hosts_spec, start, certs, version, host):
    """curl --resolve: each host has its certificate and its protocol, behind one port."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec(version))
    client = curl(start, certs, server.port, host, "--http1.0" if host == "wrong.test" else "--http1.1")
    assert client.check() == "hello"
    assert f"server accepted {HOSTS[host][1]}" in client.stderr
    check(server.result(), host, host)


@each_version
def test_two_hosts_behind_one_port(mpy_server, hosts_spec, start, certs, version):
    """One curl after the other."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec(version), connections=4)
    for host in (*HOSTS, *HOSTS):
        assert curl(start, certs, server.port, host, "--no-alpn").check() == "hello"
    result = server.result()
    assert result["names"] == [*HOSTS, *HOSTS]


@each_version
def test_another_version_for_curl(mpy_server, context, start, certs, version):
    """What the first context has is no reason to refuse the client of the other."""
    other = context("TLS_SERVER", cert="wrong-name", version=version)
    first = context("TLS_SERVER", cert="ec", version=[v for v in VERSIONS if v != version][0],
                    hosts={"wrong.test": other})
    server = mpy_server(SERVER_STEPS, context=first)
    limit = "1.2" if version == "TLSv1.2" else "1.3"
    assert curl(start, certs, server.port, "wrong.test", "--tls-max", limit, f"--tlsv{limit}").check() == "hello"
    result = server.result()
    check(result, "wrong.test", "wrong.test")
    assert result["info"]["version"] == version


@each_version
def test_server_that_refuses_curl(mpy_server, hosts_spec, start, certs, version):
    """A name that is not there."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec(version, more={"a.wild.test": 112}))
    client = curl(start, certs, server.port, "a.wild.test")
    assert client.wait() == 35
    assert "unrecognized name" in client.stderr
    check_refused(server.result(), [-0x7800, "MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME"], "unrecognized_name")


# ----------------------------------------------------------------------------------------------------------------------
# nginx


@each_version
@each_host
def test_server_for_nginx(mpy_server, hosts_spec, nginx, start, tool, certs, version, host):
    """nginx as a proxy, which asks for the host and verifies it."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec(version))
    proxy = nginx(f"""
        location / {{
            proxy_pass https://127.0.0.1:{server.port};
            proxy_ssl_protocols {version};
            proxy_ssl_trusted_certificate {certs}/root.pem;
            proxy_ssl_verify on;
            proxy_ssl_verify_depth 2;
            proxy_ssl_name {host};
            proxy_ssl_server_name on;
        }}
    """, ssl=False)
    client = start([tool("curl"), "--silent", "--show-error", "--fail", f"http://127.0.0.1:{proxy.port}/"])
    assert client.check() == "hello"
    check(server.result(), host, host)


# ----------------------------------------------------------------------------------------------------------------------
# CPython


@each_version
@each_host
def test_server_for_cpython(mpy_server, hosts_spec, certs, version, host):
    """A client in CPython that verifies."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec())
    context = python_peer.client_context(certs, version=version)
    context.set_alpn_protocols(["http/1.0", "http/1.1"])
    with python_peer.connect(server.port, context, host) as conn:
        assert conn.selected_alpn_protocol() == HOSTS[host][1]
        conn.sendall(GET.encode())
        assert python_peer.receive_to_end(conn).endswith(b"hello")
    check(server.result(), host, host)


@each_version
def test_server_for_cpython_without_a_name(mpy_server, hosts_spec, certs, version):
    """It is asked about None."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec(version))
    context = python_peer.client_context(certs)
    context.check_hostname = False
    with python_peer.connect(server.port, context, None) as conn:
        conn.sendall(GET.encode())
        assert python_peer.receive_to_end(conn).endswith(b"hello")
    check(server.result(), None, "server.test")


@each_version
@pytest.mark.parametrize(("answer", "code", "alert", "words"), [
    (112, [-0x7800, "MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME"], "unrecognized_name", "UNRECOGNIZED_NAME"),
    (49, [-0x6E00, "MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE"], "access_denied", "ACCESS_DENIED"),
    ("no such host", ["no such host"], None, "HANDSHAKE_FAILURE"),
], ids=["unrecognized_name", "access_denied", "exception"])
def test_server_that_refuses_cpython(mpy_server, hosts_spec, certs, version, answer, code, alert, words):
    """Both ends see the alert; an exception is the server's own."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec(version, more={"localhost": answer}))
    with pytest.raises(python_peer.ssl.SSLError) as caught:
        python_peer.connect(server.port, python_peer.client_context(certs), "localhost")
    assert words in caught.value.reason
    error = server.result()["error"]
    assert error["args"] == code
    assert error["alert"] == alert
    assert error["type"] == ("KeyError" if alert is None else "OSError")


@each_version
@each_host
@pytest.mark.parametrize("certificate", [None, "client-ec"])
def test_client_certificates_for_one_host_only(mpy_server, context, certs, version, host, certificate):
    """wrong.test demands one, server.test does not ask."""
    other = context("TLS_SERVER", cert="wrong-name", ca="root", version=version)
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="ec", version=version,
                                                      hosts={"wrong.test": other}))
    refused = host == "wrong.test" and certificate is None
    client = python_peer.client_context(certs, name=certificate)
    try:
        with python_peer.connect(server.port, client, host) as conn:
            conn.sendall(GET.encode())
            assert python_peer.receive_to_end(conn).endswith(b"hello")
        assert not refused
    except python_peer.ssl.SSLError as error:
        assert refused, error
    result = server.result()
    if refused:
        assert result["error"]["reason"] == "no_client_certificate"
    else:
        check(result, host, host)
        assert bool(result["info"]["peer"]) == (host == "wrong.test")


def connect_with_session(port, context, host, session):
    raw = python_peer.socket.create_connection(("127.0.0.1", port), python_peer.TIMEOUT)
    conn = context.wrap_socket(raw, server_hostname=host, session=session, suppress_ragged_eofs=False)
    conn.sendall(GET.encode())
    assert python_peer.receive_to_end(conn).endswith(b"hello")
    reused, session = conn.session_reused, conn.session
    conn.close()
    return reused, session


@each_version
@pytest.mark.parametrize("shared", [False, True], ids=["own-keys", "shared-keys"])
def test_sessions_between_hosts(mpy_server, context, certs, version, shared):
    """A ticket of server.test stands for no certificate at wrong.test, though the server's keys be the same."""
    keys = {"ticket_keys": ["6b" * 80]} if shared else {}
    other = context("TLS_SERVER", cert="wrong-name", ca="root", version=version, **keys)
    first = context("TLS_SERVER", cert="ec", version=version, hosts={"wrong.test": other}, **keys)
    server = mpy_server(SERVER_STEPS, context=first, connections=3)
    client = python_peer.client_context(certs)
    reused, session = connect_with_session(server.port, client, "server.test", None)
    assert not reused
    reused, session = connect_with_session(server.port, client, "server.test", session)
    assert reused
    with pytest.raises(python_peer.ssl.SSLError):
        connect_with_session(server.port, client, "wrong.test", session)
    results = server.result()["connections"]
    assert [result["error"] is None for result in results] == [True, True, False]
    assert results[2]["error"]["reason"] == "no_client_certificate"


# ----------------------------------------------------------------------------------------------------------------------
# OpenSSL's program


@each_version
@each_host
def test_server_for_openssl(mpy_server, hosts_spec, start, certs, version, host):
    """openssl s_client -servername, verifying."""
    server = mpy_server([["readline"], ["write", "pong\n"], ["close"]], context=hosts_spec(version))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", host, "-CAfile",
                    certs / "root.pem", "-verify_return_error", "-verify_hostname", host], stdin=True)
    client.wait_output("Verify return code: 0")
    client.send("ping\n")
    client.wait_output("^pong")
    check(server.result(), host, host)


@each_version
def test_server_that_refuses_openssl(mpy_server, hosts_spec, start, version):
    """openssl s_client sees the alert."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec(version, more={"nobody.test": 112}))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "nobody.test"])
    assert client.wait() != 0
    assert "SSL alert number 112" in client.stderr
    check_refused(server.result(), [-0x7800, "MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME"], "unrecognized_name")


@each_host
def test_dtls_server_for_openssl(mpy_server, context, start, certs, host):
    """openssl s_client -dtls1_2 -servername, after the cookie."""
    other = context("DTLS_SERVER", cert="wrong-name")
    server = mpy_server([["recv", 100], ["write", "pong\n"], ["close"]], udp=True,
                        context=context("DTLS_SERVER", cert="ec", hosts={"wrong.test": other}))
    client = start(["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{server.port}", "-servername", host,
                    "-CAfile", certs / "root.pem", "-verify_return_error", "-verify_hostname", host], stdin=True)
    client.wait_output("Verify return code: 0")
    client.send("ping\n")
    client.wait_output("^pong")
    check(server.result(), host, host)


# ----------------------------------------------------------------------------------------------------------------------
# The other engine, and asyncio


@each_version
@each_host
def test_between_the_engines(mpy_server, mpy_client, context, hosts_spec, other_engine, version, host):
    """Each engine's client with the other's server."""
    server = mpy_server(SERVER_STEPS, context=hosts_spec(version))
    client = mpy_client(server.port, CLIENT_STEPS, engine=other_engine, wrap={"server_hostname": host},
                        context=context("TLS_CLIENT", ca="root"))
    result = client.result()
    assert result["error"] is None, result["error"]["traceback"]
    check(server.result(), host, host)


def test_asyncio_server(start_mpy, context, hosts_spec, free_port):
    """asyncio.start_server(): clients of both hosts at the same time."""
    port = free_port()
    server = start_mpy(MPY / "asyncio_peer.py", [
        {"port": port, "server": True, "clients": 9, "context": hosts_spec()}])
    server.wait_port(port)
    clients = [
        start_mpy(MPY / "asyncio_peer.py", [{
            "port": port, "clients": count, "size": 20_000, "wrap": {"server_hostname": host},
            "context": context("TLS_CLIENT", ca="root")}])
        for host, count in (("server.test", 5), ("wrong.test", 4))]
    for process, count in zip((*clients, server), (5, 4, 9), strict=True):
        process.check(60)
        assert json.loads(process.stdout.splitlines()[-1]) == {"right": count, "errors": []}
