"""The coarse place of a head: found whatever surrounds it."""

import numpy as np
import pytest
import SimpleITK as sitk

from stages.segmenters.atlas.placement import as_transform, candidates, placed, turned
from stages.segmenters.atlas.probabilities import Atlas
from stages.segmenters.synthseg.labels import SIDED_LABELS
from tests.segmenters.atlas.fabricated import MIXTURE, REGISTRATION

SIZE = 4.0
SIGNALS = (0.0, 1.0, 0.6, 0.2, 0.5)  # air, white matter, cortex, ventricle, brainstem


def head(shift: tuple[float, float, float] = (0, 0, 0), scale: float = 1.0) -> np.ndarray:
    """Tissue of every voxel of an egg-shaped brain, (x, y, z); voxels of 4 mm."""
    axes = [
        (np.arange(n) - (n - 1) / 2 - s / SIZE) / scale
        for n, s in zip((44, 52, 46), shift, strict=True)
    ]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    radius = np.sqrt((x / 16) ** 2 + (y / 20) ** 2 + (z / 14) ** 2)
    result = np.select([radius < 0.25, radius < 0.7, radius < 1], [3, 1, 2], 0)
    result[(x**2 + (y + 6) ** 2 < 16) & (z < -8) & (z > -18)] = 4
    return result


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    each = np.stack([head() == k for k in range(5)]).astype(np.float32)
    labels = (0, 2, 3, 4, 16)
    assert set(labels) <= set(SIDED_LABELS)
    names = ("white", "cortex", "ventricle", "brainstem")
    numbers = (0, 1, 2, 3, 4)
    return Atlas(each, SIZE, SIGNALS, numbers, numbers, labels, names, REGISTRATION, MIXTURE)


def point_of(transform: sitk.AffineTransform, point: tuple[float, float, float]) -> np.ndarray:
    """Where a point (x, y, z) of an image lies in the atlas."""
    return np.array(transform.TransformPoint(point[::-1]))[::-1]


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (12.0, -16.0, 8.0)])
def test_a_shift_is_found(shift: tuple[float, float, float], atlas: Atlas) -> None:
    image = np.array(SIGNALS)[head(shift)]
    found = placed(image, SIZE, candidates(atlas))
    np.testing.assert_allclose(point_of(found, shift), 0, atol=5)  # coarse voxels are 8 mm


def test_air_around_the_head_changes_its_place_by_nothing(atlas: Atlas) -> None:
    image = np.array(SIGNALS)[head((8.0, 0.0, 0.0))]
    wide = np.pad(image, [(6, 10), (4, 4), (0, 12)])
    moved = SIZE * np.array([(6 - 10) / 2, 0, (0 - 12) / 2])
    heads = candidates(atlas)
    narrow, found = placed(image, SIZE, heads), placed(wide, SIZE, heads)
    np.testing.assert_allclose(
        point_of(found, tuple(moved)), point_of(narrow, (0.0, 0.0, 0.0)), atol=1e-9
    )


def test_a_small_brain_is_seen_to_be_small(atlas: Atlas) -> None:
    small = placed(np.array(SIGNALS)[head(scale=0.87)], SIZE, candidates(atlas))
    assert np.linalg.det(np.reshape(small.GetMatrix(), (3, 3))) > 1.3


def test_an_image_in_which_nothing_fits(atlas: Atlas) -> None:
    with pytest.raises(RuntimeError, match="no place"):
        placed(np.ones((8, 8, 4)), SIZE, candidates(atlas))


def test_the_matrix_turns_in_the_order_of_axes() -> None:
    transform = as_transform(turned(2.0, 90.0), np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))
    assert point_of(transform, (1.0, 2.0, 3.0)) == pytest.approx([4, 5, 6])
    assert point_of(transform, (1.0, 4.0, 3.0)) == pytest.approx([4, 5, 7])
