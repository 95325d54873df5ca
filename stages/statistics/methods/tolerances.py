"""Numbers of two studies side by side, each judged within its tolerance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

MATCH, NO_MATCH, NOT_COMPARABLE = "match", "no match", "not comparable"
ABSENT = "absent"
EXACT, REPORT_ONLY = "exact", "report only"
ROUNDING = 1e-9  # decimal tolerances are no binary fractions: 30.65 - 0.5 still matches


@dataclass(frozen=True)
class Row:
    """One line of the comparison; `holds` is None where there is nothing to compare."""

    quantity: str
    reported: str
    here: str
    tolerance: str
    holds: bool | None

    @property
    def match(self) -> str:
        """Return the verdict in words."""
        return {True: MATCH, False: NO_MATCH, None: NOT_COMPARABLE}[self.holds]


def near(quantity: str, reported: float, here: float, limit: float) -> Row:
    """Return the row that judges |here - reported| <= limit."""
    holds = None if math.isnan(here) else abs(here - reported) <= limit + ROUNDING
    return Row(quantity, text(reported), text(here), f"± {text(limit)}", holds)


def same(quantity: str, reported: float, here: float, reach: float) -> Row:
    """Return the row that judges whether here - reported -+ reach, an interval, holds 0."""
    apart = here - reported
    holds = None if math.isnan(apart) or math.isnan(reach) else abs(apart) <= reach + ROUNDING
    tolerance = f"difference {text(apart - reach)} to {text(apart + reach)}"
    return Row(quantity, text(reported), text(here), tolerance, holds)


def within_factor(quantity: str, reported: float, here: float, factor: float) -> Row:
    """Return the row that judges reported / factor <= here <= reported * factor."""
    holds = None
    if not math.isnan(here):
        holds = reported / factor - ROUNDING <= here <= reported * factor + ROUNDING
    return Row(quantity, text(reported), text(here), f"factor {text(factor)}", holds)


def within(quantity: str, ends: list[float], here: float, limit: float = 0.0) -> Row:
    """Return the row that judges low - limit <= here <= high + limit."""
    low, high = ends
    holds = None
    if not math.isnan(here):
        holds = low - limit - ROUNDING <= here <= high + limit + ROUNDING
    tolerance = f"± {text(limit)}" if limit else EXACT
    return Row(quantity, f"{text(low)} to {text(high)}", text(here), tolerance, holds)


def below(quantity: str, reported: str, here: float, limit: float) -> Row:
    """Return the row that judges |here| < limit."""
    holds = None if math.isnan(here) else abs(here) < limit
    return Row(quantity, reported, text(here), f"size below {text(limit)}", holds)


def ordered(what: str, order: list[str], values: Mapping[str, float]) -> Row:
    """Return the row that judges values[order[0]] < values[order[1]] < ...; equal is no match."""
    known = {name: values[name] for name in order}
    holds = None
    if not any(math.isnan(value) for value in known.values()):
        holds = all(known[a] < known[b] for a, b in pairwise(order))
    order_text = " < ".join(order)
    return Row(f"{what} {order_text}", order_text, listed(known), EXACT, holds)


def near_each_other(lowest: str, others: list[str], cv: Mapping[str, float]) -> Row:
    """Return the row that judges `a ~ b` without a tolerance.

    Their ratio is to be smaller than that of the lowest to both.

    |ln(CV_a / CV_b)| < min |ln(CV_a / CV_lowest)|, |ln(CV_b / CV_lowest)|.
    """
    known = {group: cv[group] for group in (lowest, *others)}
    holds = None
    if all(value > 0 for value in known.values()):  # NaN is not
        logs = [math.log(known[group]) for group in others]
        gap = min(abs(value - math.log(known[lowest])) for value in logs)
        holds = max(logs) - min(logs) < gap
    title = f"CV {' ~ '.join(others)}"
    return Row(title, f"nearer than to {lowest}", listed(known), EXACT, holds)


def text(value: float) -> str:
    """Return a number in four significant digits, `absent` for NaN."""
    return ABSENT if math.isnan(value) else f"{value:.4g}"


def listed(values: Mapping[str, float]) -> str:
    """Return `name value` of each entry, separated by commas."""
    return ", ".join(f"{name} {text(value)}" for name, value in values.items())
