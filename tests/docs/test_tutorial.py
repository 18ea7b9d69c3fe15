"""Do the steps of docs/tutorial.md work one after the other, and print what it says?"""

import pathlib
import re
import shlex

import pytest
import relay
import tutorial

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# What the board in main.py has and this machine does not.
BOARD = {
    "network.py": """
STA_IF = 0
class WLAN:
    def __init__(self, interface):
        self.tries = 0
    def active(self, on):
        pass
    def connect(self, name, password):
        print("joins", name)
    def isconnected(self):
        self.tries += 1
        return self.tries > 2
""",
    "ntptime.py": """
tries = 0
def settime():
    global tries
    tries += 1
    if tries == 1:
        raise OSError(110)
    print("has the time")
""",
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """The folder with the certificates that the document's commands make."""
    folder = tmp_path_factory.mktemp("tutorial")
    tutorial.make_certificates(folder)
    return folder


@pytest.fixture
def folder(certificates, monkeypatch):
    monkeypatch.chdir(certificates)
    return certificates


@pytest.fixture
def start_program(start_mpy, folder):
    """start_program(NAME, PORT, *WORDS): a program of the document, but for the ports that it uses."""
    def start_program(name, port, *words, change=(), path=ROOT / "examples"):
        program = re.sub("8443|8883", str(port), tutorial.PROGRAMS[name]).replace("0.0.0.0", "127.0.0.1")
        for old, new in change:
            assert old in program
            program = program.replace(old, new)
        return start_mpy(program, words, env={"MICROPYPATH": f"{path}:.frozen"}, name=name)
    return start_program


def sentence(process):
    """The last part of the traceback with which a program ended."""
    assert process.wait() == 1
    return (process.stdout + process.stderr).strip().rpartition("): ")[2] + "\n"


def test_client(start_program, start, folder, free_port):
    port = free_port()
    start(shlex.split(tutorial.S_SERVER.replace("8443", f"127.0.0.1:{port}")), stdin=True).wait_port(port)
    assert start_program("thermometer.py", port).check() == tutorial.VERIFIED
    wrong = start_program("thermometer.py", port, change=[('"localhost"', '"127.0.0.1"')])
    assert sentence(wrong) == tutorial.WRONG_NAME


def test_server(start_program, free_port):
    """It goes on after thermometers that leave at once, or say no number."""
    port = free_port()
    server = start_program("collector.py", port).wait_port(port)
    answer = tutorial.VERIFIED.splitlines()[0] + "\nb'ok\\n'\n"
    assert start_program("thermometer.py", port).check() == answer
    server.wait_output(f"^{tutorial.FIRST_REPORT}")
    start_program("thermometer.py", port, change=[("21.5", "warm")]).check()
    server.wait_output("^thermometer failed: ")
    assert start_program("thermometer.py", port).check() == answer
    server.wait_output(f"(?s)failed.*^{tutorial.FIRST_REPORT}")


def test_mutual(start_program, free_port):
    port = free_port()
    server = start_program("mutual_collector.py", port).wait_port(port)
    assert start_program("mutual_thermometer.py", port, "north").check() == "b'ok\\n'\n"
    assert start_program("mutual_thermometer.py", port, "nobody").check() == tutorial.REFUSED
    # With Mbed TLS the sentence has a word more.
    server.wait_output("^{}$".format(tutorial.MUTUAL.strip().replace("client sent", "client(: peer)? sent")))


def test_asyncio(start_program, free_port):
    """Both are served at the same time; a thermometer that finds no collector tries again."""
    port = free_port()
    thermometers = [start_program("async_thermometer.py", port, name) for name in ("north", "south")]
    for thermometer in thermometers:
        thermometer.wait_output("^failed: ")
    server = start_program("async_collector.py", port).wait_port(port)
    for thermometer in thermometers:
        assert thermometer.check().splitlines()[-1].endswith(" is done")
    server.wait_output("(?s)closed.*closed")
    assert sorted(server.stdout.splitlines()) == sorted(tutorial.ASYNCIO.splitlines())
    lines = server.stdout.splitlines()
    assert lines.index("south has 21.5") < lines.index("north has 21.8")
    assert lines.index("north has 21.5") < lines.index("south has 21.8")


@pytest.fixture
def broker(start, tool, folder, free_port):
    """The port of mosquitto with the document's configuration."""
    port = free_port()
    tutorial.configure_mosquitto(folder, port)
    start([tool("mosquitto"), "-c", "mosquitto.conf"]).wait_port(port)
    return port


@pytest.fixture
def south(start_mpy, broker):
    """The program that shows what thermometers report."""
    program, words = tutorial.subscriber(broker)
    return start_mpy(ROOT / "examples" / program, words)


def test_mqtt(start_program, broker, south):
    south.wait_output("^connected")
    assert start_program("publish.py", broker).check() == tutorial.NORTH
    south.wait_output(f"^{tutorial.SOUTH}")


def test_board(start_program, broker, south, tmp_path):
    """main.py, on this machine as if it were a board; it goes on after a failure."""
    for name, text in BOARD.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    path = relay.Relay(broker)
    south.wait_output("^connected")
    board = start_program("main.py", path.port, path=f"{tmp_path}:{ROOT}/examples", change=[
        ("collector.example", "localhost"), ("sleep(5)", "sleep(0.1)")])
    board.wait_output(f"^joins greenhouse\nhas the time\n{tutorial.BOARD}")
    south.wait_output("(?s)greenhouse/north: 21.5\n")
    path.cut()
    board.wait_output(f"{tutorial.BOARD}failed: .*\n{tutorial.BOARD}")
    path.close()
    south.wait_output("(greenhouse/north: 21.5\n){2}")


def test_files_for_the_board():
    """Those that are copied are those that main.py opens."""
    command, *files = tutorial.MPREMOTE.split()
    assert command == "mpremote" and files[0] == "cp" and files[-1] == ":"
    named = re.findall(r'"(\w+\.\w+)"', tutorial.PROGRAMS["main.py"])
    assert set(files[1:-1]) == {*named, "main.py", "mqtt_client.py"} - {"collector.example"}


def test_everything_is_tested():
    """No block is of a kind that nobody looks at."""
    blocks = len(tutorial.PROGRAMS) + len(tutorial.SHELL) + len(tutorial.OUTPUTS)
    assert blocks == tutorial.TEXT.count("```") / 2
    tests = pathlib.Path(__file__).read_text(encoding="utf-8")
    for name in tutorial.PROGRAMS:
        assert f'"{name}"' in tests, name
