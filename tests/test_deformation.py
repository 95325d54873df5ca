"""The stage `deformation`: one row a member, scan and structure; the same bytes on any threads."""

import pandas as pd
import pytest

from stages import deformation
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from tests.fabricated import Study, add_rescans, change_params, move

STUDY = Study(n_members=2, n_draws=2, n_scans=2)


def read(group: str) -> pd.DataFrame:
    """Return the table that the stage wrote."""
    return pd.read_csv(layout.deformation(group) / "deformation.csv")


def test_every_structure_of_every_image_has_a_change(study):
    deformation.main(["noise"])
    table = read("noise")
    columns = ["group", "member", "subject", "structure", "n_voxels", "change", "n_folded"]
    assert list(table) == [*columns, "reason"]
    counts = table.groupby(["member", "subject"]).size()
    assert len(counts) == 4 and (counts == 17).all()
    assert table["change"].abs().max() > 0


def test_the_reference_with_another_gain_is_no_change(study):
    for subject in STUDY.subjects:
        data, matrix = load_volume(layout.image("reference", 0, subject))
        for member, gain in enumerate((1.0, 2.0)):
            save_volume(layout.image("unet", member, subject), gain * data, matrix)
    deformation.main(["unet"])
    assert (read("unet")["change"].abs() < 1e-4).all()


def test_a_structure_that_the_reference_lacks_has_a_reason(study):
    path = layout.segmentation("reference", 0, STUDY.subjects[0])
    data, matrix = load_volume(path)
    data[(data == 17) | (data == 53)] = 0
    save_volume(path, data, matrix)
    deformation.main(["zero_filled"])
    table = read("zero_filled").set_index(["subject", "structure"])
    row = table.loc[(STUDY.subjects[0], "hippocampus")]
    assert pd.isna(row["change"]) and row["reason"] == "absent in the reference"
    assert table.loc[(STUDY.subjects[1], "hippocampus")].notna()["change"]


def test_scans_of_another_position_are_not_registered(study):
    add_rescans(study)
    deformation.main(["rescans"])
    assert read("rescans").empty and "change" in read("rescans")


def test_no_byte_depends_on_the_number_of_workers(study):
    found = []
    for workers in (1, 3):
        change_params(study, "compute", "workers", workers)
        deformation.main(["rim"])
        found.append((layout.deformation("rim") / "deformation.csv").read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cascade"], "unknown group 'cascade'"),
        ([], "usage: python -m stages.deformation unet|varnet|rim|noise|zero_filled"),
        (["reference"], "expected one of unet, varnet, rim, noise, zero_filled"),
        (["unet"], "expected shape (12, 20, 18)"),
    ],
)
def test_faults_are_one_line_and_leave_nothing_behind(study, error_line, arguments, words):
    path = layout.image("unet", 1, STUDY.subjects[0])
    data, matrix = load_volume(path)
    save_volume(path, data[1:], matrix)
    line = error_line(deformation.main, arguments)
    assert line.startswith("error: ") and words in line
    assert not list((study / "work" / "deformation").glob("*"))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("iterations", [5], "one number of 'iterations' for each of 'shrink_factors'"),
        ("shrink_factors", [1, 2], "from coarse to fine"),
        ("smoothing_mm", 0.0, "'deformation.smoothing_mm'"),
        ("smoothing", 3.0, "did you mean 'smoothing_mm'?"),
    ],
)
def test_faulty_parameters_are_one_line(study, error_line, key, value, words):
    change_params(study, "deformation", key, value)
    assert words in error_line(deformation.main, ["unet"])


def test_another_affine_is_one_line(study, error_line):
    path = layout.image("unet", 1, STUDY.subjects[1])
    move(path)
    line = error_line(deformation.main, ["unet"])
    assert line.startswith(f"error: {path}: expected the affine of the reference image, SAR")
