"""Atrophy and lesions: exact volumes, nothing else moved, the same head twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.anatomy.contrast import Contrast, complex_image
from stages.anatomy.diseases.diffuse import (
    SUBCORTICAL_MM,
    Atrophy,
    LesionPlan,
    box,
    flood,
    lesion_mask,
    lesion_sizes,
    with_atrophy,
    with_lesions,
    without_lesions,
)
from stages.anatomy.diseases.lesion_labels import LESIONS
from stages.anatomy.head import Head
from stages.anatomy.tissue import TISSUES, Tissue, tissue_signal
from stages.study.errors import StudyError
from tests.anatomy.maps import ventricular_head

ATROPHY = Atrophy(hippocampus=0.21, amygdala=0.15, cortex=0.05, ventricles=0.4)
PLAN = LesionPlan(load_ml=15.0, number=30, size_log_sd=1.0, depth_mm=8.0)
CHANGED = {2, 3, 4, 5, 17, 18, 24, 41, 42, 43, 44, 53, 54}


def counts(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels.ravel(), minlength=600)


def millimetres() -> np.ndarray:
    """A small head of 2 mm blocks as 1 mm labels."""
    labels = ventricular_head().astype(np.uint16)
    labels[labels == 511] = 507
    return labels.repeat(2, 0).repeat(2, 1).repeat(2, 2)


def test_atrophy_takes_what_was_asked_and_nothing_else(heads: list[Head]) -> None:
    healthy = heads[1].labels
    ill = with_atrophy(healthy, ATROPHY)
    before, after = counts(healthy), counts(ill)
    for label, share in ((17, 0.21), (53, 0.21), (18, 0.15), (54, 0.15), (3, 0.05), (42, 0.05)):
        assert after[label] == before[label] - round(share * before[label])
    for white, own in ((2, [4, 5]), (41, [43, 44])):
        assert after[white] == before[white] - round(0.4 * before[own].sum())
        assert after[own].sum() >= round(1.4 * before[own].sum())
    assert before.sum() == after.sum()
    assert set(np.flatnonzero(before != after).tolist()) <= CHANGED
    others = ~np.isin(healthy, list(CHANGED))
    assert np.array_equal(healthy[others], ill[others])
    assert set(np.unique(ill[healthy != ill]).tolist()) <= {4, 5, 24, 43, 44}


def test_atrophy_of_nothing_is_the_healthy_head() -> None:
    labels = millimetres()
    assert np.array_equal(with_atrophy(labels, Atrophy(0.0, 0.0, 0.0, 0.0)), labels)


def test_the_septum_stays() -> None:
    labels = np.full((9, 9, 12), 2, np.uint16)
    labels[:, :, 6:] = 41
    labels[2:7, 2:7, 3:5], labels[2:7, 2:7, 7:9] = 4, 43  # two voxels of white matter between
    labels[0, 0, 0], labels[0, 0, -1] = 24, 24
    ill = with_atrophy(labels, Atrophy(0.0, 0.0, 0.0, 0.5))
    assert counts(ill)[[4, 43]].tolist() == [75, 75]
    assert np.array_equal(ill[2:7, 2:7, 5:7], labels[2:7, 2:7, 5:7])


def test_fluid_takes_the_nearest_voxels_by_its_own_label() -> None:
    labels = np.array([4, 17, 17, 17, 17, 17, 24], np.uint16).reshape(1, 1, 7)
    flood(labels, 17, (4, 24), 3)
    assert labels.ravel()[[0, 1, 5, 6]].tolist() == [4, 4, 24, 24]
    assert (labels == 17).sum() == 2
    assert labels[0, 0, 3] == 17  # the middle is the farthest from both


def test_a_structure_without_fluid_beside_it_is_one_line() -> None:
    labels = np.full((4, 4, 4), 17, np.uint16)
    with pytest.raises(StudyError, match="fluid .*got 64 mm3 and 0 mm3"):
        flood(labels, 17, (4,), 5)
    labels[0, 0, 0] = 4
    with pytest.raises(StudyError, match="expected more than 63 mm3 of label 17"):
        flood(labels, 17, (4,), 63)


def test_box_is_clipped_and_empty_for_nothing() -> None:
    mask = np.zeros((9, 9, 9), bool)
    assert mask[box(mask, 2)].size == 0
    mask[1, 4, 8] = True
    assert mask[box(mask, 2)].shape == (4, 5, 3)


def test_lesions_have_the_load_and_lie_in_deep_white_matter(heads: list[Head]) -> None:
    healthy = heads[1].labels
    ill = with_lesions(healthy, PLAN, np.random.default_rng(0))
    mask = lesion_mask(ill).astype(bool)
    assert mask.sum() == 15_000
    assert np.array_equal(without_lesions(ill), healthy)
    assert np.array_equal(ill[~mask], healthy[~mask])
    assert {int(v): LESIONS[int(v)] for v in np.unique(ill[mask])} == LESIONS
    for lesion, tissue in LESIONS.items():
        assert (healthy[ill == lesion] == tissue).all()
    cortex, seen = np.isin(healthy, (3, 42)), np.argwhere(mask)
    for position in seen[:: len(seen) // 50]:
        around = tuple(slice(max(0, p - 2), p + 3) for p in position)
        offsets = np.argwhere(cortex[around]) + [s.start for s in around] - position
        assert not len(offsets) or np.linalg.norm(offsets, axis=1).min() > SUBCORTICAL_MM


def test_lesions_repeat_with_their_seed_and_only_with_it() -> None:
    labels, plan = millimetres(), LesionPlan(0.4, 5, 0.5, 4.0)
    first, again, other = (
        with_lesions(labels, plan, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@settings(max_examples=40, deadline=None)
@given(
    number=st.integers(1, 60),
    spare=st.integers(0, 30_000),
    spread=st.floats(0, 2),
    seed=st.integers(0, 99),
)
def test_sizes_add_up(number: int, spare: int, spread: float, seed: int) -> None:
    plan = LesionPlan((number + spare) / 1000, number, spread, 8.0)
    sizes = lesion_sizes(plan, np.random.default_rng(seed))
    assert len(sizes) == number
    assert sizes.sum() == number + spare
    assert sizes.min() >= 1
    assert (np.diff(sizes) <= 1).all()  # the largest first, but for rounding


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (LesionPlan(0.004, 5, 0.0, 8.0), "at least 1 mm3 a lesion"),
        (LesionPlan(500.0, 5, 0.0, 8.0), "load_ml: expected less than"),
    ],
)
def test_a_load_that_does_not_fit_is_one_line(plan: LesionPlan, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        with_lesions(millimetres(), plan, np.random.default_rng(0))


def test_a_head_without_ventricles_has_no_lesions() -> None:
    labels = np.full((8, 8, 8), 2, np.uint16)
    with pytest.raises(StudyError, match="lateral ventricles"):
        with_lesions(labels, LesionPlan(0.01, 2, 0.0, 8.0), np.random.default_rng(0))


def test_twins_differ_in_the_lesions_alone() -> None:
    labels = millimetres()
    ill = with_lesions(labels, LesionPlan(0.4, 5, 0.5, 4.0), np.random.default_rng(1))
    dark = Tissue(1200.0, 0.78, "")
    plain, seen = (
        complex_image(a, Contrast(texture=0, bias_field=0, lesions=c), np.random.default_rng(3))
        for a, c in ((labels, {}), (ill, dict.fromkeys(LESIONS, dark)))
    )
    inner = np.abs(seen - plain) > 1e-6
    assert inner[lesion_mask(ill) == 1].all()
    expected = tissue_signal(dark) / tissue_signal(TISSUES[2])
    assert np.abs(seen)[lesion_mask(ill) == 1].min() == pytest.approx(expected, rel=0.1)
    far = np.array([s.size for s in np.nonzero(inner & (lesion_mask(ill) == 0))])
    assert far[0] < 6 * (lesion_mask(ill) == 1).sum()  # the blur of the edges only
