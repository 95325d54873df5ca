"""Do PSNR and SSIM of a network predict the error of the volumes measured on its images.

Over the members of all architectures. Three architectures alone cannot tell: of the 3! orders of
their means one in six agrees perfectly, so the least two-sided p is 1/3. The answer therefore comes
from members within architectures: scores and errors are replaced by their ranks among the members
of the same architecture, and these are pooled. Ranks, not differences from the architecture's mean:
one failed run would shift that mean, and with it all other members, the same way in both variables.

Members are the units. A member's score is its mean over scans, its errors are medians over
structures and scans.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.bias import absolute_bias
from stages.statistics.methods.bootstrap import cluster_draws
from stages.statistics.methods.crossed_intervals import crossed, half_width
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.member_ranks import correlations, permutation_p, ranks_within
from stages.statistics.methods.variability import PERCENT, positive
from stages.statistics.methods.weighted_summaries import weighted_means, weighted_medians
from stages.statistics.needs import CROSSED, IMAGES, REFERENCE, SEVERAL, needs
from stages.statistics.questions.image_quality import HEADLINE, MEASURES

MEMBER = ["group", "member"]
ERRORS = ("variability", "bias")
VARIABLES = (*MEASURES, *ERRORS)
ALL = "all"
ALMOST_ONE = 1.0 - 1e-6  # ranks of few members agree perfectly, which has no finite z
DECIMALS = 9  # of percent; what lies beyond is rounding


@needs(SEVERAL, CROSSED, IMAGES, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return whether PSNR and SSIM predict errors of volumes."""
    tree, table = task_error(
        cohort.crossed(cohort.quality),
        cohort.crossed(cohort.volumes),
        cohort.reference,
        cohort.subject_of,
        params.bootstrap_draws,
        params.level,
        rng,
    )
    return Answer(tree, {"task_error": table})


@dataclass(frozen=True)
class Members:
    """Scores and errors of all members before they are summarised over scans."""

    table: pd.DataFrame
    """Columns group, member; one row a member."""

    scores: np.ndarray
    """(n_measures, n_members, n_scans), PSNR in dB and SSIM."""

    errors: np.ndarray
    """(n_errors, n_members, n_pairs) in percent, NaN where undefined."""

    scan: np.ndarray
    """(n_pairs,), number of the scan of each pair."""

    clusters: np.ndarray
    """(n_scans,) labels."""


def relative_errors(volumes: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return what each member adds to the variability, and its bias, of each pair, in percent.

    100 |V_m - mean_m V| / mean_m V, and 100 |V_m - V_ref| / V_ref.

    Args:
        volumes: (n_members, n_pairs), mm3, of one architecture.
        reference: (n_pairs,), mm3.

    Returns:
        (2, n_members, n_pairs), NaN without a volume of every member or a positive denominator.
    """
    mean = volumes.mean(axis=0)
    variability = PERCENT * np.abs(volumes - mean) / positive(mean)
    biases = absolute_bias(volumes, np.where(np.isfinite(mean), reference, np.nan))
    # two members are equally far from their mean: rounding must not give them different ranks
    return np.round(np.stack([variability, biases]), DECIMALS)


def collect(
    quality: pd.DataFrame,
    volumes: pd.DataFrame,
    reference: pd.DataFrame,
    subject_of: Mapping[str, str],
) -> tuple[Members, dict[str, int]]:
    """Return the members of the ensembles, on the scans that all of them have scores of.

    Args:
        quality: columns group, member, subject, range, slices, psnr, ssim.
        volumes: columns group, member, subject, structure, volume_mm3.
        reference: columns subject, structure, volume_mm3.
        subject_of: scan -> subject; scans without one are subjects of their own.

    Returns:
        The members, and how many members (without scores, without volumes, or alone in their
        group), scans and pairs (structures of scans, counted once a group) are left out.
    """
    chosen = (quality["range"] == HEADLINE[0]) & (quality["slices"] == HEADLINE[1])
    scores = quality[chosen].pivot(index=MEMBER, columns="subject", values=list(MEASURES))
    known = volumes.pivot(index=MEMBER, columns=["subject", "structure"], values="volume_mm3")
    both = known.index.intersection(scores.index, sort=False).to_frame(index=False)
    order = {group: k for k, group in enumerate(dict.fromkeys(volumes["group"]))}
    both = both[both.groupby("group")["member"].transform("size") > 1]
    table = both.sort_values("group", key=lambda names: names.map(order), kind="stable")
    table = table.reset_index(drop=True)
    scores, known = (t.reindex(pd.MultiIndex.from_frame(table)) for t in (scores, known))
    complete = np.isfinite(scores).all()
    scans = [
        s
        for s in dict.fromkeys(volumes["subject"])
        if all(complete.get((name, s), False) for name in MEASURES)
    ]
    wanted = [pd.MultiIndex.from_product([[name], scans]) for name in MEASURES]
    arrays = [scores.reindex(columns=columns).to_numpy(np.float64) for columns in wanted]
    structures = list(dict.fromkeys(volumes["structure"]))
    errors = _errors(known, reference, table["group"].to_numpy(), (scans, structures))
    lost = pd.DataFrame(np.isnan(errors).any(axis=0)).groupby(table["group"].to_numpy()).any()
    clusters = np.array([str(subject_of.get(s, s)) for s in scans])
    every = pd.concat([volumes[MEMBER], quality[MEMBER]]).drop_duplicates()
    counts = {
        "members": len(every) - len(table),
        "scans": volumes["subject"].nunique() - len(scans),
        "pairs": int(lost.to_numpy().sum()),
    }
    scan = np.repeat(np.arange(len(scans)), len(structures))
    return Members(table, np.stack(arrays), errors, scan, clusters), counts


def _errors(
    volumes: pd.DataFrame,
    reference: pd.DataFrame,
    groups: np.ndarray,
    pairs: tuple[list[str], list[str]],
) -> np.ndarray:
    """Return (n_errors, n_members, n_pairs) errors; pairs are all structures of scan after scan."""
    index = pd.MultiIndex.from_product(pairs, names=["subject", "structure"])
    origin = reference.set_index(["subject", "structure"])["volume_mm3"].reindex(index)
    values, origin = (t.to_numpy(np.float64) for t in (volumes.reindex(columns=index), origin))
    errors = np.full((len(ERRORS), *values.shape), np.nan)
    for group in dict.fromkeys(groups):
        errors[:, groups == group] = relative_errors(values[groups == group], origin)
    return errors


def summarise(members: Members, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean scores and median errors of the members, with scans weighted.

    Args:
        members: from `collect`.
        weights: (n_draws, n_scans), how often each scan counts.

    Returns:
        psnr, ssim (means over scans), variation and bias (medians over structures and scans), each
        (n_draws, n_members).
    """
    means = [weighted_means(values, weights) for values in members.scores]
    medians = [weighted_medians(values, weights[:, members.scan]) for values in members.errors]
    return dict(zip(VARIABLES, [*means, *medians], strict=True))


def member_table(members: Members) -> pd.DataFrame:
    """Return scores and errors of the members, and their ranks within the architecture.

    Args:
        members: from `collect`.

    Returns:
        Columns group, member, `VARIABLES` (dB, 1, percent, percent) and `<variable>_rank` from
        -0.5 to 0.5.
    """
    groups = members.table["group"].to_numpy()
    once = np.ones((1, len(members.clusters)), dtype=np.int64)
    values = {name: v[0] for name, v in summarise(members, once).items()}
    ranks = {f"{name}_rank": ranks_within(v, groups) for name, v in values.items()}
    return members.table.assign(**values, **ranks)


def task_error(
    quality: pd.DataFrame,
    volumes: pd.DataFrame,
    reference: pd.DataFrame,
    subject_of: Mapping[str, str],
    n_draws: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[Tree, pd.DataFrame]:
    """Return the rank correlations of image quality with task error within architectures.

    Task errors of a member: the medians over structures and scans of `relative_errors`. Intervals
    are of other members of the same architectures and of other subjects, on Fisher's scale. p
    exchanges members within architectures.

    Args:
        quality: columns group, member, subject, range, slices, psnr, ssim.
        volumes: columns group, member, subject, structure, volume_mm3; of the architectures.
        reference: columns subject, structure, volume_mm3; of the fully sampled scans.
        subject_of: scan -> subject.
        n_draws: of the bootstrap and of the permutations.
        level: of confidence, 0.95 for 95 %.
        rng: source of the draws.

    Returns:
        The tree `all` -> psnr, ssim -> variability, bias -> within -> spearman, low, high and p;
        with members, subjects, excluded (see `collect`) and undefined (leaves left out). The table
        of `member_table`.
    """
    members, excluded = collect(quality, volumes, reference, subject_of)
    groups = members.table["group"].to_numpy()
    n_clusters = len(np.unique(members.clusters))
    counts = {"members": len(groups), "subjects": n_clusters, "excluded": excluded}
    if not len(groups) or not n_clusters:
        empty = members.table.iloc[:0].assign(
            **{name: [] for v in VARIABLES for name in (v, f"{v}_rank")}
        )
        return {ALL: counts | {"undefined": 0}}, empty
    table = member_table(members)
    weights = cluster_draws(members.clusters, n_draws, rng)
    draws = summarise(members, np.concatenate([np.ones((1, weights.shape[1]), int), weights]))
    overall: Tree = {}
    for score in MEASURES:
        overall[score] = {}
        for error in ERRORS:
            pair = draws[score], draws[error]
            answers = within_interval(pair, groups, weights, n_clusters, level)
            x, y = (table[name].to_numpy() for name in (score, error))
            answers["p"] = permutation_p(x, y, groups, n_draws, rng)
            overall[score][error] = {"within": answers}
    return {ALL: _counted(overall, counts)}, table


def within_interval(
    draws: tuple[np.ndarray, np.ndarray],
    groups: np.ndarray,
    weights: np.ndarray,
    n_subjects: int,
    level: float,
) -> dict[str, float]:
    """Return the rank correlation within architectures, and its interval.

    Args:
        draws: scores and errors (1 + n_draws, n_members), all scans first.
        groups: (n_members,) architectures.
        weights: (n_draws, n_scans) of the draws.
        n_subjects: that were drawn from.
        level: of confidence.
    """
    score, error = draws

    def fisher(_: np.ndarray, kept: np.ndarray) -> np.ndarray:
        r = correlations(score[:, kept], error[:, kept], groups[kept], "within")
        return np.arctanh(np.clip(r, -ALMOST_ONE, ALMOST_ONE))

    found = crossed(fisher, weights, n_subjects, len(groups), groups)
    r = float(correlations(score[0], error[0], groups, "within"))
    ends = np.tanh(found.value + np.array([-1.0, 1.0]) * half_width(found, level))
    return {"spearman": r, "low": float(ends[0]), "high": float(ends[1])}


def _counted(answers: Tree, counts: Tree) -> Tree:
    kept, gaps = without_gaps(answers)
    return kept | counts | {"undefined": len(gaps)}
