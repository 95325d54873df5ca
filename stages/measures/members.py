"""The files of an ensemble's members, read one at a time.

Members come from the parameters, never from a listing: folders of members that were taken out of
the parameters may still exist.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from stages.measures.voxelwise import intensity_scale
from stages.storage.files import atomic_directory
from stages.storage.nifti import label_map, load_like, load_volume
from stages.storage.reading import Kind, reading
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.structures import structure_volumes

FLOAT_FORMAT = "%.9g"  # a float32 survives nine digits
TABLE = Kind("a CSV table", "run `dvc repro`", "remake it")
# of a mean intensity against the reference's: another unit (percent, 8 bits, a share of the largest
# value) differs by more, the worst of networks by less
LARGEST_GAIN = 30.0
HALVES = ("a", "b")  # of the members, by the names that tables use


def halves_of(members: list[int]) -> tuple[list[int], list[int]]:
    """Return the members at even and at odd positions in sorted order, halves a and b."""
    ordered = sorted(members)
    return ordered[::2], ordered[1::2]


@dataclass(frozen=True)
class Reference:
    """The fully sampled scan that the members are compared with.

    subject: its name; image: (i, j, k) float32; labels: (i, j, k) FreeSurfer ids; affine: (4, 4)
    voxel to world, RAS+, mm; scale: median intensity of white matter, unit of voxelwise measures.
    """

    subject: str
    image: np.ndarray
    labels: np.ndarray
    affine: np.ndarray
    scale: float

    @cached_property
    def mean(self) -> float:
        """Mean intensity of the image."""
        return float(np.abs(self.image).mean(dtype=np.float64))


def load_image(path: Path, reference: Reference) -> np.ndarray:
    """Read a member's image (i, j, k) of a scan.

    Raises:
        StudyError: as `load_like`, and if its intensities are of another unit than the reference's.
    """
    image = load_like(path, reference.image.shape, reference.affine)
    gain = float(np.abs(image).mean(dtype=np.float64)) / reference.mean
    if not 1 / LARGEST_GAIN < gain < LARGEST_GAIN:
        raise StudyError(
            f"{path}: expected intensities in the unit of the reference image, got a mean of"
            f" {gain:.3g} times its; bring the image to the scan's own unit"
        )
    return image


def load_labels(path: Path, reference: Reference) -> np.ndarray:
    """Read a member's label map (i, j, k) of a scan; `StudyError` as `label_map`."""
    return label_map(path, reference.image.shape, reference.affine)


def load_reference(subject: str) -> Reference:
    """Read a scan's reference image and segmentation; raise `StudyError` without white matter."""
    place = layout.image("reference", 0, subject)
    image, affine = load_volume(place)
    if not np.isfinite(image).all():
        raise StudyError(f"{place}: expected finite values, got NaN or infinity; remake it")
    path = layout.segmentation("reference", 0, subject)
    labels = label_map(path, image.shape, affine)
    scale = intensity_scale(image, labels)
    if not scale > 0:
        raise StudyError(
            f"{path}: expected white matter (labels 2, 41) of positive intensity, got none;"
            " look at the image and its segmentation"
        )
    return Reference(subject, image, labels, affine, scale)


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read a CSV file; raise `StudyError` if it is missing or damaged, or lacks a column.

    pandas renames a column that stands there twice, and shifts the rows of a table whose rows have
    more cells than its header: both are damages here.
    """
    with reading(path, TABLE):
        with open(path, newline="", encoding="utf-8-sig") as stream:
            header = next(csv.reader(stream), [])
        if twice := [name for name in header if header.count(name) > 1]:
            raise ValueError(f"column '{twice[0]}' stands there twice")
        table = pd.read_csv(path)
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError(f"rows of more cells than the {len(header)} of the header")
    missing = [name for name in columns if name not in table]
    if missing:
        raise StudyError(f"{path}: expected column '{missing[0]}', got {list(table)}; remake it")
    return table


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write one CSV file a table; the folder appears only when all are complete."""
    with atomic_directory(folder) as temporary:
        for name, table in tables.items():
            table.to_csv(temporary / f"{name}.csv", index=False, float_format=FLOAT_FORMAT)


def volume_table(path: Path, subjects: list[str] | None = None) -> pd.DataFrame:
    """Read a SynthSeg volume table as tidy structure volumes.

    Args:
        path: CSV with a column `subject` and SynthSeg's names, mm3.
        subjects: scans to keep, in this order; every one must be there. All scans if None.

    Returns:
        Columns subject, structure, volume_mm3.

    Raises:
        StudyError: if a scan is missing or there twice, or a volume is no number.
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
    return tidy.melt(id_vars="subject", var_name="structure", value_name="volume_mm3")


def member_volumes(group: str, members: tuple[int, ...], subjects: list[str]) -> pd.DataFrame:
    """Return the volumes of all members of a group.

    Returns:
        Columns group, member, subject, structure, volume_mm3.
    """
    parts = []
    for member in members:
        table = volume_table(layout.segmentations(group, member) / "volumes.csv", subjects)
        table.insert(0, "member", member)
        table.insert(0, "group", group)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def drawn_volumes(group: str, members: tuple[int, ...], subjects: list[str]) -> pd.DataFrame | None:
    """Return the volumes of shifted copies of the images; None if none were segmented.

    Returns:
        Columns group, member, draw, subject, structure, volume_mm3.

    Raises:
        StudyError: if members have different numbers of draws.
    """
    parts, counts = [], set()
    for member in members:
        paths = sorted(layout.segmentations(group, member).glob("volumes_draw-*.csv"))
        counts.add(len(paths))
        for number, path in enumerate(paths):
            table = volume_table(path, subjects)
            parts.append(table.assign(group=group, member=member, draw=number))
    if len(counts) > 1:
        raise StudyError(
            f"{layout.segmentations(group, members[0]).parent}: expected as many draws of every"
            f" member, got {sorted(counts)}; run `dvc repro`"
        )
    if not parts:
        return None
    columns = ["group", "member", "draw", "subject", "structure", "volume_mm3"]
    return pd.concat(parts, ignore_index=True)[columns]


def scans() -> list[str]:
    """Return the subjects of the validation scans, in the order of the reference's volume table."""
    path = layout.segmentations("reference", 0) / "volumes.csv"
    subjects = [str(name) for name in read_table(path, ["subject"])["subject"]]
    if not subjects:
        raise StudyError(f"{path}: expected at least one scan, got an empty table; remake it")
    return subjects
