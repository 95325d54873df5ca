"""Which score of an image ranks with the error of the volumes that are measured on it.

Images are ranked within their scan and ensemble (`methods/scan_ranks.py`): a choice between images
of one scan is what a score would be used for, and scans differ in everything. The error of an image
is the median over structures of the absolute bias of its volumes. Coefficients are of how bad a
score is, so that all are positive where worse scores go with larger errors.

Two nulls: members that change places on all scans alike, which says whether score and error are
related at all; and scores from another subject's images by the same members, which says whether
the score of the image itself does more than to know its member.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.measures.scores.catalogue import SCORES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.bias import absolute_bias
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.permutation import critical_value, joint_permutations, p_value
from stages.statistics.methods.scan_ranks import (
    ScanRanks,
    member_null,
    member_orders,
    pooled,
    pooled_interval,
    scan_ranks,
    subject_null,
)
from stages.statistics.methods.subject_orders import wrong_subjects
from stages.statistics.methods.weighted_summaries import weighted_medians
from stages.statistics.needs import CROSSED, IMAGES, REFERENCE, SEVERAL, needs
from stages.statistics.questions.image_quality import HEADLINE, MEASURES

DIRECTION = dict.fromkeys(MEASURES, True) | {n: s.higher_is_better for n, s in SCORES.items()}
"""Score -> whether higher is better."""
ALL = "all"
COLUMNS = ["target", "score", "n", "value", "low", "high", "wrong_subject", "p"]
DECIMALS = 9  # of percent; what lies beyond is rounding


@needs(SEVERAL, CROSSED, IMAGES, REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return which scores of images rank with the errors of their volumes."""
    values = image_scores(cohort.crossed(cohort.quality), cohort.crossed(cohort.scores))
    volumes = cohort.crossed(cohort.volumes)
    targets = {"reference": cohort.reference, "truth": cohort.truth}
    tree: Tree = {}
    rows: list[tuple[object, ...]] = []
    for target, volumes_of in targets.items():
        if volumes_of is None:
            continue
        images = collect(values, volumes, volumes_of, cohort.subject_of)
        tree[target] = compare(images, params, rng)
        rows += [(target, *row) for row in _rows(tree[target])]
    kept, gaps = without_gaps(tree)
    return Answer(
        {ALL: kept | {"undefined": len(gaps)}},
        {"image_scores": pd.DataFrame(rows, columns=COLUMNS)},
    )


@dataclass(frozen=True)
class Images:
    """Scores of images, and the errors of their volumes."""

    scores: Mapping[str, np.ndarray]
    """Score -> (n_scans, n_members), NaN where undefined."""

    errors: np.ndarray
    """(n_scans, n_members) median absolute bias over structures, percent, NaN where undefined."""

    groups: np.ndarray
    """(n_members,) ensembles."""

    subject: np.ndarray
    """(n_scans,) labels."""


def image_scores(quality: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return all scores of each image, one column a score.

    Args:
        quality: columns of `schema.QUALITY`; PSNR and SSIM are those of the headline.
        scores: columns of `schema.IMAGE_SCORES`.

    Returns:
        Index group, member, subject; columns of `DIRECTION`, NaN where a score is absent.
    """
    image = ["group", "member", "subject"]
    chosen = (quality["range"] == HEADLINE[0]) & (quality["slices"] == HEADLINE[1])
    others = scores.pivot(index=image, columns="score", values="value")
    return quality[chosen].set_index(image)[[*MEASURES]].join(others).reindex(columns=[*DIRECTION])


def collect(
    values: pd.DataFrame,
    volumes: pd.DataFrame,
    target: pd.DataFrame,
    subject_of: Mapping[str, str],
) -> Images:
    """Return the images that have scores and volumes, as arrays.

    A structure of a scan counts where every member of the ensemble has its volume and the target's
    is positive, so that errors of one scan are of the same structures.

    Args:
        values: from `image_scores`.
        volumes: columns group, member, subject, structure, volume_mm3.
        target: columns subject, structure, volume_mm3.
        subject_of: scan -> subject.
    """
    known = volumes.pivot(
        index=["group", "member"], columns=["subject", "structure"], values="volume_mm3"
    )
    members = known.index.intersection(values.index.droplevel("subject").unique())
    groups = np.array(members.get_level_values("group"), dtype=str)
    scans = [scan for scan in subject_of if scan in known.columns.get_level_values("subject")]
    structures = list(dict.fromkeys(volumes["structure"]))
    pairs = pd.MultiIndex.from_product([scans, structures], names=["subject", "structure"])
    origin = target.set_index(["subject", "structure"])["volume_mm3"].reindex(pairs)
    sizes = known.reindex(index=members, columns=pairs).to_numpy(np.float64)
    biases = absolute_bias(sizes, origin.to_numpy(np.float64))
    for group in dict.fromkeys(groups):
        biases[np.ix_(groups == group, np.isnan(biases[groups == group]).any(axis=0))] = np.nan
    single = np.ones((1, len(structures)), dtype=np.int64)
    medians = weighted_medians(biases.reshape(-1, len(structures)), single)[0]
    wide = values.unstack("subject").reindex(index=members)
    return Images(
        {name: wide[name].reindex(columns=scans).to_numpy(np.float64).T for name in DIRECTION},
        # rounding must not set apart members whose volumes are the same
        np.round(medians.reshape(len(members), len(scans)).T, DECIMALS),
        groups,
        np.array([str(subject_of[scan]) for scan in scans]),
    )


def compare(images: Images, params: AnalyseParams, rng: np.random.Generator) -> Tree:
    """Return how each score ranks with the errors, and what could have been found.

    Args:
        images: from `collect`.
        params: level, numbers of permutations.
        rng: source of the permutations, which are the same for all scores.

    Returns:
        score -> spearman, low, high, p (members exchanged), critical (the coefficient below which
        no p could be as small as 1 - level) and critical_adjusted (the one that is significant
        whatever the other scores do), images, and wrong_subject: spearman (mean over the ways to
        take all scores from another subject) and p (subjects exchanged); with members, subjects.
    """
    n_draws = params.permutations
    order = member_orders(images.groups, n_draws, rng)
    exchanged = joint_permutations(images.subject, n_draws, rng).order
    wrong = wrong_subjects(images.subject, n_draws, rng)
    alpha = 1.0 - params.level
    tree: Tree = {}
    for name, higher_is_better in DIRECTION.items():
        worse = -images.scores[name] if higher_is_better else images.scores[name]
        ranks = scan_ranks(worse, images.errors, images.groups)
        null = member_null(ranks, order)
        ends = pooled_interval(worse, images.errors, images.groups, images.subject, params.level)
        tree[name] = {
            "spearman": pooled(ranks),
            "low": ends.low,
            "high": ends.high,
            "p": p_value(pooled(ranks), null),
            "critical": critical_value(null, alpha),
            "critical_adjusted": critical_value(null, alpha / len(DIRECTION)),
            "images": int(ranks.known.sum()),
            "wrong_subject": _wrong_subject(ranks, wrong, exchanged),
        }
    n_subjects = len(np.unique(images.subject))
    return tree | {"members": len(images.groups), "subjects": n_subjects}


def _wrong_subject(ranks: ScanRanks, wrong: np.ndarray, exchanged: np.ndarray) -> Tree:
    values = subject_null(ranks, wrong)
    known = values[np.isfinite(values)]
    return {
        "spearman": float(known.mean()) if len(known) else float("nan"),
        "p": p_value(pooled(ranks), subject_null(ranks, exchanged)),
    }


def _rows(tree: Tree) -> list[tuple[object, ...]]:
    """Return the rows of the table, but for their target."""
    keys = ("images", "spearman", "low", "high")
    return [
        (
            name,
            *(tree[name][key] for key in keys),
            tree[name]["wrong_subject"]["spearman"],
            tree[name]["p"],
        )
        for name in DIRECTION
    ]
