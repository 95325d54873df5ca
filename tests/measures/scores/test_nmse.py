"""NMSE: closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.measures.scores.nmse import nmse


@given(gain=st.floats(0.0, 3.0), unit=st.sampled_from([0.5, 1.0, 4.0]))
def test_a_gain_costs_its_square(gain, unit):
    reference = np.random.default_rng(0).random((2, 3, 4)) + 0.1
    found = nmse(unit * reference, unit * gain * reference)
    assert found == pytest.approx((gain - 1) ** 2, abs=1e-14)


def test_noise_costs_its_energy():
    reference, noise = np.zeros((1, 2, 2)), np.array([[[1.0, 2.0], [0.0, 0.0]]])
    reference[0, 0, 0] = 5.0
    assert nmse(reference, reference + noise) == 5 / 25
    assert nmse(reference, reference) == 0
