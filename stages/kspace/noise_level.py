r"""The noise of a scan, measured in its own outer k-space.

Far from its centre k-space holds hardly any signal: its samples are complex Gaussian noise n with
|n|^2 exponentially distributed, so that

    sigma = sqrt(median |k|^2 / (2 ln 2))

is the standard deviation of the real and of the imaginary part. A median leaves the few bright
samples out. Transforms are unitary: sigma is that of the coil images as well.
"""

import numpy as np

from stages.kspace.formats.protocol import Scan
from stages.study.errors import StudyError

OUTER = 0.1  # fraction of the sampled positions, those farthest from the centre of k-space
LEAST_SAMPLES = 16  # positions: the median of 16 in a slice has a standard error of 18 %
QUIET = 0.1  # fraction of the slices: those with the least signal, often air or neck


def outer_positions(sampled: np.ndarray) -> np.ndarray:
    """Return the sampled positions farthest from the centre, bool (n_ky, n_kz).

    Args:
        sampled: positions, bool (n_ky, n_kz), zero frequency at (n_ky // 2, n_kz // 2).
    """
    axes = [(np.arange(n) - n // 2) / (n / 2) for n in sampled.shape]
    radius = np.hypot(axes[0][:, None], axes[1])
    return sampled & (radius >= np.quantile(radius[sampled], 1 - OUTER))


def noise_level(scan: Scan, sampled: np.ndarray) -> np.ndarray:
    """Return sigma of each coil, (n_coils,), in units of k-space.

    Slices hold signal in their outer k-space as well, each another amount: sigma is read from the
    quietest `QUIET` of them.

    Args:
        scan: the scan.
        sampled: positions that are measured, bool (n_ky, n_kz).

    Raises:
        StudyError: if so few positions are sampled that no level can be measured.
    """
    outer = outer_positions(sampled)
    if (n_samples := int(outer.sum())) < LEAST_SAMPLES:
        raise StudyError(
            f"{scan.path}: expected at least {LEAST_SAMPLES} samples of outer k-space to measure"
            f" its noise, got {n_samples}; take a lower acceleration, or another method of draws"
        )
    power = [np.abs(kspace[..., outer]) ** 2 for _, kspace in scan.batches()]
    whole = np.concatenate(power).astype(np.float64)  # (n_slices, n_coils, n_samples)
    total = np.median(whole, axis=-1).mean(axis=-1)
    n_quiet = max(round(QUIET * len(total)), 1)
    quiet = np.argsort(total, kind="stable")[:n_quiet]
    return np.sqrt(
        np.median(whole[quiet].swapaxes(0, 1).reshape(scan.n_coils, -1), axis=-1) / (2 * np.log(2))
    )
