"""Smooth fields and warps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.anatomy.fields import displacement, exponential, smooth_noise, upsample


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), sigma=st.sampled_from([1.2, 3.0, 5.0]))
def test_noise_has_unit_variance(seed: int, sigma: float) -> None:
    noise = smooth_noise((40, 36, 32), sigma, np.random.default_rng(seed))
    assert noise.shape == (40, 36, 32)
    assert noise.dtype == np.float32
    assert 0.6 < noise.std() < 1.4


def test_wide_noise_is_smooth() -> None:
    rng = np.random.default_rng(0)
    fine, wide = (smooth_noise((48, 48, 48), sigma, rng) for sigma in (1.2, 8.0))
    assert np.abs(np.diff(wide, axis=0)).mean() < 0.3 * np.abs(np.diff(fine, axis=0)).mean()


def test_band_pass_has_no_mean() -> None:
    noise = smooth_noise((48, 48, 48), 2.0, np.random.default_rng(0), outer_sigma=4.0)
    assert abs(noise.mean()) < 0.05


def test_upsampling_keeps_a_linear_ramp() -> None:
    coarse = np.arange(6.0).reshape(6, 1, 1) + np.zeros((6, 6, 6))
    fine = upsample(coarse, 3, (15, 14, 13))
    assert fine[:, 0, 0] == pytest.approx(np.arange(15) / 3, abs=1e-5)


def test_flow_of_a_constant_field_is_the_field() -> None:
    velocity = np.full((3, 12, 12, 12), 0.5, np.float32)
    assert exponential(velocity) == pytest.approx(velocity, abs=1e-4)


def test_flow_against_small_euler_steps() -> None:
    x = np.arange(20.0)
    velocity = np.zeros((3, 20, 4, 4), np.float32)
    velocity[0] = (np.sin(x / 5)).reshape(-1, 1, 1)
    position = x.copy()
    for _ in range(2000):
        position += np.interp(position, x, velocity[0, :, 0, 0]) / 2000
    assert exponential(velocity)[0, 2:15, 1, 1] == pytest.approx(position[2:15] - x[2:15], abs=0.02)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_warp_never_folds(seed: int) -> None:
    shift = displacement((64, 64, 64), (1.5, 0.7), (28.0, 14.0), np.random.default_rng(seed))
    slopes = np.stack([np.stack(np.gradient(part, 4.0)) for part in shift])
    jacobian = np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3)
    assert np.linalg.det(jacobian).min() > 0
