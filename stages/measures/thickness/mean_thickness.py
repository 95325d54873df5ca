"""Mean cortical thickness of label maps, as tidy tables."""

from functools import partial

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes

from stages.machine.lookahead import ahead
from stages.measures.agreement import VoxelSize
from stages.measures.members import READERS, Grid, load_labels, load_target_labels
from stages.measures.thickness.lengths import thickness
from stages.measures.thickness.lobes import CORTEX, LEFT, RIGHT, lobes, regions
from stages.measures.thickness.sheet import sheet
from stages.measures.voxelwise import number_table, structure_numbers
from stages.storage.nifti import check_labels, load_volume
from stages.storage.tables import joined
from stages.study import layout
from stages.study.groups import Group
from stages.study.schema import THICKNESS, TRUE_THICKNESS
from stages.study.structures import LABELS

# what white matter encloses, and what stands in its place under the cortex of the temporal lobe
INNER = (
    *("white_matter", "lateral_ventricle", "thalamus", "caudate", "putamen", "pallidum"),
    *("hippocampus", "amygdala", "accumbens", "ventral_dc"),
)
TISSUES = {
    LEFT: (CORTEX[LEFT],),
    RIGHT: (CORTEX[RIGHT],),
    "inner": tuple(label for name in INNER for label in LABELS[name]),
}
LEFT_CORTEX, RIGHT_CORTEX, INSIDE = range(1, 4)  # numbers of `TISSUES`


def mean_thickness(values: np.ndarray, fraction: np.ndarray) -> float:
    """Return the mean over the surface, sum g / sum (g / T), in mm; NaN without cortex.

    A voxel of thickness T stands for the area g V / T of the sheet: the mean over voxels alone
    would count thick places more often.

    Args:
        values: (n_voxels,) T, mm; NaN where there is none.
        fraction: (n_voxels,) g, fraction of each voxel that is cortex.
    """
    known = values > 0
    area = float(np.sum(fraction[known] / values[known]))
    return float(np.sum(fraction[known], dtype=np.float64)) / area if area else float("nan")


def map_thickness(labels: np.ndarray, grid: Grid) -> dict[str, float]:
    """Return region -> mean cortical thickness of a label map, mm; NaN where there is none.

    Args:
        labels: (i, j, k) FreeSurfer ids.
        grid: where its voxels lie.
    """
    numbers = structure_numbers(labels, number_table(TISSUES))
    places = np.argwhere(numbers)
    if len(places):
        low, high = places.min(axis=0), places.max(axis=0)
        numbers = numbers[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))]
        places -= low
    cortex = (numbers == LEFT_CORTEX) | (numbers == RIGHT_CORTEX)
    own = sheet(cortex, numbers == INSIDE, three_sizes(grid.affine))
    values, fraction = thickness(own), own.cortex[own.index]
    lobe = lobes(np.argwhere(cortex), places, grid.affine)
    right = numbers[cortex] == RIGHT_CORTEX
    found = regions(lobe, right if right.any() else None)
    return {name: mean_thickness(values[where], fraction[where]) for name, where in found}


def three_sizes(affine: np.ndarray) -> VoxelSize:
    """Return the edges of a voxel along the three axes, mm."""
    first, second, third = voxel_sizes(affine)
    return float(first), float(second), float(third)


def scan_thickness(subject: str, group: Group) -> pd.DataFrame:
    """Return the rows of `THICKNESS` of one scan, of the label maps of all members that have it."""
    members, parts = group.of(subject), []
    if members:
        _, grid = load_target_labels(subject)
        paths = [layout.segmentation(group.name, member, subject) for member in members]
        maps = ahead(partial(load_labels, grid=grid), paths, READERS)
        for member, labels in zip(members, maps, strict=True):
            found = _rows(map_thickness(labels, grid))
            parts.append(found.assign(group=group.name, member=member, subject=subject))
    return joined(parts, THICKNESS.columns)


def true_thickness(subjects: list[str]) -> pd.DataFrame:
    """Return the table `TRUE_THICKNESS`: the same measure of the true label maps.

    They have the voxels of the scans, so that it differs from a scan's by image and segmentation
    alone: what the voxels do to both is not in it.
    """
    parts = []
    for subject in subjects:
        path = layout.true_labels(subject)
        labels, affine = load_volume(path)
        check_labels(path, labels)
        found = _rows(map_thickness(labels, Grid(labels.shape, affine)))
        parts.append(found.assign(subject=subject))
    return joined(parts, TRUE_THICKNESS.columns)


def _rows(found: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame({"region": list(found), "thickness_mm": list(found.values())})
