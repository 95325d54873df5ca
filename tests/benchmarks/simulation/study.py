"""What is simulated, and how its mean over cohorts is judged."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd

N_ERRORS = 3.0
FAILS = "FAILS"
N_STRUCTURES = 8
LEVEL, ALPHA, TEST = 0.95, 0.1, 0.05
N_DRAWS, N_SPLITS, N_PERMUTATIONS = 200, 10, 99  # (99 + 1) * .05 is whole: the test is exact

FEW, SPARE = 8, 0.02

Cohort = Callable[[np.random.Generator], dict[str, float]]


@dataclass(frozen=True)
class Line:
    """Where the mean of a quantity must lie, and what to know of it."""

    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Study:
    """One way to generate a cohort and judge it; `per_repeat` cohorts in each repeat."""

    cohort: Cohort
    lines: dict[str, Line]
    per_repeat: int = 1


def exactly(value: float, note: str = "") -> Line:
    """Return the line of a quantity whose expectation is known."""
    return Line(value, value, note)


def coverage(n_subjects: int) -> Line:
    """Return the line of an interval's coverage: nominal within `SPARE`, only told below 8."""
    if n_subjects < FEW:
        return Line(0.0, 1.0, f"stated: fewer than {FEW} subjects")
    return Line(LEVEL - SPARE, LEVEL + SPARE)


class Row(NamedTuple):
    """What came of a line."""

    study: str
    quantity: str
    low: float
    high: float
    """The range in which the mean must lie."""

    found: float
    error: float
    """Monte Carlo standard error of `found`."""

    n: int
    """Cohorts."""

    verdict: str
    """`holds`, `known` (within a range that is not the promised one, see `note`) or `FAILS`."""

    note: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Return quantity, expected, found, Monte Carlo error and verdict as text."""
        expected = " ... ".join(f"{end:.4g}" for end in dict.fromkeys((self.low, self.high)))
        verdict = f"{self.verdict}, {self.note}" if self.note else self.verdict
        name = f"{self.study}: {self.quantity}"
        return name, expected, f"{self.found:.4g}", f"{self.error:.2g}", verdict


def judge(name: str, study: Study, values: pd.DataFrame) -> list[Row]:
    """Return what came of each line of a study.

    Args:
        name: of the study.
        study: with its lines.
        values: a row a cohort, a column a quantity.
    """
    rows = []
    for quantity, line in study.lines.items():
        column = values[quantity].to_numpy(np.float64)
        found = float(column.mean())
        error = standard_error(column, line)
        inside = line.low - N_ERRORS * error <= found <= line.high + N_ERRORS * error
        verdict = ("known" if line.note else "holds") if inside else FAILS
        ends = (line.low, line.high)
        rows.append(Row(name, quantity, *ends, found, error, len(column), verdict, line.note))
    return rows


def standard_error(values: np.ndarray, line: Line) -> float:
    """Return the Monte-Carlo standard error of a mean.

    That of a share is not below the error at the nearest expected share: none of few cohorts is no
    proof of never.
    """
    n = len(values)
    error = float(values.std(ddof=1)) / sqrt(n)
    if np.isin(values, (0, 1)).all():
        nearest = float(np.clip(values.mean(), line.low, line.high))
        error = max(error, sqrt(nearest * (1 - nearest) / n))
    return error
