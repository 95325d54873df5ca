"""The graph of stages on one screen: it fits, and shows every edge that is needed."""

import networkx as nx
from hypothesis import given

from stages.commands import dag
from stages.pipeline.drawing import (
    EVERYWHERE,
    NODE,
    chart,
    families,
    mermaid,
    reduced,
    without,
)
from stages.pipeline.graph import Graph, Stage
from stages.pipeline.repository import read_stages
from tests.fabricated import ROOT
from tests.pipeline.test_graph import graphs, reference

WIDTH, HEIGHT = 100, 40


def stage(name: str, script: str, *needs: str) -> Stage:
    """Return a stage of a script."""
    return Stage(name, frozenset(needs), f"python -m stages.{script} x", False)


def drawn_edges(lines: list[str]) -> set[tuple[str, str]]:
    """Read the edges back from a chart: (what depends, what it depends on)."""
    names = [line.split(f"{NODE} ")[1].split(" (")[0] for line in lines]
    return {
        (name, names[column])
        for row, (line, name) in enumerate(zip(lines, names, strict=True))
        for column in range(row)
        if line[2 * column] in "├└┼┴"
    }


@given(graphs())
def test_every_edge_is_drawn_once_longer_ways_apart(graph: Graph) -> None:
    found, between = families({n: stage(n, n, *needs) for n, needs in graph.items()})
    assert set(nx.transitive_reduction(reference(graph)).edges) == drawn_edges(
        chart(found, between)
    )
    arrows = [line for line in mermaid(found, between) if "-->" in line]
    assert len(arrows) == sum(map(len, between.values()))


def test_lines_join_what_they_come_from() -> None:
    stages = [
        stage("a", "a"),
        stage("b", "b", "a"),
        stage("c", "c", "a"),
        stage("d", "d", "b", "c"),
    ]
    found, graph = families({each.name: each for each in stages})
    assert chart(found, graph) == ["● a", "├─● c", "└─│─● b", "  └─┴─● d"]


def test_a_script_that_runs_again_on_what_it_led_to_is_drawn_twice() -> None:
    stages = [
        stage("segment-reference@0", "segment"),
        stage("segment-unet@0", "segment"),
        stage("noise@0", "noise", "segment-reference@0"),
        stage("segment-noise@0", "segment", "noise@0"),
        stage("measure@unet", "measure", "segment-unet@0"),
    ]
    found, graph = families({each.name: each for each in stages})
    assert [family.name for family in found.values()] == [
        "segment",
        "measure",
        "noise",
        "segment-noise",
    ]
    assert graph["segment-noise"] == {"noise"}
    assert graph["noise"] == graph["measure"] == {"segment"}


def test_redundant_edges_are_left_out() -> None:
    graph = {"a": frozenset(), "b": frozenset("a"), "c": frozenset("ab")}
    assert reduced(graph) == {"a": frozenset(), "b": frozenset("a"), "c": frozenset("b")}
    assert without(graph, "a") == {"b": frozenset(), "c": frozenset("b")}


def test_the_study_fits_on_one_screen(capsys, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    dag.main([])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= HEIGHT
    found, _ = families(read_stages(ROOT))
    shown = {line.split(f"{NODE} ")[1].split(" (")[0] for line in lines if NODE in line}
    assert shown == set(found) - {EVERYWHERE}
    assert {"train", "reconstruct", "segment", "analyse", "report"} <= shown
    dag.main(["--mermaid"])
    assert capsys.readouterr().out.startswith('flowchart TD\n  n0["')
