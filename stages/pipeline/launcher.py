"""Run a schedule to its end, here or on a cluster, whatever fails."""

import time
from collections.abc import Callable, Collection, Mapping

from stages.pipeline.forks import Forks
from stages.pipeline.graph import Stage
from stages.pipeline.jobs import Ended, Jobs
from stages.pipeline.schedule import Schedule, State

POLL_S = 0.2  # between two looks at the files that jobs leave

Report = Callable[[Ended, list[str]], None]
"""Told of every job that has ended, and of the stages that are skipped for it."""
Changed = Callable[[Collection[str]], Collection[str]]
"""Tells which of some stages are out of date now."""


def check_again(schedule: Schedule, checked: set[str], changed: Changed) -> None:
    """Mark stages that may run but have become unchanged; `checked` grows by those looked at."""
    while unsure := [name for name in schedule.ready() if name not in checked]:
        checked |= set(unsure)
        schedule.mark(set(unsure) - set(changed(unsure)), State.UNCHANGED)


def launch(
    schedule: Schedule,
    stages: Mapping[str, Stage],
    jobs: Jobs | Forks,
    n_jobs: int | None,
    changed: Changed,
    report: Report,
    watch: Callable[[], None],
) -> None:
    """Run all stages of a schedule, each when what it depends on has ended well.

    Stages behind one that has run are looked at again before they run: they may have become
    unchanged. Whatever ends this function early, Ctrl-C too, cancels the jobs.

    Args:
        schedule: the stages that are to run; their states follow the jobs.
        stages: by name, at least those of the schedule.
        jobs: where they run.
        n_jobs: jobs at a time; None: no limit.
        changed: tells which of some stages are out of date now.
        report: what to do with each job that has ended.
        watch: called after every turn.
    """
    checked = {name for name, needs in schedule.graph.items() if not needs}
    try:
        while not schedule.finished:
            check_again(schedule, checked, changed)
            free = None if n_jobs is None else n_jobs - len(jobs.running)
            for name in schedule.ready()[:free]:
                jobs.submit(stages[name])
                schedule.mark([name], State.RUNNING)
            for job in jobs.ended():
                state = State.DONE if job.code == 0 else State.FAILED
                report(job, schedule.mark([job.stage], state))
            watch()
            if schedule.of(State.RUNNING):
                time.sleep(POLL_S)
    finally:
        if jobs.running:
            jobs.cancel()
