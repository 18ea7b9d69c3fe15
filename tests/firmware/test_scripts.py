"""Does the module run on a microcontroller? Scripts on the emulated boards, each case a test."""

import pathlib

import mpy_cases
import pytest
from board import Board

CASES = mpy_cases.find(pathlib.Path(__file__).parent / "mpy")

# What the scripts expect around them and a board does not have.
SHIMS = {
    "socket.py": b"",
    "os.py": b"from uos import *\ndef getenv(name):\n    return '/host/certs'\n",
}
CERTIFICATES = ("root.pem", "other-root.pem", "ec-chain.pem", "ec.key", "rsa-chain.pem", "rsa.key", "expired-chain.pem",
                "expired.key", "wrong-name-chain.pem", "wrong-name.key")


def board_files(certs):
    """What the scripts find on the board."""
    library = {path.name: path.read_bytes() for path in mpy_cases.LIBRARY.glob("*.py")}
    return {**library, **SHIMS, **{f"certs/{name}": (certs / name).read_bytes() for name in CERTIFICATES}}


class Finished:
    """What a script printed, in the shape of a process that has ended."""

    def __init__(self, stdout, stderr):
        self.stdout, self.stderr = stdout, stderr

    def wait(self, timeout):
        return 0


@pytest.mark.parametrize("case", CASES, ids=map(mpy_cases.identify, CASES))
def test(case, image, certs):
    def run(script, options):
        board = Board(image)
        try:
            board.put({**board_files(certs), "script.py": script.read_bytes()})
            return Finished(*board.run("import script", timeout=300))
        finally:
            board.close()

    mpy_cases.check(case, image.parent.name, run)
