"""Do intervals of agreement with the fully sampled scan cover; is the equivalence test of its size.

Volumes relative to the fully sampled one: bias + a_s + b_m + e_sm, a an error that all members make
on a scan, b a member's offset on every scan, e the rest.
"""

from dataclasses import dataclass
from itertools import product
from math import sqrt

import numpy as np

from stages.statistics.methods.concordance import coefficient_interval, concordance, icc_of_two
from stages.statistics.methods.deming import deming_intervals
from stages.statistics.methods.limits_of_agreement import REACH, limits_of_agreement
from stages.statistics.methods.pivots import uniform_draws
from tests.benchmarks.simulation.cohorts import NORMAL, errors
from tests.benchmarks.simulation.study import FEW, LEVEL, SPARE, TEST, Line, Study, coverage

SCAN, MEMBERS, REFERENCE = 0.02, 0.02, 0.003  # SD relative to the volume
SUBJECTS, BIAS = 0.1, 0.01
HEAVY = 0.08  # more that intervals of variances miss with effects of heavy tails
UNIFORMS = uniform_draws(np.random.default_rng(0))


@dataclass(frozen=True)
class Design:
    """A cohort; `offset` is the fraction of the members' variance that every scan has alike."""

    n_scans: int
    n_members: int
    offset: float
    tails: str

    @property
    def name(self) -> str:
        """Return what the table calls it."""
        return f"n {self.n_scans}, M {self.n_members}, offset {self.offset:g}, {self.tails}"


def volumes(design: Design, bias: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return volumes (n_scans, n_members) and those of the fully sampled scans (n_scans,)."""
    shape = (design.n_scans, design.n_members)
    draw = errors(design.tails)
    scan, offset = draw(rng, (shape[0], 1)), draw(rng, (1, shape[1]))
    rest, own = draw(rng, shape), draw(rng, (shape[0],))
    difference = SCAN * scan + MEMBERS * (
        sqrt(design.offset) * offset + sqrt(1 - design.offset) * rest
    )
    true = 1 + SUBJECTS * rng.normal(size=shape[0])
    return true[:, None] * (1 + bias + difference), true * (1 + REFERENCE * own)


def true_concordance() -> float:
    """Return Lin's coefficient of a member taken at random, in an infinite cohort."""
    of_members, scan, own = MEMBERS**2, SCAN**2, REFERENCE**2
    square = SUBJECTS**2 + 1
    x = SUBJECTS**2 * (1 + BIAS) ** 2 + square * (of_members + scan)
    y = SUBJECTS**2 + square * own
    return 2 * SUBJECTS**2 * (1 + BIAS) / (x + y + BIAS**2)


def interval_study(design: Design) -> Study:
    """Return how often each interval holds the true value."""
    subject = np.arange(design.n_scans)
    sd = sqrt(SCAN**2 + MEMBERS**2 + REFERENCE**2)
    ratio = (SCAN**2 + MEMBERS**2 * (1 - design.offset)) / REFERENCE**2
    truth = {
        "bias": BIAS,
        "lower limit": BIAS - REACH * sd,
        "upper limit": BIAS + REACH * sd,
        "CCC": true_concordance(),
        "ICC": true_concordance(),
        "slope": 1 + BIAS,
        "intercept": 0.0,
    }

    def judged(rng: np.random.Generator) -> dict[str, float]:
        values, reference = volumes(design, BIAS, rng)
        relative = values / reference[:, None] - 1
        limits = limits_of_agreement(relative, subject, UNIFORMS, LEVEL)
        assert limits is not None
        known = (values, reference, subject, LEVEL)
        line = deming_intervals(values, reference, ratio, subject, LEVEL)
        ends = [
            limits.bias.interval(LEVEL),
            limits.lower_interval,
            limits.upper_interval,
            coefficient_interval(concordance, *known)[:2],
            coefficient_interval(icc_of_two, *known)[:2],
            *(each[:2] for each in line),
        ]
        found = zip(truth.items(), ends, strict=True)
        return {name: low <= value <= high for (name, value), (low, high) in found}

    near, heavy = coverage(design.n_scans), spread_line(design)
    lines = {name: heavy if name.endswith("limit") else near for name in truth}
    return Study(judged, lines)


def spread_line(design: Design) -> Line:
    """Return the line of an interval of variances, which knows the tails of the rest alone."""
    if design.tails == NORMAL or design.n_scans < FEW:
        return coverage(design.n_scans)
    note = "tails of scans' and members' effects are not estimated"
    return Line(LEVEL - HEAVY, LEVEL + SPARE, note)


def equivalence_study(design: Design, margin: float = 0.03) -> Study:
    """Return how often the test calls a bias at the margin equivalent; exactly: alpha."""
    subject = np.arange(design.n_scans)

    def judged(rng: np.random.Generator) -> dict[str, float]:
        values, reference = volumes(design, margin, rng)
        relative = values / reference[:, None] - 1
        found = limits_of_agreement(relative, subject, UNIFORMS, LEVEL)
        assert found is not None
        return {"equivalent at the margin": found.bias.equivalence_p(margin) < TEST}

    return Study(judged, {"equivalent at the margin": Line(0.0, 0.06)})


def designs() -> list[Design]:
    """Return the grid of cohorts."""
    grid = product((4, 8, 20), (4, 12), (0.0, 0.3, 0.65), (NORMAL, "t5"))
    return [Design(*each) for each in grid]


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    return {f"agreement, {d.name}": interval_study(d) for d in designs()} | {
        f"equivalence, {d.name}": equivalence_study(d) for d in designs()
    }
