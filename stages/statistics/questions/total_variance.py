"""How much of a volume's variance is the reconstruction's, how much the segmentation's.

Law of total variance of each group, structure and scan, from segmentations of every member's image
at the same random places on the voxel grid (`methods/crossed_draws.py`): reconstruction and
segmentation add up to the total, and the interaction is a part of the segmentation. The
reconstruction part is free of bias, so it is below 0 where there is little of it: means keep such
pairs, a CV of 0 stands for them, and logarithms leave them out.

Then whatever predicts the CV of volumes is asked for the CV of the reconstruction part alone, and
for that of the total of the same segmentations: the published R^2, the primary slope, and each
predictor, from one half of the members to the other as well.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stages.measures.members import HALVES
from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.methods.arrays import pair_matrix
from stages.statistics.methods.crossed_intervals import half_width
from stages.statistics.methods.disjoint_halves import (
    OTHER,
    Cohorts,
    disjoint_pairs,
    disjoint_relations,
    half_targets,
)
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.member_medians import Draws, draw
from stages.statistics.methods.relation import relations
from stages.statistics.methods.subject_orders import subject_orders
from stages.statistics.methods.total_variance import (
    FRACTIONS,
    PARTS,
    STATISTICS,
    draw_cube,
    pair_means,
    pooled_parts,
    relative_parts,
)
from stages.statistics.methods.within_between import Table
from stages.statistics.needs import SEGMENTED_AGAIN, SEVERAL, needs
from stages.statistics.questions.prediction import orders, prediction_table, regressions, with_size
from stages.statistics.questions.slopes import PRIMARY, mean_slopes
from stages.statistics.questions.surrogates import (
    COLUMNS as PREDICTOR,
)
from stages.statistics.questions.surrogates import (
    COSTS,
    SCOPES,
    Targets,
    every_surrogate,
    logarithm,
    predict_target,
    surrogate_tree,
    with_volume,
)
from stages.statistics.questions.surrogates import (
    VALUES as ESTIMATE,
)

ENDPOINTS = ("total", "reconstruction")
ALL = "all_structures"
SIZES = ["n_scans", "n_members", "n_draws"]
ENDS = ["low", "high"]
COLUMNS = ["group", "structure", "component", *SIZES, "variance"]
COLUMNS += [f"variance_{end}" for end in ENDS] + ["cv_percent", "fraction"]
COLUMNS += [f"fraction_{end}" for end in ENDS]
SCAN_COLUMNS = ["group", "structure", "subject", "component", "n_members", "n_draws"]
SCAN_COLUMNS += ["mean_mm3", "variance", "cv_percent"]
PREDICTOR_COLUMNS = ["group", "endpoint", *PREDICTOR[1:], *ESTIMATE]
CONTROLS = ("leave_one_subject_out", "within_structure")
NAN = float("nan")


class Cube(NamedTuple):
    """The repeated segmentations of one group."""

    group: str
    structures: list[str]
    scans: list[str]
    values: np.ndarray
    """(n_structures, n_scans, n_members, n_draws), mm3."""

    @property
    def sizes(self) -> tuple[int, int]:
        """Return the number of members and of draws."""
        return self.values.shape[2], self.values.shape[3]


@needs(SEVERAL, SEGMENTED_AGAIN)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return the components of every group, and what predicts the reconstruction part."""
    assert cohort.draws is not None  # what `needs` says
    draws = draw(cohort.subject_of, params.bootstrap_draws, rng, cohort.nested)
    whole = Cohorts(cohort.subject_of, orders(cohort, params, rng), params.level)
    tree: Tree = {}
    pooled, pairs, predictors = [], [], []
    for group in dict.fromkeys(cohort.draws["group"]):
        own = of(cohort.draws, group)
        names = [name for name in params.structures if name in set(own["structure"])]
        cube = Cube(group, names, draws.scans, draw_cube(own, names, draws.scans))
        table, leaves = components(cube, draws.of(group), params.level)
        scans = scan_table(cube)
        leaves["n"] |= counts(scans)
        if len(of(cohort.regions, group)):
            slope_orders = subject_orders(whole.clusters, params.permutations + 1, rng)
            for endpoint in ENDPOINTS:
                target = Endpoint(cohort, cube, endpoint, whole)
                found, rows = predicted(target, scans)
                found["slope"] = target.slope(slope_orders)
                leaves.setdefault("predicts", {})[endpoint] = found
                predictors.append(rows)
        kept, gaps = without_gaps(leaves)
        tree[group] = kept | {"undefined": len(gaps)}
        pooled.append(table)
        pairs.append(scans)
    nothing = [pd.DataFrame(columns=PREDICTOR_COLUMNS)]
    tables = {
        "total_variance": pd.concat(pooled, ignore_index=True)[COLUMNS],
        "total_variance_scans": pd.concat(pairs, ignore_index=True)[SCAN_COLUMNS],
        "total_variance_predictors": pd.concat(predictors or nothing, ignore_index=True),
    }
    return Answer(tree, tables)


def components(cube: Cube, draws: Draws, level: float) -> tuple[pd.DataFrame, Tree]:
    """Return the components of each structure and of all, with intervals.

    Args:
        cube: of one group.
        draws: of subjects.
        level: of the intervals, between 0 and 1.

    Returns:
        The table `COLUMNS` (variances in %^2 of the mean volume, the CV 0 where they are below 0),
        and of all structures `variance`, `cv_percent` and `fraction` -> component -> value, low,
        high; `n`.
    """
    found = pooled_parts(cube.values, draws)
    reach = half_width(found, level)
    ends = np.stack([found.value, found.value - reach, found.value + reach], axis=-1)
    n_scans = np.isfinite(relative_parts(cube.values).total).sum(axis=1)
    sizes = [*n_scans.tolist(), int(n_scans.max(initial=0))]
    rows: list[tuple[Any, ...]] = []
    for k, structure in enumerate([*cube.structures, ALL]):
        by = dict(zip(STATISTICS, ends[k].tolist(), strict=True))
        for name in PARTS:
            fraction = by.get(f"{name}_fraction", [1.0, NAN, NAN])
            head = (cube.group, structure, name, sizes[k], *cube.sizes)
            rows.append((*head, *by[name], percent_cv(by[name][0]), *fraction))
    by = dict(zip(STATISTICS, ends[-1].tolist(), strict=True))
    leaves: Tree = {
        "variance": {name: _ends(by[name]) for name in PARTS},
        "cv_percent": {name: _ends([percent_cv(end) for end in by[name]]) for name in PARTS},
        "fraction": {name: _ends(by[f"{name}_fraction"]) for name in FRACTIONS},
        "n": dict(zip(("scans", "members", "draws"), (sizes[-1], *cube.sizes), strict=True)),
    }
    return pd.DataFrame(rows, columns=COLUMNS), leaves


def _ends(values: Sequence[float]) -> dict[str, float]:
    return dict(zip(("value", "low", "high"), values, strict=True))


def percent_cv(variance: float) -> float:
    """Return the root of a variance in %^2, 0 where it is below 0."""
    return float(np.sqrt(np.maximum(variance, 0.0)))


def scan_table(cube: Cube) -> pd.DataFrame:
    """Return the components of each structure and scan, `SCAN_COLUMNS`; undefined pairs absent."""
    parts, mean = relative_parts(cube.values), pair_means(cube.values)
    n_members = np.isfinite(cube.values).all(axis=-1).sum(axis=-1)
    rows = []
    for k, s in zip(*np.nonzero(np.isfinite(parts.total)), strict=True):
        for name, values in parts._asdict().items():
            head = (cube.group, cube.structures[k], cube.scans[s], name)
            size = (int(n_members[k, s]), cube.sizes[1], mean[k, s])
            rows.append((*head, *size, values[k, s], percent_cv(values[k, s])))
    return pd.DataFrame(rows, columns=SCAN_COLUMNS)


def counts(scans: pd.DataFrame) -> dict[str, int]:
    """Return the number of structure-scan pairs, and of those whose reconstruction is below 0."""
    own = scans[scans["component"] == "reconstruction"]
    below = int((own["variance"] < 0).sum())
    return {"pairs": len(own), "reconstruction_below_0": below}


class Endpoint(NamedTuple):
    """The CV of one component of a group, as what predictors are asked for."""

    cohort: Cohort
    cube: Cube
    name: str
    """Of `ENDPOINTS`."""

    whole: Cohorts

    @property
    def group(self) -> str:
        """Return the group's name."""
        return self.cube.group

    def of_members(self, draws: pd.DataFrame) -> pd.DataFrame:
        """Return ln CV of some members; columns structure, subject, target, NaN where undefined."""
        names, scans = self.cube.structures, self.cube.scans
        parts = relative_parts(draw_cube(draws, names, scans))
        variance = getattr(parts, self.name)
        target = np.log(np.where(variance > 0, variance, np.nan)) / 2.0
        pairs = pd.MultiIndex.from_product([names, scans], names=["structure", "subject"])
        return pairs.to_frame(index=False).assign(target=target.ravel())

    def halves(self) -> pd.DataFrame:
        """Return ln CV of each half of the members; columns structure, subject, target, half."""
        assert self.cohort.draws is not None
        return half_targets(of(self.cohort.draws, self.group), self.of_members)

    def matrix(self, table: pd.DataFrame, column: str) -> np.ndarray:
        """Return a column by structure and scan."""
        return pair_matrix(table, column, self.cube.structures, self.cube.scans)

    def slope(self, exchanged: Any) -> Tree:
        """Return the slopes of ln CV on the primary predictor, of the other half of the members."""
        known = of(self.cohort.half_surrogates, self.group)
        known = logarithm(known[known["surrogate"] == PRIMARY])
        y, reference = self.halves(), self.matrix(self.cohort.reference, "volume_mm3")
        size = np.log(np.where(reference > 0, reference, np.nan))
        tables = []
        for half in HALVES:
            x = self.matrix(known[known["half"] == half], "x")
            target = self.matrix(y[y["half"] == OTHER[half]], "target")
            if (np.isfinite(x) & np.isfinite(target)).any():
                tables.append(Table(x, target, size, self.whole.clusters))
        return mean_slopes(tables, exchanged, self.whole.level)


def predicted(endpoint: Endpoint, scans: pd.DataFrame) -> tuple[Tree, pd.DataFrame]:
    """Return the R^2 of the published study and every predictor's relation with an endpoint.

    Args:
        endpoint: the CV of one component of one group.
        scans: from `scan_table`.

    Returns:
        r2, controls, split_half (the agreement of both halves' ln CV, which bounds `disjoint`),
        surrogates, n_pairs and n_undefined (pairs without a CV above 0); and the table
        `PREDICTOR_COLUMNS`.
    """
    cohort, group, whole = endpoint.cohort, endpoint.group, endpoint.whole
    own = scans[(scans["component"] == endpoint.name) & (scans["variance"] > 0)]
    target = own[["group", "structure", "subject"]].assign(target=own["cv_percent"])
    size = of(cohort.cv, group)
    tree: Tree = {"n_pairs": len(own), "n_undefined": counts(scans)["pairs"] - len(own)}
    if len(own):
        regions, histograms = (of(each, group) for each in (cohort.regions, cohort.histograms))
        table, _ = prediction_table(target, regions, histograms, "target")
        tree |= published(with_size(table, size), whole)
    halves = endpoint.halves()
    one, other = (endpoint.matrix(halves[halves["half"] == half], "target") for half in HALVES)
    agreement = relations([(one, other)], whole.clusters, whole.level)
    tree["split_half"] = {scope: agreement[scope].leaves for scope in SCOPES}
    known = with_volume(of(every_surrogate(cohort), group), size)
    rows = pd.concat(
        [
            predict_target(known, Targets(target, size, "target"), whole),
            disjoint_rows(endpoint, halves),
        ],
        ignore_index=True,
    )
    tree["surrogates"] = surrogate_tree(rows).get(group, {})
    return tree, rows.assign(endpoint=endpoint.name)[PREDICTOR_COLUMNS]


def published(table: pd.DataFrame, whole: Cohorts) -> Tree:
    """Return R^2 in sample of a table of CV and predictors, and its controls."""
    if table.empty:
        return {}
    found, _ = regressions(table, dict(whole.subject_of), whole.order, "target")
    controls = found["controls"]
    kept: Tree = {name: {key: controls[name][key] for key in CONTROLS} for name in found["r2"]}
    return {"r2": found["r2"], "controls": kept | {"structure_only": controls["structure_only"]}}


def disjoint_rows(endpoint: Endpoint, targets: pd.DataFrame) -> pd.DataFrame:
    """Return how well surrogates of half of the members predict the other half's ln CV."""
    every = logarithm(of(endpoint.cohort.half_surrogates, endpoint.group))
    rows: list[tuple[object, ...]] = []
    for (kind, name), values in every.groupby(["kind", "surrogate"], sort=False):
        pairs = disjoint_pairs(targets, values, ["x"])
        head = (endpoint.group, name, kind, COSTS[kind], len(pairs), len(targets) - len(pairs))
        if pairs["half"].nunique() > 1:
            found = disjoint_relations(pairs, "x", endpoint.whole)
            rows += [(*head, f"disjoint_{scope}_r", *found[scope]) for scope in SCOPES]
    return pd.DataFrame(rows, columns=[*PREDICTOR, *ESTIMATE])
