"""Numbers and lists in words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.figures.kit.phrasing import DASH, counted, listed, number, percent, share, span, spread


@given(value=st.floats(-1e6, 1e6), digits=st.integers(0, 4), sign=st.booleans())
def test_a_number_reads_back(value: float, digits: int, sign: bool) -> None:
    written = number(value, digits, sign=sign)
    assert abs(float(written.replace("−", "-")) - value) <= 0.5 * 10.0**-digits + 1e-9
    assert "-" not in written
    assert written.lstrip("+−") != written or not sign or float(written) == 0


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_no_number_is_a_dash(value: float | None) -> None:
    assert number(value) == DASH
    assert percent(value) == f"{DASH}\N{NO-BREAK SPACE}%"
    assert span(value, 1.0) == DASH


def test_nothing_is_minus_zero() -> None:
    assert number(-0.001) == "0.00"
    assert number(0.001, sign=True) == "0.00"


def test_parts_of_one() -> None:
    assert share(0.514) == "51\N{NO-BREAK SPACE}%"
    assert spread([0.29, 0.514, 0.3]) == "29 to 51\N{NO-BREAK SPACE}%"
    assert spread([0.291, 0.292]) == "29\N{NO-BREAK SPACE}%"
    assert spread([math.nan]) == DASH
    assert span(-0.5, 0.25) == "−0.50 to 0.25"


def test_lists_and_counts() -> None:
    assert [listed(["A", "B", "C"][:n]) for n in range(4)] == ["", "A", "A and B", "A, B and C"]
    assert listed(["A", "B"], "or") == "A or B"
    assert [counted(n, "scan") for n in (1, 2)] == [
        "1\N{NO-BREAK SPACE}scan",
        "2\N{NO-BREAK SPACE}scans",
    ]
