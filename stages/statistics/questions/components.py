"""Where the variability of a volume comes from: scan, member, their interaction, segmentation.

Two-way random model of each group and structure, without replication unless an image was segmented
repeatedly:

    ln V_sm = mu + a_s + b_m + (ab)_sm + e_sm

a is the scan (anatomy), b the member (one training run against another, the same on every scan),
(ab) the interaction (a member's own offset on a scan), e the segmentation (one run of a
stochastic segmenter against another on the same image). Components are variances of ln V, fitted by
restricted maximum likelihood to all pairs there are; the root of one is, to first order, a
coefficient of variation. Scans of one person count as scans, but their component is as uncertain as
that of so many persons.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.member_offsets import offset_fraction, pooled_fractions
from stages.statistics.methods.nested import one_way, summary
from stages.statistics.methods.pivots import (
    Strata,
    component_draws,
    excess_kurtosis,
    member_fraction_interval,
    strata,
    uniform_draws,
)
from stages.statistics.methods.variance_components import (
    Segmentation,
    agreement,
    combine,
    estimate,
    with_segmentation,
)
from stages.statistics.needs import SEVERAL, needs
from stages.study.errors import StudyError

PERCENT = 100.0
PAIR = ["group", "structure", "subject", "member"]
NON_SUBJECT = ("member", "interaction", "segmentation")
COMPONENTS = ("subject", *NON_SUBJECT)
TOTAL = "total"
"""Of all components but the scan's: what one member differs from another by on a scan."""

ENDS = ["cv_low", "cv_high", "fraction_low", "fraction_high"]
VALUES = ["component", "variance", "cv_percent", "fraction", *ENDS, "n_scans", "n_members"]
COLUMNS = ["group", "structure", *VALUES]
ICC_COLUMNS = ["group", "structure", "icc", "low", "high", "n_scans", "n_subjects", "n_members"]


@dataclass(frozen=True)
class Intervals:
    """How the intervals are made."""

    level: float = 0.95
    """Coverage, between 0 and 1."""

    seed: int | np.random.Generator = 0
    """Source of the draws."""

    subject_of: dict[str, str] | None = None
    """Scan -> subject; None if every scan is of another."""

    def subjects(self, scans: np.ndarray) -> np.ndarray:
        """Return the subject of each scan."""
        known = self.subject_of or {}
        return np.array([known.get(scan, scan) for scan in scans])


@needs(SEVERAL)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return the variance between members, of their interaction with scans, and of segmentation."""
    intervals = Intervals(params.level, rng, cohort.subject_of)
    crossed = decompose(cohort.crossed(cohort.volumes), cohort.draws, intervals)
    nested = {
        group: samples(of(cohort.volumes, group), params.level)
        for group in cohort.groups
        if group in cohort.nested
    }
    return replace(crossed, metrics=crossed.metrics | nested)


def samples(volumes: pd.DataFrame, level: float) -> Tree:
    """Return the variability of samples within their scans, which have no member in common.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3, of one group.
        level: of the intervals.

    Returns:
        `cv_percent.within`, 100 times the root of the variance of ln V within scans, and `icc`,
        ICC(1), medians over structures with intervals; `n`.
    """
    tables = [one_way(log_table(part)[2]) for _, part in volumes.groupby("structure", sort=False)]
    defined = [table for table in tables if table.defined and table.within > 0]
    counts = {
        "scans": max((table.n_scans for table in defined), default=0),
        "members": max((table.n_samples for table in defined), default=0),
        "structures": len(defined),
        "structures_undefined": len(tables) - len(defined),
    }
    return (summary(defined, level) if defined else {}) | {"n": counts}


def decompose(
    volumes: pd.DataFrame,
    draws: pd.DataFrame | None = None,
    intervals: Intervals | None = None,
) -> Answer:
    """Return the variance components of every group and structure.

    Volumes that are not positive have no logarithm and are left out, pair by pair. A structure is
    undefined whose pairs leave no degree of freedom to scans, members or their interaction.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        draws: tidy, columns group, member, subject, structure, draw, volume_mm3: repeated
            segmentations of the same image; None if every image was segmented once.
        intervals: their level, draws and subjects; None for the defaults.

    Returns:
        The tree group -> `fraction` (percent of the non-subject variance), `cv_percent`
        (100 sqrt(component of ln V)), both medians over structures of member, interaction and, with
        draws, segmentation, and the CV of their `total`; `icc`, the median ICC(A,1); `intervals` of
        the CVs and the ICC, as wide as if all structures were off together;
        `member_offset_fraction` with `low` and `high`, and `pooled_fraction`, of all structures in
        units of their own standard deviation (`member_offsets`, %);
        `interaction_includes_segmentation`, the number of structures whose interaction holds the
        segmentation for want of draws; `n` with scans and members at most used, structures, pairs
        excluded, and leaves undefined.
        The table `components` of group, structure, component (`COMPONENTS`, `TOTAL`), variance (of
        ln V), cv_percent and fraction (NaN for subject) with the ends of their intervals, n_scans,
        n_members, and the table `icc`; defined structures only.

    Raises:
        StudyError: if a volume or a draw is listed twice.
    """
    intervals = intervals or Intervals()
    uniforms = uniform_draws(np.random.default_rng(intervals.seed))
    _refuse_repeated(volumes, PAIR, "volumes")
    drawn: dict[tuple[str, str], pd.DataFrame] = {}
    if draws is not None:
        _refuse_repeated(draws, [*PAIR, "draw"], "draws")
        drawn = dict(list(draws.groupby(["group", "structure"], sort=False)))
    tree, rows, icc = {}, [], []
    for group, table in volumes.groupby("group", sort=False):
        parts = table.groupby("structure", sort=False)
        grids = [_grid(name, part, drawn.get((group, name)), intervals) for name, part in parts]
        kurtosis = excess_kurtosis([each.strata for each in grids])
        found = [_decomposed(each, uniforms, kurtosis, intervals.level) for each in grids]
        rows += [(group, each.grid.structure, *row) for each in found for row in each.rows]
        icc += [(group, *each.icc_row) for each in found if each.defined]
        tree[group] = _summary(found, intervals) | _pooled(table, intervals)
    return Answer(
        tree,
        {
            "components": pd.DataFrame(rows, columns=COLUMNS),
            "icc": pd.DataFrame(icc, columns=ICC_COLUMNS),
        },
    )


class _Grid(NamedTuple):
    """The pairs of one structure."""

    structure: str
    values: np.ndarray
    segmentation: Segmentation | None
    strata: Strata
    n_subjects: int
    n_excluded: int


class _Decomposed(NamedTuple):
    grid: _Grid
    point: dict[tuple[str, str], Any]
    """(kind, component) -> value, kinds variance, cv_percent, fraction, icc."""

    draws: dict[tuple[str, str], np.ndarray]
    rows: list[tuple[Any, ...]]
    icc_row: tuple[Any, ...]

    @property
    def defined(self) -> bool:
        """Return whether there are components."""
        return bool(self.rows)


def _refuse_repeated(table: pd.DataFrame, keys: list[str], name: str) -> None:
    repeated = table[table.duplicated(keys)]
    if len(repeated):
        pair = ", ".join(f"{key} {repeated.iloc[0][key]}" for key in keys)
        raise StudyError(
            f"{name}: expected one row each {', '.join(keys)}, got {len(repeated)} more,"
            f" first {pair}; remake the tables with `dvc repro`"
        )


def _grid(
    structure: str, volumes: pd.DataFrame, draws: pd.DataFrame | None, intervals: Intervals
) -> _Grid:
    scans, members, values = log_table(volumes)
    cube = None if draws is None else draw_cube(draws, scans, members)
    used, segmentation = combine(values, cube)
    there = np.isfinite(used).any(axis=1)
    n_subjects = len(set(intervals.subjects(scans[there])))
    excluded = int(np.sum(~np.isfinite(used)))
    return _Grid(structure, used, segmentation, strata(used), n_subjects, excluded)


def log_table(volumes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scans, members and ln V, (n_scans, n_members), NaN where undefined."""
    scans, row = np.unique(volumes["subject"], return_inverse=True)
    members, column = np.unique(volumes["member"], return_inverse=True)
    values = np.full((len(scans), len(members)), np.nan)
    values[row, column] = _logarithm(volumes["volume_mm3"])
    return scans, members, values


def _logarithm(volumes: pd.Series) -> np.ndarray:
    values = volumes.to_numpy(np.float64)
    return np.log(values, where=values > 0, out=np.full(len(values), np.nan))


def draw_cube(draws: pd.DataFrame, subjects: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return ln V of repeated segmentations, (n_scans, n_members, n_draws), NaN where undefined."""
    draws = draws[draws["subject"].isin(subjects) & draws["member"].isin(members)]
    number, draw = np.unique(draws["draw"], return_inverse=True)
    cube = np.full((len(subjects), len(members), len(number)), np.nan)
    row, column = (
        np.searchsorted(subjects, draws["subject"]),
        np.searchsorted(members, draws["member"]),
    )
    cube[row, column, draw] = _logarithm(draws["volume_mm3"])
    return cube


def _decomposed(grid: _Grid, uniforms: np.ndarray, kurtosis: float, level: float) -> _Decomposed:
    """Return the components of a structure with their intervals."""
    known = grid.strata
    if not known.defined:
        return _Decomposed(grid, {}, {}, [], ())
    parts = estimate(grid.values)
    drawn = component_draws(known, uniforms, kurtosis, grid.n_subjects)
    segmentation = grid.segmentation
    point = _consequences(with_segmentation(parts, segmentation), parts)
    spread = segmentation.drawn(uniforms[:, 3]) if segmentation else None
    draws = _consequences(with_segmentation(drawn, spread), drawn)
    ends = {name: _ends(values, level) for name, values in draws.items()}
    if segmentation is None:
        low, high = (PERCENT * end for end in member_fraction_interval(known, level, kurtosis))
        ends["fraction", "member"] = low, high
        ends["fraction", "interaction"] = PERCENT - high, PERCENT - low
        ends["cv_percent", "member"] = _reaching(ends["cv_percent", "member"], high, parts)
    sizes = known.counts[:2]
    names = [name for kind, name in point if kind == "variance"]
    rows = [_row(name, point, ends, sizes) for name in names]
    icc = (grid.structure, float(point["icc", ""]), *ends["icc", ""])
    return _Decomposed(grid, point, draws, rows, (*icc, sizes[0], grid.n_subjects, sizes[1]))


def _reaching(
    ends: tuple[float, float], fraction: float, parts: dict[str, float]
) -> tuple[float, float]:
    """Return the interval of the members' CV, at least as high as their fraction's implies.

    Draws of a component whose estimate is far below 0 are all 0.
    """
    if not fraction < PERCENT:
        return ends
    implied = PERCENT * np.sqrt(parts["residual"] * fraction / (PERCENT - fraction))
    return ends[0], max(ends[1], float(implied))


def _consequences(found: dict[str, Any], parts: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Return variances, CVs and fractions of components and their total, and the ICC."""
    total = sum(found[name] for name in NON_SUBJECT if name in found)
    tree: dict[tuple[str, str], Any] = {}
    for name, variance in (found | {TOTAL: total}).items():
        tree["variance", name] = variance
        tree["cv_percent", name] = PERCENT * np.sqrt(variance)
        known = np.where(np.asarray(total) > 0, total, np.nan)
        tree["fraction", name] = np.nan * known if name == "subject" else PERCENT * variance / known
    return tree | {("icc", ""): agreement(parts)}


def _ends(values: np.ndarray, level: float) -> tuple[float, float]:
    if not np.isfinite(values).all():
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def _row(
    name: str,
    point: dict[tuple[str, str], Any],
    ends: dict[tuple[str, str], tuple[float, float]],
    sizes: tuple[int, ...],
) -> tuple[Any, ...]:
    values = [float(point[kind, name]) for kind in ("variance", "cv_percent", "fraction")]
    return (name, *values, *ends["cv_percent", name], *ends["fraction", name], *sizes)


def _pooled(volumes: pd.DataFrame, intervals: Intervals) -> Tree:
    """Return the offsets of members over all structures of a group, in %."""
    wide = volumes.assign(y=_logarithm(volumes["volume_mm3"])).pivot(
        index=["structure", "subject"], columns="member", values="y"
    )
    structures, scans = (np.unique(volumes[name]) for name in ("structure", "subject"))
    every = pd.MultiIndex.from_product([structures, scans])
    values = wide.reindex(every).to_numpy(np.float64)
    cube = values.reshape(len(structures), len(scans), -1)
    offset = offset_fraction(cube, intervals.subjects(scans), intervals.level)
    tree = {
        "member_offset_fraction": {k: PERCENT * v for k, v in offset._asdict().items()},
        "pooled_fraction": {k: PERCENT * v for k, v in pooled_fractions(cube).items()},
    }
    return without_gaps(tree)[0]


def _summary(found: list[_Decomposed], intervals: Intervals) -> Tree:
    defined = [each for each in found if each.defined]
    known = {key for each in defined for key in each.point}
    names = [n for n in NON_SUBJECT if n != "segmentation" or ("variance", n) in known]
    answers = {
        "fraction": {name: _median(defined, ("fraction", name)) for name in names},
        "cv_percent": {name: _median(defined, ("cv_percent", name)) for name in (*names, TOTAL)},
        "icc": _median(defined, ("icc", "")),
        "intervals": {
            "cv_percent": {
                name: _median_interval(defined, ("cv_percent", name), intervals.level)
                for name in (*names, TOTAL)
            },
            "icc": _median_interval(defined, ("icc", ""), intervals.level),
        },
    }
    answers, gaps = without_gaps(answers)
    return answers | {
        "interaction_includes_segmentation": sum(e.grid.segmentation is None for e in defined),
        "n": {
            "scans": max((e.strata.counts[0] for e in (d.grid for d in defined)), default=0),
            "members": max((e.strata.counts[1] for e in (d.grid for d in defined)), default=0),
            "structures": len(defined),
            "structures_undefined": len(found) - len(defined),
            "pairs_excluded": sum(each.grid.n_excluded for each in found),
            "undefined": len(gaps),
        },
    }


def _median(found: list[_Decomposed], key: tuple[str, str]) -> float:
    known = np.array([each.point[key] for each in found if key in each.point], dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else float("nan")


def _median_interval(
    found: list[_Decomposed], key: tuple[str, str], level: float
) -> dict[str, float]:
    """Return the interval of a median over structures whose draws all come from the same pivots."""
    known = [each.draws[key] for each in found if key in each.draws]
    known = [values for values in known if np.isfinite(values).all()]
    low, high = _ends(np.median(known, axis=0), level) if known else (float("nan"),) * 2
    return {"low": low, "high": high}
