"""Which modules of the study a stage script imports, read from the source without running it."""

import ast
import re
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


def rewritten(text: str) -> str:
    """Return dvc.yaml with the code dependencies of every stage as they are."""
    lines: list[str] = []
    name, in_deps = "", False
    for line in text.splitlines():
        if found := re.match(r"  ([\w-]+):", line):
            name = found[1]
        if in_deps and not line.startswith("      "):
            lines += [f"      - {path}" for path in sorted(needed(stages()[name]))]
            in_deps = False
        in_deps = in_deps or line == "    deps:"
        if not re.match(r"      - stages/.*\.py$", line):
            lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    # after a change of imports: python -m tests.imports
    file = ROOT / "dvc.yaml"
    file.write_text(rewritten(file.read_text(encoding="utf-8")), encoding="utf-8")
