"""Which modules of the study a stage script imports, read from the source without running it."""

import ast
import sys
from itertools import pairwise
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent


def module_file(name: str) -> Path | None:
    """Return the file of a module of the study, relative to the root; None if there is none."""
    base = Path(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if (ROOT / candidate).is_file():
            return candidate
    return None


def imported(path: Path) -> set[str]:
    """Return the names of the study's modules that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] == "stages" and module_file(name)}


def has_code(path: Path) -> bool:
    """Say whether a file holds more than a docstring."""
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    return any(not isinstance(node, ast.Expr) for node in body)


def closure(module: str) -> set[str]:
    """Return the files that a module needs: itself and all it imports, directly or not."""
    todo, seen = {module}, set()
    while todo:
        name = todo.pop()
        seen.add(name)
        parents = {name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)}
        todo |= (imported(module_file(name)) | parents) - seen
    files = {module_file(name) for name in seen}
    return {str(path) for path in files if has_code(path)}


def stages() -> dict[str, dict]:
    """Return the stages of dvc.yaml with merges resolved."""
    return yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def doors(stage: dict) -> list[str]:
    """Return the modules that a stage's command runs."""
    words = stage["cmd"].split()
    return [after for word, after in pairwise(words) if word == "-m"]


def needed(stage: dict) -> set[str]:
    """Return every file of the study's code that a stage runs."""
    return set().union(*(closure(door) for door in doors(stage)))


def listed(stage: dict) -> set[str]:
    """Return the code files among a stage's dependencies."""
    return {str(d) for d in stage.get("deps", []) if str(d).startswith("stages/")}


if __name__ == "__main__":
    for name, stage in stages().items():
        code = {f for f in listed(stage) if f.endswith(".py")}
        if needed(stage) != code or "-v" in sys.argv:
            print(
                name,
                "missing:",
                sorted(needed(stage) - code),
                "idle:",
                sorted(code - needed(stage)),
            )
