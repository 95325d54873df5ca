"""Does the SD of an ensemble trained on healthy phantoms indicate its error on pathology?

Each pathological phantom has a matched healthy phantom: anatomy, texture, noise and mask are the
same. So the change of every volume and of every voxel is known, and so is how much of it an
ensemble shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu
from scipy.stats import t as student

from stages.statistics.answer import Tree
from stages.statistics.methods.correlation import spearman
from stages.statistics.methods.variability import PERCENT, coefficient_of_variation
from stages.statistics.questions.calibration import pair_table, spread_skill
from stages.study.pairs import kind_of, matched_healthy, matched_pairs
from stages.study.schema import AFFECTED_VOXELS

BEARING = {"lesions": ("white_matter",)}
"""Structures that a pathology lies in without changing their volume."""
CHANGE = ("true_change", "measured_change", "change_sd", "change_in_interval")
COLUMNS = [
    *("group", "kind", "head", "subject", "structure", "n_members", "target_mm3"),
    *("error", "spread", "in_range", "in_interval", *CHANGE, "affected", "cv_ratio", "error_ratio"),
]
VOXEL_COLUMNS = AFFECTED_VOXELS.less("group", "kind", "head", "subject")


def reach(spread: np.ndarray, n_members: int, level: float) -> np.ndarray:
    """Return how far one more draw lies from the mean of a normal sample at most, at a level.

    t_{M - 1, (1 + level) / 2} s sqrt(1 + 1 / M).

    Args:
        spread: (...), s, standard deviation over members, ddof = 1.
        n_members: M.
        level: of confidence, 0 to 1.

    Returns:
        (...), the unit of `spread`; NaN for fewer than two members.
    """
    if n_members < 2:
        return np.full(np.shape(spread), np.nan)
    quantile = student.ppf((1.0 + level) / 2.0, n_members - 1)
    return quantile * np.asarray(spread, np.float64) * np.sqrt(1.0 + 1.0 / n_members)


def slope(measured: np.ndarray, true: np.ndarray) -> float:
    """Return the slope of measured on true changes through the origin, sum(m t) / sum(t^2).

    1 if changes are measured as they are, below 1 if they are biased towards normal anatomy.

    Args:
        measured: (n,).
        true: (n,), the same unit.

    Returns:
        NaN if nothing changed.
    """
    squares = float(np.sum(np.square(true)))
    return float(np.sum(np.multiply(measured, true)) / squares) if squares > 0 else float("nan")


def change_percent(diseased: np.ndarray, healthy: np.ndarray) -> np.ndarray:
    """Return 100 (V_diseased - V_healthy) / V_healthy, NaN where V_healthy is not positive."""
    healthy = np.asarray(healthy, np.float64)
    return PERCENT * (
        np.asarray(diseased, np.float64) / np.where(healthy > 0, healthy, np.nan) - 1.0
    )


def volume_pairs(volumes: pd.DataFrame, truth: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return error, spread, coverage and change of each group, structure and scan.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3; groups of one member
            have no spread.
        truth: tidy, columns subject, structure, volume_mm3.
        level: of the t interval.

    Returns:
        `COLUMNS`. error (mean over members less truth) and spread (ddof = 1) in percent of the
        truth; in_range (truth within the range of the members) and in_interval (within `reach`)
        are 0 or 1. For pathological phantoms, else NaN: true_change, measured_change (mean over
        members) and change_sd in percent of the healthy volume; change_in_interval, whether
        the true change lies within `reach`; affected, 1 where the pathology lies; cv_ratio and
        error_ratio, CV and |error| over those of the matched healthy phantom.
    """
    pairs = pair_table(volumes, truth)
    parts = [_with_change(part, volumes, truth) for _, part in pairs.groupby("group", sort=False)]
    table = pd.concat(parts, ignore_index=True)
    n_members = table["n_members"].to_numpy()
    outside = (table["below"] == n_members) | ((table["below"] == 0) & (table["equal"] == 0))
    bound = [reach(s, m, level) for s, m in zip(table["spread"], n_members, strict=True)]
    known = table["spread"].notna()
    table["in_range"] = (~outside).astype(float).where(known)
    table["in_interval"] = (table["error"].abs() <= bound).astype(float).where(known)
    bound = [reach(s, m, level) for s, m in zip(table["change_sd"], n_members, strict=True)]
    missed = (table["measured_change"] - table["true_change"]).abs()
    inside = (missed <= bound).astype(float)
    table["change_in_interval"] = inside.where(table["change_sd"].notna() & missed.notna())
    table["kind"] = table["subject"].map(kind_of)
    table["head"] = table["subject"].map(matched_healthy)
    return table[COLUMNS]


def _with_change(pairs: pd.DataFrame, volumes: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of one group with the columns about the matched healthy phantom."""
    own = volumes[volumes["group"] == pairs["group"].iloc[0]]
    index = pd.MultiIndex.from_frame(pairs[["structure", "subject"]])
    wide = own.pivot(index=["structure", "subject"], columns="member", values="volume_mm3")
    true = truth.set_index(["structure", "subject"])["volume_mm3"]
    heads = pd.MultiIndex.from_arrays([pairs["structure"], pairs["subject"].map(matched_healthy)])
    paired = (pairs["subject"] != heads.get_level_values(1)).to_numpy()
    members, matched = (wide.reindex(i).to_numpy(np.float64) for i in (index, heads))
    diseased, healthy = (true.reindex(i).to_numpy(np.float64) for i in (index, heads))
    change, changes = change_percent(diseased, healthy), change_percent(members, matched)
    bears = [s in BEARING.get(kind_of(n), ()) for s, n in index]
    error, matched_error = (
        np.abs(m.mean(axis=1) - v) for m, v in ((members, diseased), (matched, healthy))
    )
    n_members = members.shape[1]
    nothing = np.full(len(pairs), np.nan)
    found = {
        "true_change": change,
        "measured_change": changes.mean(axis=1),
        "change_sd": changes.std(axis=1, ddof=1) if n_members > 1 else nothing,
        "affected": ((change != 0) & np.isfinite(change)) | bears,
        "cv_ratio": ratio(coefficient_of_variation(members), coefficient_of_variation(matched)),
        "error_ratio": ratio(error, matched_error),
    }
    return pairs.assign(**{name: np.where(paired, v, np.nan) for name, v in found.items()})


def ratio(a: np.ndarray | float, b: np.ndarray | float) -> np.ndarray:
    """Return a / b, NaN where b is not positive."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.divide(a, b, out=np.full(np.broadcast(a, b).shape, np.nan), where=b > 0)


@dataclass(frozen=True)
class Voxels:
    """An ensemble's images of one scan at some voxels, in units of the scan's white matter."""

    reference: np.ndarray
    """(n_voxels,), the fully sampled image."""

    mean: np.ndarray
    """(n_voxels,), over members."""

    std: np.ndarray
    """(n_voxels,), over members, ddof = 1."""

    @property
    def error(self) -> np.ndarray:
        """Return |mean - reference|, (n_voxels,)."""
        return np.abs(self.mean - self.reference)

    def at(self, chosen: np.ndarray) -> "Voxels":
        """Return the voxels of a boolean mask (n_voxels,)."""
        return Voxels(self.reference[chosen], self.mean[chosen], self.std[chosen])


def rms(values: np.ndarray) -> float:
    """Return the root of the mean square, NaN without values."""
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else float("nan")


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Return how often a value of the first kind exceeds one of the second; ties count half.

    U / (n m), the area under the receiver operating characteristic (Hanley and McNeil 1982,
    doi:10.1148/radiology.143.1.7063747). NaN if either is empty.
    """
    if not (len(positive) and len(negative)):
        return float("nan")
    found = mannwhitneyu(positive, negative, method="asymptotic").statistic
    return float(found) / (len(positive) * len(negative))


def voxel_row(
    diseased: Voxels, healthy: Voxels, affected: np.ndarray, other: np.ndarray, n_members: int
) -> dict[str, float]:
    """Return how error and standard deviation behave where a pathology lies.

    Args:
        diseased: the pathological phantom.
        healthy: its matched healthy phantom, at the same voxels.
        affected: (n_voxels,) boolean, what the pathology changed.
        other: (n_voxels,) boolean, white matter that it left alone.
        n_members: of the ensemble.

    Returns:
        `VOXEL_COLUMNS`: r.m.s. error and SD in the affected voxels (white matter = 1); their ratios
        to the same voxels of the matched healthy phantom, and to other white matter of the same
        scan; `spread_skill` there and in the healthy phantom; change_shown, the `slope` of the
        change within the pair in the reconstructions on that in the fully sampled images; auroc of
        the SD for affected voxels against other white matter; spearman_error, of SD and error over
        the affected voxels.
    """
    here, matched, around = diseased.at(affected), healthy.at(affected), diseased.at(other)
    error, std = rms(here.error), rms(here.std)
    return {
        "n_voxels": int(affected.sum()),
        "error": error,
        "std": std,
        "error_ratio": float(ratio(error, rms(matched.error))),
        "std_ratio": float(ratio(std, rms(matched.std))),
        "error_ratio_white_matter": float(ratio(error, rms(around.error))),
        "std_ratio_white_matter": float(ratio(std, rms(around.std))),
        "spread_skill": spread_skill(here.std, here.error, n_members),
        "spread_skill_healthy": spread_skill(matched.std, matched.error, n_members),
        "change_shown": slope(here.mean - matched.mean, here.reference - matched.reference),
        "auroc": auroc(here.std, around.std),
        "spearman_error": spearman(here.std, here.error) if affected.any() else float("nan"),
    }


def summarise(pairs: pd.DataFrame, voxels: pd.DataFrame, reference: str) -> dict[str, Tree]:
    """Return the tree group -> kind -> numbers about volumes, their change, and voxels.

    Args:
        pairs: from `volume_pairs`, NaN where undefined; `healthy` pairs of all heads included.
        voxels: columns group, kind, head and `VOXEL_COLUMNS`, a row a diseased scan.
        reference: the group of the fully sampled images, which shows what the segmenter alone
            makes of a change; it has no spread.
    """
    tree: dict[str, Tree] = {}
    for (group, kind), part in pairs.groupby(["group", "kind"], sort=False):
        leaves: Tree = {} if group == reference else {"volumes": about_volumes(part)}
        if part["measured_change"].notna().any():
            leaves["change"] = about_change(part)
        own = voxels[(voxels["group"] == group) & (voxels["kind"] == kind)]
        if len(own):
            leaves["voxels"] = medians(own, VOXEL_COLUMNS[1:])
        if leaves:
            tree.setdefault(group, {})[kind] = {"heads": part["head"].nunique(), **leaves}
    return tree


def about_volumes(pairs: pd.DataFrame) -> dict[str, float]:
    """Return error, spread and coverage over all structures of one group and kind."""
    known = pairs.dropna(subset=["error", "spread"])
    n_members = int(pairs["n_members"].iloc[0])
    return {
        "pairs": len(known),
        "absolute_error": float(known["error"].abs().mean()),
        "spread": float(known["spread"].mean()),
        "spread_skill": spread_skill(known["spread"], known["error"], n_members),
        "in_range": float(known["in_range"].mean()),
        "in_interval": float(known["in_interval"].mean()),
    }


def about_change(pairs: pd.DataFrame) -> dict[str, float | dict[str, float]]:
    """Return how the change within pairs is measured in one group and kind of pathology.

    slope: over the pairs whose true volume changed; lost: mean of the change that is not
    measured, percentage points of the healthy volume; shown: the median measured over true change
    of each structure; spread_skill: of the members' changes; in_interval: fraction of true changes
    within the members' t interval; spurious: mean |measured change| (%) where nothing changed;
    error_ratio and cv_ratio: medians over the affected pairs.
    """
    changed = pairs[(pairs["true_change"] != 0) & pairs["measured_change"].notna()]
    still = pairs[pairs["true_change"] == 0]
    measured, true = changed["measured_change"], changed["true_change"]
    n_members, sd = int(pairs["n_members"].iloc[0]), changed["change_sd"]
    shares = (measured / true).groupby(changed["structure"], sort=False).median()
    return {
        "slope": slope(measured, true),
        "lost": float(((true - measured) * np.sign(true)).mean()),
        "shown": {str(name): float(share) for name, share in shares.items()},
        "spread_skill": spread_skill(sd, measured - true, n_members),
        "in_interval": float(changed["change_in_interval"].mean()),
        "spurious": float(still["measured_change"].abs().mean()),
        **medians(pairs[pairs["affected"] == 1], ["error_ratio", "cv_ratio"]),
    }


def medians(table: pd.DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """Return the median of each column over the rows where it is defined."""
    return {name: float(table[name].median()) for name in columns}


def phantom_pairs(subjects: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (pathological phantom, matched healthy phantom, kind) of every pair."""
    return [(diseased, healthy, kind_of(diseased)) for diseased, healthy in matched_pairs(subjects)]
