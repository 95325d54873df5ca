"""Image quality: scans are averaged before members, and a single member has no deviation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from stages.statistics.methods.member_medians import draw
from stages.statistics.questions.image_quality import mean_ends, quality_summary

KINDS = [
    *(("challenge", "brain"), ("challenge", "cropped"), ("challenge", "all")),
    *(("fixed", "brain"), ("fixed", "all")),
]


def scores(psnr: dict[int, list[float]]) -> pd.DataFrame:
    """Return scores of each member over scans; the alternatives are 5, 10 and 20 dB lower."""
    rows = [
        (
            member,
            kind,
            slices,
            value - 10 * (slices == "all") - 5 * (slices == "cropped") - 20 * (kind == "fixed"),
            0.9,
        )
        for member, values in psnr.items()
        for value in values
        for kind, slices in KINDS
    ]
    return pd.DataFrame(rows, columns=["member", "range", "slices", "psnr", "ssim"])


def test_mean_and_deviation_are_over_members():
    found = quality_summary(scores({0: [30.0, 34.0], 1: [31.0, 35.0], 2: [32.0, 36.0]}))
    assert found["psnr"] == {"mean": pytest.approx(33), "std": pytest.approx(1)}
    assert found["ssim"] == {"mean": pytest.approx(0.9), "std": pytest.approx(0)}
    assert found["all_slices"]["psnr"] == pytest.approx(23)
    assert found["fixed_range"]["psnr"] == pytest.approx(13)


def test_a_single_member_has_no_deviation():
    found = quality_summary(scores({0: [20.0, 22.0]}))
    assert found["psnr"] == {"mean": 21.0}
    assert found["cropped"]["psnr"] == {"mean": 16.0}


def test_the_slices_of_directs_validation_have_a_deviation_of_their_own():
    found = quality_summary(scores({0: [30.0, 34.0], 1: [31.0, 35.0], 2: [32.0, 36.0]}))["cropped"]
    assert found["psnr"] == {"mean": pytest.approx(28), "std": pytest.approx(1)}


def test_means_have_an_interval_over_subjects_and_members():
    rng = np.random.default_rng(0)
    values = 30 + rng.normal(size=(6, 1)) + 0.3 * rng.normal(size=(1, 4))
    rows = [
        (m, f"s{s}", "challenge", "brain", values[s, m], 0.9) for s in range(6) for m in range(4)
    ]
    table = pd.DataFrame(rows, columns=["member", "subject", "range", "slices", "psnr", "ssim"])
    draws = draw({f"s{s}": f"s{s}" for s in range(6)}, 4000, rng)
    found = mean_ends(table, draws, 0.95)
    low, high = found["psnr"]["low"], found["psnr"]["high"]
    assert (low + high) / 2 == pytest.approx(values.mean())
    # the means of subjects and of members are all that differs
    parts = [values.mean(axis=1).var(ddof=1) / 6, values.mean(axis=0).var(ddof=1) / 4]
    free = sum(parts) ** 2 / (parts[0] ** 2 / 5 + parts[1] ** 2 / 3)
    assert (high - low) / 2 == pytest.approx(t.ppf(0.975, free) * np.sqrt(sum(parts)), rel=0.03)
    few = mean_ends(table[table["subject"].isin(["s0", "s1"])], draw({"s0": "a"}, 9, rng), 0.95)
    assert few == {"psnr": {}, "ssim": {}}
