"""What may run next, and what became of every stage; knows neither DVC nor clusters."""

from collections.abc import Iterable
from enum import Enum

from stages.pipeline.graph import Graph, downstream, longest_chains


class State(Enum):
    """What became of a stage."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"  # what it depends on was made anew and came out the same
    FAILED = "failed"
    SKIPPED = "skipped"  # something that it depends on has failed


ENDED = (State.DONE, State.UNCHANGED)
"""States of a stage whose dependants may run."""


class Schedule:
    """The states of the stages that are to run.

    Args:
        graph: these stages alone; what else they depend on is up to date.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.states = dict.fromkeys(graph, State.WAITING)
        self._chains = longest_chains(graph, dict.fromkeys(graph, 1))

    @property
    def finished(self) -> bool:
        """Whether nothing runs any more and nothing will."""
        return not (self.of(State.WAITING) or self.of(State.RUNNING))

    def of(self, *states: State) -> list[str]:
        """Return the stages in any of these states, in the order of the graph."""
        return [name for name, state in self.states.items() if state in states]

    def ready(self) -> list[str]:
        """Return the stages that wait for nothing, those with most work behind them first."""
        free = [
            name
            for name in self.of(State.WAITING)
            if all(self.states[need] in ENDED for need in self.graph[name])
        ]
        return sorted(free, key=lambda name: (-self._chains[name], name))

    def mark(self, names: Iterable[str], state: State) -> list[str]:
        """Set the state of stages; return the dependants that are skipped since one has failed."""
        names = list(names)
        self.states |= dict.fromkeys(names, state)
        if state is not State.FAILED:
            return []
        after = downstream(self.graph, names)
        skipped = [name for name in self.of(State.WAITING) if name in after]
        self.states |= dict.fromkeys(skipped, State.SKIPPED)
        return skipped
