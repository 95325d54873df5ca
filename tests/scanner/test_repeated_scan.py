"""Subjects scanned again: positions against an analytic blob, scans against the first."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from stages.anatomy.participants import NOISE_STREAM
from stages.kspace.formats.calgary_campinas import DATASET
from stages.kspace.formats.stored_scan import complex_to_interleaved
from stages.params.phantom import PhantomParams
from stages.scanner.phantoms import cohort_members, scan_member
from stages.scanner.repeated_scan import Pose, draw_pose, in_scanner, moved, rescan
from stages.study.errors import StudyError
from tests.settings import write_settings

NOWHERE = Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
SHAPE = (40, 44, 36)  # the blob is below 1e-5 at its borders, wherever it goes
CENTRE = (20, 22, 18)
SPLINE = 2e-3  # of the maximum: cubic splines on a Gaussian of an SD of 2.5 voxels


def blob(at: np.ndarray, sd: float = 2.5) -> np.ndarray:
    """Return a complex Gaussian around a place."""
    places = np.moveaxis(np.indices(SHAPE), 0, -1) - at
    return (np.exp(-np.sum(places**2, axis=-1) / (2 * sd**2)) * (1 + 0.5j)).astype(np.complex64)


def test_a_head_that_stays_is_the_same():
    image = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    both = image[0] + 1j * image[1]
    found = moved(both, NOWHERE, CENTRE)
    assert found.dtype == np.complex64
    assert np.abs(found - both).max() < 1e-5  # float32 through the spline's recursion


def test_whole_voxels_and_quarter_turns_are_exact():
    image = np.zeros(SHAPE, np.complex64)
    image[20, 22, 21] = 1j  # three to the right of the centre
    shifted = moved(image, replace(NOWHERE, shift_mm=(2.0, 0.0, -1.0)), CENTRE)
    assert np.unravel_index(np.abs(shifted).argmax(), SHAPE) == (22, 22, 20)
    turned = moved(image, replace(NOWHERE, rotation_degrees=(90.0, 0.0, 0.0)), CENTRE)
    assert np.unravel_index(np.abs(turned).argmax(), SHAPE) == (20, 19, 18)  # right -> posterior


@given(
    turn=st.tuples(*[st.floats(-20, 20)] * 3),
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
)
def test_a_blob_goes_where_the_position_says(turn, shift):
    away = np.array([2.0, -3.0, 1.0])
    rotation = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    found = moved(blob(CENTRE + away), Pose(turn, shift), CENTRE)
    expected = blob(CENTRE + rotation @ away + shift)
    assert np.abs(found - expected).max() < SPLINE * np.abs(expected).max()


def test_positions_stay_within_the_largest():
    rng = np.random.default_rng(0)
    poses = [draw_pose(3.0, 2.0, rng) for _ in range(200)]
    shifts = np.array([pose.shift_mm for pose in poses])
    turns = np.array([pose.rotation_degrees for pose in poses])
    assert np.abs(shifts).max() <= 3 and np.abs(turns).max() <= 2
    assert np.abs(shifts).mean() == pytest.approx(1.5, abs=0.15)  # uniform: half of the largest
    assert draw_pose(0.0, 0.0, rng) == NOWHERE


def test_a_second_scan_in_the_same_position_with_the_same_noise_is_the_first(tmp_path: Path):
    params = PhantomParams.load(write_settings("ci", tmp_path))
    member = next(m for m in cohort_members(params) if m.split == "validation")
    for name in ("validation", "truth"):
        (tmp_path / name).mkdir()
    scan_member(member, params, tmp_path)
    path = tmp_path / "validation" / f"{member.name}.h5"
    scanner, slices = rescan(path, NOWHERE, params, member.rng(NOISE_STREAM))
    again = np.stack([complex_to_interleaved(kspace[None])[0] for kspace in slices])
    with h5py.File(path) as file:
        first = file[DATASET][:]
    assert again.shape == (*scanner.grid, 2 * scanner.n_coils)
    assert np.abs(again - first).max() < 1e-4 * np.abs(first).max()


def test_who_is_no_phantom_is_refused(tmp_path: Path):
    params = PhantomParams.load(write_settings("ci", tmp_path))
    with pytest.raises(StudyError, match="headX001: expected a scan that section `phantom`"):
        in_scanner("headX001", params)
