"""The derivative against plain numpy, the tables of the study and the rules of BIDS."""

import csv
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from stages.commands import derivatives
from stages.derivatives.places import TABLES
from stages.study import layout
from tests.derivatives.conftest import STUDY

OUT = Path("work/derivatives")
GROUPS = ("unet", "varnet", "rim", "noise")
# written from the standard's table of entities, not from the code: their order and their values
LABEL = "[0-9a-zA-Z+]+"
NAME = re.compile(
    rf"(?P<subject>sub-{LABEL})/anat/(?P=subject)(_rec-{LABEL})?(_seg-{LABEL})?(_label-{LABEL})?"
    rf"(_desc-{LABEL})?_(T1w|probseg)\.(nii\.gz|json)"
)
ROOT_FILES = {".bidsignore", "README.md", "dataset_description.json"}
DESCRIPTIONS = {"descriptions.json", "descriptions.tsv"}


def volume(path: Path) -> np.ndarray:
    """Return the voxels of a file, read without the study's code."""
    return np.asarray(nib.load(path).dataobj)


def members(study: Path, kind: str, group: str, scan: str) -> np.ndarray:
    """Return the members' images or label maps of a scan, (n_members, i, j, k)."""
    pattern = f"*/{scan}/anat/*.nii.gz"
    return np.stack([volume(p) for p in sorted((study / "work" / kind / group).glob(pattern))])


def anat(study: Path, group: str, scan: str, rest: str) -> Path:
    """Return a file of the derivative."""
    return study / OUT / scan / "anat" / f"{scan}_rec-{group}_{rest}"


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of all files by their path."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("scan", STUDY.subjects)
@pytest.mark.parametrize("group", GROUPS)
def test_mean_and_sd_of_every_group_and_scan(study: Path, group: str, scan: str) -> None:
    images = members(study, "images", group, scan).astype(np.float64)
    assert len(images) == STUDY.members()[group]
    expected = {"mean": images.mean(axis=0), "sd": images.std(axis=0, ddof=1)}
    for desc, values in expected.items():
        path = anat(study, group, scan, f"desc-{desc}_T1w.nii.gz")
        np.testing.assert_allclose(volume(path), values, rtol=1e-6, atol=1e-7)
        assert volume(path).dtype == np.float32
        original = study / layout.image(group, 0, scan)
        assert (nib.load(path).affine == nib.load(original).affine).all()


@pytest.mark.parametrize("group", GROUPS)
def test_probabilities_are_fractions_of_the_members(study: Path, group: str) -> None:
    scan = STUDY.subjects[0]
    maps = members(study, "segmentations", group, scan)
    paths = sorted(anat(study, group, scan, "x").parent.glob(f"*rec-{group}_*label-*.nii.gz"))
    found = {}
    for path in paths:
        label = json.loads(layout.sidecar(path).read_text())["Label"]
        found[label] = volume(path)
        expected = ((maps == label).sum(axis=0) / len(maps)).astype(np.float32)
        np.testing.assert_array_equal(found[label], expected)
    assert sorted(found) == np.unique(maps).tolist()
    whole = entropy(np.stack(list(found.values())).astype(np.float64), axis=0)
    path = anat(study, group, scan, "seg-freesurfer_desc-entropy_probseg.nii.gz")
    np.testing.assert_allclose(volume(path), whole, atol=1e-6)
    assert whole.max() > 0.3


def test_abbreviations_name_the_labels(study: Path) -> None:
    scan = STUDY.subjects[0]
    for code, label, name in (("LHIP", 17, "left hippocampus"), ("RHIP", 53, "right hippocampus")):
        path = anat(study, "rim", scan, f"seg-freesurfer_label-{code}_probseg.json")
        content = json.loads(path.read_text())
        assert (content["Label"], content["LabelName"]) == (label, name)
    assert anat(study, "rim", scan, "seg-freesurfer_label-BG_probseg.json").is_file()


def test_the_maps_hold_what_the_tables_measure(study: Path) -> None:
    """SD and vote entropy of a structure, as `measure` has them, can be read off the files."""
    group, scan, hippocampus = "varnet", STUDY.subjects[1], (17, 53)
    place = study / layout.measures(group)
    regions = pd.read_csv(place / "regions.csv").set_index(["subject", "structure"])
    surrogates = pd.read_csv(place / "surrogates.csv")
    maps = members(study, "segmentations", group, scan)
    inside = np.isin(maps, hippocampus).any(axis=0)
    path = anat(study, group, scan, "desc-sd_T1w.nii.gz")
    unit = json.loads(layout.sidecar(path).read_text())["WhiteMatterMedian"]
    expected = regions.loc[(scan, "hippocampus"), "mean"]
    assert volume(path)[inside].mean() / unit == pytest.approx(expected, rel=1e-5)
    share = sum(
        volume(anat(study, group, scan, f"seg-freesurfer_label-{side}HIP_probseg.nii.gz"))
        for side in "LR"
    )[inside].astype(np.float64)
    rows = (surrogates == [group, scan, "hippocampus", "vote_entropy", "C", None])[
        ["subject", "structure", "surrogate"]
    ].all(axis=1)
    own = entropy([share, 1 - share], axis=0).mean()
    assert own == pytest.approx(float(surrogates.loc[rows, "value"].iloc[0]), rel=1e-5)


def test_sidecars_name_members_units_and_what_they_come_from(study: Path) -> None:
    links = json.loads((study / OUT / "dataset_description.json").read_text())["DatasetLinks"]
    paths = sorted((study / OUT).glob("sub-*/anat/*.json"))
    assert paths
    for path in paths:
        content = json.loads(path.read_text())
        n_members = STUDY.members()[content["Reconstruction"]]
        assert content["Members"] == list(range(n_members)) and content["Units"]
        hashes = []
        for source in content["Sources"]:
            scheme, name, inside = source.split(":")
            assert scheme == "bids"
            found = (study / OUT / links[name] / inside).read_bytes()
            hashes.append(hashlib.md5(found, usedforsecurity=False).hexdigest())
        assert content["SourcesMD5"] == hashes and len(hashes) == n_members
        own = path.with_name(path.name.replace(".json", ".nii.gz")).read_bytes()
        assert content["MD5"] == hashlib.md5(own, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("name", ["study", "samples"])
def test_every_name_is_one_of_the_standard(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name) / OUT
    found = [path for path in files_of(folder) if not path.startswith(f"{TABLES}/")]
    assert {path for path in found if not NAME.fullmatch(path)} == ROOT_FILES | DESCRIPTIONS
    assert (folder / ".bidsignore").read_text().split() == [TABLES]


@pytest.mark.parametrize("name", ["study", "samples"])
def test_the_validator_finds_no_error(name: str, request: pytest.FixtureRequest) -> None:
    validator = shutil.which("bids-validator-deno")
    if validator is None:
        pytest.skip("no bids-validator-deno: `pip install bids-validator-deno` to run this test")
    folder = request.getfixturevalue(name) / OUT
    command = [validator, str(folder.resolve()), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["issues"]["issues"]
    assert {issue["code"] for issue in found} <= {"TOO_FEW_AUTHORS", "NO_AUTHORS"}


def test_tables_are_those_of_the_study(study: Path) -> None:
    expected = {*study.glob("work/measures/*/*.csv"), *study.glob("plots/*/*.csv")}
    found = {*(study / OUT / TABLES).rglob("*.tsv")}
    names = {path.relative_to(study).with_suffix("").as_posix() for path in expected}
    root = study / OUT / TABLES
    assert {path.relative_to(root).with_suffix("").as_posix() for path in found} == names
    for path in expected:
        copy = root / path.relative_to(study).with_suffix(".tsv")
        table = pd.read_csv(path)
        options = {"keep_default_na": False, "na_values": ["n/a"]}
        pd.testing.assert_frame_equal(pd.read_csv(copy, sep="\t", **options), table)
        about = json.loads(copy.with_suffix(".json").read_text())
        assert list(about) == list(table)
        assert all(entry["Description"] for entry in about.values())


def test_cells_are_copied_as_they_are_written(study: Path) -> None:
    path = study / OUT / TABLES / layout.table("analyse", "cv")
    assert path.with_suffix(".tsv").read_text().splitlines()[1] == (
        "unet\tcsf\tsub-e0s0\t3\t1123.40\tn/a\t1.25\tn/a"
    )
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["mean_mm3"]["Units"] == "mm^3" and about["cv"]["Units"] == "%"
    half = study / OUT / TABLES / layout.measures("rim") / "halves.json"
    assert {*json.loads(half.read_text())["half"]["Levels"]} == {"a", "b"}


def test_no_path_of_this_machine(study: Path) -> None:
    texts = {p: c for p, c in files_of(study / OUT).items() if not p.endswith(".nii.gz")}
    assert texts
    for content in texts.values():
        assert str(study).encode() not in content and b'"/' not in content


def test_the_same_study_writes_the_same_bytes(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    derivatives.main(["--out", "work/again"])
    assert files_of(Path("work/again")) == files_of(OUT)


def test_nested_samples_and_scans_of_one_image(samples: Path) -> None:
    found = [path.name for path in (samples / OUT).glob("sub-*/anat/*_desc-sd_T1w.nii.gz")]
    assert found == ["sub-e0s0_rec-mine_desc-sd_T1w.nii.gz"]  # one sample has no SD
    path = anat(samples, "mine", "sub-e0s0", "desc-sd_T1w.nii.gz")
    images = members(samples, "images", "mine", "sub-e0s0").astype(np.float64)
    np.testing.assert_allclose(volume(path), images.std(axis=0, ddof=1), rtol=1e-6, atol=1e-7)
    content = json.loads(layout.sidecar(path).read_text())
    with open(samples / layout.members("mine"), newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["subject"] == "sub-e0s0"]
    assert content["Members"] == sorted(int(row["member"]) for row in rows)
    table = samples / OUT / TABLES / layout.members("mine").with_suffix(".json")
    assert "person" in json.loads(table.read_text())


def test_volumes_alone_have_tables_alone(volumes_alone: Path) -> None:
    derivatives.main([])
    found = files_of(OUT)
    assert {path for path in found if not path.startswith(TABLES)} == ROOT_FILES
    assert f"{TABLES}/work/measures/mine/volumes.tsv" in found
    assert f"{TABLES}/work/members/mine.json" in found
    assert volumes_alone.joinpath(OUT).is_dir()
