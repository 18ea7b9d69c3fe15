"""Do the programs of docs/dtls.md run as they stand, but for names of files, host and port?"""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "dtls.md").read_text(encoding="utf-8")
PROGRAMS = {name: f"# {name}\n{code}" for name, code in re.findall(r"```python\n# ([^\n]*)\n(.*?)```", TEXT, re.DOTALL)}


@pytest.fixture
def start_program(start_mpy, certs):
    """start_program(NAME, PORT): the program with this comment in its first line."""
    places = {"server.pem": certs / "ec-chain.pem", "server.key": certs / "ec.key", "root.pem": certs / "root.pem"}

    def start_program(name, port):
        program = PROGRAMS[name].replace("4433", str(port)).replace("0.0.0.0", "127.0.0.1")
        program = program.replace('getaddrinfo("server.test"', 'getaddrinfo("127.0.0.1"')
        for place, path in places.items():
            program = program.replace(f'"{place}"', f'"{path}"')
        return start_mpy(program, env={"MICROPYPATH": f"{ROOT / 'examples'}:.frozen"}, name=name)

    return start_program


def test_one_client(start_program, free_port):
    port = free_port()
    server = start_program("server for one client", port).wait_udp_port(port)
    assert start_program("client", port).check() == "b'too late'\n"
    assert server.check() == "b'what time is it?'\n"


def test_many_clients(start_program, free_port):
    port = free_port()
    start_program("server for many clients", port).wait_udp_port(port)
    clients = [start_program(name, port) for name in ("client under asyncio", "client") * 2]
    assert [client.check() for client in clients] == ["b'17'\n", "b'16'\n"] * 2


def test_all_programs_are_tested():
    assert set(PROGRAMS) == {"client", "server for one client", "server for many clients", "client under asyncio"}
    assert len(PROGRAMS) == TEXT.count("```python")
