"""Studies that have been run as far as a derivative needs."""

import csv
from pathlib import Path

import pytest

from stages import import_images, measure, measure_from_volumes, segment
from stages.commands import derivatives
from stages.storage.bids import write_label_table
from stages.study import layout
from stages.study.structures import SYNTHSEG_TABLE
from tests.audit.test_same_numbers import write_params
from tests.fabricated import Study, write_csv, write_study

STUDY = Study(n_members=3, n_draws=2, n_scans=2, truth=False)
CV_TABLE = "group,structure,subject,n_members,mean_mm3,cv,cv_c4,cv_robust\n"
CV_ROW = "unet,csf,sub-e0s0,3,1123.40,,1.25,\n"  # as written: digits and gaps are kept


def write_plots() -> None:
    """Write a table of plots, as `analyse` would."""
    path = layout.table("analyse", "cv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CV_TABLE + CV_ROW)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fabricated study, and its derivative in work/derivatives."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_study(folder, STUDY)
        for group in STUDY.members():
            measure.main([group])
        names = {0: "background", **SYNTHSEG_TABLE}
        write_label_table(layout.segmentations("reference", 0), names, "By hand.")
        write_plots()
        derivatives.main([])
    return folder


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory, study: Path) -> Path:
    """A study of nested samples from elsewhere: three of one scan, one of another."""
    folder = tmp_path_factory.mktemp("samples")
    of_scans = {"sub-e0s0": ("first", "second", "third"), "sub-e0s1": ("only",)}
    sources = {"reference": dict.fromkeys(of_scans, ("0",)), "mine": of_scans}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for group, scans in sources.items():
            original = "unet" if group == "mine" else group
            rows = [
                (
                    *(scan.removeprefix("sub-"), name),
                    *(study / place(original, number, scan) for place in PLACES),
                )
                for scan, names in scans.items()
                for number, name in enumerate(names)
            ]
            with open(f"{group}.csv", "w", newline="") as stream:
                csv.writer(stream).writerows([("subject", "member", "image", "labels"), *rows])
        nested: dict[str, str] = {"samples": "nested", "intensities": "stored"}
        external = {group: {"table": f"{group}.csv"} | nested for group in sources}
        external["reference"].pop("samples")
        write_params(folder, external)
        for stage in (import_images, segment, measure):
            for group in sources:
                stage.main([group])
        write_plots()
        derivatives.main([])
    return folder


PLACES = (layout.image, layout.segmentation)


@pytest.fixture
def volumes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of volumes that others measured, the current directory."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"subject": f"p{scan}", "member": member, "left hippocampus": 3000.0 + scan + member}
        | {"right hippocampus": 3100.0 + scan}
        for scan in range(3)
        for member in range(2)
    ]
    write_csv(Path("mine.csv"), rows)
    whole = [{k: v for k, v in row.items() if k != "member"} for row in rows[::2]]
    write_csv(Path("reference.csv"), whole)
    sources = ("reference", "mine")
    write_params(tmp_path, {name: {"volumes": f"{name}.csv"} for name in sources})
    for name in sources:
        measure_from_volumes.main([name])
    write_plots()
    return tmp_path
