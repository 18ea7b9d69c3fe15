"""A server to be attacked: examples/https_server.py."""

import itertools
import os
import pathlib
import resource
import socket
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = [str(ROOT / "examples"), str(ROOT / "tests" / "hostile" / "mpy")]  # of MicroPython's modules
SECONDS = 2  # that a client has
ATTACKERS = 2200  # at a time
DESCRIPTORS = 1024  # of the server, as Linux gives them to each process
# The example, which says what it holds when it is asked. Its heap is touched first, so that what becomes resident later
# is C's. What asyncio holds of tasks that have ended is no matter of the module (mpy/ended.py).
PROGRAM = """
import asyncio, ffi, gc, sys
sys.path += {folders!r}
import https_server
from ended import forget_ended

class Page:
    def __init__(self, template):
        self.template = template

    def format(self, *words):
        return "x" * {padding} + self.template.format(*words)

https_server.PAGE = Page(https_server.PAGE)
bytearray({heap} * 9 // 10)
trim = ffi.open("libc.so.6").func("i", "malloc_trim", "L")

async def tell():
    questions = asyncio.StreamReader(sys.stdin)
    while number := await questions.readline():
        forget_ended()
        gc.collect()
        trim(0)
        print("holds", number.strip(), gc.mem_alloc())

asyncio.create_task(tell())
https_server.main()
"""


class Server:
    """The example, with a look at what it holds."""

    seconds = SECONDS

    def __init__(self, process, port):
        self.process, self.port = process, port
        self.connections = 0
        self._questions = itertools.count(1)

    def connect(self, timeout=30, receives=None):
        """A connection; with `receives` one for which both ends have little room."""
        self.connections += 1
        sock = socket.socket()
        sock.settimeout(timeout)
        if receives is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
            # The kernel makes the buffer of the other end so many times as large.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        sock.connect(("127.0.0.1", self.port))
        return sock

    def memory(self):
        """Bytes: what is resident when C's heap has given back what is free, and what lives in Python's heap."""
        number = next(self._questions)
        self.process.send(f"{number}\n")
        alive = self.process.wait_output(rf"^holds b'{number}' (\d+)$")[1]
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE"), int(alive)

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
    """For thousands of attackers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * ATTACKERS)), hard))


@pytest.fixture
def server(start_mpy, certs, free_port):
    """server(**OPTIONS): the example at work, with a longer page if `padding` says so. None: its default."""
    def server(padding=0, heap=8_000_000, **options):
        port = free_port()
        words = {"certfile": certs / "ec-chain.pem", "keyfile": certs / "ec.key", "seconds": SECONDS, **options}
        program = PROGRAM.format(folders=FOLDERS, padding=padding, heap=heap)
        process = start_mpy(
            program, [str(port), *(f"{name}={value}" for name, value in words.items() if value is not None)],
            options=["-X", f"heapsize={heap}"], stdin=True)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        process.wait_port(port)
        return Server(process, port)

    return server
