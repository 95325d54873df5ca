"""The files of members: what is read, and the one line for what cannot be."""

import numpy as np
import pandas as pd
import pytest

from stages.measures.members import (
    drawn_volumes,
    load_image,
    load_labels,
    load_reference,
    load_target_labels,
    member_volumes,
    scans,
    volume_table,
)
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.groups import ENSEMBLE, Group
from tests.fabricated import Study, move

STUDY = Study(n_members=2, n_draws=2, n_scans=2)
UNET = Group("unet", ENSEMBLE, (0, 1))


def test_volumes_are_those_of_the_structures(study):
    table = member_volumes(UNET, STUDY.subjects)
    assert len(table) == 2 * 2 * 17
    raw = pd.read_csv(layout.segmentations("unet", 1) / "volumes.csv").set_index("subject")
    cell = table[(table["member"] == 1) & (table["structure"] == "hippocampus")]
    expected = raw["left hippocampus"] + raw["right hippocampus"]
    assert cell["volume_mm3"].tolist() == expected[STUDY.subjects].tolist()


def test_scans_are_those_of_the_reference(study):
    assert scans() == STUDY.subjects


def test_reference_carries_its_unit(study):
    reference = load_reference(STUDY.subjects[0])
    inside = np.isin(reference.labels, (2, 41))
    assert reference.scale == pytest.approx(np.median(reference.image[inside]))


def test_reference_without_white_matter(study):
    path = layout.segmentation("reference", 0, STUDY.subjects[0])
    _, matrix = load_volume(path)
    save_volume(path, np.full(STUDY.shape, 17, dtype=np.int16), matrix)
    with pytest.raises(StudyError, match=r"reference.*expected white matter"):
        load_reference(STUDY.subjects[0])


def test_every_reader_refuses_another_affine(study):
    reference = load_reference(STUDY.subjects[0])
    image = layout.image("unet", 1, STUDY.subjects[0])
    labels = layout.segmentation("unet", 1, STUDY.subjects[0])
    assert load_image(image, reference).shape == STUDY.shape
    assert load_labels(labels, reference.grid).shape == STUDY.shape
    move(image)
    move(labels)
    with pytest.raises(StudyError, match=f"{image}: expected the affine of the reference image"):
        load_image(image, reference)
    with pytest.raises(StudyError, match=f"{labels}: expected the affine of the reference image"):
        load_labels(labels, reference.grid)


def test_an_image_of_another_unit_is_refused(study):
    reference = load_reference(STUDY.subjects[0])
    image = layout.image("unet", 1, STUDY.subjects[0])
    data, matrix = load_volume(image)
    save_volume(image, 100 * data, matrix)
    with pytest.raises(StudyError, match="expected intensities in the unit of the reference"):
        load_image(image, reference)


def test_a_volume_that_is_not_the_recorded_one_is_refused(study):
    subject = STUDY.subjects[0]
    reference, (target, grid) = load_reference(subject), load_target_labels(subject)
    assert np.array_equal(target, reference.labels)
    image, labels = layout.image("unet", 0, subject), layout.segmentation("reference", 0, subject)
    for path in (image, labels):
        data, matrix = load_volume(path)
        save_volume(path, data, matrix, {})
        path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(StudyError, match=f"{image}: expected the file of .* bytes that its"):
        load_image(image, reference)
    with pytest.raises(StudyError, match=f"{labels}: expected the file of .* bytes that its"):
        load_target_labels(subject)
    with pytest.raises(StudyError, match=f"{labels}: expected the file of .* bytes that its"):
        load_labels(labels, grid)


def test_a_target_of_other_than_whole_numbers_is_refused(study):
    path = layout.segmentation("reference", 0, STUDY.subjects[0])
    data, matrix = load_volume(path)
    save_volume(path, data.astype(np.float32) + 0.5, matrix)
    with pytest.raises(StudyError, match="expected labels"):
        load_target_labels(STUDY.subjects[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.iloc[1:], "expected one row for sub-e0s0, got 0"),
        (lambda t: pd.concat([t, t]), "expected one row for sub-e0s0, got 2"),
        (lambda t: t.replace(t.iloc[0, 5], np.nan), "got an empty cell"),
        (lambda t: t.drop(columns="subject"), "expected column 'subject'"),
    ],
)
def test_faulty_volume_tables(study, change, message):
    path = layout.segmentations("unet", 0) / "volumes.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(StudyError, match=message):
        volume_table(path, STUDY.subjects)


def test_draws_are_read_and_must_be_as_many_for_every_member(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = "subject,left hippocampus,right hippocampus\n"
    for member, n_draws in ((0, 2), (1, 2)):
        folder = layout.segmentations("unet", member)
        folder.mkdir(parents=True)
        for draw in range(n_draws):
            row = f"sub-1,{100 + member},{200 + draw}\n"
            (folder / f"volumes_draw-{draw}.csv").write_text(header + row)
    table = drawn_volumes(UNET, ["sub-1"])
    assert table["volume_mm3"].tolist() == [300, 301, 301, 302]
    assert table["draw"].tolist() == [0, 1, 0, 1]
    (layout.segmentations("unet", 1) / "volumes_draw-1.csv").unlink()
    with pytest.raises(StudyError, match=r"as many draws of every member, got \[1, 2\]"):
        drawn_volumes(UNET, ["sub-1"])
    assert drawn_volumes(Group("rim", ENSEMBLE, (0, 1)), ["sub-1"]) is None


def test_a_table_without_any_known_structure(tmp_path):
    path = tmp_path / "volumes.csv"
    path.write_text("subject,Left-Hippocampus,Right-Hippocampus\nsub-1,4000,4100\n")
    with pytest.raises(StudyError, match=r"volumes\.csv: expected columns by SynthSeg's names"):
        volume_table(path)
