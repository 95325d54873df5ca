"""Coverage and width of intervals for the volume of the fully sampled scan.

Every method is judged with the scan's subject left out. A method that fits nothing (`absolute`,
`scaled`, `cqr`, `joint`) then covers ceil(n (1 - alpha)) of n subjects by construction, whatever
the volumes are (ties and subjects of several scans aside): its width is the finding. The coverage
of `naive`, which promises nothing, is one too. Of fewer than `LEAST_SUBJECTS` nothing is shown:
with four every coverage is 0.75 or 1, whatever the cohort.

MAPIE gives the same thresholds where every subject has one scan (the tests compare them). It has
no weights for scans of one subject and no joint threshold of a scan's structures, and raises where
subjects are too few instead of leaving the structure out, so that the ranks are computed here.
"""

import math

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer
from stages.statistics.cohort import Cohort
from stages.statistics.methods.prediction_intervals import METHODS, Pairs, intervals
from stages.statistics.methods.thresholds import ROUNDING, check_alpha
from stages.statistics.methods.variability import PERCENT
from stages.statistics.needs import REFERENCE, SEVERAL, needs

LEAST_SUBJECTS = 10
ALL = "all"  # in place of a structure: all structures of a scan at once
COLUMNS = ["group", "structure", "method", "n", "coverage", "width_percent"]


@needs(SEVERAL, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Return how often intervals of volumes cover, and how wide they are."""
    n_subjects = len(set(cohort.subject_of.values()))
    if n_subjects < LEAST_SUBJECTS:
        reason = f"{n_subjects} of at least {LEAST_SUBJECTS} subjects, which coverage needs"
        return Answer({"not_judged": reason}, {"conformal": pd.DataFrame(columns=COLUMNS)})
    volumes = cohort.networks(cohort.volumes)
    tree, table = conformal(volumes, cohort.reference, cohort.subject_of, params.alpha)
    return Answer(tree, {"conformal": table})


def cohort(
    volumes: pd.DataFrame, reference: pd.DataFrame, alpha: float
) -> tuple[Pairs, list[str], list[str]]:
    """Return one group's volumes as arrays in the order of appearance.

    The quantiles over members, alpha / 2 and 1 - alpha / 2, are interpolated linearly between the
    ordered volumes (Hyndman and Fan 1996, Am. Stat. 50, type 7), and undefined for one member.

    Args:
        volumes: columns member, subject, structure, volume_mm3, of one group.
        reference: columns subject, structure, volume_mm3: the volumes to be covered.
        alpha: between 0 and 0.5.

    Returns:
        The pairs; names of the structures; names of the scans.
    """
    structures = list(dict.fromkeys(volumes["structure"]))
    subjects = list(dict.fromkeys(volumes["subject"]))
    pairs = volumes.groupby(["structure", "subject"])["volume_mm3"]
    known = reference.drop_duplicates(["structure", "subject"], keep="last")
    truth = _grid(known.set_index(["structure", "subject"])["volume_mm3"], structures, subjects)
    mean = _grid(pairs.mean(), structures, subjects)
    sd = _grid(pairs.std(ddof=1), structures, subjects)
    n_members = np.nan_to_num(_grid(pairs.count(), structures, subjects))
    usable = (mean > 0) & (truth > 0)
    ratio, cv = _in_units(truth, mean, usable), _in_units(sd, mean, usable)
    ends = [
        _in_units(
            _grid(pairs.quantile(level), structures, subjects), mean, usable & (n_members > 1)
        )
        for level in (alpha / 2.0, 1.0 - alpha / 2.0)
    ]
    return Pairs(ratio, cv, n_members, *ends), structures, subjects


def _in_units(values: np.ndarray, mean: np.ndarray, usable: np.ndarray) -> np.ndarray:
    return np.divide(values, mean, out=np.full(mean.shape, np.nan), where=usable)


def _grid(values: pd.Series, structures: list[str], subjects: list[str]) -> np.ndarray:
    table = values.unstack("subject").reindex(index=structures, columns=subjects)
    return table.to_numpy(np.float64)


def covered(ratio: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return whether each interval holds its ratio, bounds included; False without an interval."""
    return (ratio >= low - ROUNDING) & (ratio <= high + ROUNDING)


def interval_table(
    ratio: np.ndarray, bounds: dict[str, tuple[np.ndarray, np.ndarray]], structures: list[str]
) -> pd.DataFrame:
    """Return coverage and width of each method and structure, and of all structures at once.

    Args:
        ratio: (structures, scans).
        bounds: from `intervals`.
        structures: names.

    Returns:
        Columns structure, method, n (scans with an interval), coverage (0 to 1), width_percent
        (mean of (high - low) / true volume, 0 if empty); NaN without an interval. Rows `ALL`:
        scans with an interval for all of their structures, fraction with all covered, mean over
        their widths.
    """
    rows, absent = [], np.isnan(ratio)
    for method, (low, high) in bounds.items():
        known = np.isfinite(low) & np.isfinite(high)
        inside = covered(ratio, low, high)
        width = PERCENT * np.maximum(high - low, 0.0) / ratio
        for name, *pair in zip(structures, known, inside, width, strict=True):
            rows.append((name, method, *_summary(*pair)))
        whole = (known | absent).all(axis=0) & known.any(axis=0)
        total = np.where(known, width, 0.0).sum(axis=0)
        mean_width = np.divide(total, known.sum(axis=0), out=total, where=whole)
        rows.append((ALL, method, *_summary(whole, (inside | absent).all(axis=0), mean_width)))
    return pd.DataFrame(rows, columns=COLUMNS[1:])


def _summary(known: np.ndarray, inside: np.ndarray, width: np.ndarray) -> tuple[int, float, float]:
    n = int(known.sum())
    if not n:
        return 0, math.nan, math.nan
    return n, float(inside[known].mean()), float(width[known].mean())


def _branch(table: pd.DataFrame, n_pairs: int) -> dict[str, float]:
    single = table[table["structure"] != ALL]
    together = table[table["structure"] == ALL]
    leaves = {
        "coverage": float(single["coverage"].median()),
        "width": float(single["width_percent"].median()),
        "all_structures": float(together["coverage"].iloc[0]),
    }
    finite = {name: value for name, value in leaves.items() if math.isfinite(value)}
    return {**finite, "undefined": n_pairs - int(single["n"].sum())}


def conformal(
    volumes: pd.DataFrame, reference: pd.DataFrame, subject_of: dict[str, str], alpha: float
) -> tuple[dict[str, dict[str, dict[str, float]]], pd.DataFrame]:
    """Return coverage and width of the intervals of each group, the subject of each scan left out.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        reference: columns subject, structure, volume_mm3: volumes of the fully sampled image by the
            same segmenter, or true volumes.
        subject_of: scan -> subject; a scan that is not in it is a subject of its own.
        alpha: between 0 and 0.5, fraction that the intervals may miss.

    Returns:
        group -> method -> coverage and width (median over structures, 0 to 1 and percent of the
        true volume), all_structures (fraction of scans covered in every structure) and undefined
        (number of scans and structures without a finite interval); leaves that no interval backs
        are left out. The table of `interval_table` for all groups, columns `COLUMNS`.

    Raises:
        ValueError: if alpha is out of range.
    """
    check_alpha(alpha)
    tree, tables = {}, [pd.DataFrame(columns=COLUMNS)]
    for group, part in volumes.groupby("group", sort=False):
        pairs, structures, subjects = cohort(part, reference, alpha)
        clusters = np.array([subject_of.get(subject, subject) for subject in subjects])
        table = interval_table(pairs.ratio, intervals(pairs, clusters, alpha), structures)
        tables.append(table.assign(group=group)[COLUMNS])
        tree[group] = {m: _branch(table[table["method"] == m], pairs.ratio.size) for m in METHODS}
    return tree, pd.concat(tables[1:] or tables, ignore_index=True)
