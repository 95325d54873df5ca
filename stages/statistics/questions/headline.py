"""The few numbers that two experiments are compared by; asked last, from the other answers.

Each stands with half the width of its interval over subjects and members: two experiments differ by
chance if they differ by less. A number that the rounding of another processor moves by more than a
tenth of itself is none of them (docs/roundings.md): neither R^2 in sample nor, of few subjects, the
slope.
"""

from collections.abc import Mapping
from math import isfinite, nan

import numpy as np

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree, look_up
from stages.statistics.cohort import Cohort
from stages.statistics.families import PRIMARY

SLOPE = "slope"
LEAST_SUBJECTS = 8  # of the slope: of four, another processor's rounding moves it by its own size
VALUES = {
    "psnr": ("image_quality", ("psnr",), "mean"),
    "ssim": ("image_quality", ("ssim",), "mean"),
    "cv": ("volumes", ("cv",), "median"),
    "bias": ("volumes", ("absolute_bias",), "median"),
    SLOPE: (PRIMARY.question, PRIMARY.keys, "value"),
}
"""Name -> question, keys below the group, and which leaf there is the estimate."""


def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the headline of the answers about image quality, volumes and slopes."""
    metrics = {name: answer.metrics for name, answer in cohort.answers.items()}
    return Answer(headline(metrics, len(set(cohort.subject_of.values()))))


def headline(metrics: Mapping[str, Tree], n_subjects: int) -> dict[str, Tree]:
    """Return a few numbers of each group: quality, variability, bias, and what predicts its CV.

    Args:
        metrics: question -> tree of its metrics.
        n_subjects: of the cohort.

    Returns:
        Group -> name -> `value`, and `half_width` of the interval where there is one: `psnr` (dB)
        and `ssim`, means over members and scans; `cv` (percent), median over structure-scan pairs;
        `bias` (percent), median over structures of the absolute bias against the fully sampled
        scans; `slope`, the primary endpoint, of ln CV on the ln mean voxelwise SD within
        structures, from `LEAST_SUBJECTS` subjects on. A group has what is known of it: noise only
        `cv` and `bias`, baselines neither `cv` nor `slope`.
    """
    groups = (name for name, found in metrics["volumes"].items() if isinstance(found, Mapping))
    values = {k: v for k, v in VALUES.items() if k != SLOPE or n_subjects >= LEAST_SUBJECTS}
    tree: dict[str, Tree] = {}
    for group in groups:
        leaves = {
            name: leaf
            for name, (question, keys, estimate) in values.items()
            if (leaf := _leaf(look_up(metrics.get(question, {}), group, *keys), estimate))
        }
        tree |= {group: leaves} if leaves else {}
    return tree


def _leaf(found: Tree | None, estimate: str) -> Tree:
    if not isinstance(found, Mapping) or estimate not in found:
        return {}
    reach = (found.get("high", nan) - found.get("low", nan)) / 2.0
    value = {"value": found[estimate]}
    return value | {"half_width": reach} if isfinite(reach) else value
