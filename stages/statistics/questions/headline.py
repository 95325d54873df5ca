"""The few numbers that two experiments are compared by; asked last, from the other answers.

Each stands with half the width of its interval over subjects and members: two experiments differ by
chance if they differ by less. Variability, bias and slope are headlines only where that is small
(`STEADY`): with wider intervals, as those of four scans and four members, the rounding of another
processor alone moved them by more than a tenth (docs/roundings.md). They are in the metrics of
their questions. R^2 in sample has no interval, and is never a headline.
"""

from collections.abc import Callable, Mapping
from math import inf, isfinite, nan
from typing import NamedTuple

import numpy as np

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree, look_up
from stages.statistics.cohort import Cohort
from stages.statistics.families import PRIMARY

STEADY = 0.15  # a CV with half-widths of .15 to .44 of itself moved by .11 (docs/roundings.md)


def always(_: float) -> float:
    """Return the largest half-width of a number that is steady whatever the cohort."""
    return inf


def of_itself(value: float) -> float:
    """Return the largest half-width of a number with a natural zero."""
    return STEADY * abs(value)


def of_one(_: float) -> float:
    """Return the largest half-width of a slope, whose values that matter are 0 and 1."""
    return STEADY


class Number(NamedTuple):
    """Where an answer has a number of the headline."""

    question: str
    keys: tuple[str, ...]
    """Below the group."""

    estimate: str
    """The leaf beside `low` and `high`."""

    most: Callable[[float], float]
    """Largest half-width of its interval, by its value."""


NUMBERS = {
    "psnr": Number("image_quality", ("psnr",), "mean", always),
    "ssim": Number("image_quality", ("ssim",), "mean", always),
    "cv": Number("volumes", ("cv",), "median", of_itself),
    "bias": Number("volumes", ("absolute_bias",), "median", of_itself),
    "slope": Number(PRIMARY.question, PRIMARY.keys, "value", of_one),
}


def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the headline of the answers about image quality, volumes and slopes."""
    return Answer(headline({name: answer.metrics for name, answer in cohort.answers.items()}))


def headline(metrics: Mapping[str, Tree]) -> dict[str, Tree]:
    """Return the steady ones of `numbers`.

    Those are `cv` and `bias` with a half-width of at most `STEADY` of the value, `slope` with one
    of at most `STEADY`, and `psnr` and `ssim`.
    """
    found = {
        group: {name: leaf for name, leaf in leaves.items() if _steady(leaf, NUMBERS[name])}
        for group, leaves in numbers(metrics).items()
    }
    return {group: leaves for group, leaves in found.items() if leaves}


def numbers(metrics: Mapping[str, Tree]) -> dict[str, Tree]:
    """Return a few numbers of each group: quality, variability, bias, and what predicts its CV.

    Args:
        metrics: question -> tree of its metrics.

    Returns:
        Group -> name -> `value`, and `half_width` of the interval where there is one: `psnr` (dB)
        and `ssim`, means over members and scans; `cv` (percent), median over structure-scan pairs;
        `bias` (percent), median over structures of the absolute bias against the fully sampled
        scans; `slope`, the primary endpoint, of ln CV on ln mean voxelwise SD within structures.
        A group has what is known of it: noise only `cv` and `bias`, baselines neither `cv` nor
        `slope`.
    """
    groups = (name for name, found in metrics["volumes"].items() if isinstance(found, Mapping))
    return {
        group: {
            name: leaf
            for name, at in NUMBERS.items()
            if (leaf := _leaf(look_up(metrics.get(at.question, {}), group, *at.keys), at.estimate))
        }
        for group in groups
    }


def _leaf(found: Tree | None, estimate: str) -> Tree:
    if not isinstance(found, Mapping) or estimate not in found:
        return {}
    reach = (found.get("high", nan) - found.get("low", nan)) / 2.0
    value = {"value": found[estimate]}
    return value | {"half_width": reach} if isfinite(reach) else value


def _steady(leaf: Tree, number: Number) -> bool:
    most = number.most(leaf["value"])
    return most == inf or leaf.get("half_width", inf) <= most
