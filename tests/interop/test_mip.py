"""Can the Python files of package.json be installed by mip and by mpremote, and do they work where they land?"""

import ast
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGE = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
NAMES = [pathlib.PurePath(target).stem for target, _ in PACKAGE["urls"]]
MICROPYTHON = ROOT / os.environ.get("MICROPY_DIR", "build/sources/micropython")
MPY_CROSS = ROOT / "build" / "mpy-cross" / "mpy-cross"


@pytest.fixture
def https(nginx, certs):
    """An nginx for localhost."""
    return nginx(f"ssl_certificate {certs}/ec-chain.pem; ssl_certificate_key {certs}/ec.key; ssl_protocols TLSv1.3;")


@pytest.fixture
def index(https):
    """An index with the package, and its server."""
    subprocess.run([ROOT / "tools" / "make-mip-index", MPY_CROSS, https.www], check=True)
    return https


@pytest.mark.parametrize(("mpy", "suffix"), [(True, "mpy"), (False, "py")])
def test_install(run_mpy, index, tmp_path, mpy, suffix):
    """mip brings each file, compiled or not, and with the right content: the second time it has nothing to do."""
    program = f"""
        import mip
        mip.install("micropython-ssl", index="https://localhost:{index.port}", target="{tmp_path}/lib", mpy={mpy})
    """
    first, second = run_mpy(program).lines, run_mpy(program).lines
    files = [f"{tmp_path}/lib/{name}.{suffix}" for name in NAMES]
    assert first[1:] == [*(f"Copying: {file}" for file in files), "Done"]
    assert second[1:] == [*(f"Exists: {file}" for file in files), "Done"]
    # What lies beside a module must not be taken for it.
    result = run_mpy(f"""
        import {', '.join(NAMES)}
        print({', '.join(f'{name}.__file__' for name in NAMES)})
        trust_on_first_use.connect("localhost:{index.port}", "{tmp_path}/pins").close()
        trust_on_first_use.connect("localhost:{index.port}", "{tmp_path}/pins").close()
        try:
            mqtt_client.Client("localhost", {index.port}, mqtt_client.make_context(), "me").connect()
        except OSError as error:
            print(error.reason)
    """, env={"MICROPYPATH": f"{tmp_path}/lib:.frozen"})
    assert result.lines == [" ".join(files), *(f"{word} over TLSv1.3" for word in (
        "met for the first time", "known by its key")), "untrusted"]


def test_as_documented(start_mpy, run_mpy, free_port, tmp_path):
    """docs/firmware.md: an index on our own server."""
    text = (ROOT / "docs" / "firmware.md").read_text(encoding="utf-8")
    port = free_port()
    subprocess.run([ROOT / "tools" / "make-mip-index", MPY_CROSS, tmp_path / "build" / "mip"], check=True)
    program, *words = shlex.split(re.search(r"^    micropython (examples/https_serve.*)$", text, re.MULTILINE)[1])
    start_mpy(ROOT / program, [*words, "--port", str(port)], cwd=tmp_path).wait_port(port)
    block = re.search(r"```python\n(import mip\n.*?)```", text, re.DOTALL)[1].replace("HOST:8443", f"localhost:{port}")
    folder = tmp_path / "lib"
    assert run_mpy(f"import sys\nsys.path.append('{folder}')\n{block}").lines[-1] == "Done"
    assert sorted(path.stem for path in folder.iterdir()) == sorted(NAMES)


@pytest.fixture
def mpremote(monkeypatch):
    """The module mpremote.mip of MicroPython's tree; its pyserial is for boards that hang on a wire."""
    serial, tools, list_ports = (types.ModuleType(name) for name in ("serial", "serial.tools", "serial.tools.list_ports"))
    serial.tools, tools.list_ports = tools, list_ports
    for module in (serial, tools, list_ports):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.syspath_prepend(str(MICROPYTHON / "tools" / "mpremote"))
    import mpremote.mip  # noqa: PLC0415
    yield mpremote.mip
    for name in [name for name in sys.modules if name.partition(".")[0] == "mpremote"]:
        del sys.modules[name]


class Folder:
    """A board, to mpremote: a folder of this machine."""

    def __init__(self, path):
        self.path = path

    def fs_exists(self, name):
        return (self.path / name).exists()

    def fs_mkdir(self, name):
        (self.path / name).mkdir()

    def fs_writefile(self, name, data, progress_callback=None):
        (self.path / name).write_bytes(data)


def test_mpremote(mpremote, tmp_path):
    """`mpremote mip install PATH/package.json`, of a clone."""
    mpremote._install_package(Folder(tmp_path), str(ROOT / "package.json"), None, "lib", None, True)
    for target, source in PACKAGE["urls"]:
        assert (tmp_path / "lib" / target).read_bytes() == (ROOT / source).read_bytes()
    assert len(list((tmp_path / "lib").iterdir())) == len(NAMES)


def test_package_needs_nothing_else():
    """A module that one of them imports is in the package, or in MicroPython."""
    outside = {"asyncio", "binascii", "errno", "gc", "hashlib", "json", "os", "select", "socket", "ssl", "sys", "time"}
    for _, source in PACKAGE["urls"]:
        tree = ast.parse((ROOT / source).read_text(encoding="utf-8"))
        imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
        assert imported and imported <= outside | set(NAMES), source
