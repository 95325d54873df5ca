"""Calls in a process of their own that dies at a chosen moment: the n-th change of the disk."""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import forkserver, get_context
from pathlib import Path

import pytest

from stages.storage.files import atomic_directory, write_json
from tests.fabricated import ROOT

CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "fcntl.flock"}
SCRIPTS = ("inspect", "mask", "measure", "reference")
PRELOADED = ["tests.faults.killing", *(f"stages.{script}" for script in SCRIPTS)]


def die() -> None:
    """Kill this process as nothing can be caught."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying(n: int) -> Callable[[str, tuple], None]:
    """Return a hook of the interpreter that kills this process before the n-th change."""
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if event == "os.kill":
            return
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        seen += event in CHANGES or bool(opened)
        if seen >= n:
            die()

    return hook


def enter(folder: Path, n: int) -> None:
    """Go to a folder and die at the n-th change."""
    os.chdir(folder)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    sys.addaudithook(dying(n))


def write_folder(folder: Path, n: int, content: str) -> None:
    """Write a folder of two files."""
    enter(folder, n)
    with atomic_directory("results/0") as made:
        for name in ("a", "b"):
            write_json(made / f"{name}.json", {name: content})


def run_script(folder: Path, n: int, script: str, arguments: list[str]) -> None:
    """Run a script."""
    enter(folder, n)
    sys.argv = [script, *arguments]
    importlib.import_module(f"stages.{script}").main()


def in_a_process(call: Callable[..., None], *arguments: object) -> int:
    """Call a function in a process that begins with everything imported; return its exit code."""
    forkserver.set_forkserver_preload(PRELOADED)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()
    process = get_context("forkserver").Process(target=call, args=arguments)
    process.start()
    process.join()
    return process.exitcode
