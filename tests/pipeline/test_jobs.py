"""Jobs of a cluster and the launcher, without DVC: stages are shell commands."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from stages.pipeline import jobs as module
from stages.pipeline import reproduction
from stages.pipeline.graph import Stage
from stages.pipeline.jobs import (
    DEVICES,
    Ended,
    Jobs,
    Slurm,
    file_name,
    last_lines,
    least_used,
    visible_gpus,
)
from stages.pipeline.launcher import launch
from stages.pipeline.reproduction import Reproduction
from stages.pipeline.schedule import Schedule, State
from tests.fabricated import ROOT

WITH_GPU = Stage("train", frozenset(), "python -m stages.train", accelerated=True)
WITHOUT = Stage("analyse", frozenset(), "python -m stages.analyse", accelerated=False)


class FakeJobs:
    """Jobs that end, one a call, in the order in which they began."""

    def __init__(self, codes: dict[str, int | None]) -> None:
        self.codes, self.running, self.begun, self.cancelled = codes, {}, [], []
        self.most = 0

    def submit(self, stage: Stage) -> None:
        self.begun.append(stage.name)
        self.running[stage.name] = stage
        self.most = max(self.most, len(self.running))

    def ended(self) -> list[Ended]:
        name = next(iter(self.running))
        del self.running[name]
        return [Ended(name, self.codes.get(name, 0), Path("log"))]

    def cancel(self) -> None:
        self.cancelled = list(self.running)


def run(
    graph: dict[str, str], jobs: FakeJobs, n: int | None, unchanged: Collection[str] = ()
) -> tuple[Schedule, list[str], list[list[str]]]:
    """Run a graph of one-letter stages; return what was asked about and what was skipped."""
    schedule = Schedule({name: frozenset(needs) for name, needs in graph.items()})
    stages = {name: Stage(name, needs, None, False) for name, needs in schedule.graph.items()}
    asked, skips = [], []

    def changed(names: Collection[str]) -> set[str]:
        asked.extend(names)
        return set(names) - set(unchanged)

    def report(_: Ended, skipped: list[str]) -> None:
        skips.append(skipped)

    launch(schedule, stages, jobs, n, changed, report, lambda: None)
    return schedule, asked, skips


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.pipeline.launcher.POLL_S", 0.0)


def test_the_launcher_keeps_order_and_number() -> None:
    jobs = FakeJobs({})
    run({"a": "", "b": "a", "c": "a", "d": "a", "e": "bcd"}, jobs, 2)
    assert jobs.begun == ["a", "b", "c", "d", "e"]
    assert jobs.most == 2
    unlimited = FakeJobs({})
    run({"a": "", "b": "a", "c": "a", "d": "a"}, unlimited, None)
    assert unlimited.most == 3


def test_what_came_out_the_same_stops_there() -> None:
    jobs = FakeJobs({})
    schedule, asked, _ = run({"a": "", "b": "a", "c": "b", "d": "c"}, jobs, 1, unchanged="bc")
    assert jobs.begun == ["a", "d"]
    assert schedule.of(State.UNCHANGED) == ["b", "c"]
    assert asked == ["b", "c", "d"]  # what has nothing before it was asked about already


@pytest.mark.parametrize("code", [1, None])
def test_the_rest_goes_on_after_a_failure(code: int | None) -> None:
    jobs = FakeJobs({"b": code})
    schedule, _, skips = run({"a": "", "b": "a", "c": "a", "d": "b", "e": "c"}, jobs, 1)
    assert jobs.begun == ["a", "b", "c", "e"]
    assert skips == [[], ["d"], [], []]
    assert schedule.states["d"] is State.SKIPPED
    assert jobs.cancelled == []


def test_an_interrupt_cancels_what_runs() -> None:
    jobs = FakeJobs({})

    def interrupt() -> list[Ended]:
        raise KeyboardInterrupt

    jobs.ended = interrupt
    with pytest.raises(KeyboardInterrupt):
        run({"a": "", "b": "", "c": "a"}, jobs, 5)
    assert jobs.cancelled == ["a", "b"]


@pytest.mark.parametrize(
    ("gpus", "taken", "expected"),
    [
        ((), [], ""),
        (("0", "1"), [], "0"),
        (("0", "1"), ["0"], "1"),
        (("0", "1"), ["1"], "0"),
        (("0", "1"), ["0", "1", "1"], "0"),
        (("GPU-a", "GPU-b", "GPU-c"), ["GPU-a", "GPU-b"], "GPU-c"),
    ],
)
def test_no_gpu_gets_two_jobs_while_another_has_none(
    gpus: tuple[str, ...], taken: list[str], expected: str
) -> None:
    assert least_used(gpus, taken) == expected


def test_visible_gpus_come_from_the_environment_or_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert visible_gpus({DEVICES: "2, GPU-5,"}) == ("2", "GPU-5")
    assert visible_gpus({DEVICES: "-1"}) == ()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus({}) == ()
    script(tmp_path / "nvidia-smi", "printf '0\\n1\\n'")
    assert visible_gpus({}) == ("0", "1")


def test_slurm_gives_gpus_to_stages_that_can_use_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("srun", "sbatch"):
        script(tmp_path / name, "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    slurm = Slurm(gres="gpu:1", minutes=90, cpus=3, memory_gb=8.0, partition="long")
    asked = slurm.executor(WITH_GPU, tmp_path).parameters
    assert asked["gres"] == "gpu:1"
    assert (asked["time"], asked["cpus_per_task"], asked["partition"]) == (90, 3, "long")
    assert asked["job_name"] == "train"
    assert "gres" not in slurm.executor(WITHOUT, tmp_path).parameters


class DeadQueue(Slurm):
    """A cluster that has forgotten every job."""

    answer: set[str] | None = None

    def alive(self, jobs: Collection[object]) -> set[str] | None:
        return self.answer


def test_a_job_that_left_the_queue_without_a_result_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeadQueue, "interval_s", 0.0)
    monkeypatch.setattr(DeadQueue, "patience_s", 0.05)
    cluster = DeadQueue()
    jobs = Jobs(cluster, tmp_path)
    jobs.running = {"train": module.submitit.SlurmJob(tmp_path, "7")}
    for answer in (None, {"7"}):
        monkeypatch.setattr(DeadQueue, "answer", answer)
        assert jobs.ended() == []
    monkeypatch.setattr(DeadQueue, "answer", set())
    assert jobs.ended() == []
    time.sleep(0.06)
    (job,) = jobs.ended()
    assert (job.stage, job.code) == ("train", None)
    assert jobs.running == {}


def test_logs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log, 2) == []
    log.write_text("one\n\ntwo\n  \nthree\n")
    assert last_lines(log, 2) == ["two", "three"]
    assert file_name("sub/dvc.yaml:train@0") == "sub_dvc.yaml_train@0"


def script(path: Path, text: str) -> None:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def no_dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which `python -m dvc ... -s NAME` runs the shell script `NAME`."""
    (tmp_path / "dvc.py").write_text(
        "import subprocess, sys\nsys.exit(subprocess.call(['sh', sys.argv[-1]]))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield tmp_path


def test_a_job_reproduces_its_stage_and_keeps_its_output(no_dvc: Path) -> None:
    (no_dvc / "good").write_text("echo hello; command -v python")
    (no_dvc / "bad").write_text("echo oh >&2; exit 3")
    assert Reproduction("good", no_dvc / "log")() == 0
    assert Reproduction("bad", no_dvc / "log")() == 3
    python = str(Path(sys.executable).with_name("python"))
    assert (no_dvc / "log").read_text().splitlines() == ["hello", python, "oh"]


def test_a_cancelled_job_leaves_no_process(no_dvc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduction, "GRACE_S", 0.5)
    # the second child ignores the interrupt and must be killed
    (no_dvc / "long").write_text(
        "sleep 60 & (trap '' INT; echo $$ > pid; sleep 60 & sleep 60; wait)"
    )
    started = no_dvc / "pid"

    def terminate() -> None:
        while not started.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=terminate)
    thread.start()
    with pytest.raises(SystemExit):
        Reproduction("long", no_dvc / "log")()
    thread.join()
    assert left_in(no_dvc) == []


def working_in(folder: Path) -> list[str]:
    """Return the command lines of processes that work in a folder, but for this one."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(folder) and process.pid != os.getpid():
                found.append(" ".join(process.cmdline()))
    return found


def left_in(folder: Path) -> list[str]:
    """Return what still works in a folder after the moment that killed processes take to end."""
    deadline = time.monotonic() + 5
    while (found := working_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_the_environment_of_a_job_has_this_python_first() -> None:
    found = reproduction.with_this_python({"PATH": "/bin", "A": "b"})
    assert found["A"] == "b"
    assert found["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert subprocess.run(["true"], env=found, check=False).returncode == 0
