"""What a kind of sampling masks is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams

Matrix = tuple[int, int]
"""Size of a scan's matrix, (n_ky, n_kz)."""


@dataclass(frozen=True)
class Target:
    """What a mask is for."""

    matrix: Matrix
    n_acquired: int
    """Acquired kz columns, the first ones."""
    seed: int
    scan: str | None = None
    """The scan's label, `sub-…`; None: of no scan in particular."""


@dataclass(frozen=True)
class MaskKind:
    """A kind of masks, what it is called, and how a mask is drawn or read."""

    name: str
    mask: Callable[[MaskParams, Target], SamplingMask]
    """Raises `StudyError` if there is no such mask."""
    words: Callable[[MaskParams], str]
    """Return its masks as a sentence names them, in the plural, with the options that matter."""
    direct: Callable[[MaskParams], dict[str, Any] | None]
    """Return DIRECT's configuration (`masking`) of its nearest kind; None where it has none."""
