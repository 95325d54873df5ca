"""The commands of the study, by the name that a user types."""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from stages.machine.entry import entry_point
from stages.study.errors import StudyError

CALL = "python -m stages"
COMMANDS = (
    "compare",
    "dag",
    "derivatives",
    "dose-response",
    "draw-mask",
    "environment",
    "export",
    "external",
    "implant",
    "init-audit",
    "launch",
    "offline-plots",
    "plan",
    "publish",
    "response",
    "settings",
    "synthseg",
    "verify",
)
"""Each is a module of this package of the same name, `-` written `_`, with a function `main`."""


def listing() -> str:
    """Return the commands, one line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary(name)}" for name in COMMANDS]
    return "\n".join([f"{CALL} COMMAND [--help]", "", *lines])


def summary(name: str) -> str:
    """Return the first line of a command's docstring, read without running the command."""
    path = Path(__file__).with_name(f"{module_name(name)}.py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0]


def module_name(name: str) -> str:
    """Return the name of the module of a command."""
    return name.replace("-", "_")


@entry_point
def run(name: str, arguments: list[str]) -> None:
    """Run a command; `StudyError` if there is none of this name."""
    find(name)
    sys.argv = [f"{CALL} {name}", *arguments]
    main: Callable[[], None] = import_module(f"{__package__}.{module_name(name)}").main
    main()


def find(name: str) -> None:
    """Raise `StudyError` unless there is a command of this name."""
    if name not in COMMANDS:
        raise StudyError(
            f"{CALL}: expected one of {', '.join(COMMANDS)}, got '{name}'; `{CALL}` lists them"
        )
