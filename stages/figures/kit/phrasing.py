"""Numbers and lists as figures, captions and the HTML report print them."""

import math
from collections.abc import Sequence

MINUS, DASH, THIN = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{NO-BREAK SPACE}"


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """Return a number with a true minus sign; a dash where there is none.

    Args:
        value: None, NaN and infinity are no numbers.
        digits: after the point.
        sign: write a plus sign, too.
    """
    if value is None or not math.isfinite(value):
        return DASH
    written = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    if float(written) == 0:
        written = f"{0:.{digits}f}"
    return written.replace("-", MINUS)


def percent(value: float | None, digits: int = 1, *, sign: bool = False) -> str:
    """Return a number that is already in percent, with its sign of percent."""
    return f"{number(value, digits, sign=sign)}{THIN}%"


def share(value: float | None) -> str:
    """Return a fraction in percent, e.g. 0.514 as 51 %."""
    return percent(None if value is None else 100 * value, 0)


def span(low: float | None, high: float | None, digits: int = 2) -> str:
    """Return two ends, e.g. `0.10 to 0.35`; a single dash where either is missing."""
    ends = number(low, digits), number(high, digits)
    return DASH if DASH in ends else " to ".join(ends)


def spread(values: Sequence[float]) -> str:
    """Return lowest and highest of some fractions in percent, e.g. `29 to 51 %`."""
    known = [100 * v for v in values if math.isfinite(v)]
    if not known:
        return DASH
    ends = number(min(known), 0), number(max(known), 0)
    return f"{ends[0] if ends[0] == ends[1] else ' to '.join(ends)}{THIN}%"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Return `A, B and C`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def counted(n: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless it is one."""
    return f"{n}{THIN}{noun}" if n == 1 else f"{n}{THIN}{noun}s"
