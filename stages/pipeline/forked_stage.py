"""What one job of this machine does: `dvc repro` of a stage, in a process that has all loaded.

A shell, a Python and its imports would take 3 to 5 s of CPU time for every stage. Here DVC runs in
a process forked from one that has imported it and whatever the stages import, and the stage's
script in one forked from that. What DVC checks, stores and writes is the same.
"""

import multiprocessing
import os
import re
import runpy
import shlex
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import dvc.cli
import dvc.repo.reproduce  # what `dvc repro` would import when it is called
from dvc import dvcfile
from dvc.stage import run
from dvc.stage.exceptions import StageCmdFailedError

import stages
from stages.machine.processes import end_with_parent
from stages.pipeline import lock_file
from stages.pipeline.reproduction import interrupts_ignored

PLAIN = re.compile(r"[\w ./@:=+,-]+")  # a command without anything that a shell reads
COMMAND = ["python", "-m"]
run_by_shell = run._run


def work(stage: str, log: Path, environment: dict[str, str], *, forks: bool) -> None:
    """Reproduce a stage in this process, the first of a session of its own; exit with DVC's code.

    Args:
        stage: its name.
        log: file that its output is added to.
        environment: all variables of it.
        forks: whether its script may be forked; else it is run by a shell, as by `dvc repro`.
    """
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    redirect(log)
    with (
        Waiting() as script,
        patch.object(run, "_run", script.run if forks else run_by_shell),
        patch.object(dvcfile, "modify_yaml", lock_file.modified),
    ):
        sys.exit(dvc.cli.main(["--wait-for-lock", "repro", "-s", stage]))


class Waiting:
    """A process that waits for the script that it is to run.

    It is forked before DVC starts its threads, whose locks a later one would inherit.
    """

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("fork")
        receiver, self._sender = context.Pipe(duplex=False)
        self._process = context.Process(target=run_when_told, args=(receiver, self._sender))
        with interrupts_ignored():
            self._process.start()
        receiver.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._sender.close()  # by which one that still waits ends
        self._process.join()

    def run(self, executable: str | None, command: str, **options: Any) -> None:
        """Run a command as DVC does, a script of the study in the waiting process.

        Raises:
            StageCmdFailedError: if its exit code is not 0.
        """
        folder = str(options["cwd"] or ".")
        script = script_of(command, folder)
        if script is None or self._sender.closed:
            run_by_shell(executable, command, **options)
            return
        with interrupts_ignored():  # it has them itself, and DVC sees how it ends
            self._sender.send((*script, folder, options["env"]))
            self._sender.close()
            self._process.join()
        if self._process.exitcode != 0:
            raise StageCmdFailedError(command, self._process.exitcode)


def run_when_told(receiver: Connection, sender: Connection) -> None:
    """Run the script that comes through a pipe; none, if its other end is closed before."""
    sender.close()  # the copy of this process
    end_with_parent()  # or a script would outlive its job
    try:
        script = receiver.recv()
    except EOFError:
        return
    run_script(*script)


def redirect(log: Path) -> None:
    """Let this process and its children read nothing and write to the end of a file."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for number, opened in enumerate((nothing, stream, stream)):
        os.dup2(opened, number)
    os.close(nothing)
    os.close(stream)


def script_of(command: str, folder: str) -> tuple[str, list[str]] | None:
    """Return module and arguments of `python -m stages.<name> ...`; None for any other command.

    So is one in a folder with another version of the study than the one that is loaded.
    """
    words = shlex.split(command) if PLAIN.fullmatch(command) else []
    if words[:2] != COMMAND or len(words) < 3 or not words[2].startswith(f"{stages.__name__}."):
        return None
    there, loaded = Path(folder, stages.__name__), Path(stages.__path__[0])
    if there.is_dir() and there.resolve() != loaded.resolve():
        return None
    return words[2], words[3:]


def run_script(module: str, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run a module as `python -m` does, in this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
