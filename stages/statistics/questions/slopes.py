"""Does an uncertainty of images predict that of volumes: slopes within and between structures.

ln target = w (ln predictor - its mean in the structure) + b (that mean) + the same of ln volume,
structures and subjects random (`within_between`). The predictor comes from one half of the members
and the target from the other, so that neither shares the other's error; both directions are
averaged. Proportion is a slope of 1. The primary estimate of the study is w of ln CV on the ln mean
voxelwise SD. Controls: the predictors of wrong subjects, their structures kept; structures alone;
ln volume alone; a random predictor of a structure.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stages.measures.members import HALVES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.correlation import centre, pearson
from stages.statistics.methods.disjoint_halves import Measure, half_targets, log_cv
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.permuted_slopes import (
    Permuted,
    mean_slope,
    permutation_p,
    permuted_slopes,
)
from stages.statistics.methods.slope_controls import (
    Scores,
    random_structures,
    scores,
    volume_scores,
)
from stages.statistics.methods.split_half import reliability
from stages.statistics.methods.subject_orders import Orders, subject_orders, wrong_subjects
from stages.statistics.methods.within_between import Fitted, Slope, Table, fit_slopes
from stages.statistics.needs import REFERENCE, SEVERAL, VOXELWISE, needs
from stages.statistics.questions.bias_prediction import log_bias

PRIMARY = "std_mean"
"""Its within-structure slope of ln CV is the primary estimate of the study."""

CV, BIAS = "cv", "bias"
SCOPES = ("within", "between")
LEAVES = ("value", "low", "high", "p")
COMPONENTS = ("structure", "subject", "residual")
WRONG = 60  # orders of wrong subjects whose scores are averaged
COLUMNS = ["group", "target", "surrogate", "kind", "slope", "n", "value", "low", "high", "p"]
COLUMNS += ["permuted_low", "permuted_high", "explained", "explained_wrong_subject"]

type Matrices = dict[str, np.ndarray]
"""Half of the members -> (n_structures, n_scans), NaN where undefined."""


class _Study(NamedTuple):
    """What all predictors and targets of a network share."""

    structures: list[str]
    scans: list[str]
    subject: np.ndarray
    """(n_scans,) labels."""

    size: np.ndarray
    """(n_structures, n_scans), ln volume of the fully sampled scans."""

    orders: Orders
    wrong: np.ndarray
    level: float

    def matrix(self, table: pd.DataFrame, column: str) -> np.ndarray:
        """Return a column by structure and scan."""
        return pair_matrix(table, column, self.structures, self.scans)

    def tables(self, x: Matrices, y: Matrices) -> list[Table]:
        """Return predictor and target of different halves, a table for each direction."""
        return [
            Table(x[one], y[other], self.size, self.subject)
            for one, other in (HALVES, HALVES[::-1])
            if np.isfinite(x[one]).any() and np.isfinite(y[other]).any()
        ]


@needs(SEVERAL, VOXELWISE, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return the slopes of ln CV and ln |bias| on every predictor, and their controls."""
    tree: Tree = {}
    rows: list[tuple[Any, ...]] = []
    for group in cohort.groups:
        volumes = of(cohort.volumes, group)
        study = _study(cohort, volumes, params, rng)
        predictors = _predictors(study, of(cohort.half_surrogates, group))
        tree[group] = {"n": _sizes(study, volumes), "permutations": _exchanged(study)}
        measures: dict[str, Measure] = {
            CV: log_cv,
            BIAS: partial(log_bias, reference=cohort.reference),
        }
        for target, measure in measures.items():
            y = _targets(study, volumes, measure)
            found, own = _answers(study, predictors, y, rng)
            if target == CV:
                found["noise_ceiling"] = _ceilings(study, volumes, params, rng)
            tree[group][target] = found
            rows += [(group, target, *row) for row in own]
        kept, gaps = without_gaps(tree[group])
        tree[group] = kept | {"undefined": len(gaps)}
    return Answer(tree, {"slopes": pd.DataFrame(rows, columns=COLUMNS)})


def _study(
    cohort: Cohort, volumes: pd.DataFrame, params: AnalyseParams, rng: np.random.Generator
) -> _Study:
    structures = [name for name in params.structures if name in set(volumes["structure"])]
    scans = [name for name in cohort.subject_of if name in set(volumes["subject"])]
    subject = np.array([cohort.subject_of[name] for name in scans])
    reference = pair_matrix(cohort.reference, "volume_mm3", structures, scans)
    orders = subject_orders(subject, params.permutations + 1, rng)
    wrong = wrong_subjects(subject, WRONG, rng)
    return _Study(structures, scans, subject, _logarithm(reference), orders, wrong, params.level)


def _logarithm(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values) & (values > 0)
    return np.log(values, where=known, out=np.full(values.shape, np.nan))


def _sizes(study: _Study, volumes: pd.DataFrame) -> Tree:
    return {
        "structures": len(study.structures),
        "scans": len(study.scans),
        "subjects": len(np.unique(study.subject)),
        "members": int(volumes["member"].nunique()),
    }


def _exchanged(study: _Study) -> Tree:
    """Return how many orders of subjects there are, and the least p of a test by them."""
    orders = study.orders
    return {
        "n": len(orders.order),
        "complete": int(orders.complete),
        "least_p": orders.least_p,
        "can_reject": int(orders.least_p <= 1.0 - study.level),
    }


def _predictors(study: _Study, table: pd.DataFrame) -> dict[str, tuple[str, Matrices]]:
    """Return kind and ln predictor of each surrogate, the primary one first."""
    names = sorted(table["surrogate"].unique(), key=lambda name: name != PRIMARY)
    found = {}
    for name in names:
        own = table[table["surrogate"] == name]
        halves = {h: _logarithm(study.matrix(own[own["half"] == h], "value")) for h in HALVES}
        found[name] = str(own["kind"].iloc[0]), halves
    return found


def _targets(study: _Study, volumes: pd.DataFrame, measure: Measure) -> Matrices:
    table = half_targets(volumes, measure)
    found = {h: study.matrix(table[table["half"] == h], "target") for h in HALVES}
    return {half: np.where(np.isfinite(y), y, np.nan) for half, y in found.items()}


def _answers(
    study: _Study,
    predictors: dict[str, tuple[str, Matrices]],
    y: Matrices,
    rng: np.random.Generator,
) -> tuple[Tree, list[tuple[Any, ...]]]:
    """Return the tree and the rows of one target of one network."""
    tree: Tree = {}
    rows: list[tuple[Any, ...]] = []
    for name, (kind, x) in predictors.items():
        tables = study.tables(x, y)
        found = mean_slopes(tables, study.orders, study.level)
        own = scores(tables, study.wrong)
        n = sum(int(table.present.sum()) for table in tables)
        leaves = {
            scope: {k: v for k, v in found[scope].items() if "_" not in k} for scope in SCOPES
        }
        tree[name] = leaves | {
            "explained": own._asdict(),
            "reliability": _reliability(x),
            "n_pairs": n,
            "n_undefined": 2 * study.size.size - n,
        }
        rows += [(name, kind, *row) for row in _rows(found, own, n)]
    tree["controls"] = _controls(study, y, rng)
    return tree, rows


def mean_slopes(tables: Sequence[Table], orders: Orders, level: float) -> Tree:
    """Return both slopes of a network, the mean over the directions of its halves.

    Args:
        tables: predictor and target of different halves of the members.
        orders: of the scans, for the test of the within-structure slope.
        level: of the intervals, between 0 and 1.

    Returns:
        within and between -> value, low, high; within -> p, and permuted_low and permuted_high, the
        ends of the middle `level` of slopes after subjects were exchanged. NaN where undefined.
    """
    fits = [fit_slopes(table) for table in tables]
    tree: Tree = {}
    for scope in SCOPES:
        mean = _mean_slope(fits, scope)
        low, high, _ = mean.interval(level)
        tree[scope] = {"value": mean.value, "low": low, "high": high}
    nothing = np.full(len(orders.order), np.nan)
    permuted = [permuted_slopes(table, orders.order) for table in tables]
    slope, statistic = mean_slope(permuted or [Permuted(nothing, nothing)])
    tree["within"]["p"] = permutation_p(statistic)
    tails = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    known = slope[1:][np.isfinite(slope[1:])]
    ends = np.quantile(known, tails) if len(known) else (np.nan, np.nan)
    tree["within"] |= {"permuted_low": float(ends[0]), "permuted_high": float(ends[1])}
    return tree


def _mean_slope(fits: list[Fitted], scope: str) -> Slope:
    own: list[Slope] = [getattr(fit, scope) for fit in fits]
    if not own or len({len(each.without) for each in own}) > 1:
        return Slope(float("nan"), np.zeros(0))
    value = float(np.mean([each.value for each in own]))
    return Slope(value, np.mean([each.without for each in own], axis=0))


def _rows(found: Tree, own: Scores, n: int) -> list[tuple[Any, ...]]:
    columns = ("value", "low", "high", "p", "permuted_low", "permuted_high")
    explained = {"within": own[:2], "between": (np.nan, np.nan)}
    return [
        (scope, n, *(found[scope].get(c, np.nan) for c in columns), *explained[scope])
        for scope in SCOPES
    ]


def _reliability(x: Matrices) -> float:
    """Return the correlation of a predictor's two halves within structures."""
    both = np.isfinite(x["a"]) & np.isfinite(x["b"])
    structure = np.nonzero(both)[0]
    if not len(structure):
        return float("nan")
    return pearson(*(centre(x[half][both], structure) for half in HALVES))


def _controls(study: _Study, y: Matrices, rng: np.random.Generator) -> Tree:
    """Return what structures, ln volume and random numbers explain, and the target's variances."""
    known = [v for v in y.values() if np.isfinite(v).any()]
    tables = [Table(study.size, v, study.size, study.subject) for v in known]
    variances = [fit_slopes(table).components for table in tables]
    mean = np.mean(variances or [np.full(3, np.nan)], axis=0)
    return {
        **volume_scores(tables),
        "random_of_structure": random_structures(tables, rng),
        "variance": dict(zip(COMPONENTS, mean.tolist(), strict=True)),
    }


def _ceilings(
    study: _Study, volumes: pd.DataFrame, params: AnalyseParams, rng: np.random.Generator
) -> Tree:
    """Return the most that a predictor of one half can explain of the other half's ln CV."""
    subject_of = dict(zip(study.scans, study.subject.tolist(), strict=True))
    found, _ = reliability(volumes, subject_of, params.subsets, params.level, rng)
    return {scope: found[scope]["between_halves"] for scope in ("pooled", "within_structure")}
