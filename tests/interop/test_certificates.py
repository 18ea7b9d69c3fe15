"""Are certificates what CPython says they are, and does what CPython's programs ask of a context answer the same?"""

import ast
import contextlib
import shutil
import socket
import ssl
import subprocess

import chains
import der
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


ODD_PEERS = """
    import json, socket, ssl, sys
    with open(sys.argv[1]) as file:
        role, port, root, own, count = json.load(file)
    context = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_" + role))
    context.load_verify_locations(root)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = False
    address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
    if role == "SERVER":
        context.load_cert_chain(*own)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1)
    for _ in range(count):
        if role == "SERVER":
            sock = listener.accept()[0]
        else:
            sock = socket.socket()
            sock.connect(address)
        try:
            conn = context.wrap_socket(sock, server_side=role == "SERVER")
            print(repr(conn.getpeercert()))
            conn.close()
        except OSError as e:
            print(repr(e.reason))
            sock.close()
"""

# Peers that CPython takes and we do not. There is no version 4, and no authority may use unique identifiers (RFC 5280
# section 4.1.2.8); the others the parser of Mbed TLS does not take: it knows fewer kinds of text, and wants addresses to
# have 4 or 16 octets and directories a name.
REFUSED = {
    "openssl": {"version 4", "version 2 with unique identifiers"},
    "mbedtls": {"version 4", "NumericString", "addresses of other lengths", "directory names",
                "version 2 with unique identifiers"},
}

ROOT = chains.Certificate("Root of odd ones", chains.Key("odd root"), extensions=[chains.basic_constraints()])
PEER_KEY = chains.Key("odd peer")


def reissue(certificate):
    """The same certificate, of an issuer that is trusted, for a key that a peer has."""
    fields = der.elements(der.elements(certificate)[0])
    first = 1 if fields[0][0] == 0xA0 else 0  # behind the version
    fields[first + 1] = ROOT.key.algorithm("sha256")
    fields[first + 2] = ROOT.subject
    fields[first + 5] = PEER_KEY.public
    to_sign = der.sequence(*fields)
    return der.sequence(to_sign, fields[first + 1], der.tlv(der.BIT_STRING, b"\0", ROOT.key.sign("sha256", to_sign)))


def pair_of_cpython(role, root, own, certs):
    """Contexts of a client and a server; the one of this role verifies, the other one shows the certificate `own`."""
    pair = {"CLIENT": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "SERVER": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)}
    pair["CLIENT"].check_hostname = False
    pair["CLIENT"].verify_mode = ssl.CERT_NONE
    pair[role].load_verify_locations(root)
    pair[role].verify_mode = ssl.CERT_REQUIRED
    if role == "SERVER":
        pair["SERVER"].load_cert_chain(certs / "ec-chain.pem", certs / "ec.key")
        pair["CLIENT"].load_cert_chain(own, PEER_KEY.path)
    else:
        pair["SERVER"].load_cert_chain(own, PEER_KEY.path)
    return pair


def view_of_cpython(pair, role):
    """What getpeercert() is in CPython when it talks to itself; None: it refuses the peer."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = {"CLIENT": pair["CLIENT"].wrap_bio(down, up), "SERVER": pair["SERVER"].wrap_bio(up, down, server_side=True)}
    for _ in range(4):
        for end in ends.values():
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return None
    return ends[role].getpeercert()


def wait_for_the_end(raw, context, **options):
    """A peer in CPython that may be refused."""
    raw.settimeout(python_peer.TIMEOUT)
    with contextlib.suppress(OSError), context.wrap_socket(raw, **options) as conn:
        conn.recv(1)


@pytest.mark.parametrize("role", ("CLIENT", "SERVER"))
def test_odd_peers(start_mpy, engine, certs, free_port, tmp_path, role):
    """Of every odd certificate that a peer can show, getpeercert() is CPython's; whom CPython refuses, we refuse."""
    root = tmp_path / "root.pem"
    root.write_text(ROOT.pem)
    pairs = {}
    for number, (name, certificate) in enumerate(odd_certificates.CERTIFICATES.items()):
        own = tmp_path / f"peer{number}.pem"
        own.write_text(chains.pem("CERTIFICATE", reissue(certificate)))
        with contextlib.suppress(ssl.SSLError):  # names that are there twice, or damaged
            pairs[name] = pair_of_cpython(role, root, own, certs)
    expected = {name: view_of_cpython(pair, role) for name, pair in pairs.items()}

    own = [str(certs / "ec-chain.pem"), str(certs / "ec.key")]
    if role == "CLIENT":
        listener = socket.create_server(("127.0.0.1", 0))
        mpy = start_mpy(ODD_PEERS, [[role, listener.getsockname()[1], str(root), own, len(pairs)]])
        for pair in pairs.values():
            wait_for_the_end(listener.accept()[0], pair["SERVER"], server_side=True)
        listener.close()
    else:
        port = free_port()
        mpy = start_mpy(ODD_PEERS, [[role, port, str(root), own, len(pairs)]]).wait_port(port)
        for pair in pairs.values():
            wait_for_the_end(socket.create_connection(("127.0.0.1", port)), pair["CLIENT"])
    seen = dict(zip(pairs, map(ast.literal_eval, mpy.check().splitlines()), strict=True))

    equal = {name for name, certificate in expected.items() if certificate is not None and seen[name] == certificate}
    refused = {name for name in pairs if isinstance(seen[name], str)}
    assert len(equal) > 50
    assert refused == set(pairs) - equal
    assert {name for name in refused if expected[name] is not None} == REFUSED[engine]


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
