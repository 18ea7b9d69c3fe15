"""Does an interpreter with sanitizers, in which any allocation can be made to fail, ever crash, hang or lose a byte?

The cases are in mpy/. CHECKED_SECONDS is how long each random case goes on (default: a few seconds), CHECKED_SEED where
it starts (default: somewhere else in each run, and told), CHECKED_STRIDE=1 has every allocation fail, 7 every seventh.
"""

import functools
import os
import pathlib

import mpy_cases
import pytest

CASES = mpy_cases.find(pathlib.Path(__file__).parent / "mpy")
PASSED_ON = {name: value for name, value in os.environ.items() if name.startswith("CHECKED_")}
LONG = "CHECKED_STRIDE" in PASSED_ON
# Python objects are in one block of the C library's, which is never freed, so there are no leaks for ASan to find; and a
# request that is too large is refused and no mistake. To keep where each block was asked for takes half of the time.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0" +
                    (":malloc_context_size=1" if LONG else ""),
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


@pytest.mark.parametrize("case", CASES, ids=mpy_cases.identify)
def test_checked(case, engine, certs, start_mpy):
    run = functools.partial(
        start_mpy, engine=f"{engine}-checked", env=mpy_cases.environment(engine, certs, **SANITIZERS, **PASSED_ON))
    seconds = int(PASSED_ON.get("CHECKED_SECONDS", 0)) * len([other for other in CASES if other.script == case.script])
    mpy_cases.check(case, engine, run, timeout=36000 if LONG else 900 + 2 * seconds)
