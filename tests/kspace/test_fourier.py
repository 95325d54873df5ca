"""The Fourier convention of the files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.kspace.combination import root_sum_of_squares, rss_image
from stages.kspace.fourier import origin_phase, to_image, to_kspace
from tests.scans import toy_coils, toy_head
from tests.tolerances import assert_rounded, fft_operations

pytestmark = pytest.mark.kernels

sizes = st.integers(1, 9)


def n_operations(*plane: int) -> float:
    """Return the operations of two transforms and a norm."""
    return 2 * fft_operations(*plane) + 2 * float(np.prod(plane))


def complex_normal(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    parts = np.random.default_rng(seed).standard_normal((2, *shape))
    return parts[0] + 1j * parts[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), sizes, sizes)
def test_both_ways_are_unitary(seed: int, n_y: int, n_z: int) -> None:
    x = complex_normal(seed, (2, n_y, n_z))
    for transform in (to_image, to_kspace):
        expected = np.linalg.norm(x)
        assert_rounded(np.linalg.norm(transform(x)), expected, n_operations(n_y, n_z), dtype=float)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), sizes, sizes)
def test_the_modulus_survives_the_round_trip(seed: int, n_y: int, n_z: int) -> None:
    # the phase does not: a checkerboard for even sizes, a ramp for odd ones
    x = complex_normal(seed, (n_y, n_z))
    there_and_back = np.abs(to_image(to_kspace(x)))
    assert_rounded(there_and_back, np.abs(x), n_operations(n_y, n_z), dtype=float)


def test_the_phase_left_over_is_a_checkerboard() -> None:
    x = complex_normal(0, (6, 8))
    y, z = np.indices(x.shape)
    expected = x * (-1.0) ** (y + z)
    assert_rounded(to_image(to_kspace(x)), expected, n_operations(6, 8), dtype=float)


def test_zero_frequency_lies_in_the_middle() -> None:
    kspace = np.abs(to_kspace(np.ones((10, 7))))
    assert np.unravel_index(kspace.argmax(), kspace.shape) == (5, 3)


def test_the_head_is_not_rolled() -> None:
    head, coils = toy_head()[3], toy_coils()[3]
    image = rss_image(to_kspace(head * coils))
    expected = head * root_sum_of_squares(coils)
    assert_rounded(image, expected, n_operations(*head.shape) + 2 * len(coils))


def test_root_sum_of_squares_against_numpy() -> None:
    x = complex_normal(3, (5, 4, 3, 2))
    np.testing.assert_allclose(root_sum_of_squares(x), np.linalg.norm(x, axis=1))


@pytest.mark.parametrize("matrix", [(24, 20), (25, 21), (24, 21), (5, 8)])
def test_the_origin_of_a_centred_transform_moves(matrix: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    image = rng.standard_normal((2, *matrix)) + 1j * rng.standard_normal((2, *matrix))
    axes = (-2, -1)
    theirs = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image, axes=axes)), axes=axes)
    ours = np.fft.fftshift(np.fft.fft2(image), axes=axes)
    scale = np.abs(ours).max()
    assert np.abs(theirs * origin_phase(matrix) - ours).max() < 2e-7 * scale  # a complex64's eps
    plain = np.outer(*((-1.0) ** np.arange(n) for n in matrix))
    if all(n % 2 == 0 for n in matrix):
        np.testing.assert_array_equal(origin_phase(matrix) / origin_phase(matrix)[0, 0], plain)
