"""Members' offsets over structures against planted components and single structures."""

import numpy as np
import pytest

from stages.statistics.methods.member_offsets import offset_fraction, pooled_fractions
from tests.statistics.methods.test_variance_components import analysis_of_variance

SCALES = np.array([0.002, 0.005, 0.01, 0.04, 0.1, 0.02])


def cube(generator: np.random.Generator, n_subjects: int, n_members: int) -> np.ndarray:
    """Return ln V: common offset 1, offset of a structure 3, of a scan 2, rest 4 (tenths)."""
    shape = (len(SCALES), n_subjects, n_members)
    effects = {(1, 1, n_members): 1, (len(SCALES), 1, n_members): 3, (1, *shape[1:]): 2, shape: 4}
    parts = [np.sqrt(v / 10) * generator.normal(size=s) for s, v in effects.items()]
    anatomy = generator.normal(size=(*shape[:2], 1))
    return 8 + anatomy + SCALES[:, None, None] * sum(parts)


def test_planted_fractions_are_found():
    found = pooled_fractions(cube(np.random.default_rng(0), 30, 40))
    known = {"member": 0.1, "member_structure": 0.3, "subject_member": 0.2, "residual": 0.4}
    assert found == pytest.approx(known, abs=0.09)
    assert sum(found.values()) == pytest.approx(1)


def test_without_gaps_the_offset_is_the_mean_of_the_structures():
    values = cube(np.random.default_rng(1), 9, 8)
    each = [analysis_of_variance(one) for one in values]
    assert min(one["member"] for one in each) > 0
    fractions = [one["member"] / (one["member"] + one["interaction"]) for one in each]
    found = offset_fraction(values, np.arange(9), 0.95)
    assert found.value == pytest.approx(np.mean(fractions))
    pooled = pooled_fractions(values)
    assert pooled["member"] + pooled["member_structure"] == pytest.approx(found.value, abs=1e-6)
    assert 0 < found.low < found.value < found.high < 1


def test_units_of_structures_do_not_matter_and_gaps_little():
    values = cube(np.random.default_rng(2), 10, 8)
    known = offset_fraction(values, np.arange(10), 0.95)
    factor = np.geomspace(0.1, 10, len(SCALES))[:, None, None]
    assert offset_fraction(factor * values, np.arange(10), 0.95) == pytest.approx(known)
    values[0, 3, 2] = values[4, :2, 5] = np.nan
    assert offset_fraction(values, np.arange(10), 0.95) == pytest.approx(known, abs=0.05)


@pytest.mark.parametrize("n_subjects", [8, 20])
def test_the_interval_covers_about_as_often_as_it_says(n_subjects):
    generator, hits, n = np.random.default_rng(3), 0, 150
    for _ in range(n):
        low, high = offset_fraction(cube(generator, n_subjects, 12), np.arange(n_subjects), 0.95)[
            1:
        ]
        hits += low <= 0.4 <= high
    assert hits / n >= 0.88


def test_nothing_that_differs_is_undefined():
    still = np.tile(np.arange(4.0)[None, :, None], (3, 1, 5))
    assert np.isnan(offset_fraction(still, np.arange(4), 0.95).value)
    assert all(np.isnan(value) for value in pooled_fractions(still).values())
    values = cube(np.random.default_rng(4), 2, 4)
    assert np.isnan(offset_fraction(values, np.arange(2), 0.95).low)
