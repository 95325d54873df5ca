"""Prediction intervals: loops over their definitions, another implementation, promises kept."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapie.regression import ConformalizedQuantileRegressor
from scipy.stats import t as student
from sklearn.base import BaseEstimator, RegressorMixin

from stages.statistics.methods.prediction_intervals import (
    Pairs,
    intervals,
    jackknife_plus,
    largest,
    normalised,
    quantile_intervals,
    split_intervals,
    structure_scale,
)
from stages.statistics.methods.thresholds import (
    least_subjects,
    left_out_thresholds,
    upper_quantile,
)
from stages.statistics.questions.conformal import conformal
from tests.statistics.questions.test_conformal import ALPHA, each, generated, weighted_rank

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
    if n - 1 < least_subjects(alpha):
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
        pairs = Pairs(*np.full((3, 1, 20), np.nan), base[None, :, 0], base[None, :, 1])
        bounds = quantile_intervals(pairs._replace(ratio=ratio[None]), each(20), alpha)
        found = [bound[0, -1] for bound in bounds]
        assert found == pytest.approx(expected.ravel(), abs=1e-12)


def test_jackknife_plus_and_joint_intervals_equal_a_loop_over_exams():
    generator = np.random.default_rng(13)
    exam = np.array([0, 0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 8])
    ratio = 1.05 + 0.1 * generator.random((2, 12)) * np.array([[1.0], [3.0]])
    cv = 0.01 + 0.02 * generator.random((2, 12))
    bounds = intervals(Pairs(ratio, cv, np.full((2, 12), 5), 1 - cv, 1 + cv), exam, 0.2)
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
        pairs = Pairs(ratio, s, np.full(s.shape, 12), 1 - 1.5 * s, 1 + 1.5 * s)
        low, high = quantile_intervals(pairs, each(n + 1), ALPHA)
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


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, -0.1, float("nan")])
def test_levels_out_of_range_are_refused(alpha):
    with pytest.raises(ValueError, match="expected alpha between 0 and 0.5"):
        conformal(*generated(np.random.default_rng(0), 3), {}, alpha)


def test_thresholds_ignore_scans_without_any_structure():
    assert np.isnan(largest(np.full((3, 2), np.nan))).all()
    np.testing.assert_array_equal(largest(np.array([[1.0, np.nan], [0.5, 2.0]])), [1.0, 2.0])


def test_scores_without_a_scale():
    deviation = np.array([0.0, 0.1, 0.1, np.nan, 0.1])
    scale = np.array([0.0, 0.0, 0.2, 0.2, np.nan])
    np.testing.assert_array_equal(normalised(deviation, scale), [0.0, np.inf, 0.5, np.nan, np.nan])


def test_scores_that_are_undefined_calibrate_nothing():
    scores = np.array([1.0, 2, 3, np.nan, 4, 5])
    thresholds = left_out_thresholds(scores, each(6), 0.25)
    assert thresholds.tolist() == [5, 5, 5, 5, 5, 4]
