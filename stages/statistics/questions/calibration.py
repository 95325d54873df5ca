"""Is the spread of an ensemble of volumes as large as its error: calibration against known volumes.

First against the fully sampled scans by the same segmenter, whose error both share. Against true
volumes, where a cohort is simulated, noise realisations of the fully sampled scans stand beside the
networks: what they miss of the truth is the segmenter's, not the reconstruction's. Intervals are of
other subjects and other members (`methods/crossed_intervals.py`).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.bias import bias_of_ratios
from stages.statistics.methods.crossed_intervals import Crossed, crossed, half_width
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.member_medians import Draws, draw, member_cube
from stages.statistics.methods.variability import PERCENT, positive
from stages.statistics.needs import REFERENCE, SEVERAL, needs
from stages.study.groups import ADDED_NOISE

PAIR = ["structure", "subject"]
ROUNDING = 1e-12  # fraction of a sum of squares; what centring leaves below it is rounding
COLUMNS = ["group", *PAIR, "n_members", "target_mm3", "error", "spread", "crps", "below", "equal"]


@needs(SEVERAL, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return whether ensembles spread as far as they err, against the reference and the truth."""
    draws = draw(cohort.subject_of, params.bootstrap_draws, rng, cohort.nested)
    networks, realised = cohort.ensembles.ensembles, (ADDED_NOISE,)
    targets = {"reference": (cohort.reference, networks)}
    if cohort.truth is not None:
        targets["truth"] = cohort.truth, (*networks, *realised)
    trees, tables = {}, []
    for name, (target, groups) in targets.items():
        volumes = cohort.volumes[cohort.volumes["group"].isin(groups)]
        tree, table = calibrate(volumes.reset_index(drop=True), target, draws, params.level)
        trees[name] = tree
        tables.append(table.assign(target=name))
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


def _ratio(spread: np.ndarray, squares: float, free: int, n_members: int) -> float:
    if free < 1 or not squares > 0:
        return float("nan")
    variance = float(np.mean(np.square(spread))) * (n_members + 1.0) / n_members
    return float(np.sqrt(variance / (squares / free)))


def spread_skill_draws(ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the square of `spread_skill` in every draw of scans, (n_draws,).

    Args:
        ratios: (n_structures, n_scans, n_members), volume over target, NaN for pairs left out.
        weights: (n_draws, n_scans), how often each scan counts.
    """
    n_members = ratios.shape[-1]
    spread = _sum_known(ratios.var(axis=-1, ddof=1)) if n_members > 1 else np.nan
    error = _sum_known((ratios.mean(axis=-1) - 1.0) ** 2)
    return _over(weights @ (spread * np.ones(ratios.shape[1])), weights @ error, n_members)


def centred_draws(ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the square of `centred_spread_skill` in every draw of scans, (n_draws,).

    Args:
        ratios: (n_structures, n_scans, n_members), volume over target, NaN for pairs left out.
        weights: (n_draws, n_scans), how often each scan counts.
    """
    n_members = ratios.shape[-1]
    known = np.isfinite(ratios).all(axis=-1)
    error = np.where(known, ratios.mean(axis=-1) - 1.0, 0.0)
    apart = np.where(known[..., None], ratios - ratios.mean(axis=-1, keepdims=True), 0.0)
    counts = np.maximum(weights @ known.T, 1)
    offsets = np.einsum("bs,ksm->bkm", weights, apart)
    within = weights @ (apart**2).sum(axis=(0, 2)) - _centre_part(offsets, counts)
    total = weights @ (error**2).sum(axis=0)
    squares = total - _centre_part((weights @ error.T)[..., None], counts)
    squares = np.where(squares > ROUNDING * total, squares, 0.0)
    return _over(within / (n_members - 1.0 or np.nan), squares, n_members)


def _centre_part(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return what centring takes off a sum of squares, (n_draws,)."""
    return ((sums**2).sum(axis=-1) / counts).sum(axis=-1)


def _sum_known(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, 0.0).sum(axis=0)


def _over(spread: np.ndarray, squares: np.ndarray, n_members: int) -> np.ndarray:
    known = squares > 0
    ratio = np.where(known, spread / np.where(known, squares, 1.0), np.nan)
    return ratio * (n_members + 1.0) / n_members


def centred_spread_skill(ratios: np.ndarray) -> float:
    """Return the spread of an ensemble relative to its error, what scans share taken off both.

    No spread can know an error that all members share in all scans, so each structure's mean error
    over scans is taken off. Then a member's offset that is the same on all scans has to be taken
    off the spread as well: left is the interaction of members and scans,

        sqrt((M + 1) / M) sqrt(MS_interaction) / sqrt(sum (e - mean e)^2 / (n - K)),

    1 if the target differs between scans as one more member does.

    Args:
        ratios: (K, n_scans, M), volume over target, NaN for pairs left out.

    Returns:
        NaN with one scan or one member, or without any error.
    """
    once = np.ones((1, ratios.shape[1]), dtype=np.int64)
    return float(np.sqrt(centred_draws(ratios, once)[0]))


def outside_draws(ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the fraction of targets outside all members in every draw; ties as in ranks.

    Args:
        ratios: (n_structures, n_scans, n_members), volume over target, NaN for pairs left out.
        weights: (n_draws, n_scans), how often each scan counts.
    """
    known = np.isfinite(ratios).all(axis=-1)
    below, equal = (ratios < 1.0).sum(axis=-1), (ratios == 1.0).sum(axis=-1)
    ends = (below == 0).astype(float) + (below + equal == ratios.shape[-1])
    counted = np.where(known, ends / (equal + 1.0), 0.0).sum(axis=0)
    total = weights @ known.sum(axis=0)
    return np.where(total > 0, weights @ counted / np.maximum(total, 1), np.nan)


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
    """Return the scores of one ensemble over its pairs.

    Args:
        pairs: from `pair_table`, of one group, without NaN.
        n_members: M.

    Returns:
        crps and absolute_error of the mean (percent, mean over pairs), below_all and above_all
        (fraction of the targets below and above all members) and outside_expected, 2 / (M + 1), the
        sum of those two for a calibrated ensemble.
    """
    ranks = rank_histogram(pairs["below"].to_numpy(), pairs["equal"].to_numpy(), n_members)
    return {
        "crps": float(pairs["crps"].mean()),
        "absolute_error": float(pairs["error"].abs().mean()),
        "below_all": float(ranks[0]),
        "above_all": float(ranks[-1]),
        "outside_expected": 2.0 / (n_members + 1.0) if len(pairs) else np.nan,
    }


def certain(ratios: np.ndarray, draws: Draws, level: float) -> Tree:
    """Return spread_skill, spread_skill_centred and outside, each with value, low and high.

    Intervals of the two ratios are made of their logarithms.

    Args:
        ratios: (n_structures, n_scans, n_members), volume over target, NaN for pairs left out.
        draws: of subjects, for the columns.
        level: coverage of the intervals.
    """
    once = np.ones((1, ratios.shape[1]), dtype=np.int64)
    tree: Tree = {}
    for name, statistic in RATIOS.items():
        found = _crossed(_logarithm(statistic), ratios, draws)
        reach = float(half_width(found, level))
        ends = np.exp(found.value - reach), np.exp(found.value + reach)
        value = float(np.sqrt(statistic(ratios, once)[0]))
        tree[name] = {"value": value, "low": float(ends[0]), "high": float(ends[1])}
    found = _crossed(outside_draws, ratios, draws)
    reach, value = float(half_width(found, level)), float(found.value)
    low, high = np.clip([value - reach, value + reach], 0.0, 1.0)
    return tree | {"outside": {"value": value, "low": float(low), "high": float(high)}}


Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of ratios and weights (n_draws, n_scans): (n_draws,)."""

RATIOS: dict[str, Draw] = {
    "spread_skill": spread_skill_draws,
    "spread_skill_centred": centred_draws,
}


def _logarithm(square: Draw) -> Draw:
    return lambda ratios, weights: 0.5 * np.log(positive(square(ratios, weights)))


def _crossed(statistic: Draw, ratios: np.ndarray, draws: Draws) -> Crossed:
    return crossed(
        lambda weights, members: statistic(ratios[..., members], weights),
        draws.weights,
        draws.n_subjects,
        ratios.shape[-1],
        nested=draws.within,
    )


def calibrate(
    volumes: pd.DataFrame, target: pd.DataFrame, draws: Draws, level: float
) -> tuple[Tree, pd.DataFrame]:
    """Return how well each ensemble predicts known volumes.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        target: tidy, columns subject, structure, volume_mm3: true volumes, or those of the fully
            sampled scans.
        draws: of subjects, for the intervals.
        level: their coverage.

    Returns:
        The tree group -> `summary` and `certain`, with members, pairs, excluded (pairs without a
        member or a positive target) and undefined (leaves left out); and the table of `pair_table`,
        whose excluded pairs are NaN.
    """
    table = pair_table(volumes, target)
    structures = tuple(dict.fromkeys(volumes["structure"]))
    known = pair_matrix(target, "volume_mm3", list(structures), draws.scans)
    tree = {}
    for group, part in _groups(table):
        cube = member_cube(
            volumes[volumes["group"] == group], "volume_mm3", structures, draws.scans
        )
        ratios = cube / positive(known)[..., None]
        ratios = np.where(np.isfinite(ratios).all(axis=-1, keepdims=True), ratios, np.nan)
        if cube.shape[-1] < 2:
            ratios = np.full(ratios.shape, np.nan)
        pairs, n_members = part.dropna(), int(part["n_members"].iloc[0])
        found = summary(pairs, n_members) | certain(ratios, draws.of(group), level)
        answers, gaps = without_gaps(found)
        counts = {"members": n_members, "pairs": len(pairs), "excluded": len(part) - len(pairs)}
        tree[group] = answers | counts | {"undefined": len(gaps)}
    return tree, table
