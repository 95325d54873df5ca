"""How well segmentations of accelerated images agree with those of the fully sampled ones.

The surface distance is pooled over the voxels of both surfaces; the 95 % Hausdorff distance is the
larger of two percentiles, one from each surface to the other. At voxels of 2 mm it is one voxel for
every group and compares none: it stands in the table of pairs alone.
"""

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.needs import LABELS, REFERENCE, needs

TARGETS = ("reference", "truth")  # the fully sampled image's segmentation; the true labels
SCORES = {"dice": "dice", "surface_distance": "surface_distance_mm"}
IN_TABLE = [*SCORES.values(), "hausdorff95_mm"]
PAIR = ["group", "target", "structure", "subject"]
COLUMNS = [*PAIR, "scope", "n_members", "n_undefined", *IN_TABLE]


@needs(LABELS, REFERENCE)
def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the overlap and surface distances of the segmentations of all groups."""
    tree, table = overlap(cohort.overlap)
    return Answer(tree, {"overlap": table})


def overlap_pairs(overlap: pd.DataFrame) -> pd.DataFrame:
    """Return the mean scores over members of each structure-scan pair.

    Args:
        overlap: columns group, member, subject, target, structure, dice, surface_distance_mm,
            hausdorff95_mm; NaN where a structure is absent.

    Returns:
        Columns group, target, structure, subject, scope (the target), n_members, n_undefined
        (members without a distance), dice, surface_distance_mm, hausdorff95_mm (mm; means over
        members with a value, NaN without any), in the order of appearance.
    """
    pairs = overlap.groupby(PAIR, sort=False)
    counts = pairs["surface_distance_mm"].agg(n_members="size", known="count")
    means = pairs[IN_TABLE].mean()
    table = counts.join(means).reset_index()
    table["n_undefined"] = table["n_members"] - table["known"]
    return table.assign(scope=table["target"])[COLUMNS]


def overlap(table: pd.DataFrame) -> tuple[Tree, pd.DataFrame]:
    """Return medians over structures and scans of each group, and `overlap_pairs`.

    Args:
        table: as in `overlap_pairs`, of any groups.

    Returns:
        The tree group -> dice, surface_distance (mm) -> median against the reference, and below
        `truth` against the true labels where they are known; undefined counts segmentations of a
        structure without a distance.
    """
    pairs = overlap_pairs(table)
    tree: Tree = {}
    for (group, target), part in pairs.groupby(["group", "target"], sort=False):
        medians = {
            name: {"median": float(part[column].median())} for name, column in SCORES.items()
        }
        leaves, _ = without_gaps(medians)
        leaves["undefined"] = int(part["n_undefined"].sum())
        own = tree.setdefault(group, {})
        own |= leaves if target == TARGETS[0] else {target: leaves}
    return tree, pairs
