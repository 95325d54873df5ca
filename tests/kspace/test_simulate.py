"""Simulated k-space: the files' Fourier convention, truncation, noise, partial Fourier."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from stages.kspace.files import DATASET
from stages.kspace.fourier import to_kspace
from stages.kspace.simulate import (
    Acquisition,
    coils_at,
    simulate,
    truncate_readout,
    truncated_kspace,
    write_slices,
)
from tests.tolerances import assert_rounded, fft_operations

pytestmark = pytest.mark.kernels

SCAN = Acquisition(grid=(10, 28, 22), factor=2, n_coils=4, snr=50, partial_fourier=1.0)
FINE = (20, 56, 44)


def lopsided_object() -> np.ndarray:
    """A smooth object far from the middle of a fine grid, with a phase."""
    blob = np.zeros(FINE, np.float32)
    blob[4:16, 6:34, 18:40] = 1
    blob[6:12, 10:18, 22:30] = 0.3
    smooth = ndimage.gaussian_filter(blob, 1.5)
    return (smooth * np.exp(0.7j)).astype(np.complex64)


def scanned(image: np.ndarray, scan: Acquisition, seed: int = 0) -> np.ndarray:
    """All slices, (n_slices, n_coils, n_ky, n_kz)."""
    rng = np.random.default_rng(seed)
    return np.stack(list(simulate(image, np.abs(image) > 0.9, scan, rng)))


def combined(kspace: np.ndarray) -> np.ndarray:
    """Root of the sum of squares by the plain transform that reads the real files."""
    unshifted = np.fft.ifftshift(kspace, axes=(-2, -1))
    images = np.fft.ifft2(unshifted, norm="ortho")
    return np.sqrt(np.square(np.abs(images)).sum(axis=1))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_plain_inverse_gives_the_object_where_it_is() -> None:
    image = lopsided_object()
    positions = [SCAN.axis_mm(axis, 1) for axis in range(3)]
    shading = np.sqrt(np.square(np.abs(coils_at(positions, SCAN))).sum(0))
    truth = (np.abs(image) * shading)[::2, ::2, ::2]
    found = combined(scanned(image, SCAN))
    assert correlation(found, truth) > 0.99
    assert found[truth > 0.8].mean() == pytest.approx(truth[truth > 0.8].mean(), rel=0.02)
    assert correlation(np.roll(found, 14, axis=1), truth) < 0.5
    assert correlation(np.roll(found, 11, axis=2), truth) < 0.5


def test_without_coarsening_it_is_the_plain_transform() -> None:
    rng = np.random.default_rng(0)
    image = (rng.normal(size=(3, 12, 10)) + 1j * rng.normal(size=(3, 12, 10))).astype(np.complex64)
    assert_rounded(truncated_kspace(image, (12, 10)), to_kspace(image), fft_operations(12, 10))
    assert truncate_readout(image, 3) is image


@settings(max_examples=20, deadline=None)
@given(
    n_ky=st.integers(4, 11),
    n_kz=st.integers(4, 11),
    factor=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_truncation_against_a_direct_sum(n_ky: int, n_kz: int, factor: int, seed: int) -> None:
    image = np.random.default_rng(seed).normal(size=(n_ky * factor, n_kz * factor))
    found = truncated_kspace(image.astype(np.complex64), (n_ky, n_kz))
    rows, columns = ((np.arange(n) - n // 2)[:, None] for n in (n_ky, n_kz))
    left = np.exp(-2j * np.pi * rows * np.arange(n_ky * factor) / (n_ky * factor))
    right = np.exp(-2j * np.pi * columns * np.arange(n_kz * factor) / (n_kz * factor))
    expected = left @ image @ right.T / factor**2 / np.sqrt(n_ky * n_kz)
    assert_rounded(found, expected, fft_operations(n_ky * factor, n_kz * factor))


def test_constant_image_has_its_energy_at_the_centre() -> None:
    kspace = truncated_kspace(np.ones((1, 16, 12), np.complex64), (8, 6))[0]
    assert kspace[4, 3] == pytest.approx(np.sqrt(48))
    kspace[4, 3] = 0
    assert_rounded(kspace, np.zeros_like(kspace), fft_operations(16, 12), scale=np.sqrt(48))


def test_readout_keeps_what_is_smooth() -> None:
    z = np.arange(24)
    image = np.exp(2j * np.pi * 3 * z / 24).astype(np.complex64).reshape(-1, 1, 1)
    assert_rounded(truncate_readout(image, 12), image[::2], 2 * fft_operations(24))


def test_partial_fourier_columns_are_zero() -> None:
    scan = Acquisition((10, 28, 22), 2, 4, 50, 0.85)
    kspace = scanned(lopsided_object(), scan)
    assert kspace.dtype == np.complex64
    assert (kspace[..., 19:] == 0).all()  # ceil(0.85 * 22) = 19 columns are acquired
    assert (kspace[..., :19] != 0).all()


def test_noise_has_the_asked_strength() -> None:
    image = lopsided_object()
    loud, still = (scanned(image, Acquisition((10, 28, 22), 2, 4, snr, 1.0)) for snr in (20, 1e6))
    noise = scipy.fft.ifft2(loud - still, norm="ortho")
    signal = combined(still)[np.abs(image)[::2, ::2, ::2] > 0.9].mean()
    assert noise.real.std() == pytest.approx(signal / 20, rel=0.05)
    assert noise.imag.std() == pytest.approx(signal / 20, rel=0.05)


def test_other_seed_other_noise() -> None:
    first, again, other = (scanned(lopsided_object(), SCAN, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_file_has_the_format_and_no_time(tmp_path: Path) -> None:
    kspace = scanned(lopsided_object(), SCAN)
    for name in ("a.h5", "b.h5"):
        write_slices(tmp_path / name, iter(kspace), SCAN.grid, SCAN.n_coils)
    with h5py.File(tmp_path / "a.h5") as file:
        data = file[DATASET][:]
    assert data.dtype == np.float32
    assert data.shape == (10, 28, 22, 8)
    assert np.array_equal(data[..., 2::2][..., 0], kspace[:, 1].real)
    assert np.array_equal(data[..., 1::2][..., 3], kspace[:, 3].imag)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
