"""Do prediction intervals of volumes cover the subject that is left out."""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy.stats import t as student

from stages.statistics.methods.prediction_intervals import METHODS, Pairs, intervals
from stages.statistics.questions.conformal import cohort, covered
from tests.benchmarks.simulation.cohorts import tidy
from tests.benchmarks.simulation.study import ALPHA, N_STRUCTURES, Line, Study, exactly


@dataclass(frozen=True)
class Errors:
    """What members share (bias, deviation) and what each has of its own, relative to the volume."""

    bias: float = 0.01
    shared: float = 0.03
    own: float = 0.02
    n_members: int = 12


def ensemble(errors: Errors, exam: np.ndarray, rng: np.random.Generator) -> Pairs:
    """Return cells of an ensemble; an exam's scans and a scan's structures err alike."""
    shape = (N_STRUCTURES, len(exam))
    person = rng.normal(size=(N_STRUCTURES, exam.max() + 1))[:, exam]
    scan = rng.normal(size=len(exam))
    shared = (person + scan + rng.normal(size=shape)) / sqrt(3.0)
    own = errors.own * np.exp(0.3 * rng.normal(size=shape))[..., None]
    truth = 1000 * np.exp(0.2 * rng.normal(size=shape))
    offset = (errors.bias + errors.shared * shared)[..., None]
    members = 1 + offset + own * rng.normal(size=(*shape, errors.n_members))
    volumes = truth[..., None] * members
    return cohort(tidy(volumes), tidy(truth[..., None], "reference"), ALPHA)[0]


def conformal_study(errors: Errors, n_exams: int, n_scans: int = 1) -> Study:
    """Return the coverage of one scan of a new exam, all others calibrating."""
    exam = np.repeat(np.arange(n_exams + 1), n_scans)

    def judged(rng: np.random.Generator) -> dict[str, float]:
        cells = ensemble(errors, exam, rng)
        inside = {
            method: covered(cells.ratio, *bounds)[:, -1]
            for method, bounds in intervals(cells, exam, ALPHA).items()
        }
        # structures of a scan are no independent cohorts: one of them
        return {m: inside[m][0] for m in METHODS if m != "joint"} | {
            "joint, all structures": inside["joint"].all()
        }

    rank = ceil(n_scans * (n_exams + 1) * (1 - ALPHA) - 1e-9)
    high = rank / (n_scans * n_exams + 1)  # of independent scans
    low = high if n_scans == 1 else 1 - ALPHA
    guaranteed = f"guaranteed {1 - 2 * ALPHA:g}; about {1 - ALPHA:g} in practice"
    lines = {method: Line(low, high) for method in ("absolute", "scaled", "cqr")}
    lines |= {
        "joint, all structures": Line(low, high),
        "jackknife_plus": Line(low - 0.02, high + 0.02, guaranteed),
        "naive": Line(0.0, 1 - ALPHA - 0.1, f"not {1 - ALPHA:g}: members share an error"),
    }
    return Study(judged, lines, per_repeat=4)


def naive_coverage(error_sd: float, own: float, n_members: int) -> float:
    """Return how often mean +- t s covers where the mean is off by N(0, error_sd^2)."""
    free = n_members - 1
    reach = student.ppf(1 - ALPHA / 2, free) * own / error_sd
    return float(2 * student.cdf(reach, free) - 1)


def naive_study(n_members: int, shared: float, own: float = 0.002) -> Study:
    """Return the coverage of the naive interval, of the truth and of one more member.

    Small errors: to first order the ratio of the truth to the mean is normal.
    """
    exam = np.arange(2)

    def judged(rng: np.random.Generator) -> dict[str, float]:
        members = 1 + own * rng.normal(size=n_members)
        targets = {"shared error": 1 + shared * rng.normal(), "a member": 1 + own * rng.normal()}
        found = {}
        for name, truth in targets.items():
            ratio = np.full((1, 2), truth / members.mean())
            cv = np.full((1, 2), members.std(ddof=1) / members.mean())
            cells = Pairs(ratio, cv, np.full((1, 2), n_members), 1 - cv, 1 + cv)
            found[name] = covered(ratio, *intervals(cells, exam, ALPHA)["naive"])[0, 0]
        return found

    with_mean = [sqrt(e**2 + own**2 / n_members) for e in (shared, own)]
    apart = f"not {1 - ALPHA:g}: members share an error"
    missing = f"not {1 - ALPHA:g}: mean +- t s leaves out the factor sqrt(1 + 1 / M)"
    lines = {
        "shared error": exactly(naive_coverage(with_mean[0], own, n_members), apart),
        "a member": exactly(naive_coverage(with_mean[1], own, n_members), missing),
    }
    return Study(judged, lines, per_repeat=10)


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    return {
        "conformal, 9 exams": conformal_study(Errors(), 9),
        "conformal, 20 exams": conformal_study(Errors(), 20),
        "conformal, 12 exams of 2": conformal_study(Errors(), 12, 2),
        "naive, 4 members": naive_study(4, 0.004),
        "naive, 12 members": naive_study(12, 0.004),
    }
