"""Does README.md say the truth?"""

import contextlib
import pathlib
import re
import runpy
import socket
import ssl
import subprocess
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_feature_table_is_what_the_interpreters_answer():
    """Whoever changes what an engine has runs tools/feature-table --write."""
    table = subprocess.run([ROOT / "tools" / "feature-table"], capture_output=True, check=True, text=True).stdout
    assert table in README


def test_feature_table_is_complete():
    """Each constant of the stub and each limit that the interop tests know of has its row."""
    table = (ROOT / "tools" / "feature-table").read_text(encoding="utf-8")
    constants = re.findall(r"^(HAS_\w+):", (ROOT / "typings" / "ssl.pyi").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(constants) > 10
    for name in constants:
        assert f'"{name}"' in table, name
    for line in (ROOT / "tests" / "interop" / "known.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert re.sub("openssl|mbedtls", "{engine}", line.split(" | ")[0]) in table, line


def test_feature_table_knows_what_tells_the_engines_apart():
    """Each test that expects something else of one engine is behind a row, or among those that differ in words."""
    namespace = runpy.run_path(str(ROOT / "tools" / "feature-table"))
    known = {name for _, names, _ in namespace["LACKS"].values() for name in names} | set(namespace["SAME_FEATURES"])
    telling = set()
    for path in [*(ROOT / "tests" / "interop").glob("*.py"), *(ROOT / "tests" / "api" / "mpy").glob("*.py")]:
        for function in re.split(r"^def ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            name, _, body = function.partition("(")
            for line in body.splitlines()[1:]:
                if re.search(r"\bengine\b", line, re.IGNORECASE) and re.search(r"[\"'](openssl|mbedtls)[\"']", line):
                    telling.add(name)
    assert telling == known


@pytest.fixture
def https_server(certs, free_port):
    """The port of a server that answers one request, by CPython."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / "ec-chain.pem", certs / "ec.key")
    port = free_port()
    listener = socket.create_server(("127.0.0.1", port))

    def serve():
        with listener, listener.accept()[0] as raw, contextlib.suppress(ssl.SSLError):  # some clients refuse us
            with context.wrap_socket(raw, server_side=True) as conn:
                while not conn.recv(4096).endswith(b"\r\n\r\n"):
                    pass
                conn.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield port
    thread.join(10)


def test_first_program_runs(run_mpy, certs, https_server):
    """The ten lines work as they stand, but for the host."""
    program = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    assert len(program.splitlines()) <= 10
    program = program.replace('"example.org"', '"localhost"').replace("443", str(https_server))
    result = run_mpy(program, env={"SSL_CERT_FILE": str(certs / "root.pem")})
    assert result.stdout == "b'HTTP/1.0 200 OK\\r\\n' TLSv1.3\n"


def test_first_program_refuses_a_stranger(run_mpy, certs, https_server):
    """It verifies: with other trust anchors it says what is wrong."""
    program = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    program = program.replace('"example.org"', '"localhost"').replace("443", str(https_server))
    result = run_mpy(program, env={"SSL_CERT_FILE": str(certs / "other-root.pem")}, check=False)
    assert result.returncode == 1
    assert "SSLCertVerificationError: (-9984, 'MBEDTLS_ERR_X509_CERT_VERIFY_FAILED'): server's certificate" \
        in result.stdout + result.stderr


def test_make_targets_exist():
    """Every `make TARGET` of the documents is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(document.read_text(encoding="utf-8") for document in documents)
    targets = set(re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert targets >= {"run", "test", "build", "help"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_relative_links_lead_somewhere():
    """No link of the documents is dead."""
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "tests" / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
