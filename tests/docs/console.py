"""Commands of the console blocks, as a shell would see them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import blocks

PROMPT = "$ "
LOOP = re.compile(r"for (?P<name>\w+) in (?P<values>[^;]+); do (?P<body>.*); done")
SEPARATORS = ("&&", ";")


@dataclass(frozen=True)
class Command:
    """One command of a page, without its prompt and comment."""

    page: Path
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.arguments)}"


def commands() -> list[Command]:
    """Return all commands of all pages, each once a page."""
    found = (
        Command(block.page, arguments)
        for block in blocks("console")
        for line in prompted(block.text)
        for arguments in split(line)
    )
    return list(dict.fromkeys(found))


def prompted(text: str) -> Iterator[str]:
    """Yield what stands behind each prompt, continued lines as one; output is left out."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith(PROMPT):
            yield line.removeprefix(PROMPT)


def split(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands of a line; those of a loop for each of its values."""
    if loop := LOOP.match(line):
        for value in loop["values"].split():
            yield from split(loop["body"].replace(f"${loop['name']}", value))
        return
    reader = shlex.shlex(line, posix=True, punctuation_chars="&;")
    reader.whitespace_split = True
    arguments: list[str] = []
    for part in [*reader, ";"]:
        if part in SEPARATORS:
            if arguments:
                yield tuple(arguments)
            arguments = []
        else:
            arguments.append(part)
