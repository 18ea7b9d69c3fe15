"""Does the program for a board in docs/tutorial.md run on one? Its network is a serial port, its broker mosquitto."""

import contextlib
import pathlib

import pytest
import tutorial
from board import Board

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# What a board with a network has, and these have not.
MODULES = {
    "network.py": """
STA_IF = 0
class WLAN:
    def __init__(self, interface):
        pass
    def active(self, on):
        pass
    def connect(self, name, password):
        pass
    def isconnected(self):
        return True
""",
    "ntptime.py": """
def settime():
    pass
""",
    "socket.py": """
from uart import Uart
SOCK_STREAM = 1
def getaddrinfo(host, port, family, kind):
    return [(2, kind, 0, "", (host, port))]
class socket(Uart):
    def __init__(self, family, kind):
        super().__init__()
    def settimeout(self, seconds):
        self.setblocking(seconds is None or seconds > 0)
    def connect(self, address):
        pass
""",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With the certificates of the document."""
    tutorial.make_certificates(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_main(image, folder, start, interpreter, tool, free_port):
    port = free_port()
    tutorial.configure_mosquitto(folder, port)
    start([tool("mosquitto"), "-c", "mosquitto.conf"]).wait_port(port)
    program, words = tutorial.subscriber(port)
    south = start([interpreter("mbedtls"), ROOT / "examples" / program, *words])
    south.wait_output("^connected")

    extra = ["-chardev", f"socket,id=net,host=127.0.0.1,port={port}"]
    extra += ["-serial", "chardev:net"] if image.parent.name.startswith("MPS2") else [
        "-device", "pci-serial,chardev=net,addr=1"]
    files = {name: text.encode() for name, text in MODULES.items()}
    files["uart.py"] = (pathlib.Path(__file__).parent / "uart.py").read_bytes()
    for name in tutorial.MPREMOTE.split()[2:-2]:
        files[name] = ((ROOT / "examples" if name.endswith(".py") else folder) / name).read_bytes()
    # Once around, not for ever.
    script = "import os; os.chdir('/rom')\n" + tutorial.PROGRAMS["main.py"].replace(
        "client.receive(60)", "client.receive(1); raise KeyboardInterrupt")
    with contextlib.closing(Board(image, files, extra)) as board:
        output, error = board.run(script, timeout=60)
    assert output == tutorial.BOARD and error.strip().endswith("KeyboardInterrupt:"), output + error
    south.wait_output("^greenhouse/north: 21.5$")
