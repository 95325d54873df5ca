"""The fully sampled centre of a mask: disks, and how a mask's own one is found."""

import numpy as np

from stages.kspace.masks.protocol import Matrix


def middle(shape: Matrix) -> Matrix:
    """Return the position of zero frequency, (n_ky // 2, n_kz // 2)."""
    return shape[0] // 2, shape[1] // 2


def disk(shape: Matrix, radius: int, centre: Matrix | None = None) -> np.ndarray:
    """Return the samples (n_ky, n_kz), bool, nearer than `radius` to `centre` (None: `middle`)."""
    y, z = (np.arange(n) - c for n, c in zip(shape, centre or middle(shape), strict=True))
    return np.square(y)[:, None] + np.square(z) < radius**2


def disk_radius(shape: Matrix, fraction: float) -> int:
    """Return the whole radius of a disk that holds about `fraction` of the samples of a matrix."""
    return round((fraction * shape[0] * shape[1] / np.pi) ** 0.5)


def centre_words(fraction: float) -> str:
    """Return what a sentence adds in brackets to masks with such a fraction in the centre."""
    return f"fully sampled centre: {100 * fraction:.1f}\N{NO-BREAK SPACE}%"


def sampled_centre(mask: np.ndarray) -> np.ndarray:
    """Return the largest fully sampled region around zero frequency, a disk or a rectangle.

    Args:
        mask: (n_ky, n_kz) bool.

    Returns:
        bool of the same shape; all False where zero frequency is not sampled.
    """
    return max(_largest_rectangle(mask), _largest_disk(mask), key=np.count_nonzero)


def _largest_disk(mask: np.ndarray) -> np.ndarray:
    shape = mask.shape
    y, z = (np.arange(n) - n // 2 for n in shape)
    squares = np.square(y)[:, None] + np.square(z)
    nearest = squares[~mask].min(initial=squares.max() + 1)  # of those that were left out
    return squares < nearest


def _largest_rectangle(mask: np.ndarray) -> np.ndarray:
    """Return the rectangle with most samples among those that are sampled and hold the middle."""
    n_ky, n_kz = mask.shape
    y, z = n_ky // 2, n_kz // 2
    left = np.cumprod(mask[:, z::-1], axis=1).sum(axis=1)  # sampled in a row from the middle on
    right = np.cumprod(mask[:, z:], axis=1).sum(axis=1)
    above = [np.minimum.accumulate(run[y::-1]) for run in (left, right)]  # [k]: k rows upwards
    below = [np.minimum.accumulate(run[y:]) for run in (left, right)]
    runs = [np.minimum.outer(a, b) for a, b in zip(above, below, strict=True)]
    heights = np.add.outer(np.arange(len(above[0])), np.arange(len(below[0]))) + 1
    areas = heights * np.maximum(runs[0] + runs[1] - 1, 0)
    up, down = np.unravel_index(int(areas.argmax()), areas.shape)
    found = np.zeros_like(mask)
    if areas[up, down]:
        rows = slice(y - int(up), y + int(down) + 1)
        found[rows, z - runs[0][up, down] + 1 : z + runs[1][up, down]] = True
    return found
