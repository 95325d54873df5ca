"""The script that simulates the cohort, on tiny label maps."""

import hashlib
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from stages import phantom
from stages.anatomy.diseases.catalogue import DISEASES
from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import ScanFormat
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.structures import SYNTHSEG_NAMES
from tests.anatomy.maps import block_head, ventricular_head, write_lia
from tests.fabricated import ROOT

GRID = (24, 28, 22)


def write_params(folder: Path, processes: int = 1, **change: object) -> None:
    """Write the default parameters with a tiny phantom into a folder with two label maps."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["compute"]["workers"] = processes
    params["phantom"] |= {
        "n_train": 2,
        "n_validation": 1,
        "grid": list(GRID),
        "voxel_size_mm": 6.0,
        "n_coils": 4,
        "label_maps": "maps",
        **change,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "maps").mkdir(exist_ok=True)
    for k in range(2):
        head = block_head()
        head[8 + k, 7:17, 6:14] = np.where(head[8 + k, 7:17, 6:14] == 2, 10, 49)
        write_lia(folder / "maps" / f"map{k}.nii.gz", head)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished cohort, simulated by one process."""
    folder = tmp_path_factory.mktemp("phantom")
    write_params(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        phantom.main()
    return folder / "work/phantom"


def test_files(cohort: Path) -> None:
    found = sorted(str(p.relative_to(cohort)) for p in cohort.rglob("*") if p.is_file())
    truth = [
        f"truth/sub-{name}/anat/sub-{name}_seg-truth_dseg.nii.gz"
        for name in ("headT001", "headT002", "headV001")
    ]
    assert found == [
        "train/headT001.h5",
        "train/headT002.h5",
        "truth/.bidsignore",
        "truth/README.md",
        "truth/dataset_description.json",
        "truth/dseg.json",
        "truth/dseg.tsv",
        *truth,
        "truth/subjects.csv",
        "truth/volumes.csv",
        "validation/headV001.h5",
    ]


def test_scans_can_be_read_and_lie_on_their_labels(cohort: Path) -> None:
    for scan in list_scans(cohort / "train", ScanFormat(n_coils=4, partial_fourier=0.85)):
        assert scan.shape == GRID
        image = rss_image(scan.read())
        truth = nib.load(layout.true_labels(subject(scan.path), cohort / "truth"))
        labels = np.asarray(truth.dataobj)
        assert labels.dtype == np.uint8
        assert labels.shape == GRID
        assert nib.aff2axcodes(truth.affine) == ("S", "A", "R")
        assert image[np.isin(labels, (2, 41))].mean() > 1.3 * image[np.isin(labels, (3, 42))].mean()
        assert image[np.isin(labels, (3, 42))].mean() > 2 * image[labels == 24].mean()


def test_tables(cohort: Path) -> None:
    volumes = pd.read_csv(cohort / "truth/volumes.csv").set_index("subject")
    subjects = pd.read_csv(cohort / "truth/subjects.csv").set_index("subject")
    assert tuple(volumes.columns) == SYNTHSEG_NAMES
    assert (
        list(volumes.index)
        == list(subjects.index)
        == [
            "sub-headT001",
            "sub-headT002",
            "sub-headV001",
        ]
    )
    assert list(subjects["split"]) == ["train", "train", "validation"]
    assert list(subjects["source"]) == ["map0.nii.gz", "map1.nii.gz", "map0.nii.gz"]
    assert subjects["age"].isna().all()
    assert subjects["seed"].is_unique
    nominal = (block_head() == 2).sum() * 512
    assert volumes["left cerebral white matter"].to_numpy() == pytest.approx(nominal, rel=0.5)
    assert volumes["left cerebral white matter"].is_unique


def test_same_bytes_from_two_processes(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_params(tmp_path, processes=2)
    monkeypatch.chdir(tmp_path)
    phantom.main()
    for path in cohort.rglob("*"):
        if path.is_file():
            other = tmp_path / "work/phantom" / path.relative_to(cohort)
            assert digest(other) == digest(path), path.name


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cohort's validation head with ventricles, healthy and with each pathology."""
    folder = tmp_path_factory.mktemp("pairs")
    simulate_pathology(folder, 1)
    return folder / "work/phantom"


def simulate_pathology(folder: Path, n_heads: int) -> None:
    """Simulate one training and one validation head, the latter with each pathology too."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())["phantom"]["pathology"]
    write_params(folder, n_train=1, pathology=params | {"heads": n_heads})
    for k in range(2):
        write_lia(folder / "maps" / f"map{k}.nii.gz", ventricular_head())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        phantom.main()


def test_pathological_phantoms_leave_the_healthy_scans_as_they_are(
    pairs: Path, tmp_path: Path
) -> None:
    simulate_pathology(tmp_path, 0)
    healthy = tmp_path / "work/phantom"
    scans = [p.relative_to(healthy) for p in healthy.rglob("*") if p.suffix in (".h5", ".gz")]
    assert len(scans) == 4
    for path in scans:
        assert digest(healthy / path) == digest(pairs / path), path
    assert not (healthy / "truth/lesions.csv").exists()
    about = pd.read_csv(healthy / "truth/subjects.csv")
    assert list(about) == ["subject", "age", "seed", "split", "source"]


def test_pathological_phantoms_are_scans_of_validation_alone(pairs: Path) -> None:
    assert [p.name for p in (pairs / "train").iterdir()] == ["headT001.h5"]
    assert sorted(p.stem for p in (pairs / "validation").iterdir()) == [
        "headV001",
        "headV001atrophy",
        "headV001infarct",
        "headV001lesions",
        "headV001tumour",
    ]
    about = pd.read_csv(pairs / "truth/subjects.csv").set_index("subject")
    assert about["pathology"].tolist() == ["healthy", "healthy", *DISEASES]
    assert set(about["healthy_twin"][1:]) == {"sub-headV001"}
    assert about["seed"][1:].nunique() == 1


def test_true_volumes_of_pathological_phantoms(pairs: Path) -> None:
    volumes = pd.read_csv(pairs / "truth/volumes.csv").set_index("subject")
    healthy, diseased = volumes.loc["sub-headV001"], volumes.loc["sub-headV001atrophy"]
    assert diseased["left hippocampus"] == pytest.approx(0.79 * healthy["left hippocampus"], abs=1)
    assert diseased["right cerebral cortex"] == pytest.approx(
        0.95 * healthy["right cerebral cortex"], abs=1
    )
    assert diseased["left thalamus"] == healthy["left thalamus"]
    assert diseased.sum() == healthy.sum()
    pd.testing.assert_series_equal(volumes.loc["sub-headV001lesions"], healthy, check_names=False)
    lesions = pd.read_csv(pairs / "truth/lesions.csv")
    assert lesions.to_numpy().tolist() == [
        ["sub-headV001lesions", 15_000],
        ["sub-headV001infarct", 40_000],
        ["sub-headV001tumour", 70_000],  # core, rim and oedema
    ]


def test_true_volumes_of_focal_pathology(pairs: Path) -> None:
    volumes = pd.read_csv(pairs / "truth/volumes.csv").set_index("subject")
    change = volumes - volumes.loc["sub-headV001"]
    tumour, infarct = change.loc["sub-headV001tumour"], change.loc["sub-headV001infarct"]
    right = ["right cerebral white matter", "right cerebral cortex"]
    assert set(tumour[tumour != 0].index) <= {*right, "csf"}
    assert tumour[right].sum() == -6_000
    assert tumour["csf"] == -24_000
    left = ["left cerebral white matter", "left cerebral cortex"]
    assert set(infarct[infarct != 0].index) == {*left, "csf"}
    assert infarct["csf"] == -infarct[left].sum()
    assert 10_000 < infarct["csf"] < 40_000


def test_pathological_phantoms_differ_where_the_masks_say(pairs: Path) -> None:
    images = {
        scan.path.stem: rss_image(scan.read())
        for scan in list_scans(pairs / "validation", ScanFormat(n_coils=4, partial_fourier=0.85))
    }
    for kind in DISEASES:
        name = kind.removesuffix("s")
        head = f"sub-headV001{kind}"
        path = pairs / "truth" / head / "anat" / f"{head}_desc-{name}_mask.nii.gz"
        mask = np.asarray(nib.load(path).dataobj) == 1
        difference = images[f"headV001{kind}"] - images["headV001"]
        assert mask.any()
        assert difference[mask].mean() < 0  # fluid and lesions are darker, but for a tumour's rim
        factor = 3 if kind == "tumour" else 10  # which moves tissue around it
        assert np.abs(difference[mask]).mean() > factor * np.abs(difference[~mask]).mean()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def failure(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> str:
    """Run the script, which must fail and leave nothing behind; return its last line."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["phantom"])
    with pytest.raises(SystemExit) as stop:
        phantom.main()
    assert stop.value.code == 1
    assert not (folder / "work/phantom").exists()
    assert not list(folder.rglob(".partial-*"))
    return capsys.readouterr().err.splitlines()[-1]


def test_unknown_label_stops_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    write_params(tmp_path)
    write_lia(tmp_path / "maps/map1.nii.gz", np.where(block_head() == 16, 998, block_head()))
    line = failure(tmp_path, monkeypatch, capsys)
    assert line.startswith("error: maps/map1.nii.gz: ")
    assert "998" in line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"label_maps": "nowhere"}, "nowhere"),
        ({"voxel_size_mm": 2.5}, "'phantom.voxel_size_mm': expected a whole number of mm"),
        ({"grid": [4, 28, 22]}, "'phantom.grid': expected at least 8 voxels"),
        ({"snr": -1.0}, "'phantom.snr'"),
        ({"n_trian": 3}, "n_trian"),
        ({"pathology": {"heads": 2}}, "'phantom.pathology.kinds', found none"),
    ],
)
def test_wrong_parameters_stop_with_one_line(
    change: dict[str, object],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    write_params(tmp_path, **change)
    assert expected in failure(tmp_path, monkeypatch, capsys)
