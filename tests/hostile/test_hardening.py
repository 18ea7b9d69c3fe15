"""Are the interpreters built so that a defect is hard to use?"""

import subprocess


def readelf(option, path):
    return subprocess.run(["readelf", option, "--wide", path], check=True, capture_output=True, text=True).stdout


def test_image(micropython):
    """It runs at any address, its tables are read-only, and its stack holds no code."""
    assert "DYN" in readelf("--file-header", micropython)
    assert "NOW" in readelf("--dynamic", micropython)
    segments = {line.split()[0]: line for line in readelf("--segments", micropython).splitlines() if line.split()}
    assert "GNU_RELRO" in segments
    assert " RWE " not in segments["GNU_STACK"] and " RW " in segments["GNU_STACK"]


def test_stack(micropython):
    """What overwrites the stack is noticed."""
    assert "__stack_chk_fail" in readelf("--dyn-syms", micropython)
