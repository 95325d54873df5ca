"""The pages of the documentation, read as GitHub reads them: headings, links, blocks of code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PATTERNS = ("*.md", "docs/*.md", "docs/cards/*.md", "tests/faults/*.md")
MARKDOWN = MarkdownIt("commonmark").enable("table")
ATTRIBUTES = ("id", "name", "href", "src")


def pages() -> list[Path]:
    """Return all pages, below the root of the repository."""
    return [path.relative_to(ROOT) for each in PATTERNS for path in sorted(ROOT.glob(each))]


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: Path
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Page:
    """What a page consists of."""

    links: tuple[str, ...]
    """Of links and images, as written."""

    anchors: frozenset[str]
    """Of headings, by GitHub's rule, and of HTML."""

    blocks: tuple[Block, ...]


@cache
def read(path: Path) -> Page:
    """Return the parts of a page, by its path below the root."""
    tokens = MARKDOWN.parse((ROOT / path).read_text(encoding="utf-8"))
    inner = [child for token in tokens for child in token.children or ()]
    html = _html(token.content for token in (*tokens, *inner) if token.type.startswith("html"))
    links = [str(found) for token in inner if (found := _target(token)) is not None]
    blocks = [
        Block(path, (token.map or [0])[0] + 1, token.info, token.content)
        for token in tokens
        if token.type == "fence"
    ]
    return Page(
        tuple(links + html["href"] + html["src"]),
        frozenset([*_headings(tokens), *html["id"], *html["name"]]),
        tuple(blocks),
    )


def blocks(language: str) -> list[Block]:
    """Return all blocks of a language."""
    return [block for path in pages() for block in read(path).blocks if block.language == language]


def slug(heading: str) -> str:
    """Return GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _target(token: Token) -> object:
    return token.attrs.get("href") if token.type == "link_open" else token.attrs.get("src")


def _headings(tokens: list[Token]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            text = "".join(part.content for part in token.children or ())
            found = slug(text)
            n = seen[found] = seen.get(found, -1) + 1
            yield f"{found}-{n}" if n else found


def _html(parts: Iterator[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in ATTRIBUTES}

    class Attributes(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            for name, value in attrs:
                if name in found and value:
                    found[name].append(value)

    reader = Attributes()
    for part in parts:
        reader.feed(part)
    return found
