"""Could a volume of an accelerated scan replace that of the fully sampled one: method agreement.

A member's volume V_sm of scan s is compared with the volume R_s of the same scan, fully sampled and
segmented alike; differences are 100 (V_sm - R_s) / R_s. Members are a sample, as scans are: the
intervals are those of another member on another scan. Equivalence is tested against a margin that
`analyse.trial` gives: what a year of the disease takes from the hippocampus beyond normal ageing.
Volumes are also taken relative to the intracranial volume, the sum of all labels, as in SynthSeg's
table.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer, Tree
from stages.statistics.cohort import Cohort, of
from stages.statistics.families import adjusted
from stages.statistics.methods.arrays import volume_cube
from stages.statistics.methods.bias import bias
from stages.statistics.methods.bootstrap import LEAST_CLUSTERS
from stages.statistics.methods.concordance import coefficient_interval, concordance, icc_of_two
from stages.statistics.methods.deming import deming, deming_intervals
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.methods.limits_of_agreement import REACH, Limits, limits_of_agreement
from stages.statistics.methods.pivots import strata, uniform_draws
from stages.statistics.methods.variability import PERCENT, coefficient_of_variation, positive
from stages.statistics.methods.variance_components import estimate
from stages.statistics.needs import REFERENCE, needs
from stages.statistics.questions.power import TRIAL_STRUCTURE

ESTIMATES = ("bias", "lower", "upper", "ccc", "icc", "slope", "intercept")
"""What has an interval: bias and limits in %, slope without unit, intercept in % of the mean."""

WITH_ENDS = [f"{name}{end}" for name in ESTIMATES for end in ("", "_low", "_high")]
SIZES = ["n_scans", "n_subjects", "n_members"]
P, ADJUSTED, REASON = "p", "adjusted", "undefined"
COLUMNS = ["group", "structure", *SIZES, "sd", *WITH_ENDS, P, ADJUSTED, REASON]
PAIR_COLUMNS = ["group", "structure", "subject", "member", "reference_mm3", "difference"]
NAN = float("nan")


class Comparison(NamedTuple):
    """How volumes are compared."""

    margin: float
    """Largest mean difference that counts as none, %."""

    alpha: float
    """Significance level of the equivalence."""

    level: float
    """Coverage of the intervals, between 0 and 1."""

    uniforms: np.ndarray
    """From `uniform_draws`."""

    subject_of: dict[str, str]
    """Scan -> subject."""

    networks: tuple[str, ...] = ()
    """Groups whose tests are one family; those of the other groups are another."""

    replicates: tuple[str, ...] = ()
    """Groups whose members differ in noise alone: the errors of the fully sampled volumes."""

    nested: frozenset[str] = frozenset()
    """Groups whose members are samples of their scan."""

    within: bool = False
    """Whether the members of the group at hand are samples of their scan."""


@needs(REFERENCE)
def ask(cohort: Cohort, params: AnalyseParams, rng: np.random.Generator) -> Answer:
    """Return limits of agreement, concordance, equivalence and regression against the reference."""
    trial, ensembles = params.trial, cohort.ensembles
    margin = trial.disease_percent_per_year
    how = Comparison(
        margin,
        trial.alpha,
        params.level,
        uniform_draws(rng),
        cohort.subject_of,
        ensembles.studied,
        ensembles.named(of=lambda kind: kind.adds_noise),
        cohort.nested,
    )
    table = compare(cohort.volumes, cohort.reference, how)
    tree: Tree = {"margin_percent": margin}
    for group in cohort.compared:
        tree[group] = _summary(of(table, group), how) | _intracranial(cohort, group, how)
    pairs = differences(cohort.volumes, cohort.reference)
    gaps = table[table[REASON] != ""].groupby(["group", REASON], sort=False).size()
    undefined = [f"{group}: {reason} ({n} structures)" for (group, reason), n in gaps.items()]
    if cohort.intracranial is None:
        undefined.append("relative_to_intracranial: the segmentations lack some of the labels")
    return Answer(tree, {"agreement": table, "differences": pairs}, tuple(undefined))


def differences(volumes: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Return the difference of every volume from the reference's, in %.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        reference: tidy, columns subject, structure, volume_mm3.

    Returns:
        `PAIR_COLUMNS`; NaN where a volume is not positive or there is no reference.
    """
    keys = ["structure", "subject"]
    known = reference[[*keys, "volume_mm3"]].rename(columns={"volume_mm3": "reference_mm3"})
    table = volumes.merge(known, on=keys, how="left")
    values = positive(table["volume_mm3"].to_numpy(np.float64))
    against = table["reference_mm3"].to_numpy(np.float64)
    return table.assign(difference=bias(values[:, None], against))[PAIR_COLUMNS]


def compare(volumes: pd.DataFrame, reference: pd.DataFrame, how: Comparison) -> pd.DataFrame:
    """Return the agreement of each group and structure with the reference.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        reference: tidy, columns subject, structure, volume_mm3.
        how: margin, levels, draws, subjects and groups.

    Returns:
        `COLUMNS`, NaN where undefined, and then why in the last one; p of the equivalence, adjusted
        over the structures of all networks, or of all other groups.
    """
    whole = reference.assign(member=0)
    noise = _residuals(volumes[volumes["group"].isin(how.replicates)])
    parts = []
    for group, table in volumes.groupby("group", sort=False):
        cube, structures, scans = volume_cube(table)
        known, names, there = volume_cube(whole)
        rest = _residuals(table)
        rows = []
        for structure, values in zip(structures, cube, strict=True):
            against = pd.Series(
                known[names.index(structure), :, 0] if structure in names else NAN, index=there
            )
            matched = against.reindex(scans).to_numpy(np.float64)
            ratio = rest.get(structure, NAN) / positive(np.array(noise.get(structure, NAN)))
            subject = np.array([how.subject_of.get(scan, scan) for scan in scans])
            own = how._replace(within=group in how.nested)
            found = _agreement(positive(values), positive(matched), subject, float(ratio), own)
            rows.append({"group": group, "structure": structure, **found})
        parts.append(pd.DataFrame(rows))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    table[ADJUSTED] = NAN
    own = table["group"].isin(how.networks)
    for family in (own, ~own):
        table.loc[family, ADJUSTED] = adjusted(table.loc[family, P].to_numpy(np.float64))
    return table[COLUMNS]


def _residuals(volumes: pd.DataFrame) -> dict[str, float]:
    """Return the variance of ln V that neither scan nor member explains, of each structure."""
    if volumes.empty:
        return {}
    cube, structures, _ = volume_cube(volumes)
    with np.errstate(invalid="ignore"):
        logarithms = np.log(positive(cube))
    return {
        structure: estimate(values)["residual"]
        for structure, values in zip(structures, logarithms, strict=True)
    }


def _agreement(
    volumes: np.ndarray,
    reference: np.ndarray,
    subject: np.ndarray,
    ratio: float,
    how: Comparison,
) -> dict[str, Any]:
    """Return the row of one structure.

    Args:
        volumes: (n_scans, n_members), mm3, NaN where undefined.
        reference: (n_scans,), mm3, NaN where undefined.
        subject: (n_scans,) the subject of each scan.
        ratio: variance of an error of a volume over that of the reference.
        how: margin, levels and draws.
    """
    relative = bias(volumes[..., None], reference[:, None])
    known = np.isfinite(relative).any(axis=1)
    sizes = (
        int(known.sum()),
        len(set(subject[known])),
        int(np.isfinite(relative).any(axis=0).sum()),
    )
    row: dict[str, Any] = dict(zip(SIZES, sizes, strict=True)) | dict.fromkeys(WITH_ENDS, NAN)
    limits = limits_of_agreement(relative, subject, how.uniforms, how.level, nested=how.within)
    if limits is not None:
        row |= _limits(limits, how.level)
    row |= {"sd": limits.sd if limits else NAN}
    row |= {P: limits.bias.equivalence_p(how.margin) if limits else NAN}
    for name, coefficient in (("ccc", concordance), ("icc", icc_of_two)):
        ends = coefficient_interval(coefficient, volumes, reference, subject, how.level)
        row |= _with_ends(name, coefficient(volumes, reference), ends[:2])
    row |= _line(volumes, reference, subject, ratio, how.level)
    return row | {REASON: _reason(relative, sizes, row, ratio)}


def _with_ends(name: str, value: float, ends: tuple[float, ...]) -> dict[str, float]:
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}


def _limits(limits: Limits, level: float) -> dict[str, float]:
    return {
        **_with_ends("bias", limits.bias.value, limits.bias.interval(level)),
        **_with_ends("lower", limits.lower, limits.lower_interval),
        **_with_ends("upper", limits.upper, limits.upper_interval),
    }


def _line(
    volumes: np.ndarray, reference: np.ndarray, subject: np.ndarray, ratio: float, level: float
) -> dict[str, float]:
    """Return slope and intercept, volumes in units of the mean of the reference."""
    if not np.isfinite(reference).any():
        return {}
    unit = float(np.nanmean(reference))
    volumes, reference = volumes / unit, reference / unit
    line = deming(volumes, reference, ratio)
    slope, intercept = deming_intervals(volumes, reference, ratio, subject, level)
    ends = PERCENT * intercept.low, PERCENT * intercept.high
    return _with_ends("slope", line.slope, slope[:2]) | _with_ends(
        "intercept", PERCENT * line.intercept, ends
    )


def _reason(
    relative: np.ndarray, sizes: tuple[int, int, int], row: dict[str, Any], ratio: float
) -> str:
    """Return why something of a row is undefined; nothing where all is defined."""
    if sizes[1] < LEAST_CLUSTERS:
        return f"intervals need {LEAST_CLUSTERS} subjects, got {sizes[1]}"
    if sizes[2] > 1 and not strata(relative).defined:
        return "too many volumes are missing to separate members from scans"
    missing = [name for name in ESTIMATES if not np.isfinite(row[name])]
    if missing == ["slope", "intercept"]:
        if sizes[2] == 1:
            return "no regression: one member says nothing of its errors"
        if not 0 < ratio < np.inf:
            return "no regression: the errors of both are not known"
        return "no regression: volumes do not rise with those of the fully sampled scans"
    return f"no variability: {', '.join(missing)}" if missing else ""


def _summary(table: pd.DataFrame, how: Comparison) -> Tree:
    """Return the metrics of one group: medians over structures, counts, and the hippocampus."""
    defined = table.dropna(subset=["bias"])
    tree: Tree = {
        "half_width_percent": _median(REACH * table["sd"]),
        "ccc": _median(table["ccc"]),
        "icc": _median(table["icc"]),
        "equivalent": int((table[ADJUSTED] < how.alpha).sum()),
        "tested": int(table[P].notna().sum()),
        "equivalence": {str(row["structure"]): {P: row[P]} for _, row in table.iterrows()},
    }
    for _, row in table[table["structure"] == TRIAL_STRUCTURE].iterrows():
        tree[TRIAL_STRUCTURE] = {
            name: {"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}
            for name in ESTIMATES
        }
    tree, gaps = without_gaps(tree)
    sizes = {name.removeprefix("n_"): int(table[name].max()) for name in SIZES if len(table)}
    counts = {"structures": len(defined), "structures_undefined": len(table) - len(defined)}
    return tree | {"n": sizes | counts | {"undefined": len(gaps)}}


def _median(values: pd.Series) -> float:
    known = values.dropna()
    return float(known.median()) if len(known) else NAN


def _intracranial(cohort: Cohort, group: str, how: Comparison) -> Tree:
    """Return CV and limits of volumes relative to the intracranial volume, medians, in %.

    Beside them the same CV of the volumes as they are.
    """
    if cohort.intracranial is None:
        return {}
    volumes = _relative(of(cohort.volumes, group), cohort.intracranial)
    reference = _relative(cohort.reference, cohort.intracranial)
    table = differences(volumes, reference)
    widths = []
    for _, part in table.groupby("structure", sort=False):
        wide = part.pivot(index="subject", columns="member", values="difference")
        subject = np.array([how.subject_of.get(scan, scan) for scan in wide.index])
        values, nested = wide.to_numpy(np.float64), group in how.nested
        found = limits_of_agreement(values, subject, how.uniforms, how.level, nested=nested)
        widths.append(REACH * found.sd if found else NAN)
    tree = {
        "half_width_percent": _median(pd.Series(widths, dtype=np.float64)),
        "cv_percent": _median_cv(volumes),
        "cv_percent_of_volumes": _median_cv(of(cohort.volumes, group)),
    }
    return {"relative_to_intracranial": without_gaps(tree)[0]}


def _median_cv(volumes: pd.DataFrame) -> float:
    """Return the median CV over all structure-scan pairs, in %."""
    wide = volumes.pivot(index=["structure", "subject"], columns="member", values="volume_mm3")
    return _median(pd.Series(coefficient_of_variation(wide.to_numpy(np.float64))))


def _relative(volumes: pd.DataFrame, intracranial: pd.DataFrame) -> pd.DataFrame:
    """Return volumes in units of the intracranial volume of the same image."""
    keys = ["group", "member", "subject"]
    whole = volumes.merge(intracranial, on=keys, how="left")
    return volumes.assign(volume_mm3=(whole["volume_mm3"] / whole["total_mm3"]).to_numpy())
