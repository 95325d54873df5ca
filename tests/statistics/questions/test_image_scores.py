"""Scores of images against errors of volumes: members and images of known quality."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.measures.scores.catalogue import SCORES
from stages.statistics.families import with_families
from stages.statistics.questions.image_scores import (
    COLUMNS,
    DIRECTION,
    ask,
    collect,
    image_scores,
)
from stages.study.schema import IMAGE_SCORES, QUALITY
from tests.statistics.conftest import cohort_of, parameters

SIZES = {"unet": 6, "rim": 5}
KEY = ["group", "member", "subject"]
Tables = dict[str, pd.DataFrame]


def study(of_member: float, of_image: float, n_scans: int = 6) -> Tables:
    """Return the tables of a cohort.

    A member's skill, and its luck with an image, improve all scores of the image; by `of_member`
    and `of_image` they make the errors of its volumes smaller.
    """
    rng = np.random.default_rng(0)
    scans, structures = [f"s{i}" for i in range(n_scans)], [f"k{k}" for k in range(4)]
    quality, scores, volumes = [], [], []
    for group, n_members in SIZES.items():
        for m in range(n_members):
            skill = rng.normal()
            for s in scans:
                luck, where = rng.normal(), (group, m, s)
                good = skill + luck
                size = 0.02 * np.exp(-of_member * skill - of_image * luck)
                quality.append((*where, "challenge", "brain", 30 + good, 0.9 + good / 100))
                quality.append((*where, "fixed", "brain", -good, -good))
                for name, score in SCORES.items():
                    scores.append((*where, name, good if score.higher_is_better else -good))
                volumes += [(*where, k, 1000 * (1 + size)) for k in structures]
    pairs = [(s, k, 1000.0) for s in scans for k in structures]
    return {
        "quality": pd.DataFrame(quality, columns=QUALITY.columns),
        "scores": pd.DataFrame(scores, columns=IMAGE_SCORES.columns),
        "volumes": pd.DataFrame(volumes, columns=[*KEY, "structure", "volume_mm3"]),
        "reference": pd.DataFrame(pairs, columns=["subject", "structure", "volume_mm3"]),
    }


def answer(tables: Tables, **more: Any):
    """Put the question to a cohort whose scans are subjects."""
    scans = list(dict.fromkeys(tables["reference"]["subject"]))
    cohort = cohort_of(**tables, subject_of={s: s for s in scans} | more.pop("subject_of", {}))
    params = parameters(permutations=199, **more)
    return ask(cohort, params, np.random.default_rng(0))


def leaves(tables: Tables, **more: Any) -> dict[str, Any]:
    """Return the answer against the reference."""
    found: dict[str, Any] = answer(tables, **more).metrics["all"]["reference"]
    return found


def test_every_score_counts_in_its_direction():
    found = leaves(study(1.0, 1.0))
    assert [found["members"], found["subjects"]] == [11, 6]
    for name in DIRECTION:
        leaf = found[name]
        assert leaf["spearman"] == pytest.approx(1)
        assert leaf["p"] == 1 / 200
        assert 0 < leaf["critical"] <= leaf.get("critical_adjusted", 1) <= 1
        assert leaf["images"] == 11 * 6


def test_what_is_known_of_the_member_alone_is_told_apart():
    member, image = (leaves(study(*links))["vif"] for links in ((1.5, 0.0), (0.0, 1.5)))
    for leaf in (member, image):
        assert leaf["low"] < leaf["spearman"] < leaf["high"]
    assert member["spearman"] > 0.5 and member["p"] < 0.05
    assert member["wrong_subject"]["spearman"] == pytest.approx(member["spearman"], abs=0.15)
    assert member["wrong_subject"]["p"] > 0.05
    assert image["spearman"] > 0.5 and image["wrong_subject"]["p"] < 0.05
    assert abs(image["wrong_subject"]["spearman"]) < 0.3


def test_errors_are_medians_of_the_absolute_bias():
    tables = study(1.0, 0.0, 3)
    tables["volumes"].loc[0, "volume_mm3"] = np.nan  # k0 of s0: no volume of UNet's first member
    values = image_scores(tables["quality"], tables["scores"])
    images = collect(
        values, tables["volumes"], tables["reference"], dict.fromkeys(["s0", "s1", "s2"], "a")
    )
    volumes = tables["volumes"].merge(tables["reference"], on=["subject", "structure"])
    volumes["bias"] = 100 * (volumes["volume_mm3_x"] / volumes["volume_mm3_y"] - 1).abs()
    lost = (volumes["group"] == "unet") & (volumes["subject"] == "s0")
    kept = volumes[~(lost & (volumes["structure"] == "k0"))]
    expected = kept.groupby(KEY)["bias"].median().unstack("subject")
    np.testing.assert_allclose(images.errors, expected.to_numpy().T, atol=1e-8)
    assert images.subject.tolist() == ["a", "a", "a"]
    assert images.groups.tolist() == ["rim"] * 5 + ["unet"] * 6
    own = tables["scores"].query("score == 'gmsd' and subject == 's1'").sort_values(KEY)["value"]
    np.testing.assert_array_equal(images.scores["gmsd"][1], own)


def test_a_score_that_no_image_has_is_left_out_and_counted():
    tables = study(1.0, 0.0, 4)
    tables["scores"].loc[tables["scores"]["score"] == "vif", "value"] = np.nan
    found = answer(tables)
    tree = found.metrics["all"]
    assert tree["reference"]["vif"] == {"images": 0, "wrong_subject": {}}
    assert tree["undefined"] >= 8
    json.dumps(found.metrics, allow_nan=False)
    row = found.tables["image_scores"].set_index("score").loc["vif"]
    assert row["n"] == 0 and np.isnan(row["value"])


def test_truth_is_a_target_of_its_own_where_it_is_known():
    tables = study(1.0, 0.0, 4)
    truth = tables["reference"].assign(volume_mm3=1500.0)  # all volumes are too small by much
    found = answer(tables | {"truth": truth})
    tree = found.metrics["all"]
    assert tree["truth"]["vif"]["spearman"] == pytest.approx(-tree["reference"]["vif"]["spearman"])
    table = found.tables["image_scores"]
    assert list(table.columns) == COLUMNS
    assert table.groupby("target", sort=False).size().to_dict() == dict.fromkeys(
        ("reference", "truth"), len(DIRECTION)
    )


def test_p_values_are_adjusted_over_the_scores_of_a_target():
    tables = study(1.0, 0.0, 4)
    found = answer(tables | {"truth": tables["reference"]})
    tree = with_families({"image_scores": found})["image_scores"].metrics["all"]
    assert tree["reference"]["vif"]["family"] == "image_scores"
    assert tree["truth"]["vif"]["family"] == "image_scores_of_truth"
    assert tree["truth"]["vif"]["wrong_subject"]["family"] == "image_scores_wrong_subject"
    assert tree["reference"]["vif"]["adjusted"] >= tree["reference"]["vif"]["p"]


def test_scans_of_one_subject_make_no_interval_and_no_exchange():
    tables = study(1.0, 0.0, 3)
    leaf = leaves(tables, subject_of=dict.fromkeys(["s0", "s1", "s2"], "a"))["vif"]
    assert "low" not in leaf
    assert leaf["wrong_subject"] == {}
    assert leaf["p"] <= 1
