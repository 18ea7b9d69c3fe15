"""Are certificates what CPython says they are, and does what CPython's programs ask of a context answer the same?"""

import ast
import shutil
import ssl
import subprocess

import odd_certificates
import pytest
import python_peer

DECODE = """
    import json, ssl, sys
    with open(sys.argv[1]) as file:
        for path in json.load(file):
            with open(path, "rb") as file:
                data = file.read()
            try:
                print(repr(ssl._decode_certificate(data)))
            except ValueError as error:
                print(repr(str(error)))
"""


def run_mpy(start_mpy, program, *args, **env):
    return start_mpy(program, args, env=env).check()


def decode_by_cpython(folder, der):
    """CPython's dict; its function is the one that getpeercert() uses, and takes a file."""
    path = folder / "certificate.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(der))
    return ssl._ssl._test_decode_cert(str(path))


@pytest.fixture
def decode(start_mpy, tmp_path):
    """decode({NAME: DER}): the dicts of MicroPython."""
    def decode(certificates):
        paths = []
        for number, der in enumerate(certificates.values()):
            paths.append(tmp_path / f"{number}.der")
            paths[-1].write_bytes(der)
        lines = run_mpy(start_mpy, DECODE, paths).splitlines()
        return dict(zip(certificates, map(ast.literal_eval, lines), strict=True))

    return decode


def test_odd_certificates(decode, tmp_path):
    """Every odd certificate makes the dict that CPython makes of it."""
    certificates = odd_certificates.CERTIFICATES
    assert len(certificates) >= 70
    dicts = decode(certificates)
    expected = {name: decode_by_cpython(tmp_path, der) for name, der in certificates.items()}
    assert dicts == expected


def test_certificates_of_the_machine(decode, tmp_path):
    """So does every certificate that the machine trusts."""
    with open("/etc/ssl/certs/ca-certificates.crt", encoding="ascii") as file:
        blocks = file.read().split("-----END CERTIFICATE-----\n")[:-1]
    certificates = {number: ssl.PEM_cert_to_DER_cert(block.strip() + "\n-----END CERTIFICATE-----\n")
                    for number, block in enumerate(blocks)}
    assert len(certificates) > 50
    assert decode(certificates) == {number: decode_by_cpython(tmp_path, der) for number, der in certificates.items()}


def test_what_cpython_does_not_take(decode, tmp_path):
    """Where CPython fails, or says less, ours is what DIFFERENT says."""
    dicts = decode({name: der for name, (der, _, _) in odd_certificates.DIFFERENT.items()})
    for name, (der, key, value) in odd_certificates.DIFFERENT.items():
        assert dicts[name][key] == value, name
        try:
            assert decode_by_cpython(tmp_path, der) != dicts[name], f"{name}: no difference any more"
        except (ssl.SSLError, UnicodeDecodeError):
            pass


# ----------------------------------------------------------------------------------------------------------------------
# Of connections

PEER = """
    import json, socket, ssl, sys
    with open(sys.argv[1]) as file:
        port, ca, version = json.load(file)
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = version
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    conn = context.wrap_socket(sock, server_hostname="server.test")
    print(repr((conn.getpeercert(), conn.getpeercert(True), conn.getpeercertchain())))
    conn.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    conn.read()
    conn.close()
"""


@pytest.mark.parametrize("version", (0x303, 0x304))
@pytest.mark.parametrize("name", ("ec", "rsa"))
def test_peer(start_mpy, certs, version, name):
    """getpeercert() is what a client in CPython gets of the same server."""
    serving = python_peer.Server(python_peer.server_context(certs, name), python_peer.serve_http, connections=2)
    with python_peer.connect(serving.port, python_peer.client_context(certs)) as conn:
        expected = conn.getpeercert(), conn.getpeercert(True)
        conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert conn.recv(4096)
    certificate, der, chain = ast.literal_eval(
        run_mpy(start_mpy, PEER, [serving.port, str(certs / "root.pem"), version]))
    assert (certificate, der) == expected
    assert chain == [(certs / f"{name}.der").read_bytes(), (certs / "inter.der").read_bytes()]
    serving.result()


@pytest.mark.parametrize("ca, error", ((None, None), ("root", None), ("other-root", "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED")))
def test_get_server_certificate(start_mpy, certs, ca, error):
    """As CPython's: whatever names the certificate has, and verified if there are ca_certs."""
    serving = python_peer.Server(python_peer.server_context(certs, "wrong-name"), lambda conn: conn.recv(1))
    text = run_mpy(start_mpy, """
        import json, ssl, sys
        with open(sys.argv[1]) as file:
            port, ca = json.load(file)
        try:
            print(ssl.get_server_certificate(("127.0.0.1", port), ca_certs=ca, timeout=20), end="")
        except OSError as e:
            print(e.args[1], end="")
    """, [serving.port, ca and str(certs / f"{ca}.pem")])
    if error is None:
        assert text == (certs / "wrong-name.pem").read_text()
        serving.result()
    else:
        assert text == error
        assert isinstance(serving.error(), ssl.SSLError)


# ----------------------------------------------------------------------------------------------------------------------
# Of contexts

TRUST = """
    import json, ssl, sys
    with open(sys.argv[1]) as file:
        arguments = json.load(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if arguments:
        context.load_verify_locations(**arguments)
    else:
        context.load_default_certs()
    print(repr((context.cert_store_stats(), context.get_ca_certs(), context.get_ca_certs(True))))
"""


def trusted_by_cpython(**arguments):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(**arguments)
    return context.cert_store_stats(), context.get_ca_certs(), context.get_ca_certs(binary_form=True)


def check_trust(ours, expected):
    """In any order: CPython's is that of OpenSSL's store."""
    assert ours[0] == expected[0]
    assert len(ours[1]) == len(expected[1])
    assert all(certificate in expected[1] for certificate in ours[1])
    assert sorted(ours[2]) == sorted(expected[2])


@pytest.mark.parametrize("name", ("roots.pem", "ec-chain.pem", "crls.pem", "self-signed.pem", "root-rsa.pem"))
def test_trust(start_mpy, certs, name):
    """get_ca_certs() and cert_store_stats() after the same file."""
    ours = ast.literal_eval(run_mpy(start_mpy, TRUST, {"cafile": str(certs / name)}))
    check_trust(ours, trusted_by_cpython(cafile=certs / name))


def test_default_certs(start_mpy, certs):
    """load_default_certs() takes the file that SSL_CERT_FILE names, as OpenSSL does."""
    ours = ast.literal_eval(run_mpy(start_mpy, TRUST, {}, SSL_CERT_FILE=str(certs / "roots.pem")))
    check_trust(ours, trusted_by_cpython(cafile=certs / "roots.pem"))


@pytest.fixture
def hashed(certs, tmp_path):
    """A folder that "openssl rehash" has made ready."""
    folder = tmp_path / "trusted"
    folder.mkdir()
    for name in ("root", "root-rsa", "other-root"):
        shutil.copy(certs / f"{name}.pem", folder)
    subprocess.run(["openssl", "rehash", folder], check=True)
    return folder


def test_folder(start_mpy, certs, hashed):
    """A folder of openssl rehash: each of its certificates once, although it is there under two names."""
    stats, _, ders = ast.literal_eval(run_mpy(start_mpy, TRUST, {"capath": str(hashed)}))
    assert stats == {"x509": 3, "x509_ca": 3, "crl": 0}
    assert sorted(ders) == sorted((certs / f"{name}.der").read_bytes() for name in ("root", "root-rsa", "other-root"))


DEFAULT = """
    import socket, ssl, sys
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", int(sys.argv[1]))[0][-1])
    try:
        conn = ssl.create_default_context().wrap_socket(sock, server_hostname="server.test")
        conn.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(conn.read().decode().split("\\r\\n")[-1])
        conn.close()
    except OSError as e:
        print(e.reason)
        sock.close()
"""


@pytest.mark.parametrize("name, roots, expected", (
    ("ec", "root", "hello"), ("ec", "other-root", "untrusted"), ("wrong-name", "root", "hostname_mismatch"),
    ("expired", "root", "expired")))
def test_default_context(start_mpy, certs, name, roots, expected):
    """create_default_context() alone verifies a server in CPython by what the machine trusts."""
    serving = python_peer.Server(python_peer.server_context(certs, name), python_peer.serve_http)
    text = run_mpy(start_mpy, DEFAULT, str(serving.port), SSL_CERT_FILE=str(certs / f"{roots}.pem"))
    assert text.strip() == expected
    if expected == "hello":
        serving.result()
    else:
        assert isinstance(serving.error(), ssl.SSLError)
