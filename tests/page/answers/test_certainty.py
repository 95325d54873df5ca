"""How much a study of this size can show."""

from stages.page.answers.certainty import certainty
from tests.page.results import facts, metrics


def test_a_low_ceiling_is_the_first_thing_to_say() -> None:
    verdict = certainty(facts()).verdict.replace("\N{NO-BREAK SPACE}", " ")
    assert "could explain 60 % of the other half's ln CV (intervals within 40 to 80 %)" in verdict
    tree = metrics()
    for group in tree["inference"].values():
        ends = {"value": 0.01, "low": 0.0, "high": 0.04}
        group["noise_ceiling"]["within_structure"] = {"between_halves": ends}
    assert "correlate by no more than 0.20" in certainty(facts(tree)).verdict
    for group in tree["inference"].values():
        group["noise_ceiling"]["within_structure"] = {"between_halves": {"value": 0.01}}
    # an estimate without its interval is not told
    assert "perfect predictor" not in certainty(facts(tree)).verdict


def test_digital_phantoms_do_not_apply_to_scanners() -> None:
    assert "does not apply to scanners" in certainty(facts()).verdict
    tree = metrics() | {"paper": {"cohort": "other"}}
    assert "scanners" not in certainty(facts(tree)).verdict
