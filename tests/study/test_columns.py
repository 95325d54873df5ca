"""Every column of every table has a description, and no description is of nothing."""

import csv
from collections.abc import Iterator

import pytest

from stages.derivatives.described_tables import GROUP_TABLES, STUDY_TABLES, table_name
from stages.measures.voxelwise import SUMMARIES
from stages.params.measure import MeasureParams
from stages.statistics.methods.prediction_intervals import METHODS
from stages.statistics.questions import (
    asymmetry,
    components,
    image_scores,
    kinds,
    power,
    surrogates,
    thickness,
    total_variance,
)
from stages.study import layout, schema
from stages.study.columns import COLUMNS, KINDS, SPECIAL, UNITS, described
from tests.fabricated import ROOT

TEXT_OF_MISSING = ("", "nan")


def plotted() -> dict[str, list[dict[str, str]]]:
    """Return the rows of the default study's tables of plots."""
    found = {}
    for path in sorted((ROOT / layout.PLOTS).glob("*/*.csv")):
        with open(path, newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
            header = dict.fromkeys(reader.fieldnames or (), "")
            found[table_name(path.relative_to(ROOT))] = rows or [header]
    return found


def tables() -> Iterator[tuple[str, list[str]]]:
    """Yield name and columns of every table that a study can have."""
    for table in GROUP_TABLES:
        yield table_name(table.path("x")), table.columns
    for table in STUDY_TABLES:
        yield table_name(table.path()), table.columns
    yield table_name(layout.members("x")), schema.MEMBERS.columns
    for name, rows in plotted().items():
        yield name, list(rows[0])
    yield "analyse/kinds", [*kinds.COLUMNS, *kinds.VALUES]
    yield "analyse/asymmetry", asymmetry.COLUMNS  # of segmenters that keep the sides apart
    yield "analyse/image_scores", image_scores.COLUMNS
    yield "analyse/thickness", thickness.COLUMNS
    # of studies that segment images repeatedly
    yield "analyse/total_variance", total_variance.COLUMNS
    yield "analyse/total_variance_scans", total_variance.SCAN_COLUMNS
    yield "analyse/total_variance_predictors", total_variance.PREDICTOR_COLUMNS


TABLES = dict(tables())


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_described(name: str) -> None:
    for column in TABLES[name]:
        found = described(name, column)
        assert found is not None, f"{name}: {column} needs an entry in stages/study/columns.py"
        assert found.description.endswith(".") and len(found.description.split()) > 0


def test_every_description_is_of_a_column() -> None:
    for name, columns in SPECIAL.items():
        assert {*columns} <= {*TABLES[name]}, name
    known = {column for columns in TABLES.values() for column in columns}
    assert {*COLUMNS} <= known


def test_what_is_special_differs_from_the_rule() -> None:
    for name, columns in SPECIAL.items():
        assert not [c for c, found in columns.items() if COLUMNS.get(c) == found], name


def test_units_are_those_of_the_schema() -> None:
    for table in (*GROUP_TABLES, *STUDY_TABLES, schema.MEMBERS):
        place = layout.members("x") if table is schema.MEMBERS else None
        in_groups = table in GROUP_TABLES
        place = place or (table.path("x") if in_groups else table.path())
        for column, unit in table.units.items():
            found = described(table_name(place), column)
            assert found is not None and found.unit == UNITS.get(unit, unit), (place, column)


@pytest.mark.parametrize("name", sorted(plotted()))
def test_levels_hold_every_value(name: str) -> None:
    for column in TABLES[name]:
        found = described(name, column)
        assert found is not None
        values = {row[column] for row in plotted()[name]} - {*TEXT_OF_MISSING}
        open_ended = column == "scope" and name in ("analyse/bias_prediction", "analyse/inference")
        if found.levels and not open_ended:
            assert values <= {*found.levels}, column
        if column.endswith(("_mm3", "_percent")):
            assert found.unit in ("mm^3", "%")


def test_levels_are_those_of_the_code() -> None:
    def levels(name: str, column: str) -> set[str]:
        found = described(name, column)
        assert found is not None
        return {*found.levels}

    assert levels("analyse/conformal", "method") == {*METHODS}
    assert levels("analyse/power", "scope") == {*power.SCOPES}
    assert levels("analyse/components", "component") == {*components.COMPONENTS, components.TOTAL}
    assert levels("analyse/surrogates", "cost") == {*surrogates.COSTS.values()}
    assert {*KINDS} == {*surrogates.COSTS}
    assert {*SUMMARIES} <= {*COLUMNS}
    assert "histogram_upper" in MeasureParams.model_fields


def test_ends_of_intervals_need_no_entry() -> None:
    found = described("analyse/power", "cv_percent_low")
    assert found is not None and found.unit == "%"
    assert found.description == "Lower end of the interval of `cv_percent`."
    assert described("analyse/power", "nothing_low") is None
    assert described("analyse/none", "nothing") is None
