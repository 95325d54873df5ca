"""The states of stages, by playing random schedules to their end."""

from hypothesis import given
from hypothesis import strategies as st

from stages.pipeline.graph import Graph, upstream
from stages.pipeline.schedule import ENDED, Schedule, State
from tests.pipeline.test_graph import graphs

DIAMOND = {
    "a": frozenset(),
    "b": frozenset("a"),
    "c": frozenset("a"),
    "d": frozenset("bc"),
    "lone": frozenset(),
}


@given(graphs(), st.data())
def test_every_stage_runs_after_its_needs_unless_one_of_them_failed(
    graph: Graph, data: st.DataObject
) -> None:
    schedule, failed, started = Schedule(graph), set(), []
    while not schedule.finished:
        for name in schedule.ready():
            assert all(schedule.states[need] in ENDED for need in graph[name])
            schedule.mark([name], State.RUNNING)
            started.append(name)
        name = data.draw(st.sampled_from(schedule.of(State.RUNNING)))
        state = data.draw(st.sampled_from([State.DONE, State.UNCHANGED, State.FAILED]))
        failed |= {name} if state is State.FAILED else set()
        schedule.mark([name], state)
    assert len(started) == len(set(started))
    for name, state in schedule.states.items():
        behind = bool((upstream(graph, [name]) - {name}) & failed)
        assert (state is State.SKIPPED) == behind
        assert (name in started) == (not behind)


def test_those_with_most_behind_them_go_first() -> None:
    schedule = Schedule(DIAMOND)
    assert schedule.ready() == ["a", "lone"]
    schedule.mark(["a"], State.UNCHANGED)
    assert schedule.ready() == ["b", "c", "lone"]


def test_a_failure_skips_what_waits_for_it() -> None:
    schedule = Schedule(DIAMOND)
    schedule.mark(["a"], State.DONE)
    schedule.mark(["b", "c"], State.RUNNING)
    assert schedule.mark(["b"], State.FAILED) == ["d"]
    assert schedule.of(State.RUNNING, State.SKIPPED) == ["c", "d"]
    assert not schedule.finished
