"""The graph of stages on one screen: one node for all stages that run one script.

A script that runs again on what its own stages led to has a node for each turn: `segment` for the
reference and all other groups, `segment-noise` behind the noise that the reference determines.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stages.pipeline.graph import (
    Graph,
    Stage,
    graph_of,
    in_order,
    kind,
    reverse,
    script_of,
    upstream,
)

EVERYWHERE = "code"  # every stage depends on it: drawn, the edges would hide all others
NODE = "●"


@dataclass(frozen=True)
class Family:
    """Stages that run one script."""

    name: str
    stages: tuple[str, ...]


def families(stages: Mapping[str, Stage]) -> tuple[dict[str, Family], Graph]:
    """Return the families by name, and the graph between them without redundant edges."""
    graph = graph_of(stages)
    turns = turns_of(stages, graph)
    groups: dict[tuple[str, int], list[str]] = {}
    for name in in_order(graph):
        groups.setdefault((script_name(stages[name]), turns[name]), []).append(name)
    found = {key: Family(family_name(key, names), tuple(names)) for key, names in groups.items()}
    family_of = {stage: family.name for family in found.values() for stage in family.stages}
    between = {
        family.name: frozenset(family_of[need] for stage in family.stages for need in graph[stage])
        - {family.name}
        for family in found.values()
    }
    return {family.name: family for family in found.values()}, reduced(between)


def script_name(stage: Stage) -> str:
    """Return the script that a stage runs, the stage's own name where it runs none."""
    return script_of(stage)[0].replace("_", "-") or stage.name


def family_name(key: tuple[str, int], names: list[str]) -> str:
    """Return the name of a family: that of a single kind of stages, else that of its script."""
    script, turn = key
    kinds = sorted({kind(name) for name in names})
    return kinds[0] if len(kinds) == 1 and (turn or len(names) == 1) else script


def turns_of(stages: Mapping[str, Stage], graph: Graph) -> dict[str, int]:
    """Return how often the script of each stage has run before on what leads to it."""
    turns: dict[str, int] = {}
    for name in in_order(graph):
        script = script_name(stages[name])
        before = upstream(graph, graph[name])
        turns[name] = max(
            (turns[other] + 1 for other in before if script_name(stages[other]) == script),
            default=0,
        )
    return turns


def reduced(graph: Graph) -> Graph:
    """Return a graph without the edges that longer ways make redundant."""
    found = {}
    for name, needs in graph.items():
        behind = {far for need in needs for far in upstream(graph, graph[need])}
        found[name] = needs - behind
    return found


def without(graph: Graph, gone: str) -> Graph:
    """Return a graph without one of its nodes."""
    return {name: needs - {gone} for name, needs in graph.items() if name != gone}


def chart(found: Mapping[str, Family], graph: Graph) -> list[str]:
    """Return lines: a node for each family, below all that it depends on, and lines to those.

    The line of a node that another one depends on goes down to it and joins it (`├`, `└`, `┼`,
    `┴`); a line that is only crossed stays `│`.
    """
    shown = without(graph, EVERYWHERE)
    order = in_order(reverse(shown))[::-1]  # each as late as possible: short lines
    last = {
        name: max((order.index(user) for user in users), default=-1)
        for name, users in reverse(shown).items()
    }
    lines = []
    for row, name in enumerate(order):
        needs = [column for column in range(row) if order[column] in shown[name]]
        cells = [
            cell(column, needs, ends=last[order[column]] <= row, alive=last[order[column]] >= row)
            for column in range(row)
        ]
        lines.append(f"{''.join(cells)}{NODE} {label(found[name])}")
    return lines


def cell(column: int, needs: list[int], *, ends: bool, alive: bool) -> str:
    """Return what stands in a column of a node's line: two characters."""
    across = bool(needs) and column > needs[0]
    behind = "─" if needs and column >= needs[0] else " "
    if column in needs:
        return ("└├┴┼"[2 * across + (not ends)]) + behind
    if alive:
        return "│" + behind
    return 2 * behind if across else "  "


def label(family: Family) -> str:
    """Return the name of a family and the number of its stages, where it has several."""
    number = len(family.stages)
    return f"{family.name} ({number})" if number > 1 else family.name


def mermaid(found: Mapping[str, Family], graph: Graph) -> list[str]:
    """Return the lines of a Mermaid flow chart."""
    shown = without(graph, EVERYWHERE)
    order = in_order(shown)
    nodes = [f'  n{order.index(name)}["{label(found[name])}"]' for name in order]
    edges = [
        f"  n{order.index(need)} --> n{order.index(name)}"
        for name in order
        for need in sorted(shown[name])
    ]
    return ["flowchart TD", *nodes, *edges]
