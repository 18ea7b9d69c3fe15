"""Do the type stubs in typings/, and docs/api.md, tell what the modules have, and nothing else?

They are made from the comments beside the code; whoever changes those runs tools/make-stubs --write.
"""

import ast
import collections
import itertools
import json
import os
import pathlib
import re
import subprocess

import mpy_cases
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TYPINGS = ROOT / "typings"
STUB = (TYPINGS / "ssl.pyi").read_text(encoding="utf-8")
MODULE = ROOT / "src" / "module"
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")

# What every module or object of MicroPython has, or what only the interpreter calls.
SPECIAL = {"__name__", "__class__", "__del__", "__dict__", "__bases__"}

# Names that exist with one engine only.
OF_ENGINE = {"OPENSSL_VERSION": "openssl", "MBEDTLS_VERSION": "mbedtls"}

# Classes by the objects that mpy/surface.py makes of them; those of one class must have the same names.
OBJECTS = collections.defaultdict(list, {
    "ssl": ["ssl", "tls"],
    "SSLContext": ["SSLContext", "SSLContext server", "tls.SSLContext"],
    "SSLSocket": ["SSLSocket", "SSLSocket server"],
})

# What MicroPython's modules have and CPython's, which mypy knows, do not.
OTHER_STUBS = {
    "time.pyi": """
def gmtime() -> tuple[int, ...]: ...
def sleep(seconds: float) -> None: ...
def ticks_ms() -> int: ...
def ticks_us() -> int: ...
def ticks_add(start: int, delta: int) -> int: ...
def ticks_diff(end: int, start: int) -> int: ...
""",
    "mip.pyi": """
def install(package: str, index: str | None = None, target: str | None = None, version: str | None = None,
            mpy: bool = True) -> None: ...
""",
}

Parameter = collections.namedtuple("Parameter", "name kind required default")


def has_decorator(node, *names):
    return any(getattr(decorator, "id", None) in names for decorator in getattr(node, "decorator_list", ()))


def parameters_of(node):
    """The parameters of a function but for self."""
    args = node.args
    positional = [(arg, "positional only") for arg in args.posonlyargs] + [(arg, "either") for arg in args.args]
    defaults = [None] * (len(positional) - len(args.defaults)) + args.defaults
    found = [Parameter(arg.arg, kind, default is None, default and ast.unparse(default))
             for (arg, kind), default in zip(positional, defaults) if arg.arg != "self"]
    return found + [Parameter(arg.arg, "keyword only", default is None, default and ast.unparse(default))
                    for arg, default in zip(args.kwonlyargs, args.kw_defaults)]


def read_stub():
    """{class or "ssl": {name: [nodes]}}"""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for node in ast.parse(STUB).body:
        if isinstance(node, ast.ClassDef):
            found["ssl"][node.name].append(node)
            for member in node.body:
                if isinstance(member, (ast.FunctionDef, ast.AnnAssign)):
                    found[node.name][name_of(member)].append(member)
        elif isinstance(node, (ast.FunctionDef, ast.AnnAssign)):
            found["ssl"][name_of(node)].append(node)
    return found


def name_of(node):
    return node.target.id if isinstance(node, ast.AnnAssign) else node.name


def kind_of(node):
    if isinstance(node, ast.AnnAssign):
        return "writable"
    return "read-only" if has_decorator(node, "property") else "method"


CLASSES = read_stub()
FUNCTIONS = [(scope, name, nodes) for scope, members in CLASSES.items() for name, nodes in members.items()
             if kind_of(nodes[0]) == "method" and isinstance(nodes[0], ast.FunctionDef)]


def probes():
    """Calls that must be taken or refused: (object, function, positional arguments, keywords, why it is refused)."""
    for scope, name, nodes in FUNCTIONS:
        if name.startswith("__") and name != "__init__":
            continue
        signatures = [parameters_of(node) for node in nodes]
        positional = [[p for p in signature if p.kind != "keyword only"] for signature in signatures]
        fewest = min(sum(p.required for p in signature) for signature in positional)
        most = max(len(signature) for signature in positional)
        for count in range(most + 2):
            refused = "too few" if count < fewest else "too many" if count > most else None
            yield scope, name, count, [], refused
        parameters = signatures[0]
        yield scope, name, fewest, ["bogus"], "no such keyword"
        for parameter in parameters:
            others = [p for p in parameters if p.required and p is not parameter]
            before = sum(p.kind == "positional only" for p in others)
            keywords = [p.name for p in others if p.kind != "positional only"] + [parameter.name]
            yield scope, name, before, keywords, "positional only" if parameter.kind == "positional only" else None


PROBES = list(probes())


def source_names():
    """Every name that the C source knows: whatever an object has must be among them."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in MODULE.glob("*.c"))
    return set(re.findall(r"MP_QSTR_(\w+)", text)) - SPECIAL


@pytest.fixture(scope="session")
def surface(engine, interpreter, certs, tmp_path_factory):
    """What mpy/surface.py tells: {kind of line: [rest of the line]}"""
    spec = tmp_path_factory.mktemp("surface") / "spec.json"
    names = source_names() | {name for members in CLASSES.values() for name in members}
    spec.write_text(json.dumps({
        "names": sorted(names - {"__init__", "__enter__", "__exit__"}), "calls": [probe[:4] for probe in PROBES]}))
    result = subprocess.run(
        [interpreter(engine), ROOT / "tests" / "docs" / "mpy" / "surface.py", spec], capture_output=True, text=True,
        timeout=120, env={**os.environ, **mpy_cases.environment(engine, certs)})
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr
    told = collections.defaultdict(list)
    for line in result.stdout.splitlines():
        kind, *rest = json.loads(line)
        told[kind].append(rest)
    return told


def test_stubs_are_up_to_date():
    subprocess.run([ROOT / "tools" / "make-stubs", "--check"], check=True)


def test_everything_has_a_docstring():
    """Or a comment, if it is a constant."""
    for scope, members in CLASSES.items():
        for name, nodes in members.items():
            for node in nodes:
                is_told = re.search(rf'^ *{name}: [^#\n]*(?:  # .|\n *"""\S)', STUB, re.MULTILINE) \
                    if isinstance(node, ast.AnnAssign) else ast.get_docstring(node)
                assert is_told, f"{scope}.{name}"


def test_names(surface, engine):
    """Each object has what its class has in the stub, can be set what can be set there, and has nothing else."""
    for scope, members in CLASSES.items():
        expected = {name: kind_of(nodes[0]) for name, nodes in members.items()
                    if not name.startswith("__") or name == "__version__"}
        expected = {name: "method" if isinstance(members[name][0], ast.ClassDef) else kind
                    for name, kind in expected.items() if OF_ENGINE.get(name, engine) == engine}
        if scope in ("ssl", "TLSVersion", "Purpose"):
            # Constants: nothing of a module or a class can be set.
            expected = {name: "read-only" if kind == "writable" else kind for name, kind in expected.items()}
        for label in OBJECTS.get(scope, [scope]):
            found = {name: kind for thing, name, kind, _ in surface["name"] if thing == label}
            assert found == expected, label
            listed = {name for thing, name in surface["dir"] if thing == label} - SPECIAL
            assert listed <= set(members), label


def test_the_list_has_everything():
    """docs/api.md declares what the stub does, as often."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```|^\| `(.*?)` \|", text, re.MULTILINE | re.DOTALL)
    declarations = "\n".join(code or row for code, row in found)
    listed = re.findall(r"^(?:class )?(?:(\w+)\.)?(\w+)", declarations, re.MULTILINE)
    expected = [(scope, name) for scope, members in CLASSES.items() for name, nodes in members.items()
                for _ in nodes if name != "__init__"]
    assert sorted((scope or "ssl", name) for scope, name in listed) == sorted(expected)


def type_names(annotation):
    """"NoneType", "str" for `str | None` and so on."""
    names = [re.match(r"\w+", part.strip())[0] for part in re.sub(r"\[.*\]", "", annotation).split("|")]
    return {{"None": "NoneType", "Callable": "function"}.get(name, name) for name in names}


def test_types(surface):
    """The values that attributes have are of the types that the stub says."""
    seen = 0
    for label, name, kind, type_name in surface["name"]:
        if kind in ("method", "fails"):
            continue
        node = CLASSES["ssl" if label == "tls" else re.split(r"[ .]", label.removeprefix("tls."))[0]][name][0]
        annotation = ast.unparse(node.annotation if isinstance(node, ast.AnnAssign) else node.returns)
        assert type_name in type_names(annotation), f"{label}.{name}"
        seen += 1
    assert seen > 80


def test_arguments(surface):
    """Functions take as many arguments as the stub says, those keywords, and no others."""
    outcomes = dict(surface["call"])
    wrong = [f"{scope}.{name} with {count} arguments and {keywords}: {outcomes[index] or 'taken'}, "
             f"by the stub {refused or 'taken'}"
             for index, (scope, name, count, keywords, refused) in enumerate(PROBES)
             if (outcomes[index] is None) != (refused is None)]
    assert not wrong, "\n".join(wrong)


C_ARGUMENT = re.compile(r"\{\s*MP_QSTR_(\w+),\s*([^{]*),\s*\{\.u_\w+\s*=\s*(.*?)\}\s*\}", re.DOTALL)
C_DEFAULTS = {
    "MP_ROM_NONE": "None", "false": "False", "true": "True", "MP_ROM_INT(TLS_VERIFY_MODE_NONE)": "CERT_NONE",
    "MP_ROM_INT(PURPOSE_SERVER_AUTH)": "Purpose.SERVER_AUTH", "MP_ROM_INT(PROTOCOL_TLS_CLIENT)": "PROTOCOL_TLS_CLIENT",
}


def argument_tables():
    """{name of the function: [Parameter]} from the tables that C functions hand to mp_arg_parse_all()."""
    tables = {}
    for path in MODULE.glob("*.c"):
        # A comment, then the function that it describes.
        for match in re.finditer(r"((?:^ *//\|[^\n]*\n)+)[^\n]*\([^;]*?\{\n(.*?)^\}", path.read_text(encoding="utf-8"),
                                 re.MULTILINE | re.DOTALL):
            names = re.findall(r"def (\w+)\(", match[1])
            table = re.search(r"mp_arg_t \w+\[\] = \{(.*?)\n    \};", match[2], re.DOTALL)
            if not names or table is None:
                continue
            tables[names[-1], path.stem] = [
                Parameter(name, "keyword only" if "KW_ONLY" in flags else "either", "REQUIRED" in flags,
                          None if "REQUIRED" in flags else C_DEFAULTS.get(default, default))
                for name, flags, default in C_ARGUMENT.findall(table[1])]
    return tables


def test_defaults():
    """Names, order and defaults are those of the tables in the source."""
    tables = argument_tables()
    assert len(tables) >= 4
    for (name, stem), table in tables.items():
        signatures = [parameters_of(nodes[0]) for _, other, nodes in FUNCTIONS if other == name]
        assert table in signatures, f"{name} in {stem}.c"


def mypy(*arguments, path):
    return subprocess.run(
        ["mypy", "--cache-dir=/dev/null", "--check-untyped-defs", *arguments], capture_output=True, text=True,
        env={**os.environ, "MYPYPATH": path}, cwd=ROOT)


@pytest.fixture
def mypy_path(tool, tmp_path):
    """Where mypy finds the stubs."""
    tool("mypy")
    for name, text in OTHER_STUBS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return f"{TYPINGS}:{tmp_path}"


def test_mypy_passes_the_stubs(mypy_path):
    result = mypy("--strict", *sorted(TYPINGS.glob("*.pyi")), path=mypy_path)
    assert result.returncode == 0, result.stdout


def test_mypy_passes_the_examples(mypy_path):
    result = mypy(*sorted((ROOT / "examples").glob("*.py")), path=mypy_path)
    assert result.returncode == 0, result.stdout


def test_mypy_passes_the_programs_of_the_documents(mypy_path, tmp_path):
    """Those that begin with an import are whole; others are pieces."""
    programs = []
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for number, program in enumerate(
                re.findall(r"^```python\n(import .*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)):
            programs.append(tmp_path / f"{document.stem.replace('-', '_')}_{number}.py")
            programs[-1].write_text(program, encoding="utf-8")
    assert programs
    result = mypy(*programs, path=f"{mypy_path}:{ROOT / 'examples'}")
    assert result.returncode == 0, result.stdout


def test_mypy_finds_mistakes(mypy_path, tmp_path):
    """It does use our stubs, and they are good for something."""
    lines = [
        "import socket, ssl, tls",
        "context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)",
        "context.verify_mod = ssl.CERT_REQUIRED",
        "context.protocol = 1",
        "ssl.wrap_socket(socket.socket(), hostname='a.test')",
        "context.wrap_socket(socket.socket(), server_hostname=1)",
        "with tls.SSLContext(0).wrap_socket(socket.socket()) as sock:",
        "    sock.version().upper()",
        "    sock.write('text')",
        "    sock.write(b'bytes')",
    ]
    script = tmp_path / "mistakes.py"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = mypy(script, path=mypy_path)
    assert sorted({int(n) for n in re.findall(r"mistakes.py:(\d+): error", result.stdout)}) == [3, 4, 5, 6, 8, 9]


# Where docs/reference.md has the members of each class.
SECTIONS = {
    "ssl": "Functions", "SSLContext": "SSLContext", "SSLSocket": "SSLSocket", "MemoryBIO": "MemoryBIO",
    "SSLSession": "Sessions",
}


def reference_entries(scope):
    """{name: [signatures, each what is in its brackets, or None]}, of headings and of first columns of tables."""
    section = re.search(rf"^## {SECTIONS[scope]}\n(.*?)(?=^## |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)[1]
    entries = collections.defaultdict(list)
    for line in re.findall(r"^(?:###|\|) (`[^`]*`(?:, `[^`]*`)*)(?: \||$)", section, re.MULTILINE):
        for name, signature in re.findall(rf"`(?:{scope}\.)?(\w+)(?:\((.*?)\))?`", line):
            is_call = f"{name}(" in line
            entries["__init__" if name == scope else name].append(signature if is_call else None)
    entries.pop("with", None)
    return entries


def outline(parameters):
    """A signature but for the names of parameters that are positional only."""
    return [(p.kind, p.required, None if p.kind == "positional only" else (p.name, p.default)) for p in parameters]


def reference_outline(signature, like):
    """The same of one in the reference, f(a[, b], c=1, *, d=2), which does not say what is positional only: `like` does."""
    required, _, optional = signature.partition("[")
    optional = [word for word in re.split(r"[\[\], ]+", optional) if word]
    text = ", ".join(word for word in [required.strip(" ,"), *(f"{word}=None" for word in optional)] if word)
    parameters = parameters_of(ast.parse(f"def f({text}): ...").body[0])
    hidden = sum(p.kind == "positional only" for p in like)
    return outline(p._replace(kind="positional only") if i < hidden else p for i, p in enumerate(parameters))


def test_reference_has_the_members_of_the_stubs():
    """Each class has its section with all of its members, and with no others; functions take the same arguments."""
    for scope in SECTIONS:
        entries = reference_entries(scope)
        # Of the module it has the functions; and those who are made by others have no constructor.
        members = {name: nodes for name, nodes in CLASSES[scope].items()
                   if (scope != "ssl" or isinstance(nodes[0], ast.FunctionDef))
                   and (not name.startswith("__") or name in entries)}
        assert set(entries) == set(members), scope
        for name, nodes in members.items():
            for signature, node in itertools.zip_longest(entries[name], nodes):
                if kind_of(nodes[0]) != "method":
                    assert signature is None, f"{scope}.{name}"
                    continue
                assert signature is not None and node is not None, f"{scope}.{name}"
                parameters = parameters_of(node)
                assert reference_outline(signature, parameters) == outline(parameters), f"{scope}.{name}({signature})"


def test_reference_has_the_constants_of_the_stubs():
    """docs/reference.md names each as code."""
    named = set()
    for code in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", REFERENCE, flags=re.MULTILINE | re.DOTALL)):
        named.update(re.findall(r"\w+", code))
    for scope in ("ssl", "Purpose", "TLSVersion"):
        missing = set(CLASSES[scope]) - named
        assert not missing, f"{scope}: {missing}"
