"""Variability and bias of every group: what is undefined is left out and named."""

import numpy as np
import pandas as pd
import pytest

from stages.statistics.cohort import of
from stages.statistics.methods.bias import bias_table
from stages.statistics.methods.variability import cv_table
from stages.statistics.questions.volumes import ask, biased
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


def put(tables, **changed):
    """Put the question with few draws."""
    chosen = {"structures": ("caudate",), "bootstrap_draws": 50} | changed
    return ask(cohort_of(**tables), parameters(**chosen), np.random.default_rng(0))


def test_numbers_are_medians_over_scans(tables):
    answer = put(tables)
    found = answer.metrics["unet"]
    cv = pytest.approx(100 * 2 / 97)
    assert found == {
        "cv": {"median": cv, "caudate": cv},
        "bias": {"caudate": pytest.approx(-3.0)},
        "excluded": 0,
        "absolute_bias": {"median": pytest.approx(3.0)},
        "mean_bias": {"caudate": {"value": pytest.approx(-3.0)}},
        # two scans of one subject have no interval
        "cv_difference": {"rim": {"value": pytest.approx(0.0)}},
        "absolute_bias_difference": {"rim": {"value": pytest.approx(0.0)}},
    }
    assert answer.metrics["zero_filled"]["bias"] == {"caudate": -10.0}
    assert "cv" not in answer.metrics["zero_filled"]
    assert answer.metrics["truth"].startswith("absent")
    assert set(answer.tables) == {"cv", "bias"}


def test_a_missing_pair_is_named_and_counted(tables):
    answer = put(tables)
    assert answer.metrics["rim"]["excluded"] == 1
    assert answer.undefined == ("rim: caudate of s2",)


def test_true_volumes_have_a_bias_of_their_own(tables):
    truth = tables["reference"].assign(volume_mm3=50.0)
    answer = put(tables | {"truth": truth})
    assert answer.metrics["reference"] == {"bias_truth": {"caudate": 100.0}}
    assert answer.metrics["unet"]["bias_truth"] == {"caudate": pytest.approx(94.0)}


STRUCTURES = ("caudate", "putamen", "thalamus", "pallidum")


def generated(n_subjects: int = 10, bias: float = 0.0) -> dict:
    """Return volumes of two networks and noise; the caudate of `unet` is off by `bias`."""
    rng = np.random.default_rng(0)
    scans = [f"s{k}" for k in range(n_subjects)]
    spreads = {"unet": 0.02, "rim": 0.005, "noise": 0.001}
    values = {
        (g, k, s): 100 * (1 + bias * (g == "unet" and k == "caudate") + spread * rng.normal(size=6))
        for g, spread in spreads.items()
        for k in STRUCTURES
        for s in scans
    }
    values |= {("zero_filled", k, s): [90.0] for k in STRUCTURES for s in scans}
    volumes = scan_volumes(values)
    reference = scan_volumes({("reference", k, s): [100.0] for k in STRUCTURES for s in scans})
    cv = pd.concat([cv_table(of(volumes, g)) for g in spreads], ignore_index=True)
    known = {"volumes": volumes, "reference": reference, "cv": cv}
    known |= {"bias": bias_table(volumes, reference), "subject_of": {s: s for s in scans}}
    return known


def test_estimates_have_intervals_over_subjects_and_members():
    found = put(generated(bias=0.1), structures=STRUCTURES).metrics
    unet = found["unet"]
    assert unet["cv"]["low"] < unet["cv"]["median"] < unet["cv"]["high"]
    # half as many structures would be off: the interval of the caudate excludes 0
    assert unet["n_biased"] == 1
    caudate = unet["mean_bias"]["caudate"]
    assert caudate["low"] < 10 < caudate["high"]
    assert caudate["low"] > 5
    apart = unet["cv_difference"]["rim"]
    assert apart["low"] > 0
    mirrored = found["rim"]["cv_difference"]["unet"]
    assert (mirrored["low"], mirrored["high"]) == pytest.approx((-apart["high"], -apart["low"]))
    assert set(unet["cv_difference"]) == {"rim"}
    assert found["zero_filled"]["n_biased"] == 4


def test_an_unbiased_ensemble_is_not_called_biased():
    found = put(generated(), structures=STRUCTURES).metrics
    assert found["unet"]["n_biased"] == 0
    # its point estimate exceeds that of the noise all the same
    assert found["unet"]["absolute_bias"]["median"] > found["noise"]["absolute_bias"]["median"]


def test_what_noise_shifts_is_no_bias():
    assert biased(np.array([2.0, -2.0, np.nan]), np.array([1.0, 1.5, 1.0]), 0.6).tolist() == [
        True,
        False,
        False,
    ]
