"""Does our own code take more instructions or memory than it did?

pytest-3 tests/cost [--engine openssl|mbedtls]

Runs the pieces of work in tests/engine/test_cost.c under callgrind, which counts the same on every machine, and compares
with figures.json: instructions in functions of src/, without those of the libraries and without the allocator that the
libraries call, within TOLERANCE, since compilers differ; and how often our own code asks for memory, exactly. Whoever
changes them for a reason writes down what the failed test says.
"""

import json
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIGURES = json.loads((pathlib.Path(__file__).with_name("figures.json")).read_text())
TOLERANCE = 0.1
ALLOCATORS = {"tls_calloc", "tls_zalloc", "tls_realloc", "tls_resize", "tls_block_take", "tls_calloc_apart"}
ALLOCATOR_FILES = ("src/engine/memory.c", "src/openssl/init.c", "src/mbedtls/init.c")


@pytest.fixture(scope="session")
def program(engine, certs):
    build = f"build/tests/engine-{engine}-valgrind"
    subprocess.run(
        ["make", "--no-print-directory", "-f", "tests/engine/engine.mk", f"ENGINE={engine}", "FLAVOUR=plain", f"BUILD={build}",
         "CONFIGURATION=ports/unix/mbedtls_config.h", f"{build}/test_cost"], cwd=ROOT, check=True)
    return ROOT / build / "test_cost"


def counts(profile):
    """Instructions in our own functions, and their calls of the allocator, in the format of callgrind's output."""
    names = {}

    def name(kind, text):
        number, _, rest = text.partition(" ")
        if rest:
            names[kind, number] = rest
        return names.get((kind, number), text)

    instructions = allocations = 0
    file = function = called = None
    is_call = False
    for line in profile.splitlines():
        key, _, value = line.partition("=")
        if key in ("fl", "fi", "fe"):
            file = name("file", value)
        elif key in ("cfi", "cfl"):
            name("file", value)
        elif key == "fn":
            function = name("function", value)
        elif key == "cfn":
            called = name("function", value)
        elif key == "calls":
            is_call = True
            if called in ALLOCATORS and function not in ALLOCATORS and is_ours(file):
                allocations += int(value.split()[0])
        elif re.match(r"[+*\-\d]", line):
            if not is_call and is_ours(file):
                instructions += int(line.split()[1])
            is_call = False
    return instructions, allocations


def is_ours(file):
    path = str(file).rpartition("/src/")[2] if "/src/" in str(file) else str(file).removeprefix("src/")
    return path.startswith(("engine/", "mbedtls/", "openssl/")) and "/sources/" not in str(file) \
        and f"src/{path}" not in ALLOCATOR_FILES


@pytest.mark.parametrize("work", ["bulk", "resumed"])
def test_cost(program, engine, work, tmp_path, tool):
    tool("valgrind")
    output = tmp_path / "callgrind"
    subprocess.run(
        ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}", "--collect-atstart=no",
         f"--toggle-collect=cost_{work}", program], cwd=ROOT, check=True, capture_output=True, timeout=300)
    instructions, allocations = counts(output.read_text())
    expected = FIGURES[f"{engine} {work}"]
    found = {"instructions": instructions, "allocations": allocations}
    assert instructions > 1000
    assert abs(instructions / expected["instructions"] - 1) < TOLERANCE and allocations == expected["allocations"], \
        f"counted {json.dumps(found)}, wrote down {json.dumps(expected)}"
