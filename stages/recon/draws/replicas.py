"""Replicas: the measurement plus noise of its own level, reconstructed again.

The pseudo-replica method (Robson et al. 2008, doi:10.1002/mrm.21728): images differ as those of
scans repeated at once do. Noise is that of each coil; its correlation between coils is left out.
What is measured holds noise already, so that a replica has twice its variance.
"""

from collections.abc import Iterator

import numpy as np

from stages.kspace.noise import add_noise
from stages.kspace.noise_level import noise_level
from stages.recon.draws.protocol import DrawMethod, Measurement, Take
from stages.study import sidecars


def with_noise(take: Take, sigma: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield k-space with noise in every acquired position; the same for any batch.

    Args:
        take: the scan.
        sigma: (n_coils,) SD of the real and of the imaginary part of the noise.
    """
    rng, scan = take.rng, take.scan
    weights = sigma.astype(np.float32)[:, None, None]
    for start, kspace in scan.batches(take.batch_size):
        noise = add_noise(np.zeros_like(kspace), 1.0, scan.n_acquired, rng, scan.acquired)
        yield start, kspace + weights * noise


def measure(take: Take) -> Measurement:
    """Return the scan with noise of its own level; `StudyError` if that cannot be measured."""
    sigma = noise_level(take.scan, take.mask.mask)
    level = float(np.sqrt(np.mean(sigma**2)))
    return Measurement(with_noise(take, sigma), take.mask, details=((sidecars.NOISE_SIGMA, level),))


REPLICAS = DrawMethod("replicas", "added noise of the scan's own level", measure)
