"""Do the files of package.json, as mip brings them, fit on a board and find there what they import?"""

import contextlib
import json
import pathlib
import re
import subprocess

import pytest
from board import ROOT, Board

FILES = {pathlib.PurePath(target).stem: ROOT / source
         for target, source in json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["urls"]}

# An emulated board has no network; what the modules do with it is tested elsewhere.
SOCKET = b"SOCK_STREAM = 1\n"

TEXT = (ROOT / "docs" / "firmware.md").read_text(encoding="utf-8")

IMPORT = """
import gc
import binascii, errno, hashlib, json, os, select, socket, ssl, time
gc.collect()
before = gc.mem_alloc()
import {name}
gc.collect()
print(gc.mem_alloc() - before, {name}.__file__)
"""


def documented(name):
    """What docs/firmware.md says of a module: the heap that it takes, compiled, in KB, and the switches that it needs."""
    heap, switches = re.search(rf"^\| `{name}` \| ([\d.]+) KB \| (.*)\|$", TEXT, re.MULTILINE).groups()
    return float(heap), set(re.findall(r"`(\w+)`", switches))


@pytest.fixture
def compiled(tmp_path):
    """What mpy-cross makes of a source."""
    def compiled(source):
        path = tmp_path / f"{source.stem}.mpy"
        mpy_cross = ROOT / "build" / "mpy-cross" / "mpy-cross"
        subprocess.run([mpy_cross, "-s", source.name, "-o", path, source], check=True)
        return path.read_bytes()
    return compiled


@pytest.mark.parametrize("name", FILES)
def test_import(board, compiled, name):
    """As bytecode in a file, with the heap that it takes."""
    board.put({"socket.py": SOCKET, f"{name}.mpy": compiled(FILES[name])})
    output, error = board.run(IMPORT.format(name=name))
    assert not error, error
    size, path = output.split()
    assert path == f"/host/{name}.mpy"
    assert abs(int(size) / 1024 - documented(name)[0]) <= 0.5, size


@pytest.mark.parametrize("name", FILES)
def test_import_of_source(image, name):
    """As Python, which the board compiles."""
    with contextlib.closing(Board(image, {"socket.py": SOCKET, f"{name}.py": FILES[name].read_bytes()})) as board:
        output, error = board.run(IMPORT.format(name=name))
    assert not error and output.split()[1] == f"/rom/{name}.py", error


# The dicts of methods that answer in DER, too, cannot be seen in a source.
UNSEEN = {"CERTIFICATE_DICT"}


@pytest.mark.parametrize("name", FILES)
def test_switches(name):
    """Those that a module is said to need are those of the attributes that it uses without asking for them."""
    source = FILES[name].read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*) \| (?:yes|no) \| (?:yes|no) \| `(\w+)` \|$", TEXT, re.MULTILINE)
    asked = set(re.findall(r'hasattr\(\w+, "(\w+)"\)', source))
    used = set(re.findall(r"\b(?:ssl|context|conn|connection)\.(\w+)", source)) - asked - {"getpeercert"}
    needed = {switch for names, switch in rows if used & set(re.findall(r"`(\w+)(?:\(\))?`", names))}
    assert documented(name)[1] - UNSEEN == needed - UNSEEN
    assert documented(name)[1] <= {switch for _, switch in rows}
