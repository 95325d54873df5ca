"""Label maps of other programs in the labels of the study, and the volumes on their own grid."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from stages.segmenters.image import check_grid
from stages.segmenters.protocol import Segmentation
from stages.storage.nifti import check_labels
from stages.storage.reading import Kind, damaged, reading
from stages.storage.text import read_text
from stages.study.errors import StudyError
from stages.study.structures import (
    STRUCTURES,
    SYNTHSEG_LABELS,
    SYNTHSEG_NAMES,
    SYNTHSEG_TABLE,
    labels_of,
    nearest_name,
)

LABEL_MAP = Kind("a label map (NIfTI or MGZ)", "check the path", "export it again")
TSV = Kind("a table of labels (TSV: index, name)", "check segment.labels", "correct it")
INDEX, NAME = "index", "name"
# FreeSurfer's and FastSurfer's parcels, which lie in a structure as a whole: first and last id
PARCELS = {
    (1000, 1999): 3,  # Desikan-Killiany(-Tourville)
    (2000, 2999): 42,
    (11100, 11199): 3,  # Destrieux
    (12100, 12199): 42,
    (3000, 3999): 2,  # white matter below them
    (4000, 4999): 41,
    (5001, 5001): 2,
    (5002, 5002): 41,
}
LARGEST = max(last for _, last in PARCELS)


@dataclass(frozen=True)
class FileLabels:
    """What the volumes of label maps mean: SynthSeg's labels and names."""

    labels: tuple[int, ...] = SYNTHSEG_LABELS
    names: tuple[str, ...] = SYNTHSEG_NAMES


def freesurfer_table() -> dict[int, int]:
    """Return label of FreeSurfer's colour table -> label of the study; others are no structure."""
    found = {label: label for label in SYNTHSEG_TABLE}
    for (first, last), label in PARCELS.items():
        found |= dict.fromkeys(range(first, last + 1), label)
    return found


def label_table(path: Path) -> dict[int, int]:
    """Return label of a user's table -> label of the study.

    Args:
        path: TSV with columns index and name, as BIDS has it; a name is one that SynthSeg,
            FreeSurfer or FastSurfer has. Names that no structure of the study is made of are
            allowed where they are known.

    Raises:
        StudyError: if the table is damaged, an index is no whole number or stands there twice, or a
            name is not known or means both sides.
    """
    text = read_text(path, TSV)
    with reading(path, TSV):
        rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
        if not rows or not {INDEX, NAME} <= set(rows[0]):
            raise ValueError(f"expected columns {INDEX} and {NAME}")
    found: dict[int, int] = {}
    for row in rows:
        name, index = str(row[NAME]), str(row[INDEX]).strip()
        if not index.isdecimal() or int(index) in found:
            raise damaged(path, TSV, f"index '{index}' is no new whole number")
        labels = labels_of(name)
        if labels is None:
            raise StudyError(
                f"{path}: expected names of SynthSeg or FreeSurfer, got '{name}'"
                f"{nearest_name(name)}; rename it"
            )
        if len(labels) > 1:
            raise StudyError(
                f"{path}: expected a label for each side, got '{name}' for both; split it"
            )
        found[int(index)] = next(iter(labels), 0)
    return found


def read_label_map(path: Path, table: Mapping[int, int]) -> Segmentation:
    """Return a label map in the study's labels, and its volumes on its own grid, in mm3.

    Args:
        path: NIfTI or MGZ.
        table: label of the file -> label of the study; labels that it lacks are no structure.

    Raises:
        StudyError: if the file is missing or damaged, holds anything but labels, or has one side of
            a structure only.
    """
    with reading(path, LABEL_MAP):
        stored = nib.load(path)
        check_grid(path, stored)
        data = np.squeeze(np.asarray(stored.dataobj))
        affine = np.asarray(stored.affine, float)
    if data.ndim != 3:
        raise StudyError(f"{path}: expected three dimensions, got shape {data.shape}")
    check_labels(path, data)
    look_up = np.zeros(max(LARGEST, *table) + 2, np.int32)
    look_up[list(table)] = list(table.values())
    labels = look_up[np.minimum(data.astype(np.int64), len(look_up) - 1)]
    counts = np.bincount(labels.ravel(), minlength=max(SYNTHSEG_TABLE) + 1)
    check_sides(path, counts)
    volumes = counts[list(SYNTHSEG_TABLE)] * abs(np.linalg.det(affine[:3, :3]))
    return Segmentation(labels, affine, volumes)


def check_sides(path: Path, counts: np.ndarray) -> None:
    """Raise `StudyError` for a map without any structure, or with one side of one.

    Args:
        path: of the map, for the message.
        counts: voxels by label of the study.
    """
    if not counts[list(SYNTHSEG_TABLE)].any():
        raise StudyError(
            f"{path}: expected labels of FreeSurfer's colour table, got none of them; name those of"
            " the file by segment.labels (TSV: index, name)"
        )
    for entry in STRUCTURES:
        left, right = (counts[list(side)].sum() for side in (entry.left, entry.right))
        if entry.right and (left == 0) != (right == 0):
            here, gone = ("right", "left") if left == 0 else ("left", "right")
            raise StudyError(
                f"{path}: {entry.name}: expected both sides, got the {here} without the {gone}: no"
                " volume is a sum of some parts; complete the map, or correct segment.labels"
            )
