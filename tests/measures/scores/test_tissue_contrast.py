"""CNR and CJV: closed forms, and what changes of intensities do to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.measures.scores.tissue_contrast import cjv, cnr

WHITE, GREY = np.array([8.0, 12.0]), np.array([2.0, 4.0, 6.0, 4.0])  # SD 2 and sqrt 2


def test_both_by_hand():
    assert cnr(WHITE, GREY) == pytest.approx(6 / np.sqrt(4 + 2))
    assert cjv(WHITE, GREY) == pytest.approx((2 + np.sqrt(2)) / 6)


@given(gain=st.floats(0.1, 10), shift=st.floats(-50, 50))
def test_neither_depends_on_the_scale_of_the_intensities(gain, shift):
    for score in (cnr, cjv):
        found = score(gain * WHITE + shift, gain * GREY + shift)
        assert found == pytest.approx(score(WHITE, GREY), rel=1e-9)
        assert score(GREY, WHITE) == score(WHITE, GREY)


def test_the_undefined_is_nan():
    flat = np.full(3, 4.0)
    assert np.isnan(cnr(flat, flat)) and np.isnan(cjv(GREY, flat))
    assert np.isnan(cnr(flat, flat + 1)) and cjv(flat, flat + 1) == 0
    for score in (cnr, cjv):
        assert np.isnan(score(WHITE, GREY[:0])) and np.isnan(score(WHITE[:0], GREY))
