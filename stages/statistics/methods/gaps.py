"""What could not be computed is counted, never written as a number."""

import math

import pandas as pd

from stages.statistics.answer import Tree


def without_gaps(tree: Tree, path: str = "") -> tuple[Tree, list[str]]:
    """Return a tree of metrics without the leaves that are NaN or infinite, and their names.

    Args:
        tree: nested, leaves are numbers or text.
        path: dotted name of `tree` itself.

    Returns:
        The tree with finite numbers only, and the dotted names of the leaves taken out.
    """
    kept: Tree = {}
    gaps: list[str] = []
    for key, value in tree.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict):
            kept[key], inner = without_gaps(value, name)
            gaps += inner
        elif isinstance(value, float) and not math.isfinite(value):
            gaps.append(name)
        else:
            kept[key] = value
    return kept, gaps


def grid(
    volumes: pd.DataFrame, structures: tuple[str, ...], subjects: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of the study's structures, and the pairs that a group has no volume for.

    Args:
        volumes: tidy, columns subject, structure and others, of one group.
        structures: keys of the study's structures; the rows come in their order.
        subjects: the study's scans.

    Returns:
        The rows of `volumes` in question, and `structure of subject` for each missing pair.
    """
    order = {name: k for k, name in enumerate(structures)}
    kept = volumes[volumes["structure"].isin(structures)]
    kept = kept.sort_values("structure", key=lambda names: names.map(order), kind="stable")
    known = set(zip(kept["structure"], kept["subject"], strict=True))
    pairs = [(k, s) for k in structures for s in subjects]
    return kept.reset_index(drop=True), [f"{k} of {s}" for k, s in pairs if (k, s) not in known]
