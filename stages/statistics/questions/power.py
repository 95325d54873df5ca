"""What the variability of a volume costs: the change it hides, and the patients a trial needs more.

`total` is met where a scan and its follow-up are reconstructed by two independently trained
members; `fixed_model` where one member reconstructs both, so that its own offset cancels. An error
that all members make on a scan, another one on the next, is in neither: between two scans of one
person it cancels as far as it comes from the anatomy, and does not as far as it comes from noise,
mask and position. So there are two bounds: cancelled, and `uncancelled`, with all of the error that
the differences from the fully sampled volumes show. Scanner and physiology add to each of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import nct, norm, t

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.pivots import (
    component_draws,
    excess_kurtosis,
    strata,
    uniform_draws,
)
from stages.statistics.methods.variance_components import (
    Segmentation,
    combine,
    estimate,
    with_segmentation,
)
from stages.statistics.needs import CROSSED, REFERENCE, SEVERAL, needs
from stages.statistics.questions.components import draw_cube, log_table
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
COMMON = "common"
UNCANCELLED = "_uncancelled"
BETWEEN = ("member", "interaction", "segmentation")
# components of the change between two scans, by who reconstructs them; `interaction` leaves out
# what a stochastic segmenter adds, and is told only where that is known
SCOPES = {
    "total": BETWEEN,
    "fixed_model": BETWEEN[1:],
    "interaction": BETWEEN[1:2],
    f"total{UNCANCELLED}": (COMMON, *BETWEEN),
    f"fixed_model{UNCANCELLED}": (COMMON, *BETWEEN[1:]),
}
KEYS = ["group", "structure", "n_scans", "n_members"]
VALUES = ["cv_percent", "detectable_change_percent", "inflation", "patients_per_arm"]
WITH_ENDS = [f"{name}{end}" for name in VALUES for end in ("", "_low", "_high")]
COLUMNS = [*KEYS, "scope", *WITH_ENDS]
NAN = float("nan")


@needs(SEVERAL, CROSSED, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return the smallest detectable changes, and the sizes of a trial, from the components."""
    found = variabilities(cohort, params.level, rng)
    tree, table = power(found, PowerOptions(**params.trial.model_dump()))
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

    control_percent_per_year: float = CONTROL_RATE
    """Mean rate of normal ageing, %/yr, which no treatment slows."""

    slowing: float = 0.25
    """Fraction of the rate beyond normal ageing that the treatment takes away, 0 to 1."""

    power: float = 0.8
    """Probability of finding it, 0.5 to below 1."""

    alpha: float = 0.05
    """Two-sided significance level, at most 0.1."""

    def __post_init__(self) -> None:
        for name in ("trial_years", "atrophy_sd_percent_per_year", "atrophy_percent_per_year"):
            if not 0 < getattr(self, name) < np.inf:
                raise StudyError(f"power: expected {name} > 0, got {getattr(self, name)}")
        if not 0 <= self.control_percent_per_year < self.atrophy_percent_per_year:
            raise StudyError(
                "power: expected control_percent_per_year from 0 to below atrophy_percent_per_year,"
                f" got {self.control_percent_per_year}"
            )
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
    """Return Cohen's d of the two arms' measured rates.

    slowing (rate - rate of ageing) / SD of a measured rate.

    Args:
        cv: (...), percent of the volume.
        options: the trial.
    """
    factor = inflation(cv, options.trial_years, options.atrophy_sd_percent_per_year)
    sd = options.atrophy_sd_percent_per_year * np.sqrt(factor)
    beyond = options.atrophy_percent_per_year - options.control_percent_per_year
    return options.slowing * beyond / sd


def t_test_power(d: np.ndarray | float, n_per_arm: np.ndarray | int, alpha: float) -> np.ndarray:
    """Return the power of the two-sided two-sample t-test.

    P(|T| > t_{1 - alpha/2}), T noncentral t with 2 n - 2 degrees of freedom and d sqrt(n / 2)
    (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2). The same as
    statsmodels' `TTestIndPower`, whose power is NaN far out and whose sizes of trials are then too
    small (by a sixth at power .99 and alpha .001).

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


class Variability(NamedTuple):
    """Variances of ln V of one structure of a group, by scope, and draws of them."""

    group: str
    structure: str
    n_scans: int
    n_members: int
    variance: dict[str, float]
    draws: dict[str, np.ndarray]
    level: float

    def cv_percent(self, scope: str) -> tuple[float, float, float]:
        """Return the within-subject CV, 100 sqrt(variance), and the ends of its interval."""
        ends = [self.variance[scope], *quantiles(self.draws[scope], self.level)]
        value, low, high = (PERCENT * np.sqrt(ends)).tolist()
        return value, low, high


def quantiles(draws: np.ndarray, level: float) -> tuple[float, float]:
    """Return the ends of the middle `level` of some draws."""
    low, high = np.quantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def variabilities(cohort: Cohort, level: float, rng: np.random.Generator) -> list[Variability]:
    """Return the variability of every network and structure whose components are defined.

    The components are those of question `components`, `common` that between scans of the
    differences ln V - ln of the fully sampled volume.

    Args:
        cohort: with volumes, reference, draws and subjects.
        level: of the intervals, between 0 and 1.
        rng: source of the draws.
    """
    uniforms = uniform_draws(rng)
    found = []
    for group in cohort.crossed_groups:
        tables = list(_tables(cohort, group))
        kurtosis = excess_kurtosis([strata(each.values) for each in tables])
        for each in tables:
            if strata(each.values).defined:
                variance, draws = _scopes(each, uniforms, kurtosis)
                sizes = strata(each.values).counts[:2]
                found.append(Variability(group, each.structure, *sizes, variance, draws, level))
    return found


class _Table(NamedTuple):
    """ln V of one structure, (n_scans, n_members), and of the fully sampled scans, (n_scans,)."""

    structure: str
    values: np.ndarray
    reference: np.ndarray
    segmentation: Segmentation | None
    subject: np.ndarray
    """(n_scans,) the subject of each scan."""


def _tables(cohort: Cohort, group: str) -> Iterator[_Table]:
    known = cohort.reference.assign(member=0)
    whole = {name: log_table(part) for name, part in known.groupby("structure", sort=False)}
    drawn = None if cohort.draws is None else of(cohort.draws, group)
    for name, part in of(cohort.volumes, group).groupby("structure", sort=False):
        scans, members, values = log_table(part)
        cube = None
        if drawn is not None:
            cube = draw_cube(drawn[drawn["structure"] == name], scans, members)
        values, segmentation = combine(values, cube)
        against = np.full(len(scans), NAN)
        if name in whole:
            there, _, reference = whole[name]
            against = pd.Series(reference[:, 0], there).reindex(scans).to_numpy()
        subject = np.array([cohort.subject_of.get(scan, scan) for scan in scans])
        yield _Table(str(name), values, against, segmentation, subject)


def _scopes(
    table: _Table, uniforms: np.ndarray, kurtosis: float
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return the variance of each scope of `SCOPES` that is known, and draws of it."""

    def independent(values: np.ndarray) -> int:
        return len(set(table.subject[np.isfinite(values).any(axis=1)]))

    values, segmentation = table.values, table.segmentation
    point = with_segmentation(estimate(values), segmentation)
    spread = segmentation.drawn(uniforms[:, 3]) if segmentation else None
    drawn = component_draws(strata(values), uniforms, kurtosis, independent(values))
    draws = with_segmentation(drawn, spread)
    differences = values - table.reference[:, None]
    apart = strata(differences)
    if apart.defined:
        own = component_draws(apart, uniforms, kurtosis, independent(differences))
        point |= {COMMON: estimate(differences)["subject"]}
        draws |= {COMMON: own["subject"]}
    known = {
        scope: [name for name in names if name != "segmentation" or segmentation]
        for scope, names in SCOPES.items()
        if (segmentation or scope != "interaction") and (apart.defined or COMMON not in names)
    }
    variance = {scope: float(sum(point[n] for n in names)) for scope, names in known.items()}
    return variance, {s: np.sum([draws[n] for n in names], axis=0) for s, names in known.items()}


def power(found: list[Variability], options: PowerOptions) -> tuple[dict[str, Tree], pd.DataFrame]:
    """Return smallest detectable changes and trial sizes of every group.

    Args:
        found: from `variabilities`.
        options: the trial.

    Returns:
        The tree group -> `detectable_change_percent` (scope -> median over structures),
        `hippocampus` (scope -> cv_percent, detectable_change_percent, inflation, patients_per_arm;
        absent where undefined), each with value, low and high, and `n` (structures, undefined);
        groups without any defined structure are absent. The intervals of medians are as wide as if
        all structures were off together. And the table `COLUMNS`; inflation and patients for the
        hippocampus only, otherwise NaN.
    """
    rows: list[tuple[Any, ...]] = []
    for each in found:
        for scope in each.variance:
            costs = _consequences(each.cv_percent(scope), each.structure, options)
            sizes = each.n_scans, each.n_members
            rows.append((each.group, each.structure, *sizes, scope, *costs))
    table = pd.DataFrame(rows, columns=COLUMNS)
    groups = dict.fromkeys(each.group for each in found)
    tree = {group: _answers([e for e in found if e.group == group], table) for group in groups}
    return tree, table


def _consequences(
    cv: tuple[float, float, float], structure: str, options: PowerOptions
) -> tuple[float, ...]:
    """Return `WITH_ENDS` of a CV and the ends of its interval; all of them rise with the CV."""
    ends = np.array(cv)
    trial = ends if structure == TRIAL_STRUCTURE else np.full(3, NAN)
    values = [
        ends,
        detectable_change(ends),
        inflation(trial, options.trial_years, options.atrophy_sd_percent_per_year),
        patients_per_arm(trial, options),
    ]
    return tuple(np.concatenate(values).tolist())


def _answers(found: list[Variability], table: pd.DataFrame) -> Tree:
    own = table[table["group"] == found[0].group]
    trial = own[own["structure"] == TRIAL_STRUCTURE].set_index("scope")
    scopes = [scope for scope in SCOPES if any(scope in each.variance for each in found)]
    tree = {
        "detectable_change_percent": {scope: _median(found, scope) for scope in scopes},
        TRIAL_STRUCTURE: {
            scope: {name: _with_ends(row, name) for name in VALUES}
            for scope, row in trial.iterrows()
        },
    }
    whole, gaps = without_gaps(tree)
    return whole | {"n": {"structures": own["structure"].nunique(), "undefined": len(gaps)}}


def _with_ends(row: pd.Series, name: str) -> dict[str, float]:
    return {
        "value": float(row[name]),
        "low": float(row[f"{name}_low"]),
        "high": float(row[f"{name}_high"]),
    }


def _median(found: list[Variability], scope: str) -> dict[str, float]:
    """Return the median detectable change over structures, whose draws are of the same pivots."""
    known = [each for each in found if scope in each.variance]
    ends = np.array([each.cv_percent(scope)[0] for each in known])
    draws = np.median([np.sqrt(each.draws[scope]) for each in known], axis=0)
    low, high = (PERCENT * end for end in quantiles(draws, known[0].level))
    changes = detectable_change(np.array([np.median(ends), low, high]))
    return dict(zip(("value", "low", "high"), changes.tolist(), strict=True))
