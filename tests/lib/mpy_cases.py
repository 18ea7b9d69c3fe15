"""Makes the cases of MicroPython scripts (see tests/mpylib/testing.py) tests of pytest.

A script runs once per engine. Its cases are found by reading it, not by running it, so a case that the script did not
get to, because it crashed or hung before, is a failure. How the script ends counts, too: what goes wrong when the
interpreter frees what the cases have left is a failure of the test that has started it.
"""

import ast
import collections
import pathlib
import re

import pytest

LIBRARY = pathlib.Path(__file__).resolve().parent.parent / "mpylib"

_MARK = re.compile(r"^===\t(run|ok|failed|skipped)\t([^\t]+)\t?(.*)$")

Case = collections.namedtuple("Case", "script name")
Outcome = collections.namedtuple("Outcome", "kind text")


def _names(function):
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Name) and decorator.id == "case":
            yield function.name
        elif isinstance(decorator, ast.Call) and getattr(decorator.func, "id", None) == "each":
            for argument in decorator.args:
                label = argument.elts[0] if isinstance(argument, ast.Tuple) else argument
                yield f"{function.name}[{ast.literal_eval(label)}]"


def find(folder):
    """The cases of all scripts in a folder."""
    cases = []
    for script in sorted(folder.glob("*.py")):
        tree = ast.parse(script.read_text(encoding="utf-8"), script.name)
        names = [name for node in tree.body if isinstance(node, ast.FunctionDef) for name in _names(node)]
        assert names, f"{script} has no cases"
        assert len(set(names)) == len(names), f"{script} has two cases of one name"
        cases += [Case(script, name) for name in names]
    return cases


def identify(case):
    return f"{case.script.stem}-{case.name}"


def environment(engine, certs, **more):
    """What the scripts find in their environment. The test roots are the default ones, not those of the machine."""
    return {
        "MICROPYPATH": f"{LIBRARY}:.frozen", "CERTS": str(certs), "ENGINE": engine,
        "SSL_CERT_FILE": str(certs / "root.pem"), **more,
    }


def check(case, engine, run, timeout=60):
    """Fails or skips the test as its case did.

    If no test has asked for a case of the script yet, `run` starts it; it is given the script and the options of the
    interpreter, and returns a processes.Process, or what looks like one. There wait() may return None: no exit status.
    """
    key = case.script, engine
    started = key not in _runs
    if started:
        _runs[key] = _run(case.script, run, timeout)
    outcomes, rest, ended_well = _runs[key]
    outcome = outcomes.get(case.name)
    if outcome is None:
        pytest.fail(f"did not run: {rest}", pytrace=False)
    print(outcome.text)
    if started and not ended_well:
        pytest.fail(f"{case.name}: {outcome.kind}; after the last case of {case.script.name}: {rest}", pytrace=False)
    if outcome.kind == "skipped":
        pytest.skip(outcome.text)
    if outcome.kind != "ok":
        pytest.fail(outcome.text, pytrace=False)


_runs = {}


def _run(script, run, timeout):
    process = run(script, options=("-X", "heapsize=32M"))
    try:
        status = process.wait(timeout)
        end = f"the script ended with exit status {status}"
    except AssertionError:
        status = process.wait()
        end = f"the script was killed after {timeout} s"
    return _read(process.stdout, status, f"[{end}]\n{process.stderr}")


def _read(output, status, end):
    """What became of each case that `output` tells of, what came after the last one, and whether that was in order."""
    outcomes = {}
    running, lines = None, []
    for line in output.splitlines():
        mark = _MARK.match(line)
        if mark is None:
            lines.append(line)
        elif mark[1] == "run":
            running, lines = mark[2], []
        else:
            outcomes[mark[2]] = Outcome(mark[1], mark[3] or "\n".join(lines))
            running, lines = None, []
    rest = "\n".join([*lines, end])
    if running is not None:
        outcomes[running] = Outcome("failed", rest)
        return outcomes, f"{running} before it ended the script", True
    # The status tells whether a case has failed: run() in mpylib/testing.py.
    failed = any(outcome.kind == "failed" for outcome in outcomes.values())
    return outcomes, rest, status is None or status == failed
