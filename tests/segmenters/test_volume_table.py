"""The volume table against SynthSeg's own."""

import numpy as np
import pandas as pd

from stages.segmenters.volume_table import write_table
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
