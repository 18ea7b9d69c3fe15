"""Is docs/differences.md true? Each expression of its table is evaluated by CPython and by both engines; and each name
that CPython has and the type stubs have not is in it, with a reason."""

import ast
import fnmatch
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \| `(.+?)` \| .{10,} \|$", TEXT, re.MULTILINE)
BEGIN, END = "### What CPython has and this module has not", "The tests run one script"
MISSING = TEXT.partition(BEGIN)[2].partition(END)[0]
STUB = ast.parse((ROOT / "typings" / "ssl.pyi").read_text(encoding="utf-8"))

PROGRAM = """
import json, ssl
answers = []
for expression in json.loads({expressions!r}):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        answers.append(repr(eval(expression)))
    except Exception as e:
        answers.append(type(e).__name__)
print(json.dumps(answers))
"""


def answers(*command):
    program = PROGRAM.format(expressions=json.dumps([row[0] for row in ROWS]))
    return json.loads(subprocess.run([*command, "-c", program], capture_output=True, check=True, text=True).stdout)


def test_every_row_is_read():
    assert len(ROWS) == len(re.findall(r"^\| `", TEXT.replace(MISSING, ""), re.MULTILINE)) > 10


def test_cpython():
    assert dict(zip([row[0] for row in ROWS], answers(sys.executable))) == {row[0]: row[1] for row in ROWS}


def test_here(micropython):
    assert dict(zip([row[0] for row in ROWS], answers(micropython))) == {row[0]: row[2] for row in ROWS}


def test_they_differ():
    assert all(there != here for _, there, here in ROWS)


# ----------------------------------------------------------------------------------------------------------------------
# What is not there


def names_here(scope):
    """What the stub says, which tests/docs/test_stubs.py compares with the module."""
    body = STUB.body
    if scope != "ssl":
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == scope)
    return {node.target.id if isinstance(node, ast.AnnAssign) else node.name
            for node in body if isinstance(node, (ast.AnnAssign, ast.ClassDef, ast.FunctionDef))}


def names_of_cpython(scope):
    """All but what its module has imported from others."""
    if scope == "TLSVersion":
        return set(ssl.TLSVersion.__members__)
    thing = ssl if scope == "ssl" else getattr(ssl, scope)
    names = {name for name in dir(thing) if not name.startswith("_")}
    if scope == "ssl":
        names = {name for name in names if not isinstance(getattr(ssl, name), types.ModuleType)
                 and not hasattr(socket, name)
                 and getattr(getattr(ssl, name), "__module__", "ssl") in ("ssl", "_ssl", "enum")}
    return names


def documented():
    """(scope, pattern) of all names in the table; each of its rows has a reason."""
    found = []
    for line in re.findall(r"^\| `.*", MISSING, re.MULTILINE):
        names, reason = line.strip("|").split(" | ")
        assert len(reason.strip()) > 15, line
        found += re.findall(r"`(\w+)\.([\w*]+)`", names)
    return found


def test_what_is_missing_is_in_the_document():
    scopes = ("ssl", "SSLContext", "SSLSocket", "SSLSession", "MemoryBIO", "TLSVersion")
    patterns = documented()
    assert {scope for scope, _ in patterns} <= set(scopes)
    for scope in scopes:
        missing = {name for name in names_of_cpython(scope) - names_here(scope)
                   if not any(scope == other and fnmatch.fnmatchcase(name, pattern) for other, pattern in patterns)}
        assert not missing, scope


def test_what_is_in_the_document_is_missing():
    for scope, pattern in documented():
        assert not fnmatch.filter(names_here(scope), pattern), f"{scope}.{pattern}"
