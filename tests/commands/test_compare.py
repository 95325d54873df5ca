"""Several versions of the study side by side."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.commands import compare
from stages.pipeline.revisions import Revision, differing, flat
from stages.study import layout
from stages.study.errors import StudyError
from tests.fabricated import ROOT

values = st.recursive(
    st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=6,
)
trees = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


def metrics(cv: float) -> dict[str, Any]:
    volumes = {"cv": {"median": cv, "caudate": cv}, "bias": {"caudate": -cv}}
    found = {"cost": "images", "within_structure_r2": 0.1}
    regression = {"r2": {"histogram": 0.5}}
    return {
        "volumes": {"rim": volumes, "noise": {"cv": {"caudate": cv / 4}}},
        "surrogates": {"rim": {"std_mean": found, "std_p95": {"cost": "images"}}},
        "prediction": {"rim": regression},
    }


def revisions() -> list[Revision]:
    params = [{"segment": {"method": name}, "seed": 0} for name in ("synthseg", "atlas")]
    return [Revision("main", params[0], metrics(2.0)), Revision("atlas", params[1], metrics(3.0))]


def lookup(tree: Any, key: str) -> Any:
    for part in key.split("."):
        tree = tree[part]
    return tree


@given(trees)
def test_flat_keys_lead_back_to_all_values(tree: dict) -> None:
    found = flat(tree)
    assert all(lookup(tree, key) == value for key, value in found.items())
    assert len(found) == str(tree).count(":") - str(tree).count(": {")


@given(trees, trees)
def test_what_differs_is_what_is_not_in_both(one: dict, two: dict) -> None:
    found = differing({"x": one, "y": two})
    a, b = flat(one), flat(two)
    assert set(found) == {k for k in a.keys() | b.keys() if a.get(k) != b.get(k)}
    assert all(values == {"x": a.get(k), "y": b.get(k)} for k, values in found.items())
    assert not differing({"x": one, "y": one})


def test_the_table_holds_every_number_with_its_interval() -> None:
    table = compare.comparison(revisions()).set_index(["revision", "group", "quantity", "item"])
    assert table.loc[("atlas", "rim", "cv", "caudate"), "value"] == 3.0
    assert table.loc[("main", "rim", "bias", "caudate"), "value"] == -2.0
    row = table.loc[("main", "rim", "surrogate_r2", "std_mean")]
    assert row.isna().tolist() == [False, True, True]
    assert row["value"] == 0.1
    row = table.loc[("main", "rim", "regression_r2", "histogram")]
    assert row["value"] == 0.5
    assert len(table) == 2 * 6


def test_the_figure_shows_every_revision_and_what_differs(tmp_path: Path) -> None:
    table = compare.comparison(revisions())
    figure = compare.draw(table, {"segment.method": {"main": "synthseg", "atlas": "atlas"}})
    assert "segment.method: synthseg  |  atlas" in figure.get_suptitle()
    drawn = [line.get_xdata() for line in figure.axes[0].get_lines() if len(line.get_xdata())]
    assert [x.tolist() for x in drawn] == [[2.0], [3.0]]
    for name in ("a", "b"):
        compare.write(revisions(), tmp_path / name)
    for name in ("compare.csv", "compare.png", "parameters.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    parameters = pd.read_csv(tmp_path / "a/parameters.csv")
    assert parameters.to_numpy().tolist() == [["segment.method", "synthseg", "atlas"]]


def test_revisions_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("git init -q .", "git config user.email a@b.c", "git config user.name a"):
        subprocess.run(command.split(), check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True)
    names = [layout.metric("analyse", name) for name in compare.FILES]
    stage = {"cmd": "true", "outs": [{"metrics/analyse": {"cache": False}}]}
    Path("dvc.yaml").write_text(json.dumps({"stages": {"analyse": stage}}))
    Path("metrics/analyse").mkdir(parents=True)
    for each in revisions():
        Path("params.yaml").write_text(json.dumps(each.params))
        recipe = {"segmenter": {"n_heads": len(each.name)}}
        Path("params.segmenters.yaml").write_text(json.dumps(recipe))
        for name in names:
            name.write_text(json.dumps(each.metrics[name.stem]))
        for command in ("git add -A", f"git commit -q -m {each.name}", f"git tag {each.name}-1"):
            subprocess.run(command.split(), check=True)
    compare.main(["main-1", "atlas-1", "--out", "out"])
    table = pd.read_csv("out/compare.csv")
    assert set(table["revision"]) == {"main-1", "atlas-1"}
    assert table["value"].sum() == pytest.approx(compare.comparison(revisions())["value"].sum())
    parameters = pd.read_csv("out/parameters.csv").set_index("parameter")
    assert parameters.loc["segmenter.n_heads"].tolist() == ["4", "5"]


def test_one_revision_is_nothing_to_compare(error_line: Callable[..., str]) -> None:
    assert "expected at least two" in error_line(
        compare.main, ["main", "main", "--out", str(ROOT / "none")]
    )
    with pytest.raises(StudyError, match="revision 'none'"):
        compare.read_revision("none", compare.FILES)
