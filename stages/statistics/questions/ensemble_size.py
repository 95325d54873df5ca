"""How many members a coefficient of variation needs, from ensembles made smaller."""

from itertools import combinations
from math import comb, floor

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.variability import PERCENT, c4

TARGETS = (0.20, 0.15, 0.10)  # relative standard errors to reach
BAND = (2.5, 97.5)  # percentiles over subsets
NO_VARIABILITY = 1e-9  # percent; a CV below this is rounding
COLUMNS = [
    "group",
    "n_members",
    "n_subsets",
    "n_pairs",
    "cv",
    "cv_c4",
    "cv_low",
    "cv_high",
    "se_subsets",
    "se",
    "theory",
]


def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return how many members a coefficient of variation needs."""
    tree, table = ensemble_size(cohort.networks(cohort.volumes), params.subsets, rng)
    return Answer(tree, {"ensemble_size": table})


def relative_error(n_members: float) -> float:
    """Return the relative standard error of a CV from normal members, 1 / sqrt(2 (m - 1)).

    First order in 1 / m (Ahn and Fessler 2003, technical report, University of Michigan).

    Args:
        n_members: m, at least two.
    """
    return float(1.0 / np.sqrt(2.0 * (n_members - 1.0)))


def members_needed(target: float, ratio: float = 1.0) -> float:
    """Return the whole number of members nearest to 1 + ratio^2 / (2 target^2), halves upwards.

    Args:
        target: the relative standard error to reach, 0.2 for 20 %.
        ratio: observed standard error relative to `relative_error`.

    Returns:
        At least 2; NaN for an undefined ratio.
    """
    if not np.isfinite(ratio):
        return float("nan")
    solution = 1.0 + ratio**2 / (2.0 * target**2)
    return float(max(2, floor(solution + 0.5 + 1e-9)))  # 0.2^2 is not quite 0.04


def subsets(n_members: int, size: int, n_subsets: int, rng: np.random.Generator) -> np.ndarray:
    """Return subsets of the members: all of them if they are no more than `n_subsets`.

    Args:
        n_members: M.
        size: m, members in a subset.
        n_subsets: drawn at random, independently of each other, if there are more than these.
        rng: source of the draws.

    Returns:
        (n, n_members), True for members of the subset.
    """
    if comb(n_members, size) <= n_subsets:
        chosen = np.array(list(combinations(range(n_members), size)), dtype=np.intp)
    else:
        chosen = rng.random((n_subsets, n_members)).argsort(axis=1)[:, :size]
    inside = np.zeros((len(chosen), n_members), dtype=bool)
    np.put_along_axis(inside, chosen, True, axis=1)
    return inside


def subset_cv(volumes: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return CV = 100 sd(V) / mean(V), ddof = 1, of each pair in each subset, in percent.

    Args:
        volumes: (n_pairs, n_members), mm3.
        inside: (n_subsets, n_members), from `subsets`; all of one size, two or more.

    Returns:
        (n_pairs, n_subsets), NaN where the mean is not positive.
    """
    size = int(inside[0].sum())
    centre = volumes.mean(axis=1, keepdims=True)
    chosen = inside.astype(np.float64).T
    total = (volumes - centre) @ chosen  # of the deviations: squares of volumes lose digits
    squares = np.square(volumes - centre) @ chosen - np.square(total) / size
    mean = centre + total / size
    deviation = np.sqrt(np.maximum(squares, 0.0) / (size - 1.0))
    return PERCENT * deviation / np.where(mean > 0, mean, np.nan)


def finite_factor(size: int, n_members: int) -> float:
    """Return the part of an estimate's variance that subsets of one ensemble show.

    Subsets share members. The squared deviation is a U-statistic, so its variance over subsets of m
    out of M is the variance at m less the variance at M, for normal members the part
    1 - (m - 1) / (M - 1) (Hoeffding 1948, Ann. Math. Stat. 19). Not known from one ensemble at M.
    """
    return (n_members - size) / (n_members - 1.0)


def size_row(cv: np.ndarray, size: int, n_members: int) -> dict[str, float]:
    """Return the coefficient of variation and its relative standard error at one size.

    Args:
        cv: (n_pairs, n_subsets), percent.
        size: members in a subset.
        n_members: members of the ensemble.

    Returns:
        cv and cv_c4 (median over pairs, mean over subsets), cv_low and cv_high (2.5 and 97.5 % of
        the subsets), se_subsets (standard deviation over subsets relative to their mean, median
        over pairs), se (divided by the root of `finite_factor`; NaN at the whole ensemble) and
        theory, all in percent.
    """
    median = np.median(cv, axis=0)
    low, high = np.percentile(median, BAND)
    mean = cv.mean(axis=1)
    varied = mean > NO_VARIABILITY
    apart = np.nan
    if cv.shape[1] > 1 and varied.any():
        apart = float(np.median(cv[varied].std(axis=1, ddof=1) / mean[varied]))
    share = finite_factor(size, n_members)
    return {
        "n_members": size,
        "n_subsets": cv.shape[1],
        "n_pairs": len(cv),
        "cv": float(median.mean()),
        "cv_c4": float(median.mean()) / c4(size),
        "cv_low": float(low),
        "cv_high": float(high),
        "se_subsets": PERCENT * apart,
        "se": PERCENT * apart / np.sqrt(share) if share > 0 else np.nan,
        "theory": PERCENT * relative_error(size),
    }


def size_table(
    volumes: np.ndarray, n_subsets: int, rng: np.random.Generator, group: str
) -> pd.DataFrame:
    """Return one row a size m = 2..M of one ensemble.

    Args:
        volumes: (n_pairs, n_members), mm3, positive means, no NaN.
        n_subsets: see `subsets`.
        rng: source of the draws.
        group: name of the ensemble.

    Returns:
        `COLUMNS`; no row without a pair or with fewer than two members.
    """
    n_pairs, n_members = volumes.shape
    sizes = range(2, n_members + 1) if n_pairs else ()
    rows = []
    for size in sizes:
        cv = subset_cv(volumes, subsets(n_members, size, n_subsets, rng))
        # a subset without any volume leaves its pair undefined at this size
        cv = cv[np.isfinite(cv).all(axis=1)]
        if len(cv):
            rows.append({"group": group, **size_row(cv, size, n_members)})
    return pd.DataFrame(rows, columns=COLUMNS)


def summary(table: pd.DataFrame) -> Tree:
    """Return what one ensemble says about sizes.

    Args:
        table: from `size_table`.

    Returns:
        cv and cv_c4 of the whole ensemble and relative_se that theory gives it (percent); ratio
        (median over m of the observed standard error relative to theory: above 1 for members with
        heavier tails than normal ones); needed -> theory and observed -> members for relative
        standard errors of 20, 15 and 10 %.
    """
    ratio = float((table["se"] / table["theory"]).median())
    whole = table.iloc[-1] if len(table) else dict.fromkeys(COLUMNS, np.nan)
    numbers = {"cv": "cv", "cv_c4": "cv_c4", "relative_se": "theory"}
    return {
        **{name: float(whole[column]) for name, column in numbers.items()},
        "ratio": ratio,
        "needed": {
            kind: {f"{PERCENT * t:.0f}_percent": members_needed(t, factor) for t in TARGETS}
            for kind, factor in (("theory", 1.0), ("observed", ratio))
        },
    }


def ensemble_size(
    volumes: pd.DataFrame, n_subsets: int, rng: np.random.Generator
) -> tuple[Tree, pd.DataFrame]:
    """Return the coefficient of variation and its standard error against the number of members.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        n_subsets: subsets of each size; all where there are no more.
        rng: source of the draws.

    Returns:
        The tree group -> `summary`, with members, cells, excluded (structures of scans without a
        volume of every member or without a positive mean) and undefined (leaves left out); and the
        table of `size_table` over all groups.
    """
    tree, parts = {}, []
    for group, part in volumes.groupby("group", sort=False):
        wide = part.pivot(index=["structure", "subject"], columns="member", values="volume_mm3")
        values = wide.to_numpy(np.float64)
        complete = values[np.isfinite(values).all(axis=1)]
        complete = complete[complete.mean(axis=1) > 0]
        table = size_table(complete, n_subsets, rng, group)
        answers, gaps = without_gaps(summary(table))
        n_pairs = len(complete)
        counts = {"members": values.shape[1], "pairs": n_pairs, "excluded": len(values) - n_pairs}
        tree[group] = answers | counts | {"undefined": len(gaps)}
        parts += [table] if len(table) else []
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return tree, table
