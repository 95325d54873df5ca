"""The endpoints of the study, and the families within which its p-values are adjusted.

One endpoint is primary (docs/analysis-plan.md); all others are secondary or exploratory. Tests of
one family answer one question, and p-values are adjusted over all of them: networks, structures,
predictors. Groups that are no networks (noise, baselines) are controls in families of their own:
among tests that are certain to reject, a false-discovery rate lets more of the networks' pass.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from statsmodels.stats.multitest import multipletests

from stages.statistics.answer import Answer, Tree

P, FAMILY, ADJUSTED = "p", "family", "adjusted"
HOLM, FALSE_DISCOVERY = "holm", "fdr_bh"
"""Family-wise error (Holm 1979) and false-discovery rate (Benjamini and Hochberg 1995)."""

ANY = "*"
CONTROLS = "controls"


@dataclass(frozen=True)
class Family:
    """Tests that are adjusted together."""

    name: str
    question: str
    """Of `statistics/catalogue.py`."""

    keys: tuple[str, ...] = ()
    """First keys of its p-values below the group, `ANY` for any; none: all of the question."""

    method: str = FALSE_DISCOVERY

    def holds(self, question: str, keys: tuple[str, ...]) -> bool:
        """Return whether a p-value at these keys, group first, belongs to the family."""
        below = keys[1 : 1 + len(self.keys)]
        return (
            question == self.question
            and len(below) == len(self.keys)
            and all(own in (ANY, found) for own, found in zip(self.keys, below, strict=True))
        )


PRIMARY = Family("primary", "slopes", ("cv", "std_mean", "within"), HOLM)
"""The slope of ln CV on ln mean voxelwise SD within structures, a test a network."""

FAMILIES = (
    PRIMARY,
    Family("variability", "slopes", ("cv",)),
    Family("bias_slopes", "slopes", ("bias",)),
    Family("correlation", "inference"),
    Family("bias", "bias_prediction", ("reference",)),
    Family("bias_of_truth", "bias_prediction", ("truth",)),
    Family("equivalence", "agreement"),
    Family("image_quality", "task_error"),
    Family("image_scores_wrong_subject", "image_scores", (ANY, ANY, "wrong_subject")),
    Family("image_scores", "image_scores", ("reference",)),
    Family("image_scores_of_truth", "image_scores", ("truth",)),
)
"""The first one that holds a p-value is its family; a question without any is one itself."""


def family_of(question: str, keys: tuple[str, ...], controls: Collection[str]) -> Family:
    """Return the family of a p-value.

    Args:
        question: whose metrics hold it.
        keys: of its place there, without its own; the first one may be a group.
        controls: names of the groups that are no networks.
    """
    own = next((f for f in FAMILIES if f.holds(question, keys)), Family(question, question))
    return replace(own, name=f"{own.name}_{CONTROLS}") if {*keys[:1]} & {*controls} else own


def places(tree: Tree, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield the place, without its own key, and the value of every finite p-value of a tree."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from places(dict(value), (*keys, key))
        elif key == P and isinstance(value, int | float) and np.isfinite(value):
            yield keys, float(value)


def with_families(
    answers: Mapping[str, Answer], controls: Collection[str] = ()
) -> dict[str, Answer]:
    """Return the answers with `family` and `adjusted` beside every p-value of their metrics.

    Args:
        answers: question -> its answer.
        controls: names of the groups that are no networks.
    """
    found: dict[Family, list[tuple[str, tuple[str, ...], float]]] = {}
    for question, answer in answers.items():
        for keys, p in places(answer.metrics):
            own = replace(family_of(question, keys, controls), question="", keys=())
            found.setdefault(own, []).append((question, keys, p))
    trees = {question: _copied(answer.metrics) for question, answer in answers.items()}
    for family, members in found.items():
        values = adjusted(np.array([p for *_, p in members]), family.method)
        for (question, keys, _), value in zip(members, values, strict=True):
            place: Any = trees[question]
            for key in keys:
                place = place[key]
            place |= {FAMILY: family.name, ADJUSTED: float(value)}
    return {q: replace(answer, metrics=trees[q]) for q, answer in answers.items()}


def _copied(tree: Tree) -> Tree:
    return {k: _copied(dict(v)) if isinstance(v, Mapping) else v for k, v in tree.items()}


def adjusted(p: np.ndarray, method: str = FALSE_DISCOVERY) -> np.ndarray:
    """Return the adjusted p-values of one family, NaN where a p is; those do not count.

    Args:
        p: (n_tests,).
        method: `HOLM` or `FALSE_DISCOVERY`.
    """
    p = np.asarray(p, dtype=np.float64)
    found, known = np.full(p.shape, np.nan), np.isfinite(p)
    if known.any():
        found[known] = multipletests(p[known], method=method)[1]
    return found
