"""Is what docs/fleet.md says true? Three MicroPython servers behind HAProxy, with its configuration, and its recipe for keys.

build/logs/fleet-ENGINE.txt keeps what was measured.
"""

import collections
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import python_peer
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
CONFIGURATION, = re.findall(r"```text\n(.*?)```", DOCUMENT, re.DOTALL)
FIRST_KEYS, NEXT_KEYS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
NAMES = ("one", "two", "three")
VERSIONS = ("TLSv1.2", "TLSv1.3")
VISITS = 30

each_version = pytest.mark.parametrize("version", VERSIONS)


def run_recipe(recipe, folder):
    subprocess.run(["sh", "-euc", recipe], cwd=folder, check=True)


def measured(row):
    """What the document says was measured."""
    return int(re.search(rf"^\| {re.escape(row)} \| (\d+) \|$", DOCUMENT, re.MULTILINE)[1])


class Fleet:
    """Three servers and the balancer."""

    def __init__(self, folder, servers, balancer, port):
        self.folder, self.servers, self.balancer, self.port = folder, servers, balancer, port
        self._uses, self._lock = collections.Counter(), threading.Lock()

    def copy_keys(self, name):
        shutil.copy(self.folder / "ticket.keys", self.folder / f"{name}.new")
        (self.folder / f"{name}.new").rename(self.folder / f"{name}.keys")

    def wait_for_keys(self, name, times):
        self.servers[name].wait_output("(ticket keys taken: 3\n(.*\n)*?){%d}" % times)

    def mark(self, client_port):
        """What tells a connection from all others: its port, and how many have had that one, for ports come again."""
        with self._lock:
            self._uses[client_port] += 1
            return client_port, self._uses[client_port]

    def server_of(self, mark):
        """Which server the balancer chose for a connection that is over."""
        client_port, use = mark
        return self.balancer.wait_output(rf"(?:^{client_port} (\w+) ..$(?:.|\n)*?){{{use}}}")[1]


@pytest.fixture
def fleet(start, start_mpy, tool, free_port, certs, tmp_path):
    """fleet(SHARED=True): Fleet, whose servers share ticket keys or not."""
    def fleet(shared=True):
        run_recipe(FIRST_KEYS, tmp_path)
        servers, configuration = {}, CONFIGURATION
        for name in NAMES:
            port = free_port()
            keys = tmp_path / f"{name}.keys"
            shutil.copy(tmp_path / "ticket.keys", keys)
            servers[name] = start_mpy(
                ROOT / "examples" / "https_server.py",
                [str(port), f"certfile={certs}/ec-chain.pem", f"keyfile={certs}/ec.key",
                 *([f"ticketkeys={keys}"] if shared else [])], name=f"server {name}").wait_port(port)
            configuration, count = re.subn(rf"(server {name}) \S+", rf"\1 127.0.0.1:{port}", configuration)
            assert count == 1
        port = free_port()
        configuration = configuration.replace("bind 0.0.0.0:443", f"bind 127.0.0.1:{port}")
        # A thread of HAProxy that finds another one writing to the log drops its line.
        configuration = configuration.replace("global\n", "global\n    nbthread 1\n", 1)
        (tmp_path / "haproxy.cfg").write_text(configuration, encoding="ascii")
        balancer = start([tool("haproxy"), "-db", "-f", tmp_path / "haproxy.cfg"]).wait_port(port)
        return Fleet(tmp_path, servers, balancer, port)

    return fleet


class Client:
    """CPython, with the session of its last visit."""

    def __init__(self, certs, fleet, version=None):
        self._context = python_peer.client_context(certs, version=version)
        self._fleet = fleet
        self.session = None

    def visit(self, told=None):
        """Whether the session was resumed, and the connection's mark. `told` gets that at once."""
        with socket.create_connection(("127.0.0.1", self._fleet.port), python_peer.TIMEOUT) as raw:
            mark = self._fleet.mark(raw.getsockname()[1])
            if told is not None:
                told.append(mark)
            with self._context.wrap_socket(raw, server_hostname="server.test", session=self.session) as conn:
                conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = python_peer.receive_to_end(conn)
                assert answer.startswith(b"HTTP/1.0 200 ") and answer.endswith(b"</p>\n")
                self.session = conn.session
                return conn.session_reused, mark


@pytest.fixture
def note(engine):
    """note(TEXT): keeps what was measured."""
    (ROOT / "build" / "logs").mkdir(exist_ok=True)

    def note(text):
        with open(ROOT / "build" / "logs" / f"fleet-{engine}.txt", "a", encoding="utf-8") as file:
            print(time.strftime("%Y-%m-%d %H:%M"), text, file=file)
    return note


@each_version
@pytest.mark.parametrize(("shared", "row"), [(True, "shared keys"), (False, "each server has keys of its own")])
def test_resumption(fleet, certs, note, version, shared, row):
    """One client, whose visits go to the servers in turn."""
    group = fleet(shared)
    client = Client(certs, group, version)
    visits = [client.visit() for _ in range(VISITS)]
    resumed = sum(reused for reused, _ in visits)
    note(f"{version}, {row}: {resumed} of {VISITS} resumed")
    assert resumed == measured(row)
    served = [group.server_of(mark) for _, mark in visits]
    assert {name: served.count(name) for name in NAMES} == dict.fromkeys(NAMES, VISITS // 3)


def test_new_keys(fleet, certs, note):
    """The recipe four times, with servers that get their file late. Who stays away for longer starts anew."""
    group = fleet()
    client, sleeper = Client(certs, group), Client(certs, group)
    assert sleeper.visit()[0] is False
    reused = [client.visit()[0]]
    seen = {(group.folder / "ticket.keys").read_bytes()}
    for change in range(4):
        before = (group.folder / "ticket.keys").read_bytes()
        run_recipe(NEXT_KEYS, group.folder)
        after = (group.folder / "ticket.keys").read_bytes()
        assert (len(after), after[:80], after[160:]) == (240, before[80:160], before[:80])
        seen.add(after)
        for count, name in enumerate(NAMES):
            group.copy_keys(name)
            group.wait_for_keys(name, change + 2)
            reused += [client.visit()[0] for _ in range(3 if count == 2 else 2)]
        if change == 0:
            assert sleeper.visit()[0] is True
    assert (group.folder / "ticket.keys").stat().st_mode & 0o777 == 0o600 and len(seen) == 5
    reused += [client.visit()[0] for _ in range(VISITS - len(reused))]
    resumed = sum(reused)
    note(f"keys changed four times: {resumed} of {VISITS} resumed")
    assert resumed == measured("shared keys, changed four times meanwhile, not everywhere at the same time")
    assert sleeper.visit()[0] is False


def test_bad_keys(fleet, certs):
    """Half a file is not taken, and the keys before stay."""
    group = fleet()
    client = Client(certs, group)
    client.visit()
    (group.folder / "one.keys").write_bytes(b"x" * 100)
    (group.folder / "two.keys").unlink()
    for name in ("one", "two"):
        group.servers[name].wait_output("^ticket keys not taken: ")
    assert [client.visit()[0] for _ in range(6)] == 6 * [True]


def test_a_server_dies(fleet, certs, note):
    """Under load, without a word. What fails then is what it was working on; all others are served, and resume."""
    group = fleet()
    stop = threading.Event()
    visits, failures = [], []  # (begin, mark, reused) and (begin, mark, error)

    def load():
        client = Client(certs, group)
        while not stop.is_set():
            begin, marks = time.monotonic(), []
            try:
                reused, _ = client.visit(marks)
                visits.append((begin, marks[0], reused))
            except (OSError, AssertionError) as error:
                failures.append((begin, marks[0], error))

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    group.servers["two"].signal(signal.SIGSTOP)  # so that it surely has work when it dies
    time.sleep(0.3)
    group.servers["two"].kill()
    gone = time.monotonic()
    time.sleep(1.5)
    stop.set()
    for thread in threads:
        thread.join()
    after = [visit for visit in visits if visit[0] > gone]
    note(f"a server died: {len(visits)} requests served, {len(after)} of them afterwards; {len(failures)} failed")
    assert 1 <= len(failures) <= len(threads)
    for begin, mark, error in failures:
        assert (group.server_of(mark), begin < gone) == ("two", True), error
    assert len(after) >= 20 and {group.server_of(mark) for _, mark, _ in after[:20]} == {"one", "three"}
    assert sum(not reused for _, _, reused in visits) == len(threads)
