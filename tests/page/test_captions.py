"""Every figure has a caption with its sizes."""

from pathlib import Path

import yaml

from stages.page.captions import FIGURES, ORDER, captioned, names
from tests.fabricated import ARCHITECTURES, ROOT
from tests.page.results import facts


def test_every_figure_of_the_report_has_a_caption() -> None:
    outs = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["report"]["outs"]
    drawn = {Path(next(iter(out))).stem for out in outs if next(iter(out)).endswith(".png")}
    assert drawn == set(names(ARCHITECTURES)), "add the figure to stages/page/captions.py"
    assert set(FIGURES) <= set(ORDER)


def test_captions_state_scans_exams_and_members() -> None:
    found = {figure.name: figure for figure in captioned(facts(), "rim", 3)}
    assert list(found)[:3] == ["cohort", "figure1", "figure2"]
    for name, figure in found.items():
        assert figure.heading, name
        assert figure.alternative, name
        shows_few = name in ("cohort", "figure1")
        assert "5\N{NO-BREAK SPACE}scans" in figure.caption or shows_few, name
    assert "The first 4\N{NO-BREAK SPACE}scans of 5" in found["cohort"].caption
    assert found["figure1"].caption.startswith("3\N{NO-BREAK SPACE}members of RIM on one axial")
    assert "UNet 4, VarNet 4 and RIM 4" in found["surrogates"].caption
    assert "fully sampled volume" in found["calibration"].caption


def test_one_architecture_has_one_figure_of_correlations() -> None:
    found = [figure.name for figure in captioned(facts(groups=("rim",)), "rim", 2)]
    assert [name for name in found if name.startswith("figure3")] == ["figure3_rim"]
