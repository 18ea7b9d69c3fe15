"""Does a soft reset leave nothing behind? And does an image without entropy not come to be?"""

import contextlib
import pathlib
import subprocess

import pytest
from board import Board
from test_scripts import board_files

OPEN = """
import gc
gc.collect()
print(gc.mem_alloc())
from pipes import Link, new_psk_contexts, new_verifying_context, new_server_context, transfer
links = [Link(*new_psk_contexts()), Link(new_verifying_context(), new_server_context()),
         Link(*new_psk_contexts(), handshake=False)]
transfer(links[0].client, links[0].server, bytes(2000))  # leaves a buffer for the next record
links[0].client.write(b"on its way")
links[2].client.readinto(bytearray(1))  # in the middle of its handshake
print([link.client.version() for link in links])
"""


@pytest.fixture
def board(image, certs):
    """A board that has just booted, with what the scripts import."""
    with contextlib.closing(Board(image, board_files(certs))) as board:
        yield board


def test_soft_reset_with_open_connections(board):
    """Three times, with connections in all states; memory is as at the start, and the next ones work."""
    levels = set()
    for _ in range(3):
        output, error = board.run(OPEN)
        assert not error, error
        level, versions = output.splitlines()
        assert versions == "['TLSv1.3', 'TLSv1.3', None]"
        levels.add(int(level))
        board.restart()
    assert max(levels) - min(levels) < 200, levels


# Makes contexts with less and less memory, until none can be made.
SHORT = """
import ballast, ssl
made = []
for left in range(6000, 0, -128):
    held = ballast.all_but(left)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.append(True)
    except (MemoryError, OSError):
        made.append(False)
    held = None
print(made[0], made[-1])
"""


def test_soft_reset_after_a_context_that_could_not_be_made(board):
    """What the library had allocated by then is not used any more after the reset."""
    for _ in range(2):
        output, error = board.run(SHORT)
        assert not error, error
        assert output.split() == ["True", "False"]
        board.restart()
    output, error = board.run(OPEN)
    assert not error, error


def test_entropy_is_the_ports(image):
    """The library's only source is the function that a port must have, and only the test source has it here."""
    nm = "arm-none-eabi-nm" if image.parent.name.startswith("MPS2") else "riscv64-unknown-elf-nm"
    symbols = subprocess.run([nm, "-A", *image.parent.rglob("*.o")], capture_output=True, text=True, check=False).stdout

    def objects(kind):
        return [pathlib.Path(line.split(":")[0]).name for line in symbols.splitlines()
                if line.split()[-2:] == [kind, "mbedtls_hardware_poll"]]

    assert objects("U") == ["entropy.o"]
    assert objects("T") == ["insecure_test_entropy.o"]
