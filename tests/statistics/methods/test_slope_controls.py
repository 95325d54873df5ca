"""Controls: what predictors of wrong subjects, structures and volumes explain."""

import numpy as np
import pytest

from stages.statistics.methods.slope_controls import random_structures, scores, volume_scores
from stages.statistics.methods.subject_orders import wrong_subjects
from stages.statistics.methods.within_between import Table
from tests.statistics.methods.test_within_between import table


def cohort(within: float, between: float, seed: int = 0) -> Table:
    """Return a table of 12 structures in 10 subjects, of given slopes."""
    generator = np.random.default_rng(seed)
    own, level = generator.normal(size=(12, 10)), generator.normal(size=(12, 1))
    y = within * own + between * level + 0.3 * generator.normal(size=(12, 10))
    return Table(level + own, y, generator.normal(size=(12, 10)), np.arange(10))


WRONG = wrong_subjects(np.arange(10), 40, np.random.default_rng(0))


def test_a_relation_within_structures_is_lost_with_wrong_subjects():
    found = scores([cohort(1.0, 1.0)], WRONG)
    assert found.within > 0.8
    assert found.within_wrong_subject < 0.05
    assert found.pooled > found.pooled_wrong_subject + 0.2


def test_a_relation_between_structures_is_kept_with_wrong_subjects():
    found = scores([cohort(0.0, 3.0)], WRONG)
    assert found.within < 0.05
    assert found.pooled_wrong_subject == pytest.approx(found.pooled, abs=0.1)
    assert found.pooled_wrong_subject > 0.2


def test_volumes_that_are_the_target_explain_it():
    own = cohort(1.0, 1.0)
    found = volume_scores([own._replace(size=2 * own.y)])
    assert found["ln_volume"] == pytest.approx(1)
    assert 0 < found["structure_only"] < 1


def test_a_random_number_of_a_structure_explains_little():
    # one of 11 directions of the variance between structures, fitted to all but a subject
    own = cohort(0.0, 3.0)
    structure = volume_scores([own])["structure_only"]
    found = random_structures([own], np.random.default_rng(0))
    assert 0 < found < 2.5 * structure / 11


def test_nothing_is_nan():
    assert np.isnan(scores([], WRONG)).all()
    assert np.isnan(list(volume_scores([]).values())).all()
    assert np.isnan(random_structures([], np.random.default_rng(0)))
    without = scores([table()], np.zeros((0, 6), int))
    assert np.isnan([without.within_wrong_subject, without.pooled_wrong_subject]).all()
    assert np.isfinite(without.within)
