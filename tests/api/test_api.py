"""Does the Python surface do what the documentation says? The cases are in mpy/."""

import contextlib
import functools
import pathlib

import mpy_cases
import pytest

CASES = mpy_cases.find(pathlib.Path(__file__).parent / "mpy")


@pytest.mark.parametrize("case", CASES, ids=mpy_cases.identify)
def test_api(case, engine, certs, start_mpy):
    run = functools.partial(start_mpy, env=mpy_cases.environment(engine, certs))
    mpy_cases.check(case, engine, run)


SCRIPT = """
import os
import sys

from testing import case, run

@case
def first():
    pass

@case
def second():
    {body}

def at_the_end():
    {end}

sys.atexit(at_the_end)
run()
"""
ABORT = 'os.system("kill -ABRT $PPID")'


@pytest.mark.parametrize("body, end, outcomes", [
    ("pass", "pass", {"first": None, "second": None}),
    ("1 // 0", "pass", {"first": None, "second": "ZeroDivisionError"}),
    ("pass", ABORT, {"second": "second: ok; after the last case.* exit status -6", "first": None}),
    ("pass", "while True: pass", {"first": "first: ok; after the last case.* killed after 1 s", "second": None}),
    ("1 // 0", ABORT, {"first": "first: ok; after the last case.* exit status -6", "second": "ZeroDivisionError"}),
    (ABORT, "pass", {"first": None, "second": r"^\[the script ended with exit status -6"}),
], ids=["good", "failed", "aborts at the end", "hangs at the end", "failed and aborts at the end", "aborts"])
def test_how_a_script_ends(start_mpy, engine, certs, tmp_path, body, end, outcomes):
    """Of tests/lib/mpy_cases.py: the test that starts a script fails if the script passes and ends badly."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(body=body, end=end), encoding="utf-8")
    run = functools.partial(start_mpy, env=mpy_cases.environment(engine, certs))
    for name, message in outcomes.items():
        fails = pytest.raises(pytest.fail.Exception, match=message) if message else contextlib.nullcontext()
        with fails:
            mpy_cases.check(mpy_cases.Case(script, name), engine, run, timeout=1 if "while" in end else 20)
