"""Does it work behind, before and between reverse proxies?"""

import concurrent.futures
import os
import pathlib

import python_peer
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MPY = pathlib.Path(__file__).resolve().parent / "mpy"
VERSIONS = ("TLSv1.2", "TLSv1.3")

each_version = pytest.mark.parametrize("version", VERSIONS)


def fetch(port, certs, target="/", ca="root"):
    """The answer to a client in CPython."""
    with python_peer.connect(port, python_peer.client_context(certs, ca)) as conn:
        conn.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        return python_peer.receive_to_end(conn)


@pytest.fixture
def proxy(nginx, certs):
    """proxy(PORT, VERSION, CERT): nginx before a TLS server at PORT, which it verifies and shows CERT; and it demands
    certificates of its clients."""
    def proxy(port, version, cert):
        return nginx(f"""
            ssl_certificate {certs}/ec-chain.pem;
            ssl_certificate_key {certs}/ec.key;
            ssl_client_certificate {certs}/root.pem;
            ssl_verify_client on;
            ssl_verify_depth 2;
            ssl_protocols {version};
            location / {{
                proxy_pass https://127.0.0.1:{port};
                proxy_ssl_protocols {version};
                proxy_ssl_name server.test;
                proxy_ssl_server_name on;
                proxy_ssl_verify on;
                proxy_ssl_verify_depth 2;
                proxy_ssl_trusted_certificate {certs}/root.pem;
                proxy_ssl_certificate {certs}/{cert}-chain.pem;
                proxy_ssl_certificate_key {certs}/{cert}.key;
                add_header Client "$ssl_client_verify $ssl_client_s_dn" always;
            }}
        """)
    return proxy


@pytest.fixture
def upstream(start_mpy, free_port, certs):
    """upstream(CERTIFICATE): examples/https_server.py, which demands certificates of its clients."""
    def upstream(certificate):
        port = free_port()
        process = start_mpy(ROOT / "examples" / "https_server.py", [
            str(port), f"certfile={certs}/{certificate}-chain.pem", f"keyfile={certs}/{certificate}.key",
            f"clientca={certs}/root.pem"]).wait_port(port)
        process.port = port
        return process
    return upstream


@each_version
def test_nginx_before_us_and_behind_us(mpy_client, context, proxy, upstream, engine, version):
    """A client and a server on MicroPython with nginx in between; each of the four ends verifies its peer."""
    front = proxy(upstream("ec").port, version, "client-rsa")
    steps = [["write", "GET / HTTP/1.0\r\n\r\n"], ["read_to_end"], ["close"]]
    for _ in range(2):  # the second time nginx may offer our server's session
        result = mpy_client(front.port, steps, context=context("TLS_CLIENT", ca="root", cert="client-ec")).result()
        assert result["error"] is None
        page = result["steps"][1]["text"]
        assert "200 OK" in page and "Client: SUCCESS CN=Test client EC" in page
        assert f"served by MicroPython with the {engine} engine over {version}" in page


@each_version
def test_nginx_verifies_our_client(mpy_client, context, proxy, upstream, version):
    """nginx sends a client away whose certificate leads elsewhere; our server is not asked."""
    front = proxy(upstream("ec").port, version, "client-rsa")
    steps = [["write", "GET / HTTP/1.0\r\n\r\n"], ["read_to_end"], ["close"]]
    result = mpy_client(front.port, steps, context=context("TLS_CLIENT", ca="root", cert="client-other")).result()
    assert "400 Bad Request" in result["steps"][1]["text"] and "served by MicroPython" not in result["steps"][1]["text"]


@each_version
@pytest.mark.parametrize(("certificate", "client", "complaint"), [
    ("wrong-name", "client-rsa", "does not match"), ("other-ca", "client-rsa", "unable to verify the first certificate"),
    ("ec", "client-other", "")])
def test_bad_ends_behind_nginx(mpy_client, context, proxy, upstream, version, certificate, client, complaint):
    """nginx does not pass on to a server of ours that it cannot verify, nor our server listen to such an nginx."""
    server = upstream(certificate)
    front = proxy(server.port, version, client)
    steps = [["write", "GET / HTTP/1.0\r\n\r\n"], ["read_to_end"], ["close"]]
    result = mpy_client(front.port, steps, context=context("TLS_CLIENT", ca="root", cert="client-ec")).result()
    assert "502 Bad Gateway" in result["steps"][1]["text"]
    if complaint:
        front.wait_output(complaint, stream="stderr")
    else:
        server.wait_output("client failed: .*client's certificate")


# ----------------------------------------------------------------------------------------------------------------------
# MicroPython is the proxy


@pytest.fixture
def gateway(start_mpy, free_port, certs):
    """gateway(PORT, NAME): the port of a proxy on MicroPython before the TLS server at PORT."""
    def gateway(upstream, name="server.test"):
        port = free_port()
        start_mpy(MPY / "gateway.py", [str(port), str(certs / "ec-chain.pem"), str(certs / "ec.key"), str(upstream), name,
                                       str(certs / "root.pem")]).wait_port(port)
        return port
    return gateway


@each_version
def test_nginx_behind_a_gateway(gateway, nginx, certs, version):
    """Many clients at a time, each over two TLS connections; large pages arrive whole."""
    server = nginx(f"""
        ssl_certificate {certs}/rsa-chain.pem;
        ssl_certificate_key {certs}/rsa.key;
        ssl_protocols {version};
    """)
    data = os.urandom(200_000)
    (server.www / "data").write_bytes(data)
    port = gateway(server.port)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fetch(port, certs, "/data"), range(24)))
    assert all(answer.endswith(b"\r\n\r\n" + data) for answer in answers)


@pytest.mark.parametrize(("certificate", "reason"), [("wrong-name", b"hostname_mismatch"), ("expired", b"expired")])
def test_gateway_verifies_nginx(gateway, nginx, certs, certificate, reason):
    """Nothing is fetched from a server that does not verify, and the client is told."""
    server = nginx(f"""
        ssl_certificate {certs}/{certificate}-chain.pem;
        ssl_certificate_key {certs}/{certificate}.key;
    """)
    answer = fetch(gateway(server.port), certs)
    assert answer.startswith(b"HTTP/1.0 502 ") and answer.endswith(reason)
