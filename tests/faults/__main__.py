"""Every fault on every stage of the smallest study, and a table of what was lost.

python -m tests.faults --out table.md         # about 30 CPU-minutes
python -m tests.faults --only killed --kills 1 --stages train-unet report
"""

import argparse
import random
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Queue

from stages.machine.progress import progress
from stages.storage.files import atomic_path
from tests.faults import disks, repro, trials
from tests.faults.process import run
from tests.faults.study import Run, copy_finished, cpu_s, prepare, runs
from tests.faults.table import Outcome, table
from tests.faults.trials import Bench

FAULTS = ("killed", "disk", "workers", "memory", "clock", "dvc")
N_KILLS = 2  # of each stage
SLOW = ("phantom", "segmenter-quality")  # killed once
REPRO_KILLS = 10
WITH_WORKERS = ("phantom",)
LEARNING = ("train-unet", "train-rim", "reconstruct-varnet")
MEGABYTES = (8, 64, 520)  # more than the imports take; the libraries of DIRECT take 600
CLOCKED = ("train-unet", "noise", "segment-reference", "analyse", "report")
WITH_DVC = ("train-unet", "reference")
WRITES_NOTHING = ("check",)


@dataclass(frozen=True)
class Trial:
    """One fault on one stage, some times; a generator draws its moments.

    n: the least number of its outcomes.
    """

    fault: str
    stage: str
    n: int
    make: Callable[[Bench], Iterable[Outcome]]


def plan(
    jobs: list[Run], faults: Iterable[str], n_kills: int, seed: int, finished: Path
) -> list[Trial]:
    """Return all trials; each draws from a generator of its own."""
    found: list[Trial] = []
    if "dvc" in faults:
        kill = partial(repro.killed_repro, jobs=jobs, generator=random.Random(seed), n=REPRO_KILLS)
        found.append(Trial("dvc", "all", REPRO_KILLS + 1, kill))  # the longest goes first
    for number, job in enumerate(jobs):
        generator = random.Random(1000 * seed + number)
        found += [t for t in of_stage(job, generator, n_kills, finished) if t.fault in faults]
    return found


def of_stage(job: Run, generator: random.Random, n_kills: int, finished: Path) -> Iterator[Trial]:
    """Yield all trials of a stage."""
    n = min(n_kills, 1) if job.stage in SLOW else n_kills
    kill = partial(killed, job=job, generator=generator, n=n, finished=finished)
    yield Trial("killed", job.stage, n, kill)
    if job.stage not in WRITES_NOTHING:
        fill = partial(trials.no_room, job=job, generator=generator)
        yield Trial("disk", job.stage, 2, fill)
    single = partial(Trial, stage=job.stage, n=1)
    if job.stage in WITH_WORKERS:
        yield single("workers", make=once(trials.dead_worker, job))
    if job.stage in LEARNING:
        for megabytes in MEGABYTES:
            yield single("memory", make=once(partial(trials.no_memory, megabytes=megabytes), job))
    if job.stage in CLOCKED:
        yield single("clock", make=once(trials.jumping_clock, job))
    if job.stage in WITH_DVC:
        name = repro.name_of(finished, job)
        for one in (repro.second_repro, repro.cache_without_room):
            yield single("dvc", make=once(partial(one, name=name), job))


def killed(
    bench: Bench, job: Run, generator: random.Random, n: int, finished: Path
) -> Iterator[Outcome]:
    """Kill a stage n times on its way."""
    return trials.kills(bench, job, generator, n, cpu_s(finished, job))


def once(one: Callable[[Bench, Run], Outcome], job: Run) -> Callable[[Bench], list[Outcome]]:
    """Return a trial that has one outcome."""
    return lambda bench: [one(bench, job)]


def make_all(
    found: list[Trial], jobs: list[Run], finished: Path, folder: Path, n_jobs: int
) -> list[Outcome]:
    """Make all trials, some at a time, each in a copy of the study that it has for itself."""
    benches: Queue[Bench] = Queue()
    for number in range(n_jobs):
        root = folder / f"bench-{number}"
        copy_finished(finished, root)
        benches.put(Bench(root, finished))

    def make(trial: Trial) -> list[Outcome]:
        bench = benches.get()
        try:
            return list(made(trial, bench))
        finally:
            for job in jobs:
                bench.restore(job)
            benches.put(bench)

    with ThreadPoolExecutor(n_jobs) as pool:
        parts = progress(pool.map(make, found), desc="faults", total=len(found), unit="trial")
        return [outcome for part in parts for outcome in part]


def made(trial: Trial, bench: Bench) -> Iterator[Outcome]:
    """Make a trial and print each outcome; a defect of the trial itself spoils no other."""
    try:
        for outcome in trial.make(bench):
            print(outcome, file=sys.stderr, flush=True)
            yield outcome
    except Exception as error:
        outcome = Outcome("not made", trial.stage, lost=True, note=f"{trial.fault}: {error!r}")
        print(outcome, file=sys.stderr, flush=True)
        yield outcome


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=FAULTS)
    parser.add_argument("--stages", nargs="+", help="of dvc.yaml (all)")
    parser.add_argument("--kills", type=int, default=N_KILLS, help="of each stage")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--finished", type=Path, help="a finished smallest study, not to run again")
    parser.add_argument("--out", type=Path, help="a file for the table")
    return parser.parse_args(arguments)


def main() -> None:
    """Run the study undisturbed once, then each trial; print the table."""
    options = options_of(None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        finished = options.finished or folder / "finished"
        if options.finished is None:
            prepare(finished)
            ended = run(repro.REPRO, finished)
            assert ended.code == 0, ended.output
        jobs = [job for job in runs(finished) if job.stage in (options.stages or [job.stage])]
        faults = [f for f in options.only if f != "disk" or disks.mountable()]
        if faults != list(options.only):
            print("disk: mounting is not permitted here, left out", file=sys.stderr)
        found = plan(jobs, faults, options.kills, options.seed, finished)
        outcomes = make_all(found, jobs, finished, folder, options.jobs)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{(usage.ru_utime + usage.ru_stime) / 60:.0f} CPU-minutes", file=sys.stderr)
    text = "\n".join(table(outcomes))
    print(text)
    if options.out:
        with atomic_path(options.out) as path:
            path.write_text(text + "\n", encoding="utf-8")
    sys.exit(any(o.lost or o.wrong or o.untold for o in outcomes))


if __name__ == "__main__":
    main()
