"""Every question of the analysis plan: answered, and which way, or not, and what n would.

A question is a family of tests (docs/analysis-plan.md). It is answered where a test is significant
after adjustment and there are subjects enough for any conclusion. Where none is, the interval of
the test with the smallest p is held against its own estimate: half-widths w fall as 1 / sqrt(n), so
that

    n' = n (w / |estimate|)^2

subjects would have an interval without 0, if the estimate is true. It is the largest of several and
so rather too large, and no adjustment is in it: at least so many.
"""

import math
from collections.abc import Mapping
from functools import reduce
from operator import getitem
from typing import Any, NamedTuple

import pandas as pd

from stages.figures.kit.phrasing import DASH, counted, number
from stages.figures.kit.sample import FEW_SUBJECTS
from stages.statistics.families import ADJUSTED, FAMILIES, FAMILY, P, places

WORDS = {
    "primary": "Does the voxelwise SD predict the CV of volumes? (primary)",
    "variability": "Does another uncertainty predict the CV?",
    "bias_slopes": "Does any uncertainty predict the absolute bias?",
    "correlation": "Are SD and CV correlated over scans?",
    "bias": "Does the SD rank with the bias against the fully sampled scan?",
    "bias_of_truth": "Does the SD rank with the bias against the true volume?",
    "equivalence": "Are mean volumes equivalent to the fully sampled scan's?",
    "image_quality": "Do PSNR and SSIM rank the errors of members?",
    "image_scores": "Does an image's score rank with its volumes' error?",
    "image_scores_of_truth": "The same for the error against the true volume?",
    "image_scores_wrong_subject": "Does the image's own score do more than its member's?",
}
"""Family -> its question, in the order of the plan."""
ESTIMATES = ("value", "r", "spearman")
MOST = 100_000  # subjects; more is no plan for a study


class OneTest(NamedTuple):
    """A test of a family."""

    question: str
    """Of the metrics."""
    keys: tuple[str, ...]
    leaf: Mapping[str, Any]

    @property
    def estimate(self) -> float | None:
        """What is tested against 0; None where the test is of something else."""
        return next((float(self.leaf[k]) for k in ESTIMATES if k in self.leaf), None)


def family_tests(metrics: Mapping[str, Any]) -> dict[str, list[OneTest]]:
    """Return family -> its tests, of the groups that the study is about.

    Args:
        metrics: question of `analyse` -> its content.
    """
    found: dict[str, list[OneTest]] = {}
    for question in dict.fromkeys(family.question for family in FAMILIES):
        tree: Any = metrics.get(question) or {}
        for keys, _ in places(tree):
            leaf = reduce(getitem, keys, tree)
            if leaf.get(FAMILY) in WORDS:
                found.setdefault(leaf[FAMILY], []).append(OneTest(question, keys, leaf))
    return found


def plan_table(metrics: Mapping[str, Any], n_subjects: int, alpha: float) -> pd.DataFrame:
    """Return a row a question of the plan: tests, answer, and the subjects that would do.

    Args:
        metrics: question of `analyse` -> its content.
        n_subjects: of the study.
        alpha: level of significance.
    """
    found = family_tests(metrics)
    return pd.DataFrame(
        [_row(name, found[name], n_subjects, alpha) for name in WORDS if name in found]
    )


def _row(family: str, tests: list[OneTest], n_subjects: int, alpha: float) -> dict[str, str]:
    shown = [test for test in tests if test.leaf[ADJUSTED] <= alpha]
    first = min(tests, key=lambda test: test.leaf[P])
    answered = shown and n_subjects >= FEW_SUBJECTS
    return {
        "question": WORDS[family],
        "tests": str(len(tests)),
        "answer": answer(family, shown, len(tests)) if answered else _open(n_subjects),
        "smallest adjusted p": number(min(test.leaf[ADJUSTED] for test in tests), 3),
        "subjects that would do": DASH if answered else needed(n_subjects, first),
    }


def answer(family: str, shown: list[OneTest], n: int) -> str:
    """Return in how many tests the answer is yes, and which way."""
    if family == "equivalence":
        return f"yes, {len(shown)} of {n} structures of a network"
    signs = [test.estimate for test in shown if test.estimate is not None]
    ways = [
        f"{count} {word}"
        for word, count in (
            ("positive", sum(sign > 0 for sign in signs)),
            ("negative", sum(sign < 0 for sign in signs)),
        )
        if count
    ]
    return f"yes, in {len(shown)} of {n}" + (f" ({', '.join(ways)})" if ways else "")


def _open(n_subjects: int) -> str:
    if n_subjects < FEW_SUBJECTS:
        return f"not answered: {counted(n_subjects, 'subject')}, at least {FEW_SUBJECTS}"
    return "not answered: no test is significant"


def needed(n_subjects: int, test: OneTest) -> str:
    """Return the fewest subjects that would have an interval without 0, if the estimate is true."""
    ends = _ends(test)
    if test.estimate is None or test.estimate == 0 or ends is None:
        return DASH
    n = n_subjects * ((ends[1] - ends[0]) / 2 / abs(test.estimate)) ** 2
    if n > MOST:
        return f"more than {MOST:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"at least {max(math.ceil(n), FEW_SUBJECTS)}"


def _ends(test: OneTest) -> tuple[float, float] | None:
    ends = [test.leaf.get(end) for end in ("low", "high")]
    if any(end is None or not math.isfinite(end) for end in ends):
        return None
    return float(ends[0]), float(ends[1])  # type: ignore[arg-type]  # finite, as was just seen
