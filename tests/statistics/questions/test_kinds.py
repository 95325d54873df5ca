"""Kinds of repeated images: what they predict, against plain loops and cohorts made for it."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from stages.params.draws import DrawsSection
from stages.statistics.methods.bias import bias_table
from stages.statistics.methods.variability import cv_table
from stages.statistics.questions.kinds import (
    POOLED,
    SCOPES,
    WITHIN,
    ask,
    crossed_pairs,
    left_out_r2,
    predicted_ensembles,
    r2_of,
)
from tests.statistics.conftest import cohort_of, ensembles, parameters

STRUCTURES = ("cortex", "thalamus", "caudate", "putamen", "pallidum")
SCANS = [f"sub-{k}" for k in range(6)]
ROUNDING = 1e-9
COLUMNS = ["group", "member", "subject", "structure", "volume_mm3"]


def looped(x: np.ndarray, y: np.ndarray, clusters: np.ndarray, scope: str) -> float:
    """Return R^2 of left-out subjects by a least-squares fit for each."""
    n_rows, n_columns = x.shape
    row, column = (each.ravel() for each in np.indices(x.shape))
    known = np.isfinite(x).ravel() & np.isfinite(y).ravel()
    base = np.eye(n_rows)[row] if scope == WITHIN else np.ones((x.size, 1))
    errors = np.zeros(2)
    for name in np.unique(clusters):
        out = clusters[column] == name
        fit, new = known & ~out, known & out
        new &= np.isin(row, row[fit]) if scope == WITHIN else True
        for k, columns in enumerate((np.column_stack([base, x.ravel()]), base)):
            solution = np.linalg.lstsq(columns[fit], y.ravel()[fit], rcond=None)[0]
            errors[k] += np.sum((y.ravel()[new] - columns[new] @ solution) ** 2)
    assert n_columns == len(clusters)
    return 1.0 - errors[0] / errors[1]


def one_r2(x: np.ndarray, y: np.ndarray, clusters: np.ndarray, scope: str) -> float:
    return float(r2_of(x, y, np.ones((1, *x.shape), dtype=bool), clusters, scope)[0])


@pytest.mark.parametrize("scope", SCOPES)
def test_r2_is_that_of_a_fit_for_each_subject(scope):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 5, 8))
    x[1, 2] = y[3, 0] = y[4, 7] = np.nan
    y += 0.5 * np.nan_to_num(x)
    clusters = np.array(["a", "a", "b", "c", "d", "e", "f", "g"])
    assert one_r2(x, y, clusters, scope) == pytest.approx(looped(x, y, clusters, scope), ROUNDING)


@pytest.mark.parametrize("scope", SCOPES)
def test_intervals_leave_out_subjects_and_pooled_ones_structures(scope):
    rng = np.random.default_rng(4)
    x, clusters = rng.normal(size=(4, 6)), np.arange(6)
    y = x + rng.normal(size=(4, 6))
    value, ends = left_out_r2([(x, y)], clusters, 0.95, scope)
    apart = [[looped(x[:, c], y[:, c], clusters[c], scope) for c in ~np.eye(6, dtype=bool)]]
    if scope == POOLED:
        apart.append([looped(x[r], y[r], clusters, scope) for r in ~np.eye(4, dtype=bool)])
    variances = [(len(a) - 1) * np.var(a) for a in apart]
    free = sum(variances) ** 2 / sum(
        v**2 / (len(a) - 1) for v, a in zip(variances, apart, strict=True)
    )
    reach = student.ppf(0.975, free) * np.sqrt(sum(variances))
    assert [ends.low, ends.high] == pytest.approx([value - reach, value + reach], ROUNDING)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_follows_a_law_is_predicted_and_what_is_constant_is_not(scope):
    rng = np.random.default_rng(1)
    x, clusters = rng.normal(size=(5, 8)), np.arange(8)
    value, ends = left_out_r2([(x, 2.0 - 0.5 * x)], clusters, 0.95, scope)
    assert value == pytest.approx(1.0)
    assert ends.low == pytest.approx(1.0) and ends.high == pytest.approx(1.0)
    assert one_r2(np.ones((5, 8)), x, clusters, scope) == pytest.approx(0.0, abs=ROUNDING)
    assert np.isnan(left_out_r2([(np.full((5, 8), np.nan), x)], clusters, 0.95, scope)[0])
    assert np.isnan(one_r2(x[:, :1], x[:, :1], clusters[:1], scope))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_within_structures_few_subjects_have_no_value_or_no_interval(n):
    x, y = np.random.default_rng(5).normal(size=(2, 5, n))
    value, ends = left_out_r2([(x, y)], np.arange(n), 0.95, WITHIN)
    assert np.isfinite(value) == (n > 2)
    assert np.isfinite(ends.low) == (n > 3)


def test_structures_alone_explain_pairs_and_nothing_within_structures():
    offsets = np.repeat(np.arange(5.0)[:, None], 8, axis=1)
    noise = np.random.default_rng(2).normal(size=(2, 5, 8)) * 0.1
    x, y = offsets + noise
    assert left_out_r2([(x, y)], np.arange(8), 0.95, POOLED)[0] > 0.9
    assert left_out_r2([(x, y)], np.arange(8), 0.95, WITHIN)[0] < 0.2


def test_halves_predict_each_other():
    keys = [(k, s, h) for h in "ab" for k in STRUCTURES[:2] for s in SCANS[:3]]
    table = pd.DataFrame(keys, columns=["structure", "subject", "half"])
    values = table.assign(value=np.arange(12.0), target=100 + np.arange(12.0))
    pairs = crossed_pairs(values, values, list(STRUCTURES[:2]), SCANS[:3])
    assert [(x[0, 0], y[0, 0]) for x, y in pairs] == [(0.0, 106.0), (6.0, 100.0)]


def study(n_members: int = 4, n_scans: int = 6, *, images: bool = True, again: bool = False):
    """Return a cohort of two ensembles, noise and draws whose spread goes with the ensemble's.

    Args:
        n_members, n_scans: numbers of each.
        images: whether there are voxelwise tables.
        again: whether subjects were scanned again.
    """
    rng = np.random.default_rng(3)
    scans = SCANS[:n_scans]
    members = tuple(range(n_members))
    draws = {
        "replicas": {"of": "unet/0", "method": "replicas", "members": members},
        "swag": {"of": "unet/1", "method": "swag", "members": members},
    }
    draws |= {"again": {"of": "unet/0", "method": "rescans", "members": members}} if again else {}
    found = ensembles(("unet", "rim"), n_members).with_draws(DrawsSection.model_validate(draws))
    size = rng.uniform(1000, 9000, (5, n_scans))
    spread = np.exp(rng.normal(-4, 0.7, (5, n_scans)))
    rows, regions, halves = [], [], []
    for name in found.variable:
        values = size[..., None] * (
            1 + spread[..., None] * rng.normal(size=(5, n_scans, n_members))
        )
        for k, structure in enumerate(STRUCTURES):
            for s, scan in enumerate(scans):
                rows += [(name, m, scan, structure, values[k, s, m]) for m in members]
                regions.append((name, scan, structure, spread[k, s] * rng.uniform(0.9, 1.1)))
                halves += [(*regions[-1], half) for half in "ab"]
    reference = pd.DataFrame(
        [
            ("reference", 0, s, k, size[i, j] * 1.01)
            for i, k in enumerate(STRUCTURES)
            for j, s in enumerate(scans)
        ],
        columns=COLUMNS,
    )
    volumes = pd.DataFrame(rows, columns=COLUMNS)
    columns = ["group", "subject", "structure", "mean"]
    if not images:
        regions, halves = [], []
    return cohort_of(
        ensembles=found,
        subject_of={scan: scan for scan in scans},
        volumes=volumes,
        reference=reference,
        truth=reference[["subject", "structure", "volume_mm3"]],
        cv=cv_table(volumes),
        bias=bias_table(volumes, reference),
        spread=pd.DataFrame(regions, columns=columns),
        half_spread=pd.DataFrame(halves, columns=[*columns, "half"]),
    )


def asked(cohort):
    params = parameters(structures=STRUCTURES, bootstrap_draws=20, subsets=4)
    return ask(cohort, params, np.random.default_rng(0))


def test_every_group_of_several_members_is_compared():
    cohort = study()
    answer = asked(cohort)
    tree, table = answer.metrics, answer.tables["kinds"]
    assert list(tree) == ["unet", "rim", "noise", "replicas", "swag"]
    assert [tree[g]["trainings"] for g in tree] == [4, 4, 0, 1, 1]
    assert [tree[g]["kind"] for g in tree] == ["ensemble", "ensemble", "noise", "replicas", "swag"]
    assert tree["replicas"]["of"] == "unet" and tree["rim"]["of"] == "rim"
    assert {*tree["noise"]["predicts"]} == {
        *("ensemble_cv_unet", "ensemble_cv_rim", "bias_reference", "bias_truth")
    }
    # the noise realisations are around the reference, which is no target of theirs
    assert "reference" not in tree["noise"] and "truth" in tree["noise"]
    found = tree["replicas"]["predicts"]["ensemble_cv"]["sd"]
    assert found[WITHIN]["low"] < found[WITHIN]["r2"] < found[WITHIN]["high"]
    assert found[WITHIN]["r2"] > 0.3
    width = tree["swag"]["truth"]["conformal_width"]
    assert width["absolute"] > 0 and width["scaled"] > 0
    assert set(table["group"]) == set(tree)
    assert not table.duplicated(["group", "target", "predictor", "estimate", "scope"]).any()
    json.dumps(tree, allow_nan=False)


def test_draws_predict_the_ensemble_of_their_own_architecture():
    cohort = study()
    of = {g: predicted_ensembles(cohort, cohort.ensembles.group(g)) for g in ("swag", "noise")}
    assert of == {"swag": ("unet",), "noise": ("unet", "rim")}


@pytest.mark.parametrize(("n_members", "n_scans"), [(2, 4), (4, 2), (3, 1)])
def test_few_members_or_scans_leave_out_what_is_undefined(n_members, n_scans):
    tree = asked(study(n_members, n_scans)).metrics
    assert all(tree[group]["cv"]["value"] > 0 for group in tree)
    json.dumps(tree, allow_nan=False)


def test_volumes_without_images_have_no_voxelwise_predictor():
    tree = asked(study(images=False)).metrics
    assert WITHIN in tree["replicas"]["predicts"]["ensemble_cv"]["cv"]
    assert "r2" not in tree["replicas"]["predicts"]["ensemble_cv"].get("sd", {}).get(WITHIN, {})


def test_subjects_scanned_again_have_a_cv_and_no_voxelwise_predictor():
    tree = asked(study(again=True)).metrics
    assert tree["again"]["kind"] == "rescans" and tree["again"]["cv"]["value"] > 0
    for target in ("ensemble_cv", "bias_truth"):
        assert {*tree["again"]["predicts"][target]} - {"noise_ceiling"} == {"cv"}
        assert "sd" in tree["replicas"]["predicts"][target]
