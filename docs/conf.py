"""The documentation as a site: README, docs/, contributing, changelog and cards, by Sphinx.

`make docs` writes work/site, which needs no network: search, formulas and drawings are in it.
Sources are the Markdown files as GitHub shows them; what only the site needs is added here.
"""

import sys
from pathlib import Path

import yaml
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from site_parts import flowchart, formulas  # noqa: E402

CITED = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PARTS = {  # of the navigation: its pages in order
    "Begin": ["docs/concepts", "docs/experiments", "docs/draws", "docs/results", "docs/roundings"],
    "Bring your own": [
        "docs/own-scans",
        "docs/implant",
        "docs/masks",
        "docs/own-reconstruction",
        "docs/own-images",
        "docs/own-segmentations",
        "docs/own-volumes",
        "docs/segmentation",
    ],
    "Look up": [
        "docs/outputs",
        "docs/run-times",
        "docs/cluster",
        "docs/troubleshooting",
        "docs/analysis-plan",
        "docs/coverage",
        "docs/fidelity",
    ],
    "Models": [
        "docs/cards/unet",
        "docs/cards/varnet",
        "docs/cards/rim",
        "docs/cards/segmenter-embedded",
        "docs/cards/segmenter-atlas",
        "docs/anatomy",
    ],
    "The project": ["CONTRIBUTING", "CHANGELOG", "tests/faults/faults"],
}

project = CITED["title"]
author = CITED["authors"][0]["name"]
version = release = CITED["version"]
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/cards/*.md", "tests/faults/*.md"]
exclude_patterns = [".*", "data", "work", "weights", "metrics", "plots", "stages", "dvc_plots"]
suppress_warnings = ["myst.xref_missing", "toc.not_readable"]  # tests/docs check links and pages
myst_enable_extensions = ["dollarmath", "html_image"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_sphinx = False
html_additional_pages = {"index": "redirect.html"}
templates_path = ["site_parts/templates"]
html_math_renderer = "mathml"
html_css_files: list[str] = []


def navigation() -> str:
    """Return the table of contents of the site, which GitHub would show as code, as Markdown."""
    parts = []
    for caption, pages in PARTS.items():
        there = [page for page in pages if (ROOT / f"{page}.md").exists()]
        parts += ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *there, "```"]
    return "\n".join(parts)


def prepare(_: Sphinx, name: str, source: list[str]) -> None:
    """Add to a page what only the site needs."""
    source[0] = flowchart.replace(source[0])
    if name == root_doc:
        source[0] += navigation()


def setup(app: Sphinx) -> None:
    """Connect the parts."""
    app.connect("source-read", prepare)
    app.add_html_math_renderer("mathml", (formulas.inline, None), (formulas.block, None))
