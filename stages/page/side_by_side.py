"""The section of the HTML report that sets two segmenters side by side.

Images, code and parameters are the same; who measured is not. What rests on one segmenter says as
much about the segmenter as about the reconstructions.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from scipy.stats import spearmanr

from stages.figures import other_segmenter as figure
from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import DASH, counted, listed, number, share
from stages.figures.kit.sample import pairs
from stages.figures.kit.titles import title
from stages.page.answers import predictability
from stages.page.answers.most_biased import largest_bias, median_absolute_bias
from stages.page.conclusions import View, conclusions, paragraph, verdict
from stages.page.other_segmenter import AGAIN, FILE, Kept, Segmenter, concerns, fault
from stages.page.pictures import Embedded, drawing
from stages.provenance.basis import present

HEADS = [
    "group",
    "segmenter",
    "median CV (%)",
    "median absolute bias (%)",
    "largest bias (%)",
    "R² histogram",
    "R² summary",
    "R² mean SD alone",
    "r within structures",
    "p",
]
LEAST_STRUCTURES = 3  # ranks of two agree half the time


@dataclass(frozen=True)
class Beside:
    """The section: why it is left out, or all that it shows."""

    note: str = ""
    """Why it is left out."""
    verdict: str = ""
    paragraph: str = ""
    """All conclusions."""
    ranks: str = ""
    heads: tuple[str, ...] = ()
    """Of the table."""
    rows: tuple[tuple[str, ...], ...] = ()
    table: str = ""
    """Its caption."""
    heading: str = ""
    """Of the figure, as the four below."""
    alternative: str = ""
    good: str = ""
    caption: str = ""
    image: Embedded | None = None
    sources: tuple[tuple[str, str], ...] = ()
    """(segmenter, MD5)."""


def beside(own: Facts, found: Kept | None) -> Beside | None:
    """Return the section; None where nothing is kept of another segmenter and this study's scans.

    Args:
        own: the present study.
        found: answers by another segmenter.
    """
    segmenter, basis = Segmenter.present(), present(own.ensembles)
    if found is None or found.segmenter.same(segmenter) or not concerns(found, basis):
        return None
    why = fault(found, basis, segmenter)
    if why:
        return Beside(note=f"{FILE} was left out: {why}; {AGAIN}.")
    return section(*views(own, segmenter, found), (segmenter, found.segmenter))


def views(own: Facts, segmenter: Segmenter, found: Kept) -> tuple[View, View]:
    """Return the study by its own segmenter and by the other, whose names differ."""
    pair = segmenter, found.segmenter
    if len({each.name for each in pair}) == 1:
        names = spoken = [each.described for each in pair]
    else:
        names, spoken = [each.name for each in pair], [each.spoken for each in pair]
    both = own, found.facts(own)
    first, second = (View(*each) for each in zip(both, names, spoken, strict=True))
    return first, second


def section(first: View, second: View, segmenters: tuple[Segmenter, Segmenter]) -> Beside:
    """Return the section of two segmenters whose images are the same."""
    found = conclusions(first, second)
    groups = [g for g in first.facts.varying if measured(first, g) and measured(second, g)]
    drawn = figure.draw(
        scatter(first, second, groups),
        [correlations(view) for view in (first, second)],
        [first.name, second.name],
        groups,
    )
    return Beside(
        verdict=verdict(found),
        paragraph=paragraph(found),
        ranks=ranks(first, second),
        heads=tuple(HEADS),
        rows=tuple(row(view, group) for group in groups for view in (first, second)),
        table=table_caption(first, second),
        heading=figure.HEADING,
        alternative=figure.ALTERNATIVE,
        good=figure.GOOD,
        caption=figure.caption(first.facts, first.by, second.by),
        image=drawing(drawn),
        sources=tuple((each.described, each.md5) for each in segmenters),
    )


def measured(view: View, group: str) -> bool:
    """Return whether a group's volumes vary or are biased at all by this segmenter."""
    return bool(view.facts.get("volumes", group))


def row(view: View, group: str) -> tuple[str, ...]:
    """Return a row of the table, as it is printed."""
    facts = view.facts
    r2 = facts.get("prediction", group, "r2") or {}
    found = predictability.correlations(facts).get(group, {})
    return (
        title(group),
        view.name,
        number(facts.get("volumes", group, "cv", "median")),
        number(median_absolute_bias(facts, group)),
        largest_bias(facts, group),
        number(r2.get("histogram")),
        number(r2.get("summary")),
        number(facts.get("surrogates", group, "std_mean", "pooled_r2")),
        predictability.interval(found) if found else DASH,
        number(found.get("p")),
    )


def scatter(first: View, second: View, groups: list[str]) -> pd.DataFrame:
    """Return columns quantity, group, structure, first, second (%): what both have measured."""
    found = [
        (quantity, group, structure, one, two)
        for quantity in ("cv", "bias")
        for group in groups
        for structure, one, two in both_measured(first, second, group, quantity)
    ]
    return pd.DataFrame(found, columns=["quantity", "group", "structure", "first", "second"])


def both_measured(
    first: View, second: View, group: str, quantity: str
) -> Iterator[tuple[str, float, float]]:
    """Yield each structure with its CV or bias (%) by both segmenters."""
    one, two = (view.facts.get("volumes", group, quantity) or {} for view in (first, second))
    for structure in first.facts.params.structures:
        if structure in one and structure in two:
            yield structure, one[structure], two[structure]


def correlations(view: View) -> figure.Ends:
    """Return group -> r within structures and the ends of its interval, NaN where unknown."""
    found = predictability.correlations(view.facts)
    return {
        group: (tree["r"], tree.get("low", math.nan), tree.get("high", math.nan))
        for group, tree in found.items()
    }


def ranks(first: View, second: View) -> str:
    """Return how alike both rank the structures of each architecture, by Spearman's coefficient."""
    parts = []
    for quantity, name in (("cv", "CV"), ("bias", "bias")):
        each = []
        for group in first.facts.groups:
            both = [pair[1:] for pair in both_measured(first, second, group, quantity)]
            if len(both) >= LEAST_STRUCTURES:
                each.append(f"{title(group)} {number(float(spearmanr(both).statistic))}")
        if each:
            parts.append(f"of the {name} {listed(each)}")
    n = counted(len(first.facts.params.structures), "structure")
    return f"Spearman's ρ between both segmenters over {n}: {'; '.join(parts)}." if parts else ""


def table_caption(first: View, second: View) -> str:
    """Return what the table holds."""
    level = first.facts.params.level
    return (
        f"The same images measured by {first.by} and by {second.by}. CV: coefficient of variation"
        " of a volume over members, median over structures and scans; median absolute bias: median"
        " over structures, against the same segmenter on the fully sampled scan; R²: of the CV on"
        " the voxelwise standard deviation (SD), over all structures, in sample; r: of the mean SD"
        f" with the CV, with its {share(level)} interval, and p by permutation; statistically"
        f" significant: above 0 and p below {share(1 - level)}. Noise is scaled to the white matter"
        f" of each segmenter. {pairs(first.facts)}."
    )
