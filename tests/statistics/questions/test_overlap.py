"""Means over members and medians over pairs, with absent structures."""

import numpy as np
import pandas as pd
import pytest

from stages.statistics.questions.overlap import COLUMNS, overlap, overlap_pairs


def scores(*rows: tuple) -> pd.DataFrame:
    columns = ["group", "member", "subject", "target", "structure", "dice", "surface_distance_mm"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(hausdorff95_mm=2 * table["surface_distance_mm"])


TABLE = scores(
    ("unet", 0, "s0", "reference", "a", 0.8, 1.0),
    ("unet", 1, "s0", "reference", "a", 0.6, 3.0),
    ("unet", 0, "s0", "reference", "b", 0.5, 0.5),
    ("unet", 1, "s0", "reference", "b", 0.0, np.nan),
    ("unet", 0, "s0", "truth", "a", 0.4, 1.5),
    ("reference", 0, "s0", "truth", "a", 0.9, 0.2),
)


def test_cells_are_means_over_members_with_a_value() -> None:
    pairs = overlap_pairs(TABLE)
    assert list(pairs) == COLUMNS
    rows = pairs.set_index(["group", "target", "structure"])
    assert rows.loc[("unet", "reference", "a"), "dice"] == pytest.approx(0.7)
    assert rows.loc[("unet", "reference", "a"), "hausdorff95_mm"] == 4
    lost = rows.loc[("unet", "reference", "b")]
    assert lost["dice"] == 0.25 and lost["surface_distance_mm"] == 0.5
    assert (lost["n_members"], lost["n_undefined"]) == (2, 1)


def test_the_tree_has_medians_against_both_targets() -> None:
    tree, _ = overlap(TABLE)
    assert tree["unet"]["dice"]["median"] == pytest.approx((0.7 + 0.25) / 2)
    assert tree["unet"]["surface_distance"]["median"] == pytest.approx((2 + 0.5) / 2)
    assert tree["unet"]["undefined"] == 1
    assert tree["unet"]["truth"]["dice"]["median"] == 0.4
    assert set(tree["reference"]) == {"truth"}


def test_without_any_distance_there_is_no_leaf() -> None:
    tree, _ = overlap(scores(("unet", 0, "s0", "reference", "a", 0.0, np.nan)))
    assert tree["unet"] == {"dice": {"median": 0}, "surface_distance": {}} | {"undefined": 1}
