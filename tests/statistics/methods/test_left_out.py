"""Errors of subjects left out: the regression that refits each time."""

import numpy as np
import pytest

from stages.statistics.methods.left_out import explained, left_out_errors
from stages.statistics.methods.regression import leave_group_out_r2
from tests.statistics.methods.test_within_between import table


def test_pooled_errors_are_those_of_refits():
    own = table(0, missing=0.2)._replace(subject=np.array([0, 0, 1, 2, 3, 4]))
    present = own.present[None]
    k, s = np.nonzero(own.present)
    x, y = np.c_[own.x[k, s], own.size[k, s]], own.y[k, s]
    errors = left_out_errors(own.y, [own.x, own.size], present, own.subject, by_structure=False)
    total = np.sum((y - y.mean()) ** 2)
    known = leave_group_out_r2(x, y, own.subject[s])
    assert 1 - errors[0] / total == pytest.approx(known)


def test_means_of_structures_are_those_of_the_others():
    own = table(1)
    errors = left_out_errors(own.y, [], own.present[None], own.subject, by_structure=True)
    others = (own.y.sum(axis=1, keepdims=True) - own.y) / 5
    assert errors[0] == pytest.approx(np.sum((own.y - others) ** 2))


def test_variants_are_one_by_one():
    own = table(2, missing=0.1)
    variants = np.stack([own.x, own.x[:, ::-1], np.full(own.x.shape, 0.1)])
    present = np.broadcast_to(own.present, variants.shape)
    together = left_out_errors(own.y, [own.size, variants], present, own.subject, by_structure=True)
    for found, x in zip(together, variants, strict=True):
        alone = left_out_errors(
            own.y, [own.size, x[None]], own.present[None], own.subject, by_structure=True
        )
        assert found == pytest.approx(alone[0])
    without = left_out_errors(own.y, [own.size], present[:1], own.subject, by_structure=True)
    assert together[2] == pytest.approx(without[0])  # a constant explains nothing


def test_an_exact_relation_leaves_no_error():
    own = table(3, noise=0.0)
    errors = left_out_errors(
        own.y, [own.x, own.size], own.present[None], own.subject, by_structure=True
    )
    assert errors[0] == pytest.approx(0, abs=1e-20)


def test_one_subject_predicts_nothing():
    own = table(4)._replace(subject=np.zeros(6))
    assert np.isnan(left_out_errors(own.y, [], own.present[None], own.subject, by_structure=True))
    assert np.isnan(explained(np.ones(1), np.zeros(1)))[0]
