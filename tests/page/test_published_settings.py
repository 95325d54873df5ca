"""Settings beside the published ones, and the table of them in the documentation."""

from stages.page.published_settings import CHOSEN, SETTINGS, documented, rows
from stages.params.settings import Settings
from stages.statistics.questions.paper import published
from tests.fabricated import ROOT

GROUPS = ("unet", "varnet", "rim")


def test_the_documented_table_is_that_of_the_parameters(
    settings: Settings, paper: Settings
) -> None:
    lines = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| setting | default | paper | stated | DIRECT |")
    cells = [line.strip("| ").split(" | ") for line in lines[start + 2 :]]
    assert cells == documented(published(), settings, paper)


def test_the_papers_parameters_are_what_the_paper_states(paper: Settings) -> None:
    found = rows(published(), paper)
    assert len(found) == len(SETTINGS)
    assert all(row.holds for row in found if row.tolerance != CHOSEN)
    assert [row.holds for row in found if row.tolerance == CHOSEN] == [None] * sum(
        setting.stated is None for setting in SETTINGS
    )


def test_what_differs_is_no_match(settings: Settings) -> None:
    holds = {row.quantity: row.holds for row in rows(published(), settings)}
    assert holds["batch size"] is False
    assert holds["segmenter"] is False
    assert holds["acceleration"] is True
    assert holds["learning rate"] is None
