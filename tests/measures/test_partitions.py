"""Parcels of the cortex are measured beside the structures, which they leave as they are."""

import numpy as np
import pandas as pd
import pytest

from stages.deformation import scan_deformation
from stages.measures.members import load_labels, load_reference, load_target_labels
from stages.measures.partitions import parcel_numbers, parts
from stages.measures.scan_tables import group_tables
from stages.overlap import scan_overlap
from stages.params.deformation import DeformationParams
from stages.params.measure import MeasureParams
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from stages.study.groups import ENSEMBLE, FULLY_SAMPLED, Group
from stages.study.parcels import NUMBERS, PARCEL_LABELS, PARCEL_TABLE, without_parcels
from stages.study.structures import LABELS, PARCELS, STRUCTURES, structure
from tests.fabricated import VOXEL_MM3, Study

STUDY = Study(n_members=4, n_draws=2, n_scans=1, truth=False)
UNET = Group("unet", ENSEMBLE, (0, 1, 2, 3))
SUBJECT = STUDY.subjects[0]
MEMBERS = [("unet", member) for member in UNET.members] + [("reference", 0)]


def divide(group: str, member: int) -> None:
    """Divide the cortex of a label map into parcels, by where a voxel lies, and its volumes too."""
    path = layout.segmentation(group, member, SUBJECT)
    labels, matrix = load_volume(path)
    labels = labels.astype(np.int16)
    numbers = np.array(sorted(NUMBERS))[np.arange(labels.size).reshape(labels.shape) % len(NUMBERS)]
    for first, cortex in ((1000, 3), (2000, 42)):
        where = labels == cortex
        labels[where] = first + numbers[where]
    save_volume(path, labels, matrix)
    table = layout.volumes(group, member)
    rows = pd.read_csv(table).set_index("subject")
    counts = np.bincount(labels.ravel(), minlength=2036) * VOXEL_MM3
    added = {name: counts[label] for label, name in PARCEL_TABLE.items()}
    pd.concat([rows, pd.DataFrame(added, index=rows.index)], axis=1).to_csv(table)


def test_one_part_without_parcels_and_three_with():
    labels = np.zeros((3, 4, 5), np.int16)
    labels[0, 0] = [3, 42, 17, 1, 999]
    (only,) = parts(labels)
    assert only.structures is STRUCTURES and only.names == list(LABELS)
    names = [None if n == 0 else only.names[n - 1] for n in only.numbers[0, 0]]
    assert names == ["cortex", "cortex", "hippocampus", None, None]
    labels[1, 0] = [1001, 1035, 2035, 2018, 3]
    whole, *divided = parts(labels)
    assert whole.numbers[1, 0].tolist() == [2] * 5
    assert [*divided[0].structures, *divided[1].structures] == list(PARCELS)
    seen = [[part.names[n - 1] for n in part.numbers[1, 0] if n] for part in divided]
    assert [*seen[0], *seen[1]] == [
        "ctx_bankssts",
        "ctx_parsopercularis",
        "ctx_insula",
        "ctx_insula",
    ]


def test_numbers_are_those_of_the_labels():
    labels = np.random.default_rng(0).choice([*PARCEL_LABELS, 0, 3, 4000], (6, 7, 8))
    for part in parts(labels)[1:]:
        assert part.numbers.dtype == np.uint8
        for number, entry in enumerate(part.structures, start=1):
            assert np.array_equal(part.numbers == number, np.isin(labels, entry.labels))
    assert not parcel_numbers(labels * 0 + 4000, PARCELS[:3]).any()


def test_structures_are_measured_as_without_parcels(study):
    params = MeasureParams.load()
    plain = group_tables(UNET, STUDY.subjects, params)
    overlap, changes = scan_overlap(SUBJECT, UNET), deformation()
    whole = load_reference(SUBJECT).labels
    for place in MEMBERS:
        divide(*place)
    assert np.array_equal(load_reference(SUBJECT).labels, whole)
    found = group_tables(UNET, STUDY.subjects, params) | {"overlap": scan_overlap(SUBJECT, UNET)}
    found["deformation"] = deformation()
    plain |= {"overlap": overlap, "deformation": changes}
    assert set(found) == set(plain)
    names = {entry.name for entry in PARCELS}
    pd.testing.assert_frame_equal(found.pop("thickness"), plain["thickness"], check_exact=True)
    for name, table in found.items():
        own = table[~table["structure"].isin(names)].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, plain[name], check_exact=True)
        if name != "histograms":  # without rows for what is absent
            assert set(table["structure"]) >= names
    regions = found["regions"].set_index("structure")["n_voxels"]
    assert regions[sorted(names)].sum() >= regions["cortex"] > 0
    target, grid = load_target_labels(SUBJECT)
    first = load_labels(layout.segmentation("unet", 0, SUBJECT), grid, parcels=True)
    a, b = (np.isin(labels, structure("ctx_insula").labels) for labels in (target, first))
    dice = found["overlap"].set_index(["structure", "target", "member"])["dice"]
    expected = 2 * (a & b).sum() / (a.sum() + b.sum())
    assert dice["ctx_insula", FULLY_SAMPLED.name, 0] == pytest.approx(expected)
    assert np.array_equal(without_parcels(target), whole)


def deformation() -> pd.DataFrame:
    """Return the deformation of the first two members, hardly iterated."""
    params = DeformationParams.load().model_copy(
        update={"shrink_factors": (1,), "iterations": (1,)}
    )
    return scan_deformation(SUBJECT, Group("unet", ENSEMBLE, (0, 1)), params)
