"""Intervals for the volume of the fully sampled scan, made from an ensemble's volumes.

All intervals are in units of the ensemble mean: with ratio r = y / mean_m(V) of the true volume y,
an interval [low, high] for r is [low, high] * mean_m(V) for y, so scans of different size compare.

Every method is judged with the scan's exam left out. A method that fits nothing (`absolute`,
`scaled`, `cqr`, `joint`) then covers ceil(n (1 - alpha)) of n exams by construction, whatever the
volumes are (ties and exams of several scans aside): its width is the finding. The coverage of
`naive`, which promises nothing, is one too.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import beta, betabinom
from scipy.stats import t as student

from stages.statistics.methods.variability import PERCENT

METHODS = ("naive", "absolute", "scaled", "cqr", "jackknife_plus", "joint")
ALL = "all"  # in place of a structure: all structures of a scan at once
COLUMNS = ["group", "structure", "method", "n", "coverage", "width_percent"]
# sums of 1 / n miss the level that they stand for by rounding, and bounds the value they are at
ROUNDING = 1e-9


class Cells(NamedTuple):
    """One group's volumes, all (structures, scans), NaN (`n_members`: 0) where undefined.

    In units of the ensemble mean: `ratio` the true volume, `cv` the deviation over members
    (ddof = 1), `lower` and `upper` the quantiles over members that a member's volume is outside of
    with probability alpha.
    """

    ratio: np.ndarray
    cv: np.ndarray
    n_members: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def check_alpha(alpha: float) -> None:
    """Raise `ValueError` unless 0 < alpha < 0.5, the share of volumes that intervals may miss."""
    if not 0 < alpha < 0.5:
        raise ValueError(f"expected alpha between 0 and 0.5 (0.1 for 90 % intervals), got {alpha}")


def least_exams(alpha: float) -> int:
    """Return the fewest calibrating exams that give a finite interval, ceil(1 / alpha) - 1."""
    check_alpha(alpha)
    return math.ceil(1.0 / alpha - ROUNDING) - 1


def upper_quantile(values: np.ndarray, exam: np.ndarray, alpha: float) -> float:
    """Return the bound that the value of a scan of a new exam stays below at level 1 - alpha.

    With a scan an exam it is the ceil((n + 1)(1 - alpha))-th smallest value (Vovk, Gammerman and
    Shafer 2005, Algorithmic Learning in a Random World). Scans of one exam share its weight
    1 / (n_exams + 1) (Lee, Barber and Willett 2023, arXiv:2306.06342): they are no independent
    evidence.

    Args:
        values: (n,), may be infinite.
        exam: (n,) labels.
        alpha: between 0 and 1.

    Returns:
        Infinity if there are too few exams.
    """
    if not len(values):
        return math.inf
    _, number, counts = np.unique(exam, return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    weights = 1.0 / (counts[number[order]] * (len(counts) + 1.0))
    place = int(np.searchsorted(np.cumsum(weights), 1.0 - alpha - ROUNDING))
    return float(values[order[place]]) if place < len(values) else math.inf


def left_out_thresholds(scores: np.ndarray, exam: np.ndarray, alpha: float) -> np.ndarray:
    """Return for each scan the `upper_quantile` of the scores of all other exams.

    Args:
        scores: (n,); NaN marks scans that calibrate nothing.
        exam: (n,) labels.
        alpha: between 0 and 1.

    Returns:
        (n,), infinite where too few exams are left.
    """
    thresholds = np.empty(len(scores))
    known = ~np.isnan(scores)
    for left_out in np.unique(exam):
        rest = known & (exam != left_out)
        thresholds[exam == left_out] = upper_quantile(scores[rest], exam[rest], alpha)
    return thresholds


def jackknife_plus(
    ratio: np.ndarray, exam: np.ndarray, alpha: float, correct: bool = True
) -> tuple[float, float]:
    """Return the jackknife+ interval for the ratio of a scan of a new exam.

    The prediction b_-e is the mean ratio of all exams but e (exam means first), 1 if not corrected;
    scores |r_i - b_-e(i)| / b_-e(i); the interval reaches from the floor((n + 1) alpha)-th smallest
    b_-e(i) (1 - score_i) to the ceil((n + 1)(1 - alpha))-th smallest b_-e(i) (1 + score_i). It
    covers at least 1 - 2 alpha, about 1 - alpha in practice (Barber, Candes, Ramdas and Tibshirani
    2021, doi:10.1214/20-AOS1965; exams of several scans as in `upper_quantile`). Uncorrected it is
    the split-conformal interval of the scores |r - 1|.

    Args:
        ratio: (n,), true volume / ensemble mean, of the calibrating scans.
        exam: (n,) labels.
        alpha: between 0 and 0.5.
        correct: whether the prediction is corrected by the mean bias of the other exams.

    Returns:
        low, high; NaN if there are too few exams.
    """
    labels, number, counts = np.unique(exam, return_inverse=True, return_counts=True)
    if len(labels) < 2:
        return math.nan, math.nan
    means = np.bincount(number, weights=ratio) / counts
    others = (means.sum() - means) / (len(means) - 1) if correct else np.ones(len(means))
    location = others[number]
    radius = np.abs(ratio - location)
    high = upper_quantile(location + radius, exam, alpha)
    low = -upper_quantile(radius - location, exam, alpha)
    return (low, high) if math.isfinite(high) and math.isfinite(low) else (math.nan, math.nan)


def normalised(deviation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return deviation / scale; without a scale only an exact prediction has a finite score, 0.

    Args:
        deviation: not negative.
        scale: not negative, broadcast against `deviation`.
    """
    deviation, scale = np.broadcast_arrays(deviation, scale)
    certain = np.where(deviation > ROUNDING, np.inf, np.where(np.isnan(deviation), np.nan, 0.0))
    undefined = np.where(np.isnan(scale), np.nan, certain)
    return np.divide(deviation, scale, out=undefined, where=scale > 0)


def naive_intervals(
    ratio: np.ndarray, cv: np.ndarray, n_members: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean +- t_{M - 1, 1 - alpha / 2} s, about right only if truth is one more member.

    Even then it is too narrow by the factor sqrt(1 + 1 / M), which the mean's own error asks for.

    Args:
        ratio: (structures, scans); NaN marks cells without an interval.
        cv: (structures, scans), s / mean as a fraction.
        n_members: (structures, scans), M.
        alpha: between 0 and 0.5.

    Returns:
        low, high (structures, scans), NaN where undefined.
    """
    degrees = np.where(n_members > 1, n_members - 1.0, np.nan)
    radius = student.ppf(1.0 - alpha / 2.0, degrees) * cv
    radius = np.where(np.isnan(ratio), np.nan, radius)
    return 1.0 - radius, 1.0 + radius


def split_intervals(
    scores: np.ndarray, scale: np.ndarray, exam: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return split-conformal intervals 1 +- q scale; the ensemble fits nothing, so all calibrate.

    Args:
        scores: (structures, scans), |r - 1| / scale; NaN where undefined.
        scale: (structures, scans) or broadcast to it.
        exam: (scans,) labels.
        alpha: between 0 and 0.5.

    Returns:
        low, high (structures, scans), NaN where undefined.
    """
    q = _own_thresholds(scores, exam, alpha)
    return 1.0 - q * scale, 1.0 + q * scale


def _own_thresholds(scores: np.ndarray, exam: np.ndarray, alpha: float) -> np.ndarray:
    q = np.array([left_out_thresholds(row, exam, alpha) for row in scores]).reshape(scores.shape)
    return np.where(np.isfinite(q) & ~np.isnan(scores), q, np.nan)


def quantile_intervals(
    cells: Cells, exam: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the intervals of conformalised quantile regression, [lower - q, upper + q].

    Scores max(lower - r, r - upper), negative inside: what the ensemble's own quantiles miss is
    added at both ends, and taken off where they reach too far (Romano, Patterson and Candes 2019,
    Conformalized Quantile Regression, NeurIPS 32). An interval whose ends cross is empty.

    Args:
        cells: ratio, lower and upper are used.
        exam: (scans,) labels.
        alpha: between 0 and 0.5.

    Returns:
        low, high (structures, scans), NaN where undefined.
    """
    scores = np.maximum(cells.lower - cells.ratio, cells.ratio - cells.upper)
    q = _own_thresholds(scores, exam, alpha)
    return cells.lower - q, cells.upper + q


def jackknife_intervals(
    ratio: np.ndarray, exam: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return `jackknife_plus` of each structure and scan, made from all other exams.

    Args:
        ratio: (structures, scans); NaN where undefined.
        exam: (scans,) labels.
        alpha: between 0 and 0.5.

    Returns:
        low, high (structures, scans), NaN where undefined.
    """
    bounds = np.full((2, *ratio.shape), np.nan)
    for k, row in enumerate(ratio):
        known = ~np.isnan(row)
        for left_out in np.unique(exam[known]):
            rest, new = known & (exam != left_out), known & (exam == left_out)
            low, high = jackknife_plus(row[rest], exam[rest], alpha)
            bounds[0, k, new], bounds[1, k, new] = low, high
    return bounds[0], bounds[1]


def structure_scale(cv: np.ndarray) -> np.ndarray:
    """Return each structure's root mean square variation over the scans.

    It knows nothing of the true volumes and treats all scans alike, the predicted one too, so that
    scores divided by it stay exchangeable; it is steadier than the deviation in one scan.

    Args:
        cv: (structures, scans), NaN where undefined.

    Returns:
        (structures, 1), NaN where undefined in all scans.
    """
    known = ~np.isnan(cv)
    total = np.sum(np.where(known, cv, 0.0) ** 2, axis=1, keepdims=True)
    counts = known.sum(axis=1, keepdims=True)
    mean = np.divide(total, counts, out=np.full(total.shape, np.nan), where=counts > 0)
    return np.sqrt(mean)


def largest(scores: np.ndarray) -> np.ndarray:
    """Return each scan's largest defined score (scans,), NaN for a scan without any.

    Args:
        scores: (structures, scans).
    """
    top = np.where(np.isnan(scores), -np.inf, scores).max(axis=0, initial=-np.inf)
    return np.where(top == -np.inf, np.nan, top)


def intervals(
    cells: Cells, exam: np.ndarray, alpha: float
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the intervals of all `METHODS` for the ratio, each scan's exam left out.

    absolute: scores |r - 1| (AR); scaled: |r - 1| / cv (LWR); cqr: beyond the ensemble's quantiles
    (CQR); jackknife_plus: corrected by the mean bias; joint: one threshold for a scan's largest
    |r - 1| / `structure_scale`, so that all of its structures are covered at once; naive: for
    comparison.

    Args:
        cells: from `cohort`, made with the same alpha.
        exam: (scans,) labels.
        alpha: between 0 and 0.5, share that may be missed.

    Returns:
        method -> low, high (structures, scans), NaN where undefined.

    Raises:
        ValueError: if alpha is out of range.
    """
    check_alpha(alpha)
    ratio, cv, n_members = cells.ratio, cells.cv, cells.n_members
    deviation = np.abs(ratio - 1.0)
    scale = structure_scale(cv)
    scores = normalised(deviation, scale)
    together = np.where(np.isnan(scores), np.nan, largest(scores))
    return {
        "naive": naive_intervals(ratio, cv, n_members, alpha),
        "absolute": split_intervals(deviation, np.ones((1, 1)), exam, alpha),
        "scaled": split_intervals(normalised(deviation, cv), cv, exam, alpha),
        "cqr": quantile_intervals(cells, exam, alpha),
        "jackknife_plus": jackknife_intervals(ratio, exam, alpha),
        "joint": _joint_intervals(together, scale, exam, alpha),
    }


def _joint_intervals(
    together: np.ndarray, scale: np.ndarray, exam: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    q = left_out_thresholds(largest(together), exam, alpha)
    q = np.where(np.isfinite(q) & ~np.isnan(together), q, np.nan)
    return 1.0 - q * scale, 1.0 + q * scale


def coverage_distribution(n_exams: int, alpha: float):
    """Return the exact distribution of the coverage that one calibration reaches on new scans.

    Beta(n + 1 - l, l) with l = floor((n + 1) alpha), for continuous scores of n exams of one scan
    (Vovk 2012, ACML, Conditional validity of inductive conformal predictors).

    Args:
        n_exams: n, calibrating exams.
        alpha: between 0 and 0.5.

    Returns:
        A frozen scipy distribution; None with fewer exams than `least_exams`.
    """
    check_alpha(alpha)
    rank = math.floor((n_exams + 1) * alpha + ROUNDING)
    return beta(n_exams + 1 - rank, rank) if rank > 0 else None


def coverage_band(
    n_exams: int, n_new: int, alpha: float, level: float = 0.9
) -> tuple[float, float]:
    """Return the range of the coverage counted in `n_new` scans after one calibration.

    The count of covered scans is beta-binomial(n_new, n + 1 - l, l), see `coverage_distribution`.

    Args:
        n_exams: n, calibrating exams.
        n_new: scans judged.
        alpha: between 0 and 0.5.
        level: central probability of the range.

    Returns:
        low, high from 0 to 1; NaN with fewer exams than `least_exams`, or no scan.
    """
    exact = coverage_distribution(n_exams, alpha)
    if exact is None or n_new < 1:
        return math.nan, math.nan
    tail = (1.0 - level) / 2.0
    low, high = betabinom(n_new, *exact.args).ppf([tail, 1.0 - tail]) / n_new
    return float(low), float(high)


def cohort(
    volumes: pd.DataFrame, reference: pd.DataFrame, alpha: float
) -> tuple[Cells, list[str], list[str]]:
    """Return one group's volumes as arrays in the order of appearance.

    The quantiles over members, alpha / 2 and 1 - alpha / 2, are interpolated linearly between the
    ordered volumes (Hyndman and Fan 1996, Am. Stat. 50, type 7), and undefined for one member.

    Args:
        volumes: columns member, subject, structure, volume_mm3, of one group.
        reference: columns subject, structure, volume_mm3: the volumes to be covered.
        alpha: between 0 and 0.5.

    Returns:
        The cells; names of the structures; names of the scans.
    """
    structures = list(dict.fromkeys(volumes["structure"]))
    subjects = list(dict.fromkeys(volumes["subject"]))
    cells = volumes.groupby(["structure", "subject"])["volume_mm3"]
    known = reference.drop_duplicates(["structure", "subject"], keep="last")
    truth = _grid(known.set_index(["structure", "subject"])["volume_mm3"], structures, subjects)
    mean = _grid(cells.mean(), structures, subjects)
    deviation = _grid(cells.std(ddof=1), structures, subjects)
    n_members = np.nan_to_num(_grid(cells.count(), structures, subjects))
    usable = (mean > 0) & (truth > 0)
    ratio, cv = _in_units(truth, mean, usable), _in_units(deviation, mean, usable)
    ends = [
        _in_units(
            _grid(cells.quantile(level), structures, subjects), mean, usable & (n_members > 1)
        )
        for level in (alpha / 2.0, 1.0 - alpha / 2.0)
    ]
    return Cells(ratio, cv, n_members, *ends), structures, subjects


def _in_units(values: np.ndarray, mean: np.ndarray, usable: np.ndarray) -> np.ndarray:
    return np.divide(values, mean, out=np.full(mean.shape, np.nan), where=usable)


def _grid(values: pd.Series, structures: list[str], subjects: list[str]) -> np.ndarray:
    table = values.unstack("subject").reindex(index=structures, columns=subjects)
    return table.to_numpy(np.float64)


def covered(ratio: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return whether each interval holds its ratio, bounds included; False without an interval."""
    return (ratio >= low - ROUNDING) & (ratio <= high + ROUNDING)


def interval_table(
    ratio: np.ndarray, bounds: dict[str, tuple[np.ndarray, np.ndarray]], structures: list[str]
) -> pd.DataFrame:
    """Return coverage and width of each method and structure, and of all structures at once.

    Args:
        ratio: (structures, scans).
        bounds: from `intervals`.
        structures: names.

    Returns:
        Columns structure, method, n (scans with an interval), coverage (0 to 1), width_percent
        (mean of (high - low) / true volume, 0 if empty); NaN without an interval. Rows `ALL`:
        scans with an interval for all of their structures, share with all covered, mean over their
        widths.
    """
    rows, absent = [], np.isnan(ratio)
    for method, (low, high) in bounds.items():
        known = np.isfinite(low) & np.isfinite(high)
        inside = covered(ratio, low, high)
        width = PERCENT * np.maximum(high - low, 0.0) / ratio
        for name, *cell in zip(structures, known, inside, width, strict=True):
            rows.append((name, method, *_summary(*cell)))
        whole = (known | absent).all(axis=0) & known.any(axis=0)
        total = np.where(known, width, 0.0).sum(axis=0)
        mean_width = np.divide(total, known.sum(axis=0), out=total, where=whole)
        rows.append((ALL, method, *_summary(whole, (inside | absent).all(axis=0), mean_width)))
    return pd.DataFrame(rows, columns=COLUMNS[1:])


def _summary(known: np.ndarray, inside: np.ndarray, width: np.ndarray) -> tuple[int, float, float]:
    n = int(known.sum())
    if not n:
        return 0, math.nan, math.nan
    return n, float(inside[known].mean()), float(width[known].mean())


def _branch(table: pd.DataFrame, n_cells: int) -> dict[str, float]:
    single = table[table["structure"] != ALL]
    together = table[table["structure"] == ALL]
    leaves = {
        "coverage": float(single["coverage"].median()),
        "width": float(single["width_percent"].median()),
        "all_structures": float(together["coverage"].iloc[0]),
    }
    finite = {name: value for name, value in leaves.items() if math.isfinite(value)}
    return {**finite, "undefined": n_cells - int(single["n"].sum())}


def conformal(
    volumes: pd.DataFrame, reference: pd.DataFrame, exams: dict[str, str], alpha: float
) -> tuple[dict[str, dict[str, dict[str, float]]], pd.DataFrame]:
    """Return coverage and width of the intervals of each group, the exam of each scan left out.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        reference: columns subject, structure, volume_mm3: volumes of the fully sampled image by the
            same segmenter, or true volumes.
        exams: subject -> exam; a subject that is not in it is an exam of its own.
        alpha: between 0 and 0.5, share that the intervals may miss.

    Returns:
        group -> method -> coverage and width (median over structures, 0 to 1 and percent of the
        true volume), all_structures (share of scans covered in every structure) and undefined
        (number of scans and structures without a finite interval); leaves that no interval backs
        are left out. The table of `interval_table` for all groups, columns `COLUMNS`.

    Raises:
        ValueError: if alpha is out of range.
    """
    check_alpha(alpha)
    tree, tables = {}, [pd.DataFrame(columns=COLUMNS)]
    for group, part in volumes.groupby("group", sort=False):
        cells, structures, subjects = cohort(part, reference, alpha)
        exam = np.array([exams.get(subject, subject) for subject in subjects])
        table = interval_table(cells.ratio, intervals(cells, exam, alpha), structures)
        tables.append(table.assign(group=group)[COLUMNS])
        tree[group] = {m: _branch(table[table["method"] == m], cells.ratio.size) for m in METHODS}
    return tree, pd.concat(tables[1:] or tables, ignore_index=True)
