"""The SD of an image under noise against closed forms, explicit Jacobians and replicas."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.sensitivities import coil_images
from stages.recon.inference import Learned, learned
from stages.recon.learned.networks import build_engine, network_options, set_training
from stages.recon.noise_map import (
    Probing,
    coloured,
    held,
    noise_map,
    probed_variance,
    random_signs,
    smoothed,
)
from stages.recon.physics import DeviceMask, zero_filled
from tests.recon.conftest import CPU, train_params
from tests.scans import N_COILS

ARCHITECTURES = ["unet", "varnet", "rim"]
SIGMA = np.linspace(0.5, 2, N_COILS)
LEVEL = np.full(N_COILS, 1e-3, dtype=np.float32)  # a fifth of the noise of the scan


def network(architecture: str) -> Learned:
    engine = build_engine(network_options(train_params(architecture)), CPU, seed=0)
    set_training(engine, False)
    return learned(engine)


def every_voxel(matrix: tuple[int, int]) -> torch.Tensor:
    """Return a colour of its own for each voxel: the diagonal is then exact."""
    return torch.arange(matrix[0] * matrix[1]).reshape(matrix)


def levels(mask: np.ndarray, sigma: np.ndarray) -> torch.Tensor:
    return torch.from_numpy((sigma[:, None, None] ** 2 * mask).astype(np.float32))


def linear(weights: np.ndarray) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return x = Re(sum over c of conj(w_c) F^-1 k_c)."""
    combine = torch.from_numpy(weights.conj().astype(np.complex64))
    return lambda kspace: (combine * coil_images(kspace)).sum(1).real


def covariance(weights: np.ndarray, mask: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return that of the voxels of the same x, from its matrix written out, (voxels, voxels)."""
    transforms = [np.exp(2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) for n in mask.shape]
    inverse = np.einsum("ak,bl->abkl", *transforms) / np.sqrt(mask.size) * mask
    rows = sigma[:, None, None, None, None] * weights.conj()[..., None, None] * inverse
    flat = rows.transpose(1, 2, 0, 3, 4).reshape(mask.size, -1)
    jacobian = np.concatenate([flat.real, -flat.imag], axis=1)
    return jacobian @ jacobian.T


@pytest.fixture
def operator() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of two coils, a mask, and the noise of the coils."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((2, 5, 4)) + 1j * rng.standard_normal((2, 5, 4))
    return weights, rng.random((5, 4)) < 0.6, np.array([0.5, 2.0])


def test_one_colour_a_voxel_gives_the_exact_diagonal(operator) -> None:
    weights, mask, sigma = operator
    kspace, signs = torch.zeros((1, *weights.shape), dtype=torch.complex64) + 1, torch.ones(1, 5, 4)
    found = probed_variance(
        linear(weights), kspace, levels(mask, sigma), signs, every_voxel(mask.shape)
    )
    exact = np.diag(covariance(weights, mask, sigma)).reshape(mask.shape)
    np.testing.assert_allclose(found[0].numpy(), exact, rtol=1e-3)  # a difference in float32


def test_few_colours_err_by_the_covariance_within_a_colour(operator) -> None:
    weights, mask, sigma = operator
    n = 4000
    kspace = torch.ones((n, *weights.shape), dtype=torch.complex64)
    signs, colours = random_signs(mask.shape, 0, range(n)), coloured(mask.shape, 3)
    variances, several = levels(mask, sigma), torch.from_numpy(colours)
    found = probed_variance(linear(weights), kspace, variances, signs, several)
    whole = covariance(weights, mask, sigma)
    others = (colours.ravel()[:, None] == colours.ravel()) & ~np.eye(mask.size, dtype=bool)
    error = np.sqrt((whole**2 * others).sum(axis=1)).reshape(mask.shape)
    exact = np.diag(whole).reshape(mask.shape)
    assert (np.abs(found.mean(0).numpy() - exact) < 5 * error / np.sqrt(n) + 1e-3 * exact).all()
    np.testing.assert_allclose(found.std(0).numpy(), error, rtol=0.15)


def test_one_coil_far_above_its_noise_has_the_sampled_fraction_of_it() -> None:
    # a bright voxel moves with the noise along its phase: variance sigma^2 times that fraction
    mask = np.random.default_rng(1).random((12, 10)) < 0.5
    mask[0, 0] = True
    kspace = torch.zeros((1, 1, 12, 10), dtype=torch.complex64)
    kspace[0, 0, 0, 0] = 1e3
    on = torch.from_numpy(mask)[None, None]
    image_of = held(zero_filled, kspace, DeviceMask(on, on, ~on))
    signs, several = torch.ones(1, 12, 10), every_voxel((12, 10))
    found = probed_variance(image_of, kspace, levels(mask, np.array([0.3])), signs, several)
    np.testing.assert_allclose(found[0].numpy(), 0.09 * mask.mean(), rtol=2e-2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_map_is_the_sd_of_replicas(architecture: str, scan: Scan, drawn: SamplingMask) -> None:
    # copies of a slice: with other signs for the map, with other noise, so small that the network
    # is linear, for the replicas
    n, copies, mask, matrix = 200, 40, DeviceMask.of(drawn, CPU), drawn.mask.shape
    one, method = torch.from_numpy(scan.read(3, 4)), network(architecture)
    same = one.repeat(copies, 1, 1, 1)
    signs, several = random_signs(matrix, 0, range(copies)), torch.from_numpy(coloured(matrix, 8))
    where = levels(drawn.mask, LEVEL), signs, several
    ours = probed_variance(held(method, same, mask), same, *where).mean(0).numpy()
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((n, *one.shape[1:], 2)).astype(np.float32).view(np.complex64)
    with torch.no_grad():
        moved = one + LEVEL[0] * torch.from_numpy(noise[..., 0])
        theirs = held(method, one.repeat(n, 1, 1, 1), mask)(moved).var(0).numpy()
    # their relative SD is sqrt(2 / n); ours sqrt(sum of squared correlations / copies), at most
    # twice that: noise of neighbouring voxels is correlated
    ratio, spread = ours / theirs, np.sqrt(2 / n)
    assert abs(np.median(ratio) - 1) < spread
    assert np.percentile(np.abs(ratio - 1), 68) < 3 * spread


def test_voxels_of_a_colour_lie_apart() -> None:
    colours = coloured((40, 36), 18)
    assert set(np.unique(colours)) == set(range(18))
    points = np.argwhere(colours == 7)
    apart = np.hypot(*(points[:, None] - points).T)
    assert apart[apart > 0].min() == pytest.approx(np.sqrt(18))  # 3 x 3 up, the best of all


def test_the_map_depends_on_its_seed_and_not_on_the_batch(scan: Scan, drawn: SamplingMask) -> None:
    def found(seed: int, batch_size: int) -> np.ndarray:
        probing = Probing(colours=3, smoothing_voxels=0.0, seed=seed)
        return noise_map(scan, drawn, zero_filled, SIGMA, probing, CPU, batch_size)

    one = found(0, 4)
    assert one.shape == scan.shape and one.dtype == np.float32
    np.testing.assert_array_equal(found(0, 4), one)
    np.testing.assert_allclose(found(0, 1), one, rtol=1e-2)
    assert not np.allclose(found(1, 4), one, rtol=0.1)


def test_noise_of_twice_the_sd_has_twice_the_map(scan: Scan, drawn: SamplingMask) -> None:
    probing = Probing(colours=6, smoothing_voxels=0.5, seed=0)
    method = network("unet")
    one, two = (
        noise_map(scan, drawn, method, level * 1e-3 * np.ones(N_COILS), probing, CPU, 6)
        for level in (1, 2)
    )
    inside = one > np.median(one)
    assert np.median(two[inside] / one[inside]) == pytest.approx(2, rel=0.02)


def test_smoothing_keeps_the_mean_variance() -> None:
    rng = np.random.default_rng(3)
    variance = rng.chisquare(3, size=(6, 9, 8))
    found = smoothed(variance, 0.7)
    assert found.mean() == pytest.approx(variance.mean())
    assert found.std() < variance.std()
    np.testing.assert_array_equal(smoothed(variance, 0.0), variance)
    assert (smoothed(-variance, 0.5) == 0).all()
