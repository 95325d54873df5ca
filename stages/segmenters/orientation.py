"""Does the head lie as its file says? Judged from the segmentation itself.

A wrong axis in the affine turns the head for the network, which then no longer finds the hindbrain
where it belongs. A head and its mirror image look alike, so an exchange of left and right alone
cannot be seen in any image; where left and right have labels of their own, these are compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations, product
from pathlib import Path

import numpy as np

from stages.segmenters.atlas.atlas_file import ATLAS_FILE
from stages.segmenters.atlas.probabilities import load as load_atlas
from stages.segmenters.image import Image, load
from stages.segmenters.likeness import (
    VOXEL_MM,
    Template,
    coarse_maps,
    likeness,
    template_of,
)
from stages.segmenters.preprocess import resample, to_ras
from stages.segmenters.protocol import Segmentation, Segmenter
from stages.storage.nifti import affine, axis_codes
from stages.study.structures import MERGED

CEREBRUM = (2, 3, 41, 42)
CEREBELLUM = (7, 8, 46, 47)
BRAINSTEM = (16,)

# Bounds at half of what the nearest head has; in brackets the range of four real adults
# (FreeSurfer label maps) and of the study's heads in every reconstruction.
INFERIOR_MM = 20.0  # cerebellum and brainstem below the cerebrum (39 to 61)
POSTERIOR_MM = 8.0  # cerebellum behind the brainstem (18 to 37)
PITCH_MM = 30.0
"""Brainstem before or behind the cerebrum's middle; 17 behind to 11 before in twelve real heads, 40
behind where a network takes a head that is turned by a right angle for one."""
LATERAL_MM = 10.0  # cerebellum and brainstem off the cerebrum's midline (0 to 1.6)
HINDBRAIN = 0.06  # volume of cerebellum and brainstem to that of the cerebrum (0.13 to 0.19)

CHECKED = 2  # likeliest axes that are segmented with

RIGHT, ANTERIOR, SUPERIOR = range(3)


def fault(labels: np.ndarray, matrix: np.ndarray) -> str | None:
    """Return what lies where it does not belong, in a few words; None for a head as declared.

    Args:
        labels: (i, j, k) FreeSurfer ids.
        matrix: (4, 4) voxel to RAS mm.
    """
    counts = np.bincount(labels.reshape(-1), minlength=max(CEREBELLUM) + 1)
    n_cerebrum = counts[list(CEREBRUM)].sum()
    n_hindbrain = counts[list(CEREBELLUM + BRAINSTEM)].sum()
    if n_cerebrum == 0:
        return "no cerebrum"
    if n_hindbrain < HINDBRAIN * n_cerebrum or counts[list(BRAINSTEM)].sum() == 0:
        return f"hardly any cerebellum and brainstem ({n_hindbrain / n_cerebrum:.0%} of cerebrum)"
    cerebrum = centroid(labels, matrix, CEREBRUM)
    cerebellum = centroid(labels, matrix, CEREBELLUM) - cerebrum
    brainstem = centroid(labels, matrix, BRAINSTEM) - cerebrum
    if max(cerebellum[SUPERIOR], brainstem[SUPERIOR]) > -INFERIOR_MM:
        return "cerebellum or brainstem not below the cerebrum"
    if cerebellum[ANTERIOR] > min(0.0, brainstem[ANTERIOR] - POSTERIOR_MM):
        return "cerebellum not behind the brainstem"
    if abs(brainstem[ANTERIOR]) > PITCH_MM:
        return "brainstem before or behind the cerebrum"
    if max(abs(cerebellum[RIGHT]), abs(brainstem[RIGHT])) > LATERAL_MM:
        return "cerebellum or brainstem beside the cerebrum"
    return exchanged_sides(labels, matrix)


def exchanged_sides(labels: np.ndarray, matrix: np.ndarray) -> str | None:
    """Return whether left labels lie on the right; None if sides have no labels of their own."""
    left, right = tuple(MERGED.values()), tuple(MERGED)
    if not np.isin(labels, right).any():
        return None
    offset = centroid(labels, matrix, right) - centroid(labels, matrix, left)
    return None if offset[RIGHT] > 0 else "left structures on the right"


def centroid(labels: np.ndarray, matrix: np.ndarray, ids: tuple[int, ...]) -> np.ndarray:
    """Return the mean (right, anterior, superior) in mm of the voxels with one of these labels."""
    table = np.zeros(max(int(labels.max()), *ids) + 1, bool)
    table[list(ids)] = True
    index = np.argwhere(table[labels]).mean(0)
    return matrix[:3, :3] @ index + matrix[:3, 3]


def other_codes(declared: str) -> Iterator[str]:
    """Yield axis codes that mean another head, those first that change the fewest axes.

    Of two that are mirror images of each other only the first is named.
    """
    pairs = ("RL", "AP", "SI")
    everything = ["".join(c) for order in permutations(pairs) for c in product(*order)]
    everything.sort(key=lambda codes: sum(a != b for a, b in zip(codes, declared, strict=True)))
    seen = {declared.replace("L", "R")}
    for codes in everything:
        twin = codes.replace("L", "R")
        if twin not in seen:
            seen.add(twin)
            yield codes


def redeclared(image: Image, codes: str) -> Image:
    """Return the same voxels with axes that are said to run otherwise."""
    spacing = tuple(np.linalg.norm(image.affine[:3, :3], axis=0))
    return replace(image, affine=affine(image.data.shape, spacing, codes))


@cache
def template() -> Template:
    """Return the template of the study's atlas, read once in a process."""
    return template_of(coarse_maps(load_atlas(ATLAS_FILE)))


def likeliest_codes(image: Image) -> list[str]:
    """Return the other axis codes, those first under which the image is most like a head."""
    data, matrix = resample(image.data, image.affine, VOXEL_MM)
    coarse, head = Image(data, matrix, np.full(3, VOXEL_MM)), template()

    def likeness_as(codes: str) -> float:
        other = redeclared(coarse, codes)
        return likeness(to_ras(other.data, other.affine), head)

    codes = list(other_codes(axis_codes(image.affine)))
    return sorted(codes, key=likeness_as, reverse=True)


def fitting_codes(segmenter: Segmenter, image: Image) -> str | None:
    """Return the axis codes under which the head comes to lie as a head does; None without any.

    A coarse comparison with the atlas orders all of them, and quick segmentations check the first
    `CHECKED`: together less work than one segmentation of the image.
    """
    quick = segmenter.quick()
    for codes in likeliest_codes(image)[:CHECKED]:
        result = quick.segment_image(redeclared(image, codes))
        if fault(result.labels, result.affine) is None:
            return codes
    return None


@dataclass(frozen=True)
class Finding:
    """What is wrong about an image."""

    message: str
    """One line."""
    certain: bool
    """Whether other axes than the declared ones make it a head."""


def check(
    segmenter: Segmenter, path: Path, result: Segmentation, *, search: bool = True
) -> Finding | None:
    """Return None for a head that lies as its file says, else what is wrong.

    Args:
        segmenter: made the result.
        path: the image.
        result: its segmentation.
        search: look for the right axes, which takes less than another segmentation.
    """
    found = fault(result.labels, result.affine)
    if found is None:
        return None
    declared = axis_codes(result.affine)
    text = f"{path}: expected a head with axes {declared}, as the file says, got {found}"
    if not search:
        advice = "look at the image, or let `--orientation search` look for axes that fit"
        return Finding(f"{text}; {advice}", certain=False)
    codes = fitting_codes(segmenter, load(path))
    if codes is None:
        return Finding(f"{text}, and no other axes fit: look at the image", certain=False)
    advice = f"it lies right with {codes}: correct the affine (in the study data.axis_codes)"
    return Finding(f"{text}; {advice}", certain=True)
