"""The table of all members: image quality, distance of their volumes, and which are outliers."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import number, percent
from stages.figures.kit.titles import title
from stages.statistics.questions.outliers import LEAST_MEMBERS

SCORES = {"psnr": "PSNR", "ssim": "SSIM", "volume": "volumes"}


@dataclass(frozen=True)
class Member:
    """A row of the table, as it is printed."""

    group: str
    member: str
    psnr: str
    ssim: str
    volume: str
    remark: str = ""
    """Why a member is marked."""
    outlier: bool = False


def members(facts: Facts) -> list[Member]:
    """Return a row a member, baselines last: PSNR (dB), SSIM, distance of volumes (%).

    Nothing where members were not scored.
    """
    rows = [_member(row, facts) for row in facts.outliers.to_dict("records")]
    if not rows:
        return []
    return rows + [_baseline(facts, group) for group in baselines(facts)]


def baselines(facts: Facts) -> list[str]:
    """Return the groups that are scored but are no ensembles."""
    return [group for group in facts.get("image_quality") or {} if group not in facts.groups]


def _member(row: Mapping[Hashable, Any], facts: Facts) -> Member:
    threshold = facts.params.outlier_threshold
    beyond = [
        f"{name} (z = {number(row[f'z_{key}'], 1)})"
        for key, name in SCORES.items()
        if pd.notna(row.get(f"z_{key}")) and row[f"z_{key}"] > threshold
    ]
    return Member(
        title(str(row["group"])),
        str(row["member"]),
        number(row["psnr"]),
        number(row["ssim"], 3),
        number(row["volume"]),
        f"outlier: {', '.join(beyond)}" if row["flagged"] else "",
        bool(row["flagged"]),
    )


def _baseline(facts: Facts, group: str) -> Member:
    psnr, ssim = (facts.get("image_quality", group, name, "mean") for name in ("psnr", "ssim"))
    return Member(
        title(group), "–", number(psnr), number(ssim, 3), number(None), "non-learned baseline"
    )


def verdict(facts: Facts) -> str:
    """Return how many members are outliers, and what changes without them."""
    trees = {g: t for g in facts.groups if (t := facts.get("outliers", g))}
    if not trees:
        return "Outliers among the members were not looked for."
    silent = [title(g) for g, tree in trees.items() if "not_judged" in tree]
    few = f"Outliers are looked for among {LEAST_MEMBERS} members or more; fewer"
    lines = [f"{few}: {', '.join(silent)}."] if silent else []
    marked = {g: tree for g, tree in trees.items() if tree.get("flagged")}
    if not marked and len(silent) < len(trees):
        lines.append("No member is an outlier.")
    for group, tree in marked.items():
        before, after = (tree.get(k, {}).get("cv_median") for k in ("with", "without"))
        lines.append(
            f"{title(group)}: {tree['flagged']} of {tree['members']} members are outliers; the"
            f" median CV is {percent(before, 2)} with and {percent(after, 2)} without."
        )
    return " ".join(lines)
