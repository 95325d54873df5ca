"""Several scores of images at once: adjusted tests, and coefficients with their intervals.

Scores and errors of volumes are normal, half of the variance of each a member's own on all scans.
The scores share a quality of members and images; errors follow none of them, or `RELATED` alone,
which then shares nothing with the others. Ranks of n independent members of one ensemble, whose
values correlate by r, have a Spearman coefficient of expectation
6 / (pi (n + 1)) (asin r + (n - 2) asin(r / 2)) (Moran 1948, Biometrika 35), and so has the pooled
one of ensembles of one size, whose ranks have one variance.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from math import asin, pi, sqrt
from typing import Any

import numpy as np

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer
from stages.statistics.families import with_families
from stages.statistics.questions.image_scores import ALL, DIRECTION, Images, compare
from tests.benchmarks.simulation.scan_ranks import WIDE
from tests.benchmarks.simulation.study import LEVEL, SPARE, TEST, Line, Study, exactly
from tests.statistics.conftest import parameters

N_ARCHITECTURES = 2
SHARED = 0.5  # fraction of the variance that is the member's, on all scans alike
COMMON = 0.5  # fraction of the variance that all scores share
LINK = 0.6  # correlation of the error with the related score
RELATED = "vif"
REFERENCE, WRONG = "reference", "wrong_subject"
# (N_DRAWS + 1) * TEST / scores is whole: the smallest of adjusted p can be TEST exactly
N_DRAWS = 20 * len(DIRECTION) - 1
MOST = Line(0.0, TEST)


@dataclass(frozen=True)
class Scored:
    """A cohort of images with all scores."""

    n_subjects: int
    n_members: int
    """Of each architecture."""
    link: float
    """Correlation of the error with the score `RELATED`."""

    @property
    def name(self) -> str:
        """Return what the table calls it."""
        related = "one related" if self.link else "none related"
        sizes = f"{self.n_subjects} subjects, {self.n_members} members"
        return f"image scores together, {related}, {sizes}"

    @property
    def expected(self) -> float:
        """Return the expectation of the coefficient of `RELATED`."""
        n, r = self.n_members, self.link
        return 6 / (pi * (n + 1)) * (asin(r) + (n - 2) * asin(r / 2))

    @property
    def of_many(self) -> float:
        """Return its limit for many members."""
        return 6 / pi * asin(self.link / 2)

    def images(self, rng: np.random.Generator) -> Images:
        """Return scores, of either direction, and errors."""
        groups = np.repeat(np.arange(N_ARCHITECTURES), self.n_members)
        of_member, of_image = (
            self._values((len(DIRECTION), n, len(groups)), rng) for n in (1, self.n_subjects)
        )
        values = sqrt(SHARED) * of_member + sqrt(1 - SHARED) * of_image
        scores = {n: -v if DIRECTION[n] else v for n, v in zip(DIRECTION, values[1:], strict=True)}
        return Images(scores, values[0], groups, np.arange(self.n_subjects))

    def _values(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Return the errors, then the scores, (1 + n_scores, n_scans, n_members)."""
        common, own = rng.normal(size=shape[1:]), rng.normal(size=shape)
        scores = sqrt(COMMON) * common + sqrt(1 - COMMON) * own
        rest = rng.normal(size=shape[1:])
        if self.link:
            related = [*DIRECTION].index(RELATED)
            scores[related] = own[related]
            rest = self.link * own[related] + sqrt(1 - self.link**2) * rest
        return np.concatenate([rest[None], scores])


def answered(cohort: Scored, rng: np.random.Generator) -> Mapping[str, Any]:
    """Return score -> what `image_scores` finds, p-values adjusted."""
    tree = compare(cohort.images(rng), _parameters(), rng)
    whole = with_families({"image_scores": Answer({ALL: {REFERENCE: tree}})})
    found: Mapping[str, Any] = whole["image_scores"].metrics[ALL][REFERENCE]
    return found


@cache
def _parameters() -> AnalyseParams:
    return parameters(permutations=N_DRAWS, level=LEVEL)


def rejects(p: float) -> bool:
    """Return whether a p-value is no larger than `TEST`, but for rounding."""
    return p <= TEST + 1e-9


def judged(cohort: Scored, rng: np.random.Generator) -> dict[str, float]:
    """Return what was found that is not there, and which intervals hold the truth."""
    found = answered(cohort, rng)
    false = [name for name in DIRECTION if not (cohort.link and name == RELATED)]
    related, others = found[RELATED], [found[name] for name in false]
    wrong = {name: found[name][WRONG] for name in DIRECTION}
    return {
        "any p": any(rejects(each["p"]) for each in others),
        "any adjusted p": any(rejects(each["adjusted"]) for each in others),
        "any adjusted p, wrong subject": any(rejects(wrong[name]["adjusted"]) for name in false),
        "false discoveries": false_fraction(found, false),
        "false discoveries, wrong subject": false_fraction(wrong, false),
        "any above critical_adjusted": any(
            abs(each["spearman"]) > each["critical_adjusted"] for each in others
        ),
        "unrelated covers 0": float(np.mean([each["low"] <= 0 <= each["high"] for each in others])),
        "related covers": related["low"] <= cohort.expected <= related["high"],
        "related, value less that of many members": related["spearman"] - cohort.of_many,
        "related, adjusted p": rejects(related["adjusted"]),
    }


def false_fraction(found: Mapping[str, Any], false: Collection[str]) -> float:
    """Return the fraction of the scores found that are unrelated, 0 where none is found."""
    rejected = [name for name in DIRECTION if rejects(found[name]["adjusted"])]
    return sum(name in false for name in rejected) / max(len(rejected), 1)


def scores_study(cohort: Scored) -> Study:
    """Return what tests and intervals of several scores promise together.

    Adjusted p-values keep the rate of false discoveries, which is the familywise error where no
    score is related.
    """
    covers = Line(LEVEL - SPARE, 1.0, WIDE)
    lines = {"any above critical_adjusted": MOST, "unrelated covers 0": covers}
    if not cohort.link:
        adjusted = ("any adjusted p", "any adjusted p, wrong subject")
        lines["any p"] = Line(TEST, 1.0, "not adjusted: the test of each score may reject")
        return Study(lambda rng: judged(cohort, rng), lines | dict.fromkeys(adjusted, MOST))
    adjusted = ("false discoveries", "false discoveries, wrong subject")
    near_0 = "ranks of few members are pulled towards 0"
    lines |= dict.fromkeys(adjusted, MOST) | {
        "related covers": covers,
        "related, value less that of many members": exactly(
            cohort.expected - cohort.of_many, near_0
        ),
        "related, adjusted p": Line(0.0, 1.0, "stated: how often it is found"),
    }
    return Study(lambda rng: judged(cohort, rng), lines)


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    designs = [(4, 4), (8, 4), (20, 4), (20, 12)]
    cohorts = [Scored(*sizes, link) for link in (0.0, LINK) for sizes in designs]
    return {each.name: scores_study(each) for each in cohorts}
