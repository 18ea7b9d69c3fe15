"""The parts of docs/tutorial.md, and what its text has its readers do first."""

import os
import pathlib
import re
import shlex
import subprocess

TEXT = (pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "tutorial.md").read_text(encoding="utf-8")
PROGRAMS = {name: f"# {name}\n{code}" for name, code in re.findall(r"```python\n# ([^\n]*)\n(.*?)```", TEXT, re.DOTALL)}
SHELL = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
OUTPUTS = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)

CERTIFICATES, S_SERVER, SUBSCRIBE, MPREMOTE = SHELL
VERIFIED, WRONG_NAME, FIRST_REPORT, REFUSED, MUTUAL, ASYNCIO, MOSQUITTO, SOUTH, NORTH, BOARD = OUTPUTS


def make_certificates(folder):
    """By the document's commands."""
    subprocess.run(["sh", "-ec", CERTIFICATES], cwd=folder, check=True, capture_output=True)


def configure_mosquitto(folder, port):
    """Writes mosquitto.conf as it is in the document."""
    user = "user root\n" if os.geteuid() == 0 else ""  # else it becomes a user who may not read the key
    (folder / "mosquitto.conf").write_text(user + MOSQUITTO.replace("8883", f"{port} 127.0.0.1"), encoding="ascii")


def subscriber(port):
    """The words of the document's command that shows all reports, the program first."""
    program, *words = shlex.split(SUBSCRIBE)[1:]
    words[0] += f":{port}"
    return program, words
