"""An emulated board: boots a firmware in QEMU and runs MicroPython scripts on it."""

import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MICROPYTHON = pathlib.Path(os.environ.get("MICROPY_DIR", ROOT / "build" / "sources" / "micropython"))
sys.path[:0] = [str(MICROPYTHON / "tools"), str(MICROPYTHON / "tools" / "mpremote" / "mpremote")]

import pyboard  # noqa: E402  MicroPython's own driver of boards
import romfs  # noqa: E402  ... and its maker of ROMFS images

MACHINES = {
    "MPS2_AN385": ["qemu-system-arm", "-machine", "mps2-an385"],
    "MPS2_AN500": ["qemu-system-arm", "-machine", "mps2-an500"],
    "VIRT_RV32": ["qemu-system-riscv32", "-machine", "virt", "-bios", "none"],
}


def image(kind):
    """BOARD-CONFIGURATION, as make builds it."""
    return ROOT / "build" / "firmware" / kind / "firmware.elf"


# What the tests run on, and the firmware of other configurations, for a few of them.
IMAGES = [image("MPS2_AN385-default"), image("VIRT_RV32-default")]
OTHER_IMAGES = [image("MPS2_AN385-tiny"), image("MPS2_AN385-full")]

# Where memory is that the firmware leaves alone: a ROMFS image lies there, as in flash.
ROM = {"MPS2_AN385": 0x21000000, "MPS2_AN500": 0x60000000, "VIRT_RV32": 0x84000000}

# Files for a board that has booted, kept in its heap and found through MicroPython's VFS.
FILES = """
import io, os, vfs
class Files:
    def __init__(self):
        self.files = {}
    def mount(self, readonly, mkfs):
        pass
    def umount(self):
        pass
    def chdir(self, path):
        pass
    def stat(self, path):
        path = path.lstrip("/")
        if path in self.files:
            return (0x8000, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)
        if not path or any(name.startswith(path + "/") for name in self.files):
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)
    def open(self, path, mode):
        path = path.lstrip("/")
        if path not in self.files:
            raise OSError(2)
        data = self.files[path]
        return io.BytesIO(data) if "b" in mode else io.StringIO(str(data, "utf-8"))
_files = Files()
vfs.mount(_files, "/host")
import sys
sys.path.insert(0, "/host")
"""

MOUNT_ROM = """
import sys, uctypes, vfs
vfs.mount(vfs.VfsRom(uctypes.bytearray_at({address}, {size})), "/rom")
sys.path[:] = ["/rom", ".frozen"]
"""


def romfs_of(files):
    """A ROMFS image of files (name: bytes), which may be in a folder."""
    folders = {}
    for name, data in files.items():
        folder, _, name = name.rpartition("/")
        folders.setdefault(folder, {})[name] = data
    writer = romfs.VfsRomWriter()
    for folder, members in folders.items():
        if folder:
            writer.opendir(folder)
        for name, data in members.items():
            writer.mkfile(name, data)
        if folder:
            writer.closedir()
    return writer.finalise()


class _Process:
    """QEMU with its console on a pipe, in the shape that pyboard wants a serial port in."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.poller = select.poll()
        self.poller.register(self.process.stdout, select.POLLIN)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def wake(self):
        """Has QEMU look for input again. It looked before the firmware listened, and does so once a second."""
        self.process.send_signal(signal.SIGIO)

    def read(self, size=1):
        data = b""
        while len(data) < size:
            part = os.read(self.process.stdout.fileno(), size - len(data))
            if not part:
                raise EOFError("the emulator ended")
            data += part
        return data

    def write(self, data):
        self.process.stdin.write(data)
        return len(data)

    def inWaiting(self):  # noqa: N802  the name is pyserial's
        return 1 if self.poller.poll(0) else 0


class Board(pyboard.Pyboard):
    """A booted firmware, ready to run scripts. `rom` are files (name: bytes) at /rom; `extra` goes to QEMU."""

    def __init__(self, image, rom=None, extra=()):
        machine = image.parent.name.split("-")[0]
        self.use_raw_paste = True
        self.in_raw_repl = False
        self.mount = ""
        with tempfile.NamedTemporaryFile(suffix=".romfs") as file:
            if rom:
                size = file.write(romfs_of(rom))
                file.flush()
                self.mount = MOUNT_ROM.format(address=ROM[machine], size=size)
                extra = [*extra, "-device", f"loader,file={file.name},addr={ROM[machine]},force-raw=on"]
            self.serial = _Process([*MACHINES[machine], "-display", "none", "-monitor", "none", "-serial", "stdio",
                                    "-semihosting", *extra, "-kernel", str(image)])
            self.read_until(1, b">>> ", timeout=30)
            self.serial.wake()
            self.restart()

    def restart(self):
        """A soft reset."""
        self.enter_raw_repl(soft_reset=True)
        self.exec_(f"import board; board.set_time({int(time.time())})")
        self.exec_(self.mount)

    def put(self, files):
        """Adds files (name: bytes) at /host, where they are kept in the heap, and modules are found first."""
        self.exec_(FILES)
        for name, data in files.items():
            self.exec_(f"_files.files[{name!r}] = b''")
            for start in range(0, len(data), 2048):
                self.exec_(f"_files.files[{name!r}] += {data[start:start + 2048]!r}")
        self.exec_("import gc; gc.collect()")

    def run(self, script, timeout=120):
        """Runs a script and returns what it printed and the exception that ended it, as text."""
        self.exec_raw_no_follow(script)
        output, error = self.follow(timeout)
        return output.decode().replace("\r\n", "\n"), error.decode().replace("\r\n", "\n")
