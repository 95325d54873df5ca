"""Shifts by parts of a voxel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.images import affine
from stages.synthseg.perturbation import draw_offset, shifted
from stages.synthseg.preprocess import Scan
from tests.tolerances import assert_rounded, fft_operations

pytestmark = pytest.mark.kernels

SHAPE = (8, 9, 10)
N_OPERATIONS = 2 * fft_operations(*SHAPE) + 3 * 4  # two transforms, a phase along each axis


def scan(data):
    return Scan(data, affine(data.shape, (2.0, 1.0, 1.5), "SAL"), np.array([2.0, 1.0, 1.5]))


@given(st.tuples(*[st.integers(-3, 3)] * 3))
def test_whole_voxels_are_a_roll(offset):
    data = np.random.default_rng(0).random(SHAPE)
    moved = shifted(scan(data), np.array(offset, float))
    assert_rounded(moved.data, np.roll(data, offset, (0, 1, 2)), N_OPERATIONS, dtype=float)


@settings(max_examples=25)
@given(st.tuples(*[st.floats(-0.5, 0.5)] * 3))
def test_a_wave_moves_by_its_phase_and_the_world_stays(offset):
    offset = np.array(offset)
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    wave = 2 * np.pi * np.array([1, 2, -1]) / SHAPE
    moved = shifted(scan(np.cos(index @ wave)), offset)
    phase = (index - offset) @ wave
    scale = 1 + np.abs(phase).max()  # the error of a phase grows with it
    assert_rounded(moved.data, np.cos(phase), N_OPERATIONS, scale=scale, dtype=float)
    world = lambda matrix, i: matrix[:3, :3] @ i + matrix[:3, 3]  # noqa: E731
    before = scan(np.zeros(SHAPE)).affine
    assert world(moved.affine, np.array([3, 4, 5]) + offset) == pytest.approx(
        world(before, np.array([3, 4, 5]))
    )


def test_no_mean_is_lost_and_draws_stay_in_range():
    data = np.random.default_rng(1).random(SHAPE)
    rng = np.random.default_rng(0)
    for _ in range(5):
        offset = draw_offset(0.5, rng)
        assert np.abs(offset).max() <= 0.5
        assert shifted(scan(data), offset).data.mean() == pytest.approx(data.mean())
