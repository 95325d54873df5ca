"""Every command of the documentation: it exists, its options exist, and cheap ones are run."""

import argparse
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from stages.commands.catalogue import COMMANDS, module_name
from stages.provenance import publication
from stages.storage.files import write_json
from stages.study.errors import StudyError
from tests.docs.console import Command, commands, split
from tests.docs.pages import ROOT
from tests.own_scans import overlays

MAIN = "main"
SHELL = {"git", "cd", "cp", "mkdir", "rm", "pip", "source"}
"""Programs of the system, whose options are not looked at."""
RUN = {  # beginnings of commands that are cheap enough to be run in a copy of the study's metrics
    ("python", "-m", "stages", "compare"),
    ("python", "-m", "stages", "dag"),
    ("python", "-m", "stages", "draw-mask"),
    ("python", "-m", "stages", "response"),
    ("python", "-m", "stages", "settings"),
    ("dvc", "config"),
    ("dvc", "dag"),
    ("dvc", "exp", "list"),
    ("dvc", "exp", "show"),
    ("dvc", "metrics", "diff"),
    ("dvc", "params", "diff"),
    ("dvc", "remote"),
    ("dvc", "unfreeze"),
}


class Parsed(BaseException):
    """Ends a command as soon as its command line has been read."""


def set_params(changes: Sequence[str], folder: Path) -> None:
    """Change parameters as DVC does, in a folder, and check them by the schema."""
    from dvc.utils.hydra import apply_overrides

    from stages.params.sections import load_all

    for path in ROOT.glob("params*.yaml"):
        shutil.copy(path, folder)
    for change in changes:
        file, _, setting = re.match(r"(?:([\w.]+\.yaml)(:))?(.*)", change).groups()
        apply_overrides(folder / (file or "params.yaml"), [setting])
    load_all(folder / "params.yaml")


def stage_names() -> set[str]:
    """Return the stages of dvc.yaml, without their members."""
    return set(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


def parse_command(name: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a command of the study read its command line; `SystemExit` if it cannot."""
    assert name in COMMANDS, name
    original = argparse.ArgumentParser.parse_args

    def parse(parser: argparse.ArgumentParser, given: list[str] | None = None) -> None:
        original(parser, given)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    main: Callable[[], None] = importlib.import_module(f"stages.commands.{module_name(name)}").main
    with pytest.raises(Parsed):
        main()


def check_module(name: str, options: list[str]) -> None:
    """Assert that there is a module, and in the source of one of the study its options."""
    found = importlib.util.find_spec(name)
    if found is not None and not name.startswith(("stages", "tests")):
        return
    if found is not None and found.submodule_search_locations:
        found = importlib.util.find_spec(f"{name}.__main__")
    assert found is not None and found.origin, name
    source = Path(found.origin).read_text(encoding="utf-8")
    for option in options:
        assert not option.startswith("-") or f'"{option}"' in source, f"{name}: {option}"


def check_python(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Check `python -m ...`."""
    assert arguments[0] == "-m"
    if arguments[1] == "stages":
        parse_command(arguments[2], arguments[3:], monkeypatch)
    else:
        check_module(arguments[1], arguments[2:])


def check_dvc(arguments: list[str]) -> None:
    """Check a command of DVC: its options, stages, parameters, files and revisions."""
    from dvc.cli.parser import get_main_parser

    options = vars(get_main_parser().parse_args(arguments))
    if options.get("set_param"):
        with TemporaryDirectory() as folder:
            set_params(options["set_param"], Path(folder))
    if arguments[0] in ("repro", "unfreeze"):
        assert set(options["targets"]) <= stage_names()
    if arguments[0] == "dag" and options["target"]:
        assert options["target"] in stage_names()
    if options.get("targets") and arguments[:2] == ["metrics", "diff"]:
        assert all((ROOT / target).exists() for target in options["targets"])
    revisions = {options.get("a_rev"), options.get("b_rev"), *(options.get("revisions") or ())}
    assert revisions - {None, MAIN} <= experiments()


def experiments() -> set[str]:
    """Return the names of all experiments that some page runs."""
    found = [command.arguments for command in commands()]
    runs = [line for line in found if line[:3] == ("dvc", "exp", "run") and "-n" in line]
    return {line[line.index("-n") + 1] for line in runs}


def check_make(arguments: list[str]) -> None:
    """Check that the Makefile has every target."""
    targets = (ROOT / "Makefile").read_text(encoding="utf-8").split(".PHONY:")[1].split("\n")[0]
    assert arguments and set(arguments) <= set(targets.split())


def check_direct(arguments: list[str]) -> None:
    """Check options of DIRECT's own commands."""
    from direct.cli import predict

    parsers = argparse.ArgumentParser().add_subparsers()
    predict.register_parser(parsers)
    options = parsers.choices[arguments[0]]._option_string_actions
    assert {each for each in arguments if each.startswith("--")} <= set(options)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
@pytest.mark.parametrize("command", commands(), ids=str)
def test_every_command_can_be_given(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = command.arguments
    if program == "python":
        check_python(arguments, monkeypatch)
    elif program == "dvc":
        check_dvc(arguments)
    elif program == "make":
        check_make(arguments)
    elif program == "direct":
        check_direct(arguments)
    else:
        assert program in SHELL, f"{program}: no program that the documentation may name"


@pytest.mark.parametrize(
    "line",
    [
        "python -m stages nothing",
        "python -m stages compare main --outt x",
        "python -m stages.nothing",
        "python -m tests.benchmarks.training --nothing",
        "dvc exp run -S mask.accelerationn=3",
        "dvc exp run -S mask.acceleration=-3",
        "dvc exp run -S 'analyse.subject_pattern=(.*)'",
        "dvc exp run --nothing",
        "dvc repro nothing",
        "dvc metrics diff main never-run",
        "make nothing",
        "direct predict out --nothing 1",
        "nothing at all",
    ],
)
def test_a_command_that_cannot_be_given_is_noticed(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.cli import DvcParserError
    from dvc.exceptions import DvcException

    (arguments,) = split(line)
    with pytest.raises((AssertionError, SystemExit, DvcException, DvcParserError, StudyError)):
        test_every_command_can_be_given(Command(Path("page.md"), arguments), monkeypatch)


def cheap() -> list[tuple[str, ...]]:
    """Return the commands that are run, each once."""
    found = [command.arguments for command in commands()]
    return [line for line in dict.fromkeys(found) if any(line[: len(a)] == a for a in RUN)]


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run a program there, with the study's modules and the environment of the tests."""
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "DVC_GLOBAL_CONFIG_DIR": str(folder / ".dvc/global"),
        "DVC_SYSTEM_CONFIG_DIR": str(folder / ".dvc/system"),
    }
    return subprocess.run(
        arguments, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def commit(folder: Path, branch: str) -> None:
    """Commit all of a folder as a new branch."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for arguments in (("checkout", "-q", "-b", branch), ("add", "-A")):
        assert call(folder, "git", *arguments).returncode == 0
    done = call(folder, "git", *identity, "commit", "-q", "--allow-empty", "-m", branch)
    assert done.returncode == 0, done.stderr


def published() -> set[str]:
    """Return the folders that some page publishes a study in."""
    start = ("python", "-m", "stages", "publish", "--to")
    found = [command.arguments for command in commands()]
    return {line[5] for line in found if line[:5] == start}


def publish(folder: Path) -> None:
    """Write what a publication of the study in Git holds of parameters and metrics."""
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    for path in ROOT.glob("params*.yaml"):
        shutil.copy(path, folder)
    content = {"format": publication.FORMAT, "files": publication.hashes(folder)}
    write_json(folder / publication.MANIFEST, content)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with parameters and metrics of the study, and a branch an experiment."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    for pattern in ("dvc.yaml", "params*.yaml", "data.dvc", "Makefile", ".dvcignore"):
        for path in ROOT.glob(pattern):
            shutil.copy(path, folder)
    for name, text in overlays().items():  # that a reader has saved before
        (folder / name).write_text(text, encoding="utf-8")
    for name in published():
        publish(folder / name)
    assert call(folder, "git", "init", "-q").returncode == 0
    assert call(folder, "dvc", "init", "-q").returncode == 0
    commit(folder, MAIN)
    for name in sorted(experiments()):
        text = (folder / "params.yaml").read_text(encoding="utf-8")
        changed = f"acceleration: {name[1:]}.0" if name[1:].isdecimal() else "acceleration: 5.5"
        (folder / "params.yaml").write_text(text.replace("acceleration: 5.0", changed))
        commit(folder, name)
        assert call(folder, "git", "checkout", "-q", MAIN).returncode == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("arguments", cheap(), ids=" ".join)
def test_cheap_commands_run(arguments: tuple[str, ...], study: Path) -> None:
    program = (sys.executable, "-B") if arguments[0] == "python" else (arguments[0],)
    done = call(study, *program, *arguments[1:])
    call(study, "git", "checkout", "-q", ".")
    assert done.returncode == 0, done.stderr
