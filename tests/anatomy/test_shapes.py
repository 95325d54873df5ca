"""Signed distances of solids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.anatomy.grid import Points
from stages.anatomy.shapes import Ellipsoid, Tube, least, most, smooth_least

SIDE = np.arange(-24.0, 25.0, dtype=np.float32)
GRID = Points(*np.meshgrid(SIDE, SIDE, SIDE, indexing="ij"))
LENGTH = st.floats(7, 12)


@given(a=LENGTH, b=LENGTH, c=LENGTH, turn=st.floats(-90, 90))
def test_ellipsoid_has_its_volume(a: float, b: float, c: float, turn: float) -> None:
    solid = Ellipsoid((1, -2, 3), (a, b, c), azimuth=turn, elevation=turn / 2)
    volume = (solid.distance(GRID) < 0).sum()
    assert volume == pytest.approx(4 / 3 * np.pi * a * b * c, rel=0.06)


def test_sphere_has_exact_distances() -> None:
    distance = Ellipsoid((0, 0, 0), (10, 10, 10)).distance(GRID)
    radius = np.sqrt(sum(part**2 for part in GRID))
    assert distance == pytest.approx(radius - 10, abs=1e-3)


def test_turned_axis_points_there() -> None:
    solid = Ellipsoid((0, 0, 0), (12, 3, 3), azimuth=90)
    assert solid.distance(Points(*np.float32([[0], [10], [0]])))[0] < 0
    assert solid.distance(Points(*np.float32([[10], [0], [0]])))[0] > 0


def test_straight_tube_is_a_capsule() -> None:
    tube = Tube(((0.3, -10.4, 0.2), (0.3, 9.6, 0.2)), (8, 8))
    volume = (tube.distance(GRID) < 0).sum()
    assert volume == pytest.approx(np.pi * 64 * 20 + 4 / 3 * np.pi * 512, rel=0.03)


@given(factor=st.floats(0.5, 1.5))
def test_growing_scales_volume(factor: float) -> None:
    ball = Ellipsoid((0, 0, 0), (14, 11, 12))
    grown, plain = ((s.distance(GRID) < 0).sum() for s in (ball.grown(factor), ball))
    assert grown / plain == pytest.approx(factor, rel=0.06)


def test_tube_moves_sideways() -> None:
    tube = Tube(((2, 0, 0), (2, 5, 0)), (3, 3))
    assert tube.moved(1.5).points == ((3.5, 0, 0), (3.5, 5, 0))


@given(a=st.floats(-20, 20), b=st.floats(-20, 20), width=st.floats(0.5, 8))
def test_smooth_union_fills_the_corner(a: float, b: float, width: float) -> None:
    smooth = float(smooth_least(np.float64(a), np.float64(b), width))
    sharp = float(least(np.float64(a), np.float64(b)))
    assert sharp - width / 4 - 1e-4 <= smooth <= sharp + 1e-4
    assert float(most(np.float64(a), np.float64(b))) == max(a, b)
