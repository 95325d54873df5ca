"""What is drawn for a subject."""

import numpy as np
import pytest

from stages.anatomy.variation import AGE_RANGE_YEARS, SPREAD, draw_subject


def draw(n: int, age: float | None = None) -> list:
    return [draw_subject(np.random.default_rng(seed), age) for seed in range(n)]


def test_age_is_drawn_or_given() -> None:
    drawn = [subject.age_years for subject in draw(50)]
    low, high = AGE_RANGE_YEARS
    assert low < min(drawn) < max(drawn) < high
    assert draw(1, 60)[0].age_years == 60


def test_a_given_age_changes_nothing_else() -> None:
    drawn = draw(1)[0]
    given = draw(1, drawn.age_years)[0]
    assert given == drawn


def test_ventricles_grow_and_hippocampus_shrinks() -> None:
    young, old = (
        {name: np.mean([s.volume[name] for s in draw(20, age)]) for name in SPREAD}
        for age in (30, 75)
    )
    assert old["lateral ventricle"] > 1.4 * young["lateral ventricle"]
    assert old["hippocampus"] < 0.9 * young["hippocampus"]


@pytest.mark.parametrize("name", SPREAD)
def test_spread_between_subjects_and_sides(name: str) -> None:
    sides = np.log([s.volume[name] for s in draw(600, 51)])
    assert sides.mean(axis=1).std() == pytest.approx(SPREAD[name].subjects, rel=0.12)
    assert (sides[:, 0] - sides[:, 1]).std() == pytest.approx(SPREAD[name].sides, rel=0.12)
