"""Parcels of the cortex are measured beside the structures, which they leave as they are."""

import numpy as np
import pandas as pd
import pytest

from stages.deformation import scan_deformation
from stages.measures.members import load_labels, load_reference, load_target_labels
from stages.measures.partitions import parcel_numbers, parts
from stages.measures.quality_scores import REGIONS, score_table
from stages.measures.scan_tables import group_tables
from stages.overlap import scan_overlap
from stages.params.deformation import DeformationParams
from stages.params.measure import MeasureParams
from stages.segmenters.synthseg.regressor import REGIONS as SCORED
from stages.segmenters.volume_table import write_scores
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from stages.study.errors import StudyError
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


def judge(member: int, scores: list[float]) -> None:
    """Write the scores of a member's label maps."""
    row = dict(zip(SCORED, scores, strict=True))
    write_scores(layout.quality_scores("unet", member), [("other", row), (SUBJECT, row)])


def test_scores_are_a_surrogate_of_the_first_member(study):
    params = MeasureParams.load()
    plain = group_tables(UNET, STUDY.subjects, params)
    for member in UNET.members:
        judge(member, [member / 10 + region / 100 for region in range(8)])
    found = group_tables(UNET, STUDY.subjects, params)
    for name in ("surrogates", "half_surrogates"):
        kept = found[name]["surrogate"] != "quality_score"
        rest = found[name][kept].reset_index(drop=True)
        pd.testing.assert_frame_equal(rest, plain[name], check_exact=True)
    own = found["surrogates"][lambda t: t["surrogate"] == "quality_score"]
    assert set(own["kind"]) == {"B"} and len(own) == len(STRUCTURES)
    values = own.set_index("structure")["value"]
    assert values["white_matter"] == 0 and values["cortex"] == pytest.approx(0.01)
    assert values["pallidum"] == values["putamen"] == pytest.approx(0.06)
    assert values["amygdala"] == values["hippocampus"] == pytest.approx(0.07)
    assert values[["caudate", "accumbens", "ventral_dc"]].isna().all()
    halves = found["half_surrogates"][lambda t: t["surrogate"] == "quality_score"]
    cortex = halves[halves["structure"] == "cortex"].set_index("half")["value"]
    assert cortex.to_dict() == pytest.approx({"a": 0.01, "b": 0.11})  # members 0, 2 and 1, 3


def test_scores_that_are_not_those_of_the_scan(study):
    judge(0, [0.5] * 8)
    structures = ["cortex", "csf"]
    assert score_table("unet", SUBJECT, (1, 0), structures) is None
    with pytest.raises(StudyError, match="quality_scores.csv: expected one row for sub-x, got 0"):
        score_table("unet", "sub-x", (0,), structures)
    path = layout.quality_scores("unet", 0)
    path.write_text(path.read_text().replace("general csf", "liquid"))
    with pytest.raises(StudyError, match="expected column 'general csf'"):
        score_table("unet", SUBJECT, (0,), structures)


def test_every_region_is_one_that_the_network_scores():
    assert set(REGIONS.values()) == set(SCORED)
    assert set(REGIONS) <= {entry.name for entry in STRUCTURES + PARCELS}
