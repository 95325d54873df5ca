"""Which architecture has the lowest CV follows the numbers, and so does its significance."""

from stages.page.answers.least_variable import certain_lead, variability
from tests.page.results import CV, around, facts, metrics


def with_difference(reach: float | None):
    """Return results whose two lowest differ by 0.5, with an interval that reaches so far."""
    tree = metrics()
    apart = around(CV["rim"] - CV["varnet"], reach) if reach is not None else {"value": 0.5}
    tree["volumes"]["rim"]["cv_difference"]["varnet"] = apart
    return facts(tree)


def test_a_clear_lead_is_said_to_be_clear() -> None:
    found = variability(facts())
    assert (
        found.verdict
        == "VarNet has the lowest CV; the difference from RIM is statistically significant."
    )
    assert (
        "VarNet 1.00\N{NO-BREAK SPACE}% (0.80 to 1.20), RIM 1.50\N{NO-BREAK SPACE}%"
        in found.evidence[0]
    )
    assert "less than any of the architectures" in found.evidence[1]
    assert "RIM less VarNet, differ by 0.50" in found.evidence[2]
    assert "interval 0.30 to 0.70" in found.evidence[2]


def test_a_lead_that_other_members_and_subjects_could_undo_is_no_clear_lead() -> None:
    found = with_difference(0.6)
    assert "in this cohort, and RIM is not statistically significant" in variability(found).verdict
    assert not certain_lead(found)
    without = with_difference(None)
    assert variability(without).evidence[-1].endswith("has no interval.")
    assert not certain_lead(without)


def test_one_architecture_has_no_rival() -> None:
    found = variability(facts(groups=("unet",)))
    assert found.verdict.startswith("Only UNet was studied")
