"""Conformal intervals: the ranks, agreement with other code, and coverage of generated cohorts."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from stages.statistics.methods.prediction_intervals import (
    METHODS,
    Pairs,
    quantile_intervals,
)
from stages.statistics.methods.thresholds import (
    least_subjects,
)
from stages.statistics.questions.conformal import (
    ALL,
    COLUMNS,
    ask,
    cohort,
    conformal,
    interval_table,
)
from tests.statistics.conftest import cohort_of, ensembles, parameters

ALPHA = 0.1


def tidy(volumes: np.ndarray, group: str = "rim") -> pd.DataFrame:
    """Return volumes (members, scans, structures) as a table."""
    members, scans, structures = volumes.shape
    rows = [
        (group, m, f"sub-{s}", f"k{k}", volumes[m, s, k])
        for m, s, k in product(range(members), range(scans), range(structures))
    ]
    return pd.DataFrame(rows, columns=["group", "member", "subject", "structure", "volume_mm3"])


def generated(
    generator: np.random.Generator,
    n_scans: int = 20,
    n_structures: int = 3,
    bias: float = 0.0,
    error: float = 0.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return volumes of 12 members, each 2 % off, and the truth; `bias`, `error`: of all members.

    bias is the same in all scans, error the deviation over scans of what members share.
    """
    truth = 1000.0 * np.exp(0.3 * generator.normal(size=(1, n_scans, n_structures)))
    shared = bias + error * generator.normal(size=truth.shape)
    own = 0.02 * generator.normal(size=(12, n_scans, n_structures))
    return tidy(truth * (1.0 + shared + own)), tidy(truth, "reference")


def volumes_of(table: pd.DataFrame, subject: str, structure: str) -> np.ndarray:
    """Return the volumes of one pair, (members,) mm3."""
    pair = (table["subject"] == subject) & (table["structure"] == structure)
    return table.loc[pair, "volume_mm3"].to_numpy()


def each(n: int) -> np.ndarray:
    """Return an exam a scan."""
    return np.arange(n)


def test_quantiles_of_members_equal_a_loop_over_tables():
    """Conformalised quantiles of unequal exams, pair by pair; one ensemble is far too wide."""
    generator = np.random.default_rng(18)
    volumes, truth = generated(generator, n_scans=14, bias=0.02, error=0.01)
    wide = volumes["structure"] == "k2"
    noise = 1 + 0.2 * generator.normal(size=int(wide.sum()))
    volumes.loc[wide, "volume_mm3"] *= noise
    exams, alpha = {"sub-1": "sub-0", "sub-5": "sub-4"}, 0.2
    found = conformal(volumes, truth, exams, alpha)[1].set_index(["structure", "method"])
    names = [f"sub-{s}" for s in range(14)]
    for structure in ("k0", "k2"):
        low, high, y = {}, {}, {}
        for name in names:
            v = volumes_of(volumes, name, structure)
            low[name], high[name] = np.quantile(v, [0.1, 0.9]) / v.mean()
            y[name] = volumes_of(truth, name, structure)[0] / v.mean()
        inside, widths = [], []
        for name in names:
            others = [o for o in names if exams.get(o, o) != exams.get(name, name)]
            scores = [max(low[o] - y[o], y[o] - high[o]) for o in others]
            q = weighted_rank(scores, [exams.get(o, o) for o in others], alpha)
            inside.append(low[name] - q <= y[name] <= high[name] + q)
            widths.append(100 * max(0, high[name] - low[name] + 2 * q) / y[name])
            assert (q < 0) == (structure == "k2")
        row = found.loc[(structure, "cqr")]
        assert row["n"] == 14
        assert row["coverage"] == pytest.approx(np.mean(inside))
        assert row["width_percent"] == pytest.approx(np.mean(widths))


def test_crossed_ends_hold_nothing_and_have_no_width():
    ratio = np.ones((1, 12))
    lower, upper = np.full((1, 12), 0.8), np.full((1, 12), 1.2)
    lower[0, 3], upper[0, 3] = 0.95, 1.05
    pairs = Pairs(ratio, ratio, ratio, lower, upper)
    low, high = quantile_intervals(pairs, each(12), 0.25)
    assert (low[0, 3], high[0, 3]) == pytest.approx((1.15, 0.85))
    table = interval_table(ratio, {"cqr": (low, high)}, ["k0"]).set_index("structure")
    assert table.loc["k0", "coverage"] == pytest.approx(11 / 12)
    assert table.loc["k0", "width_percent"] == pytest.approx(0.0, abs=1e-9)


def test_entry_equals_a_loop_over_tables():
    """Absolute, scaled and naive intervals in mm3, word by word."""
    generator = np.random.default_rng(1)
    volumes, truth = generated(generator, n_scans=14, bias=0.03, error=0.02)
    exams = {"sub-1": "sub-0", "sub-5": "sub-4"}
    found = conformal(volumes, truth, exams, 0.2)[1].set_index(["structure", "method"])
    for structure in ("k0", "k2"):
        scans = {}
        for subject in [f"sub-{s}" for s in range(14)]:
            v, y = (volumes_of(table, subject, structure) for table in (volumes, truth))
            scans[subject] = (v.mean(), v.std(ddof=1), y[0])
        hits, widths = {m: [] for m in METHODS[:3]}, {m: [] for m in METHODS[:3]}
        for subject, (mean, s, y) in scans.items():
            others = [o for o in scans if exams.get(o, o) != exams.get(subject, subject)]
            owners = [exams.get(o, o) for o in others]
            weights = [1 / (owners.count(e) * (len(set(owners)) + 1)) for e in owners]
            half = {"naive": student.ppf(0.9, 11) * s}
            for method, unit in (("absolute", 0), ("scaled", 1)):
                scores = [abs(scans[o][2] - scans[o][0]) / scans[o][unit] for o in others]
                total, pairs = 0.0, sorted(zip(scores, weights, strict=True))
                for score, weight in pairs:
                    total += weight
                    if total >= 0.8 - 1e-9:
                        half[method] = score * (mean, s)[unit]
                        break
            for method, h in half.items():
                hits[method].append(abs(y - mean) <= h)
                widths[method].append(200 * h / y)
        for method in METHODS[:3]:
            row = found.loc[(structure, method)]
            assert row["n"] == 14
            assert row["coverage"] == pytest.approx(np.mean(hits[method]))
            assert row["width_percent"] == pytest.approx(np.mean(widths[method]))


def weighted_rank(values: list[float], owners: list, alpha: float) -> float:
    """Return the smallest value that 1 - alpha of the weight lies at or below, by counting."""
    n_exams = len(set(owners))
    for bound in sorted(values):
        below = [e for value, e in zip(values, owners, strict=True) if value <= bound]
        share = sum(1 / owners.count(e) for e in below) / (n_exams + 1)
        if share >= 1 - alpha - 1e-12:
            return bound
    return math.inf


@pytest.mark.parametrize(("n_scans", "n_members"), [(2, 2), (1, 2), (2, 1), (20, 1)])
def test_small_studies_count_what_is_undefined(n_scans, n_members):
    volumes, truth = generated(np.random.default_rng(7), n_scans)
    volumes = volumes[volumes["member"] < n_members]
    tree, table = conformal(volumes, truth, {}, ALPHA)
    assert set(tree["rim"]) == set(METHODS)
    assert table.columns.tolist() == COLUMNS
    for method, leaves in tree["rim"].items():
        assert all(math.isfinite(value) for value in leaves.values())
        needs_spread = method in ("naive", "scaled", "cqr", "joint")
        enough = n_scans > least_subjects(ALPHA) or method == "naive"
        if enough and (n_members > 1 or not needs_spread):
            assert leaves["undefined"] == 0 and {"coverage", "width"} < set(leaves)
        else:
            assert leaves == {"undefined": 3 * n_scans}


def test_gaps_do_no_harm():
    volumes, truth = generated(np.random.default_rng(8), 14, 4)
    truth = truth[~((truth["subject"] == "sub-3") & (truth["structure"] == "k0"))]
    truth.loc[(truth["subject"] == "sub-4") & (truth["structure"] == "k1"), "volume_mm3"] = 0.0
    volumes.loc[(volumes["subject"] == "sub-5") & (volumes["structure"] == "k1"), "volume_mm3"] = 0
    truth = truth[truth["structure"] != "k3"]
    tree, table = conformal(volumes, truth, {}, ALPHA)
    table = table.set_index(["structure", "method"])
    for method in METHODS:
        assert tree["rim"][method]["undefined"] == 14 + 3
        assert [table.loc[(k, method), "n"] for k in ("k0", "k1", "k2", "k3")] == [13, 12, 14, 0]
        assert table.loc[(ALL, method), "n"] == 14
        assert math.isfinite(tree["rim"][method]["all_structures"])
    assert np.isnan(table.loc[("k3", "joint"), "coverage"])


def test_no_volume_at_all():
    volumes, truth = generated(np.random.default_rng(9), 3)
    tree, table = conformal(volumes, truth[:0], {}, ALPHA)
    assert all(leaves == {"undefined": 9} for leaves in tree["rim"].values())
    assert (table["n"] == 0).all()
    tree, table = conformal(volumes[:0], truth, {}, ALPHA)
    assert (tree, table.columns.tolist()) == ({}, COLUMNS)


def test_identical_members_are_covered_only_if_exact():
    volumes, truth = generated(np.random.default_rng(10), 12, 1)
    volumes["volume_mm3"] = volumes.groupby("subject")["volume_mm3"].transform("first")
    tree, _ = conformal(volumes, truth, {}, ALPHA)
    assert tree["rim"]["naive"] == {
        "coverage": 0.0,
        "width": 0.0,
        "all_structures": 0.0,
        "undefined": 0,
    }
    assert tree["rim"]["scaled"] == {"undefined": 12}
    assert tree["rim"]["absolute"]["coverage"] == pytest.approx(11 / 12)
    # quantiles of equal members are their mean
    assert tree["rim"]["cqr"] == pytest.approx(tree["rim"]["absolute"])
    exact = volumes[volumes["member"] == 0].assign(group="reference")
    tree, _ = conformal(volumes, exact, {}, ALPHA)
    for method in METHODS:
        assert tree["rim"][method]["coverage"] == 1.0
        assert tree["rim"][method]["width"] == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=20)
@given(st.floats(0.01, 100.0), st.integers(0, 10_000))
def test_units_and_order_do_not_matter(unit, seed):
    volumes, truth = generated(np.random.default_rng(11), 11, 2)
    tree, table = conformal(volumes, truth, {"sub-1": "sub-0"}, 0.2)
    other, _ = conformal(
        volumes.assign(volume_mm3=unit * volumes["volume_mm3"]).sample(frac=1, random_state=seed),
        truth.assign(volume_mm3=unit * truth["volume_mm3"]).sample(frac=1, random_state=seed),
        {"sub-1": "sub-0"},
        0.2,
    )
    assert set(table["structure"]) == {"k0", "k1", ALL}
    for method in METHODS:
        assert other["rim"][method] == pytest.approx(tree["rim"][method])


def test_cohort_holds_the_arrays_of_a_group():
    volumes, truth = generated(np.random.default_rng(12), 4, 2)
    pairs, structures, subjects = cohort(volumes, truth, ALPHA)
    assert (structures, subjects) == (["k0", "k1"], [f"sub-{s}" for s in range(4)])
    part, (y,) = (volumes_of(table, "sub-2", "k1") for table in (volumes, truth))
    assert pairs.ratio[1, 2] == pytest.approx(y / part.mean())
    assert pairs.cv[1, 2] == pytest.approx(part.std(ddof=1) / part.mean())
    ends = np.quantile(part, [0.05, 0.95]) / part.mean()
    assert (pairs.lower[1, 2], pairs.upper[1, 2]) == pytest.approx(tuple(ends))
    assert (pairs.n_members == 12).all()


@pytest.mark.parametrize(("n_subjects", "judged"), [(9, False), (10, True)])
def test_below_ten_subjects_nothing_is_shown(n_subjects, judged):
    volumes, truth = generated(np.random.default_rng(0), n_scans=n_subjects)
    scans = {name: name for name in dict.fromkeys(volumes["subject"])}
    whole = cohort_of(
        volumes=volumes, reference=truth, subject_of=scans, ensembles=ensembles(n_members=12)
    )
    answer = ask(whole, parameters(), np.random.default_rng(0))
    assert ("rim" in answer.metrics) == judged
    assert ("not_judged" in answer.metrics) != judged
    assert list(answer.tables["conformal"].columns) == COLUMNS
    assert bool(len(answer.tables["conformal"])) == judged
