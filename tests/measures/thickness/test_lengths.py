"""Thickness of sheets whose thickness is known: slabs, shells, folds, and the banks of a sulcus."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.measures.thickness.lengths import thickness
from stages.measures.thickness.mean_thickness import mean_thickness
from stages.measures.thickness.sheet import sheet
from tests.measures.thickness.phantoms import Phantom, folded, shell
from tests.tolerances import rounding

EDGE_MM = 8  # of folds, where the box cuts the sheet
OPERATIONS = 200  # successive ones behind a length: a few for each voxel of a line


def mean_of(phantom: Phantom, size_mm: float, edge_mm: float = 0.0) -> float:
    """Return the mean thickness of a phantom away from the sides of its box."""
    own = sheet(phantom.cortex, phantom.inner, (size_mm,) * 3)
    place = np.stack(np.unravel_index(own.index, own.shape))[:2] - 1
    edge = edge_mm / size_mm
    shape = np.array(phantom.cortex.shape[:2])[:, None]
    within = np.all((place >= edge) & (place < shape - edge), axis=0)
    return mean_thickness(thickness(own)[within], own.cortex[own.index][within])


def labelled(phantom: Phantom) -> Phantom:
    """Return a phantom whose voxels are of one tissue each, the most frequent one."""
    outside = 1 - phantom.cortex - phantom.inner
    most = np.argmax([outside, phantom.inner, phantom.cortex], axis=0)
    return Phantom((most == 2) * 1.0, (most == 1) * 1.0, phantom.thickness_mm)


def slab(fractions: list[float], axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return cortex and inner fractions of a slab across an axis, white matter first."""
    shape = [5, 5, 5]
    shape[axis] = len(fractions)
    line = [len(fractions) if a == axis else 1 for a in range(3)]
    cortex = np.broadcast_to(np.reshape(fractions, line), shape)
    inner = np.broadcast_to(np.reshape(np.arange(len(fractions)) < 2, line), shape)
    return cortex, np.where(inner, 1 - cortex, 0.0)


@settings(max_examples=20, deadline=None)
@given(
    first=st.floats(0.02, 0.45),
    last=st.floats(0.02, 1.0),
    n_full=st.integers(1, 4),
    axis=st.integers(0, 2),
    size=st.floats(0.5, 3.0),
)
def test_along_an_axis_fractions_add_up(first, last, n_full, axis, size):
    cortex, inner = slab([0, first, *[1] * n_full, last, 0, 0], axis)
    sizes = tuple(size if a == axis else 1.3 for a in range(3))
    own = sheet(cortex, inner, sizes)
    place = np.stack(np.unravel_index(own.index, own.shape))
    # the sides of the box are pial surface, so look at the middle line alone
    middle = np.all([place[a] == 3 for a in range(3) if a != axis], axis=0)
    found = thickness(own)[middle]
    expected = size * (first + n_full + last)
    # the sides bend the lines of a slab as thick as it is wide, symmetrically: none at the middle
    assert found == pytest.approx(expected, rel=rounding(OPERATIONS), abs=2e-3)


@pytest.mark.parametrize(("radius", "thick"), [(15.0, 2.5), (20.0, 2.0), (20.0, 3.5)])
def test_spherical_shells_at_1_mm_are_right_to_02_mm(radius, thick):
    assert mean_of(shell(radius, thick, 1.0), 1.0) == pytest.approx(thick, abs=0.02)


def test_voxels_of_2_mm_with_partial_volumes_suffice_for_a_shell():
    assert mean_of(shell(20.0, 2.5, 2.0), 2.0) == pytest.approx(2.5, abs=0.05)


def test_folded_sheets_at_1_mm_are_right_and_in_order():
    known = [1.6, 2.3, 3.0]
    sheets = [folded(thick, seed) for seed, thick in enumerate(known)]
    for found in (
        [mean_of(each, 1.0, EDGE_MM) for each in sheets],
        [mean_of(labelled(each), 1.0, EDGE_MM) for each in sheets],
    ):
        assert np.abs(np.subtract(found, known)).max() < 0.2
        assert np.corrcoef(found, known)[0, 1] > 0.9


@pytest.mark.parametrize("width", [4, 5, 6, 7])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_touching_banks_of_a_sulcus_have_half_the_distance_of_their_white_matter(width, axis):
    n = 24  # far from the sides of the box, where the sulcus is open
    shape = [n, n, n]
    shape[axis] = width + 6
    place = np.moveaxis(np.indices(shape)[axis], 0, 0)
    inner = (place < 3) | (place >= width + 3)
    own = sheet(~inner, inner, (1.0, 1.0, 1.0))
    places = np.stack(np.unravel_index(own.index, own.shape)) - 1
    across = [a for a in range(3) if a != axis]
    middle = np.all([(places[a] >= 8) & (places[a] < 16) for a in across], axis=0)
    assert thickness(own)[middle] == pytest.approx(width / 2, abs=2e-3)


def test_a_map_without_one_of_the_surfaces_has_no_thickness():
    cortex = np.zeros((6, 6, 6))
    cortex[2:4, 2:4, 2:4] = 1
    own = sheet(cortex, np.zeros_like(cortex), (1.0, 1.0, 1.0))
    assert np.isnan(thickness(own)).all()
    assert len(thickness(sheet(np.zeros((3, 3, 3)), cortex[:3, :3, :3], (1.0,) * 3))) == 0
    assert np.isnan(mean_thickness(thickness(own), own.cortex[own.index]))
