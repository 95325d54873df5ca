"""The files of members: what is read, and the one line for what cannot be."""

import numpy as np
import pandas as pd
import pytest

from stages.measures.members import (
    drawn_volumes,
    load_like,
    load_reference,
    member_volumes,
    read_table,
    scans,
    volume_table,
)
from stages.storage.nifti import affine, load_volume, save_volume
from stages.study import layout
from stages.study.errors import StudyError
from tests.fabricated import Study, write_study

STUDY = Study(n_members=2, n_draws=2, n_scans=2)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A fabricated study in the current directory."""
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, STUDY)
    return tmp_path


def test_volumes_are_those_of_the_structures(study):
    table = member_volumes("unet", (0, 1), STUDY.subjects)
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


def test_missing_empty_and_damaged_tables(tmp_path):
    with pytest.raises(StudyError, match="found none"):
        read_table(tmp_path / "none.csv", [])
    (tmp_path / "empty.csv").touch()
    with pytest.raises(StudyError, match="damaged"):
        read_table(tmp_path / "empty.csv", [])
    (tmp_path / "binary.csv").write_bytes(b"\x80\xff\x00")
    with pytest.raises(StudyError, match="damaged"):
        read_table(tmp_path / "binary.csv", [])


def test_volumes_must_lie_on_the_grid_of_the_reference(tmp_path):
    matrix = affine((2, 3, 4), (1.0, 1.0, 1.0), "SAR")
    data = np.zeros((2, 3, 4), dtype=np.float32)
    path = tmp_path / "a.nii.gz"
    save_volume(path, data, matrix)
    assert np.array_equal(load_like(path, (2, 3, 4)), data)
    with pytest.raises(StudyError, match=r"expected shape \(2, 3, 5\).*got \(2, 3, 4\)"):
        load_like(path, (2, 3, 5))
    data[0, 0, 0] = np.nan
    save_volume(path, data, matrix)
    with pytest.raises(StudyError, match="NaN or infinity"):
        load_like(path, (2, 3, 4))


def test_draws_are_read_and_must_be_as_many_for_every_member(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = "subject,left hippocampus,right hippocampus\n"
    for member, n_draws in ((0, 2), (1, 2)):
        folder = layout.segmentations("unet", member)
        folder.mkdir(parents=True)
        for draw in range(n_draws):
            row = f"sub-1,{100 + member},{200 + draw}\n"
            (folder / f"volumes_draw-{draw}.csv").write_text(header + row)
    table = drawn_volumes("unet", (0, 1), ["sub-1"])
    assert table["volume_mm3"].tolist() == [300, 301, 301, 302]
    assert table["draw"].tolist() == [0, 1, 0, 1]
    (layout.segmentations("unet", 1) / "volumes_draw-1.csv").unlink()
    with pytest.raises(StudyError, match=r"as many draws of every member, got \[1, 2\]"):
        drawn_volumes("unet", (0, 1), ["sub-1"])
    assert drawn_volumes("rim", (0, 1), ["sub-1"]) is None
