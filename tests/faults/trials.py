"""One fault at a time in a copy of a finished study: what is lost, what is wrong, what is said.

A trial takes the outputs of a stage away, as DVC does before it runs one, lets the fault happen,
and runs the stage again. Its results must be the bytes of the undisturbed run.
"""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.faults import disks
from tests.faults.process import Ended, Group, run
from tests.faults.study import Run, digest, left_over
from tests.faults.table import Outcome

PYTHON = sys.executable
# parts of a stage's CPU time: any moment, and then the end of it, where results are written
MOMENTS = ((0.02, 0.98), (0.6, 1.0))
TRIES = 20  # of a kill that comes too late
ROOM = 64 << 20  # bytes of the disk that is filled, more than any stage of this study writes


@dataclass(frozen=True)
class Bench:
    """A copy of the finished study in which trials are made, and the finished study itself."""

    root: Path
    finished: Path

    def clear(self, job: Run) -> None:
        """Take the outputs of a stage away."""
        for out in job.outs:
            path = self.root / out
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def partial(self, job: Run) -> bool:
        """Tell whether anything but a whole result stands under a final name."""
        found = [out for out in job.outs if (self.root / out).exists()]
        return any(digest(self.root / out) != digest(self.finished / out) for out in found)

    def whole(self, job: Run) -> bool:
        """Tell whether all results are those of the undisturbed run."""
        return not self.partial(job) and all((self.root / out).exists() for out in job.outs)

    def restore(self, job: Run) -> None:
        """Put the results of the undisturbed run where they are missing."""
        if self.whole(job):
            return
        self.clear(job)
        for out in job.outs:
            source, target = self.finished / out, self.root / out
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)

    def command(self, job: Run) -> tuple[str, ...]:
        """Return the command of a stage with this very interpreter."""
        return (PYTHON, *job.command[1:])

    def rerun(self, fault: str, job: Run, *, partial: bool, untold: bool, note: str) -> Outcome:
        """Run the stage again and judge the trial."""
        ended = run(self.command(job), self.root)
        left = [path for out in job.outs for path in left_over(self.root / out)]
        lost = ended.code != 0 or bool(left)
        wrong = partial or (ended.code == 0 and not self.whole(job))
        note = note if ended.code == 0 else f"{note} | rerun: {ended.last_line}"
        note += f" | left over: {left}" if left else ""
        return Outcome(fault, job.stage, lost, wrong, untold, note)


def kills(
    bench: Bench, job: Run, generator: random.Random, n: int, whole_s: float
) -> Iterator[Outcome]:
    """Kill the stage's process group n times, at random parts of the CPU time that it needs.

    A stage that has ended before its kill is none; another moment is drawn.

    Args:
        whole_s: CPU-seconds of the undisturbed run.
    """
    for number in range(n):
        for _ in range(TRIES):
            bench.clear(job)
            moment = generator.uniform(*MOMENTS[number % len(MOMENTS)]) * whole_s
            group = Group(bench.command(job), bench.root)
            hit = group.kill_after(moment)
            group.wait()
            if hit:
                break
        else:
            yield Outcome("never killed", job.stage, note=f"ended before its kill {TRIES} times")
            return
        note = f"after {moment:.2f} of {whole_s:.2f} CPU-s"
        yield bench.rerun("killed", job, partial=bench.partial(job), untold=False, note=note)


def told(ended: Ended, *words: str) -> bool:
    """Tell whether the process ended with exit code 1 and one line that has these words."""
    line = ended.last_line
    plain = ended.code == 1 and line.startswith("error: ") and "Traceback" not in ended.output
    return plain and all(word in line for word in words)


def no_room(bench: Bench, job: Run, generator: random.Random) -> Iterator[Outcome]:
    """Fill the disk of the stage's outputs, then make it read-only, then give it room."""
    with ExitStack() as stack:
        places = sorted({bench.root / out.parent for out in job.outs})
        bench.clear(job)
        for place in places:
            stack.enter_context(disks.disk(place, ROOM))
        sizes = sum(p.stat().st_size for out in job.outs for p in files(bench.finished / out))
        free = int(generator.uniform(0, 0.8) * sizes) // disks.PAGE
        fillers = [disks.fill(place, free) for place in places]
        ended = run(bench.command(job), bench.root)
        for filler in fillers:
            filler.unlink()
        untold = not told(ended, "No space left on device", "free some")
        note = f"{free} pages free: {ended.last_line}"
        partial = bench.partial(job)
        yield bench.rerun("disk full", job, partial=partial, untold=untold, note=note)
        bench.clear(job)
        with ExitStack() as locks:
            for place in places:
                locks.enter_context(disks.read_only(place))
            ended = run(bench.command(job), bench.root)
        untold = not told(ended, "Read-only file system", "make that place writable")
        wrong = any((bench.root / out).exists() for out in job.outs)
        yield Outcome("read-only", job.stage, False, wrong, untold, ended.last_line)


def files(path: Path) -> list[Path]:
    """Return a file, or all files below a folder."""
    return [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]


def dead_worker(bench: Bench, job: Run) -> Outcome:
    """Kill one worker process of a stage that starts some."""
    bench.clear(job)
    group = Group(bench.command(job), bench.root)
    victim = None
    while victim is None and group.process.poll() is None:
        workers = [c for c in group.children() if "spawn_main" in " ".join(c.cmdline())]
        busy = [c for c in workers if sum(c.cpu_times()[:2]) > 0.5]
        victim = busy[0] if busy else None
        time.sleep(0.02)
    if victim is not None:
        os.kill(victim.pid, signal.SIGKILL)
    ended = group.wait()
    untold = not told(ended, "a worker process was killed", "lower compute.workers")
    partial = bench.partial(job)
    return bench.rerun("dead worker", job, partial=partial, untold=untold, note=ended.last_line)


SCARCE = """
import importlib, resource, runpy, sys
module, extra = sys.argv[1], int(sys.argv[2])
importlib.import_module(module)
size = next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmSize'))
limit = (size << 10) + (extra << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.argv = [module, *sys.argv[3:]]
importlib.import_module(module).main()
"""


def no_memory(bench: Bench, job: Run, megabytes: int) -> Outcome:
    """Let the stage have so much memory more than its imports take."""
    bench.clear(job)
    module, *arguments = job.command[2:]
    command = (PYTHON, "-c", SCARCE, module, str(megabytes), *arguments)
    ended = run(command, bench.root)
    untold = not told(ended, "memory: expected enough", "lower")
    partial = bench.partial(job)
    note = f"{megabytes} MB more: {ended.last_line}"
    return bench.rerun("no memory", job, partial=partial, untold=untold, note=note)


JUMPING = """
import itertools, runpy, sys, time
real, jumps = time.time, itertools.cycle([0, -86400, 7 * 86400, -3600])
time.time = lambda: real() + next(jumps)
time.time_ns = lambda: int(1e9 * time.time())
module, *arguments = sys.argv[1:]
sys.argv = [module, *arguments]
runpy.run_module(module, run_name='__main__', alter_sys=True)
"""


def jumping_clock(bench: Bench, job: Run) -> Outcome:
    """Let the wall clock jump by days, to and fro, at every look at it."""
    bench.clear(job)
    ended = run((PYTHON, "-c", JUMPING, *job.command[2:]), bench.root)
    lost, wrong = ended.code != 0, ended.code == 0 and not bench.whole(job)
    return Outcome("jumping clock", job.stage, lost, wrong, note=ended.last_line)
