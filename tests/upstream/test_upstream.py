"""Do MicroPython's own tests pass, unmodified, run by their own runners?

They run with the interpreters of `make build-upstream` (build "upstream": what their coverage build has, TLS 1.2) and
with those of `make build` (build "normal": TLS 1.3). What is different on purpose stands in differences.txt.
"""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import processes
import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TESTS = ROOT / os.environ.get("MICROPY_DIR", "build/sources/micropython") / "tests"
BUILDS = ("upstream", "normal")

# run-tests.py runs this one on MicroPython's coverage build only, although it needs no more than SSLSocket.ioctl().
COVERAGE_ONLY = "extmod/ssl_poll.py"

# These print "drain" if the write() before could not go on with the handshake, and nothing if it went on to its failure,
# that is, if the other process was faster. Either is right.
RACES = {
    "multi_net/asyncio_tls_server_client_cert_required_error.py",
    "multi_net/asyncio_tls_server_client_verify_error.py",
}

# hashlib and cryptolib stand on what the built-in module brought along; they must stay whole without it. The asyncio_*
# tests of net_hosted use no TLS.
SUITES = {
    "extmod": ("ssl_*.py", "tls_*.py", "hashlib_*.py", "cryptolib_*.py"),
    "multi_net": ("ssl*.py", "asyncio_tls*.py", "tls*.py"),
    "net_hosted": ("ssl_*.py",),
}
FILES = [
    path.relative_to(TESTS).as_posix()
    for suite, patterns in SUITES.items()
    for path in sorted(path for pattern in patterns for path in (TESTS / suite).glob(pattern))
]


@dataclasses.dataclass(frozen=True)
class Difference:
    test: str
    engine: str
    build: str
    outcome: str
    reason: str

    def applies(self, test, engine, build):
        return self.test == test and self.engine in ("*", engine) and self.build in ("*", build)


def read_differences():
    lines = (HERE / "differences.txt").read_text(encoding="utf-8").splitlines()
    return [Difference(*(field.strip() for field in line.split("|")))
            for line in lines if line.strip() and not line.startswith("#")]


DIFFERENCES = read_differences()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a test did ("pass", "skip" or "FAIL") and, if it failed, what it printed."""

    verdict: str
    output: str = ""


def expected_output(test, engine, build):
    """The file with what a listed test prints instead: the most specific one there is."""
    stem = test.removesuffix(".py").replace("/", "_")
    for name in (f"{stem}.{engine}-{build}.exp", f"{stem}.{engine}.exp", f"{stem}.{build}.exp", f"{stem}.exp"):
        if (HERE / "expected" / name).exists():
            return HERE / "expected" / name
    return None


def matches(output, pattern):
    """Whether output is as in a .exp file: as in those of MicroPython a line ######## stands for any lines."""
    parts = [re.escape(part) for part in pattern.split("########\n")]
    return re.fullmatch(r"(?:.*\n)*?".join(parts), output) is not None


class Runner:
    """Runs MicroPython's runners once for each suite, engine and build."""

    def __init__(self, certs, work):
        self.certs = certs
        self.work = work
        self.outcomes = {}

    def outcome(self, test, engine, build):
        suite = test.partition("/")[0]
        if (suite, engine, build) not in self.outcomes:
            files = [file for file in FILES if file.startswith(suite + "/")]
            self.outcomes[suite, engine, build] = self.run(files, engine, build)
        return self.outcomes[suite, engine, build].get(test, Outcome("missing"))

    def run(self, files, engine, build):
        results = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        interpreter = ROOT / "build" / (engine if build == "normal" else f"{engine}-upstream") / "micropython"
        if not interpreter.exists():
            pytest.fail(f"{interpreter} is missing; run make build build-upstream", pytrace=False)
        environment = {
            **os.environ,
            "MICROPY_MICROPYTHON": str(interpreter),
            "MICROPY_CPYTHON3": sys.executable,
            "PYTHONDONTWRITEBYTECODE": "1",
            "MICROPYPATH": os.pathsep.join([".frozen", str(TESTS.parent / "extmod"), str(HERE / "lib")]),
            # As on a machine that trusts the issuer of micropython.org.
            "SSL_CERT_FILE": str(self.certs / "root.pem"),
        }
        run_files = self.run_multi_tests if files[0].startswith("multi_net/") else self.run_tests
        outcomes = run_files(files, environment, results)
        if COVERAGE_ONLY in outcomes and build == "upstream":
            outcomes[COVERAGE_ONLY] = self.run_alone(COVERAGE_ONLY, interpreter, environment)
        return outcomes

    def execute(self, command, environment):
        lock = ROOT / "build" / ".upstream-lock"
        process = processes.Process(
            [sys.executable, HERE / "in_own_network.py", lock, *command], cwd=TESTS, env=environment)
        try:
            process.wait(300)
        except AssertionError as error:
            print(error)  # what was not run is missing, then
        finally:
            process.kill()
        print(process.describe())
        return process.stdout

    def run_alone(self, test, interpreter, environment):
        run = subprocess.run(
            [interpreter, TESTS / test], cwd=(TESTS / test).parent, text=True,
            env={**environment, "OPENSSL_CONF": str(HERE / "openssl.cnf")},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        expected = (TESTS / (test + ".exp")).read_text(encoding="utf-8")
        return Outcome("pass" if run.returncode == 0 and run.stdout == expected else "FAIL", run.stdout)

    def run_tests(self, files, environment, results):
        command = [sys.executable, "run-tests.py", "--keep-path", "--result-dir", results, "--jobs", "1", *files]
        if files[0].startswith("net_hosted/"):
            command = [sys.executable, HERE / "run_net_hosted.py", self.certs, results / "hosts", *command]
        output = self.execute(command, environment)
        outcomes = {}
        for verdict, test in re.findall(r"^(pass|skip|FAIL) +(\S+\.py)", output, re.MULTILINE):
            printed = results / (test.replace("/", "_") + ".out")
            outcomes[test] = Outcome(verdict, printed.read_text(encoding="utf-8") if verdict == "FAIL" else "")
        return outcomes

    def run_multi_tests(self, files, environment, results):
        del results  # it prints everything
        output = self.execute([sys.executable, "run-multitests.py", *files], environment)
        parts = re.split(r"^(\S+\.py) on [^:\n]*: (pass|skip|FAIL)$", output, flags=re.MULTILINE)
        outcomes = {}
        for test, verdict, more in zip(parts[1::3], parts[2::3], parts[3::3]):
            printed = re.match(r"\n### TEST ###\n(.*?)### TRUTH ###\n", more, re.DOTALL)
            outcomes[test] = Outcome(verdict, printed[1] if printed else "")
        return outcomes


@pytest.fixture(scope="session")
def runner(certs, tmp_path_factory):
    return Runner(certs, tmp_path_factory.mktemp("upstream"))


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("test", FILES)
def test_upstream(test, engine, build, runner):
    """Does MicroPython's test pass, or differ in the way that is written down?"""
    listed = [difference for difference in DIFFERENCES if difference.applies(test, engine, build)]
    assert len(listed) <= 1, "listed more than once"
    outcome = runner.outcome(test, engine, build)
    wrong = what_is_wrong(outcome, listed, test, engine, build)
    assert not wrong, f"{wrong}:\n{outcome.output}"
    if outcome.verdict == "skip":
        pytest.skip(listed[0].reason)
    if listed:
        pytest.xfail(listed[0].reason)


def what_is_wrong(outcome, listed, test, engine, build):
    """A sentence, or None if the test did what it should."""
    expected = {"skip": "skip", "differs": "FAIL"}[listed[0].outcome] if listed else "pass"
    if expected == "pass" and outcome.verdict == "FAIL" and test in RACES:
        raced = (TESTS / (test + ".exp")).read_text(encoding="utf-8").replace("drain\n", "")
        return None if outcome.output.strip() == raced.strip() else "neither as in the .exp nor without its drain"
    if outcome.verdict != expected:
        return f"{outcome.verdict} instead of {expected}"
    if expected != "FAIL":
        return None
    file = expected_output(test, engine, build)
    if file is None:
        return "expected/ does not say what it prints"
    pattern = file.read_text(encoding="utf-8")
    if matches(outcome.output, pattern) or (test in RACES and matches(outcome.output, pattern.replace("drain\n", ""))):
        return None
    return f"not as in {file.name}"


def test_the_suites_are_there():
    """Are all tests found that this version of MicroPython has?"""
    assert len([test for test in FILES if test.startswith("extmod/")]) >= 12
    assert len([test for test in FILES if test.startswith("multi_net/")]) >= 15
    assert len([test for test in FILES if test.startswith("net_hosted/")]) >= 2


def test_differences_are_well_formed():
    """Does every line of differences.txt mean something?"""
    for difference in DIFFERENCES:
        assert difference.test in FILES, difference
        assert difference.engine in ("*", "openssl", "mbedtls"), difference
        assert difference.build in ("*", *BUILDS), difference
        assert difference.outcome in ("skip", "differs"), difference
        assert difference.reason, difference


def test_every_expected_output_is_used():
    """Does every file in expected/ belong to a listed difference?"""
    used = {
        expected_output(difference.test, engine, build)
        for difference in DIFFERENCES if difference.outcome == "differs"
        for engine in ("openssl", "mbedtls") for build in BUILDS
        if difference.applies(difference.test, engine, build)
    }
    assert set((HERE / "expected").glob("*")) == used
