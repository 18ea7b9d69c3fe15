"""Are bad certificate chains refused, and good ones accepted? All cases of lib/verdicts.py.

Each engine judges each chain in a connection of TLS 1.2 and one of TLS 1.3, with the anchors loaded one by one and in a CA
bundle. `openssl verify` and GnuTLS's certtool are
asked the same. Where one of them decides otherwise than the table says, this is a difference listed there; a difference
that is not listed, and one that is listed and has gone, fails.
"""

import contextlib
import json
import pathlib
import runpy
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import chains
import pytest
import verdicts
from verdicts import ACCEPT, CASES, CLIENT, SERVER

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
JUDGE = pathlib.Path(__file__).resolve().parent / "mpy" / "judge.py"
ENGINES = ("openssl", "mbedtls")
TIMEOUT = 60  # seconds for one of the tools, or one step of a handshake
TLS_1_2, TLS_1_3 = 0x0303, 0x0304


def identify(case):
    return f"{case.group}: {case.name}".replace("::", ":")


every_case = pytest.mark.parametrize("case", CASES, ids=identify)


# ----------------------------------------------------------------------------------------------------------------------
# The engines


# Types of records and of handshake messages, RFC 5246 sections 6.2.1 and 7.4.
HANDSHAKE, CERTIFICATE = 22, 11


def sized(data):
    return len(data).to_bytes(3, "big") + data


def rewrite(flight, chain):
    """The records of a server's first flight in TLS 1.2 with another chain in them."""
    messages = b""
    while flight:
        assert flight[0] == HANDSHAKE
        end = 5 + int.from_bytes(flight[3:5], "big")
        messages, flight = messages + flight[5:end], flight[end:]
    changed = b""
    while messages:
        end = 4 + int.from_bytes(messages[1:4], "big")
        message, messages = messages[:end], messages[end:]
        if message[0] == CERTIFICATE:
            message = bytes([CERTIFICATE]) + sized(sized(b"".join(sized(certificate.der) for certificate in chain)))
        changed += message
    parts = [changed[n:n + 16384] for n in range(0, len(changed), 16384)]
    return b"".join(bytes([HANDSHAKE, 3, 3]) + len(part).to_bytes(2, "big") + part for part in parts)


class Peer:
    """Shows chains, as a server or a client, by CPython's ssl.

    It does not take or use every bad certificate. In TLS 1.2 these are put into its flight in the place of a good one:
    a client that refuses them does so before it could notice; one that took them would fail later, with another error.
    """

    def __init__(self, folder):
        self.folder = folder
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def context(self, chain, role, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if role == SERVER else ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion(version)
        if role == CLIENT:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        path = self.folder / "shown.pem"
        path.write_text("".join(certificate.pem for certificate in chain), encoding="ascii")
        context.load_cert_chain(path, chain[0].key.path)
        return context

    def versions(self, case):
        """The versions in which it can show the case."""
        try:
            self.context(case.chain, case.role, TLS_1_3)
            return [TLS_1_2, TLS_1_3]
        except ssl.SSLError:
            return [TLS_1_2]

    def _replace(self, sock, case):
        good = [verdicts.leaf(verdicts.ROOT, key=case.chain[0].key)]
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = self.context(good, case.role, TLS_1_2).wrap_bio(incoming, outgoing, server_side=True)
        while not outgoing.pending:
            incoming.write(sock.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                server.do_handshake()
        sock.sendall(rewrite(outgoing.read(), case.chain))
        while data := sock.recv(65536):
            incoming.write(data)
            try:
                server.do_handshake()
            except ssl.SSLWantReadError:
                continue
            finally:
                sock.sendall(outgoing.read())

    def _show(self, sock):
        line = b""
        while not line.endswith(b"\n"):
            line += sock.recv(1)
        number, version = map(int, line.split())
        sock.sendall(b"+")
        case = CASES[number]
        refused = ACCEPT not in map(case.verdict_of, ENGINES)
        if case.role == SERVER and refused and version == TLS_1_2:
            self._replace(sock, case)
            return
        with self.context(case.chain, case.role, version).wrap_socket(sock, server_side=case.role == SERVER) as peer:
            peer.sendall(b"ok")
            peer.recv(1)

    def _serve(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            sock.settimeout(TIMEOUT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with sock, contextlib.suppress(OSError):  # it was refused; the other side says why
                self._show(sock)

    def close(self):
        self.listener.close()


@pytest.fixture(scope="session")
def judged(interpreter, certs):
    """judged(ENGINE, BY_BUNDLE): the verdicts of an engine on all cases: {name: {version: (verdict, detail)}}."""
    found = {}
    mkbundle = runpy.run_path(str(ROOT / "tools" / "mkbundle"))

    def bundle(folder, number, anchors):
        path = folder / f"{number}.bundle"
        anchors = [mkbundle["Certificate"](anchor.der, "a test") for anchor in anchors]
        path.write_bytes(mkbundle["make_bundle"](anchors, 0))
        return str(path)

    def judge(engine, by_bundle):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            peer = Peer(folder)
            cases = [{
                "number": number, "name": case.name, "role": case.role, "host": case.host,
                "versions": peer.versions(case),
                "anchors": [] if by_bundle else [anchor.pem for anchor in case.anchors],
                "bundle": bundle(folder, number, case.anchors) if by_bundle and case.anchors else None,
            } for number, case in enumerate(CASES)]
            (folder / "cases.json").write_text(json.dumps({
                "port": peer.port, "time": chains.NOW, "cert": str(certs / "ec-chain.pem"),
                "key": str(certs / "ec.key"), "cases": cases}), encoding="ascii")
            done = subprocess.run(
                [interpreter(engine), "-X", "heapsize=32M", JUDGE, folder / "cases.json"], timeout=600, text=True,
                env={"MICROPYPATH": ".frozen"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            peer.close()
        results = {}
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                result = json.loads(line)
                results.setdefault(result["name"], {})[result["version"]] = result["verdict"], result["detail"]
        assert done.returncode == 0, done.stdout[-2000:]
        return results

    def get(engine, by_bundle=False):
        if (engine, by_bundle) not in found:
            found[engine, by_bundle] = judge(engine, by_bundle)
        return found[engine, by_bundle]

    return get


@every_case
def test_engine(case, engine, judged):
    results = judged(engine)[case.name]
    assert {verdict for verdict, _ in results.values()} == {case.verdict_of(engine)}, results


@every_case
def test_engine_with_a_bundle(case, engine, judged):
    """The anchors are in a CA bundle: nothing is read when it is loaded, so what cannot be read is no anchor."""
    verdict = case.verdict if engine in case.by_bundle else case.verdict_of(engine)
    verdict = verdicts.UNTRUSTED if verdict == "invalid cert" else verdict
    results = judged(engine, True)[case.name]
    assert {verdict for verdict, _ in results.values()} == {verdict}, results


# ----------------------------------------------------------------------------------------------------------------------
# The tools


@pytest.fixture
def files(tmp_path):
    """files(CASE): the paths of the peer's certificate, its chain, the rest of the chain, and the anchors."""
    def files(case):
        parts = {"leaf": case.chain[:1], "chain": case.chain, "rest": case.chain[1:], "anchors": case.anchors}
        for name, certificates in parts.items():
            (tmp_path / name).write_text("".join(certificate.pem for certificate in certificates), encoding="ascii")
        return {name: str(tmp_path / name) for name in parts}
    return files


def run(*words):
    return subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        timeout=TIMEOUT, text=True, errors="backslashreplace")


def is_address(host):
    return ":" in host or host.replace(".", "").isdigit()


def compare(case, tool, done):
    expected = case.verdict_of(tool)
    if expected is None:
        pytest.skip(case.differences[tool][1])
    assert (done.returncode == 0) == (expected == ACCEPT), f"{tool}: {done.stdout}"


@every_case
def test_openssl(case, files):
    path = files(case)
    host = []
    if case.host is not None:
        host = ["-verify_ip" if is_address(case.host) else "-verify_hostname", case.host.rstrip(".")]
    untrusted = ["-untrusted", path["rest"]] if len(case.chain) > 1 else []
    compare(case, "openssl verify", run(
        "openssl", "verify", "-CAfile", path["anchors"], "-no-CApath", "-no-CAstore", *untrusted, "-partial_chain",
        "-auth_level", "2", "-purpose", "sslserver" if case.role == SERVER else "sslclient",
        "-attime", str(chains.NOW), *host, path["leaf"]))


@every_case
def test_certtool(case, files):
    path = files(case)
    host = [] if case.host is None else [f"--verify-hostname={case.host.rstrip('.')}"]
    purpose = chains.SERVER_AUTH if case.role == SERVER else chains.CLIENT_AUTH
    compare(case, "certtool", run(
        "certtool", "--verify", "--verify-profile=medium", f"--load-ca-certificate={path['anchors']}",
        f"--infile={path['chain']}", f"--verify-purpose={purpose}", *host))


# ----------------------------------------------------------------------------------------------------------------------


def test_document():
    made = run(sys.executable, str(ROOT / "tools" / "verdicts")).stdout
    assert made == (ROOT / "docs" / "trust-verdicts.md").read_text(encoding="utf-8"), "run tools/verdicts --write"


def test_names():
    assert len({case.name for case in CASES}) == len(CASES) >= 150
