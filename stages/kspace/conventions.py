"""By what conventions k-space was written: where images begin, how parts of numbers are ordered.

Files by another convention are read without an error, and make images that look like a head whose
quarters were exchanged, or like a head and its mirror image.
"""

from collections.abc import Mapping

import numpy as np

SMALLEST = 8  # positions along an axis: fewer tell nothing
DARK = 0.5  # of the energy in the corners: what is darker is air in their place
HALF = 0.5  # of half a side: half axes of the ellipses
PLACES = {
    "the middle": (False, False),
    "the ends of ky": (True, False),
    "the ends of kz": (False, True),
    "the corners": (True, True),
}
"""Of an image, and whether they lie at the ends of (y, z)."""

KERNEL = 2  # positions along each axis that are compared between coils
REGION = 16  # positions along each axis around the centre of k-space where they are compared
IN_BLOCKS = 1.02  # `interleaving` above it: below 0.95 where parts are in turn


def places(images: np.ndarray) -> dict[str, float]:
    r"""Return the mean energy of coil images (n_coils, y, z) in four `PLACES` of the plane.

    Each is an ellipse of half the sides: one in the middle, and what goes around the ends of y, of
    z, and of both. NaN for a small matrix.
    """
    if min(images.shape[1:]) < SMALLEST:
        return dict.fromkeys(PLACES, np.nan)
    power = np.square(np.abs(images)).sum(axis=0, dtype=np.float64)
    inward = [np.abs(np.arange(n) - n // 2) / (n / 2) for n in power.shape]  # 0 in the middle
    means = {}
    for place, ends in PLACES.items():
        y, z = (1 - far if end else far for far, end in zip(inward, ends, strict=True))
        means[place] = float(power[np.square(y)[:, None] + np.square(z) < HALF**2].mean())
    return means


def interleaving(values: np.ndarray) -> float:
    """Return how far channels are from pairs of a real and an imaginary part.

    The coils see one object: in the matrix of all neighbourhoods around the centre of k-space, a
    row each with the values of all coils, few singular values are large (Uecker et al. 2014,
    doi:10.1002/mrm.24751). Real parts paired with each other mix the object with its mirror image,
    which needs more. Both readings hold the same numbers, so that the sums of the singular values
    (nuclear norms) can be compared: that of channels read in turn, divided by that of two blocks,
    real parts first.

    Args:
        values: of one slice as in the file, (n_ky, n_kz, 2 n_coils).

    Returns:
        Above 1 where the file has two blocks; NaN for one coil or a small matrix.
    """
    n_ky, n_kz, n_channels = values.shape
    if n_channels < 4 or min(n_ky, n_kz) < SMALLEST:
        return np.nan
    y, z = (slice(max(n // 2 - REGION // 2, 0), n // 2 + REGION // 2) for n in (n_ky, n_kz))
    centre, half = values[y, z].astype(np.float64), n_channels // 2
    in_turn = nuclear_norm(centre[..., ::2] + 1j * centre[..., 1::2])
    in_blocks = nuclear_norm(centre[..., :half] + 1j * centre[..., half:])
    return in_turn / in_blocks if in_blocks else np.nan


def nuclear_norm(kspace: np.ndarray) -> float:
    """Return the sum of the singular values of all neighbourhoods of (n_ky, n_kz, n_coils)."""
    windows = np.lib.stride_tricks.sliding_window_view(kspace, (KERNEL, KERNEL), axis=(0, 1))
    rows = windows.reshape(windows.shape[0] * windows.shape[1], -1)
    # without BLAS, whose threads cost more than so few products
    squares = np.linalg.eigvalsh(np.einsum("ki,kj->ij", rows.conj(), rows))
    return float(np.sqrt(np.clip(squares, 0, None)).sum())


def mistakes(energy: Mapping[str, float], in_turn: float, centred: bool) -> list[str]:
    """Return a line if the head lies in the corners of the image, and if parts are not in turn.

    Args:
        energy: of the image, as `places` returns it.
        in_turn: as `interleaving` returns it.
        centred: how the scan was read, `data.centred_transform`.
    """
    lines = []
    if in_turn > IN_BLOCKS:
        lines.append(
            "expected the real and the imaginary part of each coil in turn, got all real parts"
            " before all imaginary ones; write them in turn"
        )
    darkest = min(energy, key=lambda place: energy[place])
    if energy[darkest] < DARK * energy["the corners"]:
        lines.append(misplaced_head(darkest, centred))
    return lines


def misplaced_head(darkest: str, centred: bool) -> str:
    """Return a line on a head that is rolled by half the matrix.

    Args:
        darkest: of the `PLACES`: where the air is that belongs into the corners.
        centred: `data.centred_transform`.
    """
    expected = "expected the head in the middle of the image"
    if darkest == "the middle":
        other = str(not centred).lower()
        return (
            f"{expected}, got it in the four corners: the transform has another convention; set"
            f" data.centred_transform: {other}"
        )
    axis = "kz" if darkest == "the ends of ky" else "ky"
    return (
        f"{expected}, got it at both ends of {axis}: ky and kz were transformed by two conventions;"
        f" multiply every second position of {axis} by -1"
    )
