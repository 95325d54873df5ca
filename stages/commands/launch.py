"""Run what is out of date in parallel, on this machine or on a Slurm cluster.

python -m stages launch                                           # everything, as `make repro`
python -m stages launch --cluster slurm --gres gpu:1 train-unet   # a group and what it needs
"""

import argparse
import os
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType

import psutil
from tqdm import tqdm

from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.pipeline.forks import Forks, jobs_of, preloaded
from stages.pipeline.graph import Graph, Stage, chosen, downstream, graph_of, in_order, restricted
from stages.pipeline.jobs import Ended, Jobs, Slurm, last_lines, visible_gpus
from stages.pipeline.launcher import launch
from stages.pipeline.repository import changed, looked_at, read_stages, uncached
from stages.pipeline.schedule import Schedule, State
from stages.study.errors import StudyError

LOGS = Path(".dvc/tmp/launch")
LINES = 15  # of a failed stage's log
ROOT = Path()
SLURM_OPTIONS = ("gres", "minutes", "cpus", "memory_gb", "partition")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the command line; options of Slurm are errors elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="stages or groups of stages (all)")
    parser.add_argument(
        "-j",
        type=int,
        metavar="N",
        help="jobs at a time (local: one a GPU, or one a processor and 4 GB; slurm: all)",
    )
    parser.add_argument("--cluster", choices=("local", "slurm"), default="local")
    parser.add_argument("--gres", help="Slurm: GPUs of a job that can use them, e.g. gpu:1")
    parser.add_argument(
        "--time", type=int, dest="minutes", metavar="MINUTES", help="Slurm: limit of a job (1440)"
    )
    parser.add_argument("--cpus", type=int, metavar="N", help="Slurm: processors of a job")
    parser.add_argument(
        "--memory", type=float, dest="memory_gb", metavar="GB", help="Slurm: memory of a job"
    )
    parser.add_argument("--partition", help="Slurm: queue")
    found = parser.parse_args(arguments)
    given = [name for name in SLURM_OPTIONS if getattr(found, name) is not None]
    if found.cluster == "local" and given:
        parser.error(f"{', '.join(given)}: for --cluster slurm only")
    if found.j is not None and found.j < 1:
        parser.error(f"-j: expected at least 1, got {found.j}")
    return found


def jobs_for(
    options: argparse.Namespace, folder: Path, stages: Mapping[str, Stage]
) -> tuple[Jobs | Forks, int | None]:
    """Return where jobs of some stages run and how many at a time."""
    if options.cluster == "local":
        gpus = visible_gpus(os.environ)
        memory = psutil.virtual_memory().available
        n_jobs = jobs_of(gpus, len(os.sched_getaffinity(0)), memory)
        return Forks(gpus, folder, preloaded(stages, ROOT)), options.j or n_jobs
    asked = {name: getattr(options, name) for name in SLURM_OPTIONS}
    slurm = Slurm(**{name: value for name, value in asked.items() if value is not None})
    return Jobs(slurm, folder), options.j


def outdated(graph: Graph, wanted: Collection[str]) -> Schedule:
    """Return the stages that may have to run: DVC finds them changed, or something before them."""
    affected = downstream(graph, changed(ROOT, wanted)) & set(wanted)
    return Schedule(restricted(graph, [name for name in in_order(graph) if name in affected]))


def tell(job: Ended, skipped: list[str]) -> None:
    """Print what has become of a failed job, and which stages are skipped for it."""
    if job.code == 0:
        return
    how = "was lost" if job.code is None else f"ended with exit code {job.code}"
    lines = [f"failed: {job.stage} {how}; its log is {job.log}, which ends:"]
    lines += [f"    {line}" for line in last_lines(job.log, LINES)]
    lines += [f"skipped: {name}, which depends on {job.stage}" for name in skipped]
    tqdm.write("\n".join(lines))


def summary(schedule: Schedule) -> str:
    """Return how many stages ended in which way."""
    counts = {state.value: len(schedule.of(state)) for state in State}
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)


def status(names: Collection[str]) -> str:
    """Return what DVC says about stages when all jobs have ended."""
    left = sorted(changed(ROOT, names))
    return f"out of date: {', '.join(left)}" if left else "data and stages are up to date"


@contextmanager
def interruptible() -> Iterator[None]:
    """Let the end of the terminal or of the launcher's own job cancel the jobs, like Ctrl-C."""

    def interrupt(*_: int | FrameType | None) -> None:
        raise KeyboardInterrupt

    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Run the stages that are out of date; raise `StudyError` when one of them has failed."""
    options = parse(arguments)
    stages = read_stages(ROOT)
    graph = graph_of(stages)
    wanted = chosen(graph, options.targets)
    schedule = outdated(graph, wanted)
    n_left = len(schedule.states)
    print(f"launch: {n_left} of {len(wanted)} stages may be out of date")
    if not n_left:
        return
    folder = LOGS / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}"
    print(f"launch: logs in {folder}")
    bar = progress(desc="stages", total=n_left, unit="stage")

    def follow() -> None:
        running, waiting = (len(schedule.of(s)) for s in (State.RUNNING, State.WAITING))
        bar.set_postfix(running=running, waiting=waiting, refresh=False)
        bar.update(n_left - running - waiting - bar.n)

    try:
        with bar, interruptible(), looked_at(ROOT) as changed_now:
            jobs, n_jobs = jobs_for(options, folder, {n: stages[n] for n in schedule.states})
            launch(schedule, stages, jobs, n_jobs, changed_now, tell, follow)
    except KeyboardInterrupt:
        raise StudyError(f"interrupted: {summary(schedule)}; run again to go on") from None
    print(f"launch: {summary(schedule)}; {status(wanted)}")
    if schedule.of(State.FAILED):
        raise StudyError(f"{summary(schedule)}; logs in {folder}, run again to go on")
    if absent := uncached(ROOT, schedule.of(State.DONE)):
        raise StudyError(
            f".dvc/cache: expected all results there, got none of {', '.join(absent)}, which stay"
            " where they are: make room and call `dvc commit`"
        )
