"""What happens when the process gets no more memory: an error that says so, and everything works again afterwards."""

import mpy_cases
import pytest

ROOM = 6 << 20  # bytes that the process may take when the program has begun
HEAP = ("-X", "heapsize=16M")

BEGIN = """
import gc

from pipes import Link, new_client_context, new_server_context, new_verifying_context, transfer

CLIENT, SERVER, VERIFYING = new_client_context(), new_server_context(), new_verifying_context()
"""


@pytest.fixture
def run_limited(start, start_mpy, tool, engine, micropython, certs, tmp_path):
    """run_limited(PROGRAM): runs it with little memory; returns its output."""
    def run(program):
        environment = mpy_cases.environment(engine, certs)
        begin = start_mpy(BEGIN + 'Link(CLIENT, SERVER)\nprint(open("/proc/self/statm").read())', env=environment,
                          options=HEAP)
        pages = int(begin.check().split()[0])
        script = tmp_path / "limited.py"
        script.write_text(BEGIN + program)
        argv = [tool("prlimit"), f"--as={pages * 4096 + ROOM}", micropython, *HEAP, script]
        return start(argv, env=environment).check(60).split("\n")

    return run


@pytest.mark.parametrize("what", [
    "Link(CLIENT, SERVER, handshake=False)", "Link(CLIENT, SERVER)", "Link(VERIFYING, SERVER)", "new_client_context()"])
def test_kept_until_there_is_no_more(run_limited, what):
    output = run_limited(f"""
kept = []
try:
    while len(kept) < 100000:
        kept.append({what})
except OSError as e:
    count = len(kept)
    del kept[:]
    print(e.args, e.reason, e.errno)
    print(e.detail)
    print(count > 20)
gc.collect()
for _ in range(20):
    link = Link(VERIFYING, SERVER)
    assert transfer(link.client, link.server, b"ping") == b"ping"
""")
    assert output[0] == "(12,) no_memory 12"
    assert output[1].startswith("out of memory: ") and output[1].count("out of memory") == 1
    assert output[2] == "True"


@pytest.mark.parametrize("what", ["Link(CLIENT, SERVER, handshake=False)", "new_server_context()"])
def test_dropped_all_the_time(run_limited, what):
    """The module collects garbage when the library gets no memory, and tries again."""
    output = run_limited(f"""
# Nobody else collects any.
gc.disable()
collections = 0
before = 0
for _ in range(10000):
    for _ in range(20):
        {what}
    now = gc.mem_alloc()
    collections += now < before
    before = now
    if collections == 3:
        break
print(collections)
""")
    assert output[0] == "3"
