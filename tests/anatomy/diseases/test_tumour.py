"""Tumours: exact volumes, one hemisphere, and tissue that is moved but not lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.anatomy.diseases.catalogue import without_lesions
from stages.anatomy.diseases.regions import SIDES
from stages.anatomy.diseases.tumour import (
    CORE,
    OEDEMA,
    ORDER,
    RIM,
    pushed_aside,
    settle,
    with_tumour,
)
from stages.anatomy.head import Head
from stages.anatomy.tissue import CSF, TISSUES
from stages.params.phantom import TissueParams, TumourParams
from stages.study.errors import StudyError
from tests.anatomy.maps import counts, millimetres

TISSUE = TissueParams(t1_ms=1300.0, proton_density=0.8)
PLAN = TumourParams(
    volume_ml=30.0,
    side="right",
    displacement=0.8,
    rim_mm=4.0,
    oedema_ml=40.0,
    core=TISSUE,
    rim=TISSUE,
    oedema=TISSUE,
)
OWN = {"left": (2, 3), "right": (41, 42)}
OUTSIDE = sorted({0, *(label for label in TISSUES if label >= 500)})
VOLUME_ML = st.floats(0.1, 1.2).map(lambda x: round(x, 3))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def changed(**values: object) -> TumourParams:
    return PLAN.model_copy(update=values)


def test_a_tumour_moves_tissue_and_fluid_pays(heads: list[Head]) -> None:
    healthy = heads[1].labels
    ill = with_tumour(healthy, PLAN, rng())
    found = counts(np.where(ill >= 600, ill - 600, 0))
    assert found[CORE - 600] + found[RIM - 600] == 30_000
    assert found[OEDEMA[1] - 600] == 40_000
    assert found[OEDEMA[0] - 600] == 0
    assert found[CORE - 600] > 5_000
    before, after = counts(healthy), counts(without_lesions(ill))
    changed = set(np.flatnonzero(before != after).tolist())
    assert {0, CSF, 41} <= changed <= {0, CSF, 41, 42}  # not every mass reaches the cortex
    # which the mass replaces, and tissue that is pushed aside at the expense of fluid; a few voxels
    # of either are lost at the surface
    assert before[[41, 42]].sum() - after[[41, 42]].sum() == pytest.approx(6_000, abs=10)
    assert before[CSF] - after[CSF] == pytest.approx(24_000, abs=10)
    outside = np.isin(healthy, OUTSIDE)
    assert np.array_equal(ill[outside], healthy[outside])
    for label in (10, 49, 50, 4, 43):  # moved, a whole number of voxels or less
        shift = np.argwhere(ill == label).mean(axis=0) - np.argwhere(healthy == label).mean(axis=0)
        assert np.linalg.norm(shift) < 6
    near = np.argwhere(ill == CORE).mean(axis=0)
    shift = [np.argwhere(a == 41).mean(axis=0) for a in (healthy, ill)]
    assert np.linalg.norm(shift[1] - near) > np.linalg.norm(shift[0] - near)


@settings(max_examples=12, deadline=None)
@given(
    volume=VOLUME_ML.filter(lambda x: x < 0.8),
    displacement=st.floats(0, 1),
    side=st.sampled_from(SIDES),
    oedema=st.floats(0, 0.5),
    seed=st.integers(0, 99),
)
def test_tumours_of_any_size(
    volume: float, displacement: float, side: str, oedema: float, seed: int
) -> None:
    healthy = millimetres()
    plan = changed(
        volume_ml=volume, side=side, displacement=displacement, rim_mm=1.0, oedema_ml=oedema
    )
    ill = with_tumour(healthy, plan, rng(seed))
    n_mass, n_room = round(1000 * volume), round(displacement * round(1000 * volume))
    assert np.isin(ill, (CORE, RIM)).sum() == n_mass
    assert np.isin(ill, OEDEMA).sum() == round(1000 * oedema)
    before, after = counts(healthy), counts(without_lesions(ill))
    kept = [label for label in ORDER[:-1] if label not in OWN[side]]
    assert np.array_equal(before[kept], after[kept])
    own = list(OWN[side])
    assert before[own].sum() - after[own].sum() == n_mass - n_room
    assert before[CSF] - after[CSF] == n_room
    outside = np.isin(healthy, OUTSIDE)
    assert np.array_equal(ill[outside], healthy[outside])


def test_an_incompressible_medium_moves_by_the_cubes() -> None:
    labels = np.full((61, 61, 61), 2, np.uint16)
    labels[30, 30, 42:] = 3  # a line that begins 12 mm from the centre
    centre = np.array([30, 30, 30])
    offset = np.stack(np.meshgrid(*[np.arange(61) - 30] * 3, indexing="ij"))
    radius = np.sqrt((offset**2).sum(axis=0)).astype(np.float32)
    moved, hole = pushed_aside(
        labels, centre, radius, 4_169, np.full(labels.shape, 99.0)
    )  # the voxels within 10 mm, and more
    assert abs(int(hole.sum()) - 4_169) < 100  # as many lie at the same distance
    assert (moved[hole] == CORE).all()
    first = int(np.flatnonzero(moved[30, 30, 31:] == 3)[0]) + 1
    assert first == pytest.approx((12**3 + 10**3) ** (1 / 3), abs=1.1)


def test_no_room_is_no_motion() -> None:
    labels = millimetres()
    radius = np.arange(labels.size, dtype=np.float32).reshape(labels.shape)
    moved, hole = pushed_aside(labels, np.array([20, 20, 20]), radius, 0, labels > 0)
    assert not hole.any()
    assert np.array_equal(moved, labels)


def test_settling_takes_what_is_near_the_mass_first() -> None:
    labels = np.array([24, 24, 3, 3, 3, 24, 24], np.uint16).reshape(1, 1, 7)
    settle(labels, 3, (24,), 4, np.array([0, 0, 12]))
    assert labels.ravel().tolist() == [24, 24, 3, 3, 3, 3, 24]
    settle(labels, 3, (24,), 2, np.array([0, 0, 12]))
    assert labels.ravel().tolist() == [24, 24, 24, 3, 3, 24, 24]  # 1 * 7^2 and 1 * 10^2 first
    settle(labels, 17, (24,), 2, np.array([0, 0, 12]))  # a structure that is not there
    assert 17 not in labels


def test_a_head_without_white_matter_has_no_tumour() -> None:
    plan = changed(side="left", volume_ml=0.01)
    with pytest.raises(StudyError, match="expected a mass that fits"):
        with_tumour(np.full((8, 8, 8), 3, np.uint16), plan, rng())


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (changed(volume_ml=500.0), "tumour.volume_ml: expected a mass"),
        (changed(volume_ml=0.2, oedema_ml=90.0), "tumour.oedema_ml: expected less than"),
    ],
)
def test_a_tumour_that_does_not_fit_is_one_line(plan: TumourParams, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        with_tumour(millimetres(), plan, rng())
