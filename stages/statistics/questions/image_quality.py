"""Image quality of a group of reconstructions, from the scores of each member and scan."""

import pandas as pd

MEASURES = ("psnr", "ssim")
# the headline: the challenge's definition on slices that hold brain; the others stand beside it
HEADLINE = ("challenge", "brain")
ALTERNATIVES = {"fixed_range": ("fixed", "brain"), "all_slices": ("challenge", "all")}


def member_means(quality: pd.DataFrame, kind: tuple[str, str]) -> pd.DataFrame:
    """Return PSNR (dB) and SSIM of each member, averaged over scans.

    Args:
        quality: columns member, range, slices, psnr, ssim; one row a member, scan and kind.
        kind: range (`challenge` or `fixed`) and slices (`brain` or `all`).

    Returns:
        Index member, columns psnr, ssim.
    """
    chosen = quality[(quality["range"] == kind[0]) & (quality["slices"] == kind[1])]
    return chosen.groupby("member", sort=False)[list(MEASURES)].mean()


def quality_summary(quality: pd.DataFrame) -> dict[str, dict]:
    """Return mean and standard deviation (ddof = 1) over members, and the alternatives' means.

    Args:
        quality: as in `member_means`, of one group.

    Returns:
        psnr and ssim, each with mean and, for two or more members, std; below `fixed_range` and
        `all_slices` the means of the alternatives.
    """
    headline = member_means(quality, HEADLINE)
    result: dict[str, dict] = {name: {"mean": float(headline[name].mean())} for name in MEASURES}
    if len(headline) > 1:
        for name in MEASURES:
            result[name]["std"] = float(headline[name].std(ddof=1))
    for key, kind in ALTERNATIVES.items():
        means = member_means(quality, kind).mean()
        result[key] = {name: float(means[name]) for name in MEASURES}
    return result
