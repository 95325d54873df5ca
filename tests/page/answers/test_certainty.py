"""How much a study of this size can show."""

from stages.page.answers.certainty import certainty
from tests.page.results import facts, metrics


def test_a_low_ceiling_is_the_first_thing_to_say() -> None:
    assert "a perfect predictor could explain 60" in certainty(facts()).verdict
    tree = metrics()
    for group in tree["inference"].values():
        group["noise_ceiling"]["within_structure"] = {"analytic": {"value": 0.04}}
    assert "correlate by no more than 0.20" in certainty(facts(tree)).verdict


def test_digital_phantoms_do_not_apply_to_scanners() -> None:
    assert "does not apply to scanners" in certainty(facts()).verdict
    tree = metrics() | {"paper": {"cohort": "other"}}
    assert "scanners" not in certainty(facts(tree)).verdict
