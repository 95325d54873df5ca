"""Left and right volumes are read where a table has both, and only there."""

import pandas as pd

from stages.measures.members import member_volumes
from stages.measures.sides import side_volumes
from stages.study import layout
from stages.study.groups import ENSEMBLE, Group
from stages.study.schema import SIDES
from stages.study.structures import STRUCTURES
from tests.fabricated import Study

STUDY = Study(n_members=2, n_draws=2, n_scans=2)
UNET = Group("unet", ENSEMBLE, (0, 1))


def test_sides_add_up_to_the_volumes_of_the_study(study):
    table = side_volumes(UNET, STUDY.subjects)
    assert table is not None
    assert list(table.columns) == SIDES.columns
    paired = [entry.name for entry in STRUCTURES if entry.right]
    assert set(table["structure"]) == set(paired)
    whole = member_volumes(UNET, STUDY.subjects)
    both = table.merge(whole, on=["group", "member", "subject", "structure"])
    assert len(both) == len(table) == 2 * 2 * len(paired)
    assert (both["left_mm3"] + both["right_mm3"]).tolist() == both["volume_mm3"].tolist()


def test_merged_sides_have_no_table(study):
    for member in UNET.members:
        path = layout.volumes("unet", member)
        table = pd.read_csv(path)
        table = table.rename(columns=lambda name: name.removeprefix("left "))
        table.drop(columns=[c for c in table if c.startswith("right ")]).to_csv(path, index=False)
    assert side_volumes(UNET, STUDY.subjects) is None


def test_a_network_may_count_the_inferior_horns_as_ventricles(study):
    before = side_volumes(UNET, STUDY.subjects)
    for member in UNET.members:
        path = layout.volumes("unet", member)
        table = pd.read_csv(path)
        for side in ("left", "right"):
            parts = (
                table.pop(f"{side} lateral ventricle"),
                table.pop(f"{side} inferior lateral ventricle"),
            )
            table[f"{side} lateral ventricle with inferior horn"] = sum(parts)
        table.to_csv(path, index=False)
    after = side_volumes(UNET, STUDY.subjects)
    pd.testing.assert_frame_equal(after, before)


def test_a_side_that_is_missing_leaves_its_structure_out(study):
    for member in UNET.members:
        path = layout.volumes("unet", member)
        pd.read_csv(path).drop(columns="right hippocampus").to_csv(path, index=False)
    found = set(side_volumes(UNET, STUDY.subjects)["structure"])
    assert "hippocampus" not in found and "amygdala" in found
