"""Do the intervals of the reliability of ln CV hold the truth."""

import numpy as np

from stages.statistics.methods.reliability import sampling_variance
from stages.statistics.methods.split_half import reliability
from tests.benchmarks.simulation.cohorts import Design, tidy, true_log_cv, volumes_of
from tests.benchmarks.simulation.study import (
    LEVEL,
    N_DRAWS,
    N_SPLITS,
    N_STRUCTURES,
    Line,
    Study,
)

ESTIMATES = ("analytic", "split_half")
# how far percentile intervals of a variance, a skewed statistic, miss the level, measured: up to
# 0.05 below; up to 0.015 above with fewer than ten exams
SKEWNESS, SPARE = 0.05, 0.015


def true_ceiling(design: Design, n_members: int) -> dict[str, float]:
    """Return the R^2 of a perfect predictor, pooled and within structures."""
    noise, own = sampling_variance(n_members), design.sd**2
    n_scans = design.n_exams * design.n_scans
    between = n_scans * float(np.var(design.levels)) * N_STRUCTURES / (n_scans * N_STRUCTURES - 1)
    return {
        "pooled": (between + own) / (between + own + noise),
        "within_structure": own / (own + noise),
    }


def ceiling_study(design: Design) -> Study:
    """Return whether the intervals hold the truth, by scope and estimate."""
    truth = true_ceiling(design, design.n_members)
    exams = {f"sub-{s}": f"exam-{e}" for s, e in enumerate(design.exam)}

    def judged(rng: np.random.Generator) -> dict[str, float]:
        log_cv = true_log_cv(design, rng)
        cube = volumes_of(rng.normal(size=(*log_cv.shape, design.n_members)), log_cv)
        tree, _ = reliability(tidy(cube), exams, N_SPLITS, N_DRAWS, LEVEL, rng)
        return {
            f"{scope} {estimate} covers": tree[scope][estimate]["low"]
            <= value
            <= tree[scope][estimate]["high"]
            for scope, value in truth.items()
            for estimate in ESTIMATES
        }

    names = [f"{scope} {estimate} covers" for scope in truth for estimate in ESTIMATES]
    note = "percentile intervals of a skewed statistic"
    return Study(judged, {name: Line(LEVEL - SKEWNESS, LEVEL + SPARE, note) for name in names})


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    designs = {
        "4 members": Design(4),
        "8 members": Design(8),
        "12 members": Design(12),
        "12 members, 40 exams": Design(12, 40),
        "12 members, 8 exams": Design(12, 8),
        "12 members, 10 exams of 2": Design(12, 10, 2, by_exam=0.5),
        "12 members, half by scan": Design(12, by_scan=0.5),
    }
    return {f"ceiling, {name}": ceiling_study(design) for name, design in designs.items()}
