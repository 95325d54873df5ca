"""Every study of the simulation finds what its lines are about."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.simulation.catalogue import all_studies
from tests.benchmarks.simulation.study import FAILS, Line, Study, judge
from tests.benchmarks.simulation.summary import summary

STUDIES = all_studies()


@pytest.mark.parametrize("name", STUDIES)
def test_a_cohort_gives_every_line_a_number(name: str) -> None:
    study = STUDIES[name]
    found = study.cohort(np.random.default_rng(0))
    assert set(study.lines) <= set(found)
    assert np.isfinite([float(found[line]) for line in study.lines]).all()


def test_a_mean_outside_its_range_fails() -> None:
    study = Study(lambda _: {}, {"share": Line(0.94, 0.96)})
    values = pd.DataFrame({"share": [1.0] * 80 + [0.0] * 20})
    assert judge("interval", study, values)[0].verdict == FAILS
    values = pd.DataFrame({"share": [1.0] * 95 + [0.0] * 5})
    assert judge("interval", study, values)[0].verdict == "holds"


def test_the_summary_has_a_row_for_what_promises_the_same(tmp_path: Path) -> None:
    study = Study(lambda _: {}, {"covers": Line(0.93, 0.97)})
    few = Study(lambda _: {}, {"covers": Line(0.0, 1.0, "stated")})
    shares = {"a, 8 subjects": 95, "a, 20 subjects": 97, "a, 12 subjects": 60}
    found = {n: pd.DataFrame({"covers": [1.0] * k + [0.0] * (100 - k)}) for n, k in shares.items()}
    lines = [row for name, values in found.items() for row in judge(name, study, values)]
    lines += judge("a, 4 subjects", few, found["a, 8 subjects"])
    path = tmp_path / "lines.csv"
    pd.DataFrame(lines).to_csv(path, index=False)
    table = [line for line in summary(pd.read_csv(path)).splitlines() if line.startswith("| a |")]
    assert table == [
        "| a | covers | 0.93 to 0.97 | 3 | 0.6 to 0.97 | 100 | 1 |  |",
        "| a | covers | 0 to 1 | 1 | 0.95 | 100 | 0 | stated |",
    ]
