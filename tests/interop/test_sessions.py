"""Are sessions resumed with everyone, as client, also from one process to the next, and as server?"""

import socket
import ssl

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
GNUTLS = {"TLSv1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLSv1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}
OPENSSL = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
GET = "GET / HTTP/1.0\r\n\r\n"
SERVER_STEPS = [["serve_http", "hello"], ["close"]]

each_version = pytest.mark.parametrize("version", VERSIONS)


# ----------------------------------------------------------------------------------------------------------------------
# MicroPython is the client: each connection is one process, and the session goes from one to the next in a file


@pytest.fixture
def visit(mpy_client, tmp_path):
    """visit(PORT, context=…): connects, saves the session for the next visit; tells what is known about it."""
    file = tmp_path / "session"

    def visit(port, fresh=False, **spec):
        if fresh:
            file.unlink(missing_ok=True)
        steps = [["write", GET], ["read_to_end"], ["save_session", str(file)], ["close"]]
        result = mpy_client(port, steps, session=str(file), **spec).result()
        assert result["error"] is None, result["error"]["traceback"]
        assert " 200 " in result["steps"][1]["text"]
        assert result["info"]["verify_result"] == []
        return result

    return visit


def check_visits(visit, port, version):
    """The first time in full, then resumed, from a session that was resumed itself too."""
    first, *more = [visit(port) for _ in range(3)]
    assert first["info"]["version"] == version
    assert first["info"]["reused"] is False
    assert [result["info"]["reused"] for result in more] == [True, True]
    assert all(result["info"]["peer"] in (first["info"]["peer"], None) for result in more)
    return first


@each_version
def test_client_of_cpython(visit, certs, version):
    """A server in CPython, which agrees."""
    reused = []

    def handle(conn):
        request = python_peer.serve_http(conn)
        reused.append(conn.session_reused)
        python_peer.close_notify(conn)
        return request

    server = python_peer.Server(python_peer.server_context(certs, version=version), handle, connections=3)
    first = check_visits(visit, server.port, version)
    assert first["steps"][2]["has_ticket"] is True
    server.result()
    assert reused == [False, True, True]


@each_version
def test_client_of_s_server(visit, start, certs, free_port, version):
    """openssl s_server."""
    port = free_port()
    start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", OPENSSL[version], "-www", "-cert", certs / "ec.pem",
           "-key", certs / "ec.key", "-cert_chain", certs / "inter.pem"]).wait_port(port)
    check_visits(visit, port, version)


@each_version
def test_client_of_s_server_without_tickets(visit, start, certs, free_port, version):
    """openssl s_server that keeps the sessions itself."""
    port = free_port()
    start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", OPENSSL[version], "-www", "-no_ticket", "-cert",
           certs / "ec.pem", "-key", certs / "ec.key", "-cert_chain", certs / "inter.pem"]).wait_port(port)
    first = check_visits(visit, port, version)
    assert first["steps"][2]["has_ticket"] is (version == "TLSv1.3")


def test_client_of_servers_that_keep_sessions(visit, start, tool, nginx, certs, free_port):
    """CPython, gnutls-serv and nginx without tickets, in TLS 1.2: they know the identifier again."""
    context = python_peer.server_context(certs, version="TLSv1.2")
    context.options |= ssl.OP_NO_TICKET

    def handle(conn):
        python_peer.serve_http(conn)
        python_peer.close_notify(conn)  # OpenSSL forgets the session of a connection that just ends

    ports = [python_peer.Server(context, handle, connections=2).port, free_port(), nginx(f"""
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_protocols TLSv1.2;
        ssl_session_tickets off;
        ssl_session_cache builtin:100;
    """).port]
    start([tool("gnutls-serv"), "--port", ports[1], "--http", "--disable-client-cert", "--noticket", "--priority",
           GNUTLS["TLSv1.2"], "--x509certfile", certs / "ec-chain.pem", "--x509keyfile",
           certs / "ec.key"]).wait_port(ports[1])
    for port in ports:
        visits = [visit(port, fresh=number == 0) for number in range(2)]
        assert visits[0]["steps"][2]["has_ticket"] is False
        assert [result["info"]["reused"] for result in visits] == [False, True]


@each_version
def test_client_of_gnutls_serv(visit, start, tool, certs, free_port, version):
    """gnutls-serv."""
    port = free_port()
    start([tool("gnutls-serv"), "--port", port, "--http", "--disable-client-cert", "--priority", GNUTLS[version],
           "--x509certfile", certs / "ec-chain.pem", "--x509keyfile", certs / "ec.key"]).wait_port(port)
    check_visits(visit, port, version)


@each_version
def test_client_of_nginx(visit, nginx, certs, version):
    """nginx."""
    server = nginx(f"""
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_protocols {version};
    """)
    check_visits(visit, server.port, version)


@each_version
def test_client_after_a_restart_of_the_server(visit, certs, version):
    """A server that has forgotten its keys: a full handshake."""
    def serve():
        context = python_peer.server_context(certs, version=version)
        return python_peer.Server(context, python_peer.serve_http)

    assert visit(serve().port)["info"]["reused"] is False
    assert visit(serve().port)["info"]["reused"] is False


@each_version
def test_client_that_asks_more(visit, context, certs, version):
    """A session that nobody verified does not help past verification."""
    server = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.serve_http,
                                connections=2)
    visit(server.port, context=context("TLS_CLIENT"))
    assert visit(server.port)["info"]["reused"] is False


def test_session_of_another_engine(mpy_client, certs, tmp_path, engine):
    """What one engine has kept the other refuses, and says why."""
    server = python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)
    file = str(tmp_path / "session")
    other = "mbedtls" if engine == "openssl" else "openssl"
    steps = [["write", GET], ["read_to_end"], ["save_session", file], ["close"]]
    assert mpy_client(server.port, steps, engine=other).result()["error"] is None
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        error = mpy_client(nobody.getsockname()[1], [], session=file).result()["error"]
    assert error["type"] == "ValueError"
    assert "made by another TLS library" in error["text"]


# ----------------------------------------------------------------------------------------------------------------------
# … by itself: all connections are of one context


def check_kept(mpy_client, context, ports, reused, **attributes):
    """Visits the ports in turn; the context resumes what it can."""
    steps = [["write", GET], ["read_to_end"], ["close"]]
    attributes.setdefault("session_cache_size", 5)
    client = mpy_client(ports, steps, context=context("TLS_CLIENT", ca="root").set(**attributes))
    result = client.result(60)
    for connection in result["connections"]:
        assert connection["error"] is None, connection["error"]["traceback"]
        assert " 200 " in connection["steps"][1]["text"]
    assert [connection["info"]["reused"] for connection in result["connections"]] == reused
    stats = result["session_stats"]
    assert (stats["connect"], stats["connect_good"]) == (len(ports), len(ports))
    assert stats["hits"] == reused.count(True)
    return stats


@each_version
def test_context_of_a_client(mpy_client, context, start, tool, nginx, certs, free_port, version):
    """Servers of four kinds, visited three times in turn: each has its own port."""
    python = python_peer.Server(python_peer.server_context(certs, version=version), python_peer.serve_http, 3)
    ports = [python.port, free_port(), free_port(), nginx(f"""
        ssl_certificate {certs}/ec-chain.pem;
        ssl_certificate_key {certs}/ec.key;
        ssl_protocols {version};
    """).port]
    start(["openssl", "s_server", "-accept", f"127.0.0.1:{ports[1]}", OPENSSL[version], "-www", "-cert",
           certs / "ec.pem", "-key", certs / "ec.key", "-cert_chain", certs / "inter.pem"]).wait_port(ports[1])
    start([tool("gnutls-serv"), "--port", ports[2], "--http", "--disable-client-cert", "--priority", GNUTLS[version],
           "--x509certfile", certs / "ec-chain.pem", "--x509keyfile", certs / "ec.key"]).wait_port(ports[2])
    stats = check_kept(mpy_client, context, 3 * ports, 4 * [False] + 8 * [True])
    assert stats["number"] == 4
    assert stats["misses"] == 4


@each_version
def test_context_of_a_client_with_little_room(mpy_client, context, certs, version):
    """Room for one session only."""
    servers = [python_peer.Server(python_peer.server_context(certs, version=version), python_peer.serve_http, count)
               for count in (3, 1)]
    first, second = (server.port for server in servers)
    stats = check_kept(mpy_client, context, [first, first, second, first], [False, True, False, False],
                       session_cache_size=1)
    assert (stats["number"], stats["cache_full"]) == (1, 2)


# ----------------------------------------------------------------------------------------------------------------------
# MicroPython is the server


def check_server(server, version, expected):
    results = server.result()["connections"]
    for result in results:
        assert result["error"] is None, result["error"]["traceback"]
        assert result["info"]["version"] == version
    assert [result["info"]["reused"] for result in results] == expected


@each_version
def test_server_for_cpython(mpy_server, certs, version):
    """A client in CPython."""
    server = mpy_server(SERVER_STEPS, connections=3)
    context = python_peer.client_context(certs, version=version)
    session = None
    for _ in range(3):
        raw = socket.create_connection(("127.0.0.1", server.port), python_peer.TIMEOUT)
        with context.wrap_socket(raw, server_hostname="server.test", session=session) as conn:
            assert conn.session_reused is (session is not None)
            conn.sendall(GET.encode())
            assert python_peer.receive_to_end(conn).endswith(b"hello")
            session = conn.session
    check_server(server, version, [False, True, True])


@each_version
def test_server_for_s_client(mpy_server, start, certs, tmp_path, version):
    """openssl s_client that keeps its session in a file."""
    server = mpy_server(SERVER_STEPS, connections=2)
    for option in ("-sess_out", "-sess_in"):
        client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", OPENSSL[version], "-ign_eof",
                        "-CAfile", certs / "root.pem", "-verify_return_error", "-servername", "server.test",
                        option, tmp_path / "session"], stdin=True)
        client.send(GET)
        output = client.check()
        assert "hello" in output
        assert ("Reused, " in output) is (option == "-sess_in")
    check_server(server, version, [False, True])


def test_server_for_s_client_that_reconnects(mpy_server, start, certs):
    """openssl s_client -reconnect: a connection and five that resume its session, with TLS 1.2."""
    server = mpy_server([["read_to_end"], ["close"]], connections=6)
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-reconnect",
                    "-CAfile", certs / "root.pem", "-servername", "server.test"])
    assert client.check().count("Reused, ") == 5
    check_server(server, "TLSv1.2", [False] + 5 * [True])


@each_version
def test_server_for_curl(mpy_server, start, tool, certs, version):
    """curl, which fetches twice over new connections. It asks for no tickets in TLS 1.2: the server keeps the session."""
    server = mpy_server(SERVER_STEPS, connections=2)
    number = version.removeprefix("TLSv")
    url = f"https://server.test:{server.port}/"
    client = start([tool("curl"), "--silent", "--show-error", f"--tlsv{number}", "--tls-max", number, "--cacert",
                    certs / "root.pem", "--resolve", f"server.test:{server.port}:127.0.0.1", url, url])
    assert client.check() == "hellohello"
    check_server(server, version, [False, True])


def test_server_for_s_client_without_tickets(mpy_server, start, certs):
    """openssl s_client -no_ticket -reconnect: the server knows the identifier again."""
    server = mpy_server([["read_to_end"], ["close"]], connections=6)
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-no_ticket",
                    "-reconnect", "-CAfile", certs / "root.pem", "-servername", "server.test"])
    assert client.check().count("Reused, ") == 5
    check_server(server, "TLSv1.2", [False] + 5 * [True])
    stats = server.result()["session_stats"]
    assert (stats["number"], stats["accept_good"], stats["hits"], stats["misses"]) == (1, 6, 5, 0)


def test_server_that_keeps_none(mpy_server, context, start, certs):
    """session_cache_size = 0."""
    server = mpy_server([["read_to_end"], ["close"]], connections=6,
                        context=context("TLS_SERVER", cert="ec").set(session_cache_size=0))
    client = start(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-no_ticket",
                    "-reconnect", "-CAfile", certs / "root.pem", "-servername", "server.test"])
    assert client.check().count("Reused, ") == 0
    check_server(server, "TLSv1.2", 6 * [False])


def test_server_for_gnutls_cli_without_tickets(mpy_server, start, tool, certs):
    """gnutls-cli --resume that wants no tickets, in TLS 1.2."""
    server = mpy_server([["read_to_end"], ["close"]], connections=2)
    client = start([tool("gnutls-cli"), "--port", server.port, "--priority", GNUTLS["TLSv1.2"] + ":%NO_TICKETS",
                    "--x509cafile", certs / "root.pem", "--sni-hostname", "server.test", "--verify-hostname",
                    "server.test", "--resume", "--waitresumption", "127.0.0.1"])
    assert "This is a resumed session" in client.check()
    check_server(server, "TLSv1.2", [False, True])


@each_version
def test_server_for_gnutls_cli(mpy_server, start, tool, certs, version):
    """gnutls-cli --resume: it connects, ends that and connects again."""
    server = mpy_server([["read_to_end"], ["close"]], connections=2)
    client = start([tool("gnutls-cli"), "--port", server.port, "--priority", GNUTLS[version], "--x509cafile",
                    certs / "root.pem", "--sni-hostname", "server.test", "--verify-hostname", "server.test",
                    "--resume", "--waitresumption", "127.0.0.1"])
    assert "This is a resumed session" in client.check()
    check_server(server, version, [False, True])


@each_version
def test_server_without_tickets(mpy_server, context, certs, version):
    """num_tickets = 0."""
    server = mpy_server(SERVER_STEPS, connections=2, context=context("TLS_SERVER", cert="ec").set(num_tickets=0))
    client = python_peer.client_context(certs, version=version)
    session = None
    for _ in range(2):
        raw = socket.create_connection(("127.0.0.1", server.port), python_peer.TIMEOUT)
        with client.wrap_socket(raw, server_hostname="server.test", session=session) as conn:
            conn.sendall(GET.encode())
            python_peer.receive_to_end(conn)
            session = conn.session
            assert session is None or not session.has_ticket
    check_server(server, version, [False, False])


@each_version
def test_server_that_demands_certificates(mpy_server, context, certs, version):
    """The server knows its client again; it resumes if its library keeps the certificate."""
    server = mpy_server(SERVER_STEPS, connections=2,
                        context=context("TLS_SERVER", cert="ec", ca="root"))
    client = python_peer.client_context(certs, version=version, name="client-ec")
    session = None
    for _ in range(2):
        raw = socket.create_connection(("127.0.0.1", server.port), python_peer.TIMEOUT)
        with client.wrap_socket(raw, server_hostname="server.test", session=session) as conn:
            conn.sendall(GET.encode())
            python_peer.receive_to_end(conn)
            if conn.session.has_ticket:
                session = conn.session
    first, second = server.result()["connections"]
    assert first["error"] is None and second["error"] is None
    assert second["info"]["reused"] is (session is not None)
    assert first["info"]["peer"] == second["info"]["peer"] is not None


# ----------------------------------------------------------------------------------------------------------------------
# The other engine


@pytest.mark.parametrize("server_engine", ["openssl", "mbedtls"])
@each_version
def test_engines(visit, mpy_server, context, server_engine, version):
    """MicroPython on both ends."""
    server = mpy_server(SERVER_STEPS, connections=3, engine=server_engine,
                        context=context("TLS_SERVER", cert="ec", version=version))
    check_visits(visit, server.port, version)
    check_server(server, version, [False, True, True])
