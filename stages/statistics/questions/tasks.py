"""Do uncertainties predict other tasks than volumes: overlap, surfaces and deformations.

Ranks are compared, because tasks have units and ranges of their own.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.rank_agreement import Agreement, rank_agreement
from stages.statistics.needs import LABELS, REGISTERED, SEVERAL, needs
from stages.statistics.questions.deformation import deformation_pairs
from stages.statistics.questions.overlap import overlap_pairs
from stages.statistics.questions.surrogates import volume_surrogates

HEADLINES = ("std_mean", "linearised_volume", "cv")  # predictors that metrics name
COLUMNS = ["group", "target", "predictor", "kind", "estimate", "scope", "n", "value", "low", "high"]


@needs(SEVERAL, LABELS, REGISTERED)
def ask(cohort: Cohort, params: AnalyseParams, _: np.random.Generator) -> Answer:
    """Return whether uncertainties and the volumes' own CV predict other tasks than volumes."""
    cv, bias = (cohort.networks(table) for table in (cohort.cv, cohort.bias))
    changes = deformation_pairs(cohort.changes, cv, bias)
    targets = cohort.networks(task_targets(overlap_pairs(cohort.overlap), changes))
    predictors = volume_surrogates(cohort)
    tree, table = predict_tasks(predictors, targets, cohort.subject_of, params.level)
    return Answer(tree, {"tasks": table})


def predict_tasks(
    predictors: pd.DataFrame, targets: pd.DataFrame, subject_of: Mapping[str, str], level: float
) -> tuple[Tree, pd.DataFrame]:
    """Return how well each predictor ranks the pairs of each group as each target does.

    Args:
        predictors: columns group, subject, structure, surrogate, kind (`surrogates.COSTS`), value.
        targets: columns group, subject, structure, target, value: larger is worse.
        subject_of: scan -> subject.
        level: coverage of the intervals, between 0 and 1.

    Returns:
        The tree group -> target -> predictor (`HEADLINES`) -> scope -> r, low, high, and
        undefined, the leaves left out; and the table with columns group, target, predictor, kind,
        estimate (target and scope), scope, n, value, low, high of all predictors.
    """
    rows: list[tuple[object, ...]] = []
    for (group, target), own in targets.groupby(["group", "target"], sort=False):
        known = predictors[predictors["group"] == group]
        for (name, kind), values in known.groupby(["surrogate", "kind"], sort=False):
            found = rank_agreement(values, own, ("value", "value"), subject_of, level)
            rows += [
                (group, target, name, kind, f"{target}, {scope}", scope, *answer)
                for scope, answer in found.items()
            ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return _tree(table), table


def _tree(table: pd.DataFrame) -> Tree:
    tree: Tree = {}
    for row in table[table["predictor"].isin(HEADLINES)].itertuples(index=False):
        target = tree.setdefault(row.group, {}).setdefault(row.target, {})
        leaves = Agreement(row.n, row.value, row.low, row.high).leaves()
        target.setdefault(row.predictor, {})[row.scope] = leaves
    for group, answers in tree.items():
        kept, gaps = without_gaps(answers)
        tree[group] = kept | {"undefined": len(gaps)}
    return tree


def task_targets(overlap: pd.DataFrame, deformation: pd.DataFrame) -> pd.DataFrame:
    """Return what is to be predicted of each pair: dice_loss, surface_distance, deformation_sd.

    Args:
        overlap: from `overlap.overlap_pairs`.
        deformation: from `deformation.deformation_pairs`.

    Returns:
        Columns group, subject, structure, target, value: 1 - Dice and the mean symmetric surface
        distance (mm) against the segmentation of the fully sampled image, means over members, and
        the SD of the apparent changes over members (percent).
    """
    pair = ["group", "subject", "structure"]
    own = overlap[overlap["target"] == "reference"]
    values = {
        "dice_loss": own[pair].assign(value=1.0 - own["dice"]),
        "surface_distance": own[pair].assign(value=own["surface_distance_mm"]),
        "deformation_sd": deformation[pair].assign(value=deformation["sd"]),
    }
    parts = [table.assign(target=name) for name, table in values.items()]
    return pd.concat(parts, ignore_index=True)[[*pair, "target", "value"]]
