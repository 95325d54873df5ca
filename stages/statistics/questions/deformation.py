"""Variability and bias of volumes as deformations show them, and whether volumes agree."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.crossed_intervals import interval
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.member_medians import Draws, draw, median_spread, member_cube
from stages.statistics.methods.rank_agreement import rank_agreement
from stages.statistics.needs import REFERENCE, REGISTERED, needs

PAIR = ["group", "structure", "subject"]
COLUMNS = [*PAIR, "n_members", "n_undefined", "sd", "mean", "cv", "bias"]
PAIRS = {"sd": "cv", "mean": "bias"}  # of a deformation: of the volumes


class Sample(NamedTuple):
    """Whose scans they are, and how intervals are made."""

    subject_of: Mapping[str, str]
    """Scan -> subject."""

    n_draws: int
    """Of subjects."""

    level: float
    """Of the intervals, between 0 and 1."""


@needs(REGISTERED, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return apparent changes of volume that need no segmentation of the members."""
    sample = Sample(cohort.subject_of, params.bootstrap_draws, params.level)
    cv, bias = (cohort.networks(table) for table in (cohort.cv, cohort.bias))
    tree, table = deformation(cohort.changes, cv, bias, sample, rng)
    return Answer(tree, {"deformation": table})


def deformation_pairs(changes: pd.DataFrame, cv: pd.DataFrame, bias: pd.DataFrame) -> pd.DataFrame:
    """Return spread and mean of the apparent changes over members, beside those of the volumes.

    sd is the standard deviation (ddof = 1) of 100 mean(ln J) over members: the analogue of a CV,
    as the SD of a logarithm is to first order; mean is the analogue of a bias.

    Args:
        changes: columns group, structure, subject, member, change (percent; NaN if undefined).
        cv: columns group, structure, subject, cv (percent).
        bias: columns group, structure, subject, bias (percent).

    Returns:
        Columns group, structure, subject, n_members, n_undefined, sd, mean, cv, bias (percent, NaN
        where undefined: sd of fewer than two members; cv and bias of groups without them).
    """
    pairs = changes.groupby(PAIR, sort=False)["change"]
    found = pairs.agg(n_members="size", known="count", sd="std", mean="mean").reset_index()
    found["n_undefined"] = found["n_members"] - found["known"]
    found = found.merge(cv[[*PAIR, "cv"]], on=PAIR, how="left", validate="one_to_one")
    found = found.merge(bias[[*PAIR, "bias"]], on=PAIR, how="left", validate="one_to_one")
    return found[COLUMNS]


def deformation(
    changes: pd.DataFrame,
    cv: pd.DataFrame,
    bias: pd.DataFrame,
    sample: Sample,
    rng: np.random.Generator,
) -> tuple[Tree, pd.DataFrame]:
    """Return the apparent changes of each group, and their agreement with the volumes.

    Args:
        changes: as in `deformation_pairs`, of any groups.
        cv: columns group, structure, subject, cv, of the architectures.
        bias: columns group, structure, subject, bias, of the architectures.
        sample: for the intervals.
        rng: source of draws of subjects.

    Returns:
        The tree group -> sd -> median (percent, over structures and scans; ensembles only) with low
        and high, over subjects and members, mean ->
        median and each structure's median over scans (percent), undefined (images of a structure
        without a value), and for architectures agreement -> cv, bias -> `rank_agreement` of sd and
        mean with them; and `deformation_pairs`.
    """
    pairs = deformation_pairs(changes, cv, bias)
    draws = draw(sample.subject_of, sample.n_draws, rng)
    tree = {}
    for group, part in pairs.groupby("group", sort=False):
        by_structure = part.groupby("structure", sort=False)["mean"].median().to_dict()
        leaves: Tree = {"mean": {"median": float(part["mean"].median()), **by_structure}}
        if (part["n_members"] > 1).any():
            own = changes[changes["group"] == group]
            leaves = {"sd": _median_sd(own, draws, sample.level)} | leaves
        if np.isfinite(part["cv"]).any():
            leaves["agreement"] = {
                columns[1]: _agreement(part, columns, sample) for columns in PAIRS.items()
            }
        kept, gaps = without_gaps(leaves)
        counted = int(part["n_undefined"].sum()) + len(gaps)
        tree[group] = kept | {"undefined": counted}
    return tree, pairs


def _median_sd(changes: pd.DataFrame, draws: Draws, level: float) -> Tree:
    """Return the median SD over pairs, and its interval over subjects and members."""
    structures = tuple(dict.fromkeys(changes["structure"]))
    cube = member_cube(changes, "change", structures, draws.scans)
    found = median_spread(cube, draws, relative=False)
    ends = interval(found, level)
    return {"median": float(found.value), "low": max(ends.low, 0.0), "high": ends.high}


def _agreement(pairs: pd.DataFrame, columns: tuple[str, str], sample: Sample) -> Tree:
    found = rank_agreement(pairs, pairs, columns, sample.subject_of, sample.level)
    return {scope: answer.leaves() for scope, answer in found.items()}
