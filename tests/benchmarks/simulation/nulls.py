"""How often a test rejects where there is nothing, and what predictors of structures explain."""

import numpy as np

from stages.statistics.methods.baselines import permuted_r2, random_structure_r2
from stages.statistics.methods.permutation import (
    joint_permutations,
    max_t_p,
    p_value,
    permuted_correlations,
)
from stages.statistics.methods.regression import group_means_r2, in_sample_r2
from tests.benchmarks.simulation.study import (
    N_PERMUTATIONS,
    N_STRUCTURES,
    TEST,
    Cohort,
    Line,
    Study,
    exactly,
)

SCOPES = (
    "per_structure_mean",
    "within_structure",
    "two_way",
    "one structure",
    "any structure, max-T",
)


def null_cohort(exam: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return two unrelated variables (2, n_structures, n_scans).

    Structures of a scan share its motion, scans of an exam their person, and structures differ.
    """
    person = rng.normal(size=(2, 1, exam.max() + 1))[..., exam]
    scan, own = rng.normal(size=(2, 1, len(exam))), rng.normal(size=(2, N_STRUCTURES, len(exam)))
    return person + scan + own + np.arange(N_STRUCTURES)[:, None]


def correlation_null(exam: np.ndarray, kind: str) -> Cohort:
    """Return the rejections of correlations at the level `TEST`."""

    def judged(rng: np.random.Generator) -> dict[str, float]:
        x, y = null_cohort(exam, rng)
        order = np.concatenate(
            [np.arange(len(exam))[None], joint_permutations(exam, N_PERMUTATIONS, rng).order]
        )
        found = permuted_correlations(x, y, order, kind)
        single = found.pop("structures")
        p = {scope: p_value(values[0], values[1:]) for scope, values in found.items()}
        p["one structure"] = p_value(single[0, 0], single[1:, 0])
        p["any structure, max-T"] = float(np.min(max_t_p(single[0], single[1:])))
        return {name: value <= TEST for name, value in p.items()}

    return judged


def regression_null(exam: np.ndarray, n_predictors: int) -> Cohort:
    """Return the rejections of R^2 of several predictors, and that of one cell's own noise.

    The predictors tell structures apart and share the scans' motion; scans change places.
    """
    scopes = {"pooled": False, "within_structure": True}

    def judged(rng: np.random.Generator) -> dict[str, float]:
        x = np.stack([null_cohort(exam, rng)[0] for _ in range(n_predictors)], axis=-1)
        y = null_cohort(exam, rng)[1]
        order = joint_permutations(exam, N_PERMUTATIONS, rng).order
        return {
            f"{scope} R2": p_value(*permuted_r2(x, y, order, within=within)) <= TEST
            for scope, within in scopes.items()
        }

    return judged


def structure_study(n_predictors: int, n_scans: int) -> Study:
    """Return R^2 of numbers drawn for each structure less the mean of `random_structure_r2`."""
    structure = np.repeat(np.arange(N_STRUCTURES), n_scans)

    def judged(rng: np.random.Generator) -> dict[str, float]:
        y = rng.normal(size=N_STRUCTURES)[structure] + rng.normal(size=len(structure))
        x = rng.normal(size=(N_STRUCTURES, n_predictors))[structure]
        known = random_structure_r2(group_means_r2(y, structure), n_predictors, N_STRUCTURES)
        found = in_sample_r2(x, y)
        return {"R2 less its mean": found - known.mean, "R2 above p95": found > known.p95}

    lines = {"R2 less its mean": exactly(0.0), "R2 above p95": exactly(0.05)}
    return Study(judged, lines, per_repeat=4)


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    pairs, paper = np.repeat(np.arange(12), 2), np.array([*range(16), 16, 16, 17, 17])
    uneven = np.repeat(np.arange(5), [1, 1, 2, 2, 3])
    five = {name: exactly(TEST) for name in SCOPES}
    found = {
        f"null, {kind}, {name}": Study(correlation_null(exam, kind), five, 2)
        for kind in ("pearson", "spearman")
        for name, exam in (("12 exams of 2", pairs), ("18 exams, 20 scans", paper))
    }
    scans = (
        "too few subjects of a size: scans change places as if those of a subject were independent"
    )
    liberal = {name: Line(TEST, 1.0, scans) for name in SCOPES}
    r2 = {f"{scope} R2": exactly(TEST) for scope in ("pooled", "within_structure")}
    return found | {
        "null, pearson, 5 uneven exams": Study(correlation_null(uneven, "pearson"), liberal, 2),
        "null, 9 predictors, 12 exams of 2": Study(regression_null(pairs, 9), r2),
        "random structure, 4 predictors": structure_study(4, 20),
    }
