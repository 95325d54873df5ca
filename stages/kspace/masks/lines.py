"""Masks of whole phase-encoding lines along one axis, by fastMRI's conventions.

The centre holds round(`center_fraction` n) of the n lines of the full matrix, from line
(n - n_centre + 1) // 2 on (Zbontar et al. 2018, arXiv:1811.08839). Here the number of lines follows
from the acceleration that counts, and lines that partial Fourier leaves out are not drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from stages.kspace.masks.centre import centre_words
from stages.kspace.masks.protocol import Matrix, Target
from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import LineParams, MaskParams
from stages.study.errors import StudyError


@dataclass(frozen=True)
class Lines:
    """The lines of a scan along one axis, and how many of them are to be sampled."""

    n: int
    """Lines that are acquired, the first ones of the axis."""
    first: int
    """Of the centre."""
    n_centre: int
    n_asked: Fraction
    """Lines to sample, those of the centre included: n / R, not rounded."""

    @property
    def outside(self) -> np.ndarray:
        """Return the numbers of the lines outside the centre, in their order."""
        lines = np.arange(self.n)
        return lines[(lines < self.first) | (lines >= self.first + self.n_centre)]


Draw = Callable[[Lines, np.random.Generator], np.ndarray]
"""Return the numbers of the lines to sample; those of the centre are added."""


def line_mask(params: MaskParams, options: LineParams, target: Target, draw: Draw) -> SamplingMask:
    """Return a mask of lines.

    Args:
        params: acceleration, and what it counts.
        options: of the kind.
        target: what the mask is for.
        draw: chooses lines.

    Raises:
        StudyError: if there is no line in the centre, or the centre alone takes too much.
    """
    lines = lines_of(params, options, target)
    rng = np.random.default_rng(target.seed)
    centre = np.arange(lines.first, lines.first + lines.n_centre)
    sampled = np.union1d(draw(lines, rng), centre).astype(int)
    mask, calibration = (filled(target.matrix, options.axis, part) for part in (sampled, centre))
    return SamplingMask.of(mask, calibration, target.n_acquired)


def filled(matrix: Matrix, axis: Literal["ky", "kz"], numbers: np.ndarray) -> np.ndarray:
    """Return a matrix (n_ky, n_kz), bool, with whole lines of an axis filled."""
    found = np.zeros(matrix, dtype=bool)
    found[(numbers, slice(None)) if axis == "ky" else (slice(None), numbers)] = True
    return found


def lines_of(params: MaskParams, options: LineParams, target: Target) -> Lines:
    """Return the lines of a scan, and how many of them the acceleration asks for."""
    along_ky = options.axis == "ky"
    n_full = target.matrix[0 if along_ky else 1]
    n = n_full if along_ky else target.n_acquired
    n_centre = round(options.center_fraction * n_full)
    first = (n_full - n_centre + 1) // 2
    n_centre = min(first + n_centre, n) - first
    # lines of the full matrix count as all, even where partial Fourier has shortened them
    whole = params.acceleration_of == "full"
    length = Fraction(target.n_acquired, target.matrix[1]) if whole and along_ky else 1
    n_asked = (n_full if whole else n) / (Fraction(repr(params.acceleration)) * length)
    n_rounded = round(n_asked)
    where = f"mask: kind {params.kind} on {n} lines along {options.axis}"
    if n_centre < 1:
        raise StudyError(
            f"{where}: expected a line in the fully sampled centre, got none; raise"
            f" mask.{params.kind}.center_fraction"
        )
    if n_rounded < n_centre:
        raise StudyError(
            f"{where}: expected {n_rounded} lines for acceleration {params.acceleration:g}, got"
            f" {n_centre} in the centre alone; lower mask.{params.kind}.center_fraction"
        )
    if n_rounded > n:
        raise StudyError(
            f"{where}: expected at most {n} lines, got {n_rounded} for acceleration"
            f" {params.acceleration:g} of the full matrix; raise mask.acceleration"
        )
    return Lines(n, first, n_centre, n_asked)


def line_words(manner: str, options: LineParams) -> str:
    """Return the masks as a sentence names them; `manner`: `equispaced` or `random`."""
    centre = centre_words(options.center_fraction)
    return f"masks of {manner} phase-encoding lines along {options.axis} ({centre})"


def direct_lines(name: str, params: MaskParams, options: LineParams) -> dict[str, object]:
    """Return the configuration of DIRECT's kind of that name, whose lines are always along kz."""
    return {
        "name": name,
        "accelerations": [params.acceleration],
        "center_fractions": [options.center_fraction],
    }
