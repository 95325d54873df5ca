"""Infarcts: exact volumes in one hemisphere, a cavity with a rim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.anatomy.contrast import Contrast, subject_signals
from stages.anatomy.diseases.catalogue import FLUIDS, lesion_mask, without_lesions
from stages.anatomy.diseases.infarct import CAVITY, CORTEX_SCAR, WHITE_SCAR, wedge, with_infarct
from stages.anatomy.diseases.regions import SIDES, box
from stages.anatomy.diseases.tumour import RIM
from stages.anatomy.head import Head
from stages.anatomy.tissue import BONE_AIR, CSF, TISSUES, Tissue
from stages.params.phantom import InfarctParams, TissueParams
from stages.study.errors import StudyError
from tests.anatomy.maps import counts, millimetres

PLAN = InfarctParams(
    volume_ml=40.0, side="left", rim_mm=3.0, rim=TissueParams(t1_ms=1500.0, proton_density=0.82)
)
OWN = {"left": (2, 3), "right": (41, 42)}
VOLUME_ML = st.floats(0.1, 1.2).map(lambda x: round(x, 3))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def has_only(labels: np.ndarray, ill: np.ndarray, side: str) -> bool:
    """Whether all lesions lie in cerebral cortex and white matter of one side."""
    return set(np.unique(labels[lesion_mask(ill) == 1]).tolist()) <= set(OWN[side])


def test_an_infarct_of_a_head_is_a_cavity_with_a_rim(heads: list[Head]) -> None:
    healthy = heads[1].labels
    ill = with_infarct(healthy, PLAN, rng())
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
    ill = with_infarct(heads[0].labels, PLAN, rng())
    cavity = np.argwhere(ill == CAVITY)
    survivors = np.isin(ill, [2, 3, 12, 41, 42])
    for position in cavity[:: len(cavity) // 60]:
        around = tuple(slice(p - 3, p + 4) for p in position)
        offsets = np.argwhere(survivors[around]) - 3
        assert not len(offsets) or np.linalg.norm(offsets, axis=1).min() > 3


@settings(max_examples=12, deadline=None)
@given(volume=VOLUME_ML, side=st.sampled_from(SIDES), rim=st.floats(0, 4), seed=st.integers(0, 99))
def test_infarcts_of_any_size(volume: float, side: str, rim: float, seed: int) -> None:
    healthy = millimetres()
    ill = with_infarct(
        healthy,
        PLAN.model_copy(update={"volume_ml": volume, "side": side, "rim_mm": rim}),
        rng(seed),
    )
    assert lesion_mask(ill).sum() == round(1000 * volume)
    assert has_only(healthy, ill, side)
    assert np.array_equal(ill[lesion_mask(ill) == 0], healthy[lesion_mask(ill) == 0])
    back = with_infarct(
        healthy,
        PLAN.model_copy(update={"volume_ml": volume, "side": side, "rim_mm": rim}),
        rng(seed),
    )
    assert np.array_equal(ill, back)


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
    table = subject_signals(Contrast(lesions={RIM: rim}, fluids=FLUIDS), rng(5))
    assert table[CAVITY] == table[CSF]
    assert table[RIM] > table[2] > table[3] > table[CSF] > table[BONE_AIR] == 0
    plain = subject_signals(Contrast(), rng(5))
    assert np.array_equal(plain[list(TISSUES)], table[list(TISSUES)])


def test_an_infarct_that_does_not_fit_is_one_line() -> None:
    with pytest.raises(StudyError, match="infarct.volume_ml: expected less than"):
        with_infarct(millimetres(), PLAN.model_copy(update={"volume_ml": 500.0}), rng())
