"""The published numbers beside those of the study, and anchors from test-retest scans."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree, look_up
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.bias import median_absolute_bias
from stages.statistics.methods.jackknife import jackknife_interval
from stages.statistics.methods.tolerances import (
    ABSENT,
    EXACT,
    MATCH,
    NO_MATCH,
    NOT_COMPARABLE,
    REPORT_ONLY,
    ROUNDING,
    Row,
    below,
    near,
    near_each_other,
    ordered,
    same,
    text,
    within,
    within_factor,
)
from stages.statistics.methods.variability import cv_table
from stages.statistics.needs import TRAINED, needs
from stages.statistics.questions.outliers import predicted
from stages.statistics.questions.readings import READINGS, REGRESSIONS, WHOLE, Reading, r2_of
from stages.storage.files import read_json

RESULTS = Path(__file__).with_name("paper_results.json")
CV = "coefficient of variation"  # what an anchor may be; a mean absolute difference is none
ANCHORS = Path(__file__).with_name("anchors.json")

CALGARY_CAMPINAS, SIMULATED, OTHER = "calgary-campinas", "simulated", "other"
# file names of the challenge, or the labels made of them: exam, series, and GE's raw-data file
# (`P12345.7`), as in e15652s4_P02560.7.h5 and sub-e15652s4P025607
CALGARY_CAMPINAS_NAME = re.compile(r"(sub-)?e\d{5}s\d{1,2}_?P\d{5}\.?7(\.h5|\.hdf5)?")
# a pathological phantom, too: `headV001atrophy`
SIMULATED_NAME = re.compile(r"(sub-)?head[TV]\d+[a-z]*(\.h5|\.hdf5)?")

COLUMNS = ["quantity", "reported", "here", "tolerance", "match"]
UNITS = {"psnr": " (dB)", "ssim": ""}
# With fewer scans than this part of the paper's, chance alone moves the R^2 of 9 predictors by more
# than a third of its tolerance: 9 / (16 n - 1) is 0.028 for 20 scans and 0.057 for 10.
LEAST_PART_OF_SCANS = 0.5
SIGNIFICANT = 0.05


@needs(TRAINED)
def ask(cohort: Cohort, params: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the study's numbers beside the paper's, from the answers before this one."""
    metrics = {name: answer.metrics for name, answer in cohort.answers.items()}
    networks = cohort.ensembles.architectures
    members = {group: len(cohort.ensembles.members(group)) for group in networks}
    scans = list(cohort.subject_of)
    reaches = {group: r2_reach(cohort, group, params.level) for group in networks}
    tree, table = compare(metrics, members, len(scans), cohort_of(scans), reaches)
    return Answer(tree, {"paper": table})


def r2_reach(cohort: Cohort, group: str, level: float) -> dict[str, float]:
    """Return how far R^2 of two studies of this size lie apart, half of an interval.

    The jackknife over subjects and members gives the variance of this study's; the published one,
    of about as many scans and members, is taken to be as uncertain. Members are left out of the
    target alone: the predictors without one need its images. So the interval is rather too narrow.

    Args:
        cohort: tables.
        group: an architecture.
        level: coverage of the interval.

    Returns:
        histogram, summary; NaN with fewer than three subjects.
    """
    images = of(cohort.regions, group), of(cohort.histograms, group)
    volumes = of(cohort.volumes, group)
    scans = np.array(list(dict.fromkeys(volumes["subject"])))
    members = np.array(sorted(volumes["member"].unique()))

    @cache
    def both(kept: tuple[bool, ...], chosen: tuple[bool, ...]) -> Tree:
        rows = volumes["member"].isin(members[list(chosen)])
        rows &= volumes["subject"].isin(scans[list(kept)])
        return predicted(cv_table(volumes[rows]), *images)["r2"]

    def r2(name: str) -> Callable[[np.ndarray, np.ndarray], float]:
        return lambda kept, chosen: float(both(tuple(kept), tuple(chosen))[name])

    subjects = np.array([cohort.subject_of[scan] for scan in scans])
    ends = {n: jackknife_interval(r2(n), subjects, len(members), level) for n in REGRESSIONS}
    return {n: float(np.sqrt(2.0) * (high - low) / 2.0) for n, (low, high, _) in ends.items()}


def published() -> Tree:
    """Return the paper's numbers; the entry `keys` says what each of the others holds."""
    return read_json(RESULTS)


def anchors() -> pd.DataFrame:
    """Return how much volumes vary between repeated scans of the same people.

    Returns:
        Columns structure, cv_percent, measure (`CV` or what else it is), source; one row
        a structure.
    """
    entries = pd.DataFrame(read_json(ANCHORS)["anchors"])
    return entries[["structure", "cv_percent", "measure", "source"]]


def cohort_of(scan_names: Iterable[str]) -> str:
    """Return the cohort that all scans belong to by their names.

    Args:
        scan_names: file names or labels (`sub-...`).

    Returns:
        `calgary-campinas` or `simulated` if every name is one of that cohort's, otherwise `other`,
        also without any scan.
    """
    names = list(scan_names)
    patterns = {CALGARY_CAMPINAS: CALGARY_CAMPINAS_NAME, SIMULATED: SIMULATED_NAME}
    for cohort, pattern in patterns.items():
        if names and all(pattern.fullmatch(Path(name).name) for name in names):
            return cohort
    return OTHER


def compare(
    metrics: Mapping[str, Tree],
    n_members: Mapping[str, int],
    n_scans: int,
    cohort: str | None,
    reaches: Mapping[str, Mapping[str, float]],
) -> tuple[Tree, pd.DataFrame]:
    """Set the study's numbers beside the paper's and judge each within its tolerance.

    Numbers of other scans are shown but not judged: nothing says that they should agree.

    Args:
        metrics: trees of `image_quality`, `volumes`, `prediction`, `readings` and
            `bias_prediction`; what is missing is `absent` and not comparable.
        n_members: group -> size of its ensemble.
        n_scans: number of validation scans.
        cohort: from `cohort_of`; None is taken as simulated.
        reaches: group -> from `r2_reach`.

    Returns:
        The tree cohort, verdict, n.match, n.no_match, n.not_comparable; and the table quantity,
        reported, here, tolerance, match, all of them text.
    """
    paper = published()
    settings = setting_rows(paper, n_members, n_scans)
    volumes, prediction = metrics.get("volumes", {}), metrics.get("prediction", {})
    rows = [
        *settings,
        *quality_rows(paper, metrics.get("image_quality", {})),
        *variability_rows(paper, volumes),
        *bias_rows(paper, volumes),
        *bias_prediction_rows(paper, metrics.get("bias_prediction", {})),
        *open_with_few_scans(correlation_rows(paper, prediction), paper, n_scans),
        *open_with_few_scans(r2_rows(paper, prediction, reaches), paper, n_scans),
        *reading_rows(paper, metrics.get("readings", {})),
    ]
    values = [(r.quantity, r.reported, r.here, r.tolerance, r.match) for r in rows]
    table = pd.DataFrame(values, columns=COLUMNS)
    cohort = cohort or SIMULATED
    if cohort != paper["cohort"]["name"]:
        table["match"] = NOT_COMPARABLE
        verdict = f"{cohort} cohort: {NOT_COMPARABLE}"
    else:
        verdict = verdict_of(rows[len(settings) :], settings)
    judged = (MATCH, NO_MATCH, NOT_COMPARABLE)
    counts = {word.replace(" ", "_"): int((table["match"] == word).sum()) for word in judged}
    return {"cohort": cohort, "verdict": verdict, "n": counts}, table


def verdict_of(results: list[Row], settings: list[Row]) -> str:
    """Return how many of the comparable results match, and which settings differ, in words."""
    judged = [row.holds for row in results if row.holds is not None]
    text = f"{sum(judged)} of {len(judged)} comparable results match"
    differing = [f"{r.quantity} {r.here} ({r.reported})" for r in settings if not r.holds]
    return text + (f"; other settings: {', '.join(differing)}" if differing else "")


def setting_rows(paper: Tree, n_members: Mapping[str, int], n_scans: int) -> list[Row]:
    """Return the numbers of scans and of members."""
    expected = {"scans": [paper["cohort"]["scans_validation"]["value"]]}
    here: dict[str, int | None] = {"scans": n_scans}
    for group, entry in paper["architectures"].items():
        expected[f"{group} members"] = entry["members"]["value"]
        here[f"{group} members"] = n_members.get(group)
    return [
        Row(
            name,
            " or ".join(map(str, numbers)),
            ABSENT if here[name] is None else str(here[name]),
            EXACT,
            None if here[name] is None else here[name] in numbers,
        )
        for name, numbers in expected.items()
    ]


def quality_rows(paper: Tree, quality: Tree) -> list[Row]:
    """Return PSNR and SSIM: means, spreads over members, and ranges with an external source.

    On the slices that DIRECT's validation scores, as the paper names none and used DIRECT.
    """
    tolerance = paper["tolerances"]
    limits = {"psnr": tolerance["psnr_mean_db"], "ssim": tolerance["ssim_mean"]}
    zoo = paper["external"]["direct_zoo"]
    rows = []
    for group, entry in paper["architectures"].items():
        for measure, limit in limits.items():
            name, reported = f"{group} {measure.upper()}", entry[measure]
            mean = leaf(quality, group, "cropped", measure, "mean")
            spread = leaf(quality, group, "cropped", measure, "std")
            unit = UNITS[measure]
            rows.append(near(f"{name} mean{unit}", reported["mean"], mean, limit))
            if group in tolerance["plus_minus_report_only"]:
                shown = (text(reported["plus_minus"]), text(spread), REPORT_ONLY)
                rows.append(Row(f"{name} SD over members{unit}", *shown, None))
            else:
                factor = tolerance["plus_minus_factor"]
                title = f"{name} SD over members{unit}"
                rows.append(within_factor(title, reported["plus_minus"], spread, factor))
            ends = sorted((zoo[group][measure], reported["mean"]))
            title = f"{name} mean, paper and DIRECT's zoo{unit}"
            rows.append(within(title, ends, mean, limit))
    return rows + [difference_row(paper, quality, measure) for measure in limits]


def difference_row(paper: Tree, quality: Tree, measure: str) -> Row:
    """Return whether the pair of architectures called similar differs less than the other pair."""
    gaps = {}
    for first, second in paper["orderings"]["quality"]["value"]:
        means = [leaf(quality, group, "cropped", measure, "mean") for group in (first, second)]
        gaps[f"{first} to {second}"] = abs(means[1] - means[0])
    return ordered(f"difference of {measure.upper()}", list(gaps), gaps)


def variability_rows(paper: Tree, volumes: Tree) -> list[Row]:
    """Return the range of the median coefficient of variation and its orderings."""
    groups = list(paper["architectures"])
    cv = {group: leaf(volumes, group, "cv", "median") for group in (*groups, "noise")}
    ends = [paper["cv_range"]["low"], paper["cv_range"]["high"]]
    rows = [within(f"{group} CV median (%)", ends, cv[group]) for group in groups]
    (lowest,), others = paper["orderings"]["cv"]["value"]
    rows += [ordered("CV", [lowest, other], cv) for other in others]
    rows.append(ordered("CV", paper["orderings"]["cv_highest"]["value"], cv))
    rows.append(near_each_other(lowest, others, cv))
    rows += [ordered("CV", ["noise", group], cv) for group in groups]
    return rows


def bias_rows(paper: Tree, volumes: Tree) -> list[Row]:
    """Return the signs of the biases that the paper names, and whose bias is the largest."""
    rows = []
    others, (largest,) = paper["orderings"]["bias"]["value"]
    size = {g: median_absolute_bias(look_up(volumes, g, "bias") or {}) for g in (*others, largest)}
    rows += [ordered("median absolute bias", [other, largest], size) for other in others]
    for group, signs in paper["bias_signs"].items():
        for structure in signs["negative"]:
            value = leaf(volumes, group, "bias", structure)
            holds = None if math.isnan(value) else value < 0
            title = f"{group} bias {structure} (%)"
            rows.append(Row(title, "negative", text(value), EXACT, holds))
    return rows


def bias_prediction_rows(paper: Tree, tree: Tree) -> list[Row]:
    """Return whether the mean SD predicts |bias| within structures.

    That there is no relation is contradicted by a statistically significant one, and not confirmed
    by any other.
    """
    rows = []
    for group in paper["architectures"]:
        found = look_up(tree, group, "reference", "surrogates", "std_mean", "spearman")
        own = look_up(found or {}, "within_structure") or {}
        r, low, high, p = (leaf(own, key) for key in ("r", "low", "high", "adjusted"))
        here = f"rho {text(r)} ({text(low)} to {text(high)}), p {text(p)}"
        title = f"{group} |bias| predicted by the mean SD, within structures"
        reported = paper["claims"]["bias_prediction"]["value"]
        significant = p < SIGNIFICANT  # NaN is not
        rows.append(
            Row(title, reported, here, f"p above {SIGNIFICANT}", False if significant else None)
        )
    return rows


def correlation_rows(paper: Tree, prediction: Tree) -> list[Row]:
    """Return the largest correlation of any summary of the SD with the CV, mean over structures."""
    claim, limit = paper["claims"]["correlation"]["value"], paper["tolerances"]["correlation"]
    found = {
        g: leaf(prediction, g, "correlation", "largest_mean", "pearson")
        for g in paper["architectures"]
    }
    title = "largest correlation of a summary with CV, mean over structures"
    return [below(f"{group} {title}", claim, r, limit) for group, r in found.items()]


def reading_rows(paper: Tree, tree: Tree) -> list[Row]:
    """Return which reading of each regression comes nearest to the paper, and one for all six.

    Nothing is judged: the best of several readings is nearer than any of them should be.
    """
    limit, groups = paper["tolerances"]["r2"], list(paper["architectures"])
    reported = {
        (g, name): paper["architectures"][g][f"r2_{name}"]["value"]
        for g in groups
        for name in REGRESSIONS
    }
    rows = []
    for (group, name), value in reported.items():
        own = [reading for reading in READINGS if reading.regression == name]
        found = {reading: r2_of(tree, group, reading) for reading in own}
        title = f"{group} R2 {name}, nearest reading"
        rows.append(Row(title, text(value), nearest(value, found, limit), REPORT_ONLY, None))
    gaps = {
        whole: [
            abs(r2_of(tree, group, whole.parts[name]) - value)
            for (group, name), value in reported.items()
        ]
        for whole in WHOLE
    }
    known = {whole: found for whole, found in gaps.items() if not np.isnan(found).any()}
    here = ABSENT
    if known:
        best = min(known, key=lambda whole: max(known[whole]))
        n_near = sum(gap <= limit for gap in known[best])
        here = f"{best.words}: largest difference {text(max(known[best]))}, {n_near} within {limit}"
    rows.append(Row("R2, one reading for all six", "six numbers", here, REPORT_ONLY, None))
    return rows


def nearest(reported: float, found: Mapping[Reading, float], limit: float) -> str:
    """Return R^2 of the nearest reading, the reading, and how many lie within the tolerance."""
    known = {reading: r2 for reading, r2 in found.items() if not math.isnan(r2)}
    if not known:
        return ABSENT
    best = min(known, key=lambda reading: abs(known[reading] - reported))
    n_near = sum(abs(r2 - reported) <= limit + ROUNDING for r2 in known.values())
    return f"{text(known[best])} ({best.words}); {n_near} of {len(known)} readings within {limit}"


def r2_rows(paper: Tree, prediction: Tree, reaches: Mapping[str, Mapping[str, float]]) -> list[Row]:
    """Return R^2 of both sets of predictors and its orderings.

    A number matches if the interval of its difference from the paper's holds 0.
    """
    groups, columns = list(paper["architectures"]), paper["orderings"]["r2_predictors"]["value"]
    found = {name: {g: leaf(prediction, g, "r2", name) for g in groups} for name in columns}
    rows = [
        same(
            f"{group} R2 {name}",
            paper["architectures"][group][f"r2_{name}"]["value"],
            found[name][group],
            reaches.get(group, {}).get(name, math.nan),
        )
        for group in groups
        for name in columns
    ]
    order = paper["orderings"]["r2"]["value"]
    rows += [ordered(f"R2 {name}", order, found[name]) for name in columns]
    for group in groups:
        pair = {name: found[name][group] for name in columns}
        rows.append(ordered(f"{group} R2", columns, pair))
    return rows


def open_with_few_scans(rows: list[Row], paper: Tree, n_scans: int) -> list[Row]:
    """Return the rows, not comparable where the scans are too few for them."""
    if n_scans < LEAST_PART_OF_SCANS * paper["cohort"]["scans_validation"]["value"]:
        return [Row(r.quantity, r.reported, r.here, r.tolerance, None) for r in rows]
    return rows


def leaf(tree: Tree, *keys: str) -> float:
    """Return the finite number at the end of a path of keys, NaN where there is none."""
    value = look_up(tree, *keys)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return math.nan
    return float(value)
