"""Is the spread of an ensemble of volumes as large as its error: calibration against known volumes.

The known volumes are those of a simulated cohort, or those of the fully sampled scans. The
structure-scan pairs of one scan are not independent, so the numbers come without p-values.
"""

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.bias import bias_of_ratios
from stages.statistics.methods.correlation import centre
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.variability import PERCENT

PAIR = ["structure", "subject"]
ROUNDING = 1e-24  # fraction of a sum of squares
COLUMNS = ["group", *PAIR, "n_members", "target_mm3", "error", "spread", "crps", "below", "equal"]


def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return whether ensembles spread as far as they err, against the reference and the truth."""
    volumes = cohort.networks(cohort.volumes)
    targets = {"reference": cohort.reference}
    if cohort.truth is not None:
        targets["truth"] = cohort.truth
    found = {name: calibrate(volumes, target) for name, target in targets.items()}
    tables = [table.assign(target=name) for name, (_, table) in found.items()]
    trees = {name: tree for name, (tree, _) in found.items()}
    return Answer(trees, {"calibration": pd.concat(tables, ignore_index=True)})


def crps(members: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the continuous ranked probability score of an ensemble taken as a distribution.

    CRPS = mean_i |x_i - y| - sum_ij |x_i - x_j| / (2 M^2) (Gneiting and Raftery 2007, J. Am. Stat.
    Assoc. 102).

    Args:
        members: (..., n_members), any unit.
        target: (...), the same unit.

    Returns:
        (...), the same unit; 0 is perfect.
    """
    members = np.asarray(members, dtype=np.float64)
    return _distance(members, target) - _pair_sum(members) / (2.0 * members.shape[-1] ** 2)


def fair_crps(members: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the CRPS that favours no size of the ensemble.

    CRPS = mean_i |x_i - y| - sum_ij |x_i - x_j| / (2 M (M - 1)) (Ferro 2014, Q. J. R. Meteorol.
    Soc. 140): its expectation is the score of the distribution that the members were drawn from.

    Args:
        members: (..., n_members), any unit.
        target: (...), the same unit.

    Returns:
        (...), the same unit, NaN for fewer than two members; single values may be negative.
    """
    members = np.asarray(members, dtype=np.float64)
    n_members = members.shape[-1]
    if n_members < 2:
        return np.full(members.shape[:-1], np.nan)
    return _distance(members, target) - _pair_sum(members) / (2.0 * n_members * (n_members - 1))


def _distance(members: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.abs(members - np.asarray(target, dtype=np.float64)[..., None]).mean(axis=-1)


def _pair_sum(members: np.ndarray) -> np.ndarray:
    """Return sum_ij |x_i - x_j| = 2 sum_k (2 k - M - 1) x_(k) over the sorted members, k = 1..M."""
    n_members = members.shape[-1]
    weights = 2.0 * np.arange(1, n_members + 1) - n_members - 1.0
    return 2.0 * np.sort(members, axis=-1) @ weights


def rank_histogram(below: np.ndarray, equal: np.ndarray, n_members: int) -> np.ndarray:
    """Return how often the target takes each rank among the members; ties are split evenly.

    Ranks 0 to M; flat at 1 / (M + 1) if target and members come from one distribution, U-shaped if
    the spread is too small (Hamill 2001, Mon. Weather Rev. 129). A target that equals e members
    counts 1 / (e + 1) in each of the e + 1 ranks it could take.

    Args:
        below: (n_pairs,) members smaller than the target.
        equal: (n_pairs,) members equal to the target.
        n_members: M.

    Returns:
        (n_members + 1,) fractions that sum to 1; NaN without any pair.
    """
    below, equal = np.asarray(below, dtype=np.intp), np.asarray(equal, dtype=np.intp)
    if not len(below):
        return np.full(n_members + 1, np.nan)
    ranks = np.arange(n_members + 1)
    possible = (ranks >= below[:, None]) & (ranks <= (below + equal)[:, None])
    return (possible / (equal + 1.0)[:, None]).mean(axis=0)


def spread_skill(spread: np.ndarray, error: np.ndarray, n_members: int) -> float:
    """Return the spread of an ensemble relative to the error of its mean; 1 is calibrated.

    sqrt((M + 1) / M) sqrt(mean(s^2)) / sqrt(mean(e^2)): the error holds the uncertainty of the mean
    of M members too (Fortin et al. 2014, J. Hydrometeorol. 15).

    Args:
        spread: (n_pairs,) standard deviations over members, ddof = 1.
        error: (n_pairs,) ensemble mean less target, the same unit.
        n_members: M.

    Returns:
        NaN without any pair or any error.
    """
    return _ratio(spread, float(np.sum(np.square(error))), len(error), n_members)


def centred_spread_skill(
    spread: np.ndarray, error: np.ndarray, structures: np.ndarray, n_members: int
) -> float:
    """Return `spread_skill` with each structure's mean error over scans taken off.

    No spread can know an error that all members share in all scans. The n - K left degrees of
    freedom divide the squares.

    Args:
        spread: (n_pairs,) standard deviations over members, ddof = 1.
        error: (n_pairs,) ensemble mean less target, the same unit.
        structures: (n_pairs,) labels, K different ones.
        n_members: M.

    Returns:
        NaN with one scan, or without any error.
    """
    if not len(error):
        return float("nan")
    free = len(error) - len(np.unique(structures))
    squares = float(np.sum(centre(error, structures) ** 2))
    rounding = ROUNDING * float(np.sum(np.square(error)))
    return _ratio(spread, squares if squares > rounding else 0.0, free, n_members)


def _ratio(spread: np.ndarray, squares: float, free: int, n_members: int) -> float:
    if free < 1 or not squares > 0:
        return float("nan")
    variance = float(np.mean(np.square(spread))) * (n_members + 1.0) / n_members
    return float(np.sqrt(variance / (squares / free)))


def pair_table(volumes: pd.DataFrame, target: pd.DataFrame) -> pd.DataFrame:
    """Return error, spread, score and rank of each group, structure and scan.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        target: tidy, columns subject, structure, volume_mm3; the volumes to be predicted.

    Returns:
        `COLUMNS`: error (mean over members less target), spread (ddof = 1) and crps (fair) in
        percent of the target, below and equal (counts of members). All NaN where a member or a
        positive target is missing, or there are fewer than two members.
    """
    known = target.set_index(PAIR)["volume_mm3"]
    parts = [_group_pairs(part, known, group) for group, part in _groups(volumes)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _groups(volumes: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return list(volumes.groupby("group", sort=False))


def _group_pairs(volumes: pd.DataFrame, known: pd.Series, group: str) -> pd.DataFrame:
    wide = volumes.pivot(index=PAIR, columns="member", values="volume_mm3")
    members = wide.to_numpy(np.float64)
    target = known.reindex(wide.index).to_numpy(np.float64)
    usable = (target > 0) & np.isfinite(members).all(axis=1) & (members.shape[1] > 1)
    target = np.where(usable, target, np.nan)
    x, y = members[usable] / target[usable, None], np.ones(int(usable.sum()))
    scores = np.full((len(wide), 5), np.nan)
    if usable.any():
        spread = x.std(axis=1, ddof=1)
        percent = [bias_of_ratios(x), PERCENT * spread, PERCENT * fair_crps(x, y)]
        counts = [compare(x, y[:, None]).sum(axis=1) for compare in (np.less, np.equal)]
        scores[usable] = np.stack([*percent, *counts], axis=1)
    table = wide.index.to_frame(index=False)
    table = table.assign(group=group, n_members=members.shape[1], target_mm3=target)
    return table.assign(**dict(zip(COLUMNS[5:], scores.T, strict=True)))[COLUMNS]


def summary(pairs: pd.DataFrame, n_members: int) -> dict[str, float]:
    """Return the calibration of one ensemble over its pairs.

    Args:
        pairs: from `pair_table`, of one group, without NaN.
        n_members: M.

    Returns:
        crps and absolute_error of the mean (percent, mean over pairs), spread_skill,
        spread_skill_centred, below_all and above_all (fraction of the targets outside all members)
        and outside_expected, 2 / (M + 1), the sum of those two for a calibrated ensemble.
    """
    error, spread = pairs["error"].to_numpy(), pairs["spread"].to_numpy()
    ranks = rank_histogram(pairs["below"].to_numpy(), pairs["equal"].to_numpy(), n_members)
    centred = centred_spread_skill(spread, error, pairs["structure"].to_numpy(), n_members)
    return {
        "crps": float(pairs["crps"].mean()),
        "absolute_error": float(pairs["error"].abs().mean()),
        "spread_skill": spread_skill(spread, error, n_members),
        "spread_skill_centred": centred,
        "below_all": float(ranks[0]),
        "above_all": float(ranks[-1]),
        "outside_expected": 2.0 / (n_members + 1.0) if len(pairs) else np.nan,
    }


def calibrate(volumes: pd.DataFrame, target: pd.DataFrame) -> tuple[Tree, pd.DataFrame]:
    """Return how well each ensemble predicts known volumes.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        target: tidy, columns subject, structure, volume_mm3: true volumes, or those of the fully
            sampled scans.

    Returns:
        The tree group -> `summary`, with members, cells, excluded (pairs without a member or a
        positive target) and undefined (leaves left out); and the table of `pair_table`, whose
        excluded pairs are NaN.
    """
    table = pair_table(volumes, target)
    tree = {}
    for group, part in _groups(table):
        pairs, n_members = part.dropna(), int(part["n_members"].iloc[0])
        answers, gaps = without_gaps(summary(pairs, n_members))
        counts = {"members": n_members, "pairs": len(pairs), "excluded": len(part) - len(pairs)}
        tree[group] = answers | counts | {"undefined": len(gaps)}
    return tree, table
