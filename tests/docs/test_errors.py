"""Does docs/errors.md tell of every error, and say of each what a program gets?

mpy/errors.py provokes them; what it gets is compared with the tables, row by row.
"""

import collections
import datetime
import json
import os
import pathlib
import re
import subprocess

import mpy_cases
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
SOURCE = (ROOT / "src" / "engine" / "error.c").read_text(encoding="utf-8")
SCRIPT = ROOT / "tests" / "docs" / "mpy" / "errors.py"
HEAP = ("-X", "heapsize=16M")
ROOM = 6 << 20  # bytes that the process may take once it has begun
TODAY = re.compile(r"(?<=clock says )\d{4}-\d\d-\d\d")

Row = collections.namedtuple("Row", "section reason args alert_by details advice")
Failure = collections.namedtuple("Failure", "name args type_name reason alert alert_by detail")


def rows():
    """The rows of the tables, by their code and reason."""
    found = {}
    for section, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^\| `.*", text, re.MULTILINE):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if len(cells) != 5 or cells[0] == "`reason`":
                continue
            code = tuple(word if re.search("[a-zA-Z]", word) else int(word) for word in re.findall("`([^`]+)`", cells[1]))
            row = Row(section, cells[0].strip("`"), code, set(re.findall(r"\w+", cells[2])) - {"or"},
                      re.findall("`([^`]+)`", cells[3]), cells[4])
            key = row.args, row.reason
            assert key not in found, key
            found[key] = row
    return found


ROWS = rows()


def is_like(detail, example):
    """Whether an exception's detail is what the table says; "…" stands for anything."""
    example = ".+".join(re.escape(part) for part in TODAY.sub("…", example).split("…"))
    return re.fullmatch(example, detail) is not None


@pytest.fixture(scope="session")
def provoke(interpreter, certs):
    """provoke(ENGINE): all failures that mpy/errors.py provokes with that engine."""
    known = {}

    def run(engine, *arguments, prefix=()):
        result = subprocess.run(
            [*prefix, interpreter(engine), *HEAP, SCRIPT, *arguments], capture_output=True, text=True, timeout=120,
            env={**os.environ, **mpy_cases.environment(engine, certs)})
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr
        return result.stdout.splitlines()

    def provoke(engine):
        if engine not in known:
            *lines, pages = run(engine)
            limit = f"--as={int(pages) * os.sysconf('SC_PAGE_SIZE') + ROOM}"
            lines += run(engine, "no_memory", prefix=["prlimit", limit])
            failures = [Failure(*json.loads(line)) for line in lines]
            known[engine] = [failure._replace(args=tuple(failure.args)) for failure in failures]
        return known[engine]

    return provoke


def test_each_row_is_provoked_and_nothing_else(provoke, engine):
    assert {(failure.args, str(failure.reason)) for failure in provoke(engine)} == set(ROWS)


def test_rows_say_what_a_program_gets(provoke, engine):
    for failure in provoke(engine):
        row = ROWS[failure.args, str(failure.reason)]
        type_name = "OSError"
        if row.section == "The peer's certificate" and row.reason != "no_client_certificate":
            type_name = "SSLCertVerificationError"
        elif row.section == "Own certificates and keys":
            type_name = "ValueError"
        assert failure.type_name == type_name, failure
        assert (failure.alert is None) == (failure.alert_by is None), failure
        assert (failure.alert_by or "none") in row.alert_by, failure
        if row.details:
            assert any(is_like(failure.detail, example) for example in row.details), failure
        else:
            assert failure.detail is None, failure
        assert row.advice, failure


def test_dates_are_those_of_today(provoke, engine):
    """What `is_like` does not look at: the clock's date is the right one."""
    now = datetime.datetime.now(datetime.timezone.utc)
    days = {str((now - datetime.timedelta(minutes=minutes)).date()) for minutes in (0, 30)}
    told = [TODAY.search(failure.detail)[0] for failure in provoke(engine) if "clock says" in (failure.detail or "")]
    assert len(told) == 2
    assert set(told) <= days


def test_each_example_is_met(provoke):
    """No example is one that neither engine gives."""
    failures = provoke("openssl") + provoke("mbedtls")
    for row in ROWS.values():
        for example in row.details:
            assert any((failure.args, str(failure.reason)) == (row.args, row.reason) and is_like(failure.detail, example)
                       for failure in failures), example


def test_every_word_is_in_the_document():
    """Each `reason` of the source has a row, or a line that says why it has none."""
    functions = re.findall(r"^(?:static )?const char \*(?:protocol_reason|tls_error_reason|tls_verify_reason)\(.*?^\}",
                           SOURCE, re.MULTILINE | re.DOTALL)
    assert len(functions) == 3
    words = set(re.findall(r'return "(\w+)"', "\n".join(functions))) - {"none"}
    unprovoked = DOCUMENT.partition("## What tests cannot provoke")[2]
    missing = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (.*?) \|", unprovoked, re.MULTILINE))))
    reasons = {reason for _, reason in ROWS} - {"None"}
    assert words == reasons | missing - {"reason"}
    assert not reasons & missing
