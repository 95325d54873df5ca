r"""Complex Gaussian noise added to fully sampled k-space.

k' = k + sigma (n_1 + i n_2), n ~ N(0, 1), independent over coils and k-space samples. The
transforms are unitary, so sigma is also the SD of the real and of the imaginary part of a fully
acquired coil image. Phase-encoding lines that were not acquired stay zero, as on a scanner; the
image then carries the acquired fraction f of the noise power, and its SNR is 1 / sqrt(f) times the
nominal SNR (1.08 at f = 0.85). The measured SNR comes from the ensemble.
"""

from typing import Literal

import numpy as np

from stages.kspace.combination import rss_image
from stages.kspace.formats.protocol import Scan
from stages.study.errors import StudyError

Definition = Literal["brain_rss", "kspace_rms", "kspace_db"]
CSF_LABEL = 24  # FreeSurfer: CSF outside the brain, hardly any T1w signal


def brain_of(labels: np.ndarray) -> np.ndarray:
    """Return the voxels of a segmentation that count as brain: labelled, and not outer CSF."""
    return (labels > 0) & (labels != CSF_LABEL)


def mean_brain_rss(scan: Scan, brain: np.ndarray) -> float:
    """Return the mean root-sum-of-squares intensity over the brain, bool (n_slices, n_ky, n_kz).

    Raises:
        StudyError: if the segmentation lies on another grid or is empty.
    """
    if brain.shape != scan.shape:
        raise StudyError(
            f"{scan.path}: expected a segmentation of shape {scan.shape}, got {brain.shape};"
            " run `dvc repro segment-reference`"
        )
    if not brain.any():
        raise StudyError(
            f"{scan.path}: expected brain in the reference segmentation, found none;"
            " check the segmentation or choose another noise.definition"
        )
    total = sum(
        float(rss_image(kspace)[brain[start : start + len(kspace)]].sum(dtype=np.float64))
        for start, kspace in scan.batches()
    )
    return total / int(brain.sum())


def kspace_rms(scan: Scan) -> float:
    r"""Return :math:`\sqrt{\mathrm{mean} |k|^2}` over the acquired positions of all coils."""
    power, count, n_acquired = 0.0, 0, int(scan.acquired.sum())
    for _, kspace in scan.batches():
        acquired = kspace[..., : scan.n_acquired]
        power += float(np.square(acquired.real, dtype=np.float64).sum())
        power += float(np.square(acquired.imag, dtype=np.float64).sum())
        count += len(acquired) * scan.n_coils * n_acquired  # the others are zero
    return float(np.sqrt(power / count))


def noise_sigma(snr: float, definition: Definition, signal: float) -> float:
    """Return sigma, the standard deviation of each part, in units of k-space.

    Args:
        snr: a ratio of amplitudes, in dB for `kspace_db`.
        definition: `brain_rss` divides the mean brain intensity by the ratio; `kspace_rms` and
            `kspace_db` divide the root mean square of k-space, which the bright centre dominates:
            the same number then means about seven times less noise in the image.
        signal: `mean_brain_rss` or `kspace_rms` of the scan.
    """
    ratio = 10 ** (snr / 20) if definition == "kspace_db" else snr
    return signal / ratio


def add_noise(
    kspace: np.ndarray,
    sigma: float,
    n_acquired: int,
    rng: np.random.Generator,
    acquired: np.ndarray | None = None,
) -> np.ndarray:
    """Return k-space (slices, n_coils, n_ky, n_kz) with noise where it was acquired.

    The draws run slice by slice, so the result does not depend on how many slices come at once.

    Args:
        kspace: without the noise.
        sigma: standard deviation of each part of the noise.
        n_acquired: number of acquired kz columns.
        rng: draws the noise.
        acquired: positions of these columns, bool (n_ky, n_kz); None for all.
    """
    noisy = kspace.copy()
    for one in noisy:
        shape = (*one.shape[:-1], n_acquired, 2)
        noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(sigma)
        if acquired is not None:
            noise *= acquired[:, :n_acquired, None]
        one[..., :n_acquired] += noise.view(np.complex64)[..., 0]
    return noisy
