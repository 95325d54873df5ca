"""The curve of several experiments against acceleration."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.commands.response import of_revision, response
from stages.figures.kit.style import save
from stages.figures.response import QUANTITIES, draw
from stages.pipeline.revisions import leaf
from stages.study import layout
from stages.study.errors import StudyError
from tests.fabricated import ROOT

trees = st.recursive(
    st.floats(allow_nan=False),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def metrics(psnr: float) -> dict:
    group = {"psnr": {"mean": psnr}, "ssim": {"mean": psnr / 40}}
    volumes = {"rim": {"cv": {"median": 40 - psnr}, "bias": {"hippocampus": psnr - 33}}}
    slope = {"cv": {"std_mean": {"within": {"value": 0.5, "low": -0.5, "high": psnr}}}}
    calibration = {"reference": {"rim": {"spread_skill": {"value": 0.3}}}}
    return {
        "image_quality": {"rim": group, "zero_filled": group},
        "volumes": volumes,
        "slopes": {"rim": slope},
        "calibration": calibration,
    }


@given(tree=trees, keys=st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_a_leaf_is_what_a_loop_finds(tree: dict | float, keys: list[str]) -> None:
    here = {"tree": tree}
    for key in ["tree", *keys]:
        here = here.get(key) if isinstance(here, dict) else None
    expected = here if isinstance(here, float) else None
    assert leaf({"tree": tree}, ".".join(["tree", *keys])) == expected


def test_every_group_has_a_row_for_what_it_has() -> None:
    table = response({"b": 10.0, "a": 5.0}, {"a": metrics(32.0), "b": metrics(28.0)})
    assert list(table["acceleration"]) == sorted(table["acceleration"])
    rim = table[table["group"] == "rim"].pivot(
        index="quantity", columns="acceleration", values="value"
    )
    assert rim.loc["psnr"].tolist() == [32.0, 28.0]
    assert rim.loc["cv"].tolist() == [8.0, 12.0]
    assert set(table.loc[table["group"] == "zero_filled", "quantity"]) == {"psnr", "ssim"}
    assert not table["quantity"].isin(["r2_cv", "thickness_cv"]).any()
    rim = table[table["group"] == "rim"].set_index("quantity")
    slope = rim.loc["slope_cv"].iloc[0]
    assert (slope["value"], slope["low"], slope["high"]) == (0.5, -0.5, 32.0)
    spread = rim.loc["spread_skill"].iloc[0]
    assert spread["value"] == 0.3 and np.isnan(spread["low"])


def test_the_figure_shows_every_line(tmp_path: Path) -> None:
    table = response({"a": 3.0, "b": 8.0}, {"a": metrics(34.0), "b": metrics(29.0)})
    figure = draw(table)
    shown = {axes.get_title(): axes.containers for axes in figure.axes}
    assert len(shown[QUANTITIES["psnr"].label]) == 2
    (cv,) = shown[QUANTITIES["cv"].label]
    line, _, (bars,) = cv.lines
    np.testing.assert_allclose(line.get_xdata(orig=False), [3.0, 8.0], rtol=0.05)
    np.testing.assert_array_equal(line.get_ydata(orig=False), [6.0, 11.0])
    assert all(np.ptp(segment[:, 1]) == 0 for segment in bars.get_segments())  # no interval
    (slope,) = shown[QUANTITIES["slope_cv"].label]
    assert [each[:, 1].tolist() for each in slope.lines[2][0].get_segments()] == [
        [-0.5, 34.0],
        [-0.5, 29.0],
    ]
    save(figure, tmp_path / "a.png")
    save(draw(table), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two finished studies, at accelerations 5 (tag slow) and 10 (fast)."""
    monkeypatch.chdir(tmp_path)
    for command in ("git init -q .", "git config user.email a@b.c", "git config user.name a"):
        subprocess.run(command.split(), check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True)
    files = ("image_quality", "volumes", "slopes", "calibration")
    names = [layout.metric("analyse", name) for name in files]
    stage = {"cmd": "true", "outs": [{"metrics/analyse": {"cache": False}}]}
    Path("dvc.yaml").write_text(json.dumps({"stages": {"analyse": stage}}))
    Path("metrics/analyse").mkdir(parents=True)
    for tag, acceleration, psnr in (("slow", 5, 32.0), ("fast", 10, 28.0)):
        Path("params.yaml").write_text(f"mask: {{acceleration: {acceleration}}}\n")
        for name in names:
            name.write_text(json.dumps(metrics(psnr).get(name.stem, {})))
        for command in ("git add -A", f"git commit -q -m {tag}", f"git tag {tag}"):
            subprocess.run(command.split(), check=True)
    return tmp_path


def test_revisions_of_a_repository(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stages", "response", "slow", "fast", "--out", "response"],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(repository / "response/response.csv")
    psnr = table[(table["quantity"] == "psnr") & (table["group"] == "rim")]
    assert dict(zip(psnr["acceleration"], psnr["value"], strict=True)) == {5: 32.0, 10: 28.0}
    assert (repository / "response/response.png").stat().st_size > 0
    with pytest.raises(StudyError, match="revision 'none': expected params.yaml"):
        of_revision("none")
