"""A scan in three planes."""

import numpy as np
import pytest

from stages.figures.scan_planes import PLANES, Cuts, Scales, Where, cuts, group_figure, where
from stages.page.scan_pictures import Members, common
from stages.study.groups import ENSEMBLE, Group

SIZE_MM = np.array([1.0, 2.0, 4.0])


@pytest.fixture
def volume() -> np.ndarray:
    """A volume (right, anterior, superior) of different lengths."""
    return np.random.default_rng(0).random((6, 8, 10))


def test_planes_are_cut_where_they_should(volume: np.ndarray) -> None:
    found = cuts(volume, Where((4, 3, 2), SIZE_MM))
    np.testing.assert_array_equal(found.axial, volume[:, :, 4])
    np.testing.assert_array_equal(found.coronal, volume[:, 3, :])
    np.testing.assert_array_equal(found.sagittal, volume[2, :, :])


def test_the_plane_with_most_of_a_structure_is_shown(volume: np.ndarray) -> None:
    labels = np.zeros(volume.shape, dtype=int)
    labels[1:3, 5, 7] = 10  # thalamus: axial and coronal
    labels[4, 2, 2] = 16  # brainstem: sagittal
    assert where(labels, SIZE_MM).indices == (7, 5, 4)
    assert where(np.zeros_like(labels), SIZE_MM).indices == (5, 4, 3)


def test_voxels_keep_their_proportions(volume: np.ndarray) -> None:
    at = where(np.zeros(volume.shape, dtype=int), SIZE_MM)
    assert [at.aspect(name) for name in PLANES] == [2.0, 4.0, 2.0]
    found = cuts(volume, at)
    assert at.proportion("coronal", found.coronal) == pytest.approx(10 * 4.0 / 6)


def panels(figure) -> dict[str, list]:
    """Return the images of a figure by the heads of their columns."""
    shown = [axes for axes in figure.axes if axes.get_images()]
    columns = len([axes for axes in shown if axes.get_title()])
    return {shown[k].get_title(): shown[k::columns] for k in range(columns)}


def test_maps_are_error_and_deviation_in_percent(volume: np.ndarray) -> None:
    at = Where((4, 3, 2), SIZE_MM)
    images = [cuts(volume + d, at) for d in (0.1, 0.3)]
    labels = [cuts((volume > 0.5) * 17, at)] * 2
    scales = Scales(1.0, 0.5, 0.25)
    found = panels(group_figure(cuts(volume, at), images, labels, at, scales))
    assert list(found) == ["reconstruction", "error", "SD of members", "outlines"]
    for axes in found["error"]:
        np.testing.assert_allclose(axes.get_images()[0].get_array(), 10.0)
        assert axes.get_images()[0].get_clim() == (-50.0, 50.0)
    for axes in found["SD of members"]:
        np.testing.assert_allclose(
            axes.get_images()[0].get_array(), 100 * np.std([0.1, 0.3], ddof=1)
        )
    assert all(axes.collections for axes in found["outlines"])


def test_one_member_has_no_deviation(volume: np.ndarray) -> None:
    at = Where((4, 3, 2), SIZE_MM)
    part = cuts(volume, at)
    figure = group_figure(part, [part], [cuts((volume > 0.5) * 17, at)], at, Scales(1, 1, 1))
    assert list(panels(figure)) == ["reconstruction", "error", "outlines"]


def test_scales_are_those_of_the_brain(volume: np.ndarray) -> None:
    at = Where((4, 3, 2), SIZE_MM)
    brain = np.zeros(volume.shape, dtype=int)
    brain[1:5, 1:7, 1:9] = 2
    outside = np.where(brain == 0, 100.0, 0.0)
    images = tuple(cuts(volume + d + k * outside, at) for k, d in enumerate((0.1, 0.3)))
    member = Members(Group("rim", ENSEMBLE, (0, 1)), images, ())
    found = common(cuts(volume, at), cuts(brain, at), [member])
    assert found.white <= 1
    assert found.error == pytest.approx(0.1)
    assert found.std == pytest.approx(np.std([0.1, 0.3], ddof=1))
    alone = common(cuts(volume, at), cuts(brain * 0, at), [])
    assert (alone.error, alone.std) == (1.0, 1.0)
    assert isinstance(images[0], Cuts)
