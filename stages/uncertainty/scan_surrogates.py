"""Surrogates of one scan that need a segmentation, read off its members' images and labels.

Labels are kept as one byte a voxel, images pass one at a time and leave one number a structure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation, find_objects

from stages.uncertainty.agreement import mean_surface_distance, pairwise_dice, vote_entropy
from stages.uncertainty.boundary import (
    SHELL_VOXELS,
    boundary_faces,
    edge_shift,
    face_gradient,
    face_weights,
    guarded_slope,
    linearised_cv,
    volume_changes,
    volume_weights,
)
from stages.uncertainty.voxelwise import flat, label_bits, mean_and_std

ONE_SEGMENTATION, ALL_SEGMENTATIONS = "B", "C"
KINDS = {
    "sigma_over_gradient": ONE_SEGMENTATION,
    "linearised_volume": ONE_SEGMENTATION,
    "one_minus_dice": ALL_SEGMENTATIONS,
    "vote_entropy": ALL_SEGMENTATIONS,
    "surface_distance": ALL_SEGMENTATIONS,
}
COLUMNS = ["structure", "surrogate", "kind", "value"]
VoxelSize = tuple[float, float, float]
Box = tuple[slice, slice, slice]


def surroundings(inside: np.ndarray) -> np.ndarray:
    """Return the voxels whose intensity the surrogates of kind B may ask for, (i, j, k) bool.

    Args:
        inside: (i, j, k) bool, the union of all structures.
    """
    return binary_dilation(inside, iterations=SHELL_VOXELS)


def scatter(values: np.ndarray, positions: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return gathered voxels as a volume (i, j, k) float32, 0 elsewhere: the inverse of `gather`.

    Args:
        values: (n_positions,).
        positions: (n_positions,) indices into the `flat` volume.
        shape: of the volume.
    """
    volume = np.zeros(int(np.prod(shape)), dtype=np.float32)
    volume[positions] = values
    return volume.reshape(shape, order="F")


def number_table(labels_by_structure: Mapping[str, Iterable[int]]) -> np.ndarray:
    """Return a look-up table from label to the number of its structure, from 1; others give 0.

    Returns:
        (largest label + 2,) uint8; the last entry, 0, stands for all larger labels.

    Raises:
        ValueError: if two structures share a label, or there are more than 255.
    """
    groups = [tuple(labels) for labels in labels_by_structure.values()]
    known = [label for labels in groups for label in labels]
    if len(set(known)) < len(known):
        raise ValueError(f"expected structures without a common label, got {sorted(known)}")
    if len(groups) > np.iinfo(np.uint8).max:
        raise ValueError(f"expected at most 255 structures, got {len(groups)}")
    table = np.zeros(max(known, default=0) + 2, dtype=np.uint8)
    for number, labels in enumerate(groups, start=1):
        table[list(labels)] = number
    return table


def structure_numbers(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the number of the structure of every voxel, uint8 in the shape of `labels`."""
    return label_bits(labels, table)


def boxes(numbers: list[np.ndarray], n_structures: int) -> list[Box | None]:
    """Return the box around each structure in any member, wider by the surroundings it needs.

    Args:
        numbers: volumes (i, j, k) of `structure_numbers`.
        n_structures: how many there are.

    Returns:
        One a structure; None if no member has it.
    """
    found = [find_objects(volume, n_structures) for volume in numbers]
    return [
        _hull([box for box in one if box], numbers[0].shape) for one in zip(*found, strict=True)
    ]


def _hull(known: list[Box], shape: tuple[int, ...]) -> Box | None:
    if not known:
        return None
    axes = zip(zip(*known, strict=True), shape, strict=True)
    return tuple(
        slice(
            max(min(part.start for part in parts) - SHELL_VOXELS, 0),
            min(max(part.stop for part in parts) + SHELL_VOXELS, length),
        )
        for parts, length in axes
    )


@dataclass(frozen=True)
class Border:
    """What one structure's border asks of the images.

    box: where it lies; positions, coefficients: see `volume_weights`, in the box; mean:
    (n_positions,) mean over members; volume_mm3: of the first segmentation; shift_mm: see
    `edge_shift`.
    """

    box: Box
    positions: np.ndarray
    coefficients: np.ndarray
    mean: np.ndarray
    volume_mm3: float
    shift_mm: float

    def change(self, image: np.ndarray) -> float:
        """Return dV of the member with this image (i, j, k), mm3."""
        values = np.abs(flat(image[self.box])[self.positions])
        return float(volume_changes(values[None], self.mean, self.coefficients)[0])


def border(
    number: int,
    box: Box,
    regions: np.ndarray,
    mean_image: np.ndarray,
    std_image: np.ndarray,
    voxel_size_mm: VoxelSize,
) -> Border | None:
    """Return the border of a structure in one segmentation; None if that does not have it.

    Args:
        number: of the structure.
        box: where it lies.
        regions: (i, j, k) `structure_numbers` of the segmentation.
        mean_image: (i, j, k).
        std_image: (i, j, k).
        voxel_size_mm: edge lengths in the order of the axes.
    """
    inside, mean = regions[box] == number, mean_image[box]
    faces = boundary_faces(inside)
    if not len(faces):
        return None
    slopes = face_gradient(mean, faces, voxel_size_mm)
    slope = guarded_slope(slopes)
    weights = face_weights(faces, slopes, slope, voxel_size_mm)
    positions, coefficients = volume_weights(inside, regions[box], faces, weights)
    return Border(
        box,
        positions,
        coefficients,
        flat(mean)[positions].astype(np.float64),
        float(inside.sum() * np.prod(voxel_size_mm)),
        edge_shift(flat(std_image[box]), faces, slope),
    )


def _agreement(
    number: int, box: Box | None, numbers: list[np.ndarray], voxel_size_mm: VoxelSize
) -> dict[str, float]:
    if box is None:
        return {}
    masks = np.stack([volume[box] == number for volume in numbers])
    voxels = masks.reshape(len(masks), -1)
    voxels = voxels[:, voxels.any(axis=0)]
    return {
        "one_minus_dice": 1.0 - pairwise_dice(voxels),
        "vote_entropy": vote_entropy(voxels),
        "surface_distance": mean_surface_distance(masks, voxel_size_mm),
    }


def _rows(structure: str, values: Mapping[str, float]) -> Iterator[tuple[str, str, str, float]]:
    for surrogate, kind in KINDS.items():
        yield structure, surrogate, kind, values.get(surrogate, float("nan"))


def surrogate_table(
    mean_image: np.ndarray,
    std_image: np.ndarray,
    member_images: Iterable[np.ndarray],
    label_maps: Iterable[np.ndarray],
    labels_by_structure: Mapping[str, Iterable[int]],
    voxel_size_mm: VoxelSize,
) -> pd.DataFrame:
    """Return the surrogates of kinds B and C of one scan.

    `sigma_over_gradient` (mm) and `linearised_volume` (percent) take their border from the first
    label map; `one_minus_dice`, `vote_entropy` (nats) and `surface_distance` (mm) compare all.

    Args:
        mean_image: (i, j, k) mean over members of the magnitude.
        std_image: (i, j, k) standard deviation over members, in the same unit.
        member_images: one volume (i, j, k) a member, in the same unit, at least two; read one at a
            time. Only voxels of `surroundings` are looked at.
        label_maps: one volume (i, j, k) of labels a member; read one at a time.
        labels_by_structure: name -> labels; the others count as one region outside.
        voxel_size_mm: edge lengths in the order of the axes.

    Returns:
        Columns structure, surrogate, kind (`B`: images and one segmentation, `C`: all
        segmentations), value (NaN where undefined).

    Raises:
        ValueError: if there is no label map, or two structures share a label.
    """
    table = number_table(labels_by_structure)
    numbers = [structure_numbers(labels, table) for labels in label_maps]
    if not numbers:
        raise ValueError("expected at least one label map, got none")
    found = dict(zip(labels_by_structure, boxes(numbers, len(labels_by_structure)), strict=True))
    borders = {}
    for number, (name, box) in enumerate(found.items(), start=1):
        args = (number, box, numbers[0], mean_image, std_image, voxel_size_mm)
        if box is not None and (known := border(*args)) is not None:
            borders[name] = known
    changes = [[b.change(image) for b in borders.values()] for image in member_images]
    rows: list[tuple[str, str, str, float]] = []
    for number, (name, box) in enumerate(found.items(), start=1):
        values = _agreement(number, box, numbers, voxel_size_mm)
        if name in borders:
            column = list(borders).index(name)
            moved = np.array([row[column] for row in changes])
            values["sigma_over_gradient"] = borders[name].shift_mm
            values["linearised_volume"] = linearised_cv(moved, borders[name].volume_mm3)
        rows += _rows(name, values)
    return pd.DataFrame(rows, columns=COLUMNS)


def gathered_table(
    values: np.ndarray,
    positions: np.ndarray,
    shape: tuple[int, int, int],
    label_maps: Iterable[np.ndarray],
    labels_by_structure: Mapping[str, Iterable[int]],
    voxel_size_mm: VoxelSize,
) -> pd.DataFrame:
    """Return `surrogate_table` of images that were gathered before, so that none is read twice.

    Args:
        values: (n_members, n_positions) from `gather`, n_members >= 2.
        positions: (n_positions,) at least the `surroundings` of the union of all structures.
        shape: of the volumes.
        label_maps: see `surrogate_table`.
        labels_by_structure: see `surrogate_table`.
        voxel_size_mm: see `surrogate_table`.
    """
    mean, std = (scatter(part, positions, shape) for part in mean_and_std(values))
    images = (scatter(member, positions, shape) for member in values)
    return surrogate_table(mean, std, images, label_maps, labels_by_structure, voxel_size_mm)
