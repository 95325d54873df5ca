"""The page in a real browser: images, errors, requests, narrow windows, print."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for all tests of this module."""
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_opens_without_fault(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    assert browser.evaluate("document.images.length") == len(DRAWN) + 6
    assert browser.evaluate(IMAGES) == len(DRAWN) + 6
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


def test_the_page_prints(browser: Browser, page: Path) -> None:
    browser.open(page, WIDTHS[0])
    printed = base64.b64decode(browser.call("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") > 2
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.call("Emulation.setEmulatedMedia", media="")
