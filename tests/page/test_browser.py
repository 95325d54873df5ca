"""The page in a real browser: images, errors, requests, narrow windows, print."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.figures import other_segmenter, scan_planes
from stages.figures.kit import style
from stages.page import pictures
from tests.page.browser import Browser, program
from tests.page.conftest import DRAWN, STRIPS

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium: install Debian's chromium")
IMAGES = "[...document.images].filter(i => i.complete && i.naturalWidth > 0).length"
# elements that reach beyond the window and do not lie in a box that scrolls
BEYOND = """
[...document.querySelectorAll('body *')].filter(e =>
  e.getBoundingClientRect().right > window.innerWidth + 1 && !e.closest('.scroll, pre, nav')
).map(e => e.tagName + '.' + e.className)
"""
WIDTHS = (1280, 400)
N_IMAGES = len(DRAWN) + 1 + 6 + STRIPS  # another segmenter's, of a scan, of the subject
OPENED = "document.querySelectorAll('details').forEach(d => d.open = true)"
# of every link within the report, followed by its address: whether its target is displayed, and
# whether it is near the top of the window
ANCHORS = """
(async () => {
  const found = [];
  for (const link of document.querySelectorAll('nav a')) {
    location.hash = '';
    document.querySelectorAll('details').forEach(d => d.open = false);
    location.hash = link.getAttribute('href');
    await new Promise(done => setTimeout(done, 30));
    const target = document.getElementById(link.getAttribute('href').slice(1));
    const box = target.getBoundingClientRect();
    const end = document.documentElement.scrollHeight - innerHeight - scrollY < 2;
    found.push([link.hash, target.checkVisibility({contentVisibilityAuto: true}),
      box.top >= -1 && (box.top < innerHeight / 3 || end)]);
  }
  return found;
})()
"""
# texts whose contrast with what lies behind them is below WCAG's AA
CONTRAST = r"""
(() => {
  const parse = c => c.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92
    : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  const low = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const pair = [light(parse(style.color).slice(0, 3)), light(behind(e))].sort((a, b) => b - a);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if ((pair[0] + .05) / (pair[1] + .05) < (large ? 3 : 4.5)) low.push(e.outerHTML.slice(0, 80));
  }
  return low;
})()
"""
# rules of WCAG that a machine can check: names, language, keyboard
RULES = """
(() => {
  const bad = (name, all) => [...all].map(e => name + ': ' + e.outerHTML.slice(0, 80));
  const all = s => [...document.querySelectorAll(s)];
  const scrolls = e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
    && e.scrollWidth > e.clientWidth + 1;
  return [
    ...bad('language', all('html:not([lang])')),
    ...bad('image without words', all('img:not([alt]), img[alt=""]')),
    ...bad('link without words', all('a').filter(a => !a.textContent.trim())),
    ...bad('input without label', all('input').filter(i => !i.labels[0]?.innerText.trim())),
    ...bad('region without name', all('[role=region]:not([aria-label])')),
    ...bad('scrolls without keyboard', all('body *').filter(e => scrolls(e) && e.tabIndex < 0
      && !e.querySelector('a, [tabindex]'))),
    ...bad('landmark', ['main', 'header', 'nav'].flatMap(n => all(n).slice(1))),
    ...bad('two of one id', all('[id]').filter(e => all(`[id="${e.id}"]`).length > 1)),
    ...bad('heading cell', all('th:not([scope])')),
  ];
})()
"""
OVER = "getComputedStyle(document.querySelector('.flicker .over')).visibility"
# of every image frame: whether it scrolls, and whether its hint is shown
HINTS = """
[...document.querySelectorAll('.holder')].map(h => {
  const frame = h.querySelector('.frame');
  return [frame.scrollWidth > frame.clientWidth + 1, h.querySelector('.hint').offsetHeight > 5];
})
"""
# of every image: the size in CSS pixels of its smallest lettering, and whether its frame scrolls
LETTERING = f"""
[...document.images].filter(i => i.closest('.scroll')).map(i => {{
  const inches = i.naturalWidth / (i.closest('.pictures, .strip') ? {pictures.DPI} : {style.DPI});
  const points = i.closest('.pictures, .strip') ? {scan_planes.SMALLEST} : {style.SMALLEST};
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
    assert browser.evaluate("document.images.length") == N_IMAGES
    assert browser.evaluate(IMAGES) == N_IMAGES
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
    browser.evaluate(OPENED)
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
    browser.evaluate(OPENED)
    found = browser.evaluate(LETTERING)
    assert min(size for size, _, _ in found) >= pictures.LEGIBLE - 0.01
    assert {overflow for _, _, overflow in found} == {"auto"}
    assert any(scrolls for _, scrolls, _ in found) == (width == min(WIDTHS))


def test_two_segmenters_are_shown_side_by_side(browser: Browser, page: Path) -> None:
    browser.open(page, WIDTHS[1])
    section = "document.querySelector('#beside').parentElement"
    assert browser.evaluate("!!document.querySelector('nav a[href=\"#beside\"]')")
    assert browser.evaluate(f"{section}.querySelectorAll('tbody tr').length") == 2 * 4
    assert "conclusions holds by both" in browser.evaluate(f"{section}.innerText").replace(
        "\xa0", " "
    )
    assert browser.evaluate(f"{section}.querySelector('img').naturalWidth") > 1000
    good = browser.evaluate(f"{section}.querySelector('figcaption').innerText")
    assert good.startswith(other_segmenter.GOOD)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_link_reaches_its_place(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    found = browser.evaluate(ANCHORS)
    assert len(found) > 20
    assert {name[1:] for name, *_ in found} >= {f"figure-{name}" for name in DRAWN}
    assert [name for name, visible, placed in found if not (visible and placed)] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_contrast_and_rules_of_access(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    browser.evaluate(OPENED)
    assert browser.evaluate(CONTRAST) == []
    assert browser.evaluate(RULES) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_an_image_that_scrolls_says_so(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    browser.evaluate(OPENED)
    found = browser.evaluate(HINTS)
    assert [scrolls == told for scrolls, told in found] == [True] * len(found)
    assert any(scrolls for scrolls, _ in found) == (width == min(WIDTHS))


def press(browser: Browser, key: str, code: int, text: str = "") -> None:
    """Press and release a key."""
    options = {"key": key, "windowsVirtualKeyCode": code, "text": text}
    browser.call("Input.dispatchKeyEvent", type="keyDown", **options)
    browser.call("Input.dispatchKeyEvent", type="keyUp", **options)


def test_the_image_flickers_by_keyboard(browser: Browser, page: Path) -> None:
    browser.open(page, WIDTHS[0])
    for _ in range(100):
        press(browser, "Tab", 9)
        if browser.evaluate("document.activeElement.type") == "checkbox":
            break
    assert browser.evaluate("document.activeElement === document.querySelector('.flicker input')")
    found = [browser.evaluate(OVER)]
    for _ in range(2):
        press(browser, " ", 32, " ")
        found.append(browser.evaluate(OVER))
    assert found == ["visible", "hidden", "visible"]


def test_the_image_flickers_by_pointer(browser: Browser, page: Path) -> None:
    browser.open(page, WIDTHS[0])
    browser.evaluate("document.querySelector('.flicker').scrollIntoView({block: 'center'})")
    box = browser.evaluate(
        "(() => { const b = document.querySelector('.pair').getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    found = []
    for x, y in ([1, 1], box, [1, 1]):
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        found.append(browser.evaluate(OVER))
    assert found == ["visible", "hidden", "visible"]
    sizes = browser.evaluate(
        "[...document.querySelectorAll('.pair img')].map(i => i.getBoundingClientRect().toJSON())"
    )
    assert sizes[::2] == sizes[1::2]


def test_closed_details_are_printed(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page, WIDTHS[0])
    heights = "[...document.querySelectorAll('details:not([open])')].map(d => d.offsetHeight)"
    closed = browser.evaluate(heights)
    assert len(closed) > 10
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert all(b > 1.5 * a for a, b in zip(closed, browser.evaluate(heights), strict=True))
    both = "[...document.querySelectorAll('.pair')].map(p => p.children[1].offsetLeft > 20)"
    assert all(browser.evaluate(both)), "fully sampled and reconstruction stand side by side"
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
