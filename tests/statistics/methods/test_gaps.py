"""Undefined numbers are taken out by name."""

import pandas as pd

from stages.statistics.methods.gaps import grid, without_gaps


def test_leaves_that_are_no_numbers_are_named():
    tree = {"a": {"x": 1.0, "y": float("nan")}, "b": float("inf"), "c": "text", "d": 3}
    kept, gaps = without_gaps(tree)
    assert kept == {"a": {"x": 1.0}, "c": "text", "d": 3}
    assert gaps == ["a.y", "b"]


def test_grid_orders_structures_and_names_missing_cells():
    table = pd.DataFrame(
        {"subject": ["s1", "s1", "s2"], "structure": ["csf", "caudate", "putamen"], "v": 1.0}
    )
    kept, missing = grid(table, ("putamen", "caudate"), ["s1", "s2"])
    assert kept["structure"].tolist() == ["putamen", "caudate"]
    assert missing == ["putamen of s1", "caudate of s2"]
