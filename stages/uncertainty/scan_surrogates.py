"""Surrogates of one scan that need more than the deviation of its images, as one tidy table.

All structures share one box around the union of all segmentations; positions are indices into the
`flat` box.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import find_objects

from stages.uncertainty.agreement import (
    Box,
    Votes,
    VoxelSize,
    mean_surface_distances,
    overlaps,
)
from stages.uncertainty.boundary import (
    SHELL_VOXELS,
    Slopes,
    border_slopes,
    boundary_faces,
    dilated,
    edge_shift,
    face_weights,
    guarded_slope,
    linearised_cv,
    volume_changes,
    volume_weights,
)
from stages.uncertainty.voxelwise import flat, gather, mean_and_std

IMAGES, ONE_SEGMENTATION, ALL_SEGMENTATIONS = "A", "B", "C"
KINDS = {
    "sigma_over_gradient": ONE_SEGMENTATION,
    "linearised_volume": ONE_SEGMENTATION,
    "one_minus_dice": ALL_SEGMENTATIONS,
    "vote_entropy": ALL_SEGMENTATIONS,
    "surface_distance": ALL_SEGMENTATIONS,
}
GAIN_NORMALISED = "gain_normalised_std_mean"
COLUMNS = ["structure", "surrogate", "kind", "value"]


def surroundings(inside: np.ndarray) -> np.ndarray:
    """Return the voxels whose intensity the surrogates of kind B may ask for, (i, j, k) bool.

    Args:
        inside: (i, j, k) bool, the union of all structures.
    """
    for _ in range(SHELL_VOXELS):
        inside = dilated(inside)
    return inside


@dataclass(frozen=True)
class Gathered:
    """The images of all members at the voxels that the surrogates ask for.

    votes: of their segmentations; chosen: (n_voxels,) positions in the flat box of the votes, first
    the `n_inside` of them that are in some structure, then their `surroundings`; values:
    (n_members, n_voxels) float32; mean, std: (n_voxels,) over members, in the same unit.
    """

    votes: Votes
    chosen: np.ndarray
    n_inside: int
    values: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    def box(self, values: np.ndarray) -> np.ndarray:
        """Return values (n_voxels,) as a volume (i, j, k) of their type, 0 elsewhere."""
        volume = np.zeros(self.votes.first.shape, dtype=values.dtype, order="F")
        flat(volume)[self.chosen] = values
        return volume


def gathered(votes: Votes, images: Iterable[np.ndarray], scale: float) -> Gathered:
    """Return the images of all members inside and around all structures.

    Args:
        votes: of the members, in a box at least `SHELL_VOXELS` wider than the union.
        images: one volume (i, j, k) a member, at least two; read one at a time.
        scale: unit that the intensities are divided by.
    """
    inside = votes.union()
    around = surroundings(inside) & ~inside
    chosen = [np.flatnonzero(flat(part)) for part in (inside, around)]
    positions = [votes.positions(part) for part in chosen]
    values = gather(images, np.concatenate(positions), len(votes.numbers))
    values /= np.float32(scale)
    return Gathered(votes, np.concatenate(chosen), len(chosen[0]), values, *mean_and_std(values))


@dataclass(frozen=True)
class BorderVolumes:
    """What the borders of all structures are read off.

    slopes: of the mean over members; std: (i, j, k) over members; column: (i, j, k) int32, which
    of the gathered voxels.
    """

    slopes: Slopes
    std: np.ndarray
    column: np.ndarray


def border_surrogates(
    number: int, box: Box, images: Gathered, volumes: BorderVolumes, voxel_size_mm: VoxelSize
) -> dict[str, float]:
    """Return the surrogates of kind B of one structure; none if it has no border.

    Args:
        number: of the structure.
        box: where the first segmentation has it, with room for its surroundings.
        images: of all members.
        volumes: of the same images.
        voxel_size_mm: edge lengths in the order of the axes.
    """
    regions = images.votes.first[box]
    inside = np.asfortranarray(regions == number)
    faces = boundary_faces(inside)
    if not len(faces):
        return {}
    slopes = volumes.slopes.at(faces, box)
    slope = guarded_slope(slopes)
    weights = face_weights(faces, slopes, slope, voxel_size_mm)
    positions, coefficients = volume_weights(inside, regions, faces, weights)
    columns = flat(volumes.column[box])[positions].astype(np.intp)
    moved = volume_changes(images.values, columns, coefficients)
    return {
        "sigma_over_gradient": edge_shift(flat(volumes.std[box]), faces, slope),
        "linearised_volume": linearised_cv(moved, float(inside.sum() * np.prod(voxel_size_mm))),
    }


def boxes(numbers: np.ndarray, n_structures: int) -> list[Box | None]:
    """Return the box around each structure, wider by the surroundings that its border needs.

    Args:
        numbers: (i, j, k) structure numbers.
        n_structures: how many there are.

    Returns:
        One a structure; None if it is absent.
    """
    return [
        found
        and tuple(
            slice(max(part.start - SHELL_VOXELS, 0), min(part.stop + SHELL_VOXELS, length))
            for part, length in zip(found, numbers.shape, strict=True)
        )
        for found in find_objects(numbers, n_structures)
    ]


def surrogate_table(
    images: Gathered, structures: Sequence[str], voxel_size_mm: VoxelSize
) -> pd.DataFrame:
    """Return the surrogates of kinds B and C of one scan.

    `sigma_over_gradient` (mm) and `linearised_volume` (percent) take their border from the first
    label map; `one_minus_dice`, `vote_entropy` (nats) and `surface_distance` (mm) compare all.

    Args:
        images: of all members, with their votes.
        structures: names in the order of their numbers.
        voxel_size_mm: edge lengths in the order of the axes.

    Returns:
        Columns structure, surrogate, kind (`B`: images and one segmentation, `C`: all
        segmentations), value (NaN where undefined).
    """
    votes, n = images.votes, len(structures)
    # a slope does not need more digits than the images have
    mean, std = (images.box(part.astype(np.float32)) for part in (images.mean, images.std))
    column = images.box(np.arange(len(images.chosen), dtype=np.int32))
    volumes = BorderVolumes(border_slopes(mean, votes.first, voxel_size_mm), std, column)
    distances = mean_surface_distances(votes, voxel_size_mm, n)
    cells = zip(structures, boxes(votes.first, n), overlaps(votes, n), distances, strict=True)
    rows: list[tuple[str, str, str, float]] = []
    for number, (name, box, (dice, entropy), distance) in enumerate(cells, start=1):
        values = {
            "one_minus_dice": 1.0 - dice,
            "vote_entropy": entropy,
            "surface_distance": float(distance),
        }
        if box is not None:
            values |= border_surrogates(number, box, images, volumes, voxel_size_mm)
        rows += _rows(name, values)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(structure: str, values: Mapping[str, float]) -> Iterator[tuple[str, str, str, float]]:
    for surrogate, kind in KINDS.items():
        yield structure, surrogate, kind, values.get(surrogate, float("nan"))


def gain_table(regions: pd.DataFrame) -> pd.DataFrame:
    """Return the mean deviation of images without their gains as a surrogate of kind A.

    Args:
        regions: columns structure and `gain_normalised_mean`.

    Returns:
        Columns structure, surrogate, kind, value.
    """
    found = regions[["structure"]].assign(surrogate=GAIN_NORMALISED, kind=IMAGES)
    return found.assign(value=regions["gain_normalised_mean"])
