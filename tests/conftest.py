"""What all pytest folders share: the interpreters, the certificates, and programs that end with their test.

pytest-3 tests/FOLDER [--engine openssl|mbedtls [--engine-only]]
"""

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import textwrap

import processes
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
ENGINES = ("openssl", "mbedtls")
PROCESSES = pytest.StashKey[list]()


def pytest_addoption(parser):
    parser.addoption("--engine", choices=ENGINES, action="append", help="test this engine only (default: both)")
    parser.addoption("--engine-only", action="store_true", help="leave out tests that are the same for each engine")


def pytest_collection_modifyitems(config, items):
    if config.getoption("engine_only"):
        same = [item for item in items if "engine" not in item.fixturenames]
        items[:] = [item for item in items if item not in same]
        config.hook.pytest_deselected(items=same)


def pytest_generate_tests(metafunc):
    if "engine" in metafunc.fixturenames:
        engines = metafunc.config.getoption("engine") or ENGINES
        metafunc.parametrize("engine", engines, indirect=True, scope="session")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the output of every program that a failed test had started."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for process in item.stash.get(PROCESSES, []):
            report.sections.append((f"output of {process.name}", process.describe()))


@pytest.fixture(scope="session")
def engine(request):
    """The engine under test."""
    return request.param


@pytest.fixture(scope="session")
def other_engine(engine):
    """The engine that is not under test, as a peer."""
    return ENGINES[1 - ENGINES.index(engine)]


@pytest.fixture(scope="session")
def interpreter():
    """interpreter(ENGINE): the path of the hosted interpreter with that engine."""
    def path(engine):
        executable = BUILD / engine / "micropython"
        if not executable.exists():
            pytest.fail(f"{executable} is missing; run make build", pytrace=False)
        return executable
    return path


@pytest.fixture(scope="session")
def micropython(engine, interpreter):
    """The path of the interpreter under test."""
    return interpreter(engine)


@pytest.fixture(scope="session")
def certs():
    """The folder with the certificates of tools/make-certs."""
    folder = BUILD / "certs"
    # Several runs may start at once; the first makes them.
    BUILD.mkdir(exist_ok=True)
    subprocess.run(["flock", BUILD / ".certs-lock", ROOT / "tools" / "make-certs", folder], check=True)
    return folder


@pytest.fixture
def free_port():
    """free_port(): a port on 127.0.0.1 for TCP and UDP that nobody else uses."""
    return processes.free_port


@pytest.fixture
def start(request):
    """start(ARGV, env=None, cwd=None, name=None, stdin=False): a program that is killed at the end of the test."""
    started = request.node.stash.setdefault(PROCESSES, [])

    def start(argv, **options):
        process = processes.Process(argv, **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


def mpy_environment(env):
    """The environment of a MicroPython process: nothing of the machine's that could change what a test sees."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "MICROPYPATH": ".frozen", **(env or {})}


@pytest.fixture
def start_mpy(start, engine, interpreter, tmp_path):
    """start_mpy(SCRIPT, ARGS=(), engine=None, env=None, options=(), …): MicroPython in the background.

    SCRIPT is a pathlib.Path, or program text as a str. For ARGS that are not strings the script gets the path of a file
    that holds them as JSON, since MicroPython takes no word of more than 255 characters.
    """
    numbers = itertools.count(1)

    def write(name, text):
        path = tmp_path / name.format(next(numbers))
        path.write_text(text, encoding="utf-8")
        return path

    def start_mpy(script, args=(), *, engine=engine, env=None, options=(), name=None, **more):
        if not isinstance(script, pathlib.Path):
            script = write("script{}.py", textwrap.dedent(script))
        words = [
            arg if isinstance(arg, str) else str(write("argument{}.json", json.dumps(arg, default=str))) for arg in args]
        argv = [interpreter(engine), *options, script, *words]
        return start(argv, env=mpy_environment(env), name=name or f"micropython-{engine} {script.name}", **more)

    return start_mpy


class Result:
    """What a program left: returncode, stdout and stderr as text."""

    def __init__(self, process):
        self.returncode = process.returncode
        self.stdout = process.stdout
        self.stderr = process.stderr

    @property
    def lines(self):
        """The lines of its standard output."""
        return self.stdout.splitlines()

    @property
    def json(self):
        """The last line of its standard output, read as JSON."""
        return json.loads(self.lines[-1])


@pytest.fixture
def run_mpy(start_mpy):
    """run_mpy(SCRIPT, ARGS=(), timeout=20, check=True, …): runs MicroPython to its end; see start_mpy.

    With check, anything but exit status 0 fails the test.
    """
    def run_mpy(script, args=(), *, timeout=20, check=True, **options):
        process = start_mpy(script, args, **options)
        process.wait(timeout)
        if check:
            assert process.returncode == 0, process.describe()
        return Result(process)

    return run_mpy


@pytest.fixture
def tool():
    """tool(NAME): the path of a program; a missing one fails the test, since tools/install-packages brings it."""
    def tool(name):
        path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if path is None:
            pytest.fail(f"{name} is missing; run tools/install-packages test", pytrace=False)
        return path
    return tool


NGINX_CONF = """\
daemon off;
master_process off;
user root;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}{listen};
        root {folder}/www;
        {server}
    }}
}}
"""


@pytest.fixture
def nginx(start, tool, tmp_path, free_port):
    """nginx(SERVER, ssl=True): nginx with these lines in its server block; it has .port and .www, its root folder."""
    def nginx(server, ssl=True):
        folder = tmp_path / f"nginx{len(list(tmp_path.glob('nginx*')))}"
        www = folder / "www"
        www.mkdir(parents=True)
        (www / "index.html").write_text("hello from nginx\n", encoding="ascii")
        port = free_port()
        conf = folder / "nginx.conf"
        conf.write_text(
            NGINX_CONF.format(folder=folder, port=port, listen=" ssl" if ssl else "", server=server), encoding="ascii")
        process = start([tool("nginx"), "-p", folder, "-c", conf, "-e", "stderr"]).wait_port(port)
        process.port = port
        process.www = www
        return process

    return nginx
