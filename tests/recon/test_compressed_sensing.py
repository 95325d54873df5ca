"""Compressed sensing against what it must equal, and against zero-filling."""

import numpy as np
import pytest
import sigpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.errors import StudyError
from stages.kspace.fourier import rss_image, to_image
from stages.kspace.masks import SamplingMask
from stages.params.compressed_sensing import CompressedSensingParams
from stages.recon.compressed_sensing import centred, l1_wavelet
from stages.recon.physics import DeviceMask, make_input, zero_filled
from tests.scans import toy_kspace
from tests.tolerances import assert_rounded, fft_operations

MATRICES = [(48, 40), (49, 41)]  # (n_ky, n_kz)
N_COILS = 6


def params(**changes: object) -> CompressedSensingParams:
    values = {"wavelet": "db4", "regularisation": 0.005, "iterations": 30}
    return CompressedSensingParams(**(values | changes))


def phantom(matrix: tuple[int, int], n_slices: int = 1) -> torch.Tensor:
    return torch.from_numpy(toy_kspace((n_slices, *matrix), N_COILS, partial_fourier=1.0))


def random_mask(matrix: tuple[int, int], part: float) -> DeviceMask:
    """Return a mask of a fully sampled centre and a random part of the other positions."""
    y, z = np.indices(matrix)
    calibration = np.hypot(y - matrix[0] // 2, z - matrix[1] // 2) < 7
    sampling = calibration | (np.random.default_rng(0).random(matrix) < part)
    return DeviceMask.of(
        SamplingMask.of(sampling, calibration, n_acquired=matrix[1]), torch.device("cpu")
    )


def iterated(n_iterations: int, matrix: tuple[int, int]) -> float:
    """Return the operations behind a value: each iteration transforms both ways.

    No step of the method, the threshold included, makes a difference larger.
    """
    of_wavelets = 2 * sum(8 + 8 for _ in range(4))  # two ways, four levels, eight taps an axis
    return n_iterations * (2 * fft_operations(*matrix) + 2 * N_COILS + of_wavelets)


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(truth.max() ** 2 / np.mean((image - truth) ** 2)))


@pytest.mark.kernels
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 23), st.integers(4, 23))
def test_the_phase_turns_one_convention_into_the_other(seed: int, n_y: int, n_z: int) -> None:
    values = np.random.default_rng(seed).standard_normal((2, n_y, n_z, 2)) @ [1, 1j]
    image = values.astype(np.complex64)
    files = np.fft.fft2(image, norm="ortho").astype(np.complex64)
    n_operations = 2 * fft_operations(n_y, n_z)
    assert_rounded(to_image(files), image, n_operations)
    assert_rounded(centred(files), sigpy.fft(image, axes=(-2, -1)), n_operations)


@pytest.mark.parametrize("matrix", MATRICES)
def test_it_beats_zero_filling(matrix: tuple[int, int]) -> None:
    kspace, mask = phantom(matrix), random_mask(matrix, 0.25)
    truth = rss_image(kspace.numpy())
    sparse, filled = (
        psnr(method(kspace, mask).numpy(), truth) for method in (l1_wavelet(params()), zero_filled)
    )
    assert sparse > filled + 6


@pytest.mark.kernels
@pytest.mark.parametrize("matrix", MATRICES)
def test_without_undersampling_and_prior_it_is_the_combined_image(matrix: tuple[int, int]) -> None:
    kspace, mask = phantom(matrix), random_mask(matrix, 1.0)
    image = l1_wavelet(params(regularisation=1e-9))(kspace, mask).numpy()
    maps = torch.view_as_complex(make_input(kspace, mask)["sensitivity_map"]).numpy()
    combined = np.abs((maps.conj() * to_image(kspace.numpy())).sum(1))
    assert_rounded(image, combined, iterated(30, matrix))
    assert psnr(image, rss_image(kspace.numpy())) > 40


@pytest.mark.kernels
def test_the_image_follows_the_gain() -> None:
    kspace, mask = phantom(MATRICES[0]), random_mask(MATRICES[0], 0.25)
    method = l1_wavelet(params(iterations=5))
    image = method(kspace, mask)
    assert torch.equal(method(1024 * kspace, mask), 1024 * image)  # no rounding changes
    assert_rounded(method(0.3 * kspace, mask), 0.3 * image, iterated(5, MATRICES[0]))


@pytest.mark.kernels
def test_slices_do_not_depend_on_each_other_or_on_the_time(
    capfd: pytest.CaptureFixture,
) -> None:
    kspace, mask = phantom(MATRICES[1], 3), random_mask(MATRICES[1], 0.25)
    kspace[1] = 0
    method = l1_wavelet(params(iterations=5))
    images = method(kspace, mask)
    assert images.shape == (3, *MATRICES[1])
    assert images.dtype == torch.float32
    assert torch.equal(method(kspace[2:], mask)[0], images[2])
    assert not images[1].any()
    assert capfd.readouterr() == ("", "")  # no bar a slice


def test_a_stronger_prior_is_farther_from_the_data() -> None:
    kspace, mask = phantom(MATRICES[0]), random_mask(MATRICES[0], 1.0)
    weak, strong = (l1_wavelet(params(regularisation=w))(kspace, mask) for w in (1e-4, 0.1))
    truth = rss_image(kspace.numpy())
    assert psnr(strong.numpy(), truth) < psnr(weak.numpy(), truth) - 6


@pytest.mark.parametrize("wavelet", ["db0", "bior2.2", "morl", ""])
def test_wavelets_that_do_not_suit(wavelet: str) -> None:
    with pytest.raises(
        StudyError, match=f"compressed_sensing.wavelet.*orthogonal.*got '{wavelet}'"
    ):
        l1_wavelet(params(wavelet=wavelet))
