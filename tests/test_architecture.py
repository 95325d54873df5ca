"""The rules of the house: what lies where, what may import what, how large it may be."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from stages.commands.catalogue import COMMANDS, module_name
from stages.provenance.code import PACKAGE, closure, digests, imported, module_file, scripts
from tests.fabricated import ROOT

STAGES = ROOT / PACKAGE
# lines without the docstring, arguments, lines
LONGEST_FUNCTION, MOST_ARGUMENTS, LONGEST_SCRIPT = 40, 8, 100
WITHOUT_TORCH = ("measures", "statistics", "figures")
HEAVY = {"torch", "direct"}


def modules() -> list[str]:
    """Return the names of all modules of the study."""
    paths = sorted(path.relative_to(ROOT).with_suffix("") for path in STAGES.rglob("*.py"))
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


def path_of(module: str) -> Path:
    """Return the file of a module that exists."""
    path = module_file(module, ROOT)
    assert path is not None, module
    return path


def functions(path: Path) -> list[ast.FunctionDef]:
    """Return all functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def documented(function: ast.FunctionDef) -> int:
    """Return how many lines the docstring of a function has."""
    first = function.body[0]
    told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (first.end_lineno or 0) - first.lineno + 1 if told else 0


def outside(path: Path) -> set[str]:
    """Return the packages that a file imports, by their first name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_no_module_imports_itself_in_the_end() -> None:
    assert len(digests(modules(), ROOT)) == len(modules())


def test_packages_import_neither_scripts_nor_commands() -> None:
    above = {*scripts(ROOT), *(f"stages.commands.{module_name(name)}" for name in COMMANDS)}
    for module in modules():
        if module not in (*above, "stages.__main__") and module.count(".") > 1:
            assert not imported(path_of(module), ROOT) & above, module


def test_every_command_is_listed() -> None:
    files = {path.stem for path in (STAGES / "commands").glob("*.py")}
    assert files - {"__init__", "catalogue"} == {module_name(name) for name in COMMANDS}


@pytest.mark.parametrize("package", WITHOUT_TORCH)
def test_statistics_and_figures_need_no_torch(package: str) -> None:
    within = [name for name in modules() if name.startswith(f"{PACKAGE}.{package}")]
    assert within
    for module in within:
        for needed in closure(module, ROOT):
            assert not outside(path_of(needed)) & HEAVY, f"{module} needs {needed}"


def test_measures_of_a_scan_know_no_statistics() -> None:
    for path in (STAGES / "measures").glob("*.py"):
        assert not any(n.startswith("stages.statistics") for n in imported(path, ROOT)), path


def test_nothing_else_lies_beside_the_scripts() -> None:
    names = {path.name for path in STAGES.iterdir() if path.is_file()}
    expected = {f"{script.split('.')[1]}.py" for script in scripts(ROOT)}
    assert names == {*expected, "__init__.py", "__main__.py"}


def test_scripts_are_short() -> None:
    for script in scripts(ROOT):
        n_lines = len(path_of(script).read_text(encoding="utf-8").splitlines())
        assert n_lines <= LONGEST_SCRIPT, f"{script}: {n_lines} lines"


def test_functions_are_short_and_take_few_arguments() -> None:
    for path in STAGES.rglob("*.py"):
        for function in functions(path):
            n_lines = (function.end_lineno or 0) - function.lineno + 1 - documented(function)
            n_arguments = len(function.args.args) + len(function.args.kwonlyargs)
            assert n_lines <= LONGEST_FUNCTION, f"{path}: {function.name}, {n_lines} lines"
            assert n_arguments <= MOST_ARGUMENTS, f"{path}: {function.name}, {n_arguments}"


# what may bear one name: a question, its figure, its parameters, its measures and its stage
ALIKE = {"questions", "figures", "params", "measures", PACKAGE}
EVERYWHERE = {"__init__.py", "catalogue.py", "protocol.py"}


def test_a_file_name_stands_for_one_noun() -> None:
    places: dict[str, list[str]] = {}
    for path in STAGES.rglob("*.py"):
        if path.name not in EVERYWHERE and path.parent.name not in ALIKE:
            places.setdefault(path.name, []).append(str(path.relative_to(ROOT)))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice
    assert Counter(len(found) for found in places.values())[1] > 100
