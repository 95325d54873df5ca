"""How well a segmenter measures: Dice, volumes against the truth, and their precision.

Precision is the spread of volumes under noise, and where the head lies on the voxel grid.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import ndimage

from stages.machine.processes import process_pool
from stages.machine.progress import progress
from stages.params.segmenter import QualityParams
from stages.segmenters.held_out import Phantom, as_image, combined, noisy, undersampled
from stages.segmenters.image import Image
from stages.segmenters.perturbation import draw_offset, shifted
from stages.segmenters.protocol import Segmentation, Segmenter
from stages.segmenters.synthseg.labels import merged_label, sided_label
from stages.study.structures import MERGED, STRUCTURES, SYNTHSEG_LABELS

LABELS = tuple(s.left[0] for s in STRUCTURES)
NAMES = tuple(s.name for s in STRUCTURES)
PAIRED = tuple((s.left[0], s.right[0]) for s in STRUCTURES if s.right)
HALF_VOXEL = 0.5
SHIFT_STREAM = 29  # last word of the random stream of shifts


@dataclass(frozen=True)
class Measured:
    """Results on one kind of image of one head; arrays (n_structures,)."""

    dice: np.ndarray
    volumes: np.ndarray
    sides: np.ndarray | None = None
    """Dice of left and right parts alone, (n_paired, 2); None where the segmenter merges them."""


@dataclass(frozen=True)
class Further:
    """Another image of a head that is judged, and the true labels on its grid."""

    image: Image
    labels: np.ndarray


@dataclass(frozen=True)
class Judgement:
    """Results on one head. truth: (n_structures,) mm3."""

    truth: np.ndarray
    full: Measured
    undersampled: Measured
    noisy: tuple[Measured, ...] = ()
    """Draws of noise."""
    shifted: tuple[Measured, ...] = ()
    """The image moved by up to half a voxel; Dice is not looked at."""
    further: Mapping[str, Measured] = field(default_factory=dict)
    """Of other images of the head, by what they are."""


def judge(
    params: QualityParams,
    segmenter: Segmenter,
    phantom: Phantom,
    further: Mapping[str, Further] = MappingProxyType({}),
) -> Judgement:
    """Measure a scan fully sampled, undersampled, with noise, and moved on the voxel grid.

    Args:
        params: draws of noise and of places on the grid.
        segmenter: what is judged.
        phantom: the scan.
        further: images of the same head, by what they are.
    """

    def result(image: Image, labels: np.ndarray = phantom.labels) -> Measured:
        found = segmenter.segment_image(image)
        found = replace(found, labels=on_grid(found, image))
        return measured(found, labels, segmenter.model.labels)

    size = params.voxel_size_mm
    image = as_image(combined(phantom.kspace), size)
    truth = np.array([merged_sum(phantom.volumes, label) for label in LABELS])
    rng = np.random.default_rng([phantom.seed, SHIFT_STREAM])
    moved = (shifted(image, draw_offset(HALF_VOXEL, rng)) for _ in range(params.n_shifts))
    return Judgement(
        truth,
        result(image),
        result(as_image(undersampled(phantom, params), size)),
        tuple(result(as_image(noise, size)) for noise in noisy(phantom, params)),
        tuple(result(each) for each in moved),
        {name: result(each.image, each.labels) for name, each in further.items()},
    )


def judge_once(params: QualityParams, segmenter: Segmenter, phantom: Phantom) -> Judgement:
    """Measure a scan fully sampled and undersampled alone."""
    once = params.model_copy(update={"n_noise": 0, "n_shifts": 0})
    return judge(once, segmenter, phantom)


def on_grid(result: Segmentation, image: Image) -> np.ndarray:
    """Return the labels at the voxels of an image, the nearest ones; 0 outside of their grid."""
    shape = image.data.shape
    if result.labels.shape == shape and np.allclose(result.affine, image.affine):
        return result.labels
    matrix = np.linalg.inv(result.affine) @ image.affine
    return ndimage.affine_transform(
        result.labels, matrix[:3, :3], matrix[:3, 3], shape, order=0, mode="grid-constant"
    )


def measured(result: Segmentation, truth: np.ndarray, labels: tuple[int, ...]) -> Measured:
    """Dice and volumes of a segmentation, sides merged; Dice of the sides where it has them.

    Args:
        result: of a segmenter.
        truth: label map on the same grid.
        labels: of the segmenter's channels.
    """
    return Measured(
        dice(result.labels, truth),
        merged_volumes(result, labels),
        side_dice(result.labels, truth) if set(labels) & set(MERGED) else None,
    )


def relabelled(labels: np.ndarray, goal: Callable[[int], int]) -> np.ndarray:
    """Return a label map with every label replaced."""
    table = np.array([goal(label) for label in range(int(labels.max()) + 1)])
    return table[labels]


def merged(labels: np.ndarray) -> np.ndarray:
    """Label map with the sides, and the horns of the lateral ventricle, merged."""
    return relabelled(labels, merged_label)


def dice(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """2 |A and B| / (|A| + |B|) of every structure; 1 where both are empty."""
    return overlaps(merged(found), merged(truth), LABELS)


def side_dice(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The same of left and right parts, the horns part of their ventricles, (n_paired, 2)."""
    found, truth = relabelled(found, sided_label), relabelled(truth, sided_label)
    return overlaps(found, truth, tuple(chain(*PAIRED))).reshape(-1, 2)


def overlaps(found: np.ndarray, truth: np.ndarray, labels: tuple[int, ...]) -> np.ndarray:
    """2 |A and B| / (|A| + |B|) of some labels; 1 where both are empty."""
    n = max(SYNTHSEG_LABELS) + 1
    found, truth = found.ravel(), truth.ravel()
    both = np.bincount(found[found == truth], minlength=n)
    total = np.bincount(found, minlength=n) + np.bincount(truth, minlength=n)
    return np.array([2 * both[k] / total[k] if total[k] else 1.0 for k in labels])


def merged_sum(volumes: dict[int, float], label: int) -> float:
    """Sum of the volumes of all labels that `label` stands for."""
    return sum(volume for other, volume in volumes.items() if merged_label(other) == label)


def merged_volumes(result: Segmentation, labels: tuple[int, ...]) -> np.ndarray:
    """Measured volumes (n_structures,) mm3; `labels` are those of the network's channels."""
    volumes = dict(zip(labels[1:], result.volumes_mm3, strict=True))
    return np.array([merged_sum(volumes, label) for label in LABELS])


def judge_all[P](
    judge_one: Callable[[P, int], Judgement], params: P, n: int, n_processes: int
) -> list[Judgement]:
    """Judge all scans; the results do not depend on how many at a time.

    Args:
        judge_one: a function of a module, called with `params` and the number of a scan.
        params: handed on.
        n: scans.
        n_processes: at a time.
    """
    bar = progress(desc="segmenter quality", total=n, unit="scan")
    if n_processes == 1:
        results = []
        for number in range(n):
            results.append(judge_one(params, number))
            bar.update()
        return results
    with process_pool(n_processes) as pool, bar:
        futures = [pool.submit(judge_one, params, number) for number in range(n)]
        for future in futures:
            future.add_done_callback(lambda _: bar.update())
        return [future.result() for future in futures]


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's r of every column, (n_heads, n_structures) -> (n_structures,)."""
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))


def of_structures(measured: list[Measured], truth: np.ndarray) -> dict[str, np.ndarray]:
    """Means over heads for every structure: Dice, mean absolute error and bias in %.

    With them r over heads, from three heads on: that of two is 1 or -1 whatever they are.
    """
    volumes = np.stack([m.volumes for m in measured])
    deviation = 100 * (volumes / truth - 1)
    r = {"volume_r": correlation(volumes, truth)} if len(measured) > 2 else {}
    return {
        "dice": np.stack([m.dice for m in measured]).mean(0),
        **r,
        "volume_error": np.abs(deviation).mean(0),
        "volume_bias": deviation.mean(0),
    }


def spread(draws: list[tuple[Measured, ...]]) -> np.ndarray:
    """CV over draws in %, 100 sd / mean (ddof 1), the median over heads: (n_structures,)."""
    volumes = np.stack([[each.volumes for each in head] for head in draws])
    return np.median(100 * volumes.std(1, ddof=1) / volumes.mean(1), axis=0)


def of_sides(measured: list[Measured]) -> dict[str, Any]:
    """Dice of left and right parts: their mean, and the lowest of any structure's side."""
    found = np.stack([m.sides for m in measured if m.sides is not None]).mean(0)
    return {"dice": {"mean": found.mean(), "min": found.min()}}


def summary(parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """The headline numbers and, below `structures`, those of each structure."""
    result = {"dice": {"mean": parts["dice"].mean(), "min": parts["dice"].min()}}
    if (r := parts.get("volume_r")) is not None:
        result["volume_r"] = {"median": np.median(r), "min": r.min()}
    error = parts["volume_error"]
    result["volume_error"] = {"mean": error.mean(), "max": error.max()}
    for key in ("noise_cv", "shift_cv"):
        if key in parts:
            result[key] = {"median": np.median(parts[key]), "max": parts[key].max()}
    each = {name: {key: values[k] for key, values in parts.items()} for k, name in enumerate(NAMES)}
    return result | {"structures": each}


def summarise(judgements: list[Judgement]) -> dict[str, Any]:
    """All numbers of a metrics file.

    noise_cv, shift_cv: `spread` over draws of noise, and over places on the voxel grid.
    noise_shift: 100 (mean over draws / noise-free volume - 1), the mean over heads.
    sides: left and right by themselves, fully sampled; where the segmenter tells them apart.
    further: of other images of the heads, by what they are, where there are any.
    """
    truth = np.stack([j.truth for j in judgements])
    full = of_structures([j.full for j in judgements], truth)
    result: dict[str, Any] = {"n_phantoms": len(judgements), "n_noise": len(judgements[0].noisy)}
    if judgements[0].noisy:
        noise = np.stack([[m.volumes for m in j.noisy] for j in judgements])
        clean = np.stack([j.full.volumes for j in judgements])
        full["noise_cv"] = spread([j.noisy for j in judgements])
        full["noise_shift"] = 100 * (noise.mean(1) / clean - 1).mean(0)
        result["noisy"] = summary(of_structures([j.noisy[0] for j in judgements], truth))
    if judgements[0].shifted:
        full["shift_cv"] = spread([j.shifted for j in judgements])
    if judgements[0].full.sides is not None:
        result["sides"] = of_sides([j.full for j in judgements])
    worse = of_structures([j.undersampled for j in judgements], truth)
    if names := judgements[0].further:
        images = {name: [j.further[name] for j in judgements] for name in names}
        result["further"] = {
            name: summary(of_structures(found, truth)) for name, found in images.items()
        }
    return result | summary(full) | {"undersampled": summary(worse)}
