"""The number of acquired kz columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.partial_fourier import acquired_columns


@pytest.mark.parametrize(
    ("partial_fourier", "n_kz", "expected"),
    [
        (0.85, 170, 145),
        (0.85, 174, 148),
        (0.85, 180, 153),
        (0.85, 84, 72),
        (0.56, 200, 112),  # the product of the floating-point numbers is above 112
        (1.0, 170, 170),
    ],
)
def test_known_counts(partial_fourier: float, n_kz: int, expected: int) -> None:
    assert acquired_columns(partial_fourier, n_kz) == expected
    assert ScanFormat(12, partial_fourier).n_acquired(n_kz) == expected


@given(st.integers(51, 100), st.integers(1, 600))
def test_whole_percents_are_counted_exactly(percent: int, n_kz: int) -> None:
    assert acquired_columns(percent / 100, n_kz) == -(-percent * n_kz // 100)
