"""The comparison: the readings of the regressions as the report prints them, and the settings."""

from pathlib import Path

import pandas as pd
import pytest

from stages.page.published import COLUMNS, comparison, readings
from stages.params.settings import Settings
from stages.statistics.questions.readings import READINGS
from stages.study import layout
from tests.fabricated import ROOT
from tests.page.results import facts, metrics


def test_every_reading_stands_below_the_published_number() -> None:
    tree: dict = {}
    for regression, target, predictors in READINGS:
        found = tree.setdefault("rim", {}).setdefault(regression, {}).setdefault(target, {})
        found[predictors] = {"r2": 0.345 if predictors == "map" else 0.5, "n": 64}
    heads, rows = readings(facts(metrics() | {"readings": tree}))
    assert heads == ["regression", "reading", "UNet", "VarNet", "RIM"]
    assert len(rows) == len(READINGS) + 2
    assert rows[0] == ["histogram", "as published", "0.18", "0.14", "0.24"]
    assert ["summary", "SD in mm³, summaries of the map", "–", "–", "0.34"] in rows


def test_without_readings_there_is_no_table() -> None:
    assert readings(facts())[1] == []


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The default study's parameters, and a comparison of one row in the current directory."""
    monkeypatch.chdir(tmp_path)
    path = layout.table("analyse", "paper")
    path.parent.mkdir(parents=True)
    pd.DataFrame([("scans", "20", "5", "exact", "no match")], columns=COLUMNS).to_csv(path)
    return Settings.load(("unet", "varnet", "rim"), ROOT / "params.yaml")


def test_settings_that_the_paper_does_not_state_are_listed_as_chosen(settings: Settings) -> None:
    rows = {row[0]: row for row in comparison(facts(), settings).rows}
    for name in ("learning rate", "schedule", "losses", "network", "masks", "masks in training"):
        assert rows[name][1] == "not stated"
        assert rows[name][3:] == ["chosen", "not comparable"]
    assert rows["percentiles among the summaries"][2] == "p5, p25, p75, p95"
    assert rows["batch size"][1:] == ["unet: 8; varnet: 8; rim: 2", "1", "exact", "not comparable"]
    assert "scans" in rows


def test_other_settings_than_published_are_named_for_the_papers_scans(settings: Settings) -> None:
    assert "Other settings" not in comparison(facts(), settings).verdict
    tree = metrics() | {"paper": {"cohort": "calgary-campinas", "verdict": "1 of 2 match"}}
    found = comparison(facts(tree), settings)
    assert "Other settings than published: voxel size (mm) 2 x 2 x 2 (1 x 1 x 1)" in found.verdict
    assert "learning rate" not in found.verdict
    assert ["acceleration", "5", "5", "exact", "match"] in found.rows


def test_without_a_comparison_there_are_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert comparison(facts(), settings).rows == []
