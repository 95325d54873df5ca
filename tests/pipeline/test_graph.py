"""The graph of stages, against plain definitions and networkx."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.pipeline.graph import (
    Graph,
    chosen,
    downstream,
    in_order,
    kind,
    longest_chains,
    restricted,
    reverse,
    upstream,
)
from stages.study.errors import StudyError

STUDY = {
    "phantom": frozenset(),
    "data.dvc": frozenset({"phantom"}),
    "train-unet@unet-0": frozenset({"data.dvc"}),
    "train-unet@unet-1": frozenset({"data.dvc"}),
    "analyse": frozenset({"train-unet@unet-0", "train-unet@unet-1"}),
    "extra.dvc": frozenset(),
}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs without cycles: a stage may need those before it."""
    n = draw(st.integers(1, 9))
    chances = draw(st.lists(st.booleans(), min_size=n * n, max_size=n * n))
    return {f"s{i}": frozenset(f"s{j}" for j in range(i) if chances[i * n + j]) for i in range(n)}


def reference(graph: Graph) -> nx.DiGraph:
    """The same graph in networkx, edges from a stage to what it needs."""
    made = nx.DiGraph()
    made.add_nodes_from(graph)
    made.add_edges_from((name, need) for name, needs in graph.items() for need in needs)
    return made


@given(graphs(), st.data())
def test_closures_and_order_agree_with_networkx(graph: Graph, data: st.DataObject) -> None:
    other = reference(graph)
    names = data.draw(st.sets(st.sampled_from(sorted(graph))))
    before = set(names).union(*(nx.descendants(other, name) for name in names))
    after = set(names).union(*(nx.ancestors(other, name) for name in names))
    assert upstream(graph, names) == before
    assert downstream(graph, names) == after
    order = in_order(graph)
    assert sorted(order) == sorted(graph)
    assert all(order.index(need) < order.index(n) for n, needs in graph.items() for need in needs)
    assert reverse(reverse(graph)) == graph


@given(graphs(), st.data())
def test_longest_chains_are_longest_paths(graph: Graph, data: st.DataObject) -> None:
    weights = {name: data.draw(st.integers(0, 9)) for name in graph}
    turned = reference(reverse(graph))
    for name, length in longest_chains(graph, weights).items():
        paths = [
            path
            for end in graph
            for path in ([[name]] if end == name else nx.all_simple_paths(turned, name, end))
        ]
        assert length == max(sum(weights[stage] for stage in path) for path in paths)


@given(graphs(), st.data())
def test_a_restricted_graph_knows_no_others(graph: Graph, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(graph)), unique=True))
    part = restricted(graph, names)
    assert list(part) == names
    assert all(needs == graph[name] & set(names) for name, needs in part.items())


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([], set(STUDY) - {"extra.dvc"}),
        (["train-unet"], {"phantom", "data.dvc", "train-unet@unet-0", "train-unet@unet-1"}),
        (["train-unet@unet-1"], {"phantom", "data.dvc", "train-unet@unet-1"}),
        (["extra.dvc", "phantom"], {"extra.dvc", "phantom"}),
    ],
)
def test_targets_are_stages_or_groups_with_what_they_need(
    targets: list[str], expected: set[str]
) -> None:
    assert chosen(STUDY, targets) == expected


def test_an_unknown_target_is_told_with_the_nearest_one() -> None:
    with pytest.raises(StudyError, match="got 'train-umet'; did you mean 'train-unet'?"):
        chosen(STUDY, ["train-umet"])
    with pytest.raises(StudyError, match="dvc stage list"):
        chosen(STUDY, ["?"])


def test_kinds() -> None:
    assert [kind(name) for name in STUDY][1:3] == ["data.dvc", "train-unet"]
