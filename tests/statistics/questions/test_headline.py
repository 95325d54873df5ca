"""The numbers that two experiments are compared by, from trees small enough to see through."""

from copy import deepcopy
from typing import Any

import pytest

from stages.statistics.questions.headline import headline

METRICS: dict[str, Any] = {
    "image_quality": {
        "rim": {
            "psnr": {"mean": 32.0, "std": 0.3, "low": 31.0, "high": 33.0},
            "ssim": {"mean": 0.9},
        }
    },
    "volumes": {
        "rim": {
            "cv": {"median": 1.0, "low": 0.875, "high": 1.125, "caudate": 2.0},
            "absolute_bias": {"median": 4.0, "low": 3.5, "high": 4.5},
        },
        "noise": {"cv": {"median": 0.2, "low": 0.18, "high": 0.22}},
        "reference": {"bias_truth": {"a": 1.0}},
        "truth": "absent: the cohort is not simulated",
    },
    "slopes": {
        "rim": {"cv": {"std_mean": {"within": {"value": 0.0, "low": -0.125, "high": 0.125}}}}
    },
}
PLACES = {
    "cv": ("volumes", "rim", "cv"),
    "bias": ("volumes", "rim", "absolute_bias"),
    "slope": ("slopes", "rim", "cv", "std_mean", "within"),
}


def changed(name: str, **ends: float) -> dict[str, Any]:
    """Return the metrics with other ends of a number's interval."""
    tree = deepcopy(METRICS)
    leaf = tree
    for key in PLACES[name]:
        leaf = leaf[key]
    leaf.update(ends)
    return tree


def test_each_group_has_what_is_known_of_it() -> None:
    assert headline(METRICS) == {
        "rim": {
            "psnr": {"value": 32.0, "half_width": 1.0},
            "ssim": {"value": 0.9},
            "cv": {"value": 1.0, "half_width": 0.125},
            "bias": {"value": 4.0, "half_width": 0.5},
            "slope": {"value": 0.0, "half_width": 0.125},
        },
        "noise": {"cv": {"value": 0.2, "half_width": pytest.approx(0.02)}},
    }


@pytest.mark.parametrize(
    ("name", "low", "high"), [("cv", 0.7, 1.1), ("bias", 3.0, 5.0), ("slope", -0.2, 0.2)]
)
def test_a_number_with_a_wide_interval_is_none(name: str, low: float, high: float) -> None:
    found = headline(changed(name, low=low, high=high))["rim"]
    assert set(found) == {"psnr", "ssim", "cv", "bias", "slope"} - {name}


@pytest.mark.parametrize("name", PLACES)
def test_a_volume_without_an_interval_is_none(name: str) -> None:
    assert name not in headline(changed(name, low=float("nan")))["rim"]


def test_an_undefined_number_is_left_out() -> None:
    assert "slope" not in headline(METRICS | {"slopes": {"rim": {"cv": {"std_mean": {}}}}})["rim"]
    assert "slope" not in headline({k: v for k, v in METRICS.items() if k != "slopes"})["rim"]
