"""Heads from a folder of FreeSurfer-labelled maps, in place of the procedural anatomy."""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from scipy import ndimage

from stages.anatomy.fields import displacement, upsample
from stages.anatomy.grid import along
from stages.anatomy.tissue import LEFT_TO_RIGHT, MUSCLE_SKIN, SPINAL_CORD, TISSUES
from stages.anatomy.variation import lognormal
from stages.anatomy.view import extend_neck, place
from stages.storage.nifti import check_geometry, load_volume
from stages.study.axes import Shape, three
from stages.study.errors import StudyError

SUFFIXES = (".nii", ".nii.gz", ".mgz")
LARGEST_LABEL = 65_535
"""FreeSurfer's ids end below 15,000."""

BRAIN_CENTRE_MM = (7, 1, 0)
"""Middle of the brain: superior, anterior, right of the centre of the field of view."""

WARP_AMPLITUDES_MM = (1.5, 0.7)
WARP_WIDTHS_MM = (28.0, 14.0)
SCALE_SPREAD = 0.03
"""Log-SD of the size along each axis."""

MERGED_INTO = {
    30: 2,  # vessel in white matter
    62: 41,
    31: 4,  # choroid plexus
    63: 43,
    136: 4,
    137: 5,
    163: 43,
    164: 44,
    72: 14,  # cavum septi pellucidi, the fifth ventricle
    25: 2,  # lesion
    57: 41,
    77: 2,  # white matter hypointensity
    78: 2,
    79: 41,
    85: SPINAL_CORD,  # optic chiasm: a tract outside the label table
    165: 515,  # skull
    258: MUSCLE_SKIN,  # head
    502: MUSCLE_SKIN,  # arteries
    508: MUSCLE_SKIN,  # muscles of the eye
    509: MUSCLE_SKIN,  # mucosa
    511: MUSCLE_SKIN,  # skin
    514: MUSCLE_SKIN,  # veins and sinuses
    530: SPINAL_CORD,  # optic nerve
}
"""Label of a map -> label of the table of tissues; 502-530 occur in SynthSeg's training maps."""
MERGED_INTO |= dict.fromkeys(range(251, 256), 2)  # corpus callosum
MERGED_INTO |= dict.fromkeys(range(1000, 2000), 3) | dict.fromkeys(range(2000, 3000), 42)
MERGED_INTO |= dict.fromkeys(range(3000, 4000), 2) | dict.fromkeys(range(4000, 5000), 41)


def list_maps(folder: Path) -> list[Path]:
    """NIfTI and MGZ files of a folder, sorted; raise `StudyError` if there are none."""
    found = (
        [p for p in folder.iterdir() if p.name.lower().endswith(SUFFIXES)]
        if folder.is_dir()
        else []
    )
    if not found:
        raise StudyError(
            f"{folder}: expected a folder of label maps (.nii.gz, .mgz) as phantom.label_maps,"
            " found none; correct the path or set it to null"
        )
    return sorted(found)


def read_map(path: Path) -> np.ndarray:
    """Read a label map as 1 mm voxels along (superior, anterior, right), ids of the tissue table.

    Raises:
        StudyError: if the file is no label map or holds labels that have no tissue.
    """
    return to_tissues(read_labels(path), path)


def read_labels(path: Path) -> np.ndarray:
    """Read a label map as 1 mm voxels along (superior, anterior, right), int32 ids as they are.

    Any orientation and voxel size; nearest neighbour.

    Raises:
        StudyError: if the file is no label map.
    """
    data, matrix = load_volume(path)
    check_geometry(path, nib.load(path))
    if np.any(data != np.round(data)) or data.min() < 0 or data.max() > LARGEST_LABEL:
        raise StudyError(
            f"{path}: expected whole numbers from 0 to {LARGEST_LABEL} (labels), got other values"
        )
    turn = ornt_transform(io_orientation(matrix), axcodes2ornt("SAR"))
    labels = apply_orientation(data.astype(np.int32), turn)
    sizes = nib.affines.voxel_sizes(matrix @ nib.orientations.inv_ornt_aff(turn, data.shape))
    return to_millimetres(labels, sizes)


def to_tissues(labels: np.ndarray, path: Path) -> np.ndarray:
    """Replace the labels of a map by those of the tissue table, uint16; name unknown ones."""
    present = np.unique(labels)
    target = {int(label): MERGED_INTO.get(int(label), int(label)) for label in present}
    unknown = [label for label, goal in target.items() if goal and goal not in TISSUES]
    if unknown:
        names = ", ".join(map(str, unknown[:10]))
        raise StudyError(
            f"{path}: expected FreeSurfer labels, got unknown ones ({names});"
            " merge them into known labels or leave the map out"
        )
    if 2 not in target.values() or not set(target.values()) & set(LEFT_TO_RIGHT.values()):
        raise StudyError(f"{path}: expected labels of both hemispheres (2, 41, ...), found none")
    table = np.zeros(int(present.max()) + 1, np.uint16)
    table[list(target)] = list(target.values())
    return table[labels]


def to_millimetres(labels: np.ndarray, voxel_size_mm: np.ndarray) -> np.ndarray:
    """Resample to 1 mm by nearest neighbour; a map of 1 mm comes back as it is."""
    if np.allclose(voxel_size_mm, 1, atol=1e-3):
        return labels
    index = [
        np.minimum((np.arange(round(n * size)) + 0.5) / size, n - 1).astype(int)
        for n, size in zip(labels.shape, voxel_size_mm, strict=True)
    ]
    return labels[np.ix_(*index)]


def brain_centre(labels: np.ndarray) -> Shape:
    """Middle voxel of the box around the brain, CSF and everything outside left out."""
    brain = np.isin(labels, [label for label in TISSUES if label < 100 and label != 24])
    spans = [
        np.flatnonzero(brain.any(axis=tuple(other for other in range(3) if other != axis)))
        for axis in range(3)
    ]
    return three(int(span[0] + span[-1]) // 2 for span in spans)


def head_from_map(
    labels: np.ndarray, shape: Shape, centre: Shape, rng: np.random.Generator
) -> np.ndarray:
    """A variant of a label map in a field of view of `shape`, around fine voxel `centre`.

    Scaled and warped at random (diffeomorphic, nearest neighbour), the neck extended downwards.
    """
    goal = three(c + shift for c, shift in zip(centre, BRAIN_CENTRE_MM, strict=True))
    placed = extend_neck(place(labels, brain_centre(labels), shape, goal))
    shift = displacement(shape, WARP_AMPLITUDES_MM, WARP_WIDTHS_MM, rng)
    factors = [lognormal(rng, SCALE_SPREAD) for _ in range(3)]
    positions = [
        (along(np.arange(n) - c, axis) + upsample(part, 4, shape)) / np.float32(factor) + c
        for axis, (n, c, part, factor) in enumerate(zip(shape, goal, shift, factors, strict=True))
    ]
    return ndimage.map_coordinates(placed, positions, order=0, mode="nearest")
