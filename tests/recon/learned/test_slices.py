"""The slices to learn from, wherever they are kept."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.masks.sampling import save_mask
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.variable_density_poisson import draw_mask
from stages.recon.learned.networks import parameters_of
from stages.recon.learned.slices import SliceOrder, Slices, StoredSlices, training_slices
from stages.recon.learned.training import start, train
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.errors import StudyError
from tests.recon.conftest import CPU, train_params
from tests.scans import N_COILS, PARTIAL_FOURIER, fabricate_scan

GRIDS = [(6, 24, 20), (7, 24, 22)]  # scans of the challenge differ in their width
CROP = (1, 2)
PLACES = ["device", "host", "none", "auto"]


@pytest.fixture
def scans(tmp_path: Path) -> list[Scan]:
    """Two scans with masks in the current folder."""
    found = []
    for k, grid in enumerate(GRIDS):
        fabricate_scan(Path(f"s{k}.h5"), grid, seed=k)
        found.append(open_scan(Path(f"s{k}.h5"), ScanFormat(N_COILS, PARTIAL_FOURIER)))
        options = MaskOptions(3.0, "acquired", 0.06, 0.02)
        drawn = draw_mask(grid[1:], found[-1].n_acquired, options, k)
        save_mask(layout.mask(subject(found[-1].path)), drawn)
    return found


@pytest.mark.parametrize("place", PLACES)
def test_slices_are_those_of_the_scan(place: str, scans: list[Scan]) -> None:
    for scan, slices in zip(scans, training_slices(scans, CROP, CPU, place), strict=True):
        expected = scan.read()[CROP[0] : -CROP[1]]
        assert len(slices) == len(expected)
        for indices in ([0], [2, 0], list(range(len(slices)))):
            found = slices.fetch(indices, CPU)
            assert found.dtype == torch.complex64
            assert found.is_contiguous()
            np.testing.assert_array_equal(found.numpy(), expected[indices])


def test_the_place_changes_no_bit(scans: list[Scan]) -> None:
    params = train_params("varnet", batch_size=2, steps=6, validation_interval=3)
    ends = []
    for place in PLACES:
        training = training_slices(scans, CROP, CPU, place)
        validation = training_slices(scans, CROP, CPU, "host")
        state = start(params, "varnet", 0, [len(slices) for slices in training], CPU)
        train(state, params, training, validation)
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
    params = train_params("unet", steps=20, validation_interval=20)
    with pytest.raises(StudyError, match=r"s1\.h5: .* NaN or infinity in slice 3"):
        slices = training_slices(scans, CROP, CPU, place)
        train(start(params, "unet", 0, [len(s) for s in slices], CPU), params, slices, [])


def test_too_few_slices(scans: list[Scan]) -> None:
    with pytest.raises(StudyError, match=r"s0\.h5: expected more than 6 slices"):
        training_slices(scans, (3, 3), CPU)


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    batch_size=st.integers(1, 3),
    taken=st.integers(0, 20),
)
def test_what_is_ahead_is_what_comes(lengths: list[int], batch_size: int, taken: int) -> None:
    order = SliceOrder(lengths, batch_size, torch.Generator().manual_seed(1))
    for _ in range(taken):
        order.next()
    ahead = order.ahead()
    seen = [next(ahead) for _ in range(15)]
    assert [order.next() for _ in range(15)] == seen
