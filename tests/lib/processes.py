"""Programs that tests start: always read, never left behind, and shown when a test fails."""

import contextlib
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import time


class Process:
    """A program in the background whose output is collected while it runs."""

    def __init__(self, argv, *, env=None, cwd=None, name=None, stdin=False):
        self.argv = [str(arg) for arg in argv]
        self.name = name or os.path.basename(self.argv[0])
        self._chunks = {"stdout": [], "stderr": []}
        self._changed = threading.Condition()
        self._open_pipes = 2
        # A session of its own, so that kill() reaches its children too.
        self._popen = subprocess.Popen(
            self.argv, env=env, cwd=cwd, start_new_session=True,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for stream in ("stdout", "stderr"):
            threading.Thread(target=self._collect, args=(stream,), daemon=True).start()

    def _collect(self, stream):
        pipe = getattr(self._popen, stream)
        while True:
            chunk = os.read(pipe.fileno(), 65536)
            with self._changed:
                if not chunk:
                    self._open_pipes -= 1
                self._chunks[stream].append(chunk)
                self._changed.notify_all()
            if not chunk:
                pipe.close()
                return

    def _bytes(self, stream):
        with self._changed:
            return b"".join(self._chunks[stream])

    @property
    def pid(self):
        return self._popen.pid

    @property
    def stdout(self):
        """Everything it has written to its standard output so far, as text."""
        return self._bytes("stdout").decode(errors="backslashreplace")

    @property
    def stderr(self):
        return self._bytes("stderr").decode(errors="backslashreplace")

    @property
    def stdout_bytes(self):
        return self._bytes("stdout")

    @property
    def returncode(self):
        """Its exit status, None while it runs."""
        return self._popen.poll()

    def describe(self):
        """What a person needs to see of it when a test fails."""
        status = "still running" if self.returncode is None else f"exit status {self.returncode}"
        return f"$ {' '.join(self.argv)}\n{self.stdout}{self.stderr}[{status}]"

    def send(self, data):
        """Writes to its standard input."""
        self._popen.stdin.write(data.encode() if isinstance(data, str) else data)
        self._popen.stdin.flush()

    def send_alone(self, data, timeout=10):
        """As send(), and waits until it has read that, so that what is sent next comes with another read()."""
        self.send(data)
        deadline = time.monotonic() + timeout
        while struct.unpack("i", fcntl.ioctl(self._popen.stdin, termios.FIONREAD, b"\0" * 4))[0]:
            assert time.monotonic() < deadline and self.returncode is None, f"does not read:\n{self.describe()}"
            time.sleep(0.002)

    def close_stdin(self):
        self._popen.stdin.close()

    def wait_output(self, pattern, timeout=10, stream="stdout"):
        """Waits until its output matches a regular expression; returns the match."""
        regex = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                match = regex.search(b"".join(self._chunks[stream]).decode(errors="backslashreplace"))
                if match:
                    return match
                remaining = deadline - time.monotonic()
                if self._open_pipes == 0 or remaining <= 0:
                    break
                self._changed.wait(remaining)
        raise AssertionError(f"{self.name}: no output matched {pattern!r} within {timeout} s:\n{self.describe()}")

    def wait_port(self, port, host="127.0.0.1", timeout=10):
        """Waits until it listens on a TCP port, without connecting to it."""
        deadline = time.monotonic() + timeout
        while not is_listening(port, host):
            if self.returncode is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not listen on {host}:{port}:\n{self.describe()}")
            time.sleep(0.005)
        return self

    def wait_udp_port(self, port, timeout=10):
        """Waits until it has bound a UDP port."""
        deadline = time.monotonic() + timeout
        while not _proc_net_has("udp", port, {"07", "01"}):
            if self.returncode is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} has not bound UDP port {port}:\n{self.describe()}")
            time.sleep(0.005)
        return self

    def wait(self, timeout=20):
        """Waits until it has ended and all its output is here; returns its exit status."""
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            description = self.describe()
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s:\n{description}") from None
        with self._changed:
            # A grandchild may hold the pipes open for ever.
            self._changed.wait_for(lambda: self._open_pipes == 0, 2)
        return self._popen.returncode

    def check(self, timeout=20):
        """Waits until it has ended, which must be with status 0; returns its standard output."""
        assert self.wait(timeout) == 0, f"{self.name} failed:\n{self.describe()}"
        return self.stdout

    def signal(self, number):
        self._popen.send_signal(number)

    def kill(self):
        """Ends it and its children at once. May be called more than once."""
        # Its children may outlive it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        if self._popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._popen.stdin.close()


def _proc_net_has(protocol, port, states):
    for table in (protocol, protocol + "6"):
        with open(f"/proc/net/{table}", encoding="ascii") as lines:
            next(lines)
            for line in lines:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port and fields[3] in states:
                    return True
    return False


def is_listening(port, host="127.0.0.1"):
    """Whether some process listens on a TCP port. Looks only: a connection would be a client to the server."""
    if host in ("127.0.0.1", "::1", "localhost"):
        return _proc_net_has("tcp", port, {"0A"})
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


_claims = {}
_next_port = 10000 + os.getpid() * 61 % 20000


def free_port():
    """A port on 127.0.0.1 that nobody uses, for TCP and UDP, and that free_port() gives to no other process either."""
    global _next_port
    for _ in range(20000):
        # Below the range that the kernel takes for outgoing connections, which could snatch it away.
        port = _next_port
        _next_port = 10000 + (_next_port - 10000 + 1) % 20000
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0micropython-ssl-port-{port}")
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    if kind == socket.SOCK_STREAM:
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims[port] = claim
        return port
    raise RuntimeError("no port is free")
