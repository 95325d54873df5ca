"""Coil sensitivities from the calibration lines."""

import numpy as np
import pytest
import torch
from direct.data.mri_transforms import EstimateSensitivityMapModule
from direct.types import KspaceKey

from stages.kspace.fourier import to_image
from stages.kspace.sensitivities import divide, root_sum_of_squares, sensitivity_maps
from stages.recon.networks import fourier_operators
from tests.scans import toy_coils, toy_head, toy_kspace
from tests.tolerances import assert_rounded, fft_operations

pytestmark = pytest.mark.kernels


@pytest.fixture(scope="module")
def kspace() -> torch.Tensor:
    return torch.from_numpy(toy_kspace())


@pytest.fixture(scope="module")
def disk(kspace: torch.Tensor) -> torch.Tensor:
    y, z = np.indices(kspace.shape[-2:])
    return torch.from_numpy((y - 12) ** 2 + (z - 10) ** 2 < 16)


def test_maps_equal_directs(kspace: torch.Tensor, disk: torch.Tensor) -> None:
    module = EstimateSensitivityMapModule(
        KspaceKey.KSPACE, fourier_operators()["backward_operator"], gaussian_sigma=0.7
    )
    sample = {
        "kspace": torch.view_as_real(kspace),
        "acs_mask": disk[None, None, :, :, None].float(),
    }
    theirs = module(sample)["sensitivity_map"]
    ours = torch.view_as_real(sensitivity_maps(kspace, disk))
    # the error of a transform is even over all pixels, its quotient with the signal is not
    width = np.linspace(-1, 1, kspace.shape[-1])
    images = to_image((kspace * disk).numpy() * np.exp(-((width / 0.7) ** 2)))
    signal = root_sum_of_squares(torch.from_numpy(images), keepdim=True)[..., None]
    scale = 2 * float(np.sqrt(np.mean(np.abs(images) ** 2))) / signal
    assert_rounded(ours, theirs, fft_operations(*kspace.shape[-2:]), scale=scale)


def test_squares_sum_to_one(kspace: torch.Tensor, disk: torch.Tensor) -> None:
    total = root_sum_of_squares(sensitivity_maps(kspace, disk))
    assert_rounded(total, torch.ones_like(total), 3 * 2 * kspace.shape[1])


def test_nothing_beyond_the_calibration_lines_counts(
    kspace: torch.Tensor, disk: torch.Tensor
) -> None:
    disturbed = torch.where(disk, kspace, 100 + 3j)
    assert torch.equal(sensitivity_maps(disturbed, disk), sensitivity_maps(kspace, disk))


def test_maps_resemble_the_true_ones(kspace: torch.Tensor, disk: torch.Tensor) -> None:
    found = sensitivity_maps(kspace, disk)[2].abs().numpy()
    true = np.abs(toy_coils()[2])
    true /= np.linalg.norm(true, axis=0)
    head = toy_head()[2] > 0.2
    assert np.corrcoef(found[:, head].ravel(), true[:, head].ravel())[0, 1] > 0.95


def test_blank_slices_give_zero_maps(disk: torch.Tensor) -> None:
    maps = sensitivity_maps(torch.zeros(1, 4, 24, 20, dtype=torch.complex64), disk)
    assert not maps.any()


def test_division_by_zero_is_zero() -> None:
    quotient = divide(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 4.0]))
    assert torch.equal(quotient, torch.tensor([0.0, 0.5]))
