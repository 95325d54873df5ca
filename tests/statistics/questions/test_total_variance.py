"""Reconstruction and segmentation part of volumes: planted parts, known answers, predictors."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from stages.measures.members import halves_of
from stages.measures.voxelwise import SUMMARIES
from stages.statistics.answer import Answer
from stages.statistics.cohort import Cohort
from stages.statistics.methods.variability import cv_table
from stages.statistics.needs import lacking
from stages.statistics.questions.slopes import PRIMARY
from stages.statistics.questions.total_variance import (
    ALL,
    COLUMNS,
    PREDICTOR_COLUMNS,
    SCAN_COLUMNS,
    ask,
)
from tests.statistics.conftest import cohort_of, ensembles, parameters

STRUCTURES = ("thalamus", "caudate", "putamen", "pallidum", "hippocampus")
KEYS = ["group", "member", "draw", "subject", "structure"]


def volumes(
    shape: tuple[int, int, int] = (8, 6, 3),
    sd: tuple[float, float, float] = (0.03, 0.02, 0.01),
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return volumes (structures, scans, members, draws), and ln of their reconstruction's SD.

    Args:
        shape: scans, members, draws.
        sd: of reconstruction, of segmentation at one place and of the interaction, relative.
        seed: of the generator.
    """
    rng = np.random.default_rng(seed)
    n_scans, n_members, n_draws = shape
    x = rng.normal(0, 0.5, (len(STRUCTURES), n_scans))
    size = 5000 * np.exp(rng.normal(0, 1, (len(STRUCTURES), 1, 1, 1)))

    def normal(*tail: int) -> np.ndarray:
        return rng.normal(size=(*x.shape, *tail))

    parts = sd[0] * np.exp(x)[..., None, None] * normal(n_members, 1)
    parts = parts + sd[1] * normal(1, n_draws) + sd[2] * normal(n_members, n_draws)
    return size * (1 + parts), x


def study(values: np.ndarray, x: np.ndarray, *, images: bool = True) -> Cohort:
    """Return the cohort of volumes and of a predictor that is proportional to exp(x)."""
    n_scans, n_members, n_draws = values.shape[1:]
    scans = [f"s{s}" for s in range(n_scans)]
    names = ["structure", "subject", "member", "draw"]
    index = pd.MultiIndex.from_product(
        [STRUCTURES, scans, range(n_members), range(n_draws)], names=names
    )
    draws = index.to_frame(index=False).assign(group="unet", volume_mm3=values.ravel())
    own = draws[draws["draw"] == 0].drop(columns="draw")
    pairs = pd.MultiIndex.from_product([STRUCTURES, scans], names=names[:2]).to_frame(index=False)
    pairs = pairs.assign(group="unet")
    value = np.exp(x).ravel()
    noise = np.random.default_rng(1).uniform(0.9, 1.1, (len(SUMMARIES), value.size))
    regions = pairs.assign(**{n: value * e for n, e in zip(SUMMARIES, noise, strict=True)})
    bins = [
        pairs.assign(edges=e, bin=b, fraction=noise[b]) for e in ("own", "global") for b in (0, 1)
    ]
    predictor = pairs.assign(surrogate=PRIMARY, kind="A", value=value)
    halves = [
        predictor.assign(half=half)
        for half, members in zip("ab", halves_of(list(range(n_members))), strict=True)
        if len(members) > 1
    ]
    halved = pd.concat(halves or [predictor[:0].assign(half="")], ignore_index=True)
    return cohort_of(
        ensembles=ensembles(("unet",), n_members),
        subject_of={name: name for name in scans},
        volumes=own,
        draws=draws,
        reference=own[own["member"] == 0],
        cv=cv_table(own),
        regions=regions if images else regions[:0],
        histograms=pd.concat(bins, ignore_index=True),
        surrogates=predictor.assign(surrogate="vote_entropy", kind="C"),
        half_surrogates=halved,
    )


def answer(cohort: Cohort) -> Answer:
    """Return the answer; warnings are errors."""
    few = {"permutations": 49, "bootstrap_draws": 100, "structures": STRUCTURES}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ask(cohort, parameters(**few), np.random.default_rng(0))


def test_planted_parts_and_their_predictor_are_found():
    found = answer(study(*volumes((12, 6, 3))))
    tree = found.metrics["unet"]
    # E exp(2 x) of x with SD 0.5
    parts = {"reconstruction": 9.0 * np.exp(0.5), "segmentation": 5.0, "interaction": 1.0}
    for name, value in (parts | {"total": 9.0 * np.exp(0.5) + 5.0}).items():
        ends = tree["variance"][name]
        assert ends["low"] < value < ends["high"], name
        assert tree["cv_percent"][name]["value"] == pytest.approx(np.sqrt(ends["value"]))
    fraction = tree["fraction"]
    assert fraction["reconstruction"]["value"] + fraction["segmentation"]["value"] == pytest.approx(
        1
    )
    assert tree["n"] == {
        **{"scans": 12, "members": 6, "draws": 3, "pairs": 60},
        "reconstruction_below_0": tree["n"]["reconstruction_below_0"],
    }
    own, whole = (tree["predicts"][name] for name in ("reconstruction", "total"))
    assert own["slope"]["within"]["low"] < 1 < own["slope"]["within"]["high"]
    # the segmentation part is no part of what the images predict: it flattens the total's slope
    assert 0 < whole["slope"]["within"]["value"] < own["slope"]["within"]["value"]
    assert own["surrogates"][PRIMARY]["disjoint"]["within_structure"]["low"] > 0
    assert own["r2"]["summary"] > 0.3
    assert {*own["controls"]} == {"histogram", "summary", "structure_only"}
    json.dumps(tree, allow_nan=False)


def test_tables_have_a_row_a_component_structure_and_scan():
    found = answer(study(*volumes()))
    pooled, scans, predictors = (
        found.tables[f"total_variance{n}"] for n in ("", "_scans", "_predictors")
    )
    assert list(pooled) == COLUMNS and list(scans) == SCAN_COLUMNS
    assert list(predictors) == PREDICTOR_COLUMNS
    assert len(pooled) == 4 * (len(STRUCTURES) + 1) and len(scans) == 4 * len(STRUCTURES) * 8
    assert not predictors.duplicated(["endpoint", "surrogate", "estimate"]).any()
    # the mean over scans of each structure, and over structures of those
    means = scans.groupby(["structure", "component"])["variance"].mean()
    own = pooled.set_index(["structure", "component"]).sort_index()
    for place, value in means.items():
        assert own.loc[place, "variance"] == pytest.approx(value)
    everything = means.groupby("component").mean()
    for name, value in everything.items():
        assert own.loc[(ALL, name), "variance"] == pytest.approx(value)
    share = means.unstack()["reconstruction"] / means.unstack()["total"]
    assert own.loc[(ALL, "reconstruction"), "fraction"] == pytest.approx(share.mean())


def test_one_image_many_times_has_no_reconstruction_part():
    values, x = volumes(sd=(0.0, 0.02, 0.0))
    tree = answer(study(values, x)).metrics["unet"]
    # a place's effect alone: members are equal, up to the rounding of a volume
    assert tree["variance"]["reconstruction"]["value"] == pytest.approx(0, abs=1e-20)
    assert tree["fraction"]["segmentation"]["value"] == pytest.approx(1)
    noisy = answer(study(*volumes(sd=(0.0, 0.0, 0.02)))).metrics["unet"]
    ends = noisy["variance"]["reconstruction"]
    assert ends["low"] < 0 < ends["high"]
    assert noisy["n"]["reconstruction_below_0"] > 10
    assert (
        noisy["predicts"]["reconstruction"]["n_undefined"] == noisy["n"]["reconstruction_below_0"]
    )


def test_identical_segmentations_have_no_segmentation_part():
    tree = answer(study(*volumes(sd=(0.03, 0.0, 0.0)))).metrics["unet"]
    assert (
        tree["variance"]["segmentation"]["value"] == tree["variance"]["interaction"]["value"] == 0
    )
    assert tree["fraction"]["reconstruction"]["value"] == 1


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 3, 2), (4, 2, 2), (1, 4, 3)])
def test_few_scans_or_members_leave_out_what_is_undefined(shape):
    found = answer(study(*volumes(shape)))
    tree = found.metrics["unet"]
    assert tree["variance"]["total"]["value"] > 0
    json.dumps(tree, allow_nan=False)


def test_volumes_without_images_have_parts_and_no_predictors():
    tree = answer(study(*volumes(), images=False)).metrics["unet"]
    assert "predicts" not in tree and tree["variance"]["total"]["value"] > 0


def test_without_repeated_segmentations_the_question_is_skipped():
    values, x = volumes()
    cohort = study(values, x)
    assert lacking(ask, cohort) == ""
    without = cohort_of(**vars(cohort) | {"draws": None})
    assert "segment.perturbations.draws is 0" in lacking(ask, without)
