"""What the variability of a volume costs: the change it hides, and the patients a trial needs more.

The variability is that between the members of an ensemble. `total` is met where a scan and its
follow-up are reconstructed by two independently trained members; `fixed_model` where one member
reconstructs both, so that its own offset cancels. Scanner, position and physiology add to both.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import nct, norm, t

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.questions.components import NON_SUBJECT
from stages.study.errors import StudyError

PERCENT = 100.0
CONFIDENCE = 0.95
TRIAL_STRUCTURE = "hippocampus"
# mean rates of hippocampal atrophy, %/yr: meta-analysis of 595 patients with Alzheimer's disease
# and 212 controls (Barnes et al. 2009, doi:10.1016/j.neurobiolaging.2008.01.010)
ALZHEIMER_RATE, CONTROL_RATE = 4.66, 1.41
# standard deviation of the rates measured in patients with Alzheimer's disease, %/yr (-4.0 +/- 2.3,
# table 3 of PMC3032014); it holds their measurement error, so that inflations are rather too low
ALZHEIMER_RATE_SD = 2.3
# components of the change between two scans, by who reconstructs them; `interaction` leaves out
# what a stochastic segmenter adds, and is told only where that is known
SCOPES = {
    "total": NON_SUBJECT,
    "fixed_model": ("interaction", "segmentation"),
    "interaction": ("interaction",),
}
CURVE = "curve"
CURVE_POINTS = 101
LEAST_CURVE_END = 3.0  # %
CURVE_MARGIN = 1.1
KEYS = ["group", "structure", "n_scans", "n_members"]
VALUES = ["cv_percent", "detectable_change_percent", "inflation", "patients_per_arm"]
COLUMNS = [*KEYS, "scope", *VALUES]


def ask(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Return the smallest detectable changes, and the sizes of a trial, from the components."""
    components = cohort.answers["components"].tables["components"]
    tree, table = power(components, PowerOptions(**params.trial.model_dump()))
    return Answer(tree, {"power": table})


@dataclass(frozen=True)
class PowerOptions:
    """A trial of two arms that compares rates of hippocampal atrophy between two scans.

    Raises:
        StudyError: if one is out of range.
    """

    trial_years: float = 1.0
    """Time from the first to the last scan, years."""

    atrophy_sd_percent_per_year: float = ALZHEIMER_RATE_SD
    """Standard deviation of true rates between patients, %/yr."""

    atrophy_percent_per_year: float = ALZHEIMER_RATE
    """Mean rate of the untreated arm, %/yr."""

    slowing: float = 0.25
    """Fraction of that rate that the treatment takes away, 0 to 1."""

    power: float = 0.8
    """Probability of finding it, 0.5 to below 1."""

    alpha: float = 0.05
    """Two-sided significance level, at most 0.1."""

    def __post_init__(self) -> None:
        for name in ("trial_years", "atrophy_sd_percent_per_year", "atrophy_percent_per_year"):
            if not 0 < getattr(self, name) < np.inf:
                raise StudyError(f"power: expected {name} > 0, got {getattr(self, name)}")
        if not 0 < self.slowing <= 1:
            raise StudyError(f"power: expected slowing above 0, at most 1, got {self.slowing}")
        if not 0.5 <= self.power < 1:
            raise StudyError(f"power: expected power from 0.5 to below 1, got {self.power}")
        if not 0 < self.alpha <= 0.1:
            raise StudyError(f"power: expected alpha above 0, at most 0.1, got {self.alpha}")


def detectable_change(cv: np.ndarray | float) -> np.ndarray:
    """Return the smallest change of one patient that is no accident, 1.96 sqrt(2) CV, in percent.

    Of two scans without any change, 95 % differ by less (Bland and Altman 1986,
    doi:10.1016/S0140-6736(86)90837-8, repeatability).

    Args:
        cv: (...), within-subject coefficient of variation, percent.
    """
    return norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(2.0) * np.asarray(cv, dtype=np.float64)


def inflation(
    cv: np.ndarray | float, trial_years: float, atrophy_sd_percent_per_year: float
) -> np.ndarray:
    """Return how many times the patients a trial needs, 1 + 2 CV^2 / (T^2 sigma_b^2).

    A rate from two scans T apart has the variance sigma_b^2 + 2 CV^2 / T^2, and the size of a trial
    is proportional to it.

    Args:
        cv: (...), percent of the volume.
        trial_years: T, years.
        atrophy_sd_percent_per_year: sigma_b, between patients, %/yr.
    """
    noise = np.asarray(cv, dtype=np.float64) / (trial_years * atrophy_sd_percent_per_year)
    return 1.0 + 2.0 * noise**2


def effect_size(cv: np.ndarray | float, options: PowerOptions) -> np.ndarray:
    """Return Cohen's d of the two arms' measured rates, slowing rate / SD of a measured rate.

    Args:
        cv: (...), percent of the volume.
        options: the trial.
    """
    factor = inflation(cv, options.trial_years, options.atrophy_sd_percent_per_year)
    sd = options.atrophy_sd_percent_per_year * np.sqrt(factor)
    return options.slowing * options.atrophy_percent_per_year / sd


def t_test_power(d: np.ndarray | float, n_per_arm: np.ndarray | int, alpha: float) -> np.ndarray:
    """Return the power of the two-sided two-sample t-test.

    P(|T| > t_{1 - alpha/2}), T noncentral t with 2 n - 2 degrees of freedom and d sqrt(n / 2)
    (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2).

    Args:
        d: (...), Cohen's effect size.
        n_per_arm: (...), patients in each arm, at least 2.
        alpha: two-sided significance level.
    """
    n = np.asarray(n_per_arm, dtype=np.float64)
    free, shift = 2.0 * n - 2.0, np.asarray(d, dtype=np.float64) * np.sqrt(n / 2.0)
    limit = t.ppf(1.0 - alpha / 2.0, free)
    # the lower tail by symmetry: scipy's cdf is NaN far out
    return nct.sf(limit, free, shift) + nct.sf(limit, free, -shift)


def patients_per_arm(cv: np.ndarray | float, options: PowerOptions) -> np.ndarray:
    """Return the fewest patients in each arm with which the t-test reaches the power asked for.

    Starts at the normal approximation n = 2 (z_{1 - alpha/2} + z_{power})^2 / d^2, rounded
    down, which is practically never above (it neglects the lower tail: 0.0005 at alpha 0.1 and
    power 0.5, nothing at the defaults), and adds patients until `t_test_power` suffices.

    Args:
        cv: (...), percent of the volume.
        options: the trial.

    Returns:
        (...), whole numbers as float, at least 2; NaN where cv is.
    """
    d = effect_size(cv, options)
    known = np.isfinite(d)
    d = np.where(known, d, 1.0)
    z = norm.ppf(1.0 - options.alpha / 2.0) + norm.ppf(options.power)
    n = np.maximum(2.0, np.floor(2.0 * (z / d) ** 2))
    few = t_test_power(d, n, options.alpha) < options.power
    while few.any():
        n = n + few
        few = t_test_power(d, n, options.alpha) < options.power
    return np.where(known, n, np.nan)


def variabilities(components: pd.DataFrame) -> pd.DataFrame:
    """Return the within-subject CV, 100 sqrt(sum of components), of each scope of `SCOPES`.

    Args:
        components: columns group, structure, n_scans, n_members, component, variance (of ln V), as
            `decompose` returns.

    Returns:
        Columns group, structure, n_scans, n_members, scope, cv_percent; `interaction` only where
        the segmentation is known apart from it.
    """
    wide = components.pivot(index=KEYS, columns="component", values="variance")
    wide = wide.reindex(columns=list(NON_SUBJECT))
    split = wide["segmentation"].notna()
    wide = wide.assign(segmentation=wide["segmentation"].fillna(0.0))
    parts = []
    for scope, names in SCOPES.items():
        chosen = wide[split] if scope == "interaction" else wide
        variance = chosen[list(names)].sum(axis=1, skipna=False)
        cv = PERCENT * np.sqrt(variance)
        parts.append(cv.rename("cv_percent").reset_index().assign(scope=scope))
    table = pd.concat(parts, ignore_index=True)
    return table[[*KEYS, "scope", "cv_percent"]].dropna(ignore_index=True)


def power(
    components_table: pd.DataFrame, options: PowerOptions
) -> tuple[dict[str, Tree], pd.DataFrame]:
    """Return smallest detectable changes and trial sizes of every group.

    Args:
        components_table: from `components.decompose`.
        options: the trial.

    Returns:
        The tree group -> `detectable_change_percent` (scope -> median over structures),
        `hippocampus` (scope -> cv_percent, detectable_change_percent, inflation, patients_per_arm;
        absent where undefined) and `n` (structures, undefined); groups without any defined
        structure are absent. And the table of group, structure, n_scans, n_members, scope,
        cv_percent, detectable_change_percent, inflation, patients_per_arm; the last two for the
        hippocampus only, otherwise NaN. Rows of group and scope `curve` are the trial over a
        range of CV, from 0 up to beyond the largest of the groups.
    """
    rows = variabilities(components_table)
    marked = rows.loc[rows["structure"] == TRIAL_STRUCTURE, "cv_percent"]
    end = max([LEAST_CURVE_END, *(CURVE_MARGIN * marked)])
    curve = pd.DataFrame({"cv_percent": np.linspace(0.0, end, CURVE_POINTS)}).assign(
        group=CURVE, structure=TRIAL_STRUCTURE, scope=CURVE
    )
    table = _consequences(pd.concat([rows, curve], ignore_index=True), options)
    groups = dict.fromkeys(components_table["group"])
    return {group: _answers(table[table["group"] == group]) for group in groups}, table


def _consequences(rows: pd.DataFrame, options: PowerOptions) -> pd.DataFrame:
    cv = rows["cv_percent"].to_numpy(np.float64)
    trial = np.where(rows["structure"] == TRIAL_STRUCTURE, cv, np.nan)
    sd = options.atrophy_sd_percent_per_year
    return rows.assign(
        detectable_change_percent=detectable_change(cv),
        inflation=inflation(trial, options.trial_years, sd),
        patients_per_arm=patients_per_arm(trial, options),
    )[COLUMNS]


def _answers(table: pd.DataFrame) -> Tree:
    trial = table[table["structure"] == TRIAL_STRUCTURE].set_index("scope")
    changes = table.groupby("scope", sort=False)["detectable_change_percent"].median()
    tree = {
        "detectable_change_percent": {name: float(value) for name, value in changes.items()},
        TRIAL_STRUCTURE: {
            scope: {name: float(row[name]) for name in VALUES} for scope, row in trial.iterrows()
        },
    }
    whole, gaps = without_gaps(tree)
    return whole | {"n": {"structures": table["structure"].nunique(), "undefined": len(gaps)}}
