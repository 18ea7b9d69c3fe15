"""Are revoked peers and peers with the wrong key refused, and the others not, whoever made certificates and lists?"""

import hashlib
import re
import ssl
import subprocess

import python_peer
import pytest

CERT_NONE = 0
CRL_LEAF, CRL_CHAIN = 0x4, 0xC
T_2021 = 1622505600
T_2049 = 2493072000  # more than 31 bits hold
VERSIONS = ("TLSv1.2", "TLSv1.3")
OPENSSL = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
GET = "GET / HTTP/1.0\r\n\r\n"
CLIENT_STEPS = [["write", GET], ["read_to_end"], ["close"]]
SERVER_STEPS = [["serve_http", "hello client"], ["close"]]

each_version = pytest.mark.parametrize("version", VERSIONS)


def pin(certs, name):
    """What OpenSSL's tools say that the digest of the key is."""
    key = subprocess.run(["openssl", "x509", "-in", certs / f"{name}.pem", "-pubkey", "-noout"], check=True,
                         capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, check=True,
                         capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


def run(*argv):
    return subprocess.run(["openssl", *argv], check=True, capture_output=True).stdout


def make_list(folder, issuer, name, *options, revoked=()):
    """A revocation list of an issuer's."""
    (folder / "index.txt").touch()
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca = test\n[test]\ndatabase = {folder}/index.txt\ndefault_md = sha256\ndefault_crl_days = 30\n")
    ca = ["ca", "-config", folder / "ca.cnf", "-cert", f"{issuer}.pem", "-keyfile", f"{issuer}.key"]
    for certificate in revoked:
        run(*ca, "-revoke", certificate)
    run(*ca, "-gencrl", "-out", folder / f"{name}.pem", *options)


def issue(folder, name, issuer, extensions):
    """A certificate of an issuer's, with a new key."""
    (folder / f"{name}.ext").write_text(extensions)
    run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
        "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
    run("x509", "-req", "-in", folder / f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
        "-set_serial", "4711", "-extfile", folder / f"{name}.ext", "-out", folder / f"{name}.pem")


@pytest.fixture
def visit(mpy_client, context, certs):
    """visit(CERTIFICATE, CONTEXT, VERSION): what a client makes of a server in CPython, and what the server saw."""
    def visit(certificate, spec, version="TLSv1.3", folder=certs):
        server = python_peer.Server(python_peer.server_context(folder, certificate, version), python_peer.serve_http)
        result = mpy_client(server.port, CLIENT_STEPS, context=spec).result()
        try:
            return result, server.result()
        except (ssl.SSLError, OSError) as error:
            return result, error

    return visit


def check_refused(outcome, reason):
    result, seen = outcome
    error = result["error"]
    assert error is not None, "accepted"
    assert error["where"] == "wrap"
    assert error["args"] == [-0x2700, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"]
    assert error["reason"] == reason
    assert error["alert_by"] == "local"
    assert isinstance(seen, ssl.SSLError)
    return error


def check_accepted(outcome):
    result, seen = outcome
    assert result["error"] is None, result["error"]["traceback"]
    assert seen == "GET / HTTP/1.0"


# ----------------------------------------------------------------------------------------------------------------------
# Revocation lists of "openssl ca"


@each_version
def test_revoked_server(visit, context, certs, version):
    """A revoked server is refused and an honest one is not."""
    spec = context("TLS_CLIENT", ca="root", lists=str(certs / "inter-crl.pem")).set(verify_flags=CRL_LEAF)
    check_accepted(visit("ec", spec, version))
    error = check_refused(visit("revoked", spec, version), "revoked")
    assert error["alert"] == "certificate_revoked"


@pytest.mark.parametrize(("certificate", "lists", "reason"), [
    ("ec", "crls", None), ("ec", "inter-crl", "bad_crl"), ("revoked-issuer", "crls", "revoked")])
def test_whole_chain(visit, context, certs, certificate, lists, reason):
    """Intermediates can be revoked, too."""
    spec = context("TLS_CLIENT", ca="root", lists=str(certs / f"{lists}.pem")).set(verify_flags=CRL_CHAIN)
    outcome = visit(certificate, spec)
    if reason is None:
        check_accepted(outcome)
    else:
        check_refused(outcome, reason)


@pytest.mark.parametrize("lists", ["inter-crl-old", "inter-crl-forged", "root-crl"])
def test_list_that_does_not_help(visit, context, certs, lists):
    """A list that is expired, forged or another issuer's is none."""
    spec = context("TLS_CLIENT", ca="root", lists=str(certs / f"{lists}.pem")).set(verify_flags=CRL_LEAF)
    check_refused(visit("ec", spec), "bad_crl")


def revoke_client(certs, folder):
    """A list of inter's in which client-ec is revoked."""
    make_list(folder, certs / "inter", "crl", revoked=[certs / "client-ec.pem"])
    return str(folder / "crl.pem")


@each_version
@pytest.mark.parametrize(("client", "reason"), [("client-ec", "revoked"), ("client-rsa", None)])
def test_revoked_client(mpy_server, context, certs, tmp_path, version, client, reason):
    """A server refuses a revoked client, which is told so."""
    spec = context("TLS_SERVER", cert="ec", ca="root", lists=revoke_client(certs, tmp_path)).set(verify_flags=CRL_LEAF)
    server = mpy_server(SERVER_STEPS, context=spec)
    peer = python_peer.client_context(certs, version=version, name=client)
    if reason is None:
        with python_peer.connect(server.port, peer) as conn:
            conn.sendall(GET.encode())
            assert python_peer.receive_to_end(conn).endswith(b"hello client")
        assert server.result()["error"] is None
    else:
        with pytest.raises(ssl.SSLError) as caught, python_peer.connect(server.port, peer) as conn:
            conn.recv(1)
        assert caught.value.reason == "SSLV3_ALERT_CERTIFICATE_REVOKED"
        assert server.result()["error"]["reason"] == reason


@each_version
@pytest.mark.parametrize("program", ["nginx", "s_server"])
def test_revoked_server_of_a_program(mpy_client, context, nginx, start, certs, free_port, version, program):
    """A revoked server is refused behind other programs too, and was let in before somebody looked."""
    if program == "nginx":
        port = nginx(f"""
            ssl_protocols {version};
            ssl_certificate {certs}/revoked-chain.pem;
            ssl_certificate_key {certs}/revoked.key;
        """).port
    else:
        port = free_port()
        start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", certs / "revoked.pem", "-key",
               certs / "revoked.key", "-cert_chain", certs / "inter.pem", OPENSSL[version]]).wait_port(port)
    spec = context("TLS_CLIENT", ca="root", lists=str(certs / "inter-crl.pem"))
    assert mpy_client(port, CLIENT_STEPS, context=spec).result()["error"] is None
    error = mpy_client(port, CLIENT_STEPS, context=spec.set(verify_flags=CRL_LEAF)).result()["error"]
    assert (error["reason"], error["alert"]) == ("revoked", "certificate_revoked")


# ----------------------------------------------------------------------------------------------------------------------
# Verdicts of "openssl verify"


@pytest.fixture(scope="module")
def odd(certs, tmp_path_factory):
    """More lists: "future", whose time has not come, and "mute-crl", of the server mute's issuer, which may sign none."""
    folder = tmp_path_factory.mktemp("odd")
    make_list(folder, certs / "inter", "future", "-crl_lastupdate", "20480101000000Z", "-crl_nextupdate",
              "20491231235959Z")
    extensions = {
        "mute-inter": "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
        "mute": "basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:server.test\n",
    }
    for name, issuer in (("mute-inter", certs / "root"), ("mute", folder / "mute-inter")):
        issue(folder, name, issuer, extensions[name])
    (folder / "mute-chain.pem").write_text(
        (folder / "mute.pem").read_text() + (folder / "mute-inter.pem").read_text())
    make_list(folder, folder / "mute-inter", "mute-crl")
    return folder


# By the numbers of X509_verify_cert_error_string().
REASONS = {23: "revoked", 3: "bad_crl", 8: "bad_crl", 11: "bad_crl", 12: "bad_crl", 35: "bad_crl"}


def verdict_of_openssl(certs, chain, lists, flags):
    argv = ["openssl", "verify", "-CAfile", certs / "root.pem", "-untrusted", chain,
            "-crl_check_all" if flags == CRL_CHAIN else "-crl_check"]
    if lists is not None:
        argv += ["-CRLfile", lists]
    result = subprocess.run([*argv, chain], capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return None
    return REASONS[int(re.search(r"error (\d+) at", result.stdout + result.stderr)[1])]


@pytest.mark.parametrize(("certificate", "lists", "flags", "expected"), [
    ("ec", "", CRL_LEAF, "bad_crl"),
    ("ec", "inter-crl", CRL_LEAF, None),
    ("revoked", "inter-crl", CRL_LEAF, "revoked"),
    ("ec", "root-crl", CRL_LEAF, "bad_crl"),
    ("ec", "inter-crl-old", CRL_LEAF, "bad_crl"),
    ("ec", "inter-crl-old inter-crl", CRL_LEAF, None),
    ("ec", "inter-crl-forged", CRL_LEAF, "bad_crl"),
    ("ec", "inter-crl-before", CRL_LEAF, "revoked"),
    ("ec", "inter-crl-before inter-crl", CRL_LEAF, None),
    ("ec", "inter-crl inter-crl-before", CRL_LEAF, None),
    ("revoked", "inter-crl-before inter-crl", CRL_LEAF, "revoked"),
    ("ec", "future", CRL_LEAF, "bad_crl"),
    ("ec", "future inter-crl", CRL_LEAF, None),
    ("mute", "mute-crl", CRL_LEAF, "bad_crl"),
    ("ec", "inter-crl root-crl", CRL_CHAIN, None),
    ("revoked", "inter-crl root-crl", CRL_CHAIN, "revoked"),
    ("ec", "inter-crl", CRL_CHAIN, "bad_crl"),
])
def test_verdicts_of_openssl(visit, context, certs, odd, tmp_path, certificate, lists, flags, expected):
    """The same verdict as that of "openssl verify" about the same certificates and lists."""
    def folder_of(name):
        return certs if (certs / name).exists() else odd

    names = [f"{name}.pem" for name in lists.split()]
    file = tmp_path / "lists.pem" if names else None
    if names:
        file.write_text("".join((folder_of(name) / name).read_text() for name in names))
    folder = folder_of(f"{certificate}.pem")
    assert verdict_of_openssl(certs, folder / f"{certificate}-chain.pem", file, flags) == expected

    spec = context("TLS_CLIENT", ca="root").set(verify_flags=flags)
    if names:
        spec["lists"] = str(file)
    outcome = visit(certificate, spec, folder=folder)
    if expected is None:
        check_accepted(outcome)
    else:
        check_refused(outcome, expected)


def test_critical_extension(run_mpy, engine, certs, tmp_path):
    """Mbed TLS cannot read a list that is about some certificates only; it is refused when it is loaded."""
    (tmp_path / "idp.cnf").write_text(
        "[parts]\nissuingDistributionPoint=critical,@users\n[users]\nonlyuser=TRUE\n"
        f"[ca]\ndefault_ca = test\n[test]\ndatabase = {tmp_path}/index.txt\ndefault_md = sha256\n")
    (tmp_path / "index.txt").touch()
    run("ca", "-config", tmp_path / "idp.cnf", "-cert", certs / "inter.pem", "-keyfile", certs / "inter.key", "-gencrl",
        "-crldays", "30", "-crlexts", "parts", "-out", tmp_path / "part.pem")
    result = run_mpy("""
        import ssl, sys
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(sys.argv[1])
            print("taken")
        except ValueError as error:
            print(error.args[0] + ": " + error.detail)
    """, [str(tmp_path / "part.pem")])
    refusal = "invalid cert: a revocation list in the data cannot be read\n"
    assert result.stdout == (refusal if engine == "mbedtls" else "taken\n")


# ----------------------------------------------------------------------------------------------------------------------
# Pins, as OpenSSL's tools tell them


@pytest.mark.parametrize(("certificate", "version"), [("ec", "TLSv1.2"), ("p384", "TLSv1.2"), ("rsa", "TLSv1.3")])
@pytest.mark.parametrize("pinned", ["leaf", "inter", "root"])
def test_pinned(visit, context, certs, certificate, version, pinned):
    """The key of the leaf or of an issuer, of every kind."""
    name = certificate if pinned == "leaf" else pinned
    spec = context("TLS_CLIENT", ca="root", pins=[pin(certs, "other-ca"), pin(certs, name)])
    check_accepted(visit(certificate, spec, version))


@each_version
@pytest.mark.parametrize("verify_mode", range(3))
def test_not_pinned(visit, context, certs, version, verify_mode):
    """Another key is refused in every verify mode."""
    spec = context("TLS_CLIENT", ca="root", pins=[pin(certs, "rsa")]).set(verify_mode=verify_mode)
    error = check_refused(visit("ec", spec, version), "pin_mismatch")
    assert pin(certs, "ec") in error["detail"]


LEAF = "basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:server.test\n"
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"


@pytest.mark.parametrize(("pinned", "accepted"), [("deep", True), ("below", True), ("inter", False), ("root", False)])
def test_pin_above_too_long_a_path(visit, context, certs, tmp_path, pinned, accepted):
    """inter may have no authorities below it (pathlen:0), so what such a one has issued is not of inter's."""
    issue(tmp_path, "below", certs / "inter", AUTHORITY)
    issue(tmp_path, "deep", tmp_path / "below", LEAF)
    (tmp_path / "deep-chain.pem").write_text(
        "".join((folder / name).read_text() for folder, name in (
            (tmp_path, "deep.pem"), (tmp_path, "below.pem"), (certs, "inter.pem"))))
    digest = pin(tmp_path if accepted else certs, pinned)
    outcome = visit("deep", context("TLS_CLIENT", ca="root", pins=[digest]).set(verify_mode=CERT_NONE), folder=tmp_path)
    if accepted:
        check_accepted(outcome)
    else:
        check_refused(outcome, "pin_mismatch")


EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
UNKNOWN_KEY = bytes.fromhex("06072a8648ce3d027f")


@each_version
def test_pin_on_a_key_of_an_unknown_kind(mpy_client, context, engine, certs, tmp_path, version):
    """Nobody can have verified a signature by it. Mbed TLS does not read such a certificate at all."""
    issue(tmp_path, "odd", certs / "root", AUTHORITY)
    issue(tmp_path, "leaf", tmp_path / "odd", LEAF)
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "odd.pem").read_text())
    assert der.count(EC_PUBLIC_KEY) == 1
    (tmp_path / "leaf-chain.pem").write_text(
        (tmp_path / "leaf.pem").read_text() + ssl.DER_cert_to_PEM_cert(der.replace(EC_PUBLIC_KEY, UNKNOWN_KEY)))
    start = der.index(EC_PUBLIC_KEY) - 4  # SEQUENCE { SEQUENCE { OID …
    digest = hashlib.sha256(
        der[start:start + 2 + der[start + 1]].replace(EC_PUBLIC_KEY, UNKNOWN_KEY)).hexdigest()

    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else it does not take such a chain itself
    server_context.load_cert_chain(tmp_path / "leaf-chain.pem", tmp_path / "leaf.key")
    server = python_peer.Server(python_peer.configure(server_context, version), python_peer.serve_http)
    spec = context("TLS_CLIENT", ca="root", pins=[digest]).set(verify_mode=CERT_NONE)
    error = mpy_client(server.port, CLIENT_STEPS, context=spec).result()["error"]
    assert error["reason"] == {"openssl": "pin_mismatch", "mbedtls": "bad_certificate"}[engine]
    assert error["alert_by"] == "local"
    assert isinstance(server.error(), ssl.SSLError)


@pytest.mark.parametrize("version", VERSIONS)
def test_pin_against_nginx(mpy_client, context, nginx, certs, version):
    """A self-signed server, known by nothing but its key."""
    server = nginx(f"""
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {certs}/self-signed-chain.pem;
        ssl_certificate_key {certs}/self-signed.key;
    """)
    spec = context("TLS_CLIENT", version=version, pins=[pin(certs, "self-signed")]).set(verify_mode=CERT_NONE)
    result = mpy_client(server.port, CLIENT_STEPS, context=spec).result()
    assert result["error"] is None
    assert "hello from nginx" in result["steps"][1]["text"]
    spec = context("TLS_CLIENT", version=version, pins=[pin(certs, "ec")]).set(verify_mode=CERT_NONE)
    result = mpy_client(server.port, CLIENT_STEPS, context=spec).result()
    assert result["error"]["reason"] == "pin_mismatch"


@each_version
@pytest.mark.parametrize(("client", "reason"), [
    ("client-ec", None), ("client-other", "pin_mismatch"), (None, "no_client_certificate")])
def test_server_pins_client(mpy_server, context, certs, version, client, reason):
    """A server without any authority, whose clients are known by their keys."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="ec", pins=[pin(certs, "client-ec")]))
    peer = python_peer.client_context(certs, version=version, name=client)
    if reason is None:
        with python_peer.connect(server.port, peer) as conn:
            conn.sendall(GET.encode())
            assert python_peer.receive_to_end(conn).endswith(b"hello client")
        assert server.result()["error"] is None
    else:
        with pytest.raises(ssl.SSLError), python_peer.connect(server.port, peer) as conn:
            conn.recv(1)
        assert server.result()["error"]["reason"] == reason


# ----------------------------------------------------------------------------------------------------------------------


@each_version
def test_as_of_then(visit, context, version):
    """verify_time: a certificate that was good in 2021."""
    spec = context("TLS_CLIENT", ca="root")
    check_refused(visit("expired", spec, version), "expired")
    check_accepted(visit("expired", spec.set(verify_time=T_2021), version))
    error = check_refused(visit("ec", spec, version), "not_yet_valid")
    assert "verify_time is 2021-06-01" in error["detail"]


@each_version
def test_as_of_a_time_to_come(visit, context, version):
    """... and one that will be good in 2049."""
    spec = context("TLS_CLIENT", ca="root")
    check_refused(visit("not-yet", spec, version), "not_yet_valid")
    check_accepted(visit("not-yet", spec.set(verify_time=T_2049), version))


@each_version
@pytest.mark.parametrize(("time", "client", "reason"), [
    (T_2021, "client-expired", None), (T_2021, "client-ec", "not_yet_valid"), (None, "client-expired", "expired")])
def test_clients_as_of_then(mpy_server, context, certs, version, time, client, reason):
    """The same of a server, about its clients."""
    server = mpy_server(SERVER_STEPS, context=context("TLS_SERVER", cert="ec", ca="root").set(verify_time=time))
    peer = python_peer.client_context(certs, version=version, name=client)
    if reason is None:
        with python_peer.connect(server.port, peer) as conn:
            conn.sendall(GET.encode())
            assert python_peer.receive_to_end(conn).endswith(b"hello client")
        assert server.result()["error"] is None
    else:
        with pytest.raises(ssl.SSLError), python_peer.connect(server.port, peer) as conn:
            conn.recv(1)
        error = server.result()["error"]
        assert error["reason"] == reason
        assert ("verify_time is 2021-06-01" if time else "clock says") in error["detail"]
