"""Do the commands of docs/firmware.md fit the ports of MicroPython's tree, as far as can be told without their SDKs?"""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MICROPYTHON = ROOT / os.environ.get("MICROPY_DIR", "build/sources/micropython")
MBEDTLS = ROOT / os.environ.get("MBEDTLS_DIR", "build/sources/mbedtls")
TEXT = (ROOT / "docs" / "firmware.md").read_text(encoding="utf-8")


def commands(port):
    """The commands of a port, each in one line."""
    section = re.search(rf"^### {port}\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL)[1]
    lines = "\n".join(re.findall(r"^    (.*)$", section, re.MULTILINE))
    return re.sub(r"\\\n *", "", lines).splitlines()


@pytest.fixture
def modules(tmp_path):
    """A folder with this repository in it, and nothing else: $MODULES."""
    path = tmp_path / "modules"
    path.mkdir()
    (path / "micropython-ssl").symlink_to(ROOT)
    return path


@pytest.fixture
def look(modules, tmp_path):
    """look(COMMAND, WORDS): what a command that builds says, with these words more, that keep it from building."""
    def look(command, words):
        environment = {**os.environ, "MODULES": str(modules), "MBEDTLS": str(MBEDTLS.resolve())}
        return subprocess.run(["sh", "-c", f"{command} {words}"], cwd=MICROPYTHON, env=environment, check=True,
                              capture_output=True, text=True).stdout.replace(str(tmp_path), "")
    return look


def sources(config):
    """The objects in what `make print-cfg` says, without the build folder."""
    return set(re.findall(r"/build/(\S*)\.o\b", config))


@pytest.mark.parametrize(("port", "library"), [("unix", "openssl"), ("unix", "mbedtls"), ("stm32", "mbedtls")])
def test_make(look, tmp_path, port, library):
    """The module is in the image with one engine, one Mbed TLS if that is it, and stm32's source of random numbers."""
    found = [command for command in commands(port) if "USER_C_MODULES" in command]
    (command,) = [command for command in found if port == "stm32" or f"SSL_ENGINE={library}" in command]
    config = look(command, f"BUILD={tmp_path}/build print-cfg")
    found = sources(config)
    for folder in ("module", "engine", library):
        expected = {f"micropython-ssl/src/{folder}/{path.stem}" for path in (ROOT / "src" / folder).glob("*.c")}
        assert expected and expected <= found
    assert not any(f"/src/{other}/" in name for name in found for other in ("openssl", "mbedtls") if other != library)
    assert any(name.endswith("/library/ssl_tls13_client") for name in found) == (library == "mbedtls")
    assert not any(name.startswith("lib/mbedtls/") for name in found)
    assert ("mbedtls/mbedtls_port" in found) == (port == "stm32")


def test_rp2(look, tmp_path):
    """CMake is told of the module, and of what is in the environment."""
    (command,) = [command for command in commands("rp2") if "USER_C_MODULES" in command]
    plan = look(f"CMAKE_ARGS=-DSSL_EARLIEST_TIME=1 {command}", f"BUILD={tmp_path}/build -n -i")
    line = next(line for line in plan.splitlines() if "cmake -S" in line)
    assert "-DUSER_C_MODULES=/modules/micropython-ssl/micropython.cmake" in line and "-DSSL_EARLIEST_TIME=1" in line
    rules = (MICROPYTHON / "py" / "mkrules.cmake").read_text(encoding="utf-8")
    assert "$ENV{CFLAGS_EXTRA}" in rules
    port = (MICROPYTHON / "ports" / "rp2" / "mpconfigport.h").read_text(encoding="utf-8")
    assert "#ifndef MICROPY_PY_SSL\n" in port
    assert "ssl_tls13" not in (MICROPYTHON / "extmod" / "extmod.cmake").read_text(encoding="utf-8")


def test_esp32():
    """What is said of the port's files."""
    def read(name):
        return (MICROPYTHON / "ports" / "esp32" / name).read_text(encoding="utf-8")

    assert re.search(r"^#define MICROPY_PY_SSL +\(1\)$", read("mpconfigport.h"), re.MULTILINE)
    assert "MICROPY_TRACKED_ALLOC" not in read("mpconfigport.h")
    assert "usermod.cmake" in read("esp32_common.cmake")
    options = read("boards/sdkconfig.base")
    for name in ("SSL_ALPN", "ECP_DP_CURVE25519_ENABLED"):
        assert f"CONFIG_MBEDTLS_{name}=n" in options and f"CONFIG_MBEDTLS_{name}=y" in TEXT


@pytest.mark.parametrize("port", ["rp2", "stm32", "esp32"])
def test_boards(port):
    """Those that the commands name."""
    boards = set(re.findall(r"BOARD=(\w+)", "\n".join(commands(port))))
    assert boards
    for board in boards:
        assert (MICROPYTHON / "ports" / port / "boards" / board).is_dir(), board


def test_variables():
    """Those of the table are the ones that the module's files tell of, both of them."""
    table = TEXT[TEXT.index("### Variables"):].partition("\n\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    for name in ("micropython.mk", "micropython.cmake"):
        head = re.match(r"(#.*\n)+", (ROOT / name).read_text(encoding="utf-8"))[0]
        assert set(re.findall(r"^# ([A-Z_]+)  ", head, re.MULTILINE)) == named, name
