"""The verdict on prediction claims no more than the intervals allow."""

import pytest

from stages.page.answers.predictability import prediction
from tests.page.results import facts, metrics, within

SHOWN = {"r": 0.6, "low": 0.3, "high": 0.8, "p": 0.002}
NO_INTERVAL = {"low": None, "high": None}
WEAK = {"r": 0.0, "low": -0.2, "high": 0.2, "p": 0.9}


@pytest.mark.parametrize(
    ("changes", "start", "part"),
    [
        (
            {},
            "That voxelwise uncertainty predicts",
            "is not shown in UNet, VarNet or RIM, and not",
        ),
        (
            dict.fromkeys(("unet", "varnet", "rim"), SHOWN),
            "Yes: in UNet, VarNet and RIM",
            "statistically significant",
        ),
        ({"rim": SHOWN}, "In part: in RIM", "in UNet and VarNet that is not shown"),
        (dict.fromkeys(("unet", "varnet", "rim"), WEAK), "No:", "0.3 or more are excluded"),
        ({"rim": WEAK}, "That voxelwise", "not excluded"),
        ({"rim": SHOWN | {"p": 0.2}}, "That voxelwise", "not excluded"),
        (
            dict.fromkeys(("unet", "varnet", "rim"), NO_INTERVAL),
            "That voxelwise",
            "not excluded",
        ),
    ],
)
def test_the_verdict_on_prediction(changes: dict, start: str, part: str) -> None:
    verdict = prediction(within(**changes)).verdict
    assert verdict.startswith(start)
    assert part in verdict


def test_regressions_are_compared_with_knowing_the_structure() -> None:
    lines = prediction(facts()).evidence
    assert any("less than the structure-only baseline explains (70" in line for line in lines)
    tree = metrics()
    tree["prediction"]["rim"]["controls"]["structure_only"] = 0.3
    lines = prediction(facts(tree)).evidence
    assert any("which compares with what the structure-only" in line for line in lines)
    assert any("RIM: best of 2 surrogates is the volume's first-order" in line for line in lines)
