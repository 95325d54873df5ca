"""Flips and shifts are undone: what is the same for the moved head is the same image."""

from itertools import product

import numpy as np
import pytest

from stages.kspace.combination import rss_image
from stages.kspace.fourier import to_kspace
from stages.kspace.masks.sampling import SamplingMask
from stages.recon.draws.transforms import (
    Transform,
    drawn,
    measure,
    moved,
    moved_back,
    moved_mask,
)
from stages.recon.inference import learned, reconstruct_scan, reconstruct_slices
from stages.recon.learned.networks import build_engine, network_options, set_training
from stages.recon.physics import zero_filled
from tests.recon.conftest import CPU, train_params
from tests.tolerances import assert_rounded, fft_operations

FLIPS = list(product([False, True], repeat=2))
SIZES = [(24, 20), (25, 20), (24, 21), (15, 17)]


def noise(shape: tuple[int, ...]) -> np.ndarray:
    values = np.random.default_rng(0).standard_normal((*shape, 2)) @ np.array([1, 1j])
    return values.astype(np.complex64)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("flips", FLIPS)
def test_whole_voxels_and_flips_are_undone_exactly(flips, size) -> None:
    kspace = noise((2, 3, *size))
    transform = Transform(*flips, (3.0, -2.0))
    image = rss_image(moved(kspace, transform))
    n = 3 * fft_operations(*size) + 20
    assert_rounded(moved_back(image, transform), rss_image(kspace), n)


@pytest.mark.parametrize("flips", FLIPS)
def test_a_flip_is_one_of_the_image(flips) -> None:
    image = np.zeros((1, 1, 8, 6))
    image[0, 0, 1, 2] = 1.0
    found = rss_image(moved(to_kspace(image), Transform(*flips)))[0]
    place = np.unravel_index(found.argmax(), found.shape)
    assert place == (7 if flips[0] else 1, 4 if flips[1] else 2)


def test_half_a_voxel_of_a_smooth_blob_is_undone() -> None:
    # its spectrum ends before that of the matrix: exp(-(pi 3)^2 / 2) = 5e-20 at the edge
    y, z = np.meshgrid(np.arange(40), np.arange(44), indexing="ij")
    blob = np.exp(-((y - 20) ** 2 + (z - 21) ** 2) / (2 * 3.0**2))
    transform = Transform(True, False, (0.5, -0.3))
    image = rss_image(moved(to_kspace(blob[None, None]), transform))
    assert np.abs(image - blob).max() > 0.01
    assert_rounded(moved_back(image, transform), blob[None], 3 * fft_operations(40, 44) + 20)


@pytest.mark.parametrize("flips", FLIPS)
def test_the_mask_keeps_the_same_samples(flips, take) -> None:
    mask, transform = take("transforms").mask, Transform(*flips)
    kspace = noise((1, 2, *mask.mask.shape))
    before = moved(kspace * mask.mask, transform)
    found = moved_mask(mask, transform)
    assert (before == moved(kspace, transform) * found.mask).all()
    assert found.mask.sum() == mask.mask.sum()
    assert not found.mask[:, mask.n_acquired :].any()  # what partial Fourier leaves out


def test_the_identity_gives_the_plain_reconstruction(take, scan, monkeypatch) -> None:
    engine = build_engine(network_options(train_params("unet")), CPU, seed=0)
    set_training(engine, False)
    monkeypatch.setattr("stages.recon.draws.transforms.drawn", lambda *_: Transform())
    one = take("transforms")
    found = measure(one)
    parts = scan.shape, found.batches, found.mask, learned(engine), CPU
    plain = reconstruct_scan(scan, one.mask, learned(engine), CPU, one.batch_size)
    assert (found.undo(reconstruct_slices(*parts)) == plain).all()


def test_an_equivariant_reconstruction_draws_one_image(take, scan) -> None:
    one = take("transforms", shift_voxels=0.0)
    found = measure(one)
    image = found.undo(reconstruct_slices(scan.shape, found.batches, found.mask, zero_filled, CPU))
    plain = reconstruct_scan(scan, one.mask, zero_filled, CPU, 4)
    assert_rounded(image, plain, 2 * fft_operations(*scan.shape[1:]) + 20)


def test_shifts_stay_within_the_largest() -> None:
    rng = np.random.default_rng(0)
    found = [drawn(0.25, rng) for _ in range(200)]
    assert np.abs([one.shift for one in found]).max() <= 0.25
    assert len({(one.flip_y, one.flip_z) for one in found}) == len(FLIPS)


def test_regions_are_turned_round_too() -> None:
    region = np.zeros((6, 5), dtype=bool)
    region[1:4, :4] = True
    calibration = np.zeros_like(region)
    calibration[3, 2] = True
    mask = SamplingMask(region, calibration, 1.0, 2.5, region)
    found = moved_mask(mask, Transform(True, False))
    assert found.region is not None
    assert (found.region[[3, 4, 5]] == region[[3, 2, 1]]).all()
