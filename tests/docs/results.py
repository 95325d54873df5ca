"""The numbers of docs/results.md and README.md, rendered from metrics/ and results/cohort/.

    python -m tests.docs.results            # print what differs; exit status 1 if anything does
    python -m tests.docs.results --write    # replace it

Between the comments `BEGIN` of a template beside this module and `END` a page is what it says.
"""

import argparse
import difflib
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.figures.kit.sample import FEW_SUBJECTS
from tests.docs import claims
from tests.docs.pages import ROOT

HEADS = Path("results/heads")
ACCELERATIONS = Path("results/accelerations")  # a published study each
COHORT = Path("results/cohort")  # a published study
PARTS = (
    (Path("README.md"), "readme.md.j2", COHORT),
    (Path("docs/results.md"), "cohort.md.j2", COHORT),
    (Path("docs/results.md"), "heads.md.j2", HEADS),
    (Path("docs/results.md"), "accelerations.md.j2", COHORT),
    (Path("docs/results.md"), "results.md.j2", Path()),
)
"""Page, template and the study that it is rendered from."""
BEGIN = "<!-- from tests/docs/{}: python -m tests.docs.results --write -->"
END = "<!-- end of what is rendered -->"
WIDTH = 120  # of a line of the documentation
HELD = "\0"  # a space within the text of a link, where no line ends
AS_IT_IS = ("|", "#", "<!--")  # what lines begin with that are not filled
FUNCTIONS = {name: each for name, each in vars(claims).items() if inspect.isfunction(each)}
"""What templates may call, and use as filters and tests."""


@cache
def environment() -> Environment:
    """Return the templates' environment: a name that is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    made.globals |= FUNCTIONS
    made.filters |= FUNCTIONS
    made.tests |= FUNCTIONS
    made.globals |= {"networks": claims.NETWORKS, "few_subjects": FEW_SUBJECTS}
    return made


def filled(text: str) -> str:
    """Return Markdown with its paragraphs and the items of its lists filled to `WIDTH`."""
    parts = []
    for block in re.split(r"\n\s*\n", text.strip()):
        if block.lstrip().startswith(AS_IT_IS):
            parts.append(block.strip())
            continue
        items = re.split(r"\n(?=\d+\. )", block.strip())
        parts.append("\n".join(_filled(item) for item in items))
    return "\n\n".join(parts)


def _filled(item: str) -> str:
    indent = "   " if re.match(r"\d+\. ", item) else ""
    text = re.sub(r"\[[^]]*\]\(", lambda link: link[0].replace(" ", HELD), " ".join(item.split()))
    lines = textwrap.fill(
        text,
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace(HELD, " ")


def rendered(template: str, metrics: Mapping[str, Any]) -> str:
    """Return what a template says of the metrics of a study (`claims.study`)."""
    return filled(environment().get_template(template).render(metrics))


def updated(page: str, template: str, metrics: Mapping[str, Any]) -> str:
    """Return a page whose part between the comments is rendered anew.

    Raises:
        ValueError: the comments are not there, the first of them once.
    """
    begin = BEGIN.format(template)
    before, _, rest = page.partition(begin)
    _, end, after = rest.partition(END)
    if page.count(begin) != 1 or not end:
        raise ValueError(f"expected once each: {begin} and {END}")
    return f"{before}{begin}\n\n{rendered(template, metrics)}\n\n{END}{after}"


def pages() -> dict[Path, str]:
    """Return the pages as they should be."""
    found: dict[Path, str] = {}
    studies = {folder: claims.study(ROOT / folder) for folder in {part[-1] for part in PARTS}}
    accelerations = claims.accelerated(ROOT / ACCELERATIONS)
    for page, template, folder in PARTS:
        text = found.get(page) or (ROOT / page).read_text(encoding="utf-8")
        beside = {
            "cohort": studies[COHORT],
            "heads": studies[HEADS],
            "accelerations": accelerations,
        }
        found[page] = updated(text, template, studies[folder] | beside)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print the differences between pages and metrics, or replace what differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="replace it in the pages")
    write, differs = parser.parse_args(arguments).write, False
    for path, new in pages().items():
        old = (ROOT / path).read_text(encoding="utf-8")
        if write:
            (ROOT / path).write_text(new, encoding="utf-8")
            continue
        before, after = (text.splitlines(keepends=True) for text in (old, new))
        names = str(path), f"{path}, rendered"
        sys.stdout.writelines(difflib.unified_diff(before, after, *names))
        differs |= old != new
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
