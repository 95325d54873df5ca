"""Log-Jacobians of known fields, and of images that were deformed by a known factor."""

from math import log

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform, gaussian_filter

from stages.measures.deformation import (
    EMPTY,
    FOLDED,
    Registration,
    brain_box,
    change_table,
    displacement,
    jacobian,
    without_gains,
)

HOW = Registration(shrink_factors=(2, 1), iterations=(60, 20), smoothing_mm=3.0, step_voxels=0.5)
SIZES = (2.0, 2.5, 1.5)
SHAPE = (40, 36, 44)
MIDDLE = (np.array(SHAPE) - 1) / 2
SHEAR = st.floats(-0.2, 0.2)


def texture(seed: int = 0) -> np.ndarray:
    """Return blobs of a few voxels around 1."""
    rough = gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), 2.5)
    return 1 + 0.4 * np.tanh(2 * rough / rough.std())


def scaled(volume: np.ndarray, factor: float) -> np.ndarray:
    """Return the volume, everything in it larger by a factor around its middle."""
    matrix = np.eye(3) / factor
    return affine_transform(volume, matrix, MIDDLE - matrix @ MIDDLE, order=3, mode="nearest")


def core() -> np.ndarray:
    """Return number 1 away from the volume's border."""
    numbers = np.zeros(SHAPE, np.uint8)
    numbers[10:-10, 9:-9, 11:-11] = 1
    return numbers


def change(reference: np.ndarray, member: np.ndarray, how: Registration = HOW) -> float:
    determinant = jacobian(displacement(reference, member, SIZES, how))
    return change_table(determinant, core(), ["core"])["change"][0]


@settings(max_examples=25, deadline=None)
@given(st.lists(SHEAR, min_size=9, max_size=9), st.tuples(*[st.floats(0.5, 3)] * 3))
def test_the_jacobian_of_a_linear_field_is_its_determinant(
    entries: list[float], sizes: tuple[float, float, float]
) -> None:
    matrix = np.eye(3) + np.reshape(entries, (3, 3))
    affine = sitk.AffineTransform(matrix.ravel().tolist(), (0.0, 0.0, 0.0))
    field = sitk.TransformToDisplacementField(
        affine, sitk.sitkVectorFloat64, (7, 6, 5), (3.0, 2.0, 1.0), sizes
    )
    inner = jacobian(field)[1:-1, 1:-1, 1:-1]
    assert inner == pytest.approx(np.full((3, 4, 5), np.linalg.det(matrix)), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.7, 1.4))
def test_scaling_by_s_is_three_times_its_logarithm(s: float) -> None:
    numbers = np.ones((3, 3, 3), np.uint8)
    table = change_table(np.full((3, 3, 3), s**3), numbers, ["all"])
    assert table["change"][0] == pytest.approx(300 * log(s), abs=1e-9)


@pytest.mark.parametrize("factor", [1.02, 0.98])
def test_what_is_larger_in_the_member_has_a_positive_change(factor: float) -> None:
    found = change(texture(), scaled(texture(), factor))
    assert found == pytest.approx(300 * log(factor), rel=0.25)


def test_exchanged_images_change_the_sign() -> None:
    first, second = texture(), scaled(texture(), 1.02)
    assert change(first, second) == pytest.approx(-change(second, first), rel=0.1)


def test_one_structure_alone_grows() -> None:
    axes = np.meshgrid(
        *[np.arange(n) - m for n, m in zip(SHAPE, MIDDLE, strict=True)], indexing="ij"
    )
    distance = np.sqrt(sum((a * size) ** 2 for a, size in zip(axes, SIZES, strict=True)))
    ball = [1 + 0.5 / (1 + np.exp((distance - radius) / 1.5)) for radius in (16.0, 16.0 * 1.03)]
    numbers = np.where(distance < 16, 1, np.where(distance < 19, 0, 2)).astype(np.uint8)
    determinant = jacobian(displacement(*ball, SIZES, HOW))
    inside, outside = change_table(determinant, numbers, ["ball", "rest"])["change"]
    assert 0.5 * 300 * log(1.03) < inside < 1.1 * 300 * log(1.03)
    assert abs(outside) < 0.2 * inside


def test_identical_images_do_not_deform() -> None:
    assert change(texture(), texture()) == 0
    field = displacement(texture(), texture(), SIZES, HOW)
    assert not sitk.GetArrayViewFromImage(field).any()


def test_a_gain_is_no_deformation() -> None:
    images = [1.3 * texture(), 0.8 * texture()]
    for member in without_gains(images, texture(), core() > 0):
        assert member == pytest.approx(texture(), rel=1e-6)
        assert abs(change(texture(), member)) < 1e-3


def test_a_blank_image_has_no_change() -> None:
    (blank,) = without_gains([np.zeros(SHAPE)], texture(), core() > 0)
    how = Registration((2, 1), (2, 1), 3.0, 0.5)
    table = change_table(jacobian(displacement(texture(), blank, SIZES, how)), core(), ["core"])
    assert table["change"].isna().all() and table["reason"].tolist() == [FOLDED]


def test_a_grid_that_ends_coarse_gives_a_field_on_the_fine_one() -> None:
    how = Registration((2,), (40,), 3.0, 0.5)
    found = change(texture(), scaled(texture(), 1.02), how)
    assert found == pytest.approx(300 * log(1.02), rel=0.35)


def test_threads_change_no_bit() -> None:
    first, second = texture(), scaled(texture(), 1.03)
    how = Registration((2, 1), (4, 2), 3.0, 0.5)
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = []
    try:
        for n in (1, 3):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(n)
            found.append(jacobian(displacement(first, second, SIZES, how)).tobytes())
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    assert found[0] == found[1]


def test_folded_voxels_are_left_out_and_counted() -> None:
    determinant = np.array([[[1.0, 2.0, -1.0, 0.0, np.nan, 1.0]]])
    numbers = np.array([[[1, 1, 1, 2, 2, 0]]], np.uint8)
    table = change_table(determinant, numbers, ["a", "b", "c"]).set_index("structure")
    assert table["change"]["a"] == pytest.approx(50 * log(2))
    assert table["change"][["b", "c"]].isna().all()
    assert table["n_voxels"].tolist() == [3, 2, 0]
    assert table["n_folded"].tolist() == [1, 2, 0]
    assert table["reason"].tolist() == ["", FOLDED, EMPTY]


def test_the_box_has_its_margin_and_stays_inside() -> None:
    numbers = np.zeros((20, 20, 20), np.uint8)
    numbers[9:12, 1:5, 15] = 1
    box = brain_box(numbers, (2.0, 3.0, 4.0), 5.0)
    assert box == (slice(6, 15), slice(0, 8), slice(12, 19))
