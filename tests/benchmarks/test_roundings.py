"""A headline under several roundings: what moves, and what stays within its interval."""

from typing import Any

import pytest

from tests.benchmarks.roundings import rows, table


def study(cv: float, reach: float, r2: float, **others: Any) -> dict[str, Any]:
    """Return the metrics of a study of one network."""
    volumes = {"unet": {"cv": {"median": cv, "low": cv - reach, "high": cv + reach}} | others}
    return {"volumes": volumes, "prediction": {"unet": {"r2": {"summary": r2}}}}


OLD = study(2.0, 0.25, 0.61)
NEW = study(2.2, 0.1, 0.81, absolute_bias={"median": 1.0})
WIDE = study(2.0, 1.0, 0.7)


def test_only_numbers_that_all_have_are_compared() -> None:
    assert [row.name for row in rows({"a": OLD, "b": NEW})] == ["unet.cv", "unet.r2.summary"]


def test_a_number_is_within_one_interval_and_outside_the_other() -> None:
    cv, r2 = rows({"a": OLD, "b": NEW})
    assert cv.held == (1, 2)
    assert cv.moved == pytest.approx(0.2 / 2.1)
    assert cv.headline
    assert r2.held is None and not r2.headline


def test_a_number_that_is_wide_under_one_setting_is_no_headline() -> None:
    assert not rows({"a": OLD, "b": WIDE})[0].headline


def test_the_table_has_a_row_a_number() -> None:
    lines = table({"a": OLD, "b": NEW}).splitlines()
    assert lines[0] == "| number | a | b | moved | within the interval | headline |"
    assert lines[2] == "| unet.cv | 2 ± 0.25 | 2.2 ± 0.1 | 9.5 % | 1 of 2 | yes |"
    assert lines[3] == "| unet.r2.summary | 0.61 | 0.81 | 28.2 % | - | no |"
    assert len(lines) == 4


def test_a_difference_of_two_groups_is_shown_once() -> None:
    leaf = {"value": 1.0, "low": 0.5, "high": 1.5}
    own = study(2.0, 0.3, 0.61, absolute_bias_difference={"rim": leaf})
    own["volumes"]["rim"] = {"absolute_bias_difference": {"unet": leaf | {"value": -1.0}}}
    names = {row.name: row.numbers[0] for row in rows({"a": own})}
    assert names["unet.absolute_bias_difference.rim"] == (1.0, 0.5)
    assert "rim.absolute_bias_difference.unet" not in names
