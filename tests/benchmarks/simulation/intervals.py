"""Do the intervals of correlations hold the truth, and do they exclude 0 where nothing is related.

Cohorts of 16 structures, whose levels are drawn anew, as are members' offsets: `offset` of the
members' variance is common to all scans of a structure. Errors are normal, or Student's t of five
degrees of freedom. Four subjects are stated, whatever comes.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from math import sqrt

import numpy as np

from stages.statistics.methods.baselines import wrong_subject
from stages.statistics.methods.correlation import LEAST_SUBJECTS
from stages.statistics.methods.permutation import joint_permutations
from stages.statistics.methods.relation import (
    POOLED,
    WITHIN,
    Pair,
    correlation_intervals,
    relations,
)
from stages.statistics.methods.split_half import log_variability, reliability
from tests.benchmarks.simulation.cohorts import tidy
from tests.benchmarks.simulation.study import LEVEL, N_PERMUTATIONS, TEST, Cohort, Line, Study

N_STRUCTURES = 16
BETWEEN, OWN, BY_SCAN, PREDICTOR = 0.55, 0.3, 0.5, 0.3  # SD of ln CV; fraction of OWN's variance
SIZE = 0.06
LEAST, MOST = LEVEL - 0.02, LEVEL + 0.04
UPWARDS = "sums of jackknife variances err upwards"
FEW = "four subjects: stated, not promised"
N_SPLITS = 10
SCOPES = (POOLED, WITHIN)


@dataclass(frozen=True)
class Cell:
    """A cohort of the design grid."""

    n_subjects: int
    n_members: int
    offset: float
    tails: str

    @property
    def name(self) -> str:
        """Return the cell in words."""
        return (
            f"{self.n_subjects} subjects, {self.n_members} members, offsets {self.offset:g},"
            f" {self.tails}"
        )

    def errors(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Return errors of variance 1."""
        if self.tails == "normal":
            return rng.normal(size=shape)
        return rng.standard_t(5, size=shape) / sqrt(5 / 3)

    def deviations(self, rng: np.random.Generator) -> np.ndarray:
        """Return members' deviations (n_structures, n_subjects, n_members) of variance 1."""
        common = self.errors((N_STRUCTURES, 1, self.n_members), rng)
        own = self.errors((N_STRUCTURES, self.n_subjects, self.n_members), rng)
        return sqrt(self.offset) * common + sqrt(1 - self.offset) * own

    def volumes(self, log_cv: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return volumes (n_structures, n_subjects, n_members) of a true ln CV."""
        return 1000 * (1 + np.exp(log_cv)[..., None] * self.deviations(rng))


GRID = tuple(
    Cell(n, m, offset, tails)
    for tails, n, m, offset in product(("normal", "t5"), (4, 8, 20), (4, 12), (0.0, 0.3, 0.65))
)


def levels(cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Return a true ln CV, (n_structures, n_subjects); scans differ in all structures at once."""
    shape = (N_STRUCTURES, cell.n_subjects)
    scan, own = rng.normal(size=(1, shape[1])), rng.normal(size=shape)
    between = BETWEEN * rng.normal(size=(N_STRUCTURES, 1))
    return np.log(0.01) + between + OWN * (sqrt(BY_SCAN) * scan + sqrt(1 - BY_SCAN) * own)


@cache
def noise_variances(n_members: int, offset: float, tails: str) -> dict[str, float]:
    """Return the sampling variance of ln s, over structures and within them, by simulation."""
    rng = np.random.default_rng(0)
    cell = Cell(50, n_members, offset, tails)
    parts = [np.log(cell.deviations(rng).std(axis=-1, ddof=1)) for _ in range(200)]
    values = np.concatenate(parts)
    return {POOLED: float(values.var()), WITHIN: float(values.var(axis=1, ddof=1).mean())}


def true_reliability(cell: Cell, n_members: int) -> dict[str, float]:
    """Return R^2 of a perfect predictor of the ln CV of so many members."""
    noise = noise_variances(n_members, cell.offset, cell.tails)
    own = {POOLED: BETWEEN**2 + OWN**2, WITHIN: OWN**2}
    return {scope: own[scope] / (own[scope] + noise[scope]) for scope in SCOPES}


def null(cell: Cell) -> Cohort:
    """Return how often intervals exclude 0, and tests reject, of two unrelated ensembles."""
    exam = np.arange(cell.n_subjects)

    def judged(rng: np.random.Generator) -> dict[str, float]:
        cubes = [cell.volumes(levels(cell, rng), rng) for _ in range(2)]
        x, y = (log_variability(cube) for cube in cubes)
        order = joint_permutations(exam, N_PERMUTATIONS, rng).order
        found: dict[str, float] = {}
        for kind in ("pearson", "spearman"):
            for scope, (low, high, _) in correlation_intervals(x, y, exam, kind, LEVEL).items():
                if np.isfinite(low):
                    found[f"{kind} {scope} excludes 0"] = not low <= 0 <= high
        half = cell.n_members // 2
        halves = [[log_variability(c[..., :half]), log_variability(c[..., half:])] for c in cubes]
        (a, b), (c, d) = halves
        apart = relations([(a, d), (b, c)], exam, LEVEL, order)
        for scope in SCOPES:
            low, high = apart[scope].low, apart[scope].high
            found[f"disjoint {scope} excludes 0"] = not low <= 0 <= high
        found["disjoint within_structure p"] = apart[WITHIN].p <= TEST
        predictors = np.stack([x, x**2, x**3], axis=-1)
        for within in (False, True):
            p = wrong_subject(predictors, y, order, within=within).p
            found[f"3 predictors, R2 {'within' if within else 'pooled'} p"] = p <= TEST
        return found

    return judged


def null_names(cell: Cell) -> list[str]:
    """Return the quantities of `null`."""
    few = cell.n_subjects < LEAST_SUBJECTS
    scopes = [POOLED, WITHIN, "two_way", *([] if few else ["per_structure_mean"])]
    return [
        *(f"{kind} {scope} excludes 0" for kind in ("pearson", "spearman") for scope in scopes),
        *(f"disjoint {scope} excludes 0" for scope in SCOPES),
        "disjoint within_structure p",
        *(f"3 predictors, R2 {scope} p" for scope in ("pooled", "within")),
    ]


def coverage(cell: Cell) -> Cohort:
    """Return how often intervals hold the correlation with a predictor, and both ceilings."""
    exam = np.arange(cell.n_subjects)
    exams = {f"sub-{n}": f"sub-{n}" for n in exam}
    full = true_reliability(cell, cell.n_members)
    half = true_reliability(cell, cell.n_members // 2)
    linked = {POOLED: BETWEEN**2 + OWN**2, WITHIN: OWN**2}
    truth = {
        scope: sqrt(full[scope] * linked[scope] / (linked[scope] + PREDICTOR**2))
        for scope in SCOPES
    }

    def judged(rng: np.random.Generator) -> dict[str, float]:
        log_cv = levels(cell, rng)
        volumes = cell.volumes(log_cv, rng)
        predictor = log_cv + PREDICTOR * rng.normal(size=log_cv.shape)
        pair: Pair = (predictor, log_variability(volumes))
        limits = relations([pair], exam, LEVEL)
        tree, _ = reliability(tidy(volumes), exams, N_SPLITS, LEVEL, rng)
        found = {}
        for scope in SCOPES:
            found[f"r {scope} covers"] = limits[scope].low <= truth[scope] <= limits[scope].high
            for name, true in (("between_halves", half), ("split_half", full)):
                leaf = tree[scope][name]
                found[f"{name} {scope} covers"] = leaf["low"] <= true[scope] <= leaf["high"]
                found[f"{name} {scope} value less truth"] = leaf["value"] - true[scope]
        return found

    return judged


def coverage_lines(cell: Cell) -> dict[str, Line]:
    """Return what is expected of `coverage`."""
    few = cell.n_subjects < LEAST_SUBJECTS
    kept = Line(0.0, 1.0, FEW) if few else Line(LEAST, MOST, UPWARDS)
    lines = {f"r {scope} covers": kept for scope in SCOPES}
    lines |= {f"between_halves {scope} covers": kept for scope in SCOPES}
    lines |= {f"split_half {scope} covers": kept for scope in SCOPES}
    bias = Line(-1.0, 1.0, "stated")
    for name in ("between_halves", "split_half"):
        lines |= {f"{name} {scope} value less truth": bias for scope in SCOPES}
    return lines


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    found = {}
    for cell in GRID:
        few = cell.n_subjects < LEAST_SUBJECTS
        size = Line(0.0, 1.0, FEW) if few else Line(0.0, SIZE)
        nothing = dict.fromkeys(null_names(cell), size)
        found[f"no relation, {cell.name}"] = Study(null(cell), nothing)
        found[f"intervals, {cell.name}"] = Study(coverage(cell), coverage_lines(cell))
    return found
