"""Surrogates of half of the members: those of a group that has no other members."""

import numpy as np
import pandas as pd
import pytest

from stages.measures.halves import half_regions, halves
from stages.measures.members import halves_of, load_reference
from stages.measures.scan_tables import scan_tables
from stages.measures.surrogates import GAIN_NORMALISED, STD_STATISTICS, SURROGATES, Gathered
from stages.params.measure import MeasureParams
from stages.study import schema
from stages.study.groups import ENSEMBLE, Group
from tests.fabricated import Study

STUDY = Study(n_members=5, n_draws=2, n_scans=1)
KEYS = ["structure", "surrogate"]


def tables(*members: int) -> dict[str, pd.DataFrame]:
    """Return the tables of a scan as if these were all members."""
    scan = load_reference(STUDY.subjects[0])
    return scan_tables(scan, Group("unet", ENSEMBLE, members), MeasureParams.load())


def values(table: pd.DataFrame) -> pd.Series:
    """Return the surrogates by structure and name."""
    return table.set_index(KEYS)["value"].sort_index()


def test_a_half_is_measured_as_if_it_were_alone(study):
    whole = tables(*range(5))["half_surrogates"]
    for half, members in zip("ab", halves_of(list(range(5))), strict=True):
        alone = tables(*members)
        own = values(whole[whole["half"] == half])
        expected = values(alone["surrogates"])
        # the same numbers summed in another order, see `test_the_box_changes_nothing`
        assert own[expected.index].to_numpy() == pytest.approx(
            expected.to_numpy(), rel=1e-9, nan_ok=True
        )
        for name in STD_STATISTICS:
            found = own.xs(f"std_{name}", level="surrogate")
            regions = alone["regions"].set_index("structure")[name]
            assert found.to_numpy() == pytest.approx(
                regions[found.index].to_numpy(), rel=1e-12, nan_ok=True
            )


def test_every_half_has_every_surrogate_and_its_kind(study):
    found = tables(*range(5))["half_surrogates"]
    assert list(found) == schema.HALF_SURROGATES.less("group", "subject")
    names = {*SURROGATES, GAIN_NORMALISED, *(f"std_{name}" for name in STD_STATISTICS)}
    assert len(found) == 2 * 17 * len(names)
    kinds = found.groupby("surrogate")["kind"].unique().map(list)
    assert kinds.to_dict() == {
        name: [SURROGATES[name].kind if name in SURROGATES else "A"] for name in names
    }


def test_the_other_half_changes_nothing(study):
    first, second = (tables(0, 1, 2, last)["half_surrogates"] for last in (3, 4))
    own, other = ([values(t[t["half"] == half]) for t in (first, second)] for half in "ab")
    assert own[0].to_numpy() == pytest.approx(own[1].to_numpy(), rel=1e-9, nan_ok=True)
    assert not np.allclose(other[0], other[1], rtol=1e-3, equal_nan=True)


@pytest.mark.parametrize(("members", "expected"), [((0, 1), set()), ((0, 1, 2), {"a"})])
def test_a_single_member_does_not_vary(study, members, expected):
    found = tables(*members)["half_surrogates"]
    assert set(found["half"]) == expected
    assert list(found) == schema.HALF_SURROGATES.less("group", "subject")


def test_the_order_of_the_seeds_does_not_matter(study):
    first, second = (tables(*m)["half_surrogates"] for m in ((0, 1, 2, 3), (3, 1, 0, 2)))
    for half in "ab":
        pair = [values(table[table["half"] == half]) for table in (first, second)]
        images = [p[p.index.get_level_values("surrogate").str.contains("std")] for p in pair]
        assert images[0].to_numpy() == pytest.approx(images[1].to_numpy(), nan_ok=True)


def test_no_half_gives_tables_without_rows():
    single = Gathered(None, np.zeros(0, int), 0, np.zeros((2, 0), np.float32), None, None)
    assert halves(single, (7, 3)) == {}
    assert list(half_regions({})) == schema.HALVES.less("group", "subject")
