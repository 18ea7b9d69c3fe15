"""Do the programs and commands of docs/trust.md do what it says, but for hosts, ports, keys and places of files?"""

import pathlib
import re
import shlex
import subprocess

import pytest
import python_peer

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
THE_SHORT_WAY, INSTALL, PINS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)

# What a program goes on with: HELLO is printed.
TALK = """
tls.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
print(tls.read().decode().split("\\r\\n")[-1])
tls.close()
"""
HELLO = "hello\n"


def connect(port):
    """What a program does that has made its context only; it prints HELLO, or why not."""
    return f"""
import socket
sock = socket.socket()
sock.connect(socket.getaddrinfo("localhost", {port})[0][-1])
try:
    tls = context.wrap_socket(sock, server_hostname="localhost")
    {TALK.strip().replace(chr(10), chr(10) + "    ")}
except OSError as e:
    print(e.reason)
"""


@pytest.fixture
def server(certs):
    """A server of ours in place of example.org: localhost, and a port."""
    return python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)


def test_the_short_way(run_mpy, certs, server):
    program = THE_SHORT_WAY.replace("example.org", "localhost").replace("443", str(server.port)) + TALK
    assert run_mpy(program, env={"SSL_CERT_FILE": str(certs / "root.pem")}).stdout == HELLO
    server.result()


def test_the_short_way_refuses(run_mpy, certs, server):
    """A server that cannot prove its name does not see a byte of the program's."""
    program = THE_SHORT_WAY.replace("example.org", "localhost").replace("443", str(server.port)) + TALK
    result = run_mpy(program, env={"SSL_CERT_FILE": str(certs / "other-root.pem")}, check=False)
    assert result.returncode == 1 and "CertVerificationError" in result.stdout + result.stderr
    assert isinstance(server.error(), python_peer.ssl.SSLError)


def run_tool(command, folder):
    """A command as it stands in the document, run in a folder; what it printed."""
    program, *arguments = shlex.split(command)
    return subprocess.run([ROOT / program, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_places_of_a_bundle(run_mpy, certs, tmp_path):
    """Bytes in a module, and a file; boards have the third place, ROMFS, which is a file to a program."""
    table = TEXT[TEXT.index("| place |"):].partition("\n\n")[0]
    loads = re.findall(r"`(load_verify_locations\([^`]+\))`", table)
    assert len(loads) == len(table.splitlines()) - 2
    for command in re.findall(r"(?:^    |`)(tools/mkbundle[^`\n]* -o roots\.\w+)", TEXT, re.MULTILINE):
        run_tool(f"{command} --add {certs}/root.pem", tmp_path)
    for load in loads:
        load = re.sub('"/(rom/)?', f'"{tmp_path}/', load)
        server = python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)
        program = "import ssl, roots\ncontext = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n" \
            f"context.verify_mode = ssl.CERT_REQUIRED\ncontext.{load}\n"
        assert run_mpy(program + connect(server.port), env={"MICROPYPATH": f"{tmp_path}:.frozen"}).stdout == HELLO


def test_a_new_bundle(run_mpy, certs, tmp_path):
    """A good bundle takes the place of the old one, a damaged one does not."""
    good = (certs / "roots.bundle").read_bytes()
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "new").write_bytes(good[:-1])
    call = f'try:\n    install("{tmp_path}/new", "{tmp_path}/old")\nexcept ValueError as e:\n    print(e)\n'
    program = f"{INSTALL}\n{call}"
    assert run_mpy(program).stdout == "invalid cert\n"
    assert (tmp_path / "old").read_bytes() == b"old"
    (tmp_path / "new").write_bytes(good)
    assert run_mpy(program).stdout == ""
    assert (tmp_path / "old").read_bytes() == good


def test_pins(run_mpy, certs, tmp_path):
    """The program with the pin that the command prints; with that of the document it is another server."""
    commands = re.findall(r"`(tools/pin [^`]*)`", TEXT)
    assert commands == ["tools/pin example.org:8883", "tools/pin server.pem"]
    (tmp_path / "server.pem").write_bytes((certs / "ec.pem").read_bytes())
    pin = run_tool(commands[1], tmp_path).split()[0]
    looked_at = python_peer.Server(python_peer.server_context(certs), lambda conn: None)
    assert pin in run_tool(commands[0].replace("example.org:8883", f"localhost:{looked_at.port}"), tmp_path)
    program, changes = re.subn(r'(?<=unhexlify\(")[0-9a-f]{64}', pin, PINS)
    assert changes == 1
    for text, expected in ((program, HELLO), (PINS, "pin_mismatch\n")):
        server = python_peer.Server(python_peer.server_context(certs), python_peer.serve_http)
        assert run_mpy(text + connect(server.port)).stdout == expected


def test_the_example_is_there():
    """tests/interop/test_programs.py runs it."""
    assert (ROOT / re.search(r"`(examples/[^ `]*) HOST:PORT FILE`", TEXT)[1]).is_file()
