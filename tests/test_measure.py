"""The stage `measure`: tables of each kind of group, and one line for what it cannot use."""

import numpy as np
import pandas as pd
import pytest

from stages import measure
from stages.measures.voxelwise import SUMMARIES
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from tests.fabricated import Study, add_rescans, change_params

STUDY = Study(n_members=3, n_draws=4, n_scans=2)


def read(group: str, name: str) -> pd.DataFrame:
    """Return a table that the stage wrote."""
    return pd.read_csv(layout.measures(group) / f"{name}.csv")


def test_an_ensemble_has_all_tables(study):
    measure.main(["unet"])
    names = {path.name for path in layout.measures("unet").iterdir()}
    voxelwise = {"regions.csv", "halves.csv", "histograms.csv", "surrogates.csv"}
    voxelwise |= {"half_surrogates.csv"}
    assert names == {"volumes.csv", "sides.csv", "thickness.csv"} | voxelwise
    assert len(read("unet", "volumes")) == 3 * 2 * 17
    assert set(read("unet", "surrogates")["kind"]) == {"A", "B", "C"}
    assert len(read("unet", "surrogates")) == 2 * 17 * 6
    assert set(read("unet", "halves")["half"]) == {"a"}  # a single member does not vary
    assert len(read("unet", "regions")) == 2 * 17
    sums = read("unet", "histograms").groupby(["subject", "structure", "edges"])["fraction"].sum()
    assert sums.to_numpy() == pytest.approx(1)


def test_scans_of_another_position_have_volumes_alone(study):
    add_rescans(study)
    measure.main(["rescans"])
    names = {path.name for path in layout.measures("rescans").iterdir()}
    assert names == {"volumes.csv", "sides.csv", "thickness.csv"}
    measure.main(["unet"])
    own = read("unet", "volumes").query("member < 2").drop(columns="group")
    found = read("rescans", "volumes").drop(columns="group")
    pd.testing.assert_frame_equal(found, own.reset_index(drop=True))


def test_regions_are_those_of_a_stack_in_memory(study):
    measure.main(["varnet"])
    subject = STUDY.subjects[1]
    images = [load_volume(layout.image("varnet", m, subject))[0] for m in range(3)]
    labels = [load_volume(layout.segmentation("varnet", m, subject))[0] for m in range(3)]
    reference, _ = load_volume(layout.image("reference", 0, subject))
    white = np.isin(load_volume(layout.segmentation("reference", 0, subject))[0], (2, 41))
    std = np.std(np.float64(images), axis=0, ddof=1) / np.median(reference[white])
    inside = std[np.isin(labels, (17, 53)).any(axis=0)]
    table = read("varnet", "regions").set_index(["subject", "structure"])
    row = table.loc[(subject, "hippocampus")]
    assert row["n_voxels"] == len(inside)
    assert row["mean"] == pytest.approx(inside.mean())
    assert row["p95"] == pytest.approx(np.percentile(inside, 95))
    assert row["max"] == pytest.approx(inside.max())


def test_a_common_intensity_unit_changes_no_measure(study):
    measure.main(["unet"])
    before = read("unet", "regions")
    paths = [layout.image("unet", m, s) for m in range(3) for s in STUDY.subjects]
    paths += [layout.image("reference", 0, s) for s in STUDY.subjects]
    for path in paths:
        data, matrix = load_volume(path)
        save_volume(path, data * np.float32(2**-12), matrix)
    measure.main(["unet"])
    pd.testing.assert_frame_equal(read("unet", "regions"), before)


def test_the_unit_of_one_member_changes_its_raw_deviation_alone(study):
    measure.main(["unet"])
    before = read("unet", "regions"), read("unet", "surrogates")
    for subject in STUDY.subjects:
        path = layout.image("unet", 1, subject)
        data, matrix = load_volume(path)
        save_volume(path, data * np.float32(2), matrix)
    measure.main(["unet"])
    after = read("unet", "regions"), read("unet", "surrogates")
    columns = [f"gain_normalised_{name}" for name in SUMMARIES]
    pd.testing.assert_frame_equal(after[0][columns], before[0][columns])
    assert (after[0]["mean"] > 2 * before[0]["mean"]).all()
    kinds = [
        table[table["kind"] == "A"].reset_index(drop=True) for table in (*before, *after)[1::2]
    ]
    pd.testing.assert_frame_equal(*kinds)
    assert kinds[0]["value"].tolist() == before[0]["gain_normalised_mean"].tolist()
    assert set(kinds[0]["surrogate"]) == {"gain_normalised_std_mean"}


def test_noise_has_its_signal_to_noise(study):
    measure.main(["noise"])
    table = read("noise", "snr")
    assert table["subject"].tolist() == STUDY.subjects
    assert (table["pooled"] > 10).all()


def test_single_members_have_no_voxelwise_tables(study):
    measure.main(["zero_filled"])
    names = {path.name for path in layout.measures("zero_filled").iterdir()}
    assert names == {"volumes.csv", "sides.csv", "thickness.csv"}


def test_the_reference_has_volumes(study):
    measure.main(["reference"])
    names = {path.name for path in layout.measures("reference").iterdir()}
    assert names == {"volumes.csv", "sides.csv", "thickness.csv"}


@pytest.mark.parametrize("group", ["unet", "zero_filled", "noise"])
def test_a_group_is_measured_under_one_bar(study, bars, group):
    measure.main([group])
    (bar,) = bars
    assert (bar.n, bar.total, bar.unit) == (2, 2, "scan")


def test_members_come_from_the_parameters_only(study):
    change_params(study, "ensembles", "unet", [0, 2])
    measure.main(["unet"])
    assert set(read("unet", "volumes")["member"]) == {0, 2}


def test_two_runs_are_the_same_bytes(study):
    measure.main(["rim"])
    first = {p.name: p.read_bytes() for p in layout.measures("rim").iterdir()}
    measure.main(["rim"])
    assert {p.name: p.read_bytes() for p in layout.measures("rim").iterdir()} == first


def test_a_structure_that_nobody_found_has_an_empty_region(study):
    for member in range(3):
        path = layout.segmentation("unet", member, STUDY.subjects[0])
        labels, matrix = load_volume(path)
        save_volume(path, np.where(np.isin(labels, (17, 53)), 0, labels), matrix)
    measure.main(["unet"])
    row = read("unet", "regions").set_index(["subject", "structure"])
    row = row.loc[(STUDY.subjects[0], "hippocampus")]
    assert row["n_voxels"] == 0
    assert row[list(SUMMARIES)].isna().all()


IMAGE = "sub-e0s0_rec-unet1_desc-accelerated_T1w.nii.gz"


def break_members(study):
    change_params(study, "ensembles", "unet", [0])


def break_shape(study):
    path = layout.image("unet", 1, STUDY.subjects[0])
    data, matrix = load_volume(path)
    save_volume(path, data[1:], matrix)


def break_values(study):
    path = layout.image("unet", 1, STUDY.subjects[0])
    data, matrix = load_volume(path)
    data[3, 3, 3] = np.nan
    save_volume(path, data, matrix)


def break_file(study):
    path = layout.segmentation("unet", 2, STUDY.subjects[1])
    path.write_bytes(path.read_bytes()[:100])


def break_volumes(study):
    path = layout.segmentations("unet", 1) / "volumes.csv"
    pd.read_csv(path).iloc[:1].to_csv(path, index=False)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (break_members, ["ensembles.unet", "at least 2 members", "add seeds"]),
        (break_shape, [IMAGE, "expected shape (12, 20, 18)", "got (11, 20, 18)"]),
        (break_values, [IMAGE, "NaN"]),
        (break_file, ["sub-e0s1_rec-unet2_seg-freesurfer_dseg.nii.gz", "damaged"]),
        (break_volumes, ["volumes.csv", "sub-e0s1", "got 0"]),
        (lambda _: layout.image("unet", 2, "sub-e0s0").unlink(), ["_T1w.nii.gz", "found none"]),
        (
            lambda _: layout.segmentation("unet", 2, "sub-e0s0").unlink(),
            ["_dseg.nii.gz", "found none"],
        ),
    ],
)
def test_faults_are_one_line_and_leave_nothing_behind(study, error_line, fault, words):
    fault(study)
    line = error_line(measure.main, ["unet"])
    assert all(word in line for word in words), line
    assert not layout.measures("unet").exists()


def test_unknown_groups_and_missing_arguments(study, error_line):
    assert "unknown group 'cascade'" in error_line(measure.main, ["cascade"])
    assert "usage: python -m stages.measure unet|varnet|rim|noise" in error_line(measure.main, [])


def test_noise_maps_are_a_surrogate_where_every_member_has_one(study):
    for subject in STUDY.subjects:
        reference, matrix = load_volume(layout.image("reference", 0, subject))
        for member in range(3):
            flat = np.full(reference.shape, np.float32(member))
            save_volume(layout.noise_map("unet", member, subject), flat, matrix)
    measure.main(["unet"])
    table = read("unet", "surrogates")
    found = table[table["surrogate"] == "noise_map_sd"]
    assert len(found) == 2 * 17 and set(found["kind"]) == {"A"}
    assert found.groupby("subject")["value"].std().max() == pytest.approx(0)  # 1 over white matter
    layout.noise_map("unet", 1, STUDY.subjects[0]).unlink()
    with pytest.raises(SystemExit):
        measure.main(["unet"])
