"""The stages as a directed graph without cycles: pure functions on names.

A graph maps each stage to the stages that it depends on directly. Names are DVC's:
`train-unet@unet-3` is one stage of the group `train-unet`, `data.dvc` is an import.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import TopologicalSorter
from itertools import pairwise

from stages.study.errors import StudyError

Graph = Mapping[str, frozenset[str]]

TRACKED = ".dvc"  # ending of names that stand for tracked data, not for a stage of dvc.yaml


@dataclass(frozen=True)
class Stage:
    """One stage of dvc.yaml or one `.dvc` file.

    needs: stages that it depends on directly. command: None for data. accelerated: whether it can
    use a GPU. A frozen stage has neither needs nor command: DVC checks no more than its outputs.
    """

    name: str
    needs: frozenset[str]
    command: str | None
    accelerated: bool


def graph_of(stages: Mapping[str, Stage]) -> Graph:
    """Return the graph of stages."""
    return {name: stage.needs for name, stage in stages.items()}


def kind(name: str) -> str:
    """Return the group of a stage: `train-unet` of `train-unet@unet-3`."""
    return name.split("@")[0]


def script_of(stage: Stage) -> tuple[str, list[str]]:
    """Return the module below `stages` that a stage runs, and its arguments; "" without one."""
    words = (stage.command or "").split()
    for number, (option, module) in enumerate(pairwise(words)):
        if option == "-m" and module.startswith("stages."):
            return module.removeprefix("stages."), words[number + 2 :]
    return "", words


def chosen(graph: Graph, targets: Collection[str]) -> set[str]:
    """Return the stages that targets mean, with all that they depend on; as `dvc repro` does.

    Args:
        graph: all stages.
        targets: names of stages, of groups or of `.dvc` files; none: every stage of dvc.yaml.

    Raises:
        StudyError: if there is no such stage or group.
    """
    if not targets:
        return upstream(graph, (name for name in graph if not name.endswith(TRACKED)))
    known = {*graph, *map(kind, graph)}
    for target in targets:
        if target not in known:
            near = get_close_matches(target, sorted(known), n=1)
            hint = f"; did you mean '{near[0]}'?" if near else "; see `dvc stage list --all`"
            raise StudyError(
                f"dvc.yaml: expected a stage or a group of stages, got '{target}'{hint}"
            )
    return upstream(graph, (name for name in graph if {name, kind(name)} & set(targets)))


def upstream(graph: Graph, names: Iterable[str]) -> set[str]:
    """Return stages and all that they depend on, directly or not."""
    found, todo = set(), set(names)
    while todo:
        found |= todo
        todo = {need for name in todo for need in graph[name]} - found
    return found


def downstream(graph: Graph, names: Iterable[str]) -> set[str]:
    """Return stages and all that depends on them, directly or not."""
    return upstream(reverse(graph), names)


def reverse(graph: Graph) -> Graph:
    """Return the graph with every edge turned: each stage's direct dependants."""
    dependants: dict[str, set[str]] = {name: set() for name in graph}
    for name, needs in graph.items():
        for need in needs:
            dependants[need].add(name)
    return {name: frozenset(found) for name, found in dependants.items()}


def restricted(graph: Graph, names: Collection[str]) -> Graph:
    """Return the graph of some stages, in their order; what else they depend on counts as done."""
    kept = frozenset(names)
    return {name: graph[name] & kept for name in names}


def in_order(graph: Graph) -> list[str]:
    """Return all stages, each after what it depends on; equal ones by name."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order


def longest_chains(graph: Graph, weights: Mapping[str, float]) -> dict[str, float]:
    """Return for each stage the largest sum of weights from it to an end of the graph.

    chain(s) = weight(s) + max over the stages t that depend on s of chain(t)
    """
    dependants = reverse(graph)
    chains: dict[str, float] = {}
    for name in reversed(in_order(graph)):
        chains[name] = weights[name] + max((chains[d] for d in dependants[name]), default=0)
    return chains
