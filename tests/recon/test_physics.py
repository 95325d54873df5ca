"""Batches against DIRECT's own per-slice transforms on the same file and mask."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from direct.data.datasets import CalgaryCampinasDataset
from direct.data.mri_transforms import build_mri_transforms
from direct.data.samplers import ConcatDatasetBatchSampler
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.variable_density_poisson import draw_mask
from stages.recon.learned.networks import fourier_operators
from stages.recon.learned.order import Picks
from stages.recon.learned.slices import Slices, fetch, masks_of
from stages.recon.physics import DeviceMask, make_batch, make_input, scaling_factors, zero_filled
from tests.recon.conftest import CPU, direct_in_float64, nudged_kspace, nudged_scans
from tests.scans import GRID, N_COILS, PARTIAL_FOURIER, fabricate_scan
from tests.tolerances import assert_not_farther, assert_rounded, fft_operations

KEYS = ("masked_kspace", "kspace", "sensitivity_map", "target", "scaling_factor")


def direct_items(scan: Scan, drawn: SamplingMask, **options: object) -> list[dict]:
    """Return every slice as DIRECT's dataset and transforms give it."""
    dataset = direct_dataset(scan, drawn, **options)
    return [dataset[index] for index in range(scan.n_slices)]


def direct_item(scan: Scan, drawn: SamplingMask, index: int) -> dict:
    """Return one slice as DIRECT gives it with the challenge's settings."""
    return direct_dataset(scan, drawn, padding_eps=0.001)[index]


def direct_dataset(scan: Scan, drawn: SamplingMask, **options: object) -> CalgaryCampinasDataset:
    """Return DIRECT's data set of one scan."""
    transforms = build_mri_transforms(
        **fourier_operators(),
        mask_func=None,
        sensitivity_maps_gaussian=0.7,
        delete_acs_mask=False,
        delete_kspace=False,
        **options,
    )
    name = scan.path.name
    masks = {
        "sampling_mask": {name: drawn.mask[None, :, :, None]},
        "acs_mask": {name: drawn.calibration[None, :, :, None]},
    }
    return CalgaryCampinasDataset(
        scan.path.parent, transforms, pass_dictionaries=masks, filenames_filter=[scan.path]
    )


def assert_directs_batch(
    ours: dict[str, torch.Tensor],
    scans: list[Scan],
    drawn: SamplingMask,
    padding_eps: float,
) -> None:
    """Check a batch of a whole scan against DIRECT's items in float64.

    Sensitivities divide by the signal of all coils, which is small beside the head.

    Args:
        ours: batch of the study.
        scans: scan of the batch and copies of it with other last bits.
        drawn: mask of the scan.
        padding_eps: of DIRECT's transforms.
    """
    theirs = [direct_items(scan, drawn, padding_eps=padding_eps) for scan in scans]
    with direct_in_float64():
        truth = direct_items(scans[0], drawn, padding_eps=padding_eps)
    for key in KEYS:
        shape = ours[key].shape
        near = [stacked(items, key).reshape(shape) for items in theirs]
        expected = stacked(truth, key).reshape(shape)
        assert expected.dtype == torch.float64, key
        assert_not_farther(ours[key], near, expected)


def stacked(items: list[dict], key: str) -> torch.Tensor:
    """Return one quantity of all slices."""
    return torch.stack([torch.as_tensor(item[key]) for item in items])


# eps 0 switches DIRECT's search for zero-padded positions off, .001 is the challenge's setting
@pytest.mark.kernels
@pytest.mark.parametrize("padding_eps", [0.0, 0.001])
def test_batches_equal_directs_items(
    scan: Scan, drawn: SamplingMask, slices: Slices, padding_eps: float, tmp_path: Path
) -> None:
    scans = [scan, *nudged_scans(scan, tmp_path)]
    assert_directs_batch(slices.batch(slice(None), CPU), scans, drawn, padding_eps)


# n_kz of the challenge: every scan has 12 coils and 218 lines
@pytest.mark.parametrize("n_kz", [170, pytest.param(174, marks=pytest.mark.kernels), 180])
def test_batches_equal_directs_items_at_full_size(n_kz: int, tmp_path: Path) -> None:
    # nothing is left out in the file: each reader drops the columns that were not acquired itself
    path = tmp_path / "scans/a.h5"
    path.parent.mkdir()
    fabricate_scan(path, grid=(2, 218, n_kz), n_coils=12, partial_fourier=1.0)
    scan = open_scan(path, ScanFormat(12, 0.85))
    options = MaskOptions(5.0, "acquired", 0.0276, 0.05)
    drawn = draw_mask((218, n_kz), scan.n_acquired, options, n_kz)
    slices = Slices(torch.from_numpy(scan.read()), DeviceMask.of(drawn, CPU))
    scans = [scan, *nudged_scans(scan, tmp_path, n=2)]
    assert_directs_batch(slices.batch(slice(None), CPU), scans, drawn, padding_eps=0.001)


@pytest.mark.kernels
def test_mixed_batches_equal_those_that_direct_trains_on(tmp_path: Path) -> None:
    scans, masks = [], {}
    for k, n_kz in enumerate((20, 20, 20, 22, 22)):
        path = tmp_path / f"scans/{n_kz}/s{k}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        fabricate_scan(path, (*GRID[:2], n_kz), seed=k)
        scan = open_scan(path, ScanFormat(N_COILS, PARTIAL_FOURIER))
        options = MaskOptions(3.0, "acquired", 0.06, 0.02)
        masks[path.name] = draw_mask((GRID[1], n_kz), scan.n_acquired, options, k)
        scans.append(scan)
    nudged = [nudged_scans(scan, tmp_path / scan.path.stem, n=2) for scan in scans]
    training = [
        Slices(torch.from_numpy(scan.read()), DeviceMask.of(masks[scan.path.name], CPU))
        for scan in scans
    ]
    # the data sets of DIRECT, one a matrix, that its sampler draws from in training
    sets = [[k for k, scan in enumerate(scans) if scan.n_kz == n_kz] for n_kz in (20, 22)]
    picks = [[(k, index) for k in members for index in range(GRID[0])] for members in sets]
    sampler = ConcatDatasetBatchSampler(picks, batch_size=4, seed=0)
    everything = [*picks[0], *picks[1]]
    for batch in islice(sampler, 3):
        chosen = [everything[int(index)] for index in batch]
        assert len({k for k, _ in chosen}) > 1
        kspace = fetch(training, chosen, CPU)
        ours = make_batch(kspace, masks_of(training, chosen))

        def directs(which: Callable[[int], Scan], chosen: Picks = chosen) -> list[dict]:
            return [direct_item(which(k), masks[scans[k].path.name], n) for k, n in chosen]

        with direct_in_float64():
            truth = directs(lambda k: scans[k])
        theirs = [directs(lambda k: scans[k])]
        theirs += [directs(lambda k, copy=copy: nudged[k][copy]) for copy in range(2)]
        for key in (*KEYS, "sampling_mask", "acs_mask"):
            shape = ours[key].shape
            near = [stacked(items, key).reshape(shape) for items in theirs]
            assert_not_farther(ours[key], near, stacked(truth, key).reshape(shape))


def test_masks_have_directs_shape(scan: Scan, drawn: SamplingMask, slices: Slices) -> None:
    item = direct_items(scan, drawn)[0]
    batch = slices.batch([0, 1], CPU)
    for key in ("sampling_mask", "acs_mask"):
        assert batch[key].shape == (2, *item[key].shape)
        assert torch.equal(batch[key][0].float(), item[key].float())


@pytest.mark.kernels
def test_a_slice_does_not_depend_on_its_batch(slices: Slices) -> None:
    alone = slices.batch([3], CPU)
    together = [
        Slices(kspace, slices.mask).batch(slice(None), CPU)
        for kspace in (slices.kspace, *nudged_kspace(slices.kspace))
    ]
    exact = Slices(slices.kspace.to(torch.complex128), slices.mask).batch([3], CPU)
    for key in KEYS:
        assert exact[key].dtype == torch.float64, key
        assert_not_farther(alone[key][0], [one[key][3] for one in together], exact[key][0])


def test_the_input_needs_sampled_positions_only(slices: Slices) -> None:
    kspace = slices.kspace[:2]
    disturbed = torch.where(slices.mask.sampling, kspace, 7 + 1j)
    ours, other = make_input(kspace, slices.mask), make_input(disturbed, slices.mask)
    for key, value in ours.items():
        assert torch.equal(other[key], value), key


@pytest.mark.kernels
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(0, 3))
def test_scaling_against_sorting(seed: int, n_slices: int, n_blank: int) -> None:
    values = np.random.default_rng(seed).standard_normal((n_slices, 4, 9, 8, 2)).astype("f4")
    values[:, :n_blank] = 0
    counted = np.sort(np.hypot(values[..., 0], values[..., 1])[:, n_blank:].reshape(n_slices, -1))
    expected = counted[:, -1 - int((1 - 0.99) * counted.shape[1])]
    kspace = torch.from_numpy(values.view(np.complex64)[..., 0])
    assert_rounded(scaling_factors(kspace), expected, 4, scale=expected)  # two squares and a root


def test_blank_slices_stay_finite(slices: Slices) -> None:
    batch = make_batch(torch.zeros(2, N_COILS, *GRID[1:], dtype=torch.complex64), slices.mask)
    assert all(torch.isfinite(value).all() for value in batch.values())
    assert not batch["target"].any()


@pytest.mark.kernels
def test_target_and_zero_filling_against_numpy(slices: Slices) -> None:
    batch = slices.batch(slice(None), CPU)
    target = batch["target"] * batch["scaling_factor"][:, None, None]
    kspace = slices.kspace.numpy()
    n_operations = fft_operations(*GRID[1:]) + 2 * N_COILS
    assert_rounded(target, rss_image(kspace), n_operations)
    masked = rss_image(kspace * slices.mask.sampling.numpy())
    assert_rounded(zero_filled(slices.kspace, slices.mask), masked, n_operations)
