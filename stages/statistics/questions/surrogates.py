"""Which surrogate of volume uncertainty predicts the coefficient of variation, and at what cost.

ln target = a + b ln value: a law of proportion has b = 1, whatever the unit of the surrogate. The
target is the CV, or another positive measure of a structure-scan pair (`bias_prediction`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.bootstrap import interval
from stages.statistics.methods.correlation import centre, spearman
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.regression import in_sample_r2, leave_group_out_r2, within_group_r2

COSTS = {"A": "images", "B": "one segmentation", "C": "all segmentations"}
IMAGE_STATISTICS = ("mean", "median", "p95")
ESTIMATES = ("pooled_r2", "within_structure_r2", "leave_one_subject_out_r2", "spearman_within")
INTERVALS = ("pooled_r2", "within_structure_r2")
TARGET = "cv"
PAIR = ["structure", "subject"]
COLUMNS = ["group", "surrogate", "kind", "cost", "n", "n_left_out"]
LEAST_SPREAD = 1e-12  # fraction of the sum of squares below which nothing varies


def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return how well each surrogate predicts volume uncertainty, and what it costs."""
    sizes = (params.bootstrap_draws, params.level, rng)
    cv = cohort.networks(cohort.cv)
    tree, table = predict_target(every_surrogate(cohort), cv, cohort.subject_of, *sizes)
    return Answer(tree, {"surrogates": table})


def every_surrogate(cohort: Cohort) -> pd.DataFrame:
    """Return columns group, subject, structure, surrogate, kind, value of all networks."""
    return pd.concat([image_surrogates(cohort.regions), cohort.surrogates], ignore_index=True)


def volume_surrogates(cohort: Cohort) -> pd.DataFrame:
    """Return `every_surrogate` and the volumes' own CV, as a predictor of other targets."""
    cv = cohort.networks(cohort.cv)
    own = cv.rename(columns={"cv": "value"}).assign(surrogate=TARGET, kind="C")
    return pd.concat([every_surrogate(cohort), own], ignore_index=True)


def image_surrogates(regions: pd.DataFrame) -> pd.DataFrame:
    """Return summaries of the voxelwise standard deviation as surrogates of kind A.

    Args:
        regions: columns group, subject, structure and `IMAGE_STATISTICS`.

    Returns:
        Columns group, subject, structure, surrogate (`std_mean`, ...), kind, value.
    """
    names = {name: f"std_{name}" for name in IMAGE_STATISTICS}
    tidy = regions.rename(columns=names).melt(
        id_vars=["group", "subject", "structure"],
        value_vars=list(names.values()),
        var_name="surrogate",
    )
    tidy.insert(4, "kind", "A")
    return tidy


def logarithms(
    values: pd.DataFrame, targets: pd.DataFrame, target: str = TARGET
) -> tuple[pd.DataFrame, int]:
    """Return a surrogate and the target of the same pairs; pairs without a logarithm are left out.

    Args:
        values: columns structure, subject, value of one surrogate and group.
        targets: columns structure, subject and `target` of the same group: the pairs of the study.
        target: column name.

    Returns:
        Columns structure, subject, x (ln value), y (ln target), and the number of pairs left out.

    Raises:
        pandas.errors.MergeError: if a pair is there twice.
    """
    joined = targets[[*PAIR, target]].merge(
        values[[*PAIR, "value"]], on=PAIR, how="left", validate="one_to_one"
    )
    numbers = joined[["value", target]].to_numpy(np.float64)
    known = (np.isfinite(numbers) & (numbers > 0)).all(axis=1)
    x, y = np.log(numbers[known]).T
    return joined.loc[known, PAIR].assign(x=x, y=y).reset_index(drop=True), int((~known).sum())


def estimates(pairs: pd.DataFrame, clusters: np.ndarray) -> dict[str, float]:
    """Return R^2 of ln target on ln value, pooled, within structures and with subjects left out.

    Args:
        pairs: from `logarithms`.
        clusters: (n,) labels; scans of one person share theirs.

    Returns:
        `ESTIMATES`: R^2 in sample, R^2 centred per structure, R^2 of predicted subjects, Spearman's
        coefficient centred per structure; NaN where undefined.
    """
    x, y = pairs["x"].to_numpy(np.float64), pairs["y"].to_numpy(np.float64)
    structure = pairs["structure"].to_numpy()
    if not len(x):
        return dict.fromkeys(ESTIMATES, float("nan"))
    column = x[:, None]
    found = (
        in_sample_r2(column, y),
        within_group_r2(column, y, structure),
        leave_group_out_r2(column, y, clusters),
        spearman(centre(x, structure), centre(y, structure)),
    )
    return dict(zip(ESTIMATES, found, strict=True))


def bootstrap_r2(
    pairs: pd.DataFrame, clusters: np.ndarray, n_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Return pooled and within-structure R^2 of samples of subjects drawn with replacement.

    With one predictor R^2 = Sxy^2 / (Sxx Syy), and the sums over a sample are sums over its
    subjects.

    Args:
        pairs: from `logarithms`.
        clusters: (n,) labels of the subjects.
        n_draws: number of samples.
        rng: source of the draws.

    Returns:
        (n_draws, 2) in the order of `INTERVALS`, NaN where nothing varies.
    """
    x, y = (centre(pairs[name].to_numpy(np.float64), np.zeros(len(pairs))) for name in "xy")
    labels, number = np.unique(clusters, return_inverse=True)
    _, place = np.unique(pairs["structure"].to_numpy(), return_inverse=True)
    sums = np.zeros((len(labels), place.max() + 1, 6))
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    np.add.at(sums, (number, place), terms)
    times = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=n_draws)
    drawn = np.einsum("de,ekt->dkt", times, sums)
    return np.stack([_squared(drawn.sum(axis=1)[:, None]), _squared(drawn)], axis=1)


def _squared(sums: np.ndarray) -> np.ndarray:
    """Return R^2 of (n_draws, n_structures, 6) sums, centred per structure."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    n = np.maximum(n, 1.0)  # a structure that was not drawn has sums of 0
    sxx = (xx - x * x / n).sum(axis=1)
    syy = (yy - y * y / n).sum(axis=1)
    sxy = (xy - x * y / n).sum(axis=1)
    varies = (sxx > LEAST_SPREAD * xx.sum(axis=1)) & (syy > LEAST_SPREAD * yy.sum(axis=1))
    both = np.where(varies, sxx * syy, 1.0)
    return np.where(varies, np.clip(sxy**2 / both, 0.0, 1.0), np.nan)


def predict_target(
    surrogates: pd.DataFrame,
    targets: pd.DataFrame,
    subject_of: Mapping[str, str],
    n_draws: int = 0,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
    target: str = TARGET,
) -> tuple[Tree, pd.DataFrame]:
    """Return how well each surrogate predicts the logarithm of a target, for each group.

    Args:
        surrogates: columns group, subject, structure, surrogate, kind (`A`, `B`, `C`), value;
            groups without a target are left out.
        targets: columns group, structure, subject and `target`.
        subject_of: scan -> subject; scans without one are subjects of their own.
        n_draws: samples of subjects for the intervals; none when 0.
        level: of the intervals.
        rng: source of the samples, needed when `n_draws` > 0.
        target: column name.

    Returns:
        The tree group -> surrogate -> cost, n, n_left_out (pairs without a positive, finite value
        and target), n_undefined (estimates that are), `ESTIMATES` and, with samples,
        `<estimate>_low` and `<estimate>_high` of `INTERVALS`; and the table with columns group,
        surrogate, kind, cost, n, n_left_out, estimate, value, low, high (NaN where undefined).

    Raises:
        ValueError: if `n_draws` > 0 without `rng`, or a kind is unknown.
    """
    if n_draws > 0 and rng is None:
        raise ValueError(f"expected a random generator for {n_draws} draws, got none")
    unknown = sorted(set(surrogates["kind"]) - set(COSTS))
    if unknown:
        raise ValueError(f"expected surrogates of kind {', '.join(COSTS)}, got '{unknown[0]}'")
    rows: list[tuple[object, ...]] = []
    own = dict(list(targets.groupby("group", sort=False)))
    keys = ["group", "kind", "surrogate"]
    for (group, kind, name), values in surrogates.groupby(keys, sort=False):
        if group not in own:
            continue
        pairs, n_left_out = logarithms(values, own[group], target)
        clusters = np.array([subject_of.get(s, s) for s in pairs["subject"]], dtype=str)
        bounds: dict[str, tuple[float, float]] = {}
        if n_draws > 0 and len(pairs):
            samples = bootstrap_r2(pairs, clusters, n_draws, rng)  # type: ignore[arg-type]  # see above
            n_clusters = len(np.unique(clusters))
            bounds = {
                name: interval(column, level, n_clusters)[:2]
                for name, column in zip(INTERVALS, samples.T, strict=True)
            }
        head = (group, name, kind, COSTS[kind], len(pairs), n_left_out)
        for estimate, value in estimates(pairs, clusters).items():
            # an interval belongs to an estimate
            known = bounds.get(estimate) if np.isfinite(value) else None
            rows.append((*head, estimate, value, *(known or (np.nan, np.nan))))
    table = pd.DataFrame(rows, columns=[*COLUMNS, "estimate", "value", "low", "high"])
    return _tree(table), table


def _tree(table: pd.DataFrame) -> Tree:
    tree: dict[str, Tree] = {}
    for (group, name), part in table.groupby(["group", "surrogate"], sort=False):
        values = part.set_index("estimate")
        leaves, gaps = without_gaps({k: float(v) for k, v in values["value"].items()})
        ends = {
            f"{estimate}_{end}": float(values.loc[estimate, end])
            for estimate in INTERVALS
            for end in ("low", "high")
        }
        first = part.iloc[0]
        tree.setdefault(group, {})[name] = {
            "cost": str(first["cost"]),
            "n": int(first["n"]),
            "n_left_out": int(first["n_left_out"]),
            "n_undefined": len(gaps),
            **leaves,
            **without_gaps(ends)[0],
        }
    return tree
