"""The parcels of the cortex."""

import numpy as np

from stages.study.parcels import N_PARCELS, PARCEL_LABELS, PARCEL_TABLE, without_parcels
from stages.study.structures import LABELS, PARCELS, STRUCTURES, labels_of, structure


def test_each_hemisphere_has_34_parcels_of_freesurfer():
    assert N_PARCELS == 34 and len(PARCEL_TABLE) == 68
    assert list(PARCEL_LABELS) == sorted(PARCEL_LABELS)
    assert PARCEL_TABLE[1001] == "ctx-lh-bankssts" and PARCEL_TABLE[2035] == "ctx-rh-insula"
    assert PARCEL_TABLE[1024] == "ctx-lh-precentral" and 1004 not in PARCEL_TABLE
    lefts = [name.removeprefix("ctx-lh-") for name in PARCEL_TABLE.values() if "-lh-" in name]
    rights = [name.removeprefix("ctx-rh-") for name in PARCEL_TABLE.values() if "-rh-" in name]
    assert lefts == rights == [entry.name.removeprefix("ctx_") for entry in PARCELS]


def test_parcels_are_structures_of_both_sides():
    assert structure("ctx_insula").labels == (1035, 2035)
    assert not {entry.name for entry in PARCELS} & {entry.name for entry in STRUCTURES}
    assert not {*PARCEL_LABELS} & {label for labels in LABELS.values() for label in labels}
    assert labels_of("ctx-lh-insula") == frozenset()  # no part of another program's table


def test_a_map_without_its_parcels_has_the_cortex_again():
    labels = np.array([[0, 2, 3, 42], [1001, 1035, 2001, 2035], [60, 999, 1000, 3001]], np.int16)
    expected = [[0, 2, 3, 42], [3, 3, 42, 42], [60, 999, 1000, 3001]]
    assert without_parcels(labels).tolist() == expected
    assert labels[1, 0] == 1001
    plain = np.array([0, 3, 60], np.uint8)
    assert without_parcels(plain) is plain
