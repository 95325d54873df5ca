"""The numbers that two experiments are compared by, from trees small enough to see through."""

from stages.statistics.questions.headline import headline

METRICS = {
    "image_quality": {
        "rim": {
            "psnr": {"mean": 32.0, "std": 0.3, "low": 31.0, "high": 33.0},
            "ssim": {"mean": 0.9},
        }
    },
    "volumes": {
        "rim": {
            "cv": {"median": 1.0, "low": 0.5, "high": 2.0, "caudate": 2.0},
            "absolute_bias": {"median": 3.0, "low": float("nan"), "high": 4.0},
        },
        "noise": {"cv": {"median": 0.2}},
        "reference": {"bias_truth": {"a": 1.0}},
        "truth": "absent: the cohort is not simulated",
    },
    "slopes": {"rim": {"cv": {"std_mean": {"within": {"value": 0.5, "low": -0.5, "high": 1.5}}}}},
}


def test_each_group_has_what_is_known_of_it() -> None:
    assert headline(METRICS, 8) == {
        "rim": {
            "psnr": {"value": 32.0, "half_width": 1.0},
            "ssim": {"value": 0.9},
            "cv": {"value": 1.0, "half_width": 0.75},
            "bias": {"value": 3.0},
            "slope": {"value": 0.5, "half_width": 1.0},
        },
        "noise": {"cv": {"value": 0.2}},
    }


def test_an_undefined_number_is_left_out() -> None:
    assert (
        "slope" not in headline(METRICS | {"slopes": {"rim": {"cv": {"std_mean": {}}}}}, 8)["rim"]
    )
    assert "slope" not in headline({k: v for k, v in METRICS.items() if k != "slopes"}, 8)["rim"]


def test_the_slope_of_few_subjects_is_no_headline() -> None:
    assert set(headline(METRICS, 7)["rim"]) == {"psnr", "ssim", "cv", "bias"}
