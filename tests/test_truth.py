"""The stage `truth`: true volumes of simulated cohorts, and no others."""

import pandas as pd

from stages import truth
from stages.study import layout, schema
from tests.fabricated import Study

STUDY = Study(n_members=2, n_draws=2, n_scans=2)


def test_a_simulated_cohort_has_true_volumes(study):
    truth.main()
    table = pd.read_csv(schema.TRUE_VOLUMES.path())
    assert list(table) == schema.TRUE_VOLUMES.columns
    assert set(table["subject"]) == set(STUDY.subjects)
    given = pd.read_csv(layout.true_volumes()).set_index("subject")
    sides = given.loc[STUDY.subjects[0], ["left hippocampus", "right hippocampus"]]
    rows = table.set_index(["subject", "structure"])["volume_mm3"]
    assert rows[STUDY.subjects[0], "hippocampus"] == sides.sum()


def test_scans_of_persons_have_none(study):
    layout.true_volumes().unlink()
    truth.main()
    assert not list(layout.TRUE_MEASURES.iterdir())
