"""The page in a real browser: images, errors, requests, narrow windows, print."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.figures import scan_planes
from stages.figures.kit import style
from stages.page import pictures
from tests.page.browser import Browser, program
from tests.page.conftest import DRAWN

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium: install Debian's chromium")
IMAGES = "[...document.images].filter(i => i.complete && i.naturalWidth > 0).length"
# elements that reach beyond the window and do not lie in a box that scrolls
BEYOND = """
[...document.querySelectorAll('body *')].filter(e =>
  e.getBoundingClientRect().right > window.innerWidth + 1 && !e.closest('.scroll, pre')
).map(e => e.tagName + '.' + e.className)
"""
WIDTHS = (1200, 400)
# of every image: the size in CSS pixels of its smallest lettering, and whether its frame scrolls
LETTERING = f"""
[...document.images].map(i => {{
  const inches = i.naturalWidth / (i.closest('.pictures') ? {pictures.DPI} : {style.DPI});
  const points = i.closest('.pictures') ? {scan_planes.SMALLEST} : {style.SMALLEST};
  return [i.getBoundingClientRect().width / inches * points / 72,
          i.parentElement.scrollWidth > i.parentElement.clientWidth,
          getComputedStyle(i.parentElement).overflowX];
}})
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for all tests of this module."""
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_opens_without_fault(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    assert browser.evaluate("document.images.length") == len(DRAWN) + 1 + 6
    assert browser.evaluate(IMAGES) == len(DRAWN) + 1 + 6
    told = [
        e for e in browser.events if e["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
    ]
    assert not told
    asked = [
        event["params"]["request"]["url"].split(":")[0]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert set(asked) <= {"file", "data"}
    assert asked.count("file") == 1
    assert browser.evaluate("document.title").startswith("Does image uncertainty")


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_reaches_beyond_the_window(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(BEYOND) == []
    smallest = browser.evaluate(
        "Math.min(...[...document.querySelectorAll('p, li, td')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 12


@pytest.mark.parametrize("width", WIDTHS)
def test_the_smallest_lettering_of_every_image_is_legible(
    browser: Browser, page: Path, width: int
) -> None:
    browser.open(page, width)
    found = browser.evaluate(LETTERING)
    assert min(size for size, _, _ in found) >= pictures.LEGIBLE - 0.01
    assert {overflow for _, _, overflow in found} == {"auto"}
    assert any(scrolls for _, scrolls, _ in found) == (width == min(WIDTHS))


def test_two_segmenters_are_shown_side_by_side(browser: Browser, page: Path) -> None:
    browser.open(page, WIDTHS[1])
    section = "document.querySelector('#beside').parentElement"
    assert browser.evaluate("!!document.querySelector('nav a[href=\"#beside\"]')")
    assert browser.evaluate(f"{section}.querySelectorAll('tbody tr').length") == 2 * 4
    assert "conclusions hold by both" in browser.evaluate(f"{section}.innerText").replace(
        "\xa0", " "
    )
    assert browser.evaluate(f"{section}.querySelector('img').naturalWidth") > 1000


def test_closed_details_are_printed(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page, WIDTHS[0])
    heights = "[...document.querySelectorAll('details:not([open])')].map(d => d.offsetHeight)"
    closed = browser.evaluate(heights)
    assert len(closed) == 4
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert all(b > 2 * a for a, b in zip(closed, browser.evaluate(heights), strict=True))
    browser.call("Emulation.setEmulatedMedia", media="")
    if not (reader := shutil.which("pdftotext")):
        return
    printed = tmp_path / "page.pdf"
    printed.write_bytes(base64.b64decode(browser.call("Page.printToPDF")["data"]))
    command = [reader, "-layout", printed, "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "outlier_threshold: " in text
    assert "Jinja2" in text


def test_the_page_prints(browser: Browser, page: Path) -> None:
    browser.open(page, WIDTHS[0])
    printed = base64.b64decode(browser.call("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") > 2
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.call("Emulation.setEmulatedMedia", media="")
