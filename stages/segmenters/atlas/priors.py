"""Building an atlas: label maps, aligned with their average, averaged again.

Ashburner 2007, doi:10.1016/j.neuroimage.2007.07.007, builds templates in such rounds.
"""

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from stages.anatomy.grid import HEAD_SHAPE
from stages.anatomy.label_maps import BRAIN_CENTRE_MM, brain_centre, list_maps, read_map
from stages.anatomy.view import extend_neck, place
from stages.machine.progress import progress
from stages.params.atlas import AtlasParams
from stages.segmenters.atlas.classes import numbered
from stages.segmenters.atlas.probabilities import Atlas
from stages.segmenters.atlas.registration import (
    DIMENSIONS,
    affine,
    as_image,
    composed,
    demons,
    single_thread,
    warped,
)
from stages.segmenters.synthseg.heads import digital_maps, palette, tissue_ids, tissue_map
from stages.segmenters.synthseg.labels import SIDED_LABELS
from stages.study.axes import three
from stages.study.errors import StudyError
from stages.study.structures import sided_name

PRESENT = 0.01  # mean probability of brain above which a voxel bounds the atlas's box


def map_files(params: AtlasParams) -> list[Path]:
    """Return the label maps that the atlas averages, those left out not among them.

    Raises:
        StudyError: if they are missing.
    """
    if params.label_maps is None:
        return []
    folder = Path(params.label_maps)
    if not folder.is_dir():
        raise StudyError(
            f"{folder}: expected the folder of SynthSeg's label maps (data/training_label_maps of"
            " https://github.com/BBillot/SynthSeg, Apache-2.0), found none; fetch them, or set"
            " atlas.label_maps to null and atlas.n_heads to average digital phantoms alone"
        )
    return [path for path in list_maps(folder) if path.name not in params.left_out]


def head_maps(params: AtlasParams) -> Iterator[np.ndarray]:
    """Tissue indices (x, y, z) uint8 at 1 mm, axes right, anterior, superior, head by head."""
    goal = three(n // 2 + mm for n, mm in zip(HEAD_SHAPE, BRAIN_CENTRE_MM, strict=True))
    for path in map_files(params):
        labels = read_map(path)
        yield tissue_map(extend_neck(place(labels, brain_centre(labels), HEAD_SHAPE, goal)))
    yield from digital_maps(params.seed, params.n_heads)


def atlas_of(params: AtlasParams) -> Atlas:
    """Return the atlas of all heads of the parameters; `StudyError` if the maps are missing."""
    n_tissues, n_heads = len(palette().signals), len(map_files(params)) + params.n_heads
    if not n_heads:
        raise StudyError("atlas: expected label_maps or n_heads above 0, got neither; set one")
    maps = progress(head_maps(params), desc="atlas", total=n_heads, unit="head")
    parts = (shares(tissues, params.voxel_size_mm, n_tissues) for tissues in maps)
    return build([part.astype(np.float16) for part in parts], params)  # exact: counts, divided


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
    start = sitk.AffineTransform(DIMENSIONS)  # heads lie with one centre already
    transform = affine(fixed, moving, start, params.registration)
    straight = as_image(warped(moving, fixed, transform), size)
    field = demons(fixed, straight, params.registration)
    result = warped(as_image(head, size), fixed, composed(transform, field, fixed))
    result[..., 0] += np.maximum(1 - result.sum(-1), 0)
    return result


def symmetric_mean(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Mean of heads (x, y, z, tissues) and their mirror images, one after the other."""
    total, n = np.zeros(()), 0
    for part in parts:
        total, n = np.add(total, part, dtype=np.float64), n + 1
    mirrored = total[::-1][..., palette().mirrored]
    return np.asarray((total + mirrored) / (2 * n), np.float32)


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
        params: of the atlas.
    """
    single_thread()
    tissues, size = palette(), float(params.voxel_size_mm)
    average = symmetric_mean(heads)
    for _ in range(params.rounds):
        whole = (head.astype(np.float32) for head in heads)
        average = symmetric_mean(aligned(head, average, params) for head in whole)
    sigma = params.smoothing_mm / size
    smooth = ndimage.gaussian_filter(average, (sigma, sigma, sigma, 0))
    box = brain_box(smooth, tissues.channels > 0, round(params.margin_mm / size))
    return Atlas(
        probabilities=np.ascontiguousarray(np.moveaxis(smooth[box], -1, 0)),
        voxel_size_mm=size,
        signals=tuple(float(signal) for signal in tissues.signals),
        classes=tuple(numbered([0, *tissue_ids()])),
        channels=tuple(int(channel) for channel in tissues.channels),
        labels=SIDED_LABELS,
        names=tuple(map(sided_name, SIDED_LABELS[1:])),
        registration=params.registration,
        mixture=params.mixture,
    )
