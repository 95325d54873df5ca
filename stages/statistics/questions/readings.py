"""What the paper's two regressions can mean: in-sample R^2 under every reading of their sentence.

"We tested whether volume standard deviation could be predicted from normalized histograms of
voxelwise standard deviation (binned into 10 bins) and from summary statistics of these histograms"
leaves open the target (SD in mm3, or normalised as in the correlations: CV), the norm of the
histogram (fractions of voxels, or densities), its edges (a region's own extremes, or common ones)
and whose statistics the summaries are (those of the map, or of the heights of the bins). Densities
between common edges are fractions times a constant and no reading of their own; the statistics of
the distribution that a histogram stands for are those of the map, but for the width of a bin.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES, summarise
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree, look_up
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.regression import in_sample_r2
from stages.statistics.methods.variability import PERCENT
from stages.statistics.needs import SEVERAL, VOXELWISE, needs
from stages.statistics.questions.prediction import prediction_table

TARGETS = {"sd": "SD in mm3", "cv": "CV"}
MAP = "map"
EDGES = {"fractions": "own", "densities": "own", "common_fractions": "global"}
NORMS = {
    "fractions": "fractions",
    "densities": "densities",
    "common_fractions": "fractions between common edges",
}
FREE = ("densities",)  # norms without a fixed sum
OF_FRACTIONS = tuple(name for name in SUMMARIES if name != "mean")
REGRESSIONS = ("histogram", "summary")
PREDICTORS = {"histogram": tuple(NORMS), "summary": (MAP, *NORMS)}
COLUMNS = ["group", "regression", "target", "predictors", "n", "r2"]


class Reading(NamedTuple):
    """One way to understand one of the two regressions."""

    regression: str
    target: str
    predictors: str
    """Key of `NORMS`, or `map` for the summaries of the map."""

    @property
    def words(self) -> str:
        """Return the reading in words."""
        if self.predictors == MAP:
            return f"{TARGETS[self.target]}, summaries of the map"
        what = "histogram" if self.regression == "histogram" else "summaries of the histogram"
        return f"{TARGETS[self.target]}, {what} in {NORMS[self.predictors]}"


class Whole(NamedTuple):
    """One way to understand both regressions."""

    target: str
    norm: str
    source: str
    """`map`, or `histogram` for the statistics of the bins."""

    @property
    def parts(self) -> dict[str, Reading]:
        """Return the reading of each regression."""
        of_summary = MAP if self.source == MAP else self.norm
        return {
            "histogram": Reading("histogram", self.target, self.norm),
            "summary": Reading("summary", self.target, of_summary),
        }

    @property
    def words(self) -> str:
        """Return the reading in words."""
        return f"{TARGETS[self.target]}, {NORMS[self.norm]}, summaries of the {self.source}"


READINGS = tuple(
    Reading(regression, target, predictors)
    for regression in REGRESSIONS
    for target in TARGETS
    for predictors in PREDICTORS[regression]
)
WHOLE = tuple(Whole(t, norm, s) for t in TARGETS for norm in NORMS for s in (MAP, "histogram"))


@needs(SEVERAL, VOXELWISE)
def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the in-sample R^2 of both regressions under every reading."""
    rows = [
        (group, *reading, n, r2)
        for group in cohort.groups
        for reading, n, r2 in regressions(
            *(of(table, group) for table in (cohort.cv, cohort.regions, cohort.histograms))
        )
    ]
    tree: Tree = {}
    for group, regression, target, predictors, n, r2 in rows:
        found = tree.setdefault(group, {}).setdefault(regression, {}).setdefault(target, {})
        found[predictors] = {"r2": r2, "n": n}
    return Answer(tree, {"readings": pd.DataFrame(rows, columns=COLUMNS)})


def regressions(
    cv: pd.DataFrame, regions: pd.DataFrame, histograms: pd.DataFrame
) -> Iterator[tuple[Reading, int, float]]:
    """Yield every reading of one network with its number of pairs and its in-sample R^2.

    Args:
        cv: columns structure, subject, cv (percent), mean_mm3.
        regions: columns structure, subject and `SUMMARIES`.
        histograms: columns structure, subject, edges, bin, fraction.
    """
    table, _ = prediction_table(cv, regions, histograms)
    means = cv[["structure", "subject", "mean_mm3"]]
    table = table.merge(means, on=["structure", "subject"])
    heights = {name: bin_heights(table, name) for name in NORMS}
    # fractions sum to 1: their last bin and their mean follow from the rest, but for rounding
    predictors = {
        ("histogram", name): x if name in FREE else x[:, :-1] for name, x in heights.items()
    }
    predictors |= {
        ("summary", name): summaries_of(x, SUMMARIES if name in FREE else OF_FRACTIONS)
        for name, x in heights.items()
    }
    predictors["summary", MAP] = table[list(SUMMARIES)].to_numpy(np.float64)
    ratio = table["cv"].to_numpy(np.float64)
    targets = {"cv": ratio, "sd": ratio / PERCENT * table["mean_mm3"].to_numpy(np.float64)}
    for reading in READINGS:
        x, y = predictors[reading.regression, reading.predictors], targets[reading.target]
        known = np.isfinite(x).all(axis=1)
        yield reading, int(known.sum()), in_sample_r2(x[known], y[known])


def bin_heights(table: pd.DataFrame, norm: str) -> np.ndarray:
    """Return the histograms of all pairs in one norm.

    Args:
        table: from `prediction_table`.
        norm: key of `NORMS`.

    Returns:
        (n_pairs, n_bins); densities (per unit of the SD) are NaN where a region is constant.
    """
    prefix = f"{EDGES[norm]}_"
    names = [name for name in table.columns if name.startswith(prefix)]
    names.sort(key=lambda name: int(name.removeprefix(prefix)))
    fractions = table[names].to_numpy(np.float64)
    if norm != "densities":
        return fractions
    width = (table["max"] - table["min"]).to_numpy(np.float64) / max(len(names), 1)
    return fractions / np.where(width > 0, width, np.nan)[:, None]


def summaries_of(heights: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return some `SUMMARIES` of the heights of the bins, (n_pairs, n_bins) to (n_pairs, n)."""
    rows = [[summarise(row)[name] for name in names] for row in heights]
    return np.array(rows).reshape(len(heights), len(names))


def r2_of(tree: Tree, group: str, reading: Reading) -> float:
    """Return R^2 of one reading from the metrics of this question, NaN where it is undefined."""
    value = look_up(tree, group, *reading, "r2")
    return float(value) if isinstance(value, int | float) else float("nan")
