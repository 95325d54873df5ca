"""Nominal and measured SNR stand beside each other."""

from types import SimpleNamespace

import pandas as pd

from stages.statistics.questions.noise import ask
from tests.statistics.conftest import cohort_of


def test_the_measured_snr_is_the_median_over_scans():
    snr = pd.DataFrame({"median": [28.0, 30.0, 35.0], "mean": 29.0, "pooled": [1.0, 2.0, 3.0]})
    params = SimpleNamespace(snr=30.0, definition="brain_rss")
    answer = ask(cohort_of(snr=snr, noise=params), None, None)
    measured = {"median": 30.0, "mean": 29.0, "pooled": 2.0}
    assert answer.metrics == {"nominal": 30.0, "definition": "brain_rss", "measured": measured}
    assert not answer.tables
