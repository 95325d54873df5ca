"""docs/results.md and README.md are rendered from the metrics, and their claims hold."""

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from stages.page.answers.plan_table import WORDS
from stages.provenance import publication
from tests.docs import claims, results
from tests.docs.pages import ROOT

RESULTS, README = "results.md.j2", "readme.md.j2"
PAIRS = [("unet", "varnet"), ("unet", "rim"), ("varnet", "rim")]


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    """The metrics of the default study, as if it were published."""
    return claims.study(ROOT) | {"manifest": {"version": "1.2.3"}}


@pytest.fixture
def metrics(committed: dict[str, Any]) -> dict[str, Any]:
    """The same, to be changed; without the answers that a study may not have."""
    beside = {"heads": copy.deepcopy(committed)}
    return copy.deepcopy(committed) | dict.fromkeys(claims.FURTHER) | beside


@pytest.fixture
def undecided(metrics: dict[str, Any]) -> dict[str, Any]:
    """The same, with no claim but that nothing is shown, whatever the committed metrics show."""
    volumes, other = metrics["volumes"], metrics["other"]["metrics"]
    for name, opposite in zip(claims.NETWORKS, [*claims.NETWORKS][::-1], strict=True):
        volumes[name]["cv"]["median"] = 1.0 + len(name)
        other["volumes"][name]["cv"]["median"] = 1.0 + len(opposite)
        for each in (volumes[name], other["volumes"][name]):
            for key in ("cv_difference", "absolute_bias_difference"):
                each[key] = {second: leaf(0.0) for second in each[key]}
        metrics["headline"][name] = {
            key: metrics["headline"][name][key] for key in ("psnr", "ssim")
        }
        metrics["deformation"][name]["agreement"]["cv"]["pooled"] |= leaf(0.5, 0.2, "r")
    for slopes in (metrics["slopes"], other["slopes"]):
        for found in claims.primary(slopes).values():
            found |= leaf(0.5) | {"adjusted": 0.5}
    for found in claims.halves(metrics["surrogates"], "std_mean"):
        found |= leaf(0.0, 0.5, "r")
    for task in ("dice_loss", "surface_distance", "deformation_sd"):
        for found in claims.task_ranks(metrics["tasks"], task):
            found |= leaf(0.0, 0.5, "r")
    for found in claims.ranks_of(metrics["task_error"]).values():
        found["adjusted"] = 0.9
    return metrics


def said(template: str, metrics: dict[str, Any]) -> str:
    """Return what a template says, on one line."""
    return " ".join(results.rendered(template, metrics).split())


def leaf(value: float, width: float = 1.0, key: str = "value") -> dict[str, float]:
    """Return an estimate and its interval."""
    return {key: value, "low": value - width, "high": value + width}


def test_pages_are_what_their_templates_say() -> None:
    for page, text in results.pages().items():
        assert (ROOT / page).read_text(encoding="utf-8") == text, (
            "the metrics have changed: python -m tests.docs.results --write"
        )


def test_a_cohort_is_told_with_its_version_and_every_question_of_the_plan() -> None:
    cohort = claims.study(ROOT / results.COHORT)
    text = said("cohort.md.j2", cohort)
    assert f"Made by version {cohort['manifest']['version']}" in text
    assert [row["question"] in text for row in cohort["plan"]] == [True] * len(WORDS)
    assert cohort["manifest"]["plan"]["committed"][:10] in text


def test_real_heads_stand_beside_the_cohort(committed: dict[str, Any]) -> None:
    cohort, heads = copy.deepcopy(committed), copy.deepcopy(committed)
    first, second, *_ = [row["question"] for row in cohort["plan"]]
    for row in cohort["plan"]:
        if row["question"] in (first, second):
            row["answer"] = "yes, in 1 of 3 (1 positive)"
    heads["plan"][1]["answer"] = "yes, in 2 of 3"
    text = said("heads.md.j2", heads | {"cohort": cohort})
    assert f"| {second} | yes, in 1 of 3 (1 positive) | yes, in 2 of 3 |" in text
    assert "digital phantoms answer two; one of these real heads answer too." in text
    del heads["plan"][0]
    assert f"| {first} | yes, in 1 of 3 (1 positive) | – |" in said(
        "heads.md.j2", heads | {"cohort": cohort}
    )
    text = said("heads.md.j2", committed | {"cohort": committed})
    assert "there is no conclusion that could survive." in text


def test_published_studies_are_as_they_were_published() -> None:
    accelerations = (ROOT / results.ACCELERATIONS).glob("R*")
    for folder in (ROOT / results.COHORT, ROOT / results.HEADS, *accelerations):
        assert list(publication.faults(folder)) == []


def test_accelerations_stand_side_by_side_the_lowest_first() -> None:
    found = claims.accelerated(ROOT / results.ACCELERATIONS)
    assert list(found) == sorted(found) and len(found) > 1
    text = said("accelerations.md.j2", {"accelerations": found})
    assert f"| acceleration | {' | '.join(map(str, found))} |" in text
    for study in found.values():
        cell = claims.estimate(claims.primary(study["slopes"])["varnet"])
        row = text.partition("VarNet: slope of ln CV on ln mean SD |")[2].partition("| RIM")[0]
        assert cell in row
        assert len(study["plan"]) == len(WORDS)


def test_write_replaces_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    for page, *_ in results.PARTS:
        shutil.copy(ROOT / page, tmp_path / page)
    for folder in ("metrics", "plots", "results"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.setattr(results, "ROOT", tmp_path)
    page = tmp_path / "docs/results.md"
    right = page.read_text(encoding="utf-8")
    page.write_text(right.replace("| zero-filled | 1 |", "| zero-filled | 7 |"), encoding="utf-8")
    assert results.main([]) == 1
    assert "-| zero-filled | 7 |" in capsys.readouterr().out
    assert results.main(["--write"]) == 0
    assert page.read_text(encoding="utf-8") == right
    assert results.main([]) == 0
    assert capsys.readouterr().out == ""


def test_a_page_without_its_comments_is_refused(metrics: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected once each"):
        results.updated("# Results", RESULTS, metrics)


def test_a_number_that_is_missing_is_an_error(metrics: dict[str, Any]) -> None:
    del metrics["volumes"]["noise"]["cv"]["median"]
    for template in (RESULTS, README):
        with pytest.raises((UndefinedError, KeyError), match="median"):
            results.rendered(template, metrics)


def test_lines_are_filled_and_links_kept_whole() -> None:
    text = results.filled("1. " + "word " * 22 + "[two words](there.md)\n2. b\n   c\n\n| a\n| b")
    first, second, third, *rest = text.splitlines()
    assert max(map(len, (first, second, third))) <= results.WIDTH
    assert (second, third, rest) == ("   [two words](there.md)", "2. b c", ["", "| a", "| b"])


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.0, 1, "0"), (-0.04, 1, "0.0"), (-1.25, 2, "-1.25"), (3.0, 0, "3"), (0.996, 2, "1.00")],
)
def test_numbers_have_no_negative_zero(value: float, digits: int, text: str) -> None:
    assert claims.fixed(value, digits) == text


def test_intervals_that_are_not_known_exclude_nothing() -> None:
    assert not claims.excludes({"value": 3.0})
    assert claims.estimate({"value": 3.0}, 1) == "3.0 (no interval)"
    assert claims.excludes(leaf(2.0)) and not claims.excludes(leaf(2.0), 3.0)
    assert claims.between([-0.4, -0.41], 1) == "-0.4"


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_difference_that_excludes_0_is_named(
    undecided: dict[str, Any], first: str, second: str
) -> None:
    none = "Differences of their median CV and of their median absolute bias all have intervals"
    assert none in said(RESULTS, undecided)
    assert "lowest CV or bias is undecided" in said(README, undecided)
    undecided["volumes"][first]["cv_difference"][second] = leaf(4.0)
    pair = f"CV {claims.NETWORKS[first]} − {claims.NETWORKS[second]} 4.0 (3.0 to 5.0)"
    for template in (RESULTS, README):
        text = said(template, undecided)
        assert f"exclude 0: {pair}." in text
        assert none not in text and "is undecided" not in text
    assert "By the atlas all differences" in said(RESULTS, undecided)
    undecided["other"]["metrics"]["volumes"][first]["cv_difference"][second] = leaf(-4.0)
    assert "By the atlas these differences" in said(RESULTS, undecided)


def test_a_significant_slope_is_named(undecided: dict[str, Any]) -> None:
    assert "**Four scans do not answer the question.**" in said(RESULTS, undecided)
    assert "No slope is significant with either." in said(RESULTS, undecided)
    found = claims.primary(undecided["slopes"])
    found["rim"] |= leaf(1.0, 0.5) | {"adjusted": 0.01}
    for name in claims.NETWORKS:
        undecided["slopes"][name]["permutations"]["least_p"] = 0.001
    text = said(RESULTS, undecided)
    assert "**The primary endpoint is significant for RIM**" in text
    assert "The interval of the primary endpoint of the RIM does not hold no relation (0)" in text
    assert "enough for a test of three networks to reject" in text
    assert "Significant slopes: RIM with the bundled network, none with the atlas." in text
    assert "**Undecided, by too few subjects.**" in said(README, undecided)
    undecided["slopes"]["unet"]["n"]["subjects"] = 20
    assert "Significantly in the RIM only" in said(README, undecided)
    assert "predicts variability in one of three networks (RIM) and bias in none;" in said(
        README, undecided
    )
    of_heads = claims.primary(undecided["heads"]["slopes"])
    for name, p in zip(claims.NETWORKS, (0.5, 0.01, 0.01), strict=True):
        of_heads[name] |= {"adjusted": p}
    assert "by the same plan, it predicts variability in two." in said(README, undecided)
    found["rim"] |= leaf(-1.0, 0.5)
    assert "RIM only" not in said(README, undecided)  # the other way round is no prediction
    for name in claims.NETWORKS:
        found[name] |= leaf(0.5) | {"adjusted": 0.5}
    assert "hold no relation (0) and proportion (1) alike" in said(RESULTS, undecided)
    assert "Not shown**: no slope is significant (adjusted p: UNet 0.500" in said(README, undecided)
    assert "slopes beyond 1.0 only" in said(README, undecided)


def test_other_claims_turn_with_their_numbers(undecided: dict[str, Any]) -> None:
    before = said(RESULTS, undecided)
    claims.halves(undecided["surrogates"], "std_mean")[0] |= leaf(0.5, 0.2, "r")
    claims.task_ranks(undecided["tasks"], "dice_loss")[1] |= leaf(0.5, 0.2, "r")
    undecided["task_error"]["all"]["psnr"]["bias"]["within"]["adjusted"] = 0.04
    undecided["headline"]["rim"]["cv"] = {"value": 2.0, "half_width": 0.1}
    undecided["segmenter"]["structures"]["amygdala"]["dice"] = 0.1
    undecided["deformation"]["unet"]["agreement"]["cv"]["pooled"] = leaf(0.1, 0.2, "r")
    other = undecided["other"]["metrics"]["volumes"]
    for name in claims.NETWORKS:
        other[name]["cv"] = undecided["volumes"][name]["cv"]
        undecided["volumes"]["noise"]["cv"]["median"] = 99.0
    turned = {
        "all intervals include 0": "one of three intervals excludes 0",
        "All nine intervals of the mean SD include 0": "Of the nine intervals of the mean SD one",
        "none is significant, and": "significant, adjusted for each other: PSNR with bias.",
        "PSNR and SSIM alone have": "Beside PSNR and SSIM these have narrow intervals: CV of the",
        "0.847, CSF": "0.100, amygdala",
        "rank structures alike": "whose intervals do not all exclude 0",
        "by CV depends on the segmenter": "by CV is the same with both segmenters",
    }
    after = said(RESULTS, undecided)
    for old, new in turned.items():
        assert new in after and old not in after
        assert new not in before
    assert "**Reconstruction adds bias.**" in said(README, undecided)


def kinds(best: float) -> dict[str, Any]:
    """Return an answer where the noise's CV predicts bias best."""
    scopes = {"pooled": leaf(0.9, 0.1, "r2"), "within_structure": leaf(-0.2, 0.1, "r2")}
    own = {"sd": scopes, "cv": scopes, "noise_ceiling": {"within_structure": leaf(0.5)}}
    noise = own | {"cv": scopes | {"within_structure": leaf(best, 0.3, "r2")}}
    return {
        "rim": {"predicts": {"bias_reference": own, "bias_truth": own}},
        "noise": {"predicts": {"bias_reference": noise, "bias_truth": noise}},
    }


def test_kinds_are_ranked_by_what_they_predict(metrics: dict[str, Any]) -> None:
    assert "Further questions" not in said(RESULTS, metrics)
    text = said(RESULTS, metrics | {"kinds": kinds(0.4)})
    assert "### Further questions **Kinds of repeated images.**" in text
    assert (
        "the fully sampled scan, best by the CV of the volume between noise realisations"
        " (R² 0.40 (0.10 to 0.70), the largest of 4 and not corrected for that choice;"
        " its interval excludes 0); against the true volume, best by"
    ) in text
    text = said(RESULTS, metrics | {"kinds": kinds(-0.1)})
    assert text.count("by no predictor, least badly by the CV") == 2
    assert text.count("its interval includes 0") == 2
    draws = {"replicas": kinds(0.4)["noise"] | {"of": "unet/0"}}
    assert "best by the CV of the volume between `replicas` of one UNet" in said(
        RESULTS, metrics | {"kinds": draws}
    )
    unknown = {"rim": {"predicts": {}}}
    assert "by no predictor whose R² is known; against" in said(
        RESULTS, metrics | {"kinds": unknown}
    )


def test_thickness_has_its_numbers(metrics: dict[str, Any]) -> None:
    cv = leaf(2.0, 0.5, "median") | {"cortex": 1.0, "left": 1.0, "left_frontal": 2.0}
    own = {"cv": cv, "absolute_bias": leaf(3.0, 1.0, "median")}
    answer = {"thickness": dict.fromkeys((*claims.NETWORKS, "noise"), own)}
    text = said(RESULTS, metrics | answer)
    assert "medians over one block of the cortex and four scans, of four members" in text
    numbers = r"CV 2\.0 \(1\.5 to 2\.5\) %, absolute bias 3\.0 \(2\.0 to 4\.0\) %"
    assert re.search(rf"UNet {numbers}; VarNet {numbers}; RIM {numbers}\. Noise alone", text)


def scores(adjusted: float, **critical: float) -> dict[str, Any]:
    """Return an answer of two scores."""
    found = {
        "psnr": leaf(0.3, 0.2, "spearman") | {"p": 0.01, "adjusted": adjusted} | critical,
        "haarpsi": leaf(-0.1, 0.2, "spearman") | {"p": 0.7, "adjusted": 0.7} | critical,
    }
    return {"all": {"reference": found | {"members": 12, "subjects": 4}, "undefined": 0}}


def test_scores_of_images_are_named_where_they_rank(metrics: dict[str, Any]) -> None:
    text = said(RESULTS, metrics | {"image_scores": scores(0.2, critical=0.25)})
    assert "none of two scores is significant, adjusted for all (ρ of -0.10 to 0.30)." in text
    assert "a ρ of more than 0.25 in size would have been significant." in text
    found = scores(0.02, critical=0.25, critical_adjusted=0.28)
    text = said(RESULTS, metrics | {"image_scores": found})
    assert "adjusted for all scores: PSNR (ρ = 0.30 (0.10 to 0.50))." in text
    assert "significant, among all scores one of more than 0.28." in text
    text = said(RESULTS, metrics | {"image_scores": scores(0.2)})
    assert "no score could have been significant" in text
