"""The stage `report`: every figure, the same bytes twice, also for the smallest study."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import matplotlib.image
import pytest
import yaml
from matplotlib.figure import Figure
from matplotlib.text import Text

from stages import analyse, pathology, report
from stages.figures.kit.style import SMALLEST as SMALLEST_TYPE
from stages.figures.kit.style import save
from stages.study import layout
from tests.fabricated import (
    ARCHITECTURES,
    ROOT,
    Study,
    measure_study,
    without_networks,
    write_study,
)

ANSWERS = (
    "calibration",
    "components",
    "conformal",
    "deformation",
    "ensemble_size",
    "overlap",
    "pathology",
    "power",
    "surrogates",
    "task_error",
)
FIGURES = (
    "figure1",
    "figure2",
    "r2",
    "training",
    *ANSWERS,
    *(f"figure3_{a}" for a in ARCHITECTURES),
)
SMALLEST = Study(n_members=2, n_draws=2, n_scans=2)


def change(folder: Path, section: str, key: str, value: object) -> None:
    """Change one parameter of the study."""
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params[section][key] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def prepare(folder: Path, study: Study) -> None:
    """Fabricate, measure and analyse a study in the current directory."""
    write_study(folder, study)
    if study == SMALLEST:
        change(folder, "analyse", "structures", ["hippocampus", "caudate", "thalamus"])
    measure_study(study)
    analyse.main()
    pathology.main()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current directory; the cohort's own figure is another room's."""
    monkeypatch.chdir(tmp_path)
    without_networks(monkeypatch)
    monkeypatch.setattr(report.cohort, "draw", lambda *_: None)
    monkeypatch.setattr(report, "write_page", lambda _: None)  # tests/page
    return tmp_path


def check() -> dict[str, bytes]:
    """Return the figures' bytes; each is large enough to read and small enough to commit."""
    content = {path.stem: path.read_bytes() for path in layout.PLOTS.glob("*.png")}
    assert set(content) == set(FIGURES)
    for name, data in content.items():
        height, width, _ = matplotlib.image.imread(layout.PLOTS / f"{name}.png").shape
        assert min(height, width) > 300
        assert len(data) < 300_000
        assert b"Software" not in data
    return content


def test_every_figure_of_the_default_structures(folder, monkeypatch):
    sizes = {}

    def measure(figure: Figure, path: Path) -> None:
        save(figure, path)
        shown = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
        sizes[path.stem] = min(text.get_fontsize() for text in shown)

    monkeypatch.setattr(report, "save", measure)
    prepare(folder, Study(n_members=5))
    report.main()
    check()
    assert set(sizes) == set(FIGURES)
    assert min(sizes.values()) == SMALLEST_TYPE  # the page keeps it legible


def test_two_runs_of_the_smallest_study_are_the_same_bytes(folder):
    prepare(folder, SMALLEST)
    report.main()
    first = check()
    report.main()
    assert check() == first


def test_unknown_architecture_is_one_line(folder, capsys):
    write_study(folder, SMALLEST)
    change(folder, "report", "architecture", "cascade")
    with pytest.raises(SystemExit):
        report.main()
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "'report.architecture': expected one of unet, varnet, rim, got 'cascade'" in line
    assert not layout.PLOTS.exists()


def test_cohort_is_drawn_from_the_data(folder, monkeypatch):
    asked = []
    fake = ModuleType("cohort")
    fake.draw = lambda *arguments: asked.append(arguments)
    monkeypatch.setattr(report, "cohort", fake)
    monkeypatch.setattr(report, "save", lambda *_: None)
    prepare(folder, SMALLEST)
    report.main()
    assert [a[:2] for a in asked] == [(layout.DATA, layout.PLOTS / "cohort.png")]


def test_the_page_is_written_last(folder, monkeypatch):
    prepare(folder, SMALLEST)
    asked = []
    monkeypatch.setattr(report, "save", lambda *_: None)
    monkeypatch.setattr(report, "write_page", asked.append)
    report.main()
    assert asked == [layout.PLOTS / "report.html"]


def test_figures_need_no_torch():
    code = "import sys, stages.report; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
