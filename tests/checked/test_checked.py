"""Does an interpreter with sanitizers, in which any allocation can be made to fail, ever crash, hang or lose a byte?

The cases are in mpy/. CHECKED_SECONDS is how long each random case goes on (default: a minute for all of a script),
CHECKED_SEED where it starts (default: somewhere else in each run, and told), CHECKED_STRIDE=1 has every allocation fail,
7 every seventh.
"""

import functools
import os
import pathlib

import mpy_cases
import pytest

# "coverage": the interpreters of make checked-coverage, which count lines.
FLAVOUR = os.environ.get("CHECKED_FLAVOUR", "checked")
CASES = mpy_cases.find(pathlib.Path(__file__).parent / "mpy")
PASSED_ON = {name: value for name, value in os.environ.items() if name.startswith("CHECKED_")}
LONG = "CHECKED_STRIDE" in PASSED_ON
# Python objects are in one block of the C library's, which is never freed, so there are no leaks for ASan to find; and a
# request that is too large is refused and no mistake. To keep where each block was asked for takes half of the time.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0" +
                    (":malloc_context_size=1" if LONG else ""),
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


@pytest.mark.parametrize("case", CASES, ids=mpy_cases.identify)
def test_checked(case, engine, certs, start_mpy):
    run = functools.partial(
        start_mpy, engine=f"{engine}-{FLAVOUR}", env=mpy_cases.environment(engine, certs, **SANITIZERS, **PASSED_ON))
    seconds = int(PASSED_ON.get("CHECKED_SECONDS", 0)) * len([other for other in CASES if other.script == case.script])
    mpy_cases.check(case, engine, run, timeout=36000 if LONG else 900 + 2 * seconds)


ENDING = """
import io
import ssl
import sys

import datagrams
from pipes import Link, new_server_context, new_verifying_context, nudge, pin

KEPT = []


# Connections in every state.
def leave(client_context, kind, *arguments):
    def new(handshake=True):
        KEPT.append(kind(*arguments, handshake=handshake))
        return KEPT[-1]

    new(handshake=False)
    for turns in range(1, 6):
        begun = new(handshake=False)
        for i in range(turns):
            nudge(begun.server if i % 2 else begun.client)
    established = new()
    KEPT.append(established.client.session)
    for sock in (established.client, established.server):
        sock.write(b"data that nobody reads")
    stuck = new()
    stuck.near.writable = stuck.far.writable = False
    for sock in (stuck.client, stuck.server):
        sock.write(b"data that cannot be sent")
    half_closed, closed = new(), new()
    half_closed.client.close()
    closed.client.close()
    closed.server.close()
    client_context.verify_time = 1
    failed = new(handshake=False)
    failures = set()
    for _ in range(10):
        for sock in (failed.client, failed.server):
            try:
                nudge(sock)
            except OSError:
                failures.add(sock)
    assert len(failures) == 2, failures


class Ending(io.IOBase):
    def write(self, buf):
        return len(buf)

    def readinto(self, buf):
        {end}

    def ioctl(self, request, arg):
        return 0


for version in (0x0303, 0x0304):
    contexts = pin(version, new_verifying_context(), new_server_context())
    leave(contexts[0], Link, *contexts)
    KEPT.append(contexts)
leave(datagrams.contexts("ec")[0], datagrams.Pair, "ec")
# The last ones of TLS are gone before their connections.
for context in contexts:
    context.__del__()
print("end")
context = ssl.SSLContext(ssl.{protocol})
context.verify_mode = ssl.CERT_NONE
context.wrap_socket(Ending(), server_hostname="server.test", do_handshake_on_connect=False).read(1)
"""


@pytest.mark.parametrize("suffix", ["", "-checked"], ids=["plain", "checked"])
@pytest.mark.parametrize("protocol", ["PROTOCOL_TLS_CLIENT", "PROTOCOL_DTLS_CLIENT"])
@pytest.mark.parametrize("end, status, said", [
    ("return None", 0, ""), ("sys.exit(3)", 3, ""), ("1 // 0", 1, "ZeroDivisionError: divide by zero")])
def test_the_program_ends_with_connections_open(start_mpy, engine, certs, suffix, protocol, end, status, said):
    """The interpreter frees them in any order, also when the end comes from inside a stream."""
    process = start_mpy(ENDING.format(end=end, protocol=protocol), engine=engine + suffix,
                        env=mpy_cases.environment(engine, certs, **SANITIZERS))
    assert process.wait(60) == status
    assert process.stdout == "end\n"
    # Sanitizers, too, end with status 1, but say something else in the last line.
    assert process.stderr.strip().rpartition("\n")[2] == said
