"""The few numbers that two experiments are compared by."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Tree = Mapping[str, Any]


def headline(image_quality: Tree, volumes: Tree, prediction: Tree) -> dict[str, dict[str, float]]:
    """Return one line of numbers for each group: quality, variation, bias and what foretells it.

    Args:
        image_quality, volumes, prediction: the trees of the metrics of these names.

    Returns:
        Group -> `psnr` (dB) and `ssim`, means over members; `cv` (percent), median over cells;
        `bias` (percent), median over structures of |bias against the fully sampled scans|; `r2` of
        the variation on histograms of the voxelwise deviation. A group has what is known of it:
        noise only `cv` and `bias`, baselines neither `cv` nor `r2`.
    """
    tree: dict[str, dict[str, float]] = {}
    groups = {name: found for name, found in volumes.items() if isinstance(found, Mapping)}
    for group, found in groups.items():
        quality, scores = image_quality.get(group, {}), prediction.get(group, {})
        bias = list(found.get("bias", {}).values())
        known = {
            "psnr": quality.get("psnr", {}).get("mean"),
            "ssim": quality.get("ssim", {}).get("mean"),
            "cv": found.get("cv", {}).get("median"),
            "bias": float(np.median(np.abs(bias))) if bias else None,
            "r2": scores.get("r2", {}).get("histogram"),
        }
        leaves = {name: value for name, value in known.items() if value is not None}
        tree |= {group: leaves} if leaves else {}
    return tree
