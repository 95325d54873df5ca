"""Image quality of each group of reconstructions, from the scores of each member and scan."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.jackknife import jackknife_interval

MEASURES = ("psnr", "ssim")
# the headline: the challenge's definition on slices that hold brain; the others stand beside it
HEADLINE = ("challenge", "brain")
ALTERNATIVES = {"fixed_range": ("fixed", "brain"), "all_slices": ("challenge", "all")}
# as DIRECT validates, hence what the paper's numbers are compared with
CROPPED = ("challenge", "cropped")
COLUMNS = ["group", "range", "slices", "member", *MEASURES]


def ask(cohort: Cohort, params: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return PSNR and SSIM of networks and baselines, and their table, one row a member.

    The means of the headline have intervals over subjects and members.
    """
    tables = {group: of(cohort.quality, group) for group in cohort.accelerated}
    tree = {group: quality_summary(table) for group, table in tables.items()}
    for group, table in tables.items():
        for name in MEASURES:
            tree[group][name] |= _ends(table, name, cohort.subject_of, params.level)
    rows = [
        means.reset_index().assign(group=group, range=kind[0], slices=kind[1])
        for group, table in tables.items()
        for kind in table[["range", "slices"]].drop_duplicates().itertuples(index=False)
        for means in [member_means(table, tuple(kind))]
    ]
    return Answer(tree, {"image_quality": pd.concat(rows, ignore_index=True)[COLUMNS]})


def _ends(
    quality: pd.DataFrame, name: str, subject_of: Mapping[str, str], level: float
) -> dict[str, float]:
    """Return the ends of the interval of a mean over members and scans; none where undefined."""
    chosen = quality[(quality["range"] == HEADLINE[0]) & (quality["slices"] == HEADLINE[1])]
    scores = chosen.pivot(index="subject", columns="member", values=name)
    values = scores.to_numpy(np.float64)
    subjects = np.array([subject_of.get(scan, scan) for scan in scores.index])

    def mean(scans: np.ndarray, members: np.ndarray) -> float:
        return float(values[scans][:, members].mean(axis=0).mean())

    low, high, _ = jackknife_interval(mean, subjects, values.shape[1], level)
    return {"low": low, "high": high} if np.isfinite([low, high]).all() else {}


def member_means(quality: pd.DataFrame, kind: tuple[str, str]) -> pd.DataFrame:
    """Return PSNR (dB) and SSIM of each member, averaged over scans.

    Args:
        quality: columns member, range, slices, psnr, ssim; one row a member, scan and kind.
        kind: range (`challenge` or `fixed`) and slices (`brain`, `cropped` or `all`).

    Returns:
        Index member, columns psnr, ssim.
    """
    chosen = quality[(quality["range"] == kind[0]) & (quality["slices"] == kind[1])]
    return chosen.groupby("member", sort=False)[list(MEASURES)].mean()


def quality_summary(quality: pd.DataFrame) -> dict[str, Tree]:
    """Return mean and standard deviation (ddof = 1) over members, and the alternatives' means.

    Args:
        quality: as in `member_means`, of one group.

    Returns:
        psnr and ssim, each with mean and, for two or more members, std; the same below `cropped`;
        below `fixed_range` and `all_slices` the means of the alternatives.
    """
    result: dict[str, Tree] = _over_members(member_means(quality, HEADLINE))
    result["cropped"] = _over_members(member_means(quality, CROPPED))
    for key, kind in ALTERNATIVES.items():
        means = member_means(quality, kind).mean()
        result[key] = {name: float(means[name]) for name in MEASURES}
    return result


def _over_members(means: pd.DataFrame) -> dict[str, Tree]:
    result: dict[str, Tree] = {name: {"mean": float(means[name].mean())} for name in MEASURES}
    if len(means) > 1:
        for name in MEASURES:
            result[name]["std"] = float(means[name].std(ddof=1))
    return result
