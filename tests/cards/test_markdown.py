"""Escaping against a Markdown parser, and numbers as they are read."""

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markdown_it import MarkdownIt

from stages.cards import markdown
from stages.cards.markdown import escape, number, plain, render

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LINE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1)


def cell(text: str) -> str:
    """Return what a reader sees in the first cell of a table that a parser has drawn."""
    page = PARSER.render(f"| head | other |\n|---|---|\n| {text} | last |\n")
    assert page.count("<td>") == 2
    return unescape(page.split("<td>")[1].split("</td>")[0])


@given(LINE)
def test_escaped_text_is_read_as_it_was_written(text: str) -> None:
    words = " ".join(text.split())
    assert cell(escape(f"x{words}x")) == f"x{words}x"


@pytest.mark.parametrize(
    "text", ["a|b", "*a*", "<b>a</b>", "[a](http://b)", "`a`", "a_b_c", "&lt;", "~~a~~", "a\\|b"]
)
def test_each_mark_of_markdown(text: str) -> None:
    assert cell(escape(text)) == text


def test_a_line_break_ends_no_row() -> None:
    assert escape("a\n|b") == "a \\|b"


def test_numbers() -> None:
    assert [number(1234567, 0), number(-0.125), number(None)] == ["1 234 567", "-0.12", "–"]


def test_parameters() -> None:
    assert plain({"a": (1, 2), "b": None}) == "a: 1, 2, b: none"
    assert plain({}) == plain(()) == "none"


def test_what_a_template_lacks_is_an_error(tmp_path, monkeypatch) -> None:
    (tmp_path / "toy.j2").write_text("{{ a }} and {{ b.c }}")
    monkeypatch.setattr(markdown, "__file__", str(tmp_path / "markdown.py"))
    assert render("toy.j2", a="x|y", b={"c": 1.5}) == "x\\|y and 1.5"
    with pytest.raises(UndefinedError, match="'b' is undefined"):
        render("toy.j2", a="x")
