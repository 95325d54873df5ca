"""White-matter lesions: an exact load, and the same head twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.anatomy.contrast import Contrast, complex_image
from stages.anatomy.diseases.catalogue import lesion_mask, without_lesions
from stages.anatomy.diseases.lesions import LESIONS, SUBCORTICAL_MM, lesion_sizes, with_lesions
from stages.anatomy.head import Head
from stages.anatomy.tissue import TISSUES, Tissue, tissue_signal
from stages.params.phantom import LesionParams
from stages.study.errors import StudyError
from tests.anatomy.maps import millimetres

COUNTED_AS = dict(LESIONS.counted_as)


def lesions(load_ml: float, number: int, size_log_sd: float, depth_mm: float) -> LesionParams:
    return LesionParams(
        load_ml=load_ml,
        number=number,
        size_log_sd=size_log_sd,
        depth_mm=depth_mm,
        t1_ms=1200.0,
        proton_density=0.78,
    )


PLAN = lesions(15.0, 30, 1.0, 8.0)


def test_lesions_have_the_load_and_lie_in_deep_white_matter(heads: list[Head]) -> None:
    healthy = heads[1].labels
    ill = with_lesions(healthy, PLAN, np.random.default_rng(0))
    mask = lesion_mask(ill).astype(bool)
    assert mask.sum() == 15_000
    assert np.array_equal(without_lesions(ill), healthy)
    assert np.array_equal(ill[~mask], healthy[~mask])
    assert {int(v): COUNTED_AS[int(v)] for v in np.unique(ill[mask])} == COUNTED_AS
    for lesion, tissue in COUNTED_AS.items():
        assert (healthy[ill == lesion] == tissue).all()
    cortex, seen = np.isin(healthy, (3, 42)), np.argwhere(mask)
    for position in seen[:: len(seen) // 50]:
        around = tuple(slice(max(0, p - 2), p + 3) for p in position)
        offsets = np.argwhere(cortex[around]) + [s.start for s in around] - position
        assert not len(offsets) or np.linalg.norm(offsets, axis=1).min() > SUBCORTICAL_MM


def test_lesions_repeat_with_their_seed_and_only_with_it() -> None:
    labels, plan = millimetres(), lesions(0.4, 5, 0.5, 4.0)
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
    plan = lesions((number + spare) / 1000, number, spread, 8.0)
    sizes = lesion_sizes(plan, np.random.default_rng(seed))
    assert len(sizes) == number
    assert sizes.sum() == number + spare
    assert sizes.min() >= 1
    assert (np.diff(sizes) <= 1).all()  # the largest first, but for rounding


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (lesions(0.004, 5, 0.0, 8.0), "at least 1 mm3 a lesion"),
        (lesions(500.0, 5, 0.0, 8.0), "load_ml: expected less than"),
    ],
)
def test_a_load_that_does_not_fit_is_one_line(plan: LesionParams, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        with_lesions(millimetres(), plan, np.random.default_rng(0))


def test_a_head_without_ventricles_has_no_lesions() -> None:
    labels = np.full((8, 8, 8), 2, np.uint16)
    with pytest.raises(StudyError, match="lateral ventricles"):
        with_lesions(labels, lesions(0.01, 2, 0.0, 8.0), np.random.default_rng(0))


def test_twins_differ_in_the_lesions_alone() -> None:
    labels = millimetres()
    ill = with_lesions(labels, lesions(0.4, 5, 0.5, 4.0), np.random.default_rng(1))
    dark = Tissue(1200.0, 0.78, "")
    plain, seen = (
        complex_image(a, Contrast(texture=0, bias_field=0, lesions=c), np.random.default_rng(3))
        for a, c in ((labels, {}), (ill, dict.fromkeys(COUNTED_AS, dark)))
    )
    inner = np.abs(seen - plain) > 1e-6
    assert inner[lesion_mask(ill) == 1].all()
    expected = tissue_signal(dark) / tissue_signal(TISSUES[2])
    assert np.abs(seen)[lesion_mask(ill) == 1].min() == pytest.approx(expected, rel=0.1)
    far = np.array([s.size for s in np.nonzero(inner & (lesion_mask(ill) == 0))])
    assert far[0] < 6 * (lesion_mask(ill) == 1).sum()  # the blur of the edges only
