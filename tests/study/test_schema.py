"""The schema tells the truth about the tables that a study has."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from stages import analyse, pathology
from stages.anatomy.diseases.catalogue import DISEASES
from stages.study import layout, schema
from tests.fabricated import Study, measure_study, without_networks, write_study
from tests.test_pathology import write_masks

PAIR = ("sub-headV001", *(f"sub-headV001{kind}" for kind in DISEASES))
STUDY = Study(n_members=2, n_draws=2, names=PAIR)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fabricated study with all tables but those of draws."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        without_networks(patch)
        write_study(folder, STUDY)
        measure_study(STUDY)
        write_masks()
        analyse.main()
        pathology.main()
    return folder


def header(path: Path) -> list[str]:
    """Return the columns of a CSV file."""
    return list(pd.read_csv(path, nrows=0))


PLACES: dict[str, Callable[[str], Path]] = {
    "measures": layout.measures,
    "quality": layout.quality,
    "overlap": layout.overlap,
    "deformation": layout.deformation,
}


def test_every_table_of_a_group_is_described(study: Path, monkeypatch) -> None:
    monkeypatch.chdir(study)
    tables = schema.GROUP_TABLES
    known = {table.path(group): table for table in tables for group in STUDY.members()}
    files = [path for place in PLACES.values() for path in place("x").parent.rglob("*.csv")]
    assert {known[path].name for path in files} == {t.name for t in tables} - {"draws"}
    for path in files:
        assert header(path) == known[path].columns
    assert header(schema.AFFECTED_VOXELS.path()) == schema.AFFECTED_VOXELS.columns


def test_units_of_a_column_of_one_name_agree() -> None:
    found = {
        (column, unit)
        for table in (*schema.GROUP_TABLES, schema.AFFECTED_VOXELS)
        for column, unit in table.units.items()
        if column not in {"mean", "median"}  # of white matter's unit, or of noise: no dimension
    }
    assert len(found) == len({column for column, _ in found})
