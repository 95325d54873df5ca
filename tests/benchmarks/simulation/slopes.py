"""Slopes within and between structures: coverage of their intervals, size and power of the test.

Predictor and true variability of a structure's scans are related by a known slope; structures,
subjects and ln volume add effects of their own. The predictor of each half of the members has an
error, a part of which is common to a scan like the part of the relation, so that the slope on what
is observed is one number. Members' offsets on a structure are common to all scans.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from stages.statistics.methods.split_half import log_variability
from stages.statistics.methods.subject_orders import subject_orders
from stages.statistics.methods.within_between import Table
from stages.statistics.questions.slopes import mean_slopes
from tests.benchmarks.simulation.study import LEVEL, TEST, Cohort, Line, Study

N_STRUCTURES, N_ORDERS = 16, 200
FREEDOM = 5  # of the t distribution of heavy tails
COMMON = 0.3  # fraction of what varies within a structure that is common to a scan
RELIABILITY = 0.7  # fraction of the predictor's variance that is no error
BETWEEN = 1.0
NEAR, MOST = 0.02, 0.06  # of coverage and of a test's size


@dataclass(frozen=True)
class Relation:
    """A cohort in which ln CV has a known slope on a predictor."""

    n_subjects: int = 20
    n_members: int = 12
    shared: float = 0.3
    """Fraction of the members' variance that is an offset on every scan."""

    heavy: bool = False
    """Members differ by a t distribution, else a normal one."""

    within: float = 1.0
    """Slope on the observed predictor."""

    sd: float = 0.2
    """Of the observed ln predictor within a structure."""


def tables_of(relation: Relation, rng: np.random.Generator) -> list[Table]:
    """Return predictor and ln CV of a cohort, each from the other half of the members."""
    n = relation.n_subjects

    def mixed(sd: float) -> np.ndarray:
        scan, own = rng.normal(size=n), rng.normal(size=(N_STRUCTURES, n))
        return sd * (sqrt(COMMON) * scan + sqrt(1 - COMMON) * own)

    level, size = rng.normal(0, 0.2, (N_STRUCTURES, 1)), rng.normal(0, 2, (N_STRUCTURES, 1))
    true = mixed(relation.sd * sqrt(RELIABILITY))
    structure, subject = rng.normal(0, 0.3, (N_STRUCTURES, 1)), rng.normal(0, 0.2, n)
    slope = relation.within / RELIABILITY
    log_cv = np.log(0.02) + BETWEEN * level + slope * true - 0.2 * size + structure + subject
    z = [deviations((N_STRUCTURES, m, relation.n_members), relation, rng) for m in (1, n)]
    members = sqrt(relation.shared) * z[0] + sqrt(1 - relation.shared) * z[1]
    size = size + mixed(0.1)
    volumes = np.exp(size)[..., None] * (1 + np.exp(log_cv)[..., None] * members)
    x = [level + true + mixed(relation.sd * sqrt(1 - RELIABILITY)) for _ in range(2)]
    y = [log_variability(volumes[..., half::2]) for half in range(2)]
    return [Table(x[half], y[1 - half], size, np.arange(n)) for half in range(2)]


def deviations(shape: tuple[int, ...], relation: Relation, rng: np.random.Generator) -> np.ndarray:
    """Return deviations of members, of variance 1."""
    if not relation.heavy:
        return rng.normal(size=shape)
    return rng.standard_t(FREEDOM, size=shape) / sqrt(FREEDOM / (FREEDOM - 2))


def judged(relation: Relation) -> Cohort:
    """Return coverage of both slopes and rejections of no relation within structures."""
    truth = {"within": relation.within, "between": BETWEEN}

    def cohort(rng: np.random.Generator) -> dict[str, float]:
        tables = tables_of(relation, rng)
        orders = subject_orders(tables[0].subject, N_ORDERS, rng)
        found = mean_slopes(tables, orders, LEVEL)
        return {
            **{f"{k} covers": found[k]["low"] <= v <= found[k]["high"] for k, v in truth.items()},
            "rejects": found["within"]["p"] <= TEST + 1e-9,
        }

    return cohort


def coverage(relation: Relation, between: Line) -> Study:
    """Return the study of intervals, and of the size of the test where there is no relation."""
    near = Line(LEVEL - NEAR, LEVEL + NEAR)
    few = Line(LEVEL - NEAR, 1.0, "t of 3 degrees of freedom from 4 subjects: wide")
    within = near if relation.n_subjects > 4 else few
    lines = {"within covers": within, "between covers": between}
    if not relation.within:
        lines["rejects"] = Line(0.0, MOST)
    return Study(judged(relation), lines)


def power(relation: Relation, expected: float) -> Study:
    """Return the study of how often a relation is found."""
    return Study(judged(relation), {"rejects": Line(expected - 0.05, expected + 0.05)})


MEMBERS, SHARED = (4, 12), (0.0, 0.3, 0.65)
SUBJECTS = (4, 8, 20)
POWER = {
    (8, 4, 0.5): 0.28,
    (8, 4, 1.0): 0.63,
    (8, 12, 0.5): 0.95,
    (8, 12, 1.0): 1.0,
    (20, 4, 0.5): 0.53,
    (20, 4, 1.0): 0.96,
    (20, 12, 0.5): 1.0,
    (20, 12, 1.0): 1.0,
}
"""Of subjects, members and slope, measured; it depends on slope times `sd` of the predictor."""


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    found = {}
    between = Line(LEVEL - NEAR, LEVEL + NEAR)
    for n in SUBJECTS:
        for m in MEMBERS:
            for shared in SHARED:
                for heavy in (False, True):
                    tails = "t5" if heavy else "normal"
                    own = Relation(n, m, shared, heavy, within=0.0)
                    name = f"slopes, {n} subjects, {m} members, {shared} shared, {tails}"
                    found[name] = coverage(own, between)
    for n in (8, 20):
        for m in MEMBERS:
            own = Relation(n, m)
            found[f"slopes of 1, {n} subjects, {m} members"] = coverage(own, between)
    for (n, m, slope), expected in POWER.items():
        own = Relation(n, m, within=slope)
        found[f"power, slope {slope}, {n} subjects, {m} members"] = power(own, expected)
    return found
