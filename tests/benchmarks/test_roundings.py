"""A headline under several roundings: what moves, and what stays within its interval."""

import pytest

from tests.benchmarks.roundings import rows, table

OLD = {"unet": {"cv": {"value": 2.0, "half_width": 0.3}, "r2": 0.61, "bias": 0.0}}
NEW = {"unet": {"cv": {"value": 2.2, "half_width": 0.1}, "r2": 0.81, "bias": 0.0, "extra": 1.0}}


def test_only_numbers_that_all_have_are_compared() -> None:
    assert [row.name for row in rows({"a": OLD, "b": NEW})] == ["unet.cv", "unet.r2", "unet.bias"]


def test_a_number_is_within_one_interval_and_outside_the_other() -> None:
    cv, r2, bias = rows({"a": OLD, "b": NEW})
    assert cv.held == (1, 2)
    assert cv.moved == pytest.approx(0.2 / 2.1)
    assert r2.held is None
    assert bias.moved == float("inf")


def test_the_table_has_a_row_a_number() -> None:
    lines = table({"a": OLD, "b": NEW}).splitlines()
    assert lines[0] == "| number | a | b | moved | within the interval |"
    assert lines[2] == "| unet.cv | 2 ± 0.3 | 2.2 ± 0.1 | 9.5 % | 1 of 2 |"
    assert len(lines) == 5
