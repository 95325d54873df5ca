"""Radial sampling profiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.kspace.masks.centre import disk
from stages.kspace.masks.profile import RINGS, radial_profile


@given(
    st.integers(1, 50), st.integers(1, 50), st.integers(0, 100), st.sampled_from([None, 1, 3, 7])
)
def test_rings_count_acquired_samples(n_ky: int, n_kz: int, seed: int, width: int | None) -> None:
    rng = np.random.default_rng(seed)
    mask, n_acquired = rng.random((n_ky, n_kz)) < 0.3, int(rng.integers(1, n_kz + 1))
    found = radial_profile(mask, n_acquired, width)
    y, z = np.indices(mask.shape)
    distance = np.hypot(y - n_ky // 2, z - n_kz // 2)
    assert len(found.edges) == len(found.sampled) + 1
    assert width is not None or len(found.sampled) <= RINGS
    counted = 0
    for low, high, sampled in zip(found.edges, found.edges[1:], found.sampled, strict=False):
        ring = (low <= distance) & (distance < high) & (z < n_acquired)
        counted += ring.sum()
        if ring.any():
            assert sampled == pytest.approx(mask[ring].mean())
        else:
            assert np.isnan(sampled)
    assert counted == n_ky * n_acquired


def test_a_disk_is_a_step() -> None:
    found = radial_profile(disk((64, 48), 12), 40, width=4)
    assert list(found.edges[:4]) == [0, 4, 8, 12]
    np.testing.assert_array_equal(found.sampled, [1, 1, 1] + [0] * (len(found.sampled) - 3))
