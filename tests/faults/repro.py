"""Faults that hit `dvc repro` itself: kills, a second one beside it, a cache without room."""

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import yaml

from tests.faults import disks
from tests.faults.process import Group, run
from tests.faults.study import Run, cpu_s, left_over, results
from tests.faults.table import Outcome
from tests.faults.trials import PYTHON, Bench

REPRO = ("dvc", "repro")
ONE = (*REPRO, "--force", "--single-item")
KEPT = ("phantom", "segmenter-quality")  # the slowest, and every image depends on the first
DVC_CPU_S = 1.0  # about what DVC itself takes for a stage
TRIES = 3  # of a kill that comes too late


def forget(bench: Bench, jobs: list[Run]) -> None:
    """Take stages out of dvc.lock, and their outputs away: DVC has to run them again."""
    path = bench.root / "dvc.lock"
    lock = yaml.safe_load(path.read_text())
    for job in jobs:
        bench.clear(job)
        for name in [
            n for n in lock["stages"] if tuple(lock["stages"][n]["cmd"].split()) == job.command
        ]:
            del lock["stages"][name]
    path.write_text(yaml.safe_dump(lock, sort_keys=False))


def killed_repro(
    bench: Bench, jobs: list[Run], generator: random.Random, n: int
) -> Iterator[Outcome]:
    """Kill `dvc repro` with all that it runs, n times on its way through the study.

    It begins where one member of each ensemble and all tables and figures are missing. The last run
    goes to the end; all results must then be those of the undisturbed run.
    """
    todo = [job for job in jobs if job.stage not in KEPT]
    forget(bench, todo)
    total = sum(cpu_s(bench.finished, job) + DVC_CPU_S for job in todo)
    for number in range(n):
        for _ in range(TRIES):
            group = Group(REPRO, bench.root)
            hit = group.kill_after(generator.uniform(0.1, 1.9) * total / (n + 1))
            ended = group.wait()
            if hit or ended.code != 0:
                break
            forget(bench, todo)  # it has come to its end: from the beginning again
        wrong = any(bench.partial(job) for job in jobs)
        note = f"kill {number + 1}: {ended.last_line}"
        yield Outcome("dvc repro killed", running(ended.output), not hit, wrong, note=note)
    ended = run(REPRO, bench.root)
    wrong = results(bench.root) != results(bench.finished)
    wrong |= not all(bench.whole(job) for job in jobs)
    left = [path for job in jobs for out in job.outs for path in left_over(bench.root / out)]
    lost = ended.code != 0 or bool(left)
    yield Outcome("dvc repro again", "all", lost, wrong, note=f"{ended.last_line} {left}")


def running(output: str) -> str:
    """Return the stage that DVC ran when it was killed."""
    lines = [line for line in output.splitlines() if line.startswith("Running stage '")]
    return lines[-1].split("'")[1].split("@")[0] if lines else "dvc itself"


def second_repro(bench: Bench, job: Run, name: str) -> Outcome:
    """Run a stage while another `dvc repro` runs it."""
    first = Group((*ONE, name), bench.root)
    while "Running stage" not in first.log.read_text() and first.process.poll() is None:
        time.sleep(0.02)
    second = run((*ONE, name), bench.root)
    ended = first.wait()
    untold = second.code == 0 or "lock" not in second.output.lower()
    wrong = not bench.whole(job)
    note = " ".join(second.output.split())[-300:]
    return Outcome("second dvc repro", job.stage, ended.code != 0, wrong, untold, note)


def cache_without_room(bench: Bench, job: Run, name: str) -> Outcome:
    """Run a stage whose outputs DVC's cache has no room for, then give it some.

    DVC itself ends with exit code 0; `stages verify` must name the outputs and say what to do.
    """
    cache = bench.root / ".dvc" / "cache"
    shutil.rmtree(cache, ignore_errors=True)  # a trial before may have filled it
    with ExitStack() as stack:
        stack.enter_context(disks.disk(cache, 4 << 20))
        filler = disks.fill(cache, 1)
        ended = run((*ONE, name), bench.root)
        filler.unlink()
        said = run((PYTHON, "-m", "stages", "verify"), bench.root)
        named = all(f"fault: {out}: expected" in said.output for out in job.outs)
        untold = "No space left on device" not in ended.output or said.code != 1 or not named
        note = " ".join(f"{ended.output} {said.last_line}".split())[-400:]
        again = run((*ONE, name), bench.root)
        wrong = again.code == 0 and not bench.whole(job)
        return Outcome("cache full", job.stage, again.code != 0, wrong, untold, note)


def name_of(finished: Path, job: Run) -> str:
    """Return what DVC calls the very run, e.g. `train-unet@unet-0`."""
    lock = yaml.safe_load((finished / "dvc.lock").read_text())["stages"]
    return next(name for name in lock if tuple(lock[name]["cmd"].split()) == job.command)
