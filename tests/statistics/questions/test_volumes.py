"""Variability and bias of every group: what is undefined is left out and named."""

import pandas as pd
import pytest

from stages.statistics.cohort import of
from stages.statistics.methods.bias import bias_table
from stages.statistics.methods.variability import cv_table
from stages.statistics.questions.volumes import ask
from tests.statistics.conftest import cohort_of, parameters, scan_volumes

PAIRS = [("caudate", "s1"), ("caudate", "s2")]
GROUPS = ("unet", "rim", "noise", "zero_filled")


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    """Return volumes 3 % below the reference that vary by 2 %; `rim` lacks a scan."""
    values = {
        (group, *pair): [95.0, 97.0, 99.0] if group != "zero_filled" else [90.0]
        for group in GROUPS
        for pair in PAIRS
        if (group, *pair) != ("rim", "caudate", "s2")
    }
    volumes = scan_volumes(values)
    reference = scan_volumes({("reference", *pair): [100.0] for pair in PAIRS})
    cv = pd.concat([cv_table(of(volumes, group)) for group in GROUPS[:-1]], ignore_index=True)
    known = {"volumes": volumes, "reference": reference, "cv": cv}
    return known | {"bias": bias_table(volumes, reference), "subject_of": {"s1": "e", "s2": "e"}}


def test_numbers_are_medians_over_scans(tables):
    answer = ask(cohort_of(**tables), parameters(structures=("caudate",)), None)
    found = answer.metrics["unet"]
    cv = pytest.approx(100 * 2 / 97)
    assert found == {
        "cv": {"median": cv, "caudate": cv},
        "bias": {"caudate": pytest.approx(-3.0)},
        "excluded": 0,
    }
    assert answer.metrics["zero_filled"] == {"bias": {"caudate": -10.0}, "excluded": 0}
    assert answer.metrics["truth"].startswith("absent")
    assert set(answer.tables) == {"cv", "bias"}


def test_a_missing_pair_is_named_and_counted(tables):
    answer = ask(cohort_of(**tables), parameters(structures=("caudate",)), None)
    assert answer.metrics["rim"]["excluded"] == 1
    assert answer.undefined == ("rim: caudate of s2",)


def test_true_volumes_have_a_bias_of_their_own(tables):
    truth = tables["reference"].assign(volume_mm3=50.0)
    answer = ask(cohort_of(**tables, truth=truth), parameters(structures=("caudate",)), None)
    assert answer.metrics["reference"] == {"bias_truth": {"caudate": 100.0}}
    assert answer.metrics["unet"]["bias_truth"] == {"caudate": pytest.approx(94.0)}
