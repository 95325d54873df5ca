"""Image quality: scans are averaged before members, and a single member has no deviation."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from stages.statistics.questions.image_quality import ask, quality_summary
from tests.statistics.conftest import cohort_of, ensembles, parameters

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


def test_means_have_intervals_over_subjects_and_members():
    rng = np.random.default_rng(0)
    psnr = 30 + rng.normal(size=(5, 1)) + rng.normal(size=(1, 4)) + 0.1 * rng.normal(size=(5, 4))
    rows = [
        ("unet", member, f"sub-{scan}", kind, slices, psnr[scan, member], 0.9)
        for scan, member in product(range(5), range(4))
        for kind, slices in KINDS
    ]
    columns = ["group", "member", "subject", "range", "slices", "psnr", "ssim"]
    quality = pd.DataFrame(rows, columns=columns)
    quality = pd.concat([quality.assign(group=name) for name in ("unet", "rim", "zero_filled")])
    subjects = {f"sub-{scan}": f"sub-{scan}" for scan in range(5)}
    cohort = cohort_of(ensembles=ensembles(n_members=4), quality=quality, subject_of=subjects)
    found = ask(cohort, parameters(), rng).metrics["unet"]["psnr"]
    parts = [(values.var(ddof=1) / len(values), len(values) - 1) for values in
             (psnr.mean(axis=1), psnr.mean(axis=0))]  # fmt: skip
    variance = sum(v for v, _ in parts)
    free = variance**2 / sum(v**2 / f for v, f in parts)
    reach = student.ppf(0.975, free) * np.sqrt(variance)
    assert found["mean"] == pytest.approx(psnr.mean())
    assert [found["low"], found["high"]] == pytest.approx(
        [psnr.mean() - reach, psnr.mean() + reach]
    )
