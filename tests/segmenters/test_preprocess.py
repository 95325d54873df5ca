"""Reading, resampling, aligning, rescaling and padding."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from scipy.interpolate import RegularGridInterpolator

from stages.segmenters import preprocess
from stages.segmenters.image import Image, load
from stages.segmenters.preprocess import Recipe
from stages.storage.nifti import affine

CODES = [
    "".join(code)
    for order in permutations(("RL", "AP", "SI"))
    for code in product(*order)
]  # fmt: skip


@pytest.mark.parametrize("codes", CODES)
def test_all_48_orientations_give_one_network_input(codes):
    data = np.random.default_rng(0).random((5, 6, 7))  # axes right, anterior, superior
    to = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    stored = nib.orientations.apply_orientation(data, to)
    matrix = affine(stored.shape, (1.0, 1.0, 1.0), codes)
    assert np.array_equal(preprocess.to_ras(stored, matrix), data)
    assert np.array_equal(preprocess.from_ras(data, matrix), stored)


@given(st.lists(st.floats(-0.6, 0.6), min_size=3, max_size=3), st.sampled_from(CODES))
def test_oblique_images_take_the_nearest_axes(angles, codes):
    turn = np.eye(4)
    for angle, (i, j) in zip(angles, ((0, 1), (0, 2), (1, 2)), strict=True):
        step = np.eye(4)
        step[[i, j], [i, j]], step[i, j], step[j, i] = np.cos(angle), -np.sin(angle), np.sin(angle)
        turn = turn @ step
    matrix = turn @ affine((4, 4, 4), (1.0, 1.2, 0.9), codes)
    axes, reverse = preprocess.ras_axes(matrix)
    assert sorted(axes) == [0, 1, 2]
    # nearer than that to an axis no voxel size can make another one the nearest
    unambiguous = (np.abs(matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)) > 0.9).sum()
    if unambiguous == 3:
        expected = io_orientation(matrix)
        for world, axis in enumerate(axes):
            assert expected[axis][0] == world
            assert (expected[axis][1] < 0) == (world in reverse)


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(*[st.integers(9, 12)] * 3),
    st.tuples(*[st.floats(0.6, 3.0)] * 3),
    st.sampled_from([1.0, 2.0]),
)
def test_resampling_keeps_positions(shape, size, wanted):
    # an image that is linear in space stays what it is away from its borders
    matrix = affine(shape, size, "RAS")
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    world = index @ matrix[:3, :3].T + matrix[:3, 3]
    data = world @ np.array([1.0, -2.0, 0.5])
    new, moved = preprocess.resample(data, matrix, wanted)
    assert np.allclose(np.linalg.norm(moved[:3, :3], axis=0), wanted)
    for n, old, edge in zip(new.shape, shape, size, strict=True):
        assert 0 <= n - old * edge / wanted < 2 - 1e-6
    index = np.stack(np.meshgrid(*map(np.arange, new.shape), indexing="ij"), -1)
    where = index @ moved[:3, :3].T + moved[:3, 3]
    old = (where - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
    # the smoothing reaches four standard deviations of 0.25 new voxels, where voxels grow
    margin = 1.5 + np.where(np.array(size) > wanted, 0, np.rint(wanted / np.array(size)))
    inner = np.all((old > margin) & (old < np.array(shape) - 1 - margin), axis=-1)
    assert np.allclose(new[inner], (where @ np.array([1.0, -2.0, 0.5]))[inner])


def test_interpolation_is_that_of_scipy():
    data = np.random.default_rng(1).random((6, 5, 7))
    matrix = np.diag([3.0, 2.5, 4.0, 1.0])  # coarser than 1 mm everywhere: no smoothing
    new, moved = preprocess.resample(data, matrix, 1.0)
    index = np.stack(np.meshgrid(*map(np.arange, new.shape), indexing="ij"), -1)
    old = (index + moved[:3, 3]) / np.array([3.0, 2.5, 4.0])
    old = old.clip(0, np.array(data.shape) - 1)
    expected = RegularGridInterpolator([np.arange(n) for n in data.shape], data)(old)
    assert np.allclose(new, expected)


def test_rescaling_clips_at_the_percentiles_of_the_whole_image():
    data = np.arange(1001.0)
    scaled = preprocess.rescale(data, (0.5, 99.5))
    assert scaled.min() == 0 and scaled.max() == 1
    assert scaled[5] == 0 and scaled[995] == 1 and scaled[500] == pytest.approx(0.5)
    assert not preprocess.rescale(np.full((2, 2, 2), 7.0), (0.5, 99.5)).any()


@given(st.tuples(*[st.integers(2, 40)] * 3), st.sampled_from([8, 32]), st.integers(0, 48))
def test_padding(shape, multiple, minimum):
    padded, start = preprocess.pad(np.ones(shape), multiple, minimum)
    for side, n, a in zip(padded.shape, shape, start, strict=True):
        assert side >= max(n, minimum)
        assert side == minimum or side % multiple == 0
        assert side - max(n, minimum) < multiple
        assert (side - n) // 2 == a
    inside = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
    assert padded[inside].all() and padded.sum() == np.prod(shape)


def test_native_grid_is_kept_within_the_tolerance():
    data = np.random.default_rng(0).random((4, 5, 6))
    scan = Image(data, np.diag([1.04, 1.0, 0.96, 1]), np.array([1.04, 1.0, 0.96]))
    kept = preprocess.prepare(scan, Recipe(minimum=0, multiple=2))
    assert kept.shape == data.shape
    assert np.prod(kept.voxel_size_mm) == pytest.approx(1.04 * 0.96)
    scan = Image(data, np.diag([1.06, 1.0, 1.0, 1]), np.array([1.06, 1.0, 1.0]))
    assert preprocess.prepare(scan, Recipe(minimum=0, multiple=2)).shape == (5, 5, 6)


def test_first_volume_of_a_4d_image_and_integers_with_a_slope(tmp_path):
    data = np.random.default_rng(0).integers(0, 900, (4, 5, 6, 2)).astype(np.int16)
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii.gz")
    assert np.array_equal(load(tmp_path / "a.nii.gz").data, data[..., 0])
    image = nib.Nifti1Image(data[..., :1], np.eye(4))
    image.header.set_slope_inter(0.5, 3)
    nib.save(image, tmp_path / "b.nii")
    assert load(tmp_path / "b.nii").data.shape == (4, 5, 6)


def test_nearest_grid_moves_labels_between_grids():
    labels = np.random.default_rng(0).integers(0, 5, (4, 4, 4))
    fine = np.diag([1.0, 1, 1, 1])
    fine[:3, 3] = -0.5
    coarse = np.diag([2.0, 2, 2, 1])
    doubled = labels.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    assert np.array_equal(preprocess.nearest_grid(labels, coarse, (8, 8, 8), fine), doubled)


@pytest.mark.parametrize(("size", "codes"), [(2.0, "SAR"), (1.0, "LIA"), (2.0, "RPS")])
def test_an_image_cut_to_the_head_keeps_its_place(size, codes):
    recipe = Recipe(voxel_size_mm=2.0, multiple=8, minimum=0, cropped=True)
    shape = tuple(round(mm / size) for mm in (100, 92, 108))
    axes = np.meshgrid(*(size * (np.arange(n) - n / 2) for n in shape), indexing="ij", sparse=True)
    head = (sum(axis**2 for axis in axes) < 38**2) * np.random.default_rng(0).random(shape)
    matrix = affine(shape, (size,) * 3, codes)

    def prepared(before, behind):
        data = np.pad(head, ((before, behind),) * 3)
        around = preprocess.moved(matrix, np.full(3, -before))
        return preprocess.prepare(Image(data, around, np.full(3, size)), recipe)

    tight, wide = prepared(0, 0), prepared(10, 16)
    assert np.array_equal(tight.image, wide.image)
    assert np.allclose(tight.affine, wide.affine)
    labels = np.arange(np.prod(tight.shape), dtype=np.int32).reshape(tight.shape)
    (one, first), (other, second) = tight.whole(labels), wide.whole(labels)
    if size == 2.0:  # not resampled: the grid of the image itself
        assert one.shape == shape and np.allclose(first, matrix)
        assert other.shape == tuple(n + 26 for n in shape)
    for value in (1, labels.size // 2, labels.size - 1):
        place = [np.append(np.argwhere(part == value)[0], 1) for part in (one, other)]
        assert np.allclose(first @ place[0], second @ place[1])
