"""Do hostile streams ever lose a byte or crash? The cases are in mpy/."""

import functools
import os
import pathlib

import mpy_cases
import pytest

CASES = mpy_cases.find(pathlib.Path(__file__).parent / "mpy")


@pytest.mark.parametrize("case", CASES, ids=mpy_cases.identify)
def test_stream(case, engine, certs, start_mpy, free_port):
    more = {"PORT": str(free_port()), "CONNECTIONS": os.environ.get("CONNECTIONS", "")}
    run = functools.partial(start_mpy, env=mpy_cases.environment(engine, certs, **more))
    mpy_cases.check(case, engine, run, timeout=120)
