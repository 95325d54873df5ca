"""The table of what a cohort can detect: its cells, its place in the plan, and its figure."""

from itertools import product

import numpy as np
import pytest

from tests.benchmarks.detectable import (
    MEMBERS,
    SLOPES,
    SUBJECTS,
    draw,
    markdown,
    p_value,
    rejections,
)
from tests.benchmarks.simulation.plan import BEGIN, END, inserted, planned
from tests.benchmarks.simulation.slopes import Relation

CELLS = list(product(SUBJECTS, MEMBERS, SLOPES))
FOUND = dict.fromkeys(CELLS, (0.5, 0.25))


def test_rejections_are_single_and_by_holm():
    p = np.array([0.01, 0.03, 0.04, 0.5, 0.9, 0.02, 0.04])
    single, by_holm = rejections(p)
    assert single == pytest.approx(5 / 7)
    # 3 x .01 alone of the first three, none of the second: 3 x .02 is above .05
    assert by_holm == pytest.approx(1 / 6)


def test_four_subjects_never_reject_by_holm():
    rng = np.random.default_rng(0)
    p = np.array([p_value(Relation(4, 12, within=50.0), rng) for _ in range(6)])
    assert p.min() == pytest.approx(1 / 24)
    assert rejections(p)[1] == 0


def test_the_table_has_a_row_a_cohort_and_stands_between_its_markers():
    rows = markdown(FOUND, 25).splitlines()
    assert rows[0] == "25 cohorts a cell; standard error at most 0.10."
    assert len(rows) == 4 + len(SUBJECTS) * len(MEMBERS)
    assert rows[4] == "| 4 | 4 |" + " 0.50 (0.25) |" * len(SLOPES)
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = inserted(text, markdown(FOUND, 25))
    assert inserted(once, markdown(FOUND, 25)) == once
    assert once.startswith("before\n") and once.endswith("\nafter\n") and "old" not in once


def test_what_is_planned_is_read_from_the_table():
    text = inserted(f"{BEGIN}{END}", markdown(FOUND, 25))
    assert planned(text) == {cell: one for cell, (one, _) in FOUND.items()}
    assert set(planned()) == set(CELLS)


def test_the_figure_has_a_panel_a_slope():
    axes = draw(FOUND).axes
    assert [each.get_title() for each in axes] == [f"slope {slope:g}" for slope in SLOPES]
    assert all(len(each.lines) == len(MEMBERS) + 1 for each in axes)
