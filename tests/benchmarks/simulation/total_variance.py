"""Parts of the variance of volumes: are they what was planted, and do their intervals hold it.

Volumes of one scan are 1 + r_m + s_k + (rs)_mk, each of its own SD, all SDs of a scan times a
factor of its own. `SHARED` of the reconstruction's variance are offsets of members, the same on all
scans.
"""

from dataclasses import dataclass
from itertools import product
from math import sqrt

import numpy as np

from stages.statistics.methods.crossed_intervals import half_width
from stages.statistics.methods.member_medians import draw
from stages.statistics.methods.total_variance import STATISTICS, pooled_parts
from tests.benchmarks.simulation.study import FEW, LEVEL, N_DRAWS, SPARE, Line, Study

N_STRUCTURES = 16
RECONSTRUCTION, PLACE, INTERACTION = 0.02, 0.012, 0.008  # SD, relative to the volume
OF_SCAN = 0.3  # SD over scans of ln of their factor
SHARED = 0.3  # fraction of the reconstruction's variance that is a member's offset on all scans
PLANTED = {
    "reconstruction": RECONSTRUCTION**2,
    "segmentation": PLACE**2 + INTERACTION**2,
    "interaction": INTERACTION**2,
}
LEAST, SKEWED = 0.88, "stated: a symmetric interval of a mean of skewed variances"
SHOWN = ("total", *PLANTED, "reconstruction_fraction")


@dataclass(frozen=True)
class Segmented:
    """A cohort whose images were segmented repeatedly."""

    n_subjects: int
    n_members: int
    n_draws: int

    @property
    def name(self) -> str:
        """Return what the table calls it."""
        sizes = f"{self.n_subjects} subjects, {self.n_members} members, {self.n_draws} draws"
        return f"total variance, {sizes}"

    def volumes(self, rng: np.random.Generator) -> np.ndarray:
        """Return volumes (structures, scans, members, draws), relative to the true ones."""
        pair, m, k = (N_STRUCTURES, self.n_subjects), self.n_members, self.n_draws
        factor = np.exp(OF_SCAN * rng.normal(size=(1, self.n_subjects, 1, 1)))
        offset = rng.normal(size=(N_STRUCTURES, 1, m, 1))
        own = sqrt(SHARED) * offset + sqrt(1 - SHARED) * rng.normal(size=(*pair, m, 1))
        place, both = rng.normal(size=(*pair, 1, k)), rng.normal(size=(*pair, m, k))
        return 1 + factor * (RECONSTRUCTION * own + PLACE * place + INTERACTION * both)

    @property
    def truth(self) -> dict[str, float]:
        """Return the expectation of each part (%^2) and the reconstruction's fraction."""
        scale = 1e4 * np.exp(2 * OF_SCAN**2)  # of the squared log-normal factor
        parts = {name: scale * value for name, value in PLANTED.items()}
        total = parts["reconstruction"] + parts["segmentation"]
        return parts | {"total": total, "reconstruction_fraction": parts["reconstruction"] / total}


def covers(cohort: Segmented) -> Study:
    """Return the means of the estimates over what was planted, and the intervals' coverage."""
    scans = {f"sub-{s}": f"sub-{s}" for s in range(cohort.n_subjects)}
    places = [STATISTICS.index(name) for name in SHOWN]

    def judged(rng: np.random.Generator) -> dict[str, float]:
        found = pooled_parts(cohort.volumes(rng), draw(scans, N_DRAWS, rng))
        reach = half_width(found, LEVEL)[-1, places]
        truth = np.array([cohort.truth[name] for name in SHOWN])
        value = found.value[-1, places]
        held = np.abs(value - truth) <= reach
        judgement = {f"{name}: interval": float(h) for name, h in zip(SHOWN, held, strict=True)}
        ratios = zip(SHOWN, value / truth, strict=True)
        return judgement | {f"{name}: mean": float(ratio) for name, ratio in ratios}

    few = "four subjects: stated, not promised" if cohort.n_subjects < FEW else ""
    near = Line(0.75, 1.0, few) if few else Line(LEAST, LEVEL + SPARE, SKEWED)
    lines = {f"{name}: interval": near for name in SHOWN}
    # the square of a mean volume that varies itself: of the order of the CV squared
    lines |= {f"{name}: mean": Line(0.995, 1.005) for name in ("total", *PLANTED)}
    return Study(judged, lines)


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    designs = [Segmented(4, 4, 2), *(Segmented(*each, 2) for each in product((8, 20), (4, 12)))]
    return {each.name: covers(each) for each in (*designs, Segmented(20, 4, 4))}
