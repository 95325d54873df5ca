"""Variability, bias, detectable change and predictors of cortical thickness."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from stages.statistics.cohort import Cohort
from stages.statistics.methods.variability import cv_table
from stages.statistics.needs import lacking
from stages.statistics.questions.power import detectable_change
from stages.statistics.questions.thickness import COLUMNS, ask, blocks, detectable_r
from stages.study.schema import REGIONS
from tests.statistics.conftest import cohort_of, parameters

SUBJECTS = [f"sub-{s}" for s in range(6)]
BLOCKS = ["left_frontal", "right_frontal"]
EVERY = ["cortex", "left", *BLOCKS]
MEMBERS = {"unet": 4, "rim": 4, "noise": 3, "reference": 1, "zero_filled": 1}
LARGER = {"unet": 0.1, "rim": 0.0, "noise": 0.0, "reference": 0.0, "zero_filled": 0.4}


def tables(spread: float = 0.02) -> dict[str, pd.DataFrame]:
    """Return thickness of all groups and of the truth; the CV of scan s grows with s."""
    rng = np.random.default_rng(0)
    rows, true, deviations = [], [], []
    for s, subject in enumerate(SUBJECTS):
        for region in EVERY:
            real = 2.5 + 0.1 * rng.normal()
            true.append((subject, region, real))
            for group, n in MEMBERS.items():
                mean = real * 1.1 + LARGER[group]
                noise = rng.normal(size=n)
                noise = (noise - noise.mean()) / max(noise.std(), 1e-9) * (n > 1)
                rows += [
                    (group, m, subject, region, mean * (1 + spread * (1 + s) * noise[m]))
                    for m in range(n)
                ]
        deviations += [(group, subject, "cortex", s**3 + 1.0) for group in ("unet", "rim")]
    names = ["group", "member", "subject", "region", "thickness_mm"]
    regions = pd.DataFrame(columns=REGIONS.columns)
    known = pd.DataFrame(deviations, columns=["group", "subject", "structure", "mean"])
    return {
        "thickness": pd.DataFrame(rows, columns=names),
        "true_thickness": pd.DataFrame(true, columns=names[2:]),
        "regions": known.reindex(columns=regions.columns),
    }


def cohort(**changed: Any) -> Cohort:
    """Return a cohort of thickness, with volumes where a question about it reads them."""
    own = tables() | changed
    volumes = own["thickness"].rename(columns={"region": "structure", "thickness_mm": "volume_mm3"})
    volumes = volumes[volumes["structure"] == "cortex"]
    return cohort_of(
        subject_of={name: name for name in SUBJECTS},
        volumes=volumes[volumes["group"] != "reference"],
        reference=volumes[volumes["group"] == "reference"],
        cv=cv_table(volumes),
        **own,
    )


def answer(**changed: Any):
    """Return what is answered of a cohort."""
    params = parameters(bootstrap_draws=50)
    return ask(cohort(**changed), params, np.random.default_rng(0))


def test_numbers_are_those_of_pandas() -> None:
    tree = answer().metrics
    own = tables()["thickness"]
    unet = own[own["group"] == "unet"].groupby(["region", "subject"])["thickness_mm"]
    cv = 100 * unet.std() / unet.mean()
    assert tree["unet"]["cv"]["cortex"] == pytest.approx(cv["cortex"].median())
    assert tree["unet"]["cv"]["median"] == pytest.approx(cv[BLOCKS].median())
    known = own[own["group"] == "reference"].set_index(["region", "subject"])["thickness_mm"]
    bias = 100 * (unet.mean() / known - 1)
    assert tree["unet"]["bias"]["left"] == pytest.approx(bias["left"].median())
    sizes = bias[BLOCKS].groupby("region").median().abs()
    assert tree["unet"]["absolute_bias"]["median"] == pytest.approx(sizes.median())
    true = tables()["true_thickness"].set_index(["region", "subject"])["thickness_mm"]
    off = 100 * (unet.mean() / true - 1)
    assert tree["unet"]["bias_truth"]["cortex"] == pytest.approx(off["cortex"].median())
    assert tree["reference"]["bias_truth"]["cortex"] == pytest.approx(10.0)


def test_the_whole_cortex_is_off_by_so_many_millimetres() -> None:
    tree = answer().metrics
    for group, larger in LARGER.items():
        if group != "reference":
            found = tree[group]["difference_mm"]
            assert found["mean"] == pytest.approx(larger, abs=1e-9)
            assert found["low"] <= larger + 1e-9 and found["high"] >= larger - 1e-9


def test_a_monotonic_relation_has_a_rank_correlation_of_one() -> None:
    found = answer().metrics["unet"]["cv_predicted_by"]
    assert found["std_mean"]["r"] == pytest.approx(1.0)
    assert found["volume_cv"]["r"] == pytest.approx(1.0)
    assert found["std_mean"]["n"] == len(SUBJECTS)
    table = answer().tables["thickness"]
    own = table[(table["group"] == "rim") & (table["region"] == "cortex")]
    assert found["std_mean"]["r"] == pytest.approx(spearmanr(own["cv"], own["std_mean"])[0])


def test_the_detectable_change_is_that_of_the_variability() -> None:
    tree = answer().metrics["unet"]["detectable_change_percent"]
    assert set(tree) >= {"total", "fixed_model"}
    # members of independent errors: the total variance is the mean of those of the scans
    own = tables()["thickness"]
    own = own[(own["group"] == "unet") & (own["region"] == "cortex")]
    logs = np.log(own["thickness_mm"]).groupby(own["subject"])
    cv = 100 * np.sqrt(logs.var().mean())
    assert tree["total"]["value"] == pytest.approx(float(detectable_change(cv)), rel=0.25)
    assert tree["total"]["low"] <= tree["total"]["value"] <= tree["total"]["high"]


def test_the_least_correlation_that_can_be_found_is_just_significant() -> None:
    for n in (4, 10, 25):
        rng, r = np.random.default_rng(n), detectable_r(n, 0.95)
        x, y = rng.normal(size=(2, n))
        x = (x - x.mean()) / x.std()
        y = y - y.mean() - (y @ x / n) * x
        pair = r * x + np.sqrt(1 - r**2) * y / y.std()
        assert pearsonr(x, pair).pvalue == pytest.approx(0.05)
    assert detectable_r(4, 0.95) == pytest.approx(0.95, abs=1e-3)
    assert np.isnan(detectable_r(2, 0.95))


def test_groups_of_one_member_have_no_variability() -> None:
    found = answer()
    assert set(found.metrics["zero_filled"]) == {
        *("absolute_bias", "difference_mm", "bias", "bias_truth", "undefined"),
    }
    assert list(found.tables["thickness"]) == COLUMNS
    assert set(found.metrics) == set(MEMBERS)


def test_scans_without_truth_have_no_bias_against_it() -> None:
    found = answer(true_thickness=None)
    assert "reference" not in found.metrics
    assert "bias_truth" not in found.metrics["unet"]
    assert found.tables["thickness"]["bias_truth"].isna().all()


def test_what_could_not_be_measured_is_left_out_and_counted() -> None:
    empty = tables()["thickness"].assign(thickness_mm=np.nan)
    tree = answer(thickness=empty, true_thickness=None).metrics
    assert "cv" not in tree["unet"] and tree["unet"]["undefined"] > 0


def test_a_study_without_label_maps_skips_the_question() -> None:
    nothing = cohort(thickness=tables()["thickness"])
    assert lacking(ask, nothing) == ""
    bare = replace(nothing, thickness=nothing.thickness[:0])
    assert lacking(ask, bare) == "there are no label maps to measure cortical thickness on"


def test_blocks_are_the_smallest_regions() -> None:
    assert blocks(EVERY) == BLOCKS
    assert blocks(["cortex", "frontal", "occipital"]) == ["frontal", "occipital"]
