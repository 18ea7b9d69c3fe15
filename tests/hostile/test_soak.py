"""Does it hold more after many connections than after some? mpy/soak.py, with faults below TLS.

SOAK_ROUNDS is how many connections; `make soak` takes 20,000.
"""

import os
import pathlib

SOAK = pathlib.Path(__file__).parent / "mpy" / "soak.py"
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "2000"))


def test_soak(start_mpy, certs, engine):
    """Every byte arrived once and in order, and nothing was left behind.

    In the interpreter with sanitizers, which counts the blocks of the C library's heap.
    """
    process = start_mpy(SOAK, [str(ROUNDS), str(certs)], options=["-X", "heapsize=4m"], engine=f"{engine}-checked",
                        env={"ASAN_OPTIONS": "detect_leaks=0"})
    process.check(120 + ROUNDS)
    figures = {word: list(map(int, numbers)) for word, *numbers in map(str.split, process.stdout.splitlines())}
    print(f"{engine}: {figures}")
    ended, resumed, rounds = figures["ended"]
    # One of eight is doomed, and some of those have ended before.
    assert rounds == ROUNDS and ended > rounds * 0.8 and rounds * 0.3 < resumed < ended
    assert figures["late"] == figures["early"]
