"""Receive sensitivities of the simulated array."""

import numpy as np
import pytest

from stages.kspace.coils import (
    HEAD_ARRAY,
    loop_centre,
    loop_field,
    normalisation,
    one_coil,
    receive_coils,
)
from tests.tolerances import assert_rounded

pytestmark = pytest.mark.kernels

SHAPE, VOXEL_MM = (16, 18, 14), 12.0


def test_shape_and_unit_centre() -> None:
    coils = receive_coils(SHAPE, VOXEL_MM)
    assert coils.shape == (12, *SHAPE)
    assert coils.dtype == np.complex64
    combined = np.sqrt(np.square(np.abs(coils)).sum(0))
    assert combined[8, 9, 7] == pytest.approx(0.85, abs=0.15)
    assert combined[8, 9, 7] < combined[8, 9, 1] < 4


@pytest.mark.parametrize("index", range(12))
def test_field_against_the_formula(index: int) -> None:
    *centre, ring = loop_centre(12, index, HEAD_ARRAY)
    rng = np.random.default_rng(index)
    at = rng.uniform(-80, 80, (3, 50))
    offset = at - np.array(centre)[:, None]
    a = HEAD_ARRAY.loop_radius
    magnitude = a**3 / (a**2 + (offset**2).sum(0)) ** 1.5
    phase = np.arctan2(offset[1], offset[2]) + (-1) ** ring * 0.01 * offset[0]
    field = loop_field(list(at.astype(np.float32)), 12, index, HEAD_ARRAY)
    # positions are rounded to float32, which turns the azimuth more the nearer the axis is
    distance = np.hypot(offset[1], offset[2])
    scale = magnitude * (1 + np.abs(at).max() / distance)
    assert_rounded(field, magnitude * np.exp(1j * phase), 20, scale=scale)


@pytest.mark.parametrize("index", [0, 5, 11])
def test_sensitivity_falls_off_from_the_loop(index: int) -> None:
    centre = np.array(loop_centre(12, index, HEAD_ARRAY)[:3])
    line = [(centre * share).astype(np.float32) for share in np.linspace(0.9, -0.6, 16)]
    field = loop_field(list(np.array(line, np.float32).T), 12, index, HEAD_ARRAY)
    assert (np.diff(np.abs(field)) < 0).all()


@pytest.mark.parametrize("n_coils", [1, 2, 5, 12, 13])
def test_loops_lie_apart_around_the_head(n_coils: int) -> None:
    centres = np.array([loop_centre(n_coils, i, HEAD_ARRAY)[:3] for i in range(n_coils)])
    distance = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    assert (distance + 1e3 * np.eye(n_coils)).min() > 50
    radius = np.hypot(
        centres[:, 1] / HEAD_ARRAY.ring_radius_anterior,
        centres[:, 2] / HEAD_ARRAY.ring_radius_lateral,
    )
    assert radius == pytest.approx(1)


def test_one_coil_is_a_part_of_the_array() -> None:
    coils = receive_coils((4, 5, 6), (8.0, 9.0, 10.0), 3)
    assert np.array_equal(one_coil((4, 5, 6), (8.0, 9.0, 10.0), 3, 2), coils[2])


def test_the_centre_of_any_grid_is_one_place() -> None:
    coarse, fine = one_coil((6, 6, 6), 4.0, 12, 3), one_coil((12, 12, 12), 2.0, 12, 3)
    assert_rounded(fine[::2, ::2, ::2], coarse, 20)


def test_normalisation_is_positive_and_grows_with_loops() -> None:
    assert 0 < normalisation(2) < normalisation(12)
