"""Where the variability of a volume comes from: scan, member, their interaction, segmentation.

Two-way random model of each group and structure, without replication unless an image was segmented
repeatedly:

    ln V_sm = mu + a_s + b_m + (ab)_sm + e_sm

a is the scan (anatomy), b the member (one training run against another, the same on every scan),
(ab) the interaction (a member's own offset on a scan), e the segmentation (one run of a
stochastic segmenter against another on the same image). Components are variances of ln V; the root
of one is, to first order, a coefficient of variation. Scans of one person count as scans.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.variance_components import (
    combine,
    complete,
    components,
    icc_agreement,
)
from stages.study.errors import StudyError

PERCENT = 100.0
PAIR = ["group", "structure", "subject", "member"]
NON_SUBJECT = ("member", "interaction", "segmentation")
COMPONENTS = ("subject", *NON_SUBJECT)
VALUES = ["component", "variance", "cv_percent", "fraction", "n_scans", "n_members"]
COLUMNS = ["group", "structure", *VALUES]


def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the variance between members, of their interaction with scans, and of segmentation."""
    tree, table = decompose(cohort.networks(cohort.volumes), cohort.draws)
    return Answer(tree, {"components": table})


def decompose(
    volumes: pd.DataFrame, draws: pd.DataFrame | None = None
) -> tuple[Tree, pd.DataFrame]:
    """Return the variance components of every group and structure.

    Volumes that are not positive have no logarithm; scans or members are left out until no gap is
    left (`complete`). A structure with fewer than two of either is undefined.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        draws: tidy, columns group, member, subject, structure, draw, volume_mm3: repeated
            segmentations of the same image; None if every image was segmented once.

    Returns:
        The tree group -> `share` (percent of the non-subject variance), `cv_percent`
        (100 sqrt(component of ln V)), both medians over structures of member, interaction and, with
        draws, segmentation; `icc`, the median ICC(A,1); `interaction_includes_segmentation`, the
        number of structures whose interaction holds the segmentation for want of draws; `n` with
        scans and members at most used, structures, pairs excluded, and leaves undefined. And the
        table of group, structure, component (`COMPONENTS`), variance (of ln V), cv_percent, share
        (NaN for subject), n_scans, n_members (used), defined structures only.

    Raises:
        StudyError: if a volume or a draw is listed twice.
    """
    _refuse_repeated(volumes, PAIR, "volumes")
    drawn: dict[tuple[str, str], pd.DataFrame] = {}
    if draws is not None:
        _refuse_repeated(draws, [*PAIR, "draw"], "draws")
        drawn = dict(list(draws.groupby(["group", "structure"], sort=False)))
    tree, rows = {}, []
    for group, table in volumes.groupby("group", sort=False):
        parts = table.groupby("structure", sort=False)
        found = {name: _structure(part, drawn.get((group, name))) for name, part in parts}
        rows += [(group, name, *row) for name, each in found.items() for row in _rows(each)]
        tree[group] = _summary(list(found.values()))
    return tree, pd.DataFrame(rows, columns=COLUMNS)


class _Decomposed(NamedTuple):
    components: dict[str, float]
    icc: float
    n_subjects: int
    n_members: int
    n_excluded: int


def _refuse_repeated(table: pd.DataFrame, keys: list[str], name: str) -> None:
    repeated = table[table.duplicated(keys)]
    if len(repeated):
        pair = ", ".join(f"{key} {repeated.iloc[0][key]}" for key in keys)
        raise StudyError(
            f"{name}: expected one row each {', '.join(keys)}, got {len(repeated)} more,"
            f" first {pair}; remake the tables with `dvc repro`"
        )


def _structure(volumes: pd.DataFrame, draws: pd.DataFrame | None) -> _Decomposed:
    subjects, row = np.unique(volumes["subject"], return_inverse=True)
    members, column = np.unique(volumes["member"], return_inverse=True)
    values = np.full((len(subjects), len(members)), np.nan)
    values[row, column] = _logarithm(volumes["volume_mm3"])
    n_pairs = values.size
    kept = complete(values)
    values = values[np.ix_(*kept)]
    cube = None if draws is None else _cube(draws, subjects[kept[0]], members[kept[1]])
    used, segmentation = combine(values, cube)
    return _Decomposed(
        components(used, segmentation) if values.size else {},
        icc_agreement(used) if values.size else float("nan"),
        *values.shape,
        n_pairs - values.size,
    )


def _logarithm(volumes: pd.Series) -> np.ndarray:
    values = volumes.to_numpy(np.float64)
    return np.log(values, where=values > 0, out=np.full(len(values), np.nan))


def _cube(draws: pd.DataFrame, subjects: np.ndarray, members: np.ndarray) -> np.ndarray:
    draws = draws[draws["subject"].isin(subjects) & draws["member"].isin(members)]
    number, draw = np.unique(draws["draw"], return_inverse=True)
    cube = np.full((len(subjects), len(members), len(number)), np.nan)
    row, column = (
        np.searchsorted(subjects, draws["subject"]),
        np.searchsorted(members, draws["member"]),
    )
    cube[row, column, draw] = _logarithm(draws["volume_mm3"])
    return cube


def _defined(found: _Decomposed) -> bool:
    return bool(found.components) and not np.isnan(found.components["interaction"])


def _non_subject(found: _Decomposed) -> float:
    return sum(found.components.get(name, 0.0) for name in NON_SUBJECT)


def _rows(found: _Decomposed) -> list[tuple[object, ...]]:
    if not _defined(found):
        return []
    total = _non_subject(found)
    rows: list[tuple[object, ...]] = []
    for name, variance in found.components.items():
        counted = name in NON_SUBJECT and total > 0
        share = PERCENT * variance / total if counted else float("nan")
        cv = PERCENT * float(np.sqrt(variance))
        rows.append((name, variance, cv, share, found.n_subjects, found.n_members))
    return rows


def _summary(found: list[_Decomposed]) -> Tree:
    defined = [each for each in found if _defined(each)]
    rows = pd.DataFrame(
        [row for each in defined for row in _rows(each)],
        columns=VALUES,
    )
    names = [n for n in NON_SUBJECT if n != "segmentation" or (rows["component"] == n).any()]
    answers = {
        column: {name: _median(rows.loc[rows["component"] == name, column]) for name in names}
        for column in ("fraction", "cv_percent")
    }
    answers, gaps = without_gaps(answers | {"icc": _median(pd.Series([e.icc for e in defined]))})
    merged = sum("segmentation" not in each.components for each in defined)
    return answers | {
        "interaction_includes_segmentation": merged,
        "n": {
            "scans": max((each.n_subjects for each in defined), default=0),
            "members": max((each.n_members for each in defined), default=0),
            "structures": len(defined),
            "structures_undefined": len(found) - len(defined),
            "pairs_excluded": sum(each.n_excluded for each in found),
            "undefined": len(gaps),
        },
    }


def _median(values: pd.Series) -> float:
    known = values.to_numpy(np.float64)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else float("nan")
