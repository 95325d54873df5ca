"""How well a segmenter measures: Dice, volumes against the truth, and their spread under noise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.machine.processes import process_pool
from stages.machine.progress import progress
from stages.params.segmenter import QualityParams
from stages.segmenters.held_out import Phantom, as_image, combined, noisy, scan_head, undersampled
from stages.segmenters.protocol import Segmentation, Segmenter
from stages.segmenters.synthseg.labels import merged_label
from stages.study.structures import STRUCTURES

LABELS = tuple(s.left[0] for s in STRUCTURES)
NAMES = tuple(s.name for s in STRUCTURES)


@dataclass(frozen=True)
class Measured:
    """Results on one kind of image of one head; arrays (n_structures,)."""

    dice: np.ndarray
    volumes: np.ndarray


@dataclass(frozen=True)
class Judgement:
    """Results on one head. truth: (n_structures,) mm3; noise: (n_draws, n_structures) mm3."""

    truth: np.ndarray
    full: Measured
    undersampled: Measured
    noise: np.ndarray


Judge = Callable[[QualityParams, int], Judgement]


def judge(params: QualityParams, segmenter: Segmenter, number: int) -> Judgement:
    """Scan one head and measure it fully sampled, undersampled and with noise."""
    phantom = scan_head(params, number)
    size = params.voxel_size_mm

    def segment(image: np.ndarray) -> Segmentation:
        return segmenter.segment_image(as_image(image, size))

    names = segmenter.model.labels
    full = measured(segment(combined(phantom.kspace)), phantom, names)
    zero_filled = measured(segment(undersampled(phantom, params)), phantom, names)
    noise = [merged_volumes(segment(image), names) for image in noisy(phantom, params)]
    truth = np.array([merged_sum(phantom.volumes, label) for label in LABELS])
    return Judgement(truth, full, zero_filled, np.stack(noise))


def measured(result: Segmentation, phantom: Phantom, labels: tuple[int, ...]) -> Measured:
    """Dice and volumes of a segmentation, sides merged."""
    return Measured(dice(result.labels, phantom.labels), merged_volumes(result, labels))


def merged(labels: np.ndarray) -> np.ndarray:
    """Label map with the sides, and the horns of the lateral ventricle, merged."""
    table = np.array([merged_label(label) for label in range(int(labels.max()) + 1)])
    return table[labels]


def dice(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """2 |A and B| / (|A| + |B|) of every structure; 1 where both are empty."""
    n = max(LABELS) + 1
    found, truth = merged(found).ravel(), merged(truth).ravel()
    both = np.bincount(found[found == truth], minlength=n)
    total = np.bincount(found, minlength=n) + np.bincount(truth, minlength=n)
    return np.array([2 * both[k] / total[k] if total[k] else 1.0 for k in LABELS])


def merged_sum(volumes: dict[int, float], label: int) -> float:
    """Sum of the volumes of all labels that `label` stands for."""
    return sum(volume for other, volume in volumes.items() if merged_label(other) == label)


def merged_volumes(result: Segmentation, labels: tuple[int, ...]) -> np.ndarray:
    """Measured volumes (n_structures,) mm3; `labels` are those of the network's channels."""
    volumes = dict(zip(labels[1:], result.volumes_mm3, strict=True))
    return np.array([merged_sum(volumes, label) for label in LABELS])


def judge_all(judge: Judge, params: QualityParams, n_processes: int) -> list[Judgement]:
    """Judge all heads; the results do not depend on how many at a time.

    Args:
        judge: a function of a module, called with `params` and the number of a head.
    """
    numbers = range(params.n_phantoms)
    bar = progress(desc="segmenter quality", total=len(numbers), unit="head")
    if n_processes == 1:
        results = []
        for number in numbers:
            results.append(judge(params, number))
            bar.update()
        return results
    with process_pool(n_processes) as pool, bar:
        futures = [pool.submit(judge, params, number) for number in numbers]
        for future in futures:
            future.add_done_callback(lambda _: bar.update())
        return [future.result() for future in futures]


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's r of every column, (n_heads, n_structures) -> (n_structures,)."""
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))


def of_structures(measured: list[Measured], truth: np.ndarray) -> dict[str, np.ndarray]:
    """Means over heads for every structure: Dice, r, mean absolute error and bias in %."""
    volumes = np.stack([m.volumes for m in measured])
    deviation = 100 * (volumes / truth - 1)
    return {
        "dice": np.stack([m.dice for m in measured]).mean(0),
        "volume_r": correlation(volumes, truth),
        "volume_error": np.abs(deviation).mean(0),
        "volume_bias": deviation.mean(0),
    }


def summary(parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """The headline numbers and, below `structures`, those of each structure."""
    result = {
        "dice": {"mean": parts["dice"].mean(), "min": parts["dice"].min()},
        "volume_r": {"median": np.median(parts["volume_r"]), "min": parts["volume_r"].min()},
        "volume_error": {"mean": parts["volume_error"].mean(), "max": parts["volume_error"].max()},
    }
    if "noise_cv" in parts:
        cv = parts["noise_cv"]
        result["noise_cv"] = {"median": np.median(cv), "max": cv.max()}
    each = {name: {key: values[k] for key, values in parts.items()} for k, name in enumerate(NAMES)}
    return result | {"structures": each}


def summarise(judgements: list[Judgement]) -> dict[str, Any]:
    """All numbers of metrics/segmenter.json.

    noise_cv: 100 sd / mean over noise draws (ddof 1), the median over heads.
    noise_shift: 100 (mean over draws / noise-free volume - 1), the mean over heads.
    """
    truth = np.stack([j.truth for j in judgements])
    noise = np.stack([j.noise for j in judgements])
    full = of_structures([j.full for j in judgements], truth)
    full["noise_cv"] = np.median(100 * noise.std(1, ddof=1) / noise.mean(1), axis=0)
    clean = np.stack([j.full.volumes for j in judgements])
    full["noise_shift"] = 100 * (noise.mean(1) / clean - 1).mean(0)
    zero_filled = of_structures([j.undersampled for j in judgements], truth)
    head = {"n_phantoms": len(judgements), "n_noise": noise.shape[1]}
    return head | summary(full) | {"undersampled": summary(zero_filled)}
