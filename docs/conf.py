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
