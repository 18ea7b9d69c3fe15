"""Does the Python surface do what the documentation says? The cases are in mpy/."""

import functools
import pathlib

import mpy_cases
import pytest

CASES = mpy_cases.find(pathlib.Path(__file__).parent / "mpy")


@pytest.mark.parametrize("case", CASES, ids=mpy_cases.identify)
def test_api(case, engine, certs, start_mpy):
    run = functools.partial(start_mpy, env=mpy_cases.environment(engine, certs))
    mpy_cases.check(case, engine, run)
