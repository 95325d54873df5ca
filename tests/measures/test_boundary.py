"""Borders: faces against a loop, slopes against numpy, and volumes that move as they must."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_dilation, binary_erosion

from stages.measures.boundary import (
    border_slopes,
    boundary_faces,
    dilated,
    edge_shift,
    face_weights,
    gradient,
    guarded_slope,
    interior,
    linearised_cv,
    volume_changes,
    volume_weights,
)
from stages.measures.voxelwise import flat

VOXEL = (1.0, 1.0, 1.0)
masks = arrays(bool, st.tuples(*[st.integers(1, 4)] * 3))


def ball(
    shape: tuple[int, int, int], voxel_size_mm: tuple[float, float, float], radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return a ball and an image of slope 1 per mm that is 0 on its surface, bright inside."""
    axes = [(np.arange(n) - (n - 1) / 2) * h for n, h in zip(shape, voxel_size_mm, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    image = radius - np.sqrt(x**2 + y**2 + z**2)
    return image > 0, image


def face_slopes(mask, image, voxel_size_mm=VOXEL):
    """Return the faces of a structure and the slopes there."""
    faces = boundary_faces(mask)
    whole = tuple(slice(0, n) for n in mask.shape)
    return faces, border_slopes(image, mask, voxel_size_mm).at(faces, whole)


def weights(mask, image, voxel_size_mm=VOXEL):
    faces, slopes = face_slopes(mask, image, voxel_size_mm)
    return faces, face_weights(faces, slopes, guarded_slope(slopes), voxel_size_mm)


@given(masks)
def test_faces_are_those_of_a_loop(mask):
    expected = set()
    for inside in np.ndindex(mask.shape):
        for axis in range(3):
            for step in (-1, 1):
                outside = tuple(np.add(inside, step * np.eye(3, dtype=int)[axis]))
                known = all(0 <= c < n for c, n in zip(outside, mask.shape, strict=True))
                if known and mask[inside] and not mask[outside]:
                    pair = (
                        np.ravel_multi_index(v, mask.shape, order="F") for v in (inside, outside)
                    )
                    expected.add((*map(int, pair), axis, step))
    faces = boundary_faces(mask)
    columns = (faces.inside, faces.outside, faces.axis, faces.step)
    found = [tuple(map(int, row)) for row in zip(*columns, strict=True)]
    assert len(found) == len(set(found))
    assert set(found) == expected


@given(masks)
def test_morphology_is_scipys(mask):
    assert np.array_equal(dilated(mask), binary_dilation(mask))
    assert np.array_equal(mask & interior(mask), binary_erosion(mask))


@given(arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3), elements=st.integers(0, 2)))
def test_interiors_of_all_structures_are_those_of_each(numbers):
    expected = sum((binary_erosion(numbers == number) for number in range(3)), np.zeros(1, int))
    assert np.array_equal(interior(numbers), expected > 0)


def test_gradient_is_numpys():
    image = np.random.default_rng(0).normal(size=(5, 4, 6))
    size = (2.0, 0.5, 1.0)
    expected = np.stack([flat(g) for g in np.gradient(image, *size)], axis=1)
    assert gradient(image, np.arange(image.size), size) == pytest.approx(expected)


def test_faces_have_the_mean_slope_of_their_sides():
    generator = np.random.default_rng(1)
    regions, image = generator.integers(0, 3, (6, 5, 4)), generator.normal(size=(6, 5, 4))
    box = (slice(1, 6), slice(0, 4), slice(1, 4))
    faces = boundary_faces(regions[box] == 1)
    slopes = np.stack([flat(g[box]) for g in np.gradient(image)], axis=1)
    expected = (slopes[faces.inside] + slopes[faces.outside]) / 2
    assert border_slopes(image, regions, VOXEL).at(faces, box) == pytest.approx(expected)


def test_an_axis_of_one_voxel_has_no_slope():
    assert (gradient(np.ones((1, 3, 3)), np.arange(9), VOXEL) == 0).all()


@pytest.mark.parametrize("voxel_size_mm", [VOXEL, (2.0, 1.0, 1.0), (1.0, 0.8, 1.5)])
@pytest.mark.parametrize("sign", [1, -1])
def test_weights_of_a_ball_add_up_to_its_area(voxel_size_mm, sign):
    mask, image = ball((34, 36, 38), voxel_size_mm, 11.0)
    _, found = weights(mask, sign * image, voxel_size_mm)
    assert found.sum() == pytest.approx(sign * 4 * np.pi * 11.0**2, rel=0.03)


def test_edges_shift_by_noise_over_slope():
    mask, image = ball((20, 20, 20), VOXEL, 7.0)
    faces, slopes = face_slopes(mask, 4 * image)
    slope = guarded_slope(slopes)
    assert edge_shift(np.full(image.size, 0.2), faces, slope) == pytest.approx(0.05, rel=0.02)


def test_a_common_offset_moves_nothing_and_a_bright_inside_moves_the_threshold():
    mask, image = ball((28, 28, 28), VOXEL, 8.0)
    faces, found = weights(mask, image)
    positions, coefficients = volume_weights(mask, np.zeros(mask.shape, np.uint8), faces, found)
    assert coefficients.sum() == pytest.approx(0, abs=1e-9 * np.abs(coefficients).sum())
    mean, core = flat(image), flat(ball(mask.shape, VOXEL, 4.0)[0])
    moved = volume_changes(np.stack([mean, mean + 3.0, mean + core]), positions, coefficients)
    assert moved.sum() == pytest.approx(0, abs=1e-6)
    assert moved[1] - moved[0] == pytest.approx(0, abs=1e-6)
    # the inside seems brighter, so the threshold rises and the volume shrinks
    assert moved[2] < moved[0]


def test_first_order_volume_is_the_volume_for_a_small_change():
    """A bump in the intensity of one side moves the contour of level 0 as predicted."""
    radius = 9.0
    mask, image = ball((30, 30, 30), VOXEL, radius)
    faces, found = weights(mask, image)
    axis = np.linspace(-1, 1, 30)[:, None, None]
    bump = np.broadcast_to(0.3 * (1 + axis), image.shape)
    sides = (flat(bump)[faces.inside] + flat(bump)[faces.outside]) / 2
    fine = [np.linspace(-14.5, 14.5, 180)] * 3
    x, y, z = np.meshgrid(*fine, indexing="ij", sparse=True)
    distance = np.sqrt(x**2 + y**2 + z**2)
    cell = (29 / 179) ** 3
    grown = (radius - distance + 0.3 * (1 + x / 14.5) > 0).sum() - (distance < radius).sum()
    assert found @ sides == pytest.approx(grown * cell, rel=0.06)


def test_each_neighbour_has_a_threshold_of_its_own():
    mask, image = ball((24, 24, 24), VOXEL, 6.0)
    faces, found = weights(mask, image)
    regions = np.where(np.arange(24)[:, None, None] < 12, 1, 2) * np.ones((24, 24, 24), int)
    positions, coefficients = volume_weights(mask, regions, faces, found)
    left = flat(regions)[positions] == 1
    outside = ~flat(mask)[positions]
    total = {side: coefficients[outside & (left == side)].sum() for side in (True, False)}
    assert total[True] == pytest.approx(total[False], rel=1e-6)


def test_flat_images_and_absent_borders_are_undefined():
    mask, image = ball((12, 12, 12), VOXEL, 4.0)
    faces, slopes = face_slopes(mask, np.zeros_like(image))
    slope = guarded_slope(slopes)
    assert np.isnan(edge_shift(np.ones(image.size), faces, slope))
    none = boundary_faces(np.zeros_like(mask))
    assert np.isnan(edge_shift(np.ones(image.size), none, guarded_slope(np.zeros((0, 3)))))


def test_slope_has_a_floor():
    slopes = np.zeros((100, 3))
    slopes[:, 0] = np.arange(100)
    assert guarded_slope(slopes).min() == pytest.approx(np.percentile(np.arange(100), 10))


def test_thin_structures_are_their_own_sides():
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    image = np.random.default_rng(1).normal(size=mask.shape)
    positions, coefficients = volume_weights(mask, mask * 0, *weights(mask, image))
    assert np.isfinite(coefficients).all()
    assert coefficients.sum() == pytest.approx(0, abs=1e-9)
    assert len(positions)


@given(arrays(np.float64, 4, elements=st.floats(-10, 10)), st.permutations(range(4)))
def test_linearised_cv_is_a_percentage_that_ignores_order(changes, order):
    found = linearised_cv(changes, 50.0)
    assert found == pytest.approx(2 * np.std(changes, ddof=1))
    assert linearised_cv(changes[list(order)], 50.0) == pytest.approx(found)


def test_linearised_cv_needs_two_members_and_a_volume():
    assert np.isnan(linearised_cv(np.array([1.0]), 5.0))
    assert np.isnan(linearised_cv(np.array([1.0, 2.0]), 0.0))
