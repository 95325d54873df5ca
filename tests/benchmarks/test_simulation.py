"""Every study of the simulation finds what its lines are about."""

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.simulation.catalogue import all_studies
from tests.benchmarks.simulation.study import FAILS, Line, Study, judge

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
