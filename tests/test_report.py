"""The stage `report`: every figure, the same bytes twice, also for the smallest study."""

import subprocess
import sys
from types import ModuleType

import matplotlib.image
import pytest
import yaml

from stages import analyse, layout, measure, report
from tests.fabricated import ARCHITECTURES, ROOT, Study, without_networks, write_study

FIGURES = ("figure1", "figure2", "r2", "training", *(f"figure3_{a}" for a in ARCHITECTURES))
SMALLEST = Study(n_members=2, n_draws=2, n_scans=2)


def prepare(folder, study: Study) -> None:
    """Fabricate, measure and analyse a study in the current directory."""
    write_study(folder, study)
    for group in study.members():
        measure.main([group])
    analyse.main()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current directory; the cohort's own figure is another room's."""
    monkeypatch.chdir(tmp_path)
    without_networks(monkeypatch)
    monkeypatch.setattr(report.cohort, "draw", lambda *_: None)
    return tmp_path


@pytest.mark.parametrize("study", [Study(), SMALLEST])
def test_every_figure_is_drawn(folder, study):
    prepare(folder, study)
    report.main()
    for name in FIGURES:
        path = layout.PLOTS / f"{name}.png"
        height, width, _ = matplotlib.image.imread(path).shape
        assert min(height, width) > 300
        assert path.stat().st_size < 300_000


def test_two_runs_are_the_same_bytes(folder):
    prepare(folder, SMALLEST)
    report.main()
    first = {path.name: path.read_bytes() for path in layout.PLOTS.glob("*.png")}
    report.main()
    assert {path.name: path.read_bytes() for path in layout.PLOTS.glob("*.png")} == first
    assert not any(b"Software" in content for content in first.values())


def test_unknown_architecture_is_one_line(folder, capsys):
    write_study(folder, SMALLEST)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["report"]["architecture"] = "cascade"
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
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
    prepare(folder, SMALLEST)
    report.main()
    assert [a[:2] for a in asked] == [(layout.DATA, layout.PLOTS / "cohort.png")]


def test_figures_need_no_torch():
    code = "import sys, stages.report; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
