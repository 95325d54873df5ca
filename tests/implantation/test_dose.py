"""Sizes and contrasts from the command line, and the parameters that they make."""

from math import pi

import numpy as np
import pytest

from stages.implantation.dose import Dose, check_dose, parse_contrast, parse_size, planned
from stages.study.errors import StudyError
from tests.implantation.heads import params

LABELS = np.repeat([2, 17, 53], [90_000, 3_000, 5_000])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", (2.0, None)), ("2mL", (2.0, None)), (".5 ml", (0.5, None)), ("8mm", (None, 8.0))],
)
def test_sizes(text: str, expected: tuple) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "2cm", "mL", "1e9mL", "nan"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(StudyError, match="expected a size above 0 in mL or mm"):
        parse_size(text)


@pytest.mark.parametrize("text", ["0", "-0.5", "11", "nan", "dark"])
def test_contrasts_lie_above_0(text: str) -> None:
    with pytest.raises(StudyError, match="expected a contrast"):
        parse_contrast(text)


def test_a_diameter_is_that_of_each_lesion() -> None:
    plan = planned(params().pathology, "lesions", Dose(None, 10.0, None, 4), LABELS, 0.9)
    assert plan.lesions.number == 4
    assert plan.lesions.load_ml * 0.9 == pytest.approx(4 * pi / 6)
    plan = planned(params().pathology, "infarct", Dose(diameter_mm=20.0), LABELS, 0.9)
    assert plan.infarct.volume_ml * 0.9 == pytest.approx(pi / 6 * 8)


def test_a_tumour_moves_nothing_and_its_oedema_grows_with_it() -> None:
    own = params().pathology.tumour
    plan = planned(params().pathology, "tumour", Dose(2 * own.volume_ml), LABELS, 1.0).tumour
    assert (plan.displacement, plan.volume_ml) == (0, 2 * own.volume_ml)
    assert plan.oedema_ml == pytest.approx(2 * own.oedema_ml)


def test_hippocampi_lose_what_was_asked() -> None:
    own = params().pathology.atrophy
    plan = planned(params().pathology, "atrophy", Dose(0.8), LABELS, 1.0).atrophy
    assert plan.hippocampus == pytest.approx(0.1)
    assert plan.cortex / plan.hippocampus == pytest.approx(own.cortex / own.hippocampus)
    assert planned(params().pathology, "atrophy", Dose(), LABELS, 1.0).atrophy == own
    with pytest.raises(StudyError, match="got 9 mL of hippocampi of 8.0 mL"):
        planned(params().pathology, "atrophy", Dose(9.0), LABELS, 1.0)
    with pytest.raises(StudyError, match="expected hippocampi"):
        planned(params().pathology, "atrophy", Dose(1.0), LABELS[:9], 1.0)


@pytest.mark.parametrize(
    ("kind", "dose", "words"),
    [
        ("atrophy", Dose(contrast=0.5), "--contrast"),
        ("atrophy", Dose(diameter_mm=5.0), "a --size in mm"),
        ("infarct", Dose(number=2), "--number"),
        ("lesions", Dose(number=0), "1 or more lesions"),
    ],
)
def test_what_a_disease_does_not_have(kind: str, dose: Dose, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        check_dose(kind, dose)
