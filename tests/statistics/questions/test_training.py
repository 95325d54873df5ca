"""Thinned training curves keep their last step, their means and what was recorded rarely."""

import numpy as np
import pandas as pd
import pytest

from stages.statistics.questions.training import thin


def curves(n: int) -> pd.DataFrame:
    """Return n steps, validated at every tenth."""
    step = np.arange(1, n + 1)
    checked = np.where(step % 10 == 0, 30.0, np.nan)
    return pd.DataFrame(
        {"step": step, "loss": 1.0 * step, "validation_psnr": checked, "validation_ssim": checked}
    )


def test_short_curves_stay_as_they_are():
    assert thin(curves(20), 60).equals(curves(20))


def test_long_curves_are_averaged_over_spans():
    found = thin(curves(600), 60)
    assert found["step"].tolist() == list(range(10, 601, 10))
    assert found["loss"].iloc[0] == pytest.approx(5.5)
    assert found["loss"].mean() == pytest.approx(300.5)
    assert found["validation_psnr"].notna().all()


def test_spans_without_a_record_stay_empty():
    found = thin(curves(150), 60)
    assert len(found) == 60
    assert found["validation_psnr"].notna().sum() == 15
