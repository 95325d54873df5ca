"""The catalogue: every figure has words with its sizes, and every module of a figure is listed."""

from pathlib import Path

import pytest

from stages import figures as package
from stages.figures.catalogue import FIGURES, figures
from stages.figures.kit.study_figure import PerGroup, StudyFigure
from stages.study.errors import StudyError
from tests.page.results import facts

ELSEWHERE = {"compare", "response", "other_segmenter", "scan_planes", "subject_strips"}
"""Pictures that are no files of plots/report/."""


def _module(entry: StudyFigure | PerGroup) -> str:
    """Return the module that a figure's name begins with."""
    if isinstance(entry, StudyFigure):
        return entry.name
    first = entry.groups(facts())[0]
    return entry.figure(first).name.removesuffix(f"_{first}")


def test_every_module_of_a_figure_is_listed() -> None:
    modules = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    names = {_module(entry) for entry in FIGURES}
    assert modules - {"__init__", "catalogue"} == names | ELSEWHERE


def test_captions_state_scans_subjects_and_members() -> None:
    shown = facts()
    found = {figure.name: figure for figure in figures(shown)}
    captions = {name: figure.caption(shown) for name, figure in found.items()}
    assert list(found)[:3] == ["cohort", "figure1", "figure2"]
    for name, figure in found.items():
        assert figure.heading, name
        assert figure.alternative, name
        shows_few = name in ("cohort", "figure1", "masks")
        assert "5\N{NO-BREAK SPACE}scans" in captions[name] or shows_few, name
    assert "The first 4\N{NO-BREAK SPACE}scans of 5" in captions["cohort"]
    assert captions["figure1"].startswith("3\N{NO-BREAK SPACE}members of RIM on one axial")
    assert "UNet 4, VarNet 4 and RIM 4" in captions["surrogates_pooled"]
    assert "fully sampled volume" in captions["calibration"]


def test_one_architecture_has_one_figure_of_correlations() -> None:
    found = [figure.name for figure in figures(facts(groups=("rim",)))]
    assert [name for name in found if name.startswith("figure3")] == ["figure3_rim"]


def test_an_architecture_that_is_not_studied_has_no_figure() -> None:
    with pytest.raises(StudyError, match="expected one of unet, got 'rim'"):
        figures(facts(groups=("unet",)))
