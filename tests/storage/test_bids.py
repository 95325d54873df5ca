"""Members' folders as data sets: names by the rules of BIDS, the validator, links, where heads lie.

The validator is the one that knows derivatives (`pip install bids-validator-deno`); its predecessor
of the 1.x series knows the names of raw data only.
"""

import json
import re
import shutil
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.params.segment import SegmentParams
from stages.segmenters.protocol import NO_WEIGHTS
from stages.segmenters.segmentations import segment_member
from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.labels import MERGED_LABELS, merged_name
from stages.segmenters.synthseg.network import Architecture
from stages.storage import bids
from stages.storage.files import read_json
from stages.storage.nifti import affine, axis_codes, load_volume, save_volume, smallest_labels
from stages.study import layout
from stages.study.groups import desc_of
from stages.study.structures import STRUCTURES, SYNTHSEG_TABLE
from tests.scans import ROOT, run, write_toy_params
from tests.segmenters.conftest import random_network
from tests.tolerances import assert_rounded

SUBJECT = "sub-headV001"
VOXEL_MM = 4.0
# written from the standard's table of entities, not from the code: their order and their values
LABEL = "[0-9a-zA-Z+]+"
NAME = re.compile(
    rf"(?P<subject>sub-{LABEL})/anat/(?P=subject)(_rec-{LABEL})?(_seg-{LABEL})?(_desc-{LABEL})?"
    r"_(T1w\.nii\.gz|T1w\.json|dseg\.nii\.gz|dseg\.json|dseg\.tsv)"
)
ROOT_FILES = {
    ".bidsignore",
    "README.md",
    "dataset_description.json",
    "descriptions.json",
    "descriptions.tsv",
    "dseg.json",
    "dseg.tsv",
}
COPIES = layout.segmentations("unet", 7)  # with label maps of shifted copies
DATASETS = (
    layout.images("reference", 0),
    layout.images("noise", 1),
    layout.images("zero_filled", 0),
    layout.segmentations("reference", 0),
    layout.segmentations("zero_filled", 0),
    COPIES,
    layout.TRUTH,
)
GROUPS = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A digital head through the study: truth, images of three groups, segmentations of two."""
    folder, n_threads = tmp_path_factory.mktemp("study"), torch.get_num_threads()
    changes = {
        "phantom.n_train": 1,
        "phantom.n_validation": 1,
        "phantom.grid": [48, 56, 44],
        "phantom.voxel_size_mm": VOXEL_MM,
        "phantom.n_coils": 4,
        "data.voxel_size_mm": [VOXEL_MM] * 3,
        "noise.definition": "kspace_db",
        "segment.fast": True,
        "segment.mode": "standard",
    }
    (folder / "weights").symlink_to(ROOT / "weights")
    (folder / "data").symlink_to("work/phantom")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_toy_params(folder, **changes)
        for script in ("phantom", "mask", "reference"):
            run(script)
        run("noise", 1)
        run("reconstruct", "zero_filled", 0)
        for group in ("reference", "zero_filled"):
            run("segment", group, 0)
        write_copies()
    torch.set_num_threads(n_threads)
    torch.use_deterministic_algorithms(False)
    return folder


def write_copies() -> None:
    """Segment an image and two shifted copies by the smallest of networks."""
    data, matrix = load_volume(layout.image("zero_filled", 0, SUBJECT))
    save_volume(layout.image("unet", 7, SUBJECT), data, matrix, {})
    names = tuple(merged_name(label) for label in MERGED_LABELS[1:])
    recipe = model.Recipe(voxel_size_mm=VOXEL_MM, multiple=2, minimum=0, blur=0.0)
    network = random_network(Architecture(1, len(MERGED_LABELS), (2, 3)))
    weights = Path("tiny.npz")
    model.save(weights, model.Model({"unet": network}, MERGED_LABELS, names, recipe))
    shifts = {"draws": 2, "shift_voxels": 0.5}
    chosen = {"weights": str(weights), "parcellation": NO_WEIGHTS, "perturbations": shifts}
    params = SegmentParams.model_validate(
        {"method": "synthseg", "mode": "standard", "fast": True, **chosen}
    )
    segment_member("unet", 7, params, torch.device("cpu"))


def files_of(dataset: Path) -> list[Path]:
    return sorted(path.relative_to(dataset) for path in dataset.rglob("*") if path.is_file())


@pytest.mark.parametrize("dataset", DATASETS, ids=str)
def test_every_name_is_one_of_the_standard(study, dataset):
    found = files_of(study / dataset)
    assert any(NAME.fullmatch(path.as_posix()) for path in found)
    ignored = study / dataset / ".bidsignore"
    patterns = ignored.read_text().split() if ignored.is_file() else []
    strange = [
        path
        for path in found
        if not NAME.fullmatch(path.as_posix())
        and path.as_posix() not in ROOT_FILES
        and not any(path.match(pattern) for pattern in patterns)
    ]
    assert strange == []


@pytest.mark.parametrize("dataset", DATASETS, ids=str)
def test_the_validator_finds_no_error(study, dataset):
    validator = shutil.which("bids-validator-deno")
    if validator is None:
        pytest.skip("no bids-validator-deno: `pip install bids-validator-deno` to run this test")
    command = [validator, str((study / dataset).resolve()), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in found if issue["severity"] == "error"] == []
    # nobody is named as author: that is for those who publish the data set
    assert {issue["code"] for issue in found} <= {"TOO_FEW_AUTHORS", "NO_AUTHORS"}


@given(GROUPS, st.integers(0, 99), st.from_regex(r"sub-[A-Za-z0-9]{1,9}", fullmatch=True))
def test_names_of_any_group_and_seed(group, seed, subject):
    for place, root in ((layout.image, layout.images), (layout.segmentation, layout.segmentations)):
        path = place(group, seed, subject)
        assert NAME.fullmatch(path.relative_to(root(group, seed)).as_posix())
        assert place(group, seed, subject, Path("x")) == "x" / path.relative_to(root(group, seed))


@given(GROUPS, st.integers(0, 99), st.integers(0, 99))
def test_names_of_label_maps_of_shifted_copies(group, seed, draw):
    path = layout.drawn_segmentation(group, seed, draw, SUBJECT)
    assert NAME.fullmatch(path.relative_to(layout.segmentations(group, seed)).as_posix())
    assert layout.DRAWN.search(path.name)
    assert not layout.DRAWN.search(layout.segmentation(group, seed, SUBJECT).name)
    assert path.parent == layout.segmentation(group, seed, SUBJECT).parent


def test_label_maps_of_shifted_copies_are_described(study):
    found = [NAME.fullmatch(path.as_posix()) for path in files_of(study / COPIES)]
    described = (study / COPIES / "descriptions.tsv").read_text().splitlines()[1:]
    known = {row.split("\t")[0] for row in described}
    assert known == {"desc-draw0", "desc-draw1"}
    assert {match[4].removeprefix("_") for match in found if match and match[4]} == known


def test_groups_keep_their_folders_and_say_how_they_were_sampled():
    path = layout.image("zero_filled", 0, "sub-a")
    assert path.parts[:5] == ("work", "images", "zero_filled", "0", "sub-a")
    assert path.name == "sub-a_rec-zerofilled0_desc-accelerated_T1w.nii.gz"
    assert [desc_of(g) for g in ("reference", "noise")] == ["full", "noisy"]


def test_subjects_of_a_member(study, monkeypatch):
    monkeypatch.chdir(study)
    assert layout.subjects("noise", 1) == [SUBJECT]
    assert layout.subjects("noise", 0) == []


@pytest.mark.parametrize("dataset", DATASETS, ids=str)
def test_description_and_links(study, dataset):
    folder = study / dataset
    description = read_json(folder / "dataset_description.json")
    assert description["DatasetType"] == "derivative"
    made_by = description["GeneratedBy"][0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (made_by["Name"], made_by["Version"]) == (project["name"], project["version"])
    links = description["DatasetLinks"]
    assert [source["URL"] for source in description["SourceDatasets"]] == list(links.values())
    assert links and all((folder / link).is_dir() for link in links.values())
    for path in folder.rglob("*.json"):
        for source in read_json(path).get("Sources", []):
            scheme, name, inside = source.split(":")
            assert scheme == "bids" and (folder / links[name] / inside).is_file()


@pytest.mark.parametrize("dataset", DATASETS, ids=str)
def test_no_path_of_this_machine(study, dataset):
    texts = [path for path in (study / dataset).rglob("*") if path.suffix in {".json", ".md"}]
    assert texts
    for path in texts:
        assert str(study) not in path.read_text() and '"/' not in path.read_text()


def test_uris_are_encoded():
    assert bids.uri("scans", "a b.h5") == "bids:scans:a%20b.h5"


def test_label_table_with_and_without_sides(study, tmp_path):
    rows = (study / layout.segmentations("reference", 0) / "dseg.tsv").read_text().splitlines()
    assert rows[0].split("\t") == ["index", "name", "abbreviation", "mapping"]
    assert "17\tleft hippocampus\tL-HIP\t9" in rows and "0\tbackground\tBG\t0" in rows
    bids.write_label_table(tmp_path, {0: "background", 17: "hippocampus"}, "By hand.")
    rows = (tmp_path / "dseg.tsv").read_text().splitlines()
    assert rows[1:] == ["0\tbackground\tBG\t0", "17\thippocampus\tHIP\t9"]
    bids.write_label_table(tmp_path, {0: "background", **SYNTHSEG_TABLE, 1001: "x"}, "By hand.")
    rows = [line.split("\t") for line in (tmp_path / "dseg.tsv").read_text().splitlines()]
    assert ["17", "left hippocampus", "L-HIP", "9"] in rows
    assert ["53", "right hippocampus", "R-HIP", "9"] in rows
    assert ["42", "right cerebral cortex", "R-CTX", "8"] in rows
    assert ["16", "brain-stem", "BS", "10"] in rows
    assert rows[-1] == ["1001", "x", "n/a", "n/a"]
    short = [row[2] for row in rows[1:-1]]
    assert len(set(short)) == len(short) == len(SYNTHSEG_TABLE) + 1


def test_labels_are_in_the_table(study):
    folder = study / layout.segmentations("reference", 0)
    known = {int(row.split("\t")[0]) for row in (folder / "dseg.tsv").read_text().split("\n")[1:-1]}
    image = nib.load(study / layout.segmentation("reference", 0, SUBJECT))
    assert image.get_data_dtype() == np.uint8
    assert (image.dataobj.slope, image.dataobj.inter) == (1, 0)
    found = set(np.unique(image.dataobj).tolist())
    assert len(found) > 10 and found <= known


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        (0, 0, np.uint8),
        (0, 255, np.uint8),
        (0, 256, np.int16),
        (-1, 5, np.int16),
        (0, 32767, np.int16),
        (0, 32768, np.int32),
    ],
)
def test_smallest_type_of_labels(lowest, highest, expected):
    labels = np.array([lowest, highest], np.int64)
    found = smallest_labels(labels)
    assert found.dtype == expected and np.array_equal(found, labels)


def test_labels_that_no_type_holds():
    with pytest.raises(ValueError, match="32 bits"):
        smallest_labels(np.array([2**40]))


@pytest.mark.parametrize("codes", ["SAR", "RAS", "LPS", "LIA", "PIR", "ASL"])
def test_another_library_reads_the_same_places(tmp_path, codes):
    shape, sizes = (5, 7, 4), (1.0, 1.5, 2.5)
    matrix = affine(shape, sizes, codes)
    data = np.random.default_rng(0).random(shape).astype(np.float32)
    save_volume(tmp_path / "a.nii.gz", data, matrix)
    read = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    assert read.GetSpacing() == pytest.approx(sizes)
    assert np.array_equal(sitk.GetArrayFromImage(read).T, data)
    for index in ((0, 0, 0), (4, 0, 1), (2, 6, 3)):
        left, posterior, superior = read.TransformIndexToPhysicalPoint(index)
        assert (-left, -posterior, superior) == pytest.approx(tuple((matrix @ [*index, 1])[:3]))
    header = nib.load(tmp_path / "a.nii.gz").header
    assert header["qform_code"] == header["sform_code"] == 1
    # a rotation from three components of a quaternion in float32; offsets are kept as they are
    assert_rounded(header.get_qform(), header.get_sform(), 20, scale=max(sizes))
    assert header.get_xyzt_units()[0] == "mm" and axis_codes(header.get_qform()) == codes


def centre_mm(image: sitk.Image, inside: np.ndarray) -> np.ndarray:
    """Return the centre of voxels (k, j, i) in RAS+ mm, by SimpleITK alone."""
    index = np.argwhere(inside).mean(axis=0)[::-1]
    place = np.array(image.TransformContinuousIndexToPhysicalPoint(index.tolist()))
    return place * [-1, -1, 1]


@pytest.mark.parametrize(
    "place",
    [layout.true_labels(SUBJECT), layout.segmentation("reference", 0, SUBJECT)],
    ids=["truth", "synthseg"],
)
def test_structures_lie_where_they_should(study, place):
    image = sitk.ReadImage(str(study / place))
    labels = sitk.GetArrayFromImage(image)

    def centre(*ids):
        return centre_mm(image, np.isin(labels, ids))

    cerebellum, stem, thalamus = centre(7, 8, 46, 47), centre(16), centre(10, 49)
    caudate, ventricles = centre(11, 50), centre(4, 43)
    assert cerebellum[1] < thalamus[1] < caudate[1]  # posterior to anterior
    assert stem[2] < thalamus[2] < ventricles[2] + VOXEL_MM  # inferior to superior
    assert all(abs(point[0]) < 10 for point in (cerebellum, stem, thalamus))  # on the midline


def test_left_is_left(study):
    image = sitk.ReadImage(str(study / layout.true_labels(SUBJECT)))
    labels = sitk.GetArrayFromImage(image)
    for left, right in ((3, 42), (12, 51), (17, 53), (18, 54)):
        assert centre_mm(image, labels == left)[0] < -5
        assert centre_mm(image, labels == right)[0] > 5


def test_images_lie_on_their_labels(study):
    truth = sitk.ReadImage(str(study / layout.true_labels(SUBJECT)))
    image = sitk.ReadImage(str(study / layout.image("reference", 0, SUBJECT)))
    for one, other in (
        (truth.GetOrigin(), image.GetOrigin()),
        (truth.GetDirection(), image.GetDirection()),
        (truth.GetSpacing(), image.GetSpacing()),
    ):
        assert one == other
    labels, values = map(sitk.GetArrayFromImage, (truth, image))
    matter = np.isin(labels, (2, 41))

    def contrast(mask):
        return values[mask].mean() / values[~mask].mean()

    flipped = [contrast(np.flip(matter, axis)) for axis in range(3)]
    assert contrast(matter) > 1.5 and contrast(matter) > max(flipped)


def test_the_same_study_writes_the_same_bytes(study, monkeypatch):
    monkeypatch.chdir(study)
    folder = layout.images("zero_filled", 0)
    before = [(path, (folder / path).read_bytes()) for path in files_of(folder)]
    run("reconstruct", "zero_filled", 0)
    torch.use_deterministic_algorithms(False)
    assert [(path, (folder / path).read_bytes()) for path in files_of(folder)] == before


def test_a_new_structure_needs_an_entry_in_the_table_of_structures_alone(tmp_path, monkeypatch):
    entry = replace(STRUCTURES[0], name="vermis", left=(172,), right=())
    monkeypatch.setattr(bids, "STRUCTURES", (*bids.STRUCTURES, entry))
    bids.write_label_table(tmp_path, {0: "background", 17: "left hippocampus", 172: "vermis"}, "")
    rows = (tmp_path / "dseg.tsv").read_text().splitlines()
    assert [row.split("\t")[-1] for row in rows] == ["mapping", "0", "9", "n/a"]
