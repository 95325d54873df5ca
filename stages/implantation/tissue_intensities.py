"""Intensities of the tissues of a head, measured in its image with the help of its label map."""

import numpy as np
from scipy import ndimage

from stages.anatomy.diseases.infarct import FLUIDS
from stages.anatomy.tissue import CSF
from stages.study.errors import StudyError
from stages.study.structures import MERGED

WHITE_MATTER = 2
BIAS_MM = 8.0
"""Width (SD) over which white matter says how bright the image is beside it."""
ENOUGH = 30
"""Voxels whose median is trusted: its standard error is 1.25 / sqrt(30) = 0.23 of their SD."""
PURE = 0.2
"""Fraction of a tissue's voxels below which those without neighbours of another are few."""
SHELL = 2
"""Voxels around the labelled tissue that say how bright the background beside it is."""
FAR = 1e-4
"""Of G(w): farther from white matter the mean of all white matter stands for b."""
DARKEST = 1e-3
"""Of white matter: no tissue of an image is darker, its noise being positive."""


def tissue_of(labels: np.ndarray) -> np.ndarray:
    """Return the tissue of each voxel: both sides as one, all CSF as one; 0 is background."""
    table = np.arange(int(labels.max(initial=0)) + 1)
    known = {**MERGED, **dict.fromkeys(FLUIDS, CSF)}
    for label, tissue in known.items():
        if label < len(table):
            table[label] = tissue
    return table[labels]


def measured_signals(
    image: np.ndarray, labels: np.ndarray, voxel_mm: tuple[float, float, float], name: str
) -> dict[int, float]:
    """Return the intensity of every tissue in units of the white matter around it.

    Medians of I / b over voxels that have no other tissue beside them (`counted`). The transmit and
    receive fields, smooth, are b = G(I w) / G(w), G a Gaussian and w such voxels of white matter.

    Args:
        image: I on the scan's grid, without the bias of noise (`coherent_image`).
        labels: FreeSurfer ids on that grid.
        voxel_mm: edges of a voxel.
        name: of the scan, for the message.

    Raises:
        StudyError: if the label map has no white matter or no CSF.
    """
    tissues = tissue_of(labels)
    present = [int(each) for each in np.unique(tissues) if each]
    for tissue, words in ((WHITE_MATTER, "white matter (2, 41)"), (CSF, "CSF (4, 24, 43)")):
        if tissue not in present:
            raise StudyError(
                f"{name}: expected {words} in its label map, got none; give --labels another"
            )
    where = counted(tissues, present)
    white = where[WHITE_MATTER].astype(np.float32)
    width = [BIAS_MM / mm for mm in voxel_mm]
    near = ndimage.gaussian_filter(white, width)
    field = ndimage.gaussian_filter(image * white, width) / np.maximum(near, FAR)
    average = np.float32(np.median(image[where[WHITE_MATTER]]))
    field = np.where(near > FAR, np.maximum(field, DARKEST * field.max()), average)
    flat = image / field
    level = {tissue: float(np.median(flat[where[tissue]])) for tissue in present}
    shell = ndimage.binary_dilation(tissues > 0, iterations=SHELL) & (tissues == 0)
    level[0] = float(np.median(flat[shell])) if shell.any() else level[CSF]
    return {tissue: max(value / level[WHITE_MATTER], DARKEST) for tissue, value in level.items()}


def counted(tissues: np.ndarray, present: list[int]) -> dict[int, np.ndarray]:
    """Return for each tissue the voxels (boolean, the shape of `tissues`) that it is measured in.

    Those with no other tissue among their 6 neighbours; of CSF, which is darker than all around it,
    among their 26. Where few are left, all: in a thin ribbon the few are those where two banks of a
    sulcus touch, and hold its CSF.
    """
    found = {}
    for tissue in present:
        own = tissues == tissue
        around = ndimage.generate_binary_structure(3, 3 if tissue == CSF else 1)
        pure = ndimage.binary_erosion(own, around)
        few = ENOUGH if tissue == CSF else max(ENOUGH, PURE * own.sum())
        found[tissue] = pure if pure.sum() >= few else own
    return found
