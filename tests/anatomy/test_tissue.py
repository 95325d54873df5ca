"""Relaxation and signal."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from stages.anatomy.contrast import Contrast, complex_image, subject_signals
from stages.anatomy.tissue import (
    BONE_AIR,
    CSF,
    FAT_MARROW,
    LEFT_TO_RIGHT,
    TISSUES,
    relative_signals,
    t1w_signal,
)
from stages.study.structures import SYNTHSEG_TABLE


def test_every_label_has_a_tissue_with_a_source() -> None:
    assert set(SYNTHSEG_TABLE) < set(TISSUES)
    for label, tissue in TISSUES.items():
        assert tissue.source.startswith("10.") == (label != BONE_AIR)
        assert 0 <= tissue.proton_density <= 1


def test_both_sides_have_one_tissue() -> None:
    for left, right in LEFT_TO_RIGHT.items():
        assert TISSUES[left] == TISSUES[right]


def test_contrast_of_a_t1_weighted_image() -> None:
    signal = relative_signals()
    order = [FAT_MARROW, 2, 13, 10, 12, 11, 3, CSF, BONE_AIR]
    assert [signal[label] for label in order] == sorted((signal[i] for i in order), reverse=True)
    assert signal[2] == 1
    assert signal[BONE_AIR] == 0


@given(t1=st.floats(200, 5000), inversion=st.floats(100, 1500), rest=st.floats(100, 2000))
def test_signal_against_the_bloch_equation(t1: float, inversion: float, rest: float) -> None:
    def grow(start: float, time: float) -> float:
        solved = solve_ivp(lambda _, m: (1 - m) / t1, (0, time), [start], rtol=1e-8, atol=1e-9)
        return float(solved.y[0, -1])

    # the readout leaves no magnetisation (TI after the inversion); it recovers until the next one
    before = grow(0.0, rest)
    expected = abs(grow(-before, inversion))
    assert t1w_signal(t1, 0.8, inversion, inversion + rest) == pytest.approx(
        0.8 * expected, abs=1e-5
    )


def test_null_point() -> None:
    assert t1w_signal(1000, 1, 1000 * log(2), 1e6) == pytest.approx(0, abs=1e-12)


def test_no_signal_without_t1() -> None:
    assert t1w_signal(0, 1) == 0


def test_subject_signals_spread() -> None:
    plain = subject_signals(Contrast(t1_spread=0), np.random.default_rng(0))
    nominal = relative_signals()
    assert plain[list(nominal)] == pytest.approx(list(nominal.values()), rel=1e-5)
    drawn = [subject_signals(Contrast(), np.random.default_rng(seed))[3] for seed in range(200)]
    assert 0.01 < np.std(drawn) / np.mean(drawn) < 0.06


def test_image_shows_the_signal() -> None:
    labels = np.zeros((30, 30, 30), np.uint16)
    labels[5:25, 5:25, 5:25] = 2
    contrast = Contrast(t1_spread=0, texture=0, bias_field=0)
    image = complex_image(labels, contrast, np.random.default_rng(0))
    assert image.dtype == np.complex64
    assert np.abs(image[8:22, 8:22, 8:22]) == pytest.approx(1, abs=1e-4)
    assert np.abs(image[0]) == pytest.approx(0, abs=1e-6)
    assert np.angle(image[8:22, 8:22, 8:22]).std() > 0.01
