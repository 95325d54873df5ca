"""Variance components against hand calculations, statsmodels and planted components."""

import numpy as np
import pytest
import statsmodels.formula.api as smf
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.anova import anova_lm

from stages.statistics.methods.variance_components import (
    Segmentation,
    agreement,
    combine,
    components,
    estimate,
    segmentation_variance,
)
from tests.statistics.questions.test_components import ORACLE, cohort, tidy

tables = arrays(
    np.float64,
    st.tuples(st.integers(2, 6), st.integers(2, 6)),
    elements=st.floats(-100, 100).map(lambda x: round(x, 3)),
)


def mean_squares(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean squares of subjects, members and residual of a table without gaps."""
    n_subjects, n_members = values.shape
    values = values - values.mean()
    subject = values.mean(axis=1, keepdims=True)
    member = values.mean(axis=0, keepdims=True)
    residual = np.sum((values - subject - member) ** 2) / ((n_subjects - 1) * (n_members - 1))
    return (
        n_members * np.sum(subject**2) / (n_subjects - 1),
        n_subjects * np.sum(member**2) / (n_members - 1),
        residual,
    )


def analysis_of_variance(values: np.ndarray) -> dict[str, float]:
    """Return the components of a table without gaps, free of bias and of any sign."""
    subject, member, residual = mean_squares(values)
    n_subjects, n_members = values.shape
    return {
        "subject": (subject - residual) / n_members,
        "member": (member - residual) / n_subjects,
        "interaction": residual,
    }


def icc_agreement(values: np.ndarray) -> float:
    """Return ICC(A,1) of McGraw and Wong 1996."""
    subject, member, residual = mean_squares(values)
    n, k = values.shape
    return (subject - residual) / (subject + (k - 1) * residual + k * (member - residual) / n)


def test_components_by_hand():
    assert mean_squares(ORACLE) == pytest.approx((331, 19, 1))
    expected = {"subject": 110, "member": 6, "interaction": 1}
    assert components(ORACLE) == pytest.approx(expected)
    assert agreement(estimate(ORACLE)) == pytest.approx(0.940171, abs=1e-6)
    assert ORACLE.var(axis=1, ddof=1).mean() == pytest.approx(7)


@given(tables)
def test_without_gaps_and_negative_estimates_it_is_the_analysis_of_variance(values):
    subject, member = (np.arange(float(n)) for n in values.shape)
    # effects that stand out: hardly an estimate is negative
    values = values + 3.0 * (values.std() + 1.0) * (subject[:, None] + member)
    known = analysis_of_variance(values)
    scale = np.var(values)
    assume(min(known.values()) > 1e-6 * scale)
    assert components(values) == pytest.approx(known, rel=1e-6, abs=1e-9 * scale)
    assert agreement(estimate(values)) == pytest.approx(icc_agreement(values), rel=1e-6)


def test_table_of_the_analysis_of_variance_is_that_of_statsmodels():
    values = cohort(np.random.default_rng(0), (6, 5, 1), (0.1, 0.02, 0.01, 0.0))[..., 0]
    long = tidy(values)
    fit = smf.ols("volume_mm3 ~ C(subject) + C(member)", data=long).fit()
    assert mean_squares(values) == pytest.approx(anova_lm(fit)["mean_sq"].to_numpy())


@pytest.mark.parametrize("n_missing", [0, 3, 10])
def test_components_are_those_of_a_mixed_model_fitted_by_restricted_likelihood(n_missing):
    # a unit of the order of one, for the optimiser's sake
    generator = np.random.default_rng(1)
    values = 100 * cohort(generator, (8, 6, 1), (0.05, 0.03, 0.02, 0.0))[..., 0]
    values.flat[generator.choice(values.size, n_missing, replace=False)] = np.nan
    long = tidy(values).assign(all=1).dropna()
    parts = {"subject": "0 + C(subject)", "member": "0 + C(member)"}
    model = smf.mixedlm("volume_mm3 ~ 1", long, groups="all", vc_formula=parts, re_formula="0")
    fit = model.fit(reml=True, method="lbfgs")
    found = components(values)
    known = dict(zip(model.exog_vc.names, fit.vcomp, strict=True))
    assert found["subject"] == pytest.approx(known["subject"], rel=1e-3)
    assert found["member"] == pytest.approx(known["member"], rel=1e-3)
    assert found["interaction"] == pytest.approx(fit.scale, rel=1e-3)


@given(tables, st.randoms(use_true_random=False), st.floats(-5, 5))
def test_order_and_origin_do_not_matter(values, random, shift):
    *_, residual = mean_squares(values)
    assume(residual > 1e-6 * values.var())  # without a residual, the likelihood has no maximum
    rows, columns = list(range(values.shape[0])), list(range(values.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    shuffled = values[np.ix_(rows, columns)] + shift
    assert components(shuffled) == pytest.approx(components(values), abs=1e-6)
    assert all(value >= 0 for value in components(values).values())
    turned = components(values.T)
    here = components(values)
    assert turned["subject"] == pytest.approx(here["member"], rel=1e-5, abs=1e-6)


def test_identical_members_leave_the_scans_only():
    values = np.repeat(np.array([[1.0], [2.0], [4.0]]), 4, axis=1)
    found = components(values)
    assert found["member"] == pytest.approx(0, abs=1e-12)
    assert found["interaction"] == pytest.approx(0, abs=1e-12)
    assert agreement(estimate(values)) == pytest.approx(1)


def test_components_are_recovered_on_average():
    generator = np.random.default_rng(2)
    true = (0.10, 0.04, 0.02, 0.0)
    found = [components(cohort(generator, (8, 6, 1), true)[..., 0]) for _ in range(1500)]
    for name, deviation in zip(("subject", "member", "interaction"), true[:3], strict=True):
        each = np.array([one[name] for one in found])
        error = each.std(ddof=1) / np.sqrt(len(each))
        assert each.mean() == pytest.approx(deviation**2, abs=4 * error)


@pytest.mark.parametrize("known", ["all cells", "some cells"])
def test_interaction_and_segmentation_are_told_apart_on_average(known):
    generator = np.random.default_rng(3)
    true = (0.10, 0.04, 0.03, 0.02)
    found = []
    for _ in range(1500):
        log_draws = cohort(generator, (7, 6, 4), true)
        first = log_draws[..., 0].copy()
        if known == "some cells":
            log_draws = log_draws[..., 1:]
            log_draws[3:] = np.nan
        values, segmentation = combine(first, log_draws)
        found.append(components(values, segmentation))
    names = ("subject", "member", "interaction", "segmentation")
    for name, deviation in zip(names, true, strict=True):
        each = np.array([one[name] for one in found])
        error = each.std(ddof=1) / np.sqrt(len(each))
        assert each.mean() == pytest.approx(deviation**2, abs=4 * error)


def test_segmentation_is_the_mean_of_the_cells_variances():
    draws = np.array([[[1.0, 2.0, 3.0], [1.0, 5.0, np.nan]], [[4.0, np.nan, np.nan], [2, 2, 2]]])
    assert segmentation_variance(draws) == pytest.approx((1 + 8 + 0) / 3)
    assert np.isnan(segmentation_variance(draws[1:, :1]))
    generator = np.random.default_rng(4)
    draws = generator.normal(size=(3, 4, 5))
    loop = [np.var(draws[s, m], ddof=1) for s in range(3) for m in range(4)]
    assert segmentation_variance(draws) == pytest.approx(np.mean(loop))


def test_total_variance_of_equal_draws_is_that_of_its_two_parts():
    draws = np.random.default_rng(5).normal(size=(4, 3, 6))
    within = np.mean(draws.var(axis=-1))
    assert within + draws.mean(axis=-1).var() == pytest.approx(draws.var())
    assert segmentation_variance(draws) * 5 / 6 == pytest.approx(within)


def test_draws_of_all_cells_are_averaged_and_divided_by_their_number():
    draws = np.random.default_rng(6).normal(size=(4, 3, 6))
    draws[0, 0, 2:] = np.nan
    values, segmentation = combine(np.zeros((4, 3)), draws)
    assert values == pytest.approx(np.nanmean(draws, axis=-1))
    assert 1 / segmentation.n_averaged == pytest.approx((1 / 2 + 11 / 6) / 12)
    residual = estimate(values)["residual"]
    interaction = residual - segmentation.residual / segmentation.n_averaged
    found = components(values, segmentation)
    assert found["interaction"] == pytest.approx(max(0, interaction))
    assert found["segmentation"] == segmentation.variance


def test_draws_more_variable_than_the_cells_leave_no_interaction():
    found = components(ORACLE, Segmentation(3.0, 1.0))
    assert found["interaction"] == 0
    assert found["segmentation"] == 3
