"""How Sphinx makes pages of these documents: `make docs`."""

import pathlib
import re

MODULE = pathlib.Path(__file__).resolve().parent.parent / "src" / "module" / "modssl.c"

project = "micropython-ssl"
author = "the authors of micropython-ssl"
version = release = re.search(r'#define SSL_VERSION "(.*)"', MODULE.read_text(encoding="utf-8"))[1]
html_show_copyright = False

extensions = ["myst_parser"]
# The documents refer to headings in the way of GitHub.
myst_heading_anchors = 3

html_theme = "sphinx_rtd_theme"
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["tables.css"]

# What api.md has: a heading, code with a declaration, and text up to the next of these; rows of tables of constants.
ENTRY = re.compile(r"(?:^### [^\n]*\n\n)?^```python\n(.*?)\n```\n(.*?)(?=^```|^#|^\||\Z)", re.MULTILINE | re.DOTALL)
CONSTANT = re.compile(r"^\| `(.*?)` \| (.*?) \|$", re.MULTILINE)
TABLE_HEAD = re.compile(r"^\| constant \| \|\n\| --- .*\n", re.MULTILINE)
NAME = re.compile(r"^(?:class )?((?:(\w+)\.)?\w+)", re.MULTILINE)


def with_objects(text):
    """api.md with objects of Sphinx's Python domain in the place of headings and code.

    They have anchors, an index and cross references. The file itself is plain Markdown, to be read where it lies.
    """
    names = {NAME.search(match[1])[1] for pattern in (ENTRY, CONSTANT) for match in pattern.finditer(text)}
    seen = set()

    def directive(match):
        declaration = " ".join(match[1].removeprefix("@staticmethod").split())
        declaration, _, is_read_only = declaration.partition(" # ")
        name, scope = NAME.match(declaration).groups()
        options = ["staticmethod:"] if match[1].startswith("@") else []
        if declaration.startswith("class "):
            kind, scope = "class", name
        elif declaration.startswith(f"{name}("):
            kind = "method" if scope else "function"
        else:
            kind = "property" if is_read_only else "attribute" if scope else "data"
            declaration, _, annotation = declaration.partition(": ")
            options.append(f"type: {annotation}")
        # The second of two overloads is nothing that one could refer to.
        options += ["noindex:"] if name in seen else []
        seen.add(name)

        def reference(code):
            target = next((target for target in (f"{scope}.{code[1]}", code[1]) if target in names), None)
            return f"{{py:obj}}`{code[1]}{code[2]} <ssl.{target}>`" if target else code[0]

        content = re.sub(r"`([\w.]+)((?:\(\))?)`", reference, match[2].strip())
        head = f"```{{py:{kind}}} {declaration.removeprefix('class ')}"
        return "\n".join([head, *(f":{option}" for option in options), "", content, "```\n\n"])

    text = CONSTANT.sub(directive, ENTRY.sub(directive, TABLE_HEAD.sub("", text)))
    return text.replace("## Functions", "```{py:module} ssl\n```\n\n## Functions")


def read_source(_app, document, text):
    if document == "api":
        text[0] = with_objects(text[0])


def setup(app):
    app.connect("source-read", read_source)
