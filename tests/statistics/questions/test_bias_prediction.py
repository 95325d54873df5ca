"""Surrogates against the size of the bias: known relations, both targets, and counted gaps."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from stages.measures.members import HALVES, halves_of
from stages.measures.voxelwise import SUMMARIES
from stages.statistics.methods.bias import ABSOLUTE, absolute_bias_table, bias_table
from stages.statistics.methods.correlation import centre
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.questions.bias_prediction import COLUMNS, ask, log_bias
from stages.statistics.questions.surrogates import ESTIMATES
from tests.statistics.conftest import cohort_of, ensembles, parameters

GROUPS, N_MEMBERS = ("unet", "rim"), 4
STRUCTURES, SCANS = [f"k{k}" for k in range(5)], [f"s{s}" for s in range(8)]
SIZES = {"permutations": 99}


def cohort(link: float = 1.0, seed: int = 0, truth: bool = True, scans: list[str] = SCANS):
    """Return a cohort whose surrogate `linked` is |bias|^link, beside one that knows nothing."""
    generator = np.random.default_rng(seed)
    rows, regions, histograms, halves, others, reference, cv = [], [], [], [], [], [], []
    apart = []
    for group in GROUPS:
        for structure in STRUCTURES:
            for subject in scans:
                pair = {"group": group, "subject": subject, "structure": structure}
                bias = generator.normal(0, 5)
                for member in range(N_MEMBERS):
                    volume = 1000 + 10 * bias + generator.normal(0, 1)
                    rows.append({**pair, "member": member, "volume_mm3": volume})
                found = dict(zip(SUMMARIES, generator.gamma(4, size=9), strict=True))
                regions.append({**pair, **found})
                halves += [{**pair, **found, "half": half} for half in HALVES]
                for edges in ("own", "global"):
                    parts = generator.dirichlet(np.ones(4))
                    histograms += [
                        {**pair, "edges": edges, "bin": b, "fraction": f}
                        for b, f in enumerate(parts)
                    ]
                linked = {"surrogate": "linked", "kind": "B", "value": abs(bias) ** link}
                others.append({**pair, **linked})
                apart += [{**pair, **linked, "half": half} for half in HALVES]
                cv.append({**pair, "cv": generator.gamma(4), "mean_mm3": generator.gamma(4)})
                if group == GROUPS[0]:
                    reference.append({**pair, "volume_mm3": 1000.0})
    known = pd.DataFrame(reference)
    return cohort_of(
        ensembles=ensembles(GROUPS, N_MEMBERS),
        subject_of={name: name for name in scans},
        volumes=pd.DataFrame(rows),
        reference=known,
        truth=known.assign(volume_mm3=1010.0) if truth else None,
        regions=pd.DataFrame(regions),
        halves=pd.DataFrame(halves),
        histograms=pd.DataFrame(histograms),
        surrogates=pd.DataFrame(others),
        half_surrogates=pd.DataFrame(apart),
        cv=pd.DataFrame(cv),
    )


def answer(**options: object):
    """Return the answer for a cohort."""
    return ask(cohort(**options), parameters(**SIZES), np.random.default_rng(1))


def test_a_surrogate_that_is_the_bias_is_found_and_an_idle_one_is_not() -> None:
    tree = answer().metrics
    for group in GROUPS:
        linked = tree[group]["reference"]["surrogates"]["linked"]
        within = linked["spearman"]["within_structure"]
        assert linked["pooled_r2"] > 0.8
        assert within["low"] > 0.5
        assert within["p"] == pytest.approx(1 / 100)
        halves = linked["disjoint"]["within_structure"]
        assert halves["low"] > 0.5
        assert halves["p"] == pytest.approx(1 / 100)
        assert within["critical"] < within["r"]
        idle = tree[group]["reference"]["surrogates"]["std_mean"]["spearman"]["within_structure"]
        assert idle["p"] > 0.05
        assert abs(idle["r"]) < 0.4


def test_coefficients_are_scipys() -> None:
    data = cohort()
    tree = ask(data, parameters(**SIZES), np.random.default_rng(1)).metrics
    target = absolute_bias_table(data.volumes, data.truth)
    own = target[target["group"] == "rim"].merge(data.surrogates, on=["structure", "subject"])
    own = own[own["group_y"] == "rim"]
    x, y = own["value"].to_numpy(), own[ABSOLUTE].to_numpy()
    structure = own["structure"].to_numpy()
    found = tree["rim"]["truth"]["surrogates"]["linked"]["spearman"]
    assert found["pooled"]["r"] == pytest.approx(spearmanr(x, y).statistic)
    expected = spearmanr(centre(x, structure), centre(y, structure)).statistic
    assert found["within_structure"]["r"] == pytest.approx(expected)
    assert tree["rim"]["truth"]["median"] == pytest.approx(np.median(y))


def test_regressions_have_the_controls_of_the_cv() -> None:
    found = answer().metrics["rim"]["reference"]
    assert set(found["r2"]) == {"histogram", "summary"}
    assert {"adjusted", "leave_one_subject_out", "within_structure"} <= set(
        found["controls"]["summary"]
    )
    assert "structure_only" in found["controls"]
    assert set(found["split_half_prediction"]) == {"disjoint", "same", "n_pairs", "n_undefined"}
    assert found["n"] == {"pairs": 40, "excluded": 0}


def test_all_surrogates_of_all_groups_are_tested_within_structures() -> None:
    table = answer().tables["bias_prediction"]
    assert list(table) == COLUMNS
    tested = table[table["p"].notna() & (table["scope"] == "within_structure")]
    # three summaries, `linked`, the CV and the volume; the last three have halves
    for estimate, n in (("spearman", 6), ("disjoint", 3)):
        own = tested[tested["estimate"] == estimate]
        assert own.groupby("target").size().tolist() == [2 * n] * 2
    assert set(table.loc[table["scope"] == "", "estimate"]) == set(ESTIMATES)


def test_halves_have_a_bias_of_their_own() -> None:
    data = cohort()
    own = data.volumes[data.volumes["group"] == "rim"]
    first = own[own["member"].isin(halves_of(list(range(N_MEMBERS)))[0])]
    found = log_bias(first, data.reference)
    expected = np.log(bias_table(first, data.reference)["bias"].abs())
    assert found["target"].tolist() == pytest.approx(expected.tolist())


def test_without_a_truth_there_is_one_target() -> None:
    found = answer(truth=False)
    assert set(found.metrics["rim"]) == {"reference", "undefined"}
    assert set(found.tables["bias_regression"]["target"]) == {"reference"}


@pytest.mark.parametrize("n_scans", [1, 2, 3])
def test_few_scans_give_numbers_or_counted_gaps(n_scans: int) -> None:
    tree = answer(scans=SCANS[:n_scans]).metrics
    assert without_gaps(tree)[1] == []
    assert tree["rim"]["undefined"] > 0 or n_scans == 3


def test_a_volume_without_bias_has_no_logarithm() -> None:
    data = cohort()
    exact = data.volumes.assign(volume_mm3=1000.0)
    assert log_bias(exact[exact["group"] == "rim"], data.reference)["target"].isna().all()
