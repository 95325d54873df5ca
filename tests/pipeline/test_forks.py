"""Stages forked from one process do what `dvc repro` does; shell commands and scripts."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from stages.pipeline import forked_stage, forks
from stages.pipeline.forked_stage import script_of
from stages.pipeline.forks import Forks, jobs_of, preloaded
from stages.pipeline.graph import Stage
from stages.pipeline.jobs import Ended, last_lines
from stages.pipeline.repository import changed
from stages.provenance.code import scripts
from tests.fabricated import ROOT
from tests.pipeline.test_jobs import working_in

COMMANDS = {
    "quick": "echo well $OMP_WAIT_POLICY",
    "fails": "echo badly; exit 2",
    "endless": "(trap '' INT; sleep 60 & sleep 60; wait)",  # ignores interrupts
    "usage": "python -m stages.train nothing",
    "check": "python -m stages.check",
    "code": "python -m stages.code",
}

JOB = """
import time
from stages.pipeline import forked_stage

def endless(*_):
    print("begun", flush=True)
    time.sleep(60)

forked_stage.run_script = endless
with forked_stage.Waiting() as script:
    script.run(None, "python -m stages.check", cwd=".", env={})
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A study of commands without dependencies, in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # as it was, afterwards
    monkeypatch.delenv("OMP_WAIT_POLICY")
    with Repo.init(str(tmp_path), no_scm=True) as repo, repo.config.edit() as config:
        config["core"]["analytics"] = False
    stages = {name: {"cmd": command} for name, command in COMMANDS.items()}
    stages["code"]["outs"] = ["work/code"]
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (tmp_path / "stages").symlink_to(ROOT / "stages")  # whose code is recorded
    yield tmp_path


def stage(name: str, *, accelerated: bool = False) -> Stage:
    return Stage(name, frozenset(), COMMANDS[name], accelerated)


def ended(jobs: Forks, n: int) -> dict[str, Ended]:
    """Return jobs when that many have ended."""
    found: dict[str, Ended] = {}
    while len(found) < n:
        found |= {job.stage: job for job in jobs.ended()}
        time.sleep(0.02)
    return found


def others_in(study: Path) -> list[str]:
    """Return the processes that work in the study, but for the server, wherever it began."""
    return [line for line in working_in(study) if "from multiprocessing" not in line]


def test_jobs_run_side_by_side_and_can_be_cancelled(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "GRACE_S", 0.5)
    jobs = Forks((), study / "logs", [])
    for name in ("quick", "fails", "endless"):
        jobs.submit(stage(name))
    found = ended(jobs, 2)
    assert found["quick"].code == 0 and found["fails"].code not in (0, None)
    assert "well PASSIVE" in last_lines(found["quick"].log, 5)
    assert "badly" in found["fails"].log.read_text()
    assert working_in(study)
    jobs.cancel()
    assert jobs.running == {}
    deadline = time.monotonic() + 10  # what was killed may be seen until it is reaped
    while (left := others_in(study)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


def test_a_script_is_forked_and_leaves_what_a_shell_would(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forked, run = Forks((), study / "logs", []), stage("code")
    forked.submit(run)
    (job,) = ended(forked, 1).values()
    assert job.code == 0, job.log.read_text()
    assert "code" not in changed(study)
    lock = Path("dvc.lock").read_bytes()
    files = {path.name: path.read_bytes() for path in Path("work/code").iterdir()}
    assert {f"{name.split('.')[-1]}.json" for name in scripts(ROOT)} == {*files}
    Path("dvc.lock").unlink()
    with Repo() as repo:
        repo.reproduce("code", force=True, single_item=True)
    assert Path("dvc.lock").read_bytes() == lock
    assert {path.name: path.read_bytes() for path in Path("work/code").iterdir()} == files


def test_a_script_ends_with_a_job_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", JOB],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as job:
        assert job.stdout.readline() == b"begun\n"
        job.terminate()
        # the script has the other end of the output, too: it closes when nobody is left
        assert job.communicate(timeout=20) == (b"", None)


def test_a_fault_of_a_script_is_one_line_of_its_log(study: Path) -> None:
    jobs = Forks((), study / "logs", [])
    for name in ("usage", "check"):
        jobs.submit(stage(name))
    found = ended(jobs, 2)
    for name, line in {"usage": "usage: ", "check": "error: params.yaml: expected"}.items():
        assert found[name].code not in (0, None)
        log = found[name].log.read_text()
        assert line in log and "Traceback" not in log, log


def test_a_stage_with_a_gpu_is_run_by_a_shell(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []

    class Process:
        exitcode = 0

        def __init__(self, target: object, args: tuple, kwargs: dict) -> None:
            calls.append((args[0], args[2][forks.DEVICES], kwargs["forks"]))

        def start(self) -> None:
            pass

    jobs = Forks(("0", "1"), study / "logs", [])
    monkeypatch.setattr(jobs._context, "Process", Process)
    for name in ("quick", "fails", "endless", "check"):
        jobs.submit(stage(name, accelerated=name != "fails"))
    assert calls == [
        ("quick", "0", False), ("fails", "", True), ("endless", "1", False), ("check", "0", False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -m stages.train unet 3", ("stages.train", ["unet", "3"])),
        ("python -m stages.code", ("stages.code", [])),
        ("python -m stages.code > log", None),
        ("python -m stages.code; true", None),
        ("python -m stages.code $HOME", None),
        ("python -m numpy.f2py", None),
        ("python stages/code.py", None),
        ("python -m", None),
        ("sh -c stages.code", None),
    ],
)
def test_only_plain_scripts_of_the_study_are_forked(
    command: str, expected: tuple | None, tmp_path: Path
) -> None:
    assert script_of(command, str(tmp_path)) == expected
    assert script_of(command, str(ROOT)) == expected
    (tmp_path / "stages").mkdir()  # another version of the study
    assert script_of(command, str(tmp_path)) is None


def test_what_is_loaded_once() -> None:
    found = preloaded({"a": Stage("a", frozenset(), "python -m stages.code", False)}, ROOT)
    assert "stages.provenance.code" in found and "stages.code" not in found
    assert not preloaded({"a": Stage("a", frozenset(), "echo a", False)}, ROOT)
    assert not {*found} & {*scripts(ROOT)}


@pytest.mark.parametrize(
    ("gpus", "n_processors", "memory_gb", "expected"),
    [((), 8, 64, 8), ((), 8, 17, 4), ((), 8, 1, 1), ((), 1, 64, 1), (("0", "1"), 64, 1, 2)],
)
def test_how_many_jobs_run_at_a_time(
    gpus: tuple[str, ...], n_processors: int, memory_gb: float, expected: int
) -> None:
    assert jobs_of(gpus, n_processors, memory_gb * 1e9) == expected


def test_dvc_runs_commands_by_the_function_that_is_replaced() -> None:
    """Stages would silently go back to shells if a new version of DVC called another one."""
    assert "_run" in forked_stage.run.cmd_run.__code__.co_names
