"""Intervals of cortical thickness: blocks of one cortex err together, and scans are few points.

A block's thickness over the fully sampled one is 1 + BIAS + a_s + b_ks + c_m + e_ksm: a an error of
the whole scan, b of one block, c a member's offset, e the rest, whose SD grows with the scan's own
noise. That noise is the predictor of the CV, or is drawn anew where nothing is related.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import pandas as pd

from stages.statistics.methods.crossed_intervals import interval
from stages.statistics.methods.member_medians import Draws, draw, median_spread, pair_cv, row_means
from stages.statistics.methods.rank_agreement import rank_agreement
from stages.statistics.methods.relation import WITHIN
from tests.benchmarks.simulation.study import FEW, LEVEL, N_DRAWS, SPARE, Line, Study

N_BLOCKS = 8  # lobes of both hemispheres
BIAS, OF_SCAN, OF_BLOCK, OF_MEMBER, REST = 0.02, 0.005, 0.005, 0.004, 0.01  # relative to thickness
OF_NOISE = 0.3  # SD over scans of ln of the rest's SD
MEAN_MM = 2.8
N_TRUTH = 4000  # cohorts that an expectation is the mean of
ERRS = "stated: the jackknife of ranks of few scans errs upwards"


@dataclass(frozen=True)
class Cortex:
    """A cohort of scans, and of members that are the same on all of them."""

    n_subjects: int
    n_members: int

    @property
    def name(self) -> str:
        """Return what the table calls it."""
        return f"thickness, {self.n_subjects} subjects, {self.n_members} members"

    @property
    def scans(self) -> dict[str, str]:
        """Return scan -> subject."""
        return {f"sub-{s}": f"sub-{s}" for s in range(self.n_subjects)}

    def ratios(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return thickness ratios (blocks, scans, members), and ln of the noise (scans,)."""
        shape = (N_BLOCKS, self.n_subjects, self.n_members)
        noise = OF_NOISE * rng.normal(size=self.n_subjects)
        scan = OF_SCAN * rng.normal(size=(1, shape[1], 1))
        block = OF_BLOCK * rng.normal(size=(*shape[:2], 1))
        member = OF_MEMBER * rng.normal(size=(1, 1, shape[2]))
        rest = REST * np.exp(noise)[:, None] * rng.normal(size=shape)
        return 1 + BIAS + scan + block + member + rest, noise


@cache
def expected_cv(cortex: Cortex) -> float:
    """Return the expectation of the median CV over blocks and scans, in percent."""
    rng = np.random.default_rng(1)
    found = [np.median(pair_cv(cortex.ratios(rng)[0])) for _ in range(N_TRUTH)]
    return float(np.mean(found))


def covers(cortex: Cortex) -> Study:
    """Return how often the intervals of `thickness` hold the truth."""

    def judged(rng: np.random.Generator) -> dict[str, float]:
        ratios, noise = cortex.ratios(rng)
        draws: Draws = draw(cortex.scans, N_DRAWS, rng)
        whole = ratios.mean(axis=0, keepdims=True)
        off = interval(row_means(MEAN_MM * (whole - 1), draws).single(), LEVEL)
        spread = interval(median_spread(ratios, draws, relative=True), LEVEL)
        cv = pd.DataFrame({"structure": "cortex", "subject": list(cortex.scans)})
        cv = cv.assign(cv=pair_cv(whole)[0], own=noise, other=rng.normal(size=len(noise)))
        none = rank_agreement(cv, cv, ("other", "cv"), cortex.scans, LEVEL)[WITHIN]
        return {
            "mean difference": off.low <= MEAN_MM * BIAS <= off.high,
            "median CV of blocks": spread.low <= expected_cv(cortex) <= spread.high,
            "unrelated predictor excludes 0": not none.low <= 0 <= none.high,
        }

    few = "four subjects: stated, not promised" if cortex.n_subjects < FEW else ""
    near = Line(0.8, 1.0, few) if few else Line(LEVEL - SPARE, LEVEL + SPARE)
    return Study(
        judged,
        {
            "mean difference": near,
            "median CV of blocks": near,
            "unrelated predictor excludes 0": Line(0.0, 0.06 if not few else 0.2, few or ERRS),
        },
    )


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    designs = [Cortex(4, 4), *(Cortex(*each) for each in product((8, 20), (4, 12)))]
    return {each.name: covers(each) for each in designs}
