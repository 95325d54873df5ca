"""The stage `overlap`: against the reference and the truth, and one line for what it cannot use."""

import numpy as np
import pandas as pd
import pytest

from stages import overlap
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from tests.fabricated import Study, add_rescans, change_params, move

STUDY = Study(n_members=2, n_draws=2, n_scans=2)


def read(group: str) -> pd.DataFrame:
    """Return the table that the stage wrote."""
    return pd.read_csv(layout.overlap(group) / "overlap.csv", keep_default_na=True)


def test_every_segmentation_is_compared_with_both_targets(study):
    overlap.main(["unet"])
    table = read("unet")
    counts = table.groupby(["member", "subject", "target"]).size()
    assert len(counts) == 2 * 2 * 2 and (counts == 17).all()
    subject = STUDY.subjects[1]
    both = [
        np.isin(load_volume(path)[0], (17, 53))
        for path in (layout.segmentation("unet", 1, subject), layout.true_labels(subject))
    ]
    rows = table.set_index(["member", "subject", "target", "structure"])
    expected = 2 * (both[0] & both[1]).sum() / (both[0].sum() + both[1].sum())
    found = rows.loc[(1, subject, "truth", "hippocampus"), "dice"]
    assert found == pytest.approx(expected, rel=1e-8)


def test_the_reference_is_compared_with_the_truth_alone(study):
    overlap.main(["reference"])
    table = read("reference")
    assert set(table["target"]) == {"truth"}
    assert (table["dice"] == 1).all() and (table["surface_distance_mm"] == 0).all()


def test_without_truth_there_is_the_reference_alone(study):
    (layout.TRUTH / "volumes.csv").unlink()
    overlap.main(["zero_filled"])
    assert set(read("zero_filled")["target"]) == {"reference"}
    overlap.main(["reference"])
    assert read("reference").empty and "dice" in read("reference")


def test_scans_of_another_position_overlap_with_nothing(study):
    add_rescans(study)
    overlap.main(["rescans"])
    assert read("rescans").empty and "dice" in read("rescans")


def test_no_byte_depends_on_the_number_of_workers(study):
    found = []
    for workers in (1, 3):
        change_params(study, "compute", "workers", workers)
        overlap.main(["rim"])
        found.append((layout.overlap("rim") / "overlap.csv").read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cascade"], "unknown group 'cascade'"),
        ([], "usage: python -m stages.overlap unet|varnet|rim|noise|reference|zero_filled"),
        (["unet"], "expected shape (12, 20, 18)"),
        (["rim"], "expected a NIfTI volume, found none"),
    ],
)
def test_faults_are_one_line_and_leave_nothing_behind(study, error_line, arguments, words):
    path = layout.segmentation("unet", 1, STUDY.subjects[0])
    data, matrix = load_volume(path)
    save_volume(path, data[1:], matrix)
    layout.segmentation("rim", 0, STUDY.subjects[1]).unlink()
    line = error_line(overlap.main, arguments)
    assert line.startswith("error: ") and words in line
    assert not list((study / "work" / "overlap").glob("*"))


@pytest.mark.parametrize(
    "path",
    [
        layout.segmentation("unet", 1, STUDY.subjects[1]),
        layout.true_labels(STUDY.subjects[1]),
    ],
)
def test_another_affine_is_one_line(study, error_line, path):
    move(path)
    line = error_line(overlap.main, ["unet"])
    assert line.startswith(f"error: {path}: expected the affine of the reference image, SAR")
