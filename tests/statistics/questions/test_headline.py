"""The numbers that two experiments are compared by, from trees small enough to see through."""

from stages.statistics.questions.headline import headline

QUALITY = {"rim": {"psnr": {"mean": 32.0, "std": 0.3}, "ssim": {"mean": 0.9}}}
VOLUMES = {
    "rim": {"cv": {"median": 1.0, "caudate": 2.0}, "bias": {"a": -8.0, "b": 1.0, "c": 3.0}},
    "noise": {"cv": {"median": 0.2}, "bias": {}},
    "reference": {"bias_truth": {"a": 1.0}},
    "truth": "absent: the cohort is not simulated",
}
PREDICTION = {"rim": {"r2": {"histogram": 0.5, "summary": 0.4}}}


def test_each_group_has_what_is_known_of_it() -> None:
    assert headline(QUALITY, VOLUMES, PREDICTION) == {
        "rim": {"psnr": 32.0, "ssim": 0.9, "cv": 1.0, "bias": 3.0, "r2": 0.5},
        "noise": {"cv": 0.2},
    }


def test_an_undefined_number_is_left_out() -> None:
    assert "r2" not in headline(QUALITY, VOLUMES, {"rim": {"r2": {}}})["rim"]
