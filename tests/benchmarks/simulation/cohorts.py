"""Volumes of cohorts whose true variability is known."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from tests.benchmarks.simulation.study import N_STRUCTURES

NORMAL = "normal"


@dataclass(frozen=True)
class Design:
    """A cohort whose true ln CV varies by `sd` between the scans of a structure.

    `by_exam` of that variance is common to the scans of an exam, `by_scan` to the structures of a
    scan; the rest is a cell's own.
    """

    n_members: int
    n_exams: int = 20
    n_scans: int = 1
    sd: float = 0.3
    by_exam: float = 0.0
    by_scan: float = 0.0

    @property
    def exam(self) -> np.ndarray:
        """Exam of each scan."""
        return np.repeat(np.arange(self.n_exams), self.n_scans)

    @property
    def levels(self) -> np.ndarray:
        """Mean ln CV of each structure, (n_structures, 1)."""
        return np.log(0.02) + np.linspace(-0.8, 0.8, N_STRUCTURES)[:, None]


def true_log_cv(design: Design, rng: np.random.Generator) -> np.ndarray:
    """Return (n_structures, n_scans)."""
    exam = design.exam
    own = rng.normal(size=(N_STRUCTURES, len(exam)))
    person = rng.normal(size=(N_STRUCTURES, design.n_exams))[:, exam]
    scan = rng.normal(size=len(exam))
    shares = (1 - design.by_exam - design.by_scan, design.by_exam, design.by_scan)
    parts = zip(shares, (own, person, scan), strict=True)
    return design.levels + design.sd * sum(sqrt(share) * part for share, part in parts)


def tidy(cube: np.ndarray, group: str = "unet") -> pd.DataFrame:
    """Return volumes of (n_structures, n_scans, n_members) as a table."""
    k, s, m = (index.ravel() for index in np.indices(cube.shape))
    names = np.array([f"sub-{n}" for n in range(cube.shape[1])])
    columns = {"group": group, "member": m, "subject": names[s], "structure": k}
    return pd.DataFrame({**columns, "volume_mm3": cube.ravel()})


def volumes_of(deviations: np.ndarray, log_cv: np.ndarray) -> np.ndarray:
    """Return volumes (n_structures, n_scans, n_members) of standard normal deviations."""
    return 1000 * (1 + np.exp(log_cv)[..., None] * deviations)


def errors(tails: str) -> Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]:
    """Return what draws effects of variance 1: `NORMAL`, or `t5`, of heavy tails."""
    if tails == NORMAL:
        return lambda rng, shape: rng.normal(size=shape)
    return lambda rng, shape: rng.standard_t(5, size=shape) / sqrt(5 / 3)
