"""Restricted likelihood against dense matrices, general optimisers and lme4."""

import os
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from stages.statistics.methods.reml import fit, one_hot, products, restricted_likelihood

R = os.environ.get("RSCRIPT") or shutil.which("Rscript")
LME4 = """
suppressMessages(library(lme4)); options(digits = 15)
table <- read.csv(commandArgs(TRUE)[1])
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12))
fit <- lmer(y ~ 1 + (1 | subject) + (1 | member), table, control = control)
parts <- as.data.frame(VarCorr(fit))
cat(parts$vcov[match(c("subject", "member", "Residual"), parts$grp)])
"""


def crossed(seed: int, shape: tuple[int, int], missing: float) -> tuple[np.ndarray, ...]:
    """Return y, row and column of a crossed table with gaps."""
    generator = np.random.default_rng(seed)
    subject, member = generator.choice([0.0, 0.3, 1.0, 10.0], 2)
    n_subjects, n_members = shape
    y = generator.normal(0, subject, (n_subjects, 1)) + generator.normal(0, member, (1, n_members))
    y = y + generator.normal(size=shape)
    row, column = np.nonzero(generator.random(shape) >= missing)
    return y[row, column], row, column


def free(row: np.ndarray, column: np.ndarray) -> int:
    """Return the degrees of freedom that both factors leave."""
    return len(row) - int(np.linalg.matrix_rank(np.c_[one_hot(row), one_hot(column)]))


@given(st.integers(0, 10_000), st.tuples(st.integers(2, 6), st.integers(2, 6)))
def test_the_likelihood_is_that_of_error_contrasts(seed, shape):
    y, row, column = crossed(seed, shape, 0.2)
    assume(len(y) > 2)
    components = np.random.default_rng(seed).uniform(0.1, 2, 3)
    z = [one_hot(row), one_hot(column), np.eye(len(y))]
    variance = sum(s * part @ part.T for s, part in zip(components, z, strict=True))
    contrasts = np.linalg.qr(np.c_[np.ones(len(y)), np.eye(len(y))])[0][:, 1 : len(y)]
    normal = multivariate_normal(cov=contrasts.T @ variance @ contrasts)
    expected = normal.logpdf(contrasts.T @ y) + 0.5 * (len(y) - 1) * np.log(2 * np.pi)
    found = restricted_likelihood(products(y, [row, column]), components)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_no_general_optimiser_finds_more(seed):
    shape = tuple(np.random.default_rng(seed + 100).integers(3, 9, 2))
    y, row, column = crossed(seed, shape, 0.2)
    assert free(row, column) >= 1
    known = products(y, [row, column])
    best = -np.inf
    for start in ((1.0, 1.0, 1.0), (10.0, 0.01, 1.0), (0.01, 1.0, 1.0)):
        options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
        found = minimize(
            lambda u: -restricted_likelihood(known, np.exp(u)),
            np.log(start),
            method="Nelder-Mead",
            bounds=[(-25, 15)] * 3,
            options=options,
        )
        best = max(best, -found.fun)
    assert restricted_likelihood(known, fit(known)) >= best - 1e-7


@given(st.integers(0, 10_000), st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_units_and_origin_do_not_matter(seed, origin, unit):
    y, row, column = crossed(seed, (5, 4), 0.1)
    assume(free(row, column) >= 1)
    found = fit(products(unit * y + origin, [row, column]))
    known = fit(products(y, [row, column]))
    assert found / unit**2 == pytest.approx(known, rel=1e-4, abs=1e-6 * known.sum())


def test_effects_of_classes_are_fixed():
    generator = np.random.default_rng(4)
    y = generator.normal(size=(6, 5)) + 2 * generator.normal(size=5)
    row, column = (index.ravel() for index in np.indices(y.shape))
    shifted = y + 100 * np.arange(6)[:, None]
    known = fit(products(y.ravel(), [column], row))
    assert fit(products(shifted.ravel(), [column], row)) == pytest.approx(known)
    residual = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    assert known[1] == pytest.approx(np.sum(residual**2) / 20)


def test_constant_rows_have_no_variance():
    row, column = (index.ravel() for index in np.indices((3, 4)))
    assert fit(products(np.full(12, 5.0), [row, column])).tolist() == [0, 0, 0]


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.3])
def test_components_are_those_of_lme4(missing, tmp_path):
    if R is None:
        pytest.skip("no Rscript (or environment variable RSCRIPT) to compare with R's lme4")
    (tmp_path / "fit.R").write_text(LME4, encoding="utf-8")
    for seed in range(3):
        y, row, column = crossed(40 + seed, (12, 7), missing)
        pd.DataFrame({"y": y, "subject": row, "member": column}).to_csv(tmp_path / "table.csv")
        command = [R, str(tmp_path / "fit.R"), str(tmp_path / "table.csv")]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode and "lme4" in run.stderr:
            pytest.skip("R without the package lme4")
        assert run.returncode == 0, run.stderr
        known = np.array(run.stdout.split(), dtype=np.float64)
        found = fit(products(y, [row, column]))
        assert found == pytest.approx(known, rel=1e-4, abs=1e-6 * known.sum())
