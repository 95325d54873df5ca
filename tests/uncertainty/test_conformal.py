"""Conformal intervals: the ranks, agreement with other code, and coverage of generated cohorts."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.regression import ConformalizedQuantileRegressor
from scipy.stats import t as student
from sklearn.base import BaseEstimator, RegressorMixin

from stages.uncertainty.conformal import (
    ALL,
    COLUMNS,
    METHODS,
    Cells,
    cohort,
    conformal,
    coverage_band,
    coverage_distribution,
    interval_table,
    intervals,
    jackknife_plus,
    largest,
    least_exams,
    left_out_thresholds,
    normalised,
    quantile_intervals,
    split_intervals,
    structure_scale,
    upper_quantile,
)

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
    """Return the volumes of one cell, (members,) mm3."""
    cell = (table["subject"] == subject) & (table["structure"] == structure)
    return table.loc[cell, "volume_mm3"].to_numpy()


def each(n: int) -> np.ndarray:
    """Return an exam a scan."""
    return np.arange(n)


@pytest.mark.parametrize("n", range(1, 41))
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2, 0.25])
def test_threshold_is_the_rank_of_split_conformal(n, alpha):
    values = np.random.default_rng(n).permutation(n) + 1.0
    rank = math.ceil(round((n + 1) * (1 - alpha), 9))
    expected = rank if rank <= n else math.inf
    assert upper_quantile(values, each(n), alpha) == expected
    assert (n >= least_exams(alpha)) == math.isfinite(expected)


def test_hand_calculation():
    scores = np.array([5.0, 1, 4, 2, 3, 9, 8, 7, 6])
    assert upper_quantile(scores, each(9), 0.1) == 9
    assert upper_quantile(scores, each(9), 0.2) == 8
    assert upper_quantile(scores[:8], each(8), 0.1) == math.inf
    assert upper_quantile(np.array([]), each(0), 0.1) == math.inf
    # b_-i = 1.05, 1, .95 and residuals .15, 0, .15: with alpha = .25 the largest and smallest ends
    low, high = jackknife_plus(np.array([0.9, 1.0, 1.1]), each(3), 0.25)
    assert (low, high) == pytest.approx((0.8, 1.2))


def test_scans_of_one_exam_share_its_weight():
    exam = np.array([0, 0, 0, 0, 1, 2, 3])
    values = np.array([7.0, 7, 7, 7, 1, 2, 3])
    # exams 1, 2, 3 weigh 1/5 each, the four scans of exam 0 together 1/5
    assert upper_quantile(values, exam, 0.41) == 3
    assert upper_quantile(values, exam, 0.39) == 7
    assert upper_quantile(values, exam, 0.19) == math.inf
    assert upper_quantile(np.repeat(values[3:], 3), np.repeat(exam[3:], 3), 0.3) == upper_quantile(
        values[3:], exam[3:], 0.3
    )


# values that differ, differ by more than the rounding of 1 + q and 1 - q
ratio_values = st.floats(0.5, 2.0).map(lambda value: round(value, 9))
ratios = st.lists(ratio_values, min_size=5, max_size=25, unique=True)


@given(ratios, st.sampled_from([0.1, 0.2, 0.3]))
def test_jackknife_plus_equals_a_loop_over_its_definition(values, alpha):
    ratio, n = np.array(values), len(values)
    lows, highs = [], []
    for i in range(n):
        location = np.mean([r for j, r in enumerate(values) if j != i])
        score = abs(values[i] - location) / location
        lows.append(location * (1 - score))
        highs.append(location * (1 + score))
    upper = math.ceil(round((n + 1) * (1 - alpha), 9))
    lower = math.floor(round((n + 1) * alpha, 9))
    low, high = jackknife_plus(ratio, each(n), alpha)
    if upper > n:
        assert math.isnan(low) and math.isnan(high)
    else:
        assert low == pytest.approx(sorted(lows)[lower - 1])
        assert high == pytest.approx(sorted(highs)[upper - 1])


@given(ratios, st.sampled_from([0.1, 0.2, 0.3]))
def test_uncorrected_jackknife_plus_is_split_conformal(values, alpha):
    ratio = np.array(values)
    q = upper_quantile(np.abs(ratio - 1), each(len(ratio)), alpha)
    low, high = jackknife_plus(ratio, each(len(ratio)), alpha, correct=False)
    if math.isfinite(q):
        assert (low, high) == pytest.approx((1 - q, 1 + q))
    else:
        assert math.isnan(low) and math.isnan(high)


@given(ratios, st.sampled_from([0.1, 0.2, 0.3]))
def test_coverage_with_the_exam_left_out_is_fixed_without_a_fit(values, alpha):
    scores = np.array([values])
    n = len(values)
    low, high = split_intervals(scores, np.ones((1, 1)), each(n), alpha)
    if n - 1 < least_exams(alpha):
        assert np.isnan(low).all() and np.isnan(high).all()
    else:
        inside = np.sum(scores <= high - 1)
        assert inside == math.ceil(round(n * (1 - alpha), 9))


def test_mapie_agrees():
    """Jackknife+ and split conformal of another library, to rounding."""
    from mapie import regression as mapie
    from sklearn.dummy import DummyRegressor
    from sklearn.model_selection import LeaveOneOut

    ratio = 1.03 + 0.04 * np.random.default_rng(0).standard_t(4, size=19)
    nothing = np.zeros((19, 1))
    for alpha in (0.1, 0.2, 0.25):
        other = mapie.CrossConformalRegressor(
            DummyRegressor(), method="plus", cv=LeaveOneOut(), confidence_level=1 - alpha
        )
        other.fit_conformalize(nothing, ratio)
        _, bounds = other.predict_interval(nothing[:1])
        assert jackknife_plus(ratio, each(19), alpha) == pytest.approx(bounds.ravel(), abs=1e-12)

        constant = DummyRegressor(strategy="constant", constant=1.0).fit(nothing, ratio)
        other = mapie.SplitConformalRegressor(constant, prefit=True, confidence_level=1 - alpha)
        other.conformalize(nothing, ratio)
        _, bounds = other.predict_interval(nothing[:1])
        q = upper_quantile(np.abs(ratio - 1), each(19), alpha)
        assert (1 - q, 1 + q) == pytest.approx(bounds.ravel(), abs=1e-12)


class Column(RegressorMixin, BaseEstimator):
    """A fitted model whose prediction is one column of its input."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.fitted_ = True

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Column":
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x)[:, self.number]


def test_mapie_agrees_on_conformalised_quantiles():
    """The same base quantiles, calibrated by another library; half of them too narrow."""
    generator = np.random.default_rng(17)
    own = 0.02 * generator.gamma(4.0, 0.25, (20, 12)) * generator.normal(size=(20, 12))
    ratio = 1.01 + 0.03 * generator.normal(size=20)
    for alpha, spread in product((0.1, 0.2, 0.25), (1.0, 4.0)):
        base = np.quantile(1 + spread * own, [alpha / 2, 1 - alpha / 2, 0.5], axis=1).T
        other = ConformalizedQuantileRegressor(
            [Column(k) for k in range(3)], confidence_level=1 - alpha, prefit=True
        )
        other.conformalize(base[:-1], ratio[:-1])
        _, expected = other.predict_interval(base[-1:], symmetric_correction=True)
        cells = Cells(*np.full((3, 1, 20), np.nan), base[None, :, 0], base[None, :, 1])
        bounds = quantile_intervals(cells._replace(ratio=ratio[None]), each(20), alpha)
        found = [bound[0, -1] for bound in bounds]
        assert found == pytest.approx(expected.ravel(), abs=1e-12)


def test_quantiles_of_members_equal_a_loop_over_tables():
    """Conformalised quantiles of unequal exams, cell by cell; one ensemble is far too wide."""
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
    cells = Cells(ratio, ratio, ratio, lower, upper)
    low, high = quantile_intervals(cells, each(12), 0.25)
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
        cells = {}
        for subject in [f"sub-{s}" for s in range(14)]:
            v, y = (volumes_of(table, subject, structure) for table in (volumes, truth))
            cells[subject] = (v.mean(), v.std(ddof=1), y[0])
        hits, widths = {m: [] for m in METHODS[:3]}, {m: [] for m in METHODS[:3]}
        for subject, (mean, s, y) in cells.items():
            others = [o for o in cells if exams.get(o, o) != exams.get(subject, subject)]
            owners = [exams.get(o, o) for o in others]
            weights = [1 / (owners.count(e) * (len(set(owners)) + 1)) for e in owners]
            half = {"naive": student.ppf(0.9, 11) * s}
            for method, unit in (("absolute", 0), ("scaled", 1)):
                scores = [abs(cells[o][2] - cells[o][0]) / cells[o][unit] for o in others]
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


def test_jackknife_plus_and_joint_intervals_equal_a_loop_over_exams():
    generator = np.random.default_rng(13)
    exam = np.array([0, 0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 8])
    ratio = 1.05 + 0.1 * generator.random((2, 12)) * np.array([[1.0], [3.0]])
    cv = 0.01 + 0.02 * generator.random((2, 12))
    bounds = intervals(Cells(ratio, cv, np.full((2, 12), 5), 1 - cv, 1 + cv), exam, 0.2)
    unit = [math.sqrt(np.mean([c**2 for c in row])) for row in cv]
    worst = [max(abs(ratio[k, s] - 1) / unit[k] for k in range(2)) for s in range(12)]
    for s in range(12):
        rest = [i for i in range(12) if exam[i] != exam[s]]
        owners = [exam[i] for i in rest]
        q = weighted_rank([worst[i] for i in rest], owners, 0.2)
        for k in range(2):
            low, high = (bound[k, s] for bound in bounds["joint"])
            assert (low, high) == pytest.approx((1 - q * unit[k], 1 + q * unit[k]))
            ends = []
            for i in rest:
                others = sorted(set(owners) - {exam[i]})
                location = np.mean([ratio[k, exam == e].mean() for e in others])
                radius = abs(ratio[k, i] - location)
                ends.append((location - radius, location + radius))
            expected = (
                -weighted_rank([-end[0] for end in ends], owners, 0.2),
                weighted_rank([end[1] for end in ends], owners, 0.2),
            )
            low, high = (bound[k, s] for bound in bounds["jackknife_plus"])
            assert (low, high) == pytest.approx(expected)


def test_split_and_jackknife_plus_keep_their_promise_on_new_scans():
    """2,000 cohorts of 20 exams with skewed errors and a bias of 4 %: one new scan each."""
    generator = np.random.default_rng(2)
    n, n_cohorts = 20, 2000
    inside = {"split": 0, "jackknife": 0, "naive": 0}
    for _ in range(n_cohorts):
        ratio = 1.04 + 0.02 * (generator.gamma(2.0, size=n + 1) - 2.0)
        *known, new = ratio
        known = np.array(known)
        inside["split"] += abs(new - 1) <= upper_quantile(np.abs(known - 1), each(n), ALPHA)
        low, high = jackknife_plus(known, each(n), ALPHA)
        inside["jackknife"] += low <= new <= high
        inside["naive"] += abs(new - 1) <= student.ppf(0.95, 11) * 0.02
    share = {name: count / n_cohorts for name, count in inside.items()}
    exact = 19 / 21  # ceil(.9 * 21) / 21
    error = 4 * math.sqrt(exact * (1 - exact) / n_cohorts)
    assert share["split"] == pytest.approx(exact, abs=error)
    assert share["jackknife"] >= 1 - 2 * ALPHA
    assert share["jackknife"] == pytest.approx(1 - ALPHA, abs=error + 0.02)
    assert share["naive"] < 0.75


def test_scaled_cqr_and_joint_thresholds_keep_their_promise_on_new_scans():
    """Errors grow with s, and those of structures go together."""
    generator = np.random.default_rng(3)
    n, n_cohorts, n_structures = 20, 2000, 4
    scaled = joint = beyond = 0
    for _ in range(n_cohorts):
        s = 0.02 * generator.gamma(4.0, 0.25, size=(n_structures, n + 1))
        shared = generator.normal(size=n + 1)
        ratio = 1.01 + s * (shared + generator.normal(size=s.shape))
        deviation = np.abs(ratio - 1.0)
        own = normalised(deviation, s)[0]
        top = largest(normalised(deviation, structure_scale(s)))
        scaled += own[-1] <= upper_quantile(own[:-1], each(n), ALPHA)
        joint += top[-1] <= upper_quantile(top[:-1], each(n), ALPHA)
        cells = Cells(ratio, s, np.full(s.shape, 12), 1 - 1.5 * s, 1 + 1.5 * s)
        low, high = quantile_intervals(cells, each(n + 1), ALPHA)
        beyond += low[0, -1] <= ratio[0, -1] <= high[0, -1]
    exact = 19 / 21
    error = 4 * math.sqrt(exact * (1 - exact) / n_cohorts)
    assert scaled / n_cohorts == pytest.approx(exact, abs=error)
    assert joint / n_cohorts == pytest.approx(exact, abs=error)
    assert beyond / n_cohorts == pytest.approx(exact, abs=error)


def test_exams_of_several_scans_keep_the_promise_that_scans_alone_break():
    """6 of 16 exams have 5 nearly equal scans; every new scan is of a new exam."""
    generator = np.random.default_rng(4)
    sizes = np.array([5] * 6 + [1] * 10)
    exam = np.repeat(np.arange(16), sizes)
    large = sizes[exam] == 5
    n_cohorts, weighted, pooled = 2000, 0, 0
    for _ in range(n_cohorts):
        scores = np.abs(generator.normal(size=16))[exam] * np.where(large, 0.5, 1.0)
        new = abs(generator.normal()) * (0.5 if generator.random() < 6 / 16 else 1.0)
        weighted += new <= upper_quantile(scores, exam, ALPHA)
        pooled += new <= upper_quantile(scores, each(len(scores)), ALPHA)
    assert weighted / n_cohorts > 0.9
    assert pooled / n_cohorts < 0.87


@pytest.mark.parametrize(
    ("bias", "error", "fails"), [(0.0, 0.0, False), (0.06, 0.0, True), (0.0, 0.05, True)]
)
def test_naive_interval_fails_where_members_share_an_error(bias, error, fails):
    volumes, truth = generated(np.random.default_rng(5), 40, 6, bias, error)
    branch = conformal(volumes, truth, {}, ALPHA)[0]["rim"]
    assert (branch["naive"]["coverage"] < 0.7) == fails
    for method in ("absolute", "scaled", "cqr"):
        assert branch[method]["coverage"] == pytest.approx(36 / 40)
    assert branch["joint"]["all_structures"] == pytest.approx(36 / 40)
    assert branch["jackknife_plus"]["coverage"] == pytest.approx(0.9, abs=0.05)
    if bias:
        assert branch["jackknife_plus"]["width"] < 0.5 * branch["absolute"]["width"]


@pytest.mark.parametrize(("n", "alpha"), [(9, 0.1), (20, 0.1), (17, 0.25)])
def test_exact_distribution_of_the_coverage(n, alpha):
    generator = np.random.default_rng(6)
    rank = math.ceil(round((n + 1) * (1 - alpha), 9))
    thresholds = np.sort(generator.random((4000, n)), axis=1)[:, rank - 1]
    exact = coverage_distribution(n, alpha)
    assert exact.mean() == pytest.approx(rank / (n + 1))
    for p in (0.1, 0.5, 0.9):
        assert np.mean(thresholds <= exact.ppf(p)) == pytest.approx(p, abs=0.03)
    counts = generator.binomial(20, thresholds) / 20
    low, high = coverage_band(n, 20, alpha)
    assert np.mean((counts >= low) & (counts <= high)) >= 0.88
    assert np.mean(counts < low) <= 0.07


def test_too_few_exams_have_no_distribution():
    assert least_exams(0.1) == 9
    assert coverage_distribution(8, 0.1) is None
    assert coverage_distribution(99, 0.29).args == (71, 29)  # 100 * .29 is 28.999... in binary
    assert all(math.isnan(bound) for bound in coverage_band(8, 20, 0.1))
    assert all(math.isnan(bound) for bound in coverage_band(20, 0, 0.1))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, -0.1, float("nan")])
def test_levels_out_of_range_are_refused(alpha):
    with pytest.raises(ValueError, match="expected alpha between 0 and 0.5"):
        conformal(*generated(np.random.default_rng(0), 3), {}, alpha)


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
        enough = n_scans > least_exams(ALPHA) or method == "naive"
        if enough and (n_members > 1 or not needs_spread):
            assert leaves["undefined"] == 0 and {"coverage", "width"} < set(leaves)
        else:
            assert leaves == {"undefined": 3 * n_scans}


def test_thresholds_ignore_scans_without_any_structure():
    assert np.isnan(largest(np.full((3, 2), np.nan))).all()
    np.testing.assert_array_equal(largest(np.array([[1.0, np.nan], [0.5, 2.0]])), [1.0, 2.0])


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


def test_scores_without_a_scale():
    deviation = np.array([0.0, 0.1, 0.1, np.nan, 0.1])
    scale = np.array([0.0, 0.0, 0.2, 0.2, np.nan])
    np.testing.assert_array_equal(normalised(deviation, scale), [0.0, np.inf, 0.5, np.nan, np.nan])


def test_scores_that_are_undefined_calibrate_nothing():
    scores = np.array([1.0, 2, 3, np.nan, 4, 5])
    thresholds = left_out_thresholds(scores, each(6), 0.25)
    assert thresholds.tolist() == [5, 5, 5, 5, 5, 4]


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
    cells, structures, subjects = cohort(volumes, truth, ALPHA)
    assert (structures, subjects) == (["k0", "k1"], [f"sub-{s}" for s in range(4)])
    part, (y,) = (volumes_of(table, "sub-2", "k1") for table in (volumes, truth))
    assert cells.ratio[1, 2] == pytest.approx(y / part.mean())
    assert cells.cv[1, 2] == pytest.approx(part.std(ddof=1) / part.mean())
    ends = np.quantile(part, [0.05, 0.95]) / part.mean()
    assert (cells.lower[1, 2], cells.upper[1, 2]) == pytest.approx(tuple(ends))
    assert (cells.n_members == 12).all()
