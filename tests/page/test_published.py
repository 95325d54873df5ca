"""The readings of the regressions as the report prints them."""

from stages.page.published import readings
from stages.statistics.questions.readings import READINGS
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
