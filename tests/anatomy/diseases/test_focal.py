"""Infarct and tumour: exact volumes, one hemisphere, and tissue that is moved but not lost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.anatomy.contrast import Contrast, subject_signals
from stages.anatomy.diseases.diffuse import box, lesion_mask, without_lesions
from stages.anatomy.diseases.focal import (
    ORDER,
    SIDES,
    Infarct,
    Tumour,
    pushed_aside,
    settle,
    wedge,
    with_infarct,
    with_tumour,
)
from stages.anatomy.diseases.lesion_labels import (
    CAVITY,
    CORE,
    CORTEX_SCAR,
    COUNTED_AS,
    OEDEMA,
    RIM,
    WHITE_SCAR,
)
from stages.anatomy.head import Head
from stages.anatomy.tissue import BONE_AIR, CSF, TISSUES, Tissue
from stages.study.errors import StudyError
from tests.anatomy.diseases.test_diffuse import counts, millimetres

INFARCT = Infarct(volume_ml=40.0, side="left", rim_mm=3.0)
TUMOUR = Tumour(volume_ml=30.0, side="right", displacement=0.8, rim_mm=4.0, oedema_ml=40.0)
OWN = {"left": (2, 3), "right": (41, 42)}
OUTSIDE = sorted({0, *(label for label in TISSUES if label >= 500)})
VOLUME_ML = st.floats(0.1, 1.2).map(lambda x: round(x, 3))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def has_only(labels: np.ndarray, ill: np.ndarray, side: str) -> bool:
    """Whether all lesions lie in cerebral cortex and white matter of one side."""
    return set(np.unique(labels[lesion_mask(ill) == 1]).tolist()) <= set(OWN[side])


def test_an_infarct_of_a_head_is_a_cavity_with_a_rim(heads: list[Head]) -> None:
    healthy = heads[1].labels
    ill = with_infarct(healthy, INFARCT, rng())
    mask = lesion_mask(ill) == 1
    assert mask.sum() == 40_000
    assert np.array_equal(ill[~mask], healthy[~mask])
    assert has_only(healthy, ill, "left")
    assert set(np.unique(ill[mask]).tolist()) == {CAVITY, WHITE_SCAR[0], CORTEX_SCAR[0]}
    before, after = counts(healthy), counts(without_lesions(ill))
    cavity = int((ill == CAVITY).sum())
    assert cavity > 15_000
    assert after[CSF] - before[CSF] == cavity
    assert before[[2, 3]].sum() - after[[2, 3]].sum() == cavity
    assert (before[[2, 3]] > after[[2, 3]]).all()  # cortex, and the white matter below it
    middle = np.argwhere(mask).mean(axis=0)
    for at, span, (low, high) in zip(
        middle,
        box(np.isin(healthy, OWN["left"]), 0),
        ((0.4, 0.8), (0.3, 0.7), (0.0, 0.4)),
        strict=True,
    ):  # the lateral surface, not the poles
        assert low < (at - span.start) / (span.stop - span.start) < high


def test_the_rim_parts_the_cavity_from_what_survived(heads: list[Head]) -> None:
    ill = with_infarct(heads[0].labels, INFARCT, rng())
    cavity = np.argwhere(ill == CAVITY)
    survivors = np.isin(ill, [2, 3, 12, 41, 42])
    for position in cavity[:: len(cavity) // 60]:
        around = tuple(slice(p - 3, p + 4) for p in position)
        offsets = np.argwhere(survivors[around]) - 3
        assert not len(offsets) or np.linalg.norm(offsets, axis=1).min() > 3


def test_a_tumour_moves_tissue_and_fluid_pays(heads: list[Head]) -> None:
    healthy = heads[1].labels
    ill = with_tumour(healthy, TUMOUR, rng())
    found = counts(np.where(ill >= 600, ill - 600, 0))
    assert found[CORE - 600] + found[RIM - 600] == 30_000
    assert found[OEDEMA[1] - 600] == 40_000
    assert found[OEDEMA[0] - 600] == 0
    assert found[CORE - 600] > 5_000
    before, after = counts(healthy), counts(without_lesions(ill))
    changed = set(np.flatnonzero(before != after).tolist())
    assert changed == {0, CSF, 41, 42}
    assert before[[41, 42]].sum() - after[[41, 42]].sum() == 6_000  # which the mass replaces
    assert before[CSF] - after[CSF] == 24_000  # for which tissue is pushed aside
    outside = np.isin(healthy, OUTSIDE)
    assert np.array_equal(ill[outside], healthy[outside])
    for label in (10, 49, 50, 4, 43):  # moved, a whole number of voxels or less
        shift = np.argwhere(ill == label).mean(axis=0) - np.argwhere(healthy == label).mean(axis=0)
        assert np.linalg.norm(shift) < 6
    near = np.argwhere(ill == CORE).mean(axis=0)
    shift = [np.argwhere(a == 41).mean(axis=0) for a in (healthy, ill)]
    assert np.linalg.norm(shift[1] - near) > np.linalg.norm(shift[0] - near)


@settings(max_examples=12, deadline=None)
@given(volume=VOLUME_ML, side=st.sampled_from(SIDES), rim=st.floats(0, 4), seed=st.integers(0, 99))
def test_infarcts_of_any_size(volume: float, side: str, rim: float, seed: int) -> None:
    healthy = millimetres()
    ill = with_infarct(healthy, Infarct(volume, side, rim), rng(seed))
    assert lesion_mask(ill).sum() == round(1000 * volume)
    assert has_only(healthy, ill, side)
    assert np.array_equal(ill[lesion_mask(ill) == 0], healthy[lesion_mask(ill) == 0])
    back = with_infarct(healthy, Infarct(volume, side, rim), rng(seed))
    assert np.array_equal(ill, back)


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
    plan = Tumour(volume, side, displacement, 1.0, oedema)
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


def test_a_wedge_narrows_inwards() -> None:
    labels = np.full((41, 41, 41), 2, np.uint16)
    labels[20, 20, 40] = 4
    fed = np.ones(labels.shape, bool)
    distance = wedge(labels, fed, np.array([20, 20, 0]), rng()).reshape(labels.shape)
    inside = distance < 15
    width = inside.sum(axis=(0, 1))
    assert width[0] > width[8] > width[14] > 0


def test_cavities_hold_the_subjects_own_fluid() -> None:
    rim = Tissue(600.0, 0.8, "")
    table = subject_signals(Contrast(lesions={RIM: rim}), rng(5))
    assert table[CAVITY] == table[CSF]
    assert table[RIM] > table[2] > table[3] > table[CSF] > table[BONE_AIR] == 0
    assert len(table) > max(COUNTED_AS)
    plain = subject_signals(Contrast(), rng(5))
    assert np.array_equal(plain[list(TISSUES)], table[list(TISSUES)])


@pytest.mark.parametrize(
    ("make", "plan", "words"),
    [
        (with_infarct, replace(INFARCT, volume_ml=500.0), "infarct.volume_ml: expected less than"),
        (with_tumour, replace(TUMOUR, volume_ml=500.0), "tumour.volume_ml: expected a mass"),
        (
            with_tumour,
            replace(TUMOUR, volume_ml=0.2, oedema_ml=90.0),
            "tumour.oedema_ml: expected less than",
        ),
    ],
)
def test_a_lesion_that_does_not_fit_is_one_line(make: object, plan: object, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        make(millimetres(), plan, rng())


def test_a_head_without_white_matter_has_no_tumour() -> None:
    plan = replace(TUMOUR, side="left", volume_ml=0.01)
    with pytest.raises(StudyError, match="expected a mass that fits"):
        with_tumour(np.full((8, 8, 8), 3, np.uint16), plan, rng())
