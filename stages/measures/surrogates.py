"""Surrogates of one scan that need more than the deviation of its images, as one tidy table.

All structures share one box around the union of all segmentations; positions are indices into the
`flat` box. A new surrogate is a function of a `StructureOfScan` and its entry in `SURROGATES`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.ndimage import find_objects

from stages.measures.agreement import Box, Votes, VoxelSize, mean_surface_distances, overlaps
from stages.measures.boundary import (
    SHELL_VOXELS,
    Faces,
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
from stages.measures.voxelwise import flat, gather, mean_and_std
from stages.study import schema

IMAGES, ONE_SEGMENTATION, ALL_SEGMENTATIONS = "A", "B", "C"
GAIN_NORMALISED = "gain_normalised_std_mean"
NOISE_MAP = "noise_map_sd"
STD_STATISTICS = ("mean", "median", "p95")  # of the voxelwise SD that are surrogates themselves
COLUMNS = schema.SURROGATES.less("group", "subject")


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
    (n_members, n_voxels) float32; mean, std: (n_voxels,) over members, in the same unit. Those
    `of_members` have more voxels than these members' own structures and surroundings.
    """

    votes: Votes
    chosen: np.ndarray
    n_inside: int
    values: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    def of_members(self, members: Sequence[int]) -> "Gathered":
        """Return the same voxels of some members alone, by their rows in `values`."""
        values = self.values[list(members)]
        votes = self.votes.of_members(members)
        return Gathered(votes, self.chosen, self.n_inside, values, *mean_and_std(values))

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


@dataclass(frozen=True)
class Border:
    """The border of one structure in its first segmentation.

    inside: (i, j, k) bool and regions: (i, j, k) structure numbers, in the box of the structure;
    faces: between inside and outside; slopes: (n_faces, 3) gradients of the mean image; slope:
    (n_faces,) their sizes, guarded against flat images.
    """

    inside: np.ndarray
    regions: np.ndarray
    faces: Faces
    slopes: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True)
class StructureOfScan:
    """One structure of one scan: all that a surrogate may ask for.

    number: of the structure; box: where the first segmentation has it, with room for its
    surroundings, None where it has not; images: of all members, with their votes; volumes: of the
    same images; voxel_size_mm: edge lengths in the order of the axes; dice, entropy (nats) and
    distance (mm): agreement of all segmentations, see `stages.measures.agreement`.
    """

    number: int
    box: Box | None
    images: Gathered
    volumes: BorderVolumes
    voxel_size_mm: VoxelSize
    dice: float
    entropy: float
    distance: float

    @cached_property
    def border(self) -> Border | None:
        """The border of the structure; None if it has none."""
        if self.box is None:
            return None
        regions = self.images.votes.first[self.box]
        inside = np.asfortranarray(regions == self.number)
        faces = boundary_faces(inside)
        if not len(faces):
            return None
        slopes = self.volumes.slopes.at(faces, self.box)
        return Border(inside, regions, faces, slopes, guarded_slope(slopes))


def sigma_over_gradient(item: StructureOfScan) -> float:
    """Return the mean edge shift in mm, see `edge_shift`; NaN without a border."""
    border = item.border
    if border is None:
        return float("nan")
    return edge_shift(flat(item.volumes.std[item.box]), border.faces, border.slope)


def linearised_volume(item: StructureOfScan) -> float:
    """Return the CV of the first-order volumes in percent, see `linearised_cv`."""
    border = item.border
    if border is None:
        return float("nan")
    weights = face_weights(border.faces, border.slopes, border.slope, item.voxel_size_mm)
    positions, coefficients = volume_weights(border.inside, border.regions, border.faces, weights)
    columns = flat(item.volumes.column[item.box])[positions].astype(np.intp)
    moved = volume_changes(item.images.values, columns, coefficients)
    return linearised_cv(moved, float(border.inside.sum() * np.prod(item.voxel_size_mm)))


@dataclass(frozen=True)
class Surrogate:
    """A measure of a structure of a scan and what it needs, `A`, `B` or `C`; NaN if undefined."""

    kind: str
    measure: Callable[[StructureOfScan], float]


SURROGATES = {
    "sigma_over_gradient": Surrogate(ONE_SEGMENTATION, sigma_over_gradient),
    "linearised_volume": Surrogate(ONE_SEGMENTATION, linearised_volume),
    "one_minus_dice": Surrogate(ALL_SEGMENTATIONS, lambda item: 1.0 - item.dice),
    "vote_entropy": Surrogate(ALL_SEGMENTATIONS, lambda item: item.entropy),
    "surface_distance": Surrogate(ALL_SEGMENTATIONS, lambda item: item.distance),
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


def structures_of(
    images: Gathered, n_structures: int, voxel_size_mm: VoxelSize
) -> Iterator[StructureOfScan]:
    """Yield every structure of a scan, in the order of their numbers."""
    votes = images.votes
    # a slope does not need more digits than the images have
    mean, std = (images.box(part.astype(np.float32)) for part in (images.mean, images.std))
    column = images.box(np.arange(len(images.chosen), dtype=np.int32))
    volumes = BorderVolumes(border_slopes(mean, votes.first, voxel_size_mm), std, column)
    found = zip(
        boxes(votes.first, n_structures),
        overlaps(votes, n_structures),
        mean_surface_distances(votes, voxel_size_mm, n_structures),
        strict=True,
    )
    for number, (box, (dice, entropy), distance) in enumerate(found, start=1):
        measured = (dice, entropy, float(distance))
        yield StructureOfScan(number, box, images, volumes, voxel_size_mm, *measured)


def surrogate_table(
    images: Gathered, structures: Sequence[str], voxel_size_mm: VoxelSize
) -> pd.DataFrame:
    """Return all `SURROGATES` of one scan.

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
    rows = [
        (structure, name, surrogate.kind, surrogate.measure(item))
        for structure, item in zip(
            structures, structures_of(images, len(structures), voxel_size_mm), strict=True
        )
        for name, surrogate in SURROGATES.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def std_table(regions: pd.DataFrame) -> pd.DataFrame:
    """Return `STD_STATISTICS` of the voxelwise SD as surrogates of kind A.

    Args:
        regions: columns structure and `STD_STATISTICS`.

    Returns:
        Columns structure, surrogate (`std_mean`, ...), kind, value.
    """
    parts = [
        regions[["structure"]].assign(surrogate=f"std_{name}", kind=IMAGES, value=regions[name])
        for name in STD_STATISTICS
    ]
    return pd.concat(parts, ignore_index=True)


def gain_table(regions: pd.DataFrame) -> pd.DataFrame:
    """Return the mean SD of images without their gains as a surrogate of kind A.

    Args:
        regions: columns structure and `gain_normalised_mean`.

    Returns:
        Columns structure, surrogate, kind, value.
    """
    found = regions[["structure"]].assign(surrogate=GAIN_NORMALISED, kind=IMAGES)
    return found.assign(value=regions["gain_normalised_mean"])


def noise_table(regions: pd.DataFrame) -> pd.DataFrame:
    """Return the mean SD under the scan's own noise as a surrogate of kind A.

    Args:
        regions: columns structure and `mean`, of the mean over members of their noise maps.

    Returns:
        Columns structure, surrogate, kind, value.
    """
    found = regions[["structure"]].assign(surrogate=NOISE_MAP, kind=IMAGES)
    return found.assign(value=regions["mean"])
