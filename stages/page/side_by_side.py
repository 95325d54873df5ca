"""The section that sets two segmenters side by side: which conclusions hold by both.

Images, code and parameters are the same; who measured is not. What rests on one segmenter says as
much about the segmenter as about the reconstructions.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
from scipy.stats import spearmanr

from stages.figures.kit.style import title
from stages.figures.other_segmenter import Ends, segmenters_figure
from stages.page import answer
from stages.page.captions import Captioned, cells
from stages.page.facts import Facts
from stages.page.other_segmenter import AGAIN, FILE, Kept, Segmenter, fault
from stages.page.phrasing import DASH, counted, listed, number, percent, share
from stages.page.pictures import Embedded, drawing
from stages.params.ensembles import NOISE, EnsembleParams
from stages.provenance.basis import present

HEADS = [
    "group",
    "segmenter",
    "median CV (%)",
    "typical bias (%)",
    "largest bias (%)",
    "R² histogram",
    "R² summary",
    "R² mean SD alone",
    "r within structures",
    "p",
]
LEAST_STRUCTURES = 3  # ranks of two agree half the time


@dataclass(frozen=True)
class View:
    """The study as one segmenter has it. name: as it is printed; by: in a sentence, `the atlas`."""

    facts: Facts
    name: str
    by: str


@dataclass(frozen=True)
class Conclusion:
    """A sentence, and whether it holds by both segmenters."""

    held: bool
    sentence: str


@dataclass(frozen=True)
class Beside:
    """The section: why it is left out, or all that it shows."""

    note: str = ""
    verdict: str = ""
    paragraph: str = ""
    ranks: str = ""
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    table: str = ""
    words: Captioned | None = None
    image: Embedded | None = None
    sources: tuple[tuple[str, str], ...] = ()


def beside(own: Facts, ensembles: EnsembleParams, found: Kept | None) -> Beside | None:
    """Return the section; None where nothing is kept, or only the same segmenter's answers.

    Args:
        own: the present study.
        ensembles: its members.
        found: answers by another segmenter.
    """
    segmenter = Segmenter.present()
    if found is None or found.segmenter.same(segmenter):
        return None
    why = fault(found, present(ensembles), segmenter)
    if why:
        return Beside(note=f"{FILE} was left out: {why}; {AGAIN}.")
    return section(*views(own, segmenter, found), (segmenter, found.segmenter))


def views(own: Facts, segmenter: Segmenter, found: Kept) -> tuple[View, View]:
    """Return the study by its own segmenter and by the other, whose names differ."""
    pair = segmenter, found.segmenter
    if pair[0].method == pair[1].method:
        names = spoken = [each.described for each in pair]
    else:
        names, spoken = [each.name for each in pair], [each.spoken for each in pair]
    both = own, found.facts(own)
    first, second = (View(*each) for each in zip(both, names, spoken, strict=True))
    return first, second


def section(first: View, second: View, segmenters: tuple[Segmenter, Segmenter]) -> Beside:
    """Return the section of two segmenters whose images are the same."""
    found = conclusions(first, second)
    groups = [g for g in (*first.facts.groups, NOISE) if measured(first, g) and measured(second, g)]
    figure = segmenters_figure(
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
        words=words(first, second),
        image=drawing(figure),
        sources=tuple((each.described, each.md5) for each in segmenters),
    )


def measured(view: View, group: str) -> bool:
    """Return whether a group's volumes vary or are biased at all by this segmenter."""
    return bool(view.facts.get("volumes", group))


def row(view: View, group: str) -> tuple[str, ...]:
    """Return a row of the table, as it is printed."""
    facts = view.facts
    r2 = facts.get("prediction", group, "r2") or {}
    found = answer.correlations(facts).get(group, {})
    return (
        title(group),
        view.name,
        number(facts.get("volumes", group, "cv", "median")),
        number(answer.typical_bias(facts, group)),
        answer.largest_bias(facts, group),
        number(r2.get("histogram")),
        number(r2.get("summary")),
        number(facts.get("surrogates", group, "std_mean", "pooled_r2")),
        answer.interval(found) if found else DASH,
        number(found.get("p")),
    )


def scatter(first: View, second: View, groups: list[str]) -> pd.DataFrame:
    """Return columns quantity, group, structure, first, second (%): what both have measured."""
    found = [
        (quantity, group, structure, one, two)
        for quantity in ("cv", "bias")
        for group in groups
        for structure, one, two in pairs(first, second, group, quantity)
    ]
    return pd.DataFrame(found, columns=["quantity", "group", "structure", "first", "second"])


def pairs(
    first: View, second: View, group: str, quantity: str
) -> Iterator[tuple[str, float, float]]:
    """Yield each structure with its CV or bias (%) by both segmenters."""
    one, two = (view.facts.get("volumes", group, quantity) or {} for view in (first, second))
    for structure in first.facts.params.structures:
        if structure in one and structure in two:
            yield structure, one[structure], two[structure]


def correlations(view: View) -> Ends:
    """Return group -> r within structures and the ends of its interval, NaN where unknown."""
    found = answer.correlations(view.facts)
    return {
        group: (tree["r"], tree.get("low", math.nan), tree.get("high", math.nan))
        for group, tree in found.items()
    }


def paragraph(found: list[Conclusion]) -> str:
    """Return all conclusions in a paragraph, those that hold by both segmenters first."""
    return " ".join(each.sentence for each in sorted(found, key=lambda each: not each.held))


def verdict(found: list[Conclusion]) -> str:
    """Return how many conclusions hold by both segmenters."""
    if not found:
        return "Neither variation nor bias nor their prediction was measured by both segmenters."
    held = sum(each.held for each in found)
    n = len(found)
    count = {0: "None", n: "All"}.get(held, str(held))
    verb = "holds" if held == 1 else "hold"
    return f"{count} of {counted(n, 'conclusion')} {verb} by both segmenters."


def conclusions(first: View, second: View) -> list[Conclusion]:
    """Return what can be concluded about variation, bias and prediction by both segmenters."""
    return [found for ask in QUESTIONS if (found := ask(first, second))]


def least(first: View, second: View) -> Conclusion | None:
    """Say which architecture varies least by each segmenter, and whether the lead is sure."""
    orders = [list(answer.variations(view.facts)) for view in (first, second)]
    if not all(len(order) > 1 for order in orders):
        return None
    sure = [answer.sure_lead(view.facts) for view in (first, second)]
    one, two = (title(order[0]) for order in orders)
    if one == two:
        by = [view.by for view, clear in zip((first, second), sure, strict=True) if clear]
        whose = {0: "by neither", 1: f"by {listed(by)} only", 2: "by both"}[len(by)]
        return Conclusion(True, f"By both {one} varies least, a lead beyond chance {whose}.")
    leads = [
        f"{name} by {view.by} ({'beyond' if clear else 'not beyond'} chance)"
        for name, view, clear in zip((one, two), (first, second), sure, strict=True)
    ]
    return Conclusion(
        False, f"Which architecture varies least rests on the segmenter: {listed(leads)}."
    )


def most_biased(first: View, second: View) -> Conclusion | None:
    """Say which architecture is most biased by each segmenter, if noise does not bias as much."""
    found = []
    for view in (first, second):
        known = answer.biases(view.facts)
        if len(known) < 2:
            return None
        group, size = next(iter(known.items()))
        floor = answer.typical_bias(view.facts, NOISE)
        found.append(("" if size <= floor else title(group), percent(size)))
    (one, size_one), (two, size_two) = found
    if not one and not two:
        return Conclusion(True, "By neither is any architecture biased more than noise biases.")
    sizes = f"median size {size_one} by {first.by}, {size_two} by {second.by}"
    if one == two:
        return Conclusion(True, f"By both {one} is the most biased ({sizes}).")
    none = "none beyond noise"
    each = [f"{one or none} by {first.by}", f"{two or none} by {second.by}"]
    return Conclusion(
        False,
        f"Which architecture is the most biased rests on the segmenter: {listed(each)} ({sizes}).",
    )


def prediction(first: View, second: View) -> Conclusion | None:
    """Say whether voxelwise uncertainty foretells the variation by each segmenter."""
    if not all(answer.correlations(view.facts) for view in (first, second)):
        return None
    one, two = ([title(g) for g in answer.foretold(view.facts)] for view in (first, second))
    scope = "voxelwise uncertainty foretells whether a structure varies more in one scan than in"
    scope += " another"
    if set(one) == set(two):
        if one:
            return Conclusion(True, f"By both {scope}, beyond chance, in {listed(one)}.")
        by = [view.by for view in (first, second) if answer.excluded(view.facts)]
        whose = {0: "neither excludes it", 1: f"only {listed(by)} excludes it"}
        return Conclusion(
            len(by) != 1,
            f"That {scope} is shown by neither; {whose.get(len(by), 'both exclude it')}.",
        )
    each = [
        f"{listed(names) or 'none'} by {view.by}"
        for names, view in zip((one, two), (first, second), strict=True)
    ]
    return Conclusion(
        False,
        f"In which architecture {scope}, beyond chance, rests on the segmenter: {listed(each)}.",
    )


QUESTIONS: tuple[Callable[[View, View], Conclusion | None], ...] = (least, most_biased, prediction)


def ranks(first: View, second: View) -> str:
    """Say how alike both rank the structures of each architecture, by Spearman's coefficient."""
    parts = []
    for quantity, name in (("cv", "CV"), ("bias", "bias")):
        each = []
        for group in first.facts.groups:
            both = [pair[1:] for pair in pairs(first, second, group, quantity)]
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
        " of a volume over members, median over structures and scans; typical bias: median size"
        " over structures, against the same segmenter on the fully sampled scan; R²: of the CV on"
        " the voxelwise standard deviation (SD), over all structures, in sample; r: of the mean SD"
        f" with the CV, with its {share(level)} interval, and p by permutation; beyond chance:"
        f" above 0 and p below {share(1 - level)}. Noise is scaled to the white matter of each"
        f" segmenter. {cells(first.facts)}."
    )


def words(first: View, second: View) -> Captioned:
    """Return the words of the figure."""
    return Captioned(
        "segmenters",
        "Two segmenters",
        "Scatter plots of variation and bias by one segmenter against the other; dots of"
        " correlations with intervals.",
        f"Left: CV of a volume (%, logarithmic, median over scans) by {first.by} and by"
        f" {second.by}; middle: bias (%, likewise); a point a structure and colour a group; dashed:"
        " equal. Points above the line vary more, or measure larger, by"
        f" {second.by}. Right: r of CV with the mean voxelwise deviation within structures and its"
        f" {share(first.facts.params.level)} interval over exams. A conclusion that only one"
        f" segmenter supports may be the segmenter's own. {cells(first.facts)}.",
    )
