"""The documentation as a site: complete, searchable without a network, fit for a narrow window."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from docs.site_parts import flowchart
from tests.docs.pages import ROOT, pages, read
from tests.page.browser import Browser, program

FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
}
NOT_FETCHED = {"canonical", "index", "search", "next", "prev", "license", "author"}  # rel of links
# results come one after the other: wait until no more come
RESULTS = """
new Promise(done => { let before = 0; const look = () => {
  const found = [...document.querySelectorAll('ul.search li a')].map(a => a.href);
  found.length && found.length === before ? done(found) : setTimeout(look, 300);
  before = found.length; }; look(); })
"""
BEYOND = "document.documentElement.scrollWidth - window.innerWidth"


class Parts(HTMLParser):
    """What a page of the site fetches, links to, and can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {found[name] or "" for name in ("id", "name") if name in found}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        if tag != "link" or found.get("rel") not in NOT_FETCHED:
            self.fetched += [found[n] or "" for t, n in FETCHED if t == tag and found.get(n)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built without a warning."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs"]
    done = subprocess.run(
        [*build, "-d", str(folder / "trees"), ".", str(folder / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


def html(site: Path, page: Path) -> Path:
    """Return the file that a page has become."""
    return (site / page).with_suffix(".html")


def test_every_page_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    front = Parts(html(site, Path("README.md")).read_text(encoding="utf-8"))
    for page in pages():
        assert html(site, page).is_file(), page
        assert page == Path("README.md") or page.with_suffix(".html").as_posix() in front.links, (
            page
        )
    assert 'url=README.html"' in (site / "index.html").read_text(encoding="utf-8")


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    known = {path: Parts(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    known = {path: parts for path, parts in known.items() if "_downloads" not in path.parts}
    for path, parts in known.items():
        for link in parts.links:
            target, _, anchor = unquote(link).partition("#")
            if re.match(r"\w+:", link):
                continue
            file = (path.parent / target).resolve() if target else path
            assert file.is_file(), f"{path.name}: {link}"
            assert not anchor or file.suffix != ".html" or anchor in known[file].anchors, link


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        fetched = Parts(path.read_text(encoding="utf-8")).fetched
        assert not [url for url in fetched if re.match(r"(\w+:)?//", url)], path
    for path in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", path.read_text(encoding="utf-8")), path


def test_formulas_and_flow_charts_need_no_script(site: Path) -> None:
    concepts = html(site, Path("docs/concepts.md")).read_text(encoding="utf-8")
    assert concepts.count("<math") > 20
    assert "$$" not in concepts
    front = html(site, Path("README.md")).read_text(encoding="utf-8")
    (chart,) = [block for block in read(Path("README.md")).blocks if block.language == "mermaid"]
    for text in re.findall(r"\[([^\]]+)\]", chart.text):
        assert text.split()[0] in front[front.index("<svg role") :]
    assert "flowchart LR" not in front


def test_a_flow_chart_has_its_boxes_in_columns() -> None:
    texts, arrows = flowchart.parse("a[start] --> b[one]\na --> c[two]\nb --> d[end]\nc --> d\n")
    assert texts == {"a": "start", "b": "one", "c": "two", "d": "end"}
    assert flowchart.columns(list(texts), arrows) == {"a": 0, "b": 1, "c": 1, "d": 2}
    assert flowchart.drawing(texts, arrows).count("<rect") == 4


@pytest.mark.parametrize("lines", ["a -> b", "a --> b\nb --> a"])
def test_another_chart_is_an_error(lines: str) -> None:
    with pytest.raises(ValueError, match="flow chart: expected"):
        flowchart.drawing(*flowchart.parse(lines))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for the tests of this module."""
    if program() is None:
        pytest.skip("no Chromium: install Debian's chromium")
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def test_the_search_finds_pages_without_a_network(site: Path, browser: Browser) -> None:
    browser.call("Page.navigate", url=f"{(site / 'search.html').as_uri()}?q=hippocampus")
    found = browser.evaluate(RESULTS)
    assert any("docs/results.html" in url for url in found)
    asked = [
        event["params"]["request"]["url"].split(":")[0]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert set(asked) <= {"file", "data"}


@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_scrolls_sideways(site: Path, browser: Browser, width: int) -> None:
    for page in pages():
        browser.open(html(site, page), width)
        assert browser.evaluate(BEYOND) <= 0, page
