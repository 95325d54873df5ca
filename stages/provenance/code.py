"""Which code a stage script runs, read from the source without running it.

The digest of a module is that of its syntax tree, in which every import of another module of the
study stands for the digest of that module: what a script runs counts, not where it lies.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from pathlib import Path

from stages.storage.files import md5
from stages.study.errors import StudyError

PACKAGE = "stages"
NAMED = re.compile(rf"({PACKAGE}(?:\.\w+)+)(?::\w+)?")  # a module in a string, `module:function`


def scripts(root: Path) -> list[str]:
    """Return the stage scripts, the modules directly below `stages` that are run, by name."""
    paths = sorted((root / PACKAGE).glob("*.py"))
    return [f"{PACKAGE}.{p.stem}" for p in paths if not p.stem.startswith("__")]


def digests(modules: Iterable[str], root: Path) -> dict[str, str]:
    """Return the MD5 of what each module runs: itself, all it imports, data that it names.

    It stays the same when comments, docstrings, types of functions or the layout of the text
    change, and when a module is moved or renamed; packages count through their `__init__`.

    Args:
        modules: names, e.g. `stages.train`.
        root: folder of the project.

    Raises:
        StudyError: if a file is no valid Python, or modules import each other in a circle.
    """
    digester = _Digester(root)
    return {module: digester.digest(module) for module in modules}


def closure(module: str, root: Path) -> set[str]:
    """Return the names of the study's modules that a module needs: itself and all it imports."""
    todo, seen = {module}, set()
    while todo:
        name = todo.pop()
        seen.add(name)
        path = module_file(name, root)
        found = imported(path, root) if path else set()
        todo |= (found | set(_packages(name))) - seen
    return seen


def imported(path: Path, root: Path) -> set[str]:
    """Return the names of the study's modules that a file imports.

    Imports inside functions count, and modules that a string names; those for type checkers alone
    do not.
    """
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {_target(node.module, alias.name, root) for alias in node.names}
        elif isinstance(node, ast.Constant):
            names |= {_named(node.value)}
    return {name for name in names if _is_ours(name, root)}


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


class _Digester:
    """Digests of modules, each worked out once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.known: dict[str, str] = {}
        self.chain: list[str] = []  # modules that wait for the one at hand

    def digest(self, module: str) -> str:
        """Return the digest of a module; `StudyError` if it imports itself in the end."""
        if module in self.chain:
            circle = " -> ".join([*self.chain[self.chain.index(module) :], module])
            raise StudyError(
                f"{module}: expected no circle of imports, got {circle}; move what they share into"
                " a module of its own"
            )
        if module not in self.known:
            self.chain.append(module)
            self.known[module] = self._of(module)
            self.chain.pop()
        return self.known[module]

    def _of(self, module: str) -> str:
        path: Path = module_file(module, self.root)  # type: ignore[assignment]  # it exists
        parts = [
            ast.unparse(_Placeless(self).visit(_parsed(path))),
            [[file.relative_to(path.parent).as_posix(), md5(file)] for file in data_files(path)],
            [self.digest(package) for package in _packages(module) if self._runs(package)],
        ]
        return hashlib.md5(json.dumps(parts).encode(), usedforsecurity=False).hexdigest()

    def _runs(self, package: str) -> bool:
        path = module_file(package, self.root)
        return path is not None and bool(_tree(path).body)


class _Placeless(ast.NodeTransformer):
    """Replaces what a syntax tree says of the place of other modules by their digests."""

    def __init__(self, digester: _Digester) -> None:
        self.digester = digester
        self.modules: dict[str, str] = {}  # local name -> digest, of modules imported as such

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.AST]:
        """Name what is imported by the digest of its module, an imported module by its own."""
        if node.level or not _is_ours(node.module or "", self.digester.root):
            return [node]
        lines = []
        for alias in node.names:
            target = _target(str(node.module), alias.name, self.digester.root)
            found, local = self.digester.digest(target), alias.asname or alias.name
            if target == node.module:
                lines.append(f"import {alias.name} of {found} as {local}")
            else:
                self.modules[local] = found
                lines.append(f"import {found}")
        return [ast.Expr(ast.Constant(line)) for line in lines]

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Name a module by its digest."""
        node.id = self.modules.get(node.id, node.id)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """Name the module that a string stands for by its digest."""
        name = _named(node.value)
        if name and _is_ours(name, self.digester.root):
            node.value = node.value.replace(name, self.digester.digest(name))  # type: ignore[union-attr, arg-type]  # text: it has a name
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit imports before the names that they bring, and put them in an order of their own."""
        super().generic_visit(node)
        for body in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(body, list):
                body[:] = _imports_sorted(body)
        return node


def _imports_sorted(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements with every run of imports sorted, which tools sort by place."""
    found: list[ast.stmt] = []
    for is_import, run in groupby(body, _is_import):
        statements = list(run)
        found += sorted(statements, key=ast.unparse) if is_import else statements
    return found


def _is_import(node: ast.stmt) -> bool:
    replaced = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return replaced or isinstance(node, ast.Import | ast.ImportFrom)


def _target(module: str, name: str, root: Path) -> str:
    """Return the module that `from module import name` runs last."""
    inner = f"{module}.{name}"
    return inner if module_file(inner, root) else module


def _packages(module: str) -> list[str]:
    """Return the packages that a module lies in, whose `__init__` Python runs before it."""
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _is_ours(name: str, root: Path) -> bool:
    return name.split(".")[0] == PACKAGE and module_file(name, root) is not None


def _named(value: object) -> str:
    """Return the module that a string names, e.g. `stages.a.b` in `stages.a.b:c`; or nothing."""
    found = NAMED.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else ""


@cache
def _tree(path: Path) -> ast.Module:
    return _parsed(path)


def _parsed(path: Path) -> ast.Module:
    """Return the syntax tree of what a module runs."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: expected Python, got: {error}; correct the file") from None
    return _Running().visit(tree)


class _Running(ast.NodeTransformer):
    """Removes what does nothing: texts, `if TYPE_CHECKING` and the annotations of functions.

    Those of classes stay: they make the fields of dataclasses and parameters.
    """

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Remove a text that stands for itself."""
        self.generic_visit(node)
        told = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if told else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Remove the annotations of arguments and of what is returned."""
        self.generic_visit(node)
        node.returns = None
        every = node.args
        for argument in (*every.posonlyargs, *every.args, *every.kwonlyargs):
            argument.annotation = None
        for star in (every.vararg, every.kwarg):
            if star is not None:
                star.annotation = None
        node.body = [_without_annotation(statement) for statement in node.body]
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Keep the other branch."""
        self.generic_visit(node)
        hidden = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if hidden else node


def _without_annotation(node: ast.stmt) -> ast.stmt:
    """Return an assignment of a function without the type of its variable."""
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return ast.copy_location(ast.Assign([node.target], node.value), node)
    return node
