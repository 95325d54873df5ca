"""The stage `report`: every figure, the same bytes twice, also for the smallest study."""

import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from stages import analyse, pathology, report
from stages.figures import catalogue, cohort, masks
from stages.figures.kit.style import SMALLEST as SMALLEST_TYPE
from stages.figures.kit.style import save
from stages.study import layout
from tests.fabricated import (
    ARCHITECTURES,
    ROOT,
    Study,
    change_params,
    measure_study,
    without_networks,
    write_study,
)

ANSWERS = (
    "agreement",
    "bias_prediction",
    "calibration",
    "components",
    "deformation",
    "ensemble_size",
    "image_scores",
    "kinds",
    "overlap",
    "power",
    "slopes",
    "task_error",
    "thickness",
)
TOO_FEW = ("conformal",)  # no coverage is shown of so few subjects
FIGURES = (
    "figure1",
    "figure2",
    "r2_explained",
    "r2_correlation",
    "surrogates_within_structure",
    "surrogates_pooled",
    "training",
    *(name for name in ANSWERS if name not in TOO_FEW),
    *(f"figure3_{a}" for a in ARCHITECTURES),
)
SMALLEST = Study(n_members=2, n_draws=2, n_scans=2)


def prepare(folder: Path, study: Study) -> None:
    """Fabricate, measure and analyse a study in the current directory."""
    write_study(folder, study)
    if study == SMALLEST:
        change_params(folder, "analyse", "structures", ["hippocampus", "caudate", "thalamus"])
    measure_study(study)
    analyse.main()
    pathology.main()


def without_others(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Enter a folder; cohort, masks and HTML report have tests of their own."""
    patch.chdir(folder)
    without_networks(patch)
    others = tuple(
        entry for entry in catalogue.FIGURES if entry not in (cohort.FIGURE, masks.FIGURE)
    )
    patch.setattr(catalogue, "FIGURES", others)
    patch.setattr(report, "write_report", lambda _: None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current directory."""
    without_others(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def smallest(tmp_path_factory):
    """The folder of the smallest study with its report, and what was written, in this order."""
    folder, written = tmp_path_factory.mktemp("smallest"), []

    def noted(figure: Figure, path: Path, *, vector: bool) -> None:
        written.append(path)
        save(figure, path, vector=vector)

    with pytest.MonkeyPatch.context() as patch:
        without_others(patch, folder)
        patch.setattr(report, "save", noted)
        patch.setattr(report, "write_report", written.append)
        prepare(folder, SMALLEST)
        report.main()
    return folder, written


def check() -> dict[str, bytes]:
    """Return the figures' bytes; each is large enough to read and small enough to commit."""
    content = {path.stem: path.read_bytes() for path in layout.PLOTS.glob("report/*.png")}
    assert set(content) == set(FIGURES)
    for name, data in content.items():
        height, width, _ = matplotlib.image.imread(layout.figure("report", name)).shape
        assert min(height, width) > 300
        assert len(data) < 300_000
        assert b"Software" not in data
    drawn = {path.stem: path.read_bytes() for path in layout.PLOTS.glob("report/*.svg")}
    assert set(drawn) == set(FIGURES) - {"figure1"}
    assert all(b"<dc:date>" not in data and len(data) < 1_000_000 for data in drawn.values())
    return content | {f"{name}.svg": data for name, data in drawn.items()}


def test_every_figure_of_the_default_structures(folder, monkeypatch):
    sizes = {}

    def measure(figure: Figure, path: Path, *, vector: bool) -> None:
        save(figure, path, vector=vector)
        shown = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
        sizes[path.stem] = min(text.get_fontsize() for text in shown)

    monkeypatch.setattr(report, "save", measure)
    prepare(folder, Study(n_members=5))
    report.main()
    check()
    assert set(sizes) == set(FIGURES)
    assert min(sizes.values()) == SMALLEST_TYPE  # the HTML report keeps it legible


def test_two_runs_of_the_smallest_study_are_the_same_bytes(smallest, folder, monkeypatch):
    first, _ = smallest
    monkeypatch.chdir(first)
    before = check()
    monkeypatch.chdir(shutil.copytree(first, folder / "again"))
    shutil.rmtree(layout.PLOTS / "report")
    report.main()
    assert check() == before


def test_unknown_architecture_is_one_line(folder, error_line):
    write_study(folder, SMALLEST)
    change_params(folder, "report", "architecture", "cascade")
    line = error_line(report.main)
    assert "'report.architecture': expected one of unet, varnet, rim, got 'cascade'" in line
    assert not layout.PLOTS.exists()


def test_the_html_report_is_written_last(smallest):
    _, written = smallest
    assert written[-1] == layout.PLOTS / "report/report.html"
    assert set(written[:-1]) == {layout.figure("report", name) for name in FIGURES}


def test_figures_need_no_torch():
    code = "import sys, stages.report; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
