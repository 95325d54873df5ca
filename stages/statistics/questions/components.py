"""Where the variation of a volume comes from: scan, member, their interaction, segmentation.

Two-way random model of each group and structure, without replication unless an image was segmented
repeatedly:

    ln V_sm = mu + a_s + b_m + (ab)_sm + e_sm

a is the scan (anatomy), b the member (one training run against another, the same on every scan),
(ab) the interaction (a member's own deviation on a scan), e the segmentation (one run of a
stochastic segmenter against another on the same image). Components are variances of ln V; the root
of one is, to first order, a coefficient of variation. Scans of one person count as scans.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.statistics.methods.gaps import without_gaps
from stages.study.errors import StudyError

PERCENT = 100.0
CELL = ["group", "structure", "subject", "member"]
NON_SUBJECT = ("member", "interaction", "segmentation")
COMPONENTS = ("subject", *NON_SUBJECT)
VALUES = ["component", "variance", "cv_percent", "share", "n_scans", "n_members"]
COLUMNS = ["group", "structure", *VALUES]


class MeanSquares(NamedTuple):
    """Mean squares of a two-way table: scans, members, and what neither explains."""

    subject: float
    member: float
    residual: float


class Segmentation(NamedTuple):
    """Variance of ln V over segmentations of one image, and how many a cell's value averages."""

    variance: float
    n_averaged: float


def mean_squares(values: np.ndarray) -> MeanSquares:
    """Return the mean squares of the two-way analysis of variance without replication.

    MS_s = M sum_s (y_s. - y..)^2 / (S - 1), MS_m = S sum_m (y_.m - y..)^2 / (M - 1),
    MS_e = sum_sm (y_sm - y_s. - y_.m + y..)^2 / ((S - 1)(M - 1)).

    Args:
        values: (n_subjects, n_members), any unit.

    Returns:
        In squared units; all NaN with fewer than two scans or members, or an undefined value.
    """
    values = np.asarray(values, dtype=np.float64)
    n_subjects, n_members = values.shape
    if min(values.shape) < 2 or not np.isfinite(values).all():
        return MeanSquares(*[float("nan")] * 3)
    values = values - values.mean()
    subject = values.mean(axis=1, keepdims=True)
    member = values.mean(axis=0, keepdims=True)
    free_subject, free_member = n_subjects - 1, n_members - 1
    residual = np.sum((values - subject - member) ** 2) / (free_subject * free_member)
    return MeanSquares(
        float(n_members * np.sum(subject**2) / free_subject),
        float(n_subjects * np.sum(member**2) / free_member),
        float(residual),
    )


def components(values: np.ndarray, segmentation: Segmentation | None = None) -> dict[str, float]:
    """Return the variance components, each estimated without bias and then truncated at 0.

    subject = (MS_s - MS_e) / M, member = (MS_m - MS_e) / S, interaction = MS_e - sigma2_seg / n,
    segmentation = sigma2_seg, where a cell's value is the mean of n segmentations (Searle, Casella
    and McCulloch 1992, Variance Components, chapter 4).

    Args:
        values: (n_subjects, n_members), ln V (or any unit).
        segmentation: from `segmentation_variance`; None where every image was segmented once, and
            then the interaction holds the segmentation too.

    Returns:
        subject, member, interaction and, if it is known, segmentation, in squared units; NaN where
        `mean_squares` is.
    """
    n_subjects, n_members = np.shape(values)
    squares = mean_squares(values)
    noise = segmentation.variance / segmentation.n_averaged if segmentation else 0.0
    found = {
        "subject": _truncated((squares.subject - squares.residual) / n_members),
        "member": _truncated((squares.member - squares.residual) / n_subjects),
        "interaction": _truncated(squares.residual - noise),
    }
    return found | ({"segmentation": segmentation.variance} if segmentation else {})


def _truncated(variance: float) -> float:
    return variance if np.isnan(variance) else max(0.0, variance)


def icc_agreement(values: np.ndarray) -> float:
    """Return ICC(A,1), the part of the variance of one member's volumes that is between scans.

    (MS_s - MS_e) / (MS_s + (M - 1) MS_e + M (MS_m - MS_e) / S), McGraw and Wong 1996,
    doi:10.1037/1082-989X.1.1.30.

    Args:
        values: (n_subjects, n_members), ln V (or any unit).

    Returns:
        At most 1, negative if members of one scan differ more than scans do; NaN where
        `mean_squares` is, or without any variation.
    """
    n_subjects, n_members = np.shape(values)
    squares = mean_squares(values)
    total = (
        squares.subject
        + (n_members - 1) * squares.residual
        + n_members * (squares.member - squares.residual) / n_subjects
    )
    return (squares.subject - squares.residual) / total if total > 0 else float("nan")


def complete(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scans and members of a table without gaps, as many cells as a greedy rule keeps.

    The scan or member with the largest part missing is left out, again and again, so that one
    failed member does not cost all scans, nor one failed scan all members.

    Args:
        values: (n_subjects, n_members), NaN where a cell is undefined.

    Returns:
        (n_kept_subjects,) and (n_kept_members,), positions in `values`, ascending.
    """
    gaps = ~np.isfinite(np.asarray(values, dtype=np.float64))
    subjects, members = np.arange(gaps.shape[0]), np.arange(gaps.shape[1])
    while gaps[np.ix_(subjects, members)].any():
        part = gaps[np.ix_(subjects, members)]
        by_subject, by_member = part.mean(axis=1), part.mean(axis=0)
        if by_subject.max() >= by_member.max():
            subjects = np.delete(subjects, by_subject.argmax())
        else:
            members = np.delete(members, by_member.argmax())
    return subjects, members


def segmentation_variance(log_draws: np.ndarray) -> float:
    """Return the mean over cells of the variance of ln V over draws (ddof = 1).

    The first term of the law of total variance, Var(y) = E[Var(y | image)] + Var(E[y | image]).

    Args:
        log_draws: (..., n_draws), ln V; NaN where an image has fewer draws than others.

    Returns:
        NaN without any cell of two draws.
    """
    log_draws = np.asarray(log_draws, dtype=np.float64)
    known = np.isfinite(log_draws)
    n_draws = known.sum(axis=-1)
    several = n_draws >= 2
    if not several.any():
        return float("nan")
    log_draws, known, n_draws = log_draws[several], known[several], n_draws[several]
    filled = np.where(known, log_draws, 0.0)
    mean = filled.sum(axis=-1, keepdims=True) / n_draws[:, None]
    squares = np.sum(np.where(known, log_draws - mean, 0.0) ** 2, axis=-1)
    return float(np.mean(squares / (n_draws - 1)))


def combine(
    log_volumes: np.ndarray, log_draws: np.ndarray | None
) -> tuple[np.ndarray, Segmentation | None]:
    """Return the values to decompose and what is known of their segmentation.

    Where every cell was segmented at least twice, the values are the means of the draws, which are
    less noisy. Draws of some cells only tell how much a segmentation varies; the values are then
    the study's volumes, each one segmentation.

    Args:
        log_volumes: (n_subjects, n_members), ln V without gaps.
        log_draws: (n_subjects, n_members, n_draws), ln V, NaN where there is no draw; or None.
    """
    if log_draws is None or not log_draws.size:
        return log_volumes, None
    variance = segmentation_variance(log_draws)
    if np.isnan(variance):
        return log_volumes, None
    known = np.isfinite(log_draws)
    n_draws = known.sum(axis=-1)
    if n_draws.min() < 2:
        return log_volumes, Segmentation(variance, 1.0)
    means = np.where(known, log_draws, 0.0).sum(axis=-1) / n_draws
    # the residual mean square of unequal cells holds the mean of their variances
    return means, Segmentation(variance, 1.0 / float(np.mean(1.0 / n_draws)))


def decompose(
    volumes: pd.DataFrame, draws: pd.DataFrame | None = None
) -> tuple[dict, pd.DataFrame]:
    """Return the variance components of every group and structure.

    Volumes that are not positive have no logarithm; scans or members are left out until no gap is
    left (`complete`). A structure with fewer than two of either is undefined.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        draws: tidy, columns group, member, subject, structure, draw, volume_mm3: repeated
            segmentations of the same image; None if every image was segmented once.

    Returns:
        The tree group -> `share` (percent of the non-subject variance), `cv_percent`
        (100 sqrt(component of ln V)), both medians over structures of member, interaction and, with
        draws, segmentation; `icc`, the median ICC(A,1); `interaction_includes_segmentation`, the
        number of structures whose interaction holds the segmentation for want of draws; `n` with
        scans and members at most used, structures, cells excluded, and leaves undefined. And the
        table of group, structure, component (`COMPONENTS`), variance (of ln V), cv_percent, share
        (NaN for subject), n_scans, n_members (used), defined structures only.

    Raises:
        StudyError: if a volume or a draw is listed twice.
    """
    _refuse_repeated(volumes, CELL, "volumes")
    drawn: dict[tuple[str, str], pd.DataFrame] = {}
    if draws is not None:
        _refuse_repeated(draws, [*CELL, "draw"], "draws")
        drawn = dict(list(draws.groupby(["group", "structure"], sort=False)))
    tree, rows = {}, []
    for group, table in volumes.groupby("group", sort=False):
        parts = table.groupby("structure", sort=False)
        found = {name: _structure(part, drawn.get((group, name))) for name, part in parts}
        rows += [(group, name, *row) for name, each in found.items() for row in _rows(each)]
        tree[group] = _summary(list(found.values()))
    return tree, pd.DataFrame(rows, columns=COLUMNS)


class _Decomposed(NamedTuple):
    components: dict[str, float]
    icc: float
    n_subjects: int
    n_members: int
    n_excluded: int


def _refuse_repeated(table: pd.DataFrame, keys: list[str], name: str) -> None:
    repeated = table[table.duplicated(keys)]
    if len(repeated):
        cell = ", ".join(f"{key} {repeated.iloc[0][key]}" for key in keys)
        raise StudyError(
            f"{name}: expected one row each {', '.join(keys)}, got {len(repeated)} more,"
            f" first {cell}; remake the tables with `dvc repro`"
        )


def _structure(volumes: pd.DataFrame, draws: pd.DataFrame | None) -> _Decomposed:
    subjects, row = np.unique(volumes["subject"], return_inverse=True)
    members, column = np.unique(volumes["member"], return_inverse=True)
    values = np.full((len(subjects), len(members)), np.nan)
    values[row, column] = _logarithm(volumes["volume_mm3"])
    n_cells = values.size
    kept = complete(values)
    values = values[np.ix_(*kept)]
    cube = None if draws is None else _cube(draws, subjects[kept[0]], members[kept[1]])
    used, segmentation = combine(values, cube)
    return _Decomposed(
        components(used, segmentation) if values.size else {},
        icc_agreement(used) if values.size else float("nan"),
        *values.shape,
        n_cells - values.size,
    )


def _logarithm(volumes: pd.Series) -> np.ndarray:
    values = volumes.to_numpy(np.float64)
    return np.log(values, where=values > 0, out=np.full(len(values), np.nan))


def _cube(draws: pd.DataFrame, subjects: np.ndarray, members: np.ndarray) -> np.ndarray:
    draws = draws[draws["subject"].isin(subjects) & draws["member"].isin(members)]
    number, draw = np.unique(draws["draw"], return_inverse=True)
    cube = np.full((len(subjects), len(members), len(number)), np.nan)
    row, column = (
        np.searchsorted(subjects, draws["subject"]),
        np.searchsorted(members, draws["member"]),
    )
    cube[row, column, draw] = _logarithm(draws["volume_mm3"])
    return cube


def _defined(found: _Decomposed) -> bool:
    return bool(found.components) and not np.isnan(found.components["interaction"])


def _non_subject(found: _Decomposed) -> float:
    return sum(found.components.get(name, 0.0) for name in NON_SUBJECT)


def _rows(found: _Decomposed) -> list[tuple]:
    if not _defined(found):
        return []
    total = _non_subject(found)
    rows = []
    for name, variance in found.components.items():
        counted = name in NON_SUBJECT and total > 0
        share = PERCENT * variance / total if counted else float("nan")
        cv = PERCENT * float(np.sqrt(variance))
        rows.append((name, variance, cv, share, found.n_subjects, found.n_members))
    return rows


def _summary(found: list[_Decomposed]) -> dict:
    defined = [each for each in found if _defined(each)]
    rows = pd.DataFrame(
        [row for each in defined for row in _rows(each)],
        columns=VALUES,
    )
    names = [n for n in NON_SUBJECT if n != "segmentation" or (rows["component"] == n).any()]
    answers = {
        column: {name: _median(rows.loc[rows["component"] == name, column]) for name in names}
        for column in ("share", "cv_percent")
    }
    answers, gaps = without_gaps(answers | {"icc": _median(pd.Series([e.icc for e in defined]))})
    merged = sum("segmentation" not in each.components for each in defined)
    return answers | {
        "interaction_includes_segmentation": merged,
        "n": {
            "scans": max((each.n_subjects for each in defined), default=0),
            "members": max((each.n_members for each in defined), default=0),
            "structures": len(defined),
            "structures_undefined": len(found) - len(defined),
            "cells_excluded": sum(each.n_excluded for each in found),
            "undefined": len(gaps),
        },
    }


def _median(values: pd.Series) -> float:
    known = values.to_numpy(np.float64)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else float("nan")
