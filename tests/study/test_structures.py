"""The label table and the sums over hemispheres."""

import pandas as pd
import pytest

from stages.study.errors import StudyError
from stages.study.structures import (
    MERGED,
    STRUCTURES,
    SYNTHSEG_LABELS,
    SYNTHSEG_NAMES,
    WHOLE_VENTRICLES,
    columns,
    labels_of,
    sided_name,
    structure,
    structure_volumes,
)


def test_the_table_is_that_of_synthseg() -> None:
    assert len(SYNTHSEG_LABELS) == 33
    assert list(SYNTHSEG_LABELS) == sorted(SYNTHSEG_LABELS)
    assert sorted(label for s in STRUCTURES for label in s.labels) == list(SYNTHSEG_LABELS[1:])
    assert all(right > left for right, left in MERGED.items())


def test_sides_are_summed_and_the_inferior_horn_belongs_to_the_ventricle() -> None:
    table = pd.DataFrame([range(1, 33)], columns=list(SYNTHSEG_NAMES), index=["sub-1"])
    volumes = structure_volumes(table).loc["sub-1"]
    by_label = dict(zip(SYNTHSEG_LABELS[1:], range(1, 33), strict=True))
    assert volumes["lateral_ventricle"] == sum(by_label[i] for i in (4, 5, 43, 44))
    assert volumes["hippocampus"] == by_label[17] + by_label[53]
    assert volumes["brainstem"] == by_label[16]
    assert volumes.sum() == sum(by_label.values())


def test_merged_tables_give_the_same_structures() -> None:
    names = ["cerebral white matter", "lateral ventricle", "brain-stem", "ventral DC"]
    table = pd.DataFrame([[1.0, 2.0, 3.0, 4.0]], columns=names, index=["sub-1"])
    assert structure_volumes(table).loc["sub-1"].to_dict() == {
        "white_matter": 1.0,
        "lateral_ventricle": 2.0,
        "brainstem": 3.0,
        "ventral_dc": 4.0,
    }


def test_unknown_structure_names_the_known() -> None:
    with pytest.raises(StudyError, match="unknown structure 'hipocampus'; known: white_matter"):
        structure("hipocampus")


def test_ventricles_with_their_horns_are_whole() -> None:
    names = list(WHOLE_VENTRICLES)
    entry = structure("lateral_ventricle")
    assert columns(entry, [*names, "left caudate", "right caudate"]) == names
    assert [labels_of(name) for name in names] == [{4, 5}, {43, 44}]
    with pytest.raises(StudyError, match="without right inferior lateral ventricle, right lateral"):
        columns(entry, names[:1])
    with pytest.raises(StudyError, match="without left inferior lateral ventricle"):
        columns(entry, ["left lateral ventricle", "right lateral ventricle"])
    assert [sided_name(label) for label in (4, 43, 10)] == [*names, "left thalamus"]
