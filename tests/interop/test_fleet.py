"""Do servers that share ticket keys take each other's session tickets: ours, and nginx?"""

import itertools
import socket

import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
SHORT = bytes(range(48))
LONG = bytes(range(100, 180))
STEPS = [["serve_http", "hello"], ["close"]]

each_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def member(mpy_server, context):
    """member(KEYS, CONNECTIONS, …): a MicroPython server that shares these keys."""
    def member(keys, connections, version, engine=None, **attributes):
        spec = context("TLS_SERVER", cert="ec", version=version, ticket_keys=[key.hex() for key in keys])
        if attributes:
            spec["cafile"] = spec["cert"][0]  # some trust anchors
            spec.set(**attributes)
        return mpy_server(STEPS, connections=connections, context=spec, engine=engine)

    return member


@pytest.fixture
def nginx_member(nginx, certs, tmp_path):
    """nginx_member(KEYS, VERSION): nginx that shares these keys."""
    def nginx_member(keys, version):
        lines = []
        for number, key in enumerate(keys):
            file = tmp_path / f"ticket{number}.key"
            file.write_bytes(key)
            lines.append(f"ssl_session_ticket_key {file};")
        return nginx(f"""
            ssl_certificate {certs}/ec-chain.pem;
            ssl_certificate_key {certs}/ec.key;
            ssl_protocols {version};
            {" ".join(lines)}
        """)

    return nginx_member


class Client:
    """CPython, which takes its session from server to server."""

    def __init__(self, certs, version):
        self._context = python_peer.client_context(certs, version=version)
        self.session = None

    def visit(self, server):
        """Whether the session of the last visit was resumed."""
        raw = socket.create_connection(("127.0.0.1", server.port), python_peer.TIMEOUT)
        with self._context.wrap_socket(raw, server_hostname="server.test", session=self.session) as conn:
            conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b" 200 " in python_peer.receive_to_end(conn)
            self.session = conn.session
            return conn.session_reused


@pytest.mark.parametrize("key", [SHORT, LONG], ids=["short", "long"])
@each_version
def test_two_servers(member, certs, version, key):
    """Back and forth between two MicroPython servers."""
    servers = [member([key], 2, version) for _ in range(2)]
    client = Client(certs, version)
    assert [client.visit(server) for server in servers + servers] == [False, True, True, True]
    for server in servers:
        assert all(result["error"] is None for result in server.result()["connections"])


@each_version
def test_rotation(member, certs, version):
    """A ticket under the old key is good where both keys are, and no good where only the new one is."""
    old, both, new = (member(keys, 2, version) for keys in ([SHORT], [LONG, SHORT], [LONG]))
    client = Client(certs, version)
    assert [client.visit(server) for server in (old, both)] == [False, True]
    client.session = None
    assert [client.visit(server) for server in (both, new)] == [False, True]
    client.session = None
    assert [client.visit(server) for server in (old, new)] == [False, False]


@each_version
def test_other_rules(member, certs, version):
    """Servers that ask for different things are no fleet, whatever keys they have."""
    lax, strict = member([LONG], 2, version), member([LONG], 2, version, verify_mode=1)
    client = Client(certs, version)
    assert [client.visit(server) for server in (lax, strict, lax, strict)] == 4 * [False]


@pytest.mark.parametrize("key", [SHORT, LONG], ids=["short", "long"])
@each_version
def test_nginx(member, nginx_member, certs, engine, version, key):
    """nginx and MicroPython, back and forth: the ticket format is that of OpenSSL."""
    servers = [nginx_member([key], version), member([key], 2, version)]
    client = Client(certs, version)
    expected = engine == "openssl"
    assert [client.visit(server) for server in servers + servers] == [False] + 3 * [expected]


@each_version
def test_rotation_with_nginx(member, nginx_member, certs, engine, version):
    """The order of the keys means the same to both."""
    if engine != "openssl":
        pytest.skip("the tickets of Mbed TLS are of another format")
    client = Client(certs, version)
    ours, theirs = member([LONG, SHORT], 2, version), nginx_member([SHORT], version)
    assert [client.visit(server) for server in (theirs, ours)] == [False, True]
    # Ours gave a new one, under the new key.
    assert [client.visit(server) for server in (theirs, ours)] == [False, True]


@each_version
def test_nginx_and_rules(member, nginx_member, certs, version):
    """A server that asks for certificates takes no ticket of an nginx that does not."""
    servers = [nginx_member([LONG], version), member([LONG], 1, version, verify_mode=1)]
    client = Client(certs, version)
    assert [client.visit(server) for server in servers] == [False, False]


@each_version
def test_engines(member, certs, version):
    """Servers on different engines share keys, and still do not take each other's tickets."""
    servers = [member([LONG], 2, version, engine=engine) for engine in ("openssl", "mbedtls")]
    client = Client(certs, version)
    visits = [client.visit(server) for server in itertools.chain(servers, servers)]
    assert visits == 4 * [False]
