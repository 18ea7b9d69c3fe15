"""A server to be attacked: examples/https_server.py."""

import os
import pathlib
import resource
import socket
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SECONDS = 2  # that a client has
MOST = 2200  # clients at a time
HEAP = 8_000_000
# Touches the heap first: what is resident later than that is growth.
PROGRAM = f"""
import sys
bytearray({HEAP * 9 // 10})
sys.path.append({str(ROOT / "examples")!r})
import https_server
https_server.main()
"""


class Server:
    """The example, with a look at what it holds."""

    seconds = SECONDS

    def __init__(self, process, port):
        self.process, self.port = process, port

    def connect(self, timeout=30):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def memory(self):
        """Resident bytes."""
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def wait_descriptors(self, most, seconds=SECONDS + 20):
        """Waits until it holds no more."""
        end = time.monotonic() + seconds
        while self.descriptors() > most:
            assert time.monotonic() < end, f"{self.descriptors()} descriptors are left, {most} before"
            time.sleep(0.05)


@pytest.fixture(scope="session", autouse=True)
def many_files():
    """For both ends of thousands of connections; children have the same limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * MOST)), hard))


@pytest.fixture
def server(start_mpy, certs, free_port):
    """server(**OPTIONS): the example at work."""
    def server(**options):
        port = free_port()
        words = {"certfile": certs / "ec-chain.pem", "keyfile": certs / "ec.key", "seconds": SECONDS, "most": MOST, **options}
        process = start_mpy(PROGRAM, [str(port), *(f"{name}={value}" for name, value in words.items())],
                            options=["-X", f"heapsize={HEAP}"])
        process.wait_port(port)
        return Server(process, port)

    return server
