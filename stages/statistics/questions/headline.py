"""The few numbers that two experiments are compared by; asked last, from the other answers."""

from collections.abc import Mapping

import numpy as np

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree, look_up
from stages.statistics.cohort import Cohort
from stages.statistics.methods.bias import median_absolute_bias


def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the headline of the answers about image quality, volumes and prediction."""
    trees = (cohort.answers[name].metrics for name in ("image_quality", "volumes", "prediction"))
    return Answer(headline(*trees))


def headline(image_quality: Tree, volumes: Tree, prediction: Tree) -> dict[str, Tree]:
    """Return one line of numbers for each group: quality, variability, bias, and R^2 of its CV.

    Args:
        image_quality, volumes, prediction: the trees of the metrics of these names.

    Returns:
        Group -> `psnr` (dB) and `ssim`, means over members; `cv` (percent), median over
        structure-scan pairs; `bias` (percent), median absolute bias against the fully sampled scans
        over structures; `r2` of the CV on histograms of the voxelwise standard deviation. A group
        has what is known of it: noise only `cv` and `bias`, baselines neither `cv` nor `r2`.
    """
    tree: dict[str, Tree] = {}
    for group in (name for name, found in volumes.items() if isinstance(found, Mapping)):
        biases = look_up(volumes, group, "bias")
        known = {
            "psnr": look_up(image_quality, group, "psnr", "mean"),
            "ssim": look_up(image_quality, group, "ssim", "mean"),
            "cv": look_up(volumes, group, "cv", "median"),
            "bias": median_absolute_bias(biases) if biases else None,
            "r2": look_up(prediction, group, "r2", "histogram"),
        }
        leaves = {name: value for name, value in known.items() if value is not None}
        tree |= {group: leaves} if leaves else {}
    return tree
