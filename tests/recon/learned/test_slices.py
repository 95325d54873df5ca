"""The slices to learn from, wherever they are kept."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.masks.sampling import save_mask
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.variable_density_poisson import draw_mask
from stages.recon.learned.networks import parameters_of
from stages.recon.learned.slices import Slices, StoredSlices, fetch, masks_of, training_slices
from stages.recon.learned.training import start, train
from stages.recon.physics import make_batch
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.errors import StudyError
from tests.recon.conftest import CPU, train_params
from tests.scans import N_COILS, PARTIAL_FOURIER, fabricate_scan

GRIDS = [(6, 24, 20), (7, 24, 22)]  # scans of the challenge differ in their width
CROP = (1, 2)
PLACES = ["device", "host", "none", "auto"]


def fabricated(k: int, grid: tuple[int, int, int]) -> Scan:
    """Return a scan with a mask of its own in the current folder."""
    fabricate_scan(Path(f"s{k}.h5"), grid, seed=k)
    scan = open_scan(Path(f"s{k}.h5"), ScanFormat(N_COILS, PARTIAL_FOURIER))
    options = MaskOptions(3.0, "acquired", 0.06, 0.02)
    drawn = draw_mask(grid[1:], scan.n_acquired, options, k)
    save_mask(layout.mask(subject(scan.path), layout.TRAIN), drawn)
    return scan


@pytest.fixture
def scans(tmp_path: Path) -> list[Scan]:
    """Two scans of two matrices."""
    return [fabricated(k, grid) for k, grid in enumerate(GRIDS)]


@pytest.mark.parametrize("place", PLACES)
def test_slices_are_those_of_the_scan(place: str, scans: list[Scan]) -> None:
    training = training_slices(scans, CROP, CPU, place)
    for number, scan in enumerate(scans):
        expected = scan.read()[CROP[0] : -CROP[1]]
        assert training[number].size == (len(expected), *expected.shape[2:], expected.shape[1])
        for indices in ([0], [2, 0], list(range(len(expected)))):
            found = fetch(training, [(number, index) for index in indices], CPU)
            assert found.dtype == torch.complex64
            assert found.is_contiguous()
            np.testing.assert_array_equal(found.numpy(), expected[indices])


def test_the_place_changes_no_bit(scans: list[Scan]) -> None:
    params = train_params("varnet", batch_size=2, steps=6)
    ends = []
    for place in PLACES:
        training = training_slices(scans, CROP, CPU, place)
        state = start(params, "varnet", 0, [slices.size for slices in training], CPU)
        train(state, params, training)
        ends.append((state.curves, [p.detach().clone() for p in parameters_of(state.engine)]))
    for curves, weights in ends[1:]:
        assert curves == ends[0][0]
        assert all(torch.equal(a, b) for a, b in zip(weights, ends[0][1], strict=True))


def test_only_slices_in_the_files_are_read_late(scans: list[Scan]) -> None:
    kinds = {place: {type(s) for s in training_slices(scans, CROP, CPU, place)} for place in PLACES}
    assert kinds == {p: {StoredSlices if p == "none" else Slices} for p in PLACES}


@pytest.mark.parametrize("place", ["host", "none"])
def test_a_damaged_slice_stops_the_training(place: str, scans: list[Scan]) -> None:
    with h5py.File(scans[1].path, "r+") as file:
        file["kspace"][3, 0, 0, 0] = np.nan
    params = train_params("unet", steps=20)
    with pytest.raises(StudyError, match=r"s1\.h5: .* NaN or infinity in slice 3"):
        slices = training_slices(scans, CROP, CPU, place)
        train(start(params, "unet", 0, [s.size for s in slices], CPU), params, slices)


def test_too_few_slices(scans: list[Scan]) -> None:
    with pytest.raises(StudyError, match=r"s0\.h5: expected more than 6 slices"):
        training_slices(scans, (3, 3), CPU)


def test_a_mixed_batch_has_the_mask_of_each_slice(tmp_path: Path) -> None:
    found = [*(fabricated(k, GRIDS[0]) for k in range(2)), fabricated(2, GRIDS[1])]
    training = training_slices(found, CROP, CPU, "host")
    picks = [(1, 2), (0, 0), (1, 0)]
    kspace, mask = fetch(training, picks, CPU), masks_of(training, picks)
    for row, (scan, index) in enumerate(picks):
        assert torch.equal(kspace[row], training[scan].kspace[index])
        for part in ("sampling", "calibration", "padding"):
            own = getattr(training[scan].mask, part)[0]
            assert torch.equal(getattr(mask, part)[row], own.expand_as(mask.sampling[row]))
    assert not torch.equal(mask.sampling[0], mask.sampling[1])
    # every quantity of a slice is that of the slice with its own mask
    alone = training[1].batch([2], CPU)
    for key, value in make_batch(kspace[:1], masks_of(training, picks[:1])).items():
        assert torch.equal(value, alone[key]), key
