"""Every fault on every stage of the smallest study, and a table of what was lost.

python -m tests.faults                        # about 20 CPU-minutes
python -m tests.faults --tables               # what comes after the images: a few CPU-minutes
python -m tests.faults --only killed --kills 1 --stages train-unet report
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import Queue

from stages.progress import progress
from tests.faults import disks, repro, trials
from tests.faults.process import run
from tests.faults.study import Run, copy_finished, prepare, prepare_tables, runs
from tests.faults.trials import Bench, Outcome

FAULTS = ("killed", "disk", "workers", "memory", "clock", "dvc")
WITH_WORKERS = ("phantom", "segmenter-quality")
LEARNING = ("train-unet", "train-rim", "reconstruct-varnet")
MEGABYTES = (8, 64)  # more than the imports take; each of those stages needs about 100
CLOCKED = ("train-unet", "noise", "segment-reference", "analyse", "report")
WRITES_NOTHING = ("params",)
Trial = Callable[[Bench], Iterator[Outcome]]


def plan(
    jobs: list[Run], faults: list[str], n_kills: int, seed: int, finished: Path
) -> list[Trial]:
    """Return all trials; each draws from a generator of its own."""
    found: list[Trial] = []
    for number, job in enumerate(jobs):
        generator = random.Random(1000 * seed + number)
        if "killed" in faults:
            found.append(partial(killed, job=job, generator=generator, n=n_kills))
        if "disk" in faults and job.stage not in WRITES_NOTHING:
            found.append(partial(trials.no_room, job=job, generator=generator))
        if "workers" in faults and job.stage in WITH_WORKERS:
            found.append(partial(once, one=trials.dead_worker, job=job))
        if "memory" in faults and job.stage in LEARNING:
            found += [
                partial(once, one=partial(trials.no_memory, megabytes=m), job=job)
                for m in MEGABYTES
            ]
        if "clock" in faults and job.stage in CLOCKED:
            found.append(partial(once, one=trials.jumping_clock, job=job))
        if "dvc" in faults and job.stage in ("train-unet", "reference"):
            name = repro.name_of(finished, job)
            for one in (repro.second_repro, repro.cache_without_room):
                found.append(partial(once, one=partial(one, name=name), job=job))
    if "dvc" in faults:
        generator = random.Random(seed)
        found.insert(0, partial(repro.killed_repro, jobs=jobs, generator=generator, n=10))
    return found


def killed(bench: Bench, job: Run, generator: random.Random, n: int) -> Iterator[Outcome]:
    """Kill a stage n times."""
    return trials.kills(bench, job, generator, n)


def once(bench: Bench, one: Callable[..., Outcome], job: Run) -> Iterator[Outcome]:
    """Make a trial that has one outcome."""
    yield one(bench, job)


def make_all(found: list[Trial], finished: Path, folder: Path, n_jobs: int) -> list[Outcome]:
    """Make all trials, some at a time, each in a copy of the study that it has for itself."""
    benches: Queue[Bench] = Queue()
    for number in range(n_jobs):
        root = folder / f"bench-{number}"
        copy_finished(finished, root)
        benches.put(Bench(root, finished))

    def make(trial: Trial) -> list[Outcome]:
        bench = benches.get()
        try:
            outcomes = []
            for outcome in trial(bench):
                outcomes.append(outcome)
                print(outcome, file=sys.stderr, flush=True)
            return outcomes
        finally:
            benches.put(bench)

    with ThreadPoolExecutor(n_jobs) as pool:
        parts = progress(pool.map(make, found), desc="faults", total=len(found), unit="trial")
        return [outcome for part in parts for outcome in part]


def table(outcomes: list[Outcome]) -> list[str]:
    """Return a table in Markdown: how many trials of a fault on a stage lost or falsified what."""
    lines = ["| fault | stage | n | lost | wrong | no advice |", "|---|---|---|---|---|---|"]
    for fault, stage in dict.fromkeys((o.fault, o.stage) for o in outcomes):
        these = [o for o in outcomes if (o.fault, o.stage) == (fault, stage)]
        counts = [sum(getattr(o, name) for o in these) for name in ("lost", "wrong", "untold")]
        lines.append("| " + " | ".join(map(str, (fault, stage, len(these), *counts))) + " |")
    return lines


def main() -> None:
    """Run the study undisturbed once, then each trial; print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=FAULTS)
    parser.add_argument("--stages", nargs="+", help="of dvc.yaml (all)")
    parser.add_argument("--kills", type=int, default=2, help="of each stage")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tables", action="store_true", help="fabricated images, no networks")
    parser.add_argument("--finished", type=Path, help="a finished smallest study, not to run again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        finished = options.finished or folder / "finished"
        if options.finished is None:
            (prepare_tables if options.tables else prepare)(finished)
            assert run(repro.REPRO, finished).code == 0
        jobs = [job for job in runs(finished) if job.stage in (options.stages or [job.stage])]
        faults = [f for f in options.only if f != "disk" or disks.mountable()]
        if faults != list(options.only):
            print("disk: mounting is not permitted here, left out", file=sys.stderr)
        found = plan(jobs, faults, options.kills, options.seed, finished)
        outcomes = make_all(found, finished, folder, options.jobs)
    print("\n".join(table(outcomes)))
    sys.exit(any(o.lost or o.wrong or o.untold for o in outcomes))


if __name__ == "__main__":
    main()
