"""Fixtures of the k-space tests."""

import numpy as np
import pytest


@pytest.fixture
def rng_kspace() -> np.ndarray:
    """Random complex64 (slices, n_coils, n_ky, n_kz)."""
    values = np.random.default_rng(1).standard_normal((3, 4, 12, 10, 2), dtype=np.float32)
    return values.view(np.complex64)[..., 0]
