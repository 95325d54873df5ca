"""Which architecture varies least follows the numbers, and so does whether that is certain."""

from dataclasses import replace

from stages.page.answers.least_variable import variability
from tests.page.results import facts


def test_a_clear_lead_is_said_to_be_clear() -> None:
    found = variability(facts())
    assert (
        found.verdict == "VarNet varies least, and the lead over RIM is statistically significant."
    )
    assert (
        "VarNet 1.00\N{NO-BREAK SPACE}%, RIM 1.50\N{NO-BREAK SPACE}% and UNet" in found.evidence[0]
    )
    assert "less than any of the architectures" in found.evidence[1]
    assert (
        "to VarNet, is 1.50 (95\N{NO-BREAK SPACE}% interval over subjects 1.50" in found.evidence[2]
    )


def test_a_lead_that_one_member_makes_is_no_clear_lead() -> None:
    found = facts()
    table = found.outliers.copy()
    table.loc[(table["group"] == "varnet") & (table["member"] == 3), "cv_without"] = 1.6
    assert "not beyond what" in variability(replace(found, outliers=table)).verdict


def test_a_lead_that_scans_contradict_is_no_clear_lead() -> None:
    found = facts()
    table = found.cv.copy()
    late = table["subject"].isin(["sub-d", "sub-e"]) & (table["group"] == "varnet")
    table.loc[late, "cv"] = 3.0
    assert "not beyond what" in variability(replace(found, cv=table)).verdict


def test_one_architecture_has_no_rival() -> None:
    found = variability(facts(groups=("unet",)))
    assert found.verdict.startswith("Only UNet was studied")
