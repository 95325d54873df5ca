"""Overlap and surface distances against SimpleITK, distance transforms and cubes."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter

from stages.measures.agreement import directed_distances, surfaces
from stages.measures.overlap import COLUMNS, hausdorff, overlap_table

NAMES = ["one", "two"]
SIZES = (1.0, 2.0, 3.0)


def blobs(seed: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Return two volumes of two rough structures each; the second differs the more the shift is."""
    generator = np.random.default_rng(seed)
    shape = (14, 16, 12)
    first, second = (gaussian_filter(generator.normal(size=shape), 1.6) for _ in range(2))
    mixed = first + shift * second
    return tuple(
        np.digitize(field, [0.0, 0.6 * field.std()]).astype(np.uint8) for field in (first, mixed)
    )


def oracle(first: np.ndarray, second: np.ndarray, sizes: tuple) -> tuple[float, float]:
    """Return mean symmetric and 95th-percentile distance by exact distance transforms."""
    edges = [m & ~binary_erosion(m) for m in (first, second)]
    far = [distance_transform_edt(~edge, sampling=sizes) for edge in edges]
    there, back = far[1][edges[0]], far[0][edges[1]]
    mean = np.concatenate([there, back]).mean()
    return mean, max(np.percentile(there, 95), np.percentile(back, 95))


def contour(mask: np.ndarray, sizes: tuple) -> sitk.Image:
    """Return SimpleITK's own surface voxels; beyond the volume is outside."""
    image = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
    image.SetSpacing(sizes[::-1])
    return sitk.LabelContour(image, fullyConnected=False)


def numbered(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_scores_are_those_of_other_implementations(seed: int, shift: float) -> None:
    first, second = blobs(seed, shift)
    table = overlap_table(first, second, NAMES, SIZES)
    images = [sitk.GetImageFromArray(volume) for volume in (first, second)]
    theirs = sitk.LabelOverlapMeasuresImageFilter()
    theirs.Execute(*images)
    for number, row in enumerate(table.itertuples(), start=1):
        masks = [volume == number for volume in (first, second)]
        assert row.dice == pytest.approx(theirs.GetDiceCoefficient(number), abs=1e-12)
        mean, p95 = oracle(*masks, SIZES)
        assert row.surface_distance_mm == pytest.approx(mean, abs=1e-9)
        assert row.hausdorff95_mm == pytest.approx(p95, abs=1e-9)
        found = [surfaces(numbered(mask), 1) for mask in masks]
        there, back = (directed_distances(*pair, SIZES) for pair in (found, found[::-1]))
        largest = sitk.HausdorffDistanceImageFilter()
        largest.Execute(*(contour(mask, SIZES) for mask in masks))
        assert hausdorff(*found, there, back, 100.0)[0] == pytest.approx(
            largest.GetHausdorffDistance(), abs=1e-6
        )


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("steps", [1, 3, 6])
def test_shifted_cubes_are_as_far_apart_as_they_were_shifted(axis: int, steps: int) -> None:
    first = np.zeros((20, 20, 20), np.uint8)
    first[5:11, 5:11, 5:11] = 1
    second = np.roll(first, steps, axis)
    row = overlap_table(first, second, ["cube"], SIZES).iloc[0]
    assert row["dice"] == pytest.approx((6 - steps) / 6)
    # more than five percent of a cube's surface is the face that moved, but not all is as far off
    assert row["hausdorff95_mm"] == steps * SIZES[axis]
    assert 0 < row["surface_distance_mm"] < steps * SIZES[axis]


def test_identical_segmentations_agree_in_everything() -> None:
    first, _ = blobs(0, 0.5)
    table = overlap_table(first, first, NAMES, SIZES)
    assert list(table) == COLUMNS
    assert table["dice"].tolist() == [1, 1]
    assert table[["surface_distance_mm", "hausdorff95_mm"]].to_numpy().tolist() == [[0, 0]] * 2
    assert table["reason"].tolist() == ["", ""]


def test_order_does_not_matter() -> None:
    first, second = blobs(3, 0.7)
    tables = [overlap_table(*pair, NAMES, SIZES) for pair in ((first, second), (second, first))]
    for name in ("dice", "surface_distance_mm", "hausdorff95_mm"):
        assert tables[0][name].to_numpy() == pytest.approx(tables[1][name].to_numpy(), rel=1e-12)


def test_absent_structures_are_undefined_for_a_reason() -> None:
    member, target = np.zeros((2, 6, 6, 6), np.uint8)
    member[1:3, 1:3, 1:3] = 1
    target[1:4, 1:4, 1:4] = 2
    table = overlap_table(member, target, ["a", "b", "c"], SIZES).set_index("structure")
    reasons = ["absent in the target", "absent in the member", "absent in both"]
    assert table["reason"].tolist() == reasons
    assert table["dice"].tolist()[:2] == [0, 0] and np.isnan(table["dice"]["c"])
    assert table[["surface_distance_mm", "hausdorff95_mm"]].isna().all(axis=None)
