"""Building an atlas: label maps, aligned with their average, averaged again.

Ashburner 2007, doi:10.1016/j.neuroimage.2007.07.007, builds templates in such rounds.
"""

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path

import numpy as np
from scipy import ndimage

from stages.anatomy.grid import HEAD_SHAPE
from stages.anatomy.label_maps import BRAIN_CENTRE_MM, brain_centre, list_maps, read_map
from stages.anatomy.view import extend_neck, place
from stages.params.atlas import AtlasParams
from stages.segmenters.atlas.probabilities import Atlas
from stages.segmenters.atlas.registration import (
    affine,
    as_image,
    composed,
    demons,
    single_thread,
    warped,
)
from stages.segmenters.synthseg.heads import palette, tissue_map, training_maps
from stages.segmenters.synthseg.labels import MERGED_LABELS, merged_name
from stages.study.axes import three

PRESENT = 0.01  # mean probability of brain above which a voxel bounds the atlas's box


def head_maps(params: AtlasParams) -> Iterator[np.ndarray]:
    """Tissue indices (x, y, z) uint8 at 1 mm, axes right, anterior, superior, head by head."""
    if params.label_maps is None:
        yield from (each.numpy() for each in training_maps(params.seed, params.n_heads))
        return
    goal = three(n // 2 + mm for n, mm in zip(HEAD_SHAPE, BRAIN_CENTRE_MM, strict=True))
    for path in list_maps(Path(params.label_maps))[: params.n_heads]:
        labels = read_map(path)
        placed = extend_neck(place(labels, brain_centre(labels), HEAD_SHAPE, goal))
        yield tissue_map(placed).numpy()


def shares(tissues: np.ndarray, factor: int, n_tissues: int) -> np.ndarray:
    """Share of every tissue in blocks of factor^3 voxels, (x, y, z, tissues) float32.

    Voxels beyond the last whole block are left out.
    """
    n = [side // factor for side in tissues.shape]
    inside = tissues[tuple(slice(side * factor) for side in n)]
    lines = (np.repeat(np.arange(side), factor) for side in n)
    block = np.ravel_multi_index(np.ix_(*lines), n)
    counts = np.bincount((block * n_tissues + inside).reshape(-1), minlength=prod(n) * n_tissues)
    return counts.reshape(*n, n_tissues).astype(np.float32) / factor**3


def aligned(head: np.ndarray, average: np.ndarray, params: AtlasParams) -> np.ndarray:
    """Shares (x, y, z, tissues) of a head deformed to the average of all; air comes in outside."""
    signals, size = palette().signals.astype(np.float32), params.voxel_size_mm
    fixed, moving = as_image(average @ signals, size), as_image(head @ signals, size)
    transform = affine(fixed, moving, params.registration)
    straight = as_image(warped(moving, fixed, transform), size)
    field = demons(fixed, straight, params.registration)
    result = warped(as_image(head, size), fixed, composed(transform, field, fixed))
    result[..., 0] += np.maximum(1 - result.sum(-1), 0)
    return result


def mean(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Mean of arrays of one shape, one after the other."""
    total, n = np.zeros(()), 0
    for part in parts:
        total, n = np.add(total, part, dtype=np.float64), n + 1
    return np.asarray(total / n, np.float32)


def brain_box(average: np.ndarray, brain: np.ndarray, margin: int) -> tuple[slice, ...]:
    """Box of voxels around the brain of an average (x, y, z, tissues)."""
    present = average[..., brain].sum(-1) > PRESENT
    box = ndimage.find_objects(present.astype(int))[0]
    return tuple(
        slice(max(part.start - margin, 0), min(part.stop + margin, n))
        for part, n in zip(box, present.shape, strict=True)
    )


def build(heads: list[np.ndarray], params: AtlasParams) -> Atlas:
    """Average, align with the average and average again; smooth; cut to the brain's box.

    Args:
        heads: shares (x, y, z, tissues) of every head.
    """
    single_thread()
    tissues, size = palette(), float(params.voxel_size_mm)
    average = mean(heads)
    for _ in range(params.rounds):
        average = mean(aligned(head, average, params) for head in heads)
    sigma = params.smoothing_mm / size
    smooth = ndimage.gaussian_filter(average, (sigma, sigma, sigma, 0))
    box = brain_box(smooth, tissues.channels > 0, round(params.margin_mm / size))
    return Atlas(
        np.ascontiguousarray(np.moveaxis(smooth[box], -1, 0)),
        size,
        tuple(float(signal) for signal in tissues.signals),
        tuple(int(channel) for channel in tissues.channels),
        MERGED_LABELS,
        tuple(merged_name(label) for label in MERGED_LABELS[1:]),
        params.registration,
        params.mixture,
    )
