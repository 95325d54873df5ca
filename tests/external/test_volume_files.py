"""Volumes of other programs: every format gives the same numbers, and none a partial sum."""

from pathlib import Path

import pytest

from stages.external.listing import volume_rows, volume_sources
from stages.external.volume_files import read_volumes
from stages.study.errors import StudyError
from stages.study.structures import (
    ADULT_MM3,
    LABELS,
    OTHER_NAMES,
    STRUCTURES,
    SYNTHSEG_TABLE,
    labels_of,
)

SIDE = {label: ADULT_MM3[s.name] / len(s.labels) for s in STRUCTURES for label in s.labels}
EXPECTED = {s.name: sum(SIDE[label] for label in s.labels) for s in STRUCTURES}
# FreeSurfer's aseg.stats has no row for cortex and white matter of a hemisphere: they are measures
SURFACES = {2: "lhCerebralWhiteMatterVol", 41: "rhCerebralWhiteMatterVol", 3: "lhCortexVol"} | {
    42: "rhCortexVol"
}
FREESURFER = {
    label: name.replace("left ", "Left-").replace("right ", "Right-").replace(" ", "-")
    for label, name in SYNTHSEG_TABLE.items()
} | {5: "Left-Inf-Lat-Vent", 44: "Right-Inf-Lat-Vent", 14: "3rd-Ventricle", 15: "4th-Ventricle"}
FREESURFER |= {16: "Brain-Stem", 24: "CSF", 28: "Left-VentralDC", 60: "Right-VentralDC"}
FREESURFER |= {10: "Left-Thalamus-Proper", 49: "Right-Thalamus-Proper"}


def synthseg(path: Path, **changed: str) -> Path:
    """Write SynthSeg's table of two images, some of its columns renamed."""
    heads = [changed.get(name, name) for name in SYNTHSEG_TABLE.values()]
    cells = [f"{SIDE[label]:.3f}" for label in SYNTHSEG_TABLE]
    lines = [["subject", "total intracranial", *heads]]
    lines += [[subject, "1400000", *cells] for subject in ("a.nii.gz", "b.nii.gz")]
    path.write_text("\r\n".join(",".join(line) for line in lines) + "\r\n")
    return path


def stats(path: Path, unit: str = "mm^3", left_out: tuple[int, ...] = ()) -> Path:
    """Write FreeSurfer's aseg.stats."""
    lines = ["# Title Segmentation Statistics", "# Measure EstimatedTotalIntraCranialVol, eTIV,"]
    lines[1] += " Estimated Total Intracranial Volume, 1400000.0, mm^3"
    lines += ["# Measure Holes, lhSurfaceHoles, Number of defect holes, 20, unitless"]
    for label, name in SURFACES.items():
        lines.append(f"# Measure x, {name}, a measure of surfaces, {SIDE[label]}, mm^3")
    lines += [f"# TableCol  4 Units     {unit}", "# NRows 3", "# NTableCols 6"]
    lines.append("# ColHeaders  Index SegId NVoxels Volume_mm3 StructName normMean")
    rows = [label for label in FREESURFER if label not in (*SURFACES, *left_out)]
    for k, label in enumerate(rows):
        lines.append(f" {k}  {label}  100  {SIDE[label]}  {FREESURFER[label]}  80.0")
    lines.append(" 99 77 10 10.0 WM-hypointensities 60.0")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def aseg_table(path: Path) -> Path:
    """Write the table of `asegstats2table`, separated by tabs."""
    names = [SURFACES.get(label, name) for label, name in FREESURFER.items()]
    heads = ["Measure:volume", *names, "CortexVol", "BrainSegVol", "rhSurfaceHoles"]
    cells = [str(SIDE[label]) for label in FREESURFER]
    cells += [str(SIDE[3] + SIDE[42]), "1100000", "12"]
    path.write_text("\n".join("\t".join(line) for line in (heads, ["bert", *cells])) + "\n")
    return path


def tidy(path: Path) -> Path:
    """Write a tidy table of the study's own names, two members."""
    rows = [
        f"sub-1,{member},{name},{volume}" for member in "12" for name, volume in EXPECTED.items()
    ]
    path.write_text("\n".join(["subject,member,structure,volume_mm3", *rows]) + "\n")
    return path


@pytest.mark.parametrize("write", [synthseg, stats, aseg_table, tidy])
def test_every_format_gives_the_same_volumes(write, tmp_path: Path) -> None:
    name = "aseg.stats" if write is stats else "volumes.csv"
    for row in read_volumes(write(tmp_path / name)):
        assert row.volumes == pytest.approx(EXPECTED, rel=1e-5)


def test_keys_come_from_the_file(tmp_path: Path) -> None:
    assert [r.subject for r in read_volumes(synthseg(tmp_path / "s.csv"))] == [
        "a.nii.gz",
        "b.nii.gz",
    ]
    assert [r.subject for r in read_volumes(aseg_table(tmp_path / "t.tsv"))] == ["bert"]
    assert [r.member for r in read_volumes(tidy(tmp_path / "u.csv"))] == ["1", "2"]


def test_sides_may_be_merged(tmp_path: Path) -> None:
    path = tmp_path / "merged.csv"
    path.write_text(
        "subject,hippocampus,lateral ventricle,inferior lateral ventricle\na,8000,9000,500\n"
    )
    (row,) = read_volumes(path)
    assert row.volumes == {"lateral_ventricle": 9500.0, "hippocampus": 8000.0}


def test_a_folder_of_subjects_and_a_list_of_files(tmp_path: Path) -> None:
    for subject in ("bert", "ernie"):
        stats(tmp_path / "subjects" / subject / "stats" / "aseg.stats")
    assert [row.subject for row in volume_rows(tmp_path / "subjects")] == ["bert", "ernie"]
    listing = tmp_path / "mine.csv"
    listing.write_text(
        "subject,member,volumes\n"
        "bert,1,subjects/bert/stats/aseg.stats\nbert,2,subjects/ernie/stats/aseg.stats\n"
    )
    found = volume_rows(listing)
    assert [(row.subject, row.member) for row in found] == [("bert", "1"), ("bert", "2")]
    assert found[0].volumes == pytest.approx(EXPECTED)
    assert volume_sources(listing)[0] == listing and len(volume_sources(listing)) == 3


def test_every_label_has_names_of_all_programs() -> None:
    for label, name in SYNTHSEG_TABLE.items():
        for known in (name, FREESURFER[label], *OTHER_NAMES.get(label, ())):
            assert labels_of(known) == {label}, known
    for name, labels in LABELS.items():
        assert labels_of(name) == set(labels)
    assert labels_of("Left-Hipocampus") is None


HIPPOCAMPUS = "left hippocampus"
FAULTS = {
    "a misspelt column": (
        lambda p: synthseg(p, **{HIPPOCAMPUS: "left hipocampus"}),
        "got 'left hipocampus'; did you mean 'left hippocampus'",
    ),
    "one side": (
        lambda p: synthseg(p, **{HIPPOCAMPUS: "ctx-lh-bankssts"}),
        "hippocampus: expected all of its parts, got right hippocampus without left hippocampus",
    ),
    "a horn": (
        lambda p: synthseg(p, **{"left inferior lateral ventricle": "vessel"}),
        "lateral_ventricle: .* without left inferior lateral ventricle",
    ),
    "a column twice": (
        lambda p: synthseg(p, **{HIPPOCAMPUS: "Right Hippocampus"}),
        "column 'Right Hippocampus' stands there twice|which are the same",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_volume_is_a_sum_of_parts(fault: str, tmp_path: Path) -> None:
    write, message = FAULTS[fault]
    with pytest.raises(StudyError, match=message):
        read_volumes(write(tmp_path / "volumes.csv"))


TEXTS = {
    "": "damaged file .empty",
    "subject,left hippocampus,right hippocampus\n": "no rows",
    "name,left hippocampus\na,1\n": "expected column 'subject'",
    "subject,hippocampus\na,eight\n": "volume of hippocampus in mm3, got 'eight'",
    "subject,hippocampus\na,\n": "got ''",
    "subject,hippocampus\na,-3\n": "got '-3'",
    "subject,hippocampus\na,inf\n": "got 'inf'",
    "subject,hippocampus\n,8000\n": "expected a subject in every row",
    "subject,hippocampus\na,8000\na,8000\n": "got subject a twice",
    "subject,hippocampus\na,8000,1\n": "rows of other lengths",
    "subject,hippocampus\na,8.0\n": "expected volumes in mm3, got 0.001 times",
    "subject,hippocampus\na,8e6\n": "expected volumes in mm3, got 1e\\+03 times",
    "subject,hippocampus\na,0\n": "expected volumes in mm3",
    "subject,vessel\na,8000\n": "expected volumes of structures of the study",
    "subject,structure,volume\na,hippocampus,8000\n": "expected column 'volume_mm3'",
    "subject,structure,volume_mm3,age\na,hippocampus,8000,3\n": "got 'age' too",
    "subject,structure,volume_mm3\na,hippocampus,8000\na,hippocampus,8000\n": "which are the same",
    "subject,structure,volume_mm3\na,Left-Hippocampus,4000\n": "without right hippocampus",
    "Measure:mean\thippocampus\na\t8000\n": "--meas volume",
    "subject,left hippocampus,hippocampus,right hippocampus\na,1e3,8e3,oops\n": "got 'oops'",
}


@pytest.mark.parametrize("text", TEXTS)
def test_faulty_tables_are_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "volumes.csv"
    path.write_text(text)
    with pytest.raises(StudyError, match=TEXTS[text]) as caught:
        read_volumes(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_faulty_stats_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="expected volumes in mm\\^3, got ml"):
        read_volumes(stats(tmp_path / "a.stats", unit="ml"))
    with pytest.raises(StudyError, match="hippocampus: .* without left hippocampus"):
        read_volumes(stats(tmp_path / "b.stats", left_out=(17,)))
    (tmp_path / "c.stats").write_text("# nothing\n")
    with pytest.raises(StudyError, match="no line '# ColHeaders'"):
        read_volumes(tmp_path / "c.stats")
    with pytest.raises(StudyError, match="expected .* in it, found none"):
        volume_rows(tmp_path.joinpath("empty").mkdir() or tmp_path / "empty")


def test_images_of_other_structures_are_one_line(tmp_path: Path) -> None:
    stats(tmp_path / "a.stats")
    stats(tmp_path / "b.stats", left_out=(17, 53))
    with pytest.raises(StudyError, match="same structures of every image, got hippocampus"):
        volume_rows(tmp_path)
