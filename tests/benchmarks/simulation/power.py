"""Do intervals of the variability behind detectable changes and sizes of trials cover.

ln V = ln of the true volume + a_s + b_m + e_sm, a an error that all members make on a scan, b a
member's offset on every scan, e the rest. Detectable change, inflation and patients rise with the
CV alone, so that their intervals cover as often as its own.
"""

from math import sqrt

import numpy as np

from stages.statistics.cohort import Cohort
from stages.statistics.questions.power import variabilities
from tests.benchmarks.simulation.agreement import (
    MEMBERS,
    SCAN,
    Design,
    designs,
    spread_line,
    volumes,
)
from tests.benchmarks.simulation.cohorts import tidy
from tests.benchmarks.simulation.study import LEVEL, Study
from tests.statistics.conftest import cohort_of, ensembles

N_STRUCTURES = 4  # each one's interval is judged; the kurtosis of errors is common to them


def generated(design: Design, rng: np.random.Generator) -> Cohort:
    """Return a cohort of one network."""
    both = [volumes(design, 0.0, rng) for _ in range(N_STRUCTURES)]
    whole = tidy(np.stack([reference for _, reference in both])[..., None], "reference")
    return cohort_of(
        volumes=tidy(np.stack([values for values, _ in both])),
        reference=whole,
        subject_of={},
        ensembles=ensembles(("unet",)),
    )


def interval_study(design: Design) -> Study:
    """Return how often the interval of each scope's CV holds the true one."""
    offset, rest = (MEMBERS**2 * part for part in (design.offset, 1 - design.offset))
    truth = {"fixed_model": rest, "total": offset + rest}
    truth |= {f"{scope}_uncancelled": value + SCAN**2 for scope, value in truth.items()}
    percent = {scope: 100 * sqrt(variance) for scope, variance in truth.items()}

    def judged(rng: np.random.Generator) -> dict[str, float]:
        found = variabilities(generated(design, rng), LEVEL, rng)
        ends = {scope: [each.cv_percent(scope)[1:] for each in found] for scope in truth}
        return {
            scope: float(np.mean([low <= percent[scope] <= high for low, high in ends[scope]]))
            for scope in truth
        }

    return Study(judged, dict.fromkeys(truth, spread_line(design)))


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    return {f"changes, {design.name}": interval_study(design) for design in designs()}
