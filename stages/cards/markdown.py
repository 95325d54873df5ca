"""Markdown from templates: what a parameter says can break neither a table nor the text."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$])")
UNKNOWN = "–"  # stands where the study has no number


def escape(text: str) -> str:
    """Return text on one line in which no character means anything to Markdown or HTML."""
    return SPECIAL.sub(r"\\\1", " ".join(text.replace("&", "&amp;").split()))


def _shown(value: Any) -> Any:
    return escape(value) if isinstance(value, str) else UNKNOWN if value is None else value


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with so many decimals and spaces between thousands; a dash for None."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}".replace(",", " ")


def plain(value: Any) -> str:
    """Return a parameter as text: lists without brackets, mappings as `key: value`."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain(part)}" for key, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    return "none" if value is None else str(value)


def render(template: str, **context: Any) -> str:
    """Fill a template of this folder; whatever is put in is escaped, what is missing an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "plain": plain}
    return environment.get_template(template).render(**context)
