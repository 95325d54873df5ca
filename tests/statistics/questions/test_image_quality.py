"""Image quality: scans are averaged before members, and a single member has no deviation."""

import pandas as pd
import pytest

from stages.statistics.questions.image_quality import quality_summary

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
