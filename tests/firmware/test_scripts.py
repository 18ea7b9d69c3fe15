"""Does the module run on a microcontroller? Scripts on the emulated boards, each case a test."""

import functools
import pathlib
import subprocess
import tempfile

import mpy_cases
import pytest
from board import IMAGES, ROOT, Board

HERE = pathlib.Path(__file__).parent
CASES = mpy_cases.find(HERE / "mpy")
STREAM_CASES = mpy_cases.find(ROOT / "tests" / "stream" / "mpy")

# How an exception gets out of a call depends on the processor; the other scripts of tests/stream run on one.
PROCESSOR_SCRIPTS = ("lying", "reentry")

# Reasons not to try: time, and memory that is just enough on some days.
TOO_MUCH = ("too long", "too large")
NOT_HERE = dict(line.split(" | ") for line in (HERE / "not-here.txt").read_text().splitlines()
                if line and not line.startswith("#"))

# What the scripts expect around them and a board does not have.
SHIMS = {
    "socket.py": b"",
    "os.py": b"from uos import *\ndef getenv(name):\n    return '/rom/certs'\n",
}
CERTIFICATES = ("root.pem", "other-root.pem", "ec-chain.pem", "ec.key", "rsa-chain.pem", "rsa.key", "expired-chain.pem",
                "expired.key", "wrong-name-chain.pem", "wrong-name.key", "self-signed-chain.pem", "self-signed.key",
                "client-rsa-chain.pem", "client-rsa.key", "client-rsa.der", "ec.pem", "ec.der", "roots.bundle",
                "other-ca-chain.pem", "other-ca.key")


def board_files(certs):
    """What the scripts find on the board."""
    library = {path.name: path.read_bytes() for path in mpy_cases.LIBRARY.glob("*.py")}
    return {**library, **SHIMS, **{f"certs/{name}": (certs / name).read_bytes() for name in CERTIFICATES}}


class Finished:
    """What a script printed, in the shape of a process that has ended. A board has no exit status."""

    def __init__(self, stdout, stderr):
        self.stdout, self.stderr = stdout, stderr

    def wait(self, timeout):
        return None


@functools.cache
def public_roots(certs):
    """A CA bundle of all that this machine trusts, and of the test servers' root."""
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([ROOT / "tools" / "mkbundle", "-o", file.name, "--add", certs / "root.pem"], check=True)
        return file.read()


def check(case, image, certs, wanted=()):
    """Runs the cases of a script that are wanted (default: all), if none of them has been asked for yet."""
    def run(script, options):
        files = {**board_files(certs), "script.py": script.read_bytes()}
        if script.stem == "bundles":
            files["public.bundle"] = public_roots(certs)
        board = Board(image, files)
        try:
            return Finished(*board.run(f"import sys; sys.argv[:] = {['', *wanted]}; import script", timeout=300))
        finally:
            board.close()

    mpy_cases.check(case, image.parent.name, run)


@pytest.mark.parametrize("case", CASES, ids=map(mpy_cases.identify, CASES))
def test(case, image, certs):
    check(case, image, certs)


def why_not(case):
    """Why a case of tests/stream does not pass on a board, if so."""
    return NOT_HERE.get(case.script.stem) or NOT_HERE.get(mpy_cases.identify(case))


def stream_runs():
    """Which case of tests/stream runs on which board."""
    for image in IMAGES:
        for case in STREAM_CASES:
            if image is IMAGES[0] or case.script.stem in PROCESSOR_SCRIPTS:
                reason = why_not(case)
                mark = pytest.mark.skip(reason) if reason in TOO_MUCH else pytest.mark.xfail(
                    reason is not None, reason=reason or "", strict=True)
                yield pytest.param(image, case, id=f"{image.parent.name}-{mpy_cases.identify(case)}", marks=mark)


@pytest.mark.parametrize(("image", "case"), stream_runs(), indirect=["image"])
def test_stream(image, case, certs):
    """The scripts of tests/stream, with what not-here.txt says of them."""
    wanted = [each.name for each in STREAM_CASES if each.script == case.script and why_not(each) not in TOO_MUCH]
    check(case, image, certs, wanted)


def test_list_names_cases():
    """Every name in not-here.txt is that of a case or a script."""
    assert NOT_HERE.keys() <= {name for case in STREAM_CASES for name in (case.script.stem, mpy_cases.identify(case))}
