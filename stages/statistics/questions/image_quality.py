"""Image quality of each group of reconstructions, from the scores of each member and scan."""

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.crossed_intervals import interval
from stages.statistics.methods.member_medians import Draws, draw, row_means
from stages.statistics.needs import IMAGES, needs

MEASURES = ("psnr", "ssim")
# the headline: the challenge's definition on slices that hold brain; the others stand beside it
HEADLINE = ("challenge", "brain")
ALTERNATIVES = {"fixed_range": ("fixed", "brain"), "all_slices": ("challenge", "all")}
# as DIRECT validates, hence what the paper's numbers are compared with
CROPPED = ("challenge", "cropped")
COLUMNS = ["group", "range", "slices", "member", *MEASURES]


@needs(IMAGES)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return PSNR and SSIM of networks and baselines, and their table, one row a member.

    The means have intervals over subjects and members.
    """
    tables = {group: of(cohort.quality, group) for group in cohort.accelerated}
    draws = draw(cohort.subject_of, params.bootstrap_draws, rng)
    tree = {group: quality_summary(table) for group, table in tables.items()}
    for group, table in tables.items():
        for name, ends in mean_ends(table, draws, params.level).items():
            tree[group][name] |= ends
    rows = [
        means.reset_index().assign(group=group, range=kind[0], slices=kind[1])
        for group, table in tables.items()
        for kind in table[["range", "slices"]].drop_duplicates().itertuples(index=False)
        for means in [member_means(table, tuple(kind))]
    ]
    return Answer(tree, {"image_quality": pd.concat(rows, ignore_index=True)[COLUMNS]})


def mean_ends(quality: pd.DataFrame, draws: Draws, level: float) -> dict[str, Tree]:
    """Return low and high of the mean of each measure; nothing where there is no interval.

    Args:
        quality: as in `member_means`, with a column subject, of one group.
        draws: of subjects.
        level: coverage.
    """
    chosen = quality[(quality["range"] == HEADLINE[0]) & (quality["slices"] == HEADLINE[1])]
    found: dict[str, Tree] = {}
    for name in MEASURES:
        wide = chosen.pivot(index="subject", columns="member", values=name).reindex(draws.scans)
        ends = interval(row_means(wide.to_numpy(np.float64)[None], draws).single(), level)
        known = {"low": ends.low, "high": ends.high}
        found[name] = known if np.isfinite(ends.low) else {}
    return found


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
