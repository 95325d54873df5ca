"""Which conclusions hold by both of two segmenters that measured the same images."""

from collections.abc import Callable
from dataclasses import dataclass

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, percent
from stages.figures.kit.sample import too_few
from stages.figures.kit.titles import title
from stages.page.answers.least_variable import certain_lead, lowest_cv
from stages.page.answers.most_biased import biases, certain_most
from stages.page.answers.predictability import correlations, excluded, predicted


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
    """Return what can be concluded about variability, bias and prediction by both segmenters."""
    return [found for ask in QUESTIONS if (found := ask(first, second))]


def least(first: View, second: View) -> Conclusion | None:
    """Return which architecture has the lowest CV by each segmenter, where that is significant."""
    orders = [list(lowest_cv(view.facts)) for view in (first, second)]
    if not all(len(order) > 1 for order in orders):
        return None
    sure = [certain_lead(view.facts) and not too_few(view.facts) for view in (first, second)]
    one, two = (title(order[0]) for order in orders)
    if not any(sure):
        return Conclusion(
            False,
            "Neither segmenter shows which architecture has the lowest CV (lowest in this cohort:"
            f" {one} by {first.by}, {two} by {second.by}).",
        )
    if one == two and all(sure):
        return Conclusion(True, f"By both {one} has the lowest CV (statistically significant).")
    leads = [
        f"{name} by {view.by} ({'' if clear else 'not '}statistically significant)"
        for name, view, clear in zip((one, two), (first, second), sure, strict=True)
    ]
    return Conclusion(
        False, f"Which architecture has the lowest CV depends on the segmenter: {listed(leads)}."
    )


def most_biased(first: View, second: View) -> Conclusion | None:
    """Return which architecture is most biased by each segmenter, where the lead is sure."""
    orders = [list(biases(view.facts)) for view in (first, second)]
    if not all(len(order) > 1 for order in orders):
        return None
    one, two = (
        None if too_few(view.facts) else certain_most(view.facts) for view in (first, second)
    )
    sizes = [
        f"median absolute bias of {title(order[0])} {percent(biases(view.facts)[order[0]])}"
        f" by {view.by}"
        for order, view in zip(orders, (first, second), strict=True)
    ]
    told = f"({listed(sizes)})"
    if one is None and two is None:
        return Conclusion(
            False, f"Neither segmenter shows which architecture is the most biased {told}."
        )
    if one == two and one is not None:
        return Conclusion(
            True, f"By both {title(one)} is the most biased, statistically significant {told}."
        )
    each = [
        f"{title(name) if name else 'none'} by {view.by}"
        for name, view in ((one, first), (two, second))
    ]
    return Conclusion(
        False,
        "Which architecture is shown to be the most biased rests on the segmenter:"
        f" {listed(each)} {told}.",
    )


def prediction(first: View, second: View) -> Conclusion | None:
    """Return whether voxelwise uncertainty predicts the CV by each segmenter."""
    if not all(correlations(view.facts) for view in (first, second)):
        return None
    one, two = (
        [] if too_few(view.facts) else [title(g) for g in predicted(view.facts)]
        for view in (first, second)
    )
    scope = "voxelwise uncertainty predicts whether a structure varies more in one scan than in"
    scope += " another"
    if set(one) == set(two):
        if one:
            return Conclusion(
                True, f"By both {scope}, in {listed(one)} (statistically significant)."
            )
        by = [view.by for view in (first, second) if excluded(view.facts)]
        if len(by) == 2:
            return Conclusion(True, f"By both, if {scope}, then weakly.")
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
    verb = "holds" if held < 2 else "hold"  # "none of 3 conclusions holds"
    return f"{count} of {counted(n, 'conclusion')} {verb} by both segmenters."
