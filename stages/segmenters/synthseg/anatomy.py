"""A head as training material."""

from dataclasses import dataclass

import numpy as np

from stages.study.axes import Shape


@dataclass(frozen=True)
class Anatomy:
    """A head, axes right, anterior, superior, 1 mm; the last plane below is its neck."""

    tissues: np.ndarray
    """Palette indices uint8, zero on all borders but the inferior one."""
    distance: np.ndarray
    """From the brain without its CSF, uint8 mm, of the same shape."""
    centre: Shape
    """Middle voxel of the box around the brain."""
    size: Shape
    """Sides of that box, voxels."""
