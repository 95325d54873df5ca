r"""Prewhitening: coils whose noise is correlated or of unequal strength become alike.

From the samples of a noise scan follows the covariance :math:`\Psi` of the coils; with
:math:`\Psi = L L^H` the data :math:`\sqrt 2 L^{-1} k` have independent noise of standard deviation
1 in each real and imaginary part (Roemer 1990, doi:10.1002/mrm.1910160203; Pruessmann 2001,
doi:10.1002/mrm.1241), once it is accounted for how long scan and noise scan sampled.
"""

import numpy as np

PARTS = 2  # of a complex number
LEAST_PER_COIL = 4  # samples of a noise scan: of fewer the covariance says little


def noise_covariance(noise: np.ndarray) -> np.ndarray:
    """Return the covariance (n_coils, n_coils), complex128, of samples (n_coils, n)."""
    samples = noise.astype(np.complex128)
    samples -= samples.mean(axis=1, keepdims=True)
    return samples @ samples.conj().T / (samples.shape[1] - 1)


def whitening_matrix(covariance: np.ndarray, bandwidth: float = 1.0) -> np.ndarray:
    """Return the matrix (n_coils, n_coils) that whitens data of a scan.

    Args:
        covariance: of its noise scan.
        bandwidth: power of the noise of the scan over that of the noise scan: the sampling times
            inverted, and what of the noise scan's band the receiver lets pass.

    Raises:
        numpy.linalg.LinAlgError: if the noise of the coils is not independent.
    """
    lower = np.linalg.cholesky(covariance * bandwidth)
    return np.sqrt(PARTS) * np.linalg.inv(lower)
