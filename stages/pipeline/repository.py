"""The study as DVC knows it: the graph of its stages, and what of it is out of date."""

import logging
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.logger import set_loggers_level
from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import Stage as DvcStage

from stages.pipeline.graph import Stage
from stages.study.errors import StudyError

DEVICE = "compute.device"  # a stage that depends on this parameter can use a GPU


def read_stages(root: Path) -> dict[str, Stage]:
    """Return all stages of a study by name, as DVC calls them in the current folder.

    Raises:
        StudyError: if DVC cannot read them.
    """
    with opened(root) as repo:
        graph = repo.index.graph
        return {stage.addressing: described(stage, graph.successors(stage)) for stage in graph}


def described(stage: DvcStage, needs: Iterator[DvcStage]) -> Stage:
    """Return what counts here of DVC's description of a stage."""
    named = {name for dep in stage.deps for name in getattr(dep, "params", ())}
    section = DEVICE.split(".")[0]
    return Stage(
        name=stage.addressing,
        needs=frozenset() if stage.frozen else frozenset(need.addressing for need in needs),
        command=None if stage.frozen else stage.cmd,
        accelerated=bool({DEVICE, section} & named),
    )


def changed(root: Path, names: Collection[str] | None = None) -> set[str]:
    """Return the stages that DVC finds changed: command, parameters, dependencies or outputs.

    Args:
        root: folder of the project.
        names: stages to look at; all when None.

    Raises:
        StudyError: if DVC cannot read the study or another process writes to it.
    """
    with looked_at(root) as changed_now:
        return changed_now(names)


@contextmanager
def looked_at(root: Path) -> Iterator[Callable[[Collection[str] | None], set[str]]]:
    """Read a study once, and yield what tells which stages are changed at the moment.

    It knows the results of the stages that have not run meanwhile: those that wait for others.

    Raises:
        StudyError: see `changed`.
    """
    with opened(root) as repo:
        stages = repo.index.stages

        def changed_now(names: Collection[str] | None = None) -> set[str]:
            with repo.lock:
                asked = [s for s in stages if names is None or s.addressing in names]
                return {stage.addressing for stage in asked if stage.status()}

        yield changed_now


def uncached(root: Path, names: Collection[str] | None = None) -> list[str]:
    """Return the outputs of stages that DVC's cache should hold and does not, by path.

    DVC ends with exit code 0 when there was no room for them.

    Args:
        root: folder of the project.
        names: stages to look at; all when None.

    Raises:
        StudyError: if DVC cannot read the study.
    """
    with opened(root) as repo, repo.lock:
        stages = [s for s in repo.index.stages if names is None or s.addressing in names]
        outs = [out for stage in stages for out in stage.outs if out.use_cache and out.hash_info]
        return sorted(str(out) for out in outs if not cached(out))


def cached(out: Output) -> bool:
    """Tell whether DVC's cache holds an output: a file, or a folder's list and all its files."""
    if not out.cache.exists(out.hash_info.value):
        return False
    if not out.hash_info.isdir:
        return True
    return all(out.cache.exists(found.value) for _, _, found in out.get_obj())


@contextmanager
def opened(root: Path) -> Iterator[Repo]:
    """Open DVC's repository; its exceptions become one line, and it waits for its lock."""
    try:
        with warnings.catch_warnings(), set_loggers_level(logging.ERROR):
            # DVC builds its graph by a call that pygtrie has deprecated
            warnings.simplefilter("ignore", DeprecationWarning)
            with Repo(str(root), _wait_for_lock=True) as repo:
                yield repo
    except DvcException as error:
        reason = " ".join(str(error).split())
        raise StudyError(f"{root}: expected a study that DVC can read, got: {reason}") from None
