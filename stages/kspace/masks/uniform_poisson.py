"""Poisson-disk masks of constant density around a fully sampled disk, as the challenge's files.

Each cell of the grid holds one dart at a random place inside it. In a random order, a dart is kept
unless one that was kept lies nearer than a distance; a cell is sampled where its dart is kept (dart
throwing: Cook 1986, doi:10.1145/7529.8927). The distance is found by bisection. Places are whole
numbers of 1 / 64 of a cell, so that a seed gives the same mask on every processor. The darts take
no notice of the disk and go on beyond the edges: neither has a rim of another density.
"""

from dataclasses import dataclass
from math import isqrt

import numpy as np

from stages.kspace.masks.centre import centre_words, disk, disk_radius
from stages.kspace.masks.protocol import MaskKind, Matrix, Target
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.search import (
    MaskOptions,
    check_reachable,
    direct_poisson,
    first_within,
)
from stages.params.mask import MaskParams

CELL = 64  # places a cell along each axis
GUESSES = 4  # of the distance from the density, before its interval is halved
PACKED = 2  # density times squared distance; not even a hexagonal packing reaches it


@dataclass(frozen=True, eq=False)
class Darts:
    """One dart a cell: its place (n, m) along each axis in 1 / `CELL`, and the order of cells."""

    row: np.ndarray
    column: np.ndarray
    order: np.ndarray
    """Flat indices of all cells."""

    @classmethod
    def thrown(cls, shape: Matrix, seed: int) -> "Darts":
        """Throw the darts of a grid (n, m)."""
        rng = np.random.default_rng(seed)
        order = rng.permutation(shape[0] * shape[1])
        within = rng.integers(0, CELL, size=(2, *shape))
        row, column = CELL * np.indices(shape) + within
        return cls(row, column, order)

    def kept(self, squared: int) -> np.ndarray:
        """Return the cells (n, m), bool, whose dart has no earlier one that was kept too near.

        Args:
            squared: square of the distance, in places; nearer than it is too near.
        """
        reach = isqrt(squared) // CELL + 1  # cells
        free, kept = (np.full(self.row.shape, value) for value in (True, False))
        cells = zip(*np.unravel_index(self.order, free.shape), strict=True)
        for y, z in ((int(y), int(z)) for y, z in cells):
            if free[y, z]:
                kept[y, z] = True
                near = np.s_[max(y - reach, 0) : y + reach + 1, max(z - reach, 0) : z + reach + 1]
                rows = self.row[near] - self.row[y, z]
                columns = self.column[near] - self.column[y, z]
                free[near] &= rows * rows + columns * columns >= squared
        return kept


def draw_mask(shape: Matrix, n_acquired: int, options: MaskOptions, seed: int) -> SamplingMask:
    """Draw a mask (n_ky, n_kz) whose acceleration is the nominal one within the tolerance.

    Args:
        shape: (n_ky, n_kz).
        n_acquired: acquired kz columns; nothing beyond them is sampled.
        options: of the kind of masks.
        seed: of the darts; where their masks jump over the nominal acceleration, further seeds of a
            fixed sequence are tried.

    Raises:
        StudyError: if the calibration disk alone takes too much or no mask comes close enough.
    """
    calibration = disk(shape, disk_radius(shape, options.center_fraction))
    check_reachable(shape, n_acquired, options, calibration)

    def draws_of(current: int) -> list[SamplingMask]:
        return _bisected(calibration, n_acquired, options, current)

    return first_within(draws_of, shape, options, seed)


def _bisected(
    calibration: np.ndarray, n_acquired: int, options: MaskOptions, seed: int
) -> list[SamplingMask]:
    """Return the masks of one throw on the way to the distance of the nominal acceleration."""
    n_ky = len(calibration)
    n_asked = int(options.n_counted(calibration.shape, n_acquired) / options.acceleration)
    n_centre = int(calibration[:, :n_acquired].sum())
    area, n_outside = n_ky * n_acquired - n_centre, max(n_asked - n_centre, 1)
    low, high = 0, PACKED * CELL**2 * area // n_outside + 1
    squared = high // 4  # where darts at random places come to rest
    margin = isqrt(area // n_outside) + 1  # mean distance of two samples
    darts = Darts.thrown((n_ky + 2 * margin, n_acquired + 2 * margin), seed)
    draws: list[SamplingMask] = []
    while low < squared < high:
        mask = calibration.copy()
        mask[:, :n_acquired] |= darts.kept(squared)[margin:-margin, margin:-margin]
        draws.append(SamplingMask.of(mask, calibration, n_acquired))
        deviation = options.deviation(draws[-1])
        if abs(deviation) <= options.tolerance / 4:
            break
        low, high = (squared, high) if deviation < 0 else (low, squared)
        # density times squared distance hardly changes; where that leads nowhere, bisect
        guess = squared * (int(mask.sum()) - n_centre) // n_outside
        near = len(draws) < GUESSES and low < guess < high
        squared = guess if near else (low + high) // 2
    return draws


def mask_of(params: MaskParams, target: Target) -> SamplingMask:
    """Return a mask drawn with the parameters; arguments as of `MaskKind.mask`."""
    options = MaskOptions.of(params, params.uniform_poisson)
    return draw_mask(target.matrix, target.n_acquired, options, target.seed)


def words(params: MaskParams) -> str:
    """Return the masks as a sentence names them."""
    centre = centre_words(params.uniform_poisson.center_fraction)
    return f"Poisson-disk masks of constant density ({centre})"


def direct(params: MaskParams) -> dict[str, object]:
    """Return the configuration of DIRECT's Poisson disks: it draws none of constant density."""
    return direct_poisson(params, params.uniform_poisson)


UNIFORM_POISSON = MaskKind("uniform_poisson", mask_of, words, direct)
