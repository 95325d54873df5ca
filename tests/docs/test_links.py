"""Links between pages, to files of the repository and to anchors lead somewhere."""

import re
from pathlib import Path, PurePosixPath

import pytest

from tests.docs.pages import ROOT, Page, pages, read

README = Path("README.md")
REPORT = Path("stages/page/templates/report.html.j2")
MOST_LINES = 150


def resolved(page: Path, link: str) -> tuple[Path, str]:
    """Return file (below the root) and anchor of a link on a page."""
    target, _, anchor = link.partition("#")
    if not target:
        return page, anchor
    parts: list[str] = []
    for part in (PurePosixPath(page.parent.as_posix()) / target).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return Path(*parts), anchor


def fault(page: Path, link: str) -> str | None:
    """Return what is wrong with a link; None if it leads somewhere."""
    if link.startswith("https://"):
        return None
    if re.match(r"\w+:", link) or link.startswith("/"):
        return f"{page}: {link}: expected https:// or a path within the repository"
    target, anchor = resolved(page, link)
    if not (ROOT / target).is_file():
        return f"{page}: {link}: no file {target}"
    if anchor and (target.suffix != ".md" or anchor not in read(target).anchors):
        return f"{page}: {link}: no heading #{anchor} in {target}"
    return None


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not [found for link in read(page).links if (found := fault(page, link))]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("docs/none.md", "no file"),
        ("docs/concepts.md#none", "no heading"),
        ("#none", "no heading"),
        ("LICENSE#none", "no heading"),
        ("http://example.org", "expected https"),
        ("/etc/passwd", "expected https"),
    ],
)
def test_a_link_into_nothing_is_noticed(link: str, words: str) -> None:
    assert words in (fault(README, link) or "")


def test_every_page_is_reached_from_the_readme() -> None:
    reached, open_ends = {README}, [README]
    while open_ends:
        page = open_ends.pop()
        targets = {resolved(page, link)[0] for link in read(page).links if "://" not in link}
        new = {path for path in targets - reached if path in pages()}
        reached |= new
        open_ends += new
    assert set(pages()) - reached == set()


def test_pages_that_the_report_names_are_there() -> None:
    text = (ROOT / REPORT).read_text(encoding="utf-8")
    named = re.findall(r"<code>(README\.md|docs/[\w.-]+)</code>", text)
    assert named
    assert not [found for path in named if (found := fault(README, path))]


def test_the_readme_is_short_and_its_pipeline_a_glance() -> None:
    text = (ROOT / README).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    (chart,) = [block for block in read(README).blocks if block.language == "mermaid"]
    assert 5 <= len(set(re.findall(r"(\w+)\[", chart.text))) <= 10


def test_anchors_are_those_of_github() -> None:
    page: Page = read(Path("docs/outputs.md"))
    assert {"metrics-files-keys-units", "the-html-report"} <= page.anchors
    assert "your-own-scans" in read(README).anchors
