"""Outliers among the members of an ensemble: runs that probably failed."""

import numpy as np
import pandas as pd

from stages.measures.voxelwise import SUMMARIES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.correlation import correlation_table
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.regression import in_sample_r2
from stages.statistics.methods.variability import MAD_TO_SD, PERCENT, cv_table
from stages.statistics.needs import CROSSED, IMAGES, SEVERAL, VOXELWISE, needs
from stages.statistics.questions.image_quality import (
    HEADLINE,
    MEASURES,
    member_means,
    quality_summary,
)
from stages.statistics.questions.prediction import (
    HEADLINE_STATISTIC,
    TARGET,
    headline_correlations,
    histogram_columns,
    prediction_table,
)

LEAST_SCORES = 4  # of three values one is always far from the other two
# a score flags a member in 14 % of normal ensembles of 4, 17 % of 5, 12 % of 7 and 9 % of 8
LEAST_MEMBERS = 8
# standard deviation of a normal variable in units of its mean absolute deviation: 1.2533
MEAN_DEVIATION_TO_SD = float(np.sqrt(np.pi / 2.0))
SAME = 1e-12  # relative difference that is rounding
SCORES = (*MEASURES, "volume")
LEFT_OUT = ["cv_without", "r2_histogram_target_only", "r2_summary_target_only"]
COLUMNS = ["group", "member", *SCORES, *(f"z_{name}" for name in SCORES), "flagged"]


@needs(SEVERAL, CROSSED, VOXELWISE, IMAGES)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return outliers among the members, and the headline numbers with and without them.

    Ensembles of fewer than `LEAST_MEMBERS` have the numbers with all members alone.
    Without them, R^2 and correlations stand under `target_only`: the predictors are of all members.
    """
    whole = cohort.crossed(cohort.quality), cohort.crossed(cohort.volumes)
    tree, table = outliers(*whole, params.outlier_threshold)
    kept = [without(each, table) for each in whole]
    influence = []
    for group in cohort.crossed_groups:
        images = of(cohort.regions, group), of(cohort.histograms, group)
        quality, volumes = (of(each, group) for each in whole)
        found = predicted(cv_table(volumes), *images)
        tree[group]["with"] = _counted(headline(volumes, quality) | found)
        influence.append(left_out(volumes, *images))
        if "not_judged" in tree[group]:
            continue
        quality, volumes = (of(each, group) for each in kept)
        found = {"target_only": predicted(cv_table(volumes), *images)}
        tree[group]["without"] = _counted(headline(volumes, quality) | found)
    table = table.merge(pd.concat(influence, ignore_index=True), on=["group", "member"], how="left")
    return Answer(tree, {"outliers": table})


def headline(volumes: pd.DataFrame, quality: pd.DataFrame) -> Tree:
    """Return the median CV in percent, and PSNR (dB) and SSIM over members; NaN where undefined."""
    scores = quality_summary(quality)
    cv = float(cv_table(volumes)["cv"].median())
    return {"cv_median": cv, **{name: scores[name] for name in MEASURES}}


def _counted(tree: Tree) -> Tree:
    """Return a tree without undefined numbers, and their count."""
    leaves, gaps = without_gaps(tree)
    return leaves | {"undefined": len(gaps)}


def robust_z(values: np.ndarray) -> np.ndarray:
    """Return |x - median| / (1.4826 MAD), how far each value is from the bulk of them.

    If more than half of the values are the same, MAD is 0 and 1.2533 times the mean absolute
    deviation takes its place (Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers); all
    values the same are 0.

    Args:
        values: (n,), NaN for missing ones.

    Returns:
        (n,), finite; NaN for missing values, and for all with fewer than four values.
    """
    values = np.asarray(values, dtype=np.float64)
    result = np.full(len(values), np.nan)
    known = np.isfinite(values)
    if known.sum() < LEAST_SCORES:
        return result
    centre = np.median(values[known])
    apart = np.abs(values[known] - centre)
    apart[apart <= SAME * np.abs(centre)] = 0.0
    scale = MAD_TO_SD * np.median(apart) or MEAN_DEVIATION_TO_SD * apart.mean()
    result[known] = apart / scale if scale > 0 else 0.0
    return result


def volume_deviation(volumes: pd.DataFrame) -> pd.Series:
    """Return 100 mean |V_m - median_m(V)| / median_m(V) over structures and scans, in percent.

    Args:
        volumes: tidy, columns member, subject, structure, volume_mm3, of one group.

    Returns:
        Index member; NaN for a member without any pair of positive median.
    """
    wide = volumes.pivot(index=["structure", "subject"], columns="member", values="volume_mm3")
    median = wide.median(axis=1)
    apart = wide[median > 0].sub(median[median > 0], axis=0).abs()
    return PERCENT * apart.div(median[median > 0], axis=0).mean()


def group_scores(quality: pd.DataFrame, volumes: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return scores, robust z and verdict of each member of one group.

    Args:
        quality: columns member, range, slices, psnr, ssim.
        volumes: columns member, subject, structure, volume_mm3.
        threshold: robust z above which a member is flagged.

    Returns:
        `COLUMNS` less group; psnr (dB), ssim, volume (percent), NaN where not measured.
    """
    scores = member_means(quality, HEADLINE).join(
        volume_deviation(volumes).rename("volume"), how="outer"
    )
    scores = scores.rename_axis("member").sort_index()
    z = scores[list(SCORES)].apply(lambda column: pd.Series(robust_z(column), scores.index))
    judged = z.notna().sum() >= LEAST_MEMBERS
    z = z.where(judged, axis=1)
    scores = scores.assign(**z.add_prefix("z_"))
    return scores.assign(flagged=(z > threshold).any(axis=1)).reset_index()


def outliers(
    quality: pd.DataFrame, volumes: pd.DataFrame, threshold: float
) -> tuple[Tree, pd.DataFrame]:
    """Return the members that are outliers in image quality or volumes.

    A member is flagged if its mean PSNR, its mean SSIM or its mean distance from the ensemble's
    median volumes has a robust z above the threshold; high values are flagged as low ones are.
    Each score flags a member in about 9 % of normal ensembles of 8, and 7 % of 12, at a threshold
    of 4 (simulation): a flag is a reason to look, and to report without the member too. Smaller
    ensembles are not judged: the median deviation of so few is too uncertain a unit.

    Args:
        quality: columns group, member, range, slices, psnr, ssim.
        volumes: columns group, member, subject, structure, volume_mm3.
        threshold: of the robust z, 4 in the study.

    Returns:
        The tree group -> members, flagged, flagged_by -> psnr, ssim, volume (counts), largest_z of
        each and undefined (leaves left out), or members and not_judged with the reason; and the
        table with the columns `COLUMNS`, one row a member.
    """
    tree, parts = {}, []
    for group in dict.fromkeys([*volumes["group"], *quality["group"]]):
        judged, sizes = (table[table["group"] == group] for table in (quality, volumes))
        scores = group_scores(judged, sizes, threshold)
        tree[group] = _summary(scores, threshold)
        parts.append(scores.assign(group=group)[COLUMNS])
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return tree, table


def _summary(scores: pd.DataFrame, threshold: float) -> Tree:
    n_members = len(scores)
    z = {name: scores[f"z_{name}"] for name in SCORES}
    if n_members < LEAST_MEMBERS:
        return {"members": n_members, "not_judged": f"fewer than {LEAST_MEMBERS} members"}
    if all(column.isna().all() for column in z.values()):
        return {"members": n_members, "not_judged": f"fewer than {LEAST_MEMBERS} members measured"}
    answers, gaps = without_gaps(
        {
            "members": n_members,
            "flagged": int(scores["flagged"].sum()),
            "flagged_by": {name: int((column > threshold).sum()) for name, column in z.items()},
            "largest_z": {name: float(column.max()) for name, column in z.items()},
        }
    )
    return answers | {"undefined": len(gaps)}


def without(volumes: pd.DataFrame, flagged: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the rows of flagged members.

    Args:
        volumes: any table with columns group, member.
        flagged: columns group, member, flagged; the table of `outliers`.

    Returns:
        The rows kept, in their order, with a new index.
    """
    chosen = flagged[flagged["flagged"].astype(bool)]
    bad = set(zip(chosen["group"], chosen["member"], strict=True))
    keys = zip(volumes["group"], volumes["member"], strict=True)
    kept = np.fromiter((key not in bad for key in keys), dtype=bool, count=len(volumes))
    return volumes[kept].reset_index(drop=True)


def predicted(cv: pd.DataFrame, regions: pd.DataFrame, histograms: pd.DataFrame) -> dict[str, Tree]:
    """Return how well voxelwise measures of all members predict the CV of some of them.

    The measures of a scan come from the images of all members. Where the CV leaves members out, it
    is the target alone that does without them: a member that failed still spreads the predictors.

    Args:
        cv: columns structure, subject, cv, of one group.
        regions: columns structure, subject and `SUMMARIES`.
        histograms: columns structure, subject, edges, bin, fraction.

    Returns:
        r2 -> histogram, summary, in sample, the paper's pair; correlation -> pearson, spearman of
        the mean SD, see `headline_correlations`; NaN where undefined, and no correlation without
        any pair.
    """
    table, _ = prediction_table(cv, regions, histograms)
    sets = {"histogram": histogram_columns(table, "own"), "summary": list(SUMMARIES)}
    y = table[TARGET].to_numpy(np.float64)
    r2 = {name: in_sample_r2(table[c].to_numpy(np.float64), y) for name, c in sets.items()}
    if table.empty:
        return {"r2": r2}
    correlations = correlation_table(table, [HEADLINE_STATISTIC], TARGET)
    return {"r2": r2, "correlation": headline_correlations(correlations)}


def left_out(
    volumes: pd.DataFrame, regions: pd.DataFrame, histograms: pd.DataFrame
) -> pd.DataFrame:
    """Return what each member does to the headline numbers: those without its volumes.

    Args:
        volumes: columns group, member, subject, structure, volume_mm3, of one group.
        regions: columns structure, subject and `SUMMARIES`, of all members.
        histograms: columns structure, subject, edges, bin, fraction, of all members.

    Returns:
        Columns group, member and `LEFT_OUT`: the median CV of the others in percent, and both R^2
        of `predicted` with that CV as target; NaN where undefined, as of two members.
    """
    rows = []
    for group, member in volumes[["group", "member"]].drop_duplicates().itertuples(index=False):
        cv = cv_table(volumes[volumes["member"] != member])
        r2 = predicted(cv, regions, histograms)["r2"]
        rows.append((group, member, cv["cv"].median(), r2["histogram"], r2["summary"]))
    return pd.DataFrame(rows, columns=["group", "member", *LEFT_OUT])
