"""Mermaid's flow charts of plain boxes and arrows as drawings that need no script."""

import re
from collections.abc import Mapping, Sequence
from html import escape

CHART = re.compile(r"^```mermaid\nflowchart LR\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)
BOX = r"(\w+)(?:\[([^\]]*)\])?"
ARROW = re.compile(rf"^\s*{BOX} --> {BOX}\s*$")
WIDTH, HEIGHT, GAP_X, GAP_Y, LETTERS = 122, 56, 30, 16, 16  # pixels; letters of a line in a box
HEAD = (
    '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"'
    ' orient="auto"><path d="M0 0 8 4 0 8z" fill="currentColor"/></marker>'
)

Arrows = Sequence[tuple[str, str]]


def replace(text: str) -> str:
    """Return Markdown with its flow charts drawn as SVG.

    Raises:
        ValueError: if a chart has a line that is no arrow between boxes.
    """
    return CHART.sub(lambda found: drawing(*parse(found["lines"])), text)


def parse(lines: str) -> tuple[dict[str, str], Arrows]:
    """Return the text of every box by its name, in order, and the arrows between them."""
    texts: dict[str, str] = {}
    arrows = []
    for line in lines.splitlines():
        found = ARROW.match(line)
        if found is None:
            raise ValueError(f"flow chart: expected `box[text] --> box[text]`, got {line!r}")
        start, start_text, end, end_text = found.groups()
        for name, text in ((start, start_text), (end, end_text)):
            texts[name] = text or texts.get(name, name)
        arrows.append((start, end))
    return texts, arrows


def columns(names: Sequence[str], arrows: Arrows) -> dict[str, int]:
    """Return the column of each box: one right of the last box that an arrow comes from.

    Raises:
        ValueError: if the arrows go round in a circle.
    """
    found = dict.fromkeys(names, 0)
    for _ in names:
        before = dict(found)
        for start, end in arrows:
            found[end] = max(found[end], found[start] + 1)
        if found == before:
            return found
    raise ValueError("flow chart: expected arrows without a circle")


def places(names: Sequence[str], arrows: Arrows) -> dict[str, tuple[int, int]]:
    """Return the upper left corner of each box in pixels."""
    taken: dict[int, int] = {}
    found = {}
    for name, column in columns(names, arrows).items():
        row = taken.get(column, 0)
        taken[column] = row + 1
        found[name] = (column * (WIDTH + GAP_X) + 2, row * (HEIGHT + GAP_Y) + 2)
    return found


def drawing(texts: Mapping[str, str], arrows: Arrows) -> str:
    """Return an SVG in one block of HTML; it has the page's colour of text."""
    at = places(list(texts), arrows)
    width = max(x for x, _ in at.values()) + WIDTH + 2
    height = max(y for _, y in at.values()) + HEIGHT + 2
    parts = [_arrow(at[start], at[end]) for start, end in arrows]
    parts += [_box(at[name], text) for name, text in texts.items()]
    told = "; ".join(f"{texts[start]} to {texts[end]}" for start, end in arrows)
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" style="max-width: 100%; min-width: 36rem"'
        f' fill="none" stroke="currentColor"><title>{escape(told)}</title><defs>{HEAD}</defs>'
        f"{''.join(parts)}</svg>\n"
    )


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    x, y = start[0] + WIDTH, start[1] + HEIGHT // 2
    to_x, to_y = end[0], end[1] + HEIGHT // 2
    near, middle = to_x - GAP_X, to_x - GAP_X // 2  # along its own row, then across the last gap
    return (
        f'<path d="M{x} {y} H{near} C{middle} {y} {middle} {to_y} {to_x} {to_y}"'
        ' marker-end="url(#tip)"/>'
    )


def _box(corner: tuple[int, int], text: str) -> str:
    x, y = corner
    lines = wrapped(text)
    first = y + HEIGHT / 2 + 5 - 8 * (len(lines) - 1)
    words = "".join(
        f'<text x="{x + WIDTH // 2}" y="{first + 16 * i:g}" text-anchor="middle" font-size="14"'
        f' fill="currentColor" stroke="none">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    return f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>{words}'


def wrapped(text: str) -> list[str]:
    """Return text in lines of at most `LETTERS` letters, where its words allow it."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > LETTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
