"""Scores of images against errors of volumes: coverage, and tests under both of their nulls."""

from dataclasses import dataclass
from functools import cache
from itertools import product
from math import sqrt

import numpy as np

from stages.statistics.methods.member_ranks import ranks_within, row_correlations
from stages.statistics.methods.permutation import joint_permutations, p_value
from stages.statistics.methods.scan_ranks import (
    ALMOST_ONE,
    member_null,
    member_orders,
    pooled,
    pooled_interval,
    scan_ranks,
    subject_null,
)
from tests.benchmarks.simulation.study import (
    LEVEL,
    N_PERMUTATIONS,
    SPARE,
    TEST,
    Line,
    Study,
)

SUBJECTS, MEMBERS = (4, 8, 20), (4, 12)
SHARED = 0.5  # fraction of the variance that is the member's, on all scans alike
N_TRUTH = 2000  # cohorts that an expectation is the mean of
WIDE = "what subjects and members both change is counted twice: wide, never short"


@dataclass(frozen=True)
class Scans:
    """Scores and errors of three architectures, correlated through members, images or both."""

    n_subjects: int
    n_members: int
    of_members: float
    """Correlation of the members' parts of both."""
    of_images: float
    """Correlation of the images' parts of both."""

    @property
    def groups(self) -> np.ndarray:
        """Return the architecture of each member."""
        return np.repeat(np.arange(3), self.n_members)

    def pair(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Return score and error, (n_subjects, n_members) each."""
        n = len(self.groups)
        parts = [
            sqrt(weight) * np.array([u, r * u + sqrt(1 - r**2) * v])
            for weight, r, shape in (
                (SHARED, self.of_members, (1, n)),
                (1 - SHARED, self.of_images, (self.n_subjects, n)),
            )
            for u, v in [rng.standard_normal((2, *shape))]
        ]
        return list(parts[0] + parts[1])


@cache
def expected(scans: Scans) -> float:
    """Return the mean of Fisher's z of the pooled coefficient, as r."""
    rng = np.random.default_rng(1)
    pairs = np.array([scans.pair(rng) for _ in range(N_TRUTH)])
    x, y = ranks_within(pairs, scans.groups).reshape(N_TRUTH, 2, -1).swapaxes(0, 1)
    r = row_correlations(x, y)
    return float(np.tanh(np.mean(np.arctanh(np.clip(r, -ALMOST_ONE, ALMOST_ONE)))))


def scans_study(scans: Scans) -> Study:
    """Return coverage of the interval, and how often the tests reject whose null holds."""

    def judged(rng: np.random.Generator) -> dict[str, float]:
        pair, subject = scans.pair(rng), np.arange(scans.n_subjects)
        ends = pooled_interval(*pair, scans.groups, subject, LEVEL)
        ranks = scan_ranks(*pair, scans.groups)
        members = member_null(ranks, member_orders(scans.groups, N_PERMUTATIONS, rng))
        subjects = subject_null(ranks, joint_permutations(subject, N_PERMUTATIONS, rng).order)
        return {
            "covers": ends.low <= expected(scans) <= ends.high,
            "members exchanged": p_value(pooled(ranks), members) <= TEST,
            "subjects exchanged": p_value(pooled(ranks), subjects) <= TEST,
        }

    lines = {"covers": Line(LEVEL - SPARE, 1.0, WIDE)}
    if not scans.of_images:
        lines["subjects exchanged"] = Line(0.0, TEST)
        if not scans.of_members:
            lines["members exchanged"] = Line(0.0, TEST)
    return Study(judged, lines)


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    links = {"no link": (0.0, 0.0), "linked members": (0.7, 0.0), "linked images": (0.0, 0.7)}
    return {
        f"image scores, {name}, {n_subjects} subjects, {n_members} members": scans_study(
            Scans(n_subjects, n_members, *link)
        )
        for (name, link), n_subjects, n_members in product(links.items(), SUBJECTS, MEMBERS)
    }
