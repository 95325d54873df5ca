"""Which conclusions hold by both of two segmenters that measured the same images."""

from collections.abc import Callable
from dataclasses import dataclass

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, percent
from stages.figures.kit.titles import title
from stages.page.answers.least_variable import certain_lead, lowest_cv
from stages.page.answers.most_biased import biases, median_absolute_bias
from stages.page.answers.predictability import correlations, excluded, predicted
from stages.study.groups import ADDED_NOISE


@dataclass(frozen=True)
class View:
    """The study as one segmenter has it."""

    facts: Facts
    name: str
    """As it is printed."""
    by: str
    """In a sentence, `the atlas`."""


@dataclass(frozen=True)
class Conclusion:
    """What two segmenters conclude."""

    held: bool
    """Whether it holds by both."""
    sentence: str


def conclusions(first: View, second: View) -> list[Conclusion]:
    """Return what can be concluded about variation, bias and prediction by both segmenters."""
    return [found for ask in QUESTIONS if (found := ask(first, second))]


def least(first: View, second: View) -> Conclusion | None:
    """Return which architecture varies least by each segmenter, and whether the lead is sure."""
    orders = [list(lowest_cv(view.facts)) for view in (first, second)]
    if not all(len(order) > 1 for order in orders):
        return None
    sure = [certain_lead(view.facts) for view in (first, second)]
    one, two = (title(order[0]) for order in orders)
    if one == two:
        by = [view.by for view, clear in zip((first, second), sure, strict=True) if clear]
        whose = {0: "by neither", 1: f"by {listed(by)} only", 2: "by both"}[len(by)]
        return Conclusion(
            True, f"By both {one} varies least, a statistically significant lead {whose}."
        )
    leads = [
        f"{name} by {view.by} ({'' if clear else 'not '}statistically significant)"
        for name, view, clear in zip((one, two), (first, second), sure, strict=True)
    ]
    return Conclusion(
        False, f"Which architecture varies least rests on the segmenter: {listed(leads)}."
    )


def most_biased(first: View, second: View) -> Conclusion | None:
    """Return which architecture is most biased by each segmenter, if it is more than noise is."""
    found = []
    for view in (first, second):
        known = biases(view.facts)
        if len(known) < 2:
            return None
        group, size = next(iter(known.items()))
        baseline = median_absolute_bias(view.facts, ADDED_NOISE)
        found.append(("" if size <= baseline else title(group), percent(size)))
    (one, size_one), (two, size_two) = found
    if not one and not two:
        return Conclusion(True, "By neither is any architecture biased more than noise biases.")
    sizes = f"median absolute bias {size_one} by {first.by}, {size_two} by {second.by}"
    if one == two:
        return Conclusion(True, f"By both {one} is the most biased ({sizes}).")
    none = "none beyond noise"
    each = [f"{one or none} by {first.by}", f"{two or none} by {second.by}"]
    return Conclusion(
        False,
        f"Which architecture is the most biased rests on the segmenter: {listed(each)} ({sizes}).",
    )


def prediction(first: View, second: View) -> Conclusion | None:
    """Return whether voxelwise uncertainty predicts the CV by each segmenter."""
    if not all(correlations(view.facts) for view in (first, second)):
        return None
    one, two = ([title(g) for g in predicted(view.facts)] for view in (first, second))
    scope = "voxelwise uncertainty predicts whether a structure varies more in one scan than in"
    scope += " another"
    if set(one) == set(two):
        if one:
            return Conclusion(
                True, f"By both {scope}, in {listed(one)} (statistically significant)."
            )
        by = [view.by for view in (first, second) if excluded(view.facts)]
        if len(by) == 2:
            return Conclusion(True, f"By both it is excluded that {scope} moderately or more.")
        whose = f"only {listed(by)} excludes it" if by else "neither excludes it"
        # what neither shows is no conclusion that both share
        return Conclusion(False, f"That {scope} is shown by neither; {whose}.")
    each = [
        f"{listed(names) or 'none'} by {view.by}"
        for names, view in zip((one, two), (first, second), strict=True)
    ]
    return Conclusion(
        False,
        f"In which architecture {scope} (statistically significant) rests on the segmenter:"
        f" {listed(each)}.",
    )


QUESTIONS: tuple[Callable[[View, View], Conclusion | None], ...] = (least, most_biased, prediction)


def paragraph(found: list[Conclusion]) -> str:
    """Return all conclusions in a paragraph, those that hold by both segmenters first."""
    return " ".join(each.sentence for each in sorted(found, key=lambda each: not each.held))


def verdict(found: list[Conclusion]) -> str:
    """Return how many conclusions hold by both segmenters."""
    if not found:
        return "Neither variability nor bias nor their prediction was measured by both segmenters."
    held = sum(each.held for each in found)
    n = len(found)
    count = {0: "None", n: "All"}.get(held, str(held))
    verb = "holds" if held == 1 else "hold"
    return f"{count} of {counted(n, 'conclusion')} {verb} by both segmenters."
