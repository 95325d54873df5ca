"""Which code a stage script runs, read from the source without running it."""

import ast
import hashlib
from functools import cache
from pathlib import Path

from stages.storage.files import md5
from stages.study.errors import StudyError

PACKAGE = "stages"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def scripts(root: Path) -> list[str]:
    """Return the modules directly below `stages` that are made to be run, sorted by name."""
    paths = sorted((root / PACKAGE).glob("*.py"))
    return [f"{PACKAGE}.{path.stem}" for path in paths if _is_script(_tree(path))]


def digests(script: str, root: Path) -> dict[str, str]:
    """Return the files that a stage script runs or reads as data of a package, with their MD5.

    The digest of a module is that of its syntax tree: it stays the same when comments, docstrings
    or the layout of the text change. Modules that hold nothing but a docstring are left out.

    Args:
        script: module name, e.g. `stages.train`.
        root: folder of the project; the keys are paths relative to it.

    Raises:
        StudyError: if a file is no valid Python.
    """
    found = {}
    for name in sorted(closure(script, root)):
        path = module_file(name, root)
        tree = _tree(path)
        if tree.body:
            found[str(path.relative_to(root))] = _digest(tree)
        found |= {str(file.relative_to(root)): md5(file) for file in data_files(path)}
    return found


def closure(script: str, root: Path) -> set[str]:
    """Return the names of the study's modules that a module needs: itself and all it imports."""
    todo, seen = {script}, set()
    while todo:
        name = todo.pop()
        seen.add(name)
        parents = {name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)}
        todo |= (imported(module_file(name, root), root) | parents) - seen
    return seen


def imported(path: Path, root: Path) -> set[str]:
    """Return the names of the study's modules that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] == PACKAGE and module_file(name, root)}


def data_files(path: Path) -> list[Path]:
    """Return the files beside a module that it names in a string, e.g. a JSON table.

    A folder that it names counts with all its files, e.g. templates, unless it is a package.
    """
    strings = {
        node.value
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = [entry for entry in path.parent.iterdir() if entry.name in strings]
    files = [entry for entry in named if entry.is_file() and entry.suffix != ".py"]
    for folder in (entry for entry in named if entry.is_dir()):
        if not (folder / "__init__.py").exists():
            files += [file for file in folder.rglob("*") if file.is_file()]
    return sorted(files)


def module_file(name: str, root: Path) -> Path | None:
    """Return the file of a module of the study; None if there is none."""
    base = root.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _tree(path: Path) -> ast.Module:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: expected Python, got: {error}; mend the file") from None
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            del node.body[0]
    return tree


def _is_script(tree: ast.Module) -> bool:
    return any(
        isinstance(n, ast.If) and ast.unparse(n.test).startswith("__name__ ==") for n in tree.body
    )


def _digest(tree: ast.Module) -> str:
    return hashlib.md5(ast.unparse(tree).encode(), usedforsecurity=False).hexdigest()
