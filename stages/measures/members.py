"""The files of a group's members, read one at a time, each with every check.

Members come from the parameters, never from a listing: folders of members that were taken out of
the parameters may still exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from stages.machine.lookahead import ahead
from stages.measures.voxelwise import intensity_scale
from stages.provenance.checks import check_recorded
from stages.storage.nifti import check_labels, label_map, load_like, load_volume
from stages.storage.tables import read_table
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.groups import FULLY_SAMPLED, Group
from stages.study.parcels import without_parcels
from stages.study.schema import DRAWS, VOLUMES
from stages.study.structures import structure_volumes

READERS = 2  # files read at a time: more would not be faster than what takes their voxels
# of a mean intensity against the reference's: another unit (percent, 8 bits, a share of the largest
# value) differs by more, the worst of networks by less
LARGEST_GAIN = 30.0
HALVES = ("a", "b")  # of the members, by the names that tables use


def halves_of(members: list[int]) -> tuple[list[int], list[int]]:
    """Return the members at even and at odd positions in sorted order, halves a and b."""
    ordered = sorted(members)
    return ordered[::2], ordered[1::2]


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a scan lie."""

    shape: tuple[int, int, int]
    affine: np.ndarray
    """(4, 4) voxel to world, RAS+, mm."""


@dataclass(frozen=True)
class Reference:
    """The fully sampled scan that the members are compared with."""

    subject: str
    image: np.ndarray
    """(i, j, k) float32."""
    labels: np.ndarray
    """(i, j, k) FreeSurfer ids."""
    affine: np.ndarray
    """(4, 4) voxel to world, RAS+, mm."""
    scale: float
    """Median intensity of white matter, the unit of voxelwise measures."""

    @property
    def grid(self) -> Grid:
        """Where its voxels lie."""
        return Grid(self.image.shape, self.affine)

    @cached_property
    def mean(self) -> float:
        """Mean intensity of the image."""
        return float(np.abs(self.image).mean(dtype=np.float64))


def load_image(path: Path, reference: Reference) -> np.ndarray:
    """Read a member's image (i, j, k) of a scan.

    Raises:
        StudyError: as `load_like`, if its intensities are of another unit than the reference's, and
            if it is not the file that its sidecar records.
    """
    check_recorded(path)
    image = load_like(path, reference.grid.shape, reference.grid.affine)
    gain = float(np.abs(image).mean(dtype=np.float64)) / reference.mean
    if not 1 / LARGEST_GAIN < gain < LARGEST_GAIN:
        raise StudyError(
            f"{path}: expected intensities in the unit of the reference image, got a mean of"
            f" {gain:.3g} times its; bring the image to the scan's own unit"
        )
    return image


def load_labels(path: Path, grid: Grid, *, parcels: bool = False) -> np.ndarray:
    """Read a label map (i, j, k) that lies on the grid of a scan.

    Parcels of the cortex, where a map has some, are the cortex again unless they are asked for.

    Raises:
        StudyError: as `label_map`, and if it is not the file that its sidecar records.
    """
    check_recorded(path)
    labels = label_map(path, grid.shape, grid.affine)
    return labels if parcels else without_parcels(labels)


def member_images(group: Group, reference: Reference) -> Iterator[np.ndarray]:
    """Yield the image (i, j, k) of each member of a group, read ahead of its turn."""
    members = group.of(reference.subject)
    paths = [layout.image(group.name, member, reference.subject) for member in members]
    return ahead(lambda path: load_image(path, reference), paths, READERS)


def member_noise_maps(group: Group, reference: Reference) -> list[np.ndarray]:
    """Return the SD (i, j, k) of each member's image under noise; empty where none has a map.

    Raises:
        StudyError: as `load_like`, if some members have a map and others none, and if a map is not
            the file that its sidecar records.
    """
    members = group.of(reference.subject)
    paths = [layout.noise_map(group.name, member, reference.subject) for member in members]
    missing = [path for path in paths if not path.exists()]
    if len(missing) == len(paths):
        return []
    if missing:
        raise StudyError(
            f"{missing[0]}: expected a noise map of every member, got {len(paths) - len(missing)}"
            f" of {len(paths)}; run `dvc repro reconstruct-{group.name}`"
        )
    for path in paths:
        check_recorded(path)
    grid = reference.grid
    return [load_like(path, grid.shape, grid.affine) for path in paths]


def member_labels(group: Group, reference: Reference) -> Iterator[np.ndarray]:
    """Yield the label map (i, j, k) of each member, with parcels, read ahead of its turn."""
    members = group.of(reference.subject)
    paths = [layout.segmentation(group.name, m, reference.subject) for m in members]
    return ahead(lambda path: load_labels(path, reference.grid, parcels=True), paths, READERS)


def load_target_labels(subject: str) -> tuple[np.ndarray, Grid]:
    """Read the label map (i, j, k) of a fully sampled scan, with parcels, and its grid.

    Raises:
        StudyError: as `load_labels`, but for the grid, which is its own.
    """
    path = layout.segmentation(FULLY_SAMPLED.name, 0, subject)
    check_recorded(path)
    labels, affine = load_volume(path)
    check_labels(path, labels)
    return labels, Grid(labels.shape, affine)


def load_reference(subject: str) -> Reference:
    """Read a scan's reference image and segmentation; raise `StudyError` without white matter."""
    place = layout.image(FULLY_SAMPLED.name, 0, subject)
    check_recorded(place)
    image, affine = load_volume(place)
    if not np.isfinite(image).all():
        raise StudyError(f"{place}: expected finite values, got NaN or infinity; remake it")
    path = layout.segmentation(FULLY_SAMPLED.name, 0, subject)
    labels = load_labels(path, Grid(image.shape, affine))
    scale = intensity_scale(image, labels)
    if not scale > 0:
        raise StudyError(
            f"{path}: expected white matter (labels 2, 41) of positive intensity, got none;"
            " look at the image and its segmentation"
        )
    return Reference(subject, image, labels, affine, scale)


def volume_table(path: Path, subjects: list[str] | None = None) -> pd.DataFrame:
    """Read a SynthSeg volume table as tidy structure volumes.

    Args:
        path: CSV with a column `subject` and SynthSeg's names, mm3.
        subjects: scans to keep, in this order; every one must be there. All scans if None.

    Returns:
        Columns subject, structure, volume_mm3.

    Raises:
        StudyError: if a scan is missing or there twice, a volume is no number, or no column is a
            structure.
    """
    table = read_table(path, ["subject"]).set_index("subject")
    subjects = list(table.index) if subjects is None else subjects
    for name in subjects:
        n_rows = int((table.index == name).sum())
        if n_rows != 1:
            raise StudyError(f"{path}: expected one row for {name}, got {n_rows}; remake it")
    numbers = table.loc[subjects].apply(pd.to_numeric, errors="coerce")
    values = numbers.to_numpy(np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise StudyError(
            f"{path}: expected volumes in mm3, got an empty cell, text or a negative number;"
            " remake it"
        )
    tidy = structure_volumes(numbers).rename_axis(index="subject").reset_index()
    if list(tidy.columns) == ["subject"]:
        raise StudyError(
            f"{path}: expected columns by SynthSeg's names of structures, got none of them; rename"
            " those of other programs"
        )
    return tidy.melt(id_vars="subject", var_name="structure", value_name="volume_mm3")


def member_volumes(group: Group, subjects: list[str]) -> pd.DataFrame:
    """Return the table `schema.VOLUMES` of a group."""
    parts = [
        volume_table(layout.volumes(group.name, member), group.scans(member, subjects)).assign(
            group=group.name, member=member
        )
        for member in group.members
    ]
    return pd.concat(parts, ignore_index=True)[VOLUMES.columns]


def drawn_volumes(group: Group, subjects: list[str]) -> pd.DataFrame | None:
    """Return the table `schema.DRAWS` of a group; None if no shifted copies were segmented.

    Raises:
        StudyError: if members have different numbers of draws.
    """
    parts, counts = [], set()
    for member in group.members:
        pattern = layout.drawn_volumes(group.name, member, "*")
        paths = sorted(pattern.parent.glob(pattern.name))
        counts.add(len(paths))
        for number, path in enumerate(paths):
            table = volume_table(path, group.scans(member, subjects))
            parts.append(table.assign(group=group.name, member=member, draw=number))
    if len(counts) > 1:
        raise StudyError(
            f"{layout.segmentations(group.name, group.members[0]).parent}: expected as many draws"
            f" of every member, got {sorted(counts)}; run `dvc repro`"
        )
    return pd.concat(parts, ignore_index=True)[DRAWS.columns] if parts else None


def scans() -> list[str]:
    """Return the subjects of the validation scans, in the order of the reference's volume table."""
    path = layout.volumes(FULLY_SAMPLED.name, 0)
    subjects = list(read_table(path, ["subject"])["subject"])
    if not subjects:
        raise StudyError(f"{path}: expected at least one scan, got an empty table; remake it")
    return subjects
