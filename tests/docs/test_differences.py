"""Is docs/differences.md true? Each expression of its table is evaluated by CPython and by both engines."""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \| `(.+?)` \| .{10,} \|$", TEXT, re.MULTILINE)

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
    assert len(ROWS) == len(re.findall(r"^\| `", TEXT, re.MULTILINE)) > 10


def test_cpython():
    assert dict(zip([row[0] for row in ROWS], answers(sys.executable))) == {row[0]: row[1] for row in ROWS}


def test_here(micropython):
    assert dict(zip([row[0] for row in ROWS], answers(micropython))) == {row[0]: row[2] for row in ROWS}


def test_they_differ():
    assert all(there != here for _, there, here in ROWS)
