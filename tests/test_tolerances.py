"""Bounds of rounding hold where they must and catch what exceeds them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import (
    assert_not_farther,
    assert_rounded,
    error,
    fft_operations,
    float64,
    nudged,
    rounding,
)


@given(st.integers(0, 99), st.integers(1, 3000))
def test_sums_in_any_order_lie_within_the_bound(seed: int, n: int) -> None:
    values = np.random.default_rng(seed).standard_normal(n, dtype=np.float32)
    one_by_one = np.cumsum(values, dtype=np.float32)[-1]
    moduli = np.abs(values).sum(dtype=float)
    for found in (one_by_one, np.cumsum(values[::-1], dtype=np.float32)[-1]):
        assert_rounded(found, values.sum(dtype=float), n, scale=moduli)


def test_a_sum_that_misses_a_term_is_caught() -> None:
    values = np.random.default_rng(0).standard_normal(1000, dtype=np.float32)
    moduli, left_out = np.abs(values).sum(dtype=float), np.argmax(np.abs(values))
    with pytest.raises(AssertionError, match="1 of 1 beyond, up to .* times the bound"):
        found = np.delete(values, left_out).sum(dtype=float)
        assert_rounded(found, values.sum(dtype=float), 1000, scale=moduli)


@pytest.mark.parametrize("shape", [(24, 20), (25, 19), (218, 170), (109, 127), (1, 64)])
def test_transforms_lie_within_the_bound_and_a_wrong_value_does_not(shape: tuple) -> None:
    values = np.random.default_rng(0).standard_normal((*shape, 2)).astype(np.float32)
    image = values.view(np.complex64)[..., 0]
    expected = np.fft.fft2(image.astype(complex), norm="ortho")
    found = torch.fft.fft2(torch.from_numpy(image), norm="ortho").numpy()
    assert_rounded(found, expected, fft_operations(*shape))
    found[0, 0] += 1e-4 * np.abs(expected).max()
    with pytest.raises(AssertionError, match=f"1 of {expected.size} beyond"):
        assert_rounded(found, expected, fft_operations(*shape))


def test_nan_is_beyond_any_bound() -> None:
    with pytest.raises(AssertionError, match="1 of 2 beyond"):
        assert_rounded([1.0, np.nan], [1.0, 1.0], 10)
    with pytest.raises(AssertionError, match="got nan"):
        assert_not_farther([1.0, np.nan], [[1.0, 1.0]], [1.0, 1.0])


def test_farther_is_what_exceeds_the_factor_and_the_rounding() -> None:
    truth = np.random.default_rng(0).standard_normal(500)
    off = np.random.default_rng(1).standard_normal(500)
    theirs = [truth + 1e-4 * off, truth - 2e-4 * off]
    assert_not_farther(truth + 7e-4 * off, theirs, truth)
    with pytest.raises(AssertionError, match="expected a distance of at most"):
        assert_not_farther(truth + 9e-4 * off, theirs, truth)
    # others that are exact by chance leave the rounding of the operations
    assert_not_farther(truth.astype(np.float32), [truth], truth, n_operations=1)
    with pytest.raises(AssertionError):
        assert_not_farther(truth * (1 + 2 * rounding(1)), [truth], truth, n_operations=1)


def test_what_is_not_the_same_program_is_no_truth() -> None:
    with pytest.raises(AssertionError, match="expected the same program in float64, got 5.0e-01"):
        assert_not_farther([1.0, 1.0], [[1.0, 1.0]], [2.0, 2.0])


def test_the_error_is_relative_to_the_largest_value() -> None:
    assert error([3.0, 4.0], [3.0, 5.0]) == pytest.approx(np.sqrt(0.5) / 5)
    assert error([1e-9, 0.0], [0.0, 0.0]) == pytest.approx(np.sqrt(0.5) * 1e-9)


@given(st.integers(0, 99))
def test_a_nudge_is_one_unit_in_the_last_place(seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((4, 2), dtype=np.float32)
    values[0] = 0
    kspace = values.view(np.complex64)[:, 0]
    found = nudged(kspace, seed)
    assert found.dtype == np.complex64 and found.shape == kspace.shape and found[0] == 0
    parts, before = found.view(np.float32).reshape(4, 2)[1:], values[1:]
    assert (parts != before).all()
    assert (np.abs(parts - before) <= np.spacing(np.abs(before))).all()


def test_casts_are_to_float64_inside_and_to_float32_afterwards() -> None:
    with float64():
        assert torch.zeros(1).dtype == torch.zeros(1, dtype=torch.int32).float().dtype
        assert torch.zeros(1).float().dtype == torch.float64
    assert torch.zeros(1).double().float().dtype == torch.zeros(1).dtype == torch.float32
