"""Does `make docs` make pages of the documents, without a warning?"""

import html.parser
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = ROOT / "docs"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder with the pages, made by the command of the Makefile."""
    folder = tmp_path_factory.mktemp("pages")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^\t@\$\(call step,docs\) (.*)", makefile, re.MULTILINE)[1]
    subprocess.run(recipe.replace("build/docs", str(folder)).split(), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return folder


class Page(html.parser.HTMLParser):
    """What a page has: links, and places that links can lead to."""

    def __init__(self, path):
        super().__init__()
        self.places, self.links = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.places.add(attrs.get("id"))
        if tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])


def test_each_document_has_a_page(pages):
    """All of them, and each is in the table of contents, once."""
    body = (pages / "index.html").read_text(encoding="utf-8").partition('role="main"')[2]
    contents = re.findall(r'<li class="toctree-l1"><a class="reference internal" href="([^"#]+)"', body)
    assert len(contents) == len(set(contents))
    for document in DOCUMENTS.glob("*.md"):
        assert (pages / f"{document.stem}.html").is_file()
        assert document.stem == "index" or f"{document.stem}.html" in contents, document.name


def test_links_lead_to_headings(pages):
    """Each link inside the pages finds its page, and the place in it."""
    found = {path.name: Page(path) for path in pages.glob("*.html")}
    followed = 0
    for name, page in found.items():
        for link in page.links:
            target, _, place = link.partition("#")
            if ":" in link or not target.endswith(".html") and target:
                continue
            assert not place or place in found[target or name].places, f"{name}: {link}"
            followed += 1
    assert followed > 100


def test_api_has_objects(pages):
    """What docs/api.md lists is in the index, and what is named in its text leads there."""
    text = (DOCUMENTS / "api.md").read_text(encoding="utf-8")
    names = re.findall(r"^(?:```python\n(?:@staticmethod\n)?(?:class )?|\| `)([\w.]+)", text, re.MULTILINE)
    assert len(names) > 130
    api, index = Page(pages / "api.html"), Page(pages / "genindex.html")
    for name in names:
        assert f"ssl.{name}" in api.places and f"api.html#ssl.{name}" in index.links, name
    # The side bar has one link to each method; others are in the text.
    named = [link for link in api.links if link == "#ssl.SSLContext.wrap_socket"]
    assert len(named) > 3


def test_nothing_is_fetched(pages):
    """A page can be read where there is no network."""
    for path in pages.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|link|img)\b[^>]*(?:src|href)=\"(?:https?:)?//", text), path.name
