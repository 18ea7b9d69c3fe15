"""Is there one version, and does docs/versions.md tell the truth about it?"""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


SOURCE = re.search(r'^#define SSL_VERSION "(.*)"$', read("src/module/modssl.c"), re.MULTILINE)[1]
HEADINGS = re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)
DOCUMENT = read("docs/versions.md")


def test_interpreter(run_mpy, engine):
    """ssl.__version__, by the program of the document, which compares it as well."""
    program = re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)[1]
    assert run_mpy(program).lines == [f"{SOURCE} {engine}", "True"]
    assert run_mpy("import ssl, tls; print(ssl.__version__ == tls.__version__)").stdout == "True\n"


def test_changelog():
    """Versions fall from top to bottom, with the dates on which they were released; the first may have none yet."""
    found = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) \((not released|\d{4}-\d\d-\d\d)\)", heading) for heading in HEADINGS]
    assert found and all(found), HEADINGS
    numbers = [tuple(int(part) for part in version.groups()[:3]) for version in found]
    assert numbers == sorted(set(numbers), reverse=True)
    assert ".".join(map(str, numbers[0])) == SOURCE
    assert all(version[4] != "not released" for version in found[1:])
    dates = [version[4] for version in found if version[4] != "not released"]
    assert dates == sorted(dates, reverse=True)


def test_package():
    """What mip is told."""
    assert json.loads(read("package.json"))["version"] == SOURCE


def test_pages():
    """What Sphinx is told."""
    names = {"__file__": str(ROOT / "docs" / "conf.py")}
    exec(compile(read("docs/conf.py"), "conf.py", "exec"), names)  # noqa: S102  our own
    assert names["version"] == names["release"] == SOURCE


def test_deprecated_is_in_the_changelog():
    """The document's list and the changelog's are the same."""
    now = re.search(r"^Deprecated now: (.*?)\.", DOCUMENT, re.MULTILINE | re.DOTALL)[1]
    told = re.findall(r"^### Deprecated$", read("CHANGELOG.md"), re.MULTILINE)
    assert (now == "nothing") == (not told)
