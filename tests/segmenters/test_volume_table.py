"""The volume table against SynthSeg's own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from stages.segmenters.volume_table import add_to_table, write_table
from stages.study.errors import StudyError
from stages.study.structures import SYNTHSEG_NAMES, structure_volumes
from tests.segmenters.conftest import GOLDEN


def test_header_and_line_ends_are_those_of_synthseg(tmp_path):
    reference = (GOLDEN / "t1_aniso_robust_vol.csv").read_bytes()
    numbers = np.array(reference.split(b"\r\n")[1].split(b",")[2:], float)
    write_table(tmp_path / "v.csv", SYNTHSEG_NAMES, [("t1_aniso", numbers)])
    written = (tmp_path / "v.csv").read_bytes()
    assert written.split(b"\r\n")[0] == reference.split(b"\r\n")[0]
    first, second = (line.split(b"\r\n")[1].split(b",") for line in (written, reference))
    assert first[0] == second[0] and first[2:] == second[2:]
    assert written.endswith(b"\r\n")


def test_numbers_have_three_decimals_and_add_up(tmp_path):
    write_table(
        tmp_path / "v.csv", ["a", "b"], [("x", np.array([1.23456, 2e6])), ("y", np.ones(2))]
    )
    table = pd.read_csv(tmp_path / "v.csv", index_col="subject")
    assert table.loc["x"].tolist() == [2000001.235, 1.235, 2000000.0]
    assert table.loc["y", "total intracranial"] == 2


def test_merged_names_are_understood_by_the_study(tmp_path, tiny_model):
    volumes = np.arange(1.0, 18.0)
    write_table(tmp_path / "v.csv", tiny_model.names, [("x", volumes)])
    table = structure_volumes(pd.read_csv(tmp_path / "v.csv", index_col="subject"))
    assert sorted(table.loc["x"]) == volumes.tolist()
    assert table.loc["x", "hippocampus"] == 13


def test_a_table_grows_row_by_row(tmp_path):
    path, volumes = tmp_path / "out" / "volumes.csv", np.array([1.0, 2.5])
    with ThreadPoolExecutor(8) as pool:  # as a loop that runs in parallel
        list(pool.map(lambda k: add_to_table(path, "ab", [(f"{k:02}", k * volumes)]), range(24)))
    add_to_table(path, "ab", [("07", volumes), ("x", volumes)])
    table = pd.read_csv(path, index_col="subject", dtype={"subject": str})
    assert sorted(table.index) == [*(f"{k:02}" for k in range(24)), "x"]
    for k in range(24):
        factor = 1 if k == 7 else k
        assert table.loc[f"{k:02}"].tolist() == [factor * 3.5, factor, factor * 2.5]
    assert {entry.name for entry in path.parent.iterdir()} == {"volumes.csv"}


@pytest.mark.parametrize("content", ["", "subject,total intracranial,a\nx,1,1\n", "x", "\x80"])
def test_a_table_of_something_else_is_left_alone(content, tmp_path):
    path = tmp_path / "volumes.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(StudyError, match=r"volumes\.csv: expected a table of"):
        add_to_table(path, "ab", [("y", np.ones(2))])
    assert path.read_bytes() == content.encode("latin-1")


def test_a_torn_row_is_a_fault(tmp_path):
    path = tmp_path / "volumes.csv"
    write_table(path, "ab", [("x", np.ones(2))])
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(StudyError, match="damaged"):
        add_to_table(path, "ab", [("y", np.ones(2))])
