"""Label maps of other programs: their labels, their own grid, and no structure in part."""

import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from stages.params.segment import SegmentParams
from stages.segmenters.catalogue import described, fault_of, open_segmenter, provenance
from stages.segmenters.files.label_files import freesurfer_table, label_table, read_label_map
from stages.segmenters.protocol import NO_WEIGHTS
from stages.storage.nifti import affine, save_volume
from stages.study.errors import StudyError
from stages.study.structures import SYNTHSEG_TABLE

SHAPE = (8, 12, 16)
SIZE_MM = (2.0, 1.0, 1.5)
VOXEL_MM3 = 3.0


def labels() -> np.ndarray:
    """Return a map of every label of the study, a column each, and of two cortical parcels."""
    found = np.zeros(SHAPE, np.int16)
    for k, label in enumerate(SYNTHSEG_TABLE):
        found[k % 8, 1 + k // 8, 1 : 4 + k % 5] = label
    found[0, 10, :2], found[0, 11, :2] = 1002, 2035
    return found


def counts(map_: np.ndarray) -> dict[int, int]:
    """Return the voxels of each label, parcels among those of the cortex."""
    own = {label: int((map_ == label).sum()) for label in SYNTHSEG_TABLE}
    return own | {3: own[3] + 2, 42: own[42] + 2}


def write(path: Path, data: np.ndarray) -> Path:
    """Write a map as NIfTI or MGZ."""
    matrix = affine(SHAPE, SIZE_MM, "RAS")
    if path.suffix == ".mgz":
        nib.save(nib.MGHImage(data.astype(np.int32), matrix), path)
    else:
        save_volume(path, data, matrix)
    return path


@pytest.mark.parametrize("name", ["aparc+aseg.mgz", "synthseg.nii.gz"])
def test_volumes_are_those_of_the_map_s_own_grid(name: str, tmp_path: Path) -> None:
    found = read_label_map(write(tmp_path / name, labels()), freesurfer_table())
    expected = np.array(list(counts(labels()).values())) * VOXEL_MM3
    np.testing.assert_allclose(found.volumes_mm3, expected, rtol=1e-6)
    assert set(np.unique(found.labels)) == {0, *SYNTHSEG_TABLE}


def test_a_table_names_the_labels_of_a_file(tmp_path: Path) -> None:
    shifted = np.where(labels() > 0, labels() % 1000 + 100, 0)  # parcels become 102 and 135
    lines = ["index\tname", "0\tbackground"]
    lines += [f"{label + 100}\t{name}" for label, name in SYNTHSEG_TABLE.items()]
    table = tmp_path / "labels.tsv"
    table.write_text("\n".join(lines) + "\n")
    found = read_label_map(write(tmp_path / "own.nii.gz", shifted), label_table(table))
    plain = {label: int((shifted == label + 100).sum()) for label in SYNTHSEG_TABLE}
    assert found.volumes_mm3 == pytest.approx([n * VOXEL_MM3 for n in plain.values()], rel=1e-9)


TABLES = {
    "": "damaged",
    "label\tname\n1\tcsf\n": "expected columns index and name",
    "index\tname\none\tcsf\n": "index 'one' is no new whole number",
    "index\tname\n1\tcsf\n1\tcsf\n": "index '1' is no new whole number",
    "index\tname\n1\tLeft-Hipocampus\n": "did you mean 'left hippocampus'",
    "index\tname\n1\thippocampus\n": "a label for each side",
}


@pytest.mark.parametrize("text", TABLES)
def test_faulty_tables_are_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text(text)
    with pytest.raises(StudyError, match=TABLES[text]) as caught:
        label_table(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: np.where(m == 17, 0, m), "hippocampus: expected both sides, got the right"),
        (lambda m: m * 0, "got none of them"),
        (lambda m: m + 0.5, "whole numbers"),
        (lambda m: -m, "whole numbers"),
        (lambda m: np.stack([m, m], axis=-1), "three dimensions"),
    ],
)
def test_faulty_maps_are_one_line(change, message: str, tmp_path: Path) -> None:
    path = tmp_path / "map.nii.gz"
    data = np.asarray(change(labels()))
    nib.save(nib.Nifti1Image(data.astype(np.float32), affine(SHAPE, SIZE_MM, "RAS")), path)
    with pytest.raises(StudyError, match=message):
        read_label_map(path, freesurfer_table())


TOOL = """#!{python}
import shutil, sys
words = sys.argv[1:]
image, labels, volumes = (words[words.index(key) + 1] for key in ("--i", "--o", "--vol"))
print("segments", image)
if image.endswith("fails.nii.gz"):
    print("no licence", file=sys.stderr)
    sys.exit(3)
if not image.endswith("silent.nii.gz"):
    shutil.copy(image, labels)
    names = {names}
    open(volumes, "w").write("subject," + ",".join(names) + chr(10) + "x" + ",7000" * len(names))
"""


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A program that takes an image for its label map, and writes 7000 mm3 for every label."""
    path = tmp_path / "fake_synthseg"
    path.write_text(TOOL.format(python=sys.executable, names=list(SYNTHSEG_TABLE.values())))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def params(**changed: object) -> SimpleNamespace:
    """Return what section `segment` chooses."""
    default: dict[str, object] = {"method": "command", "weights": "weights/embedded.npz"}
    default |= {"mode": "standard"}
    default |= {"fast": False, "labels": None, "command": None}
    default |= {"parcellation": NO_WEIGHTS, "networks": NO_WEIGHTS}
    return SimpleNamespace(**default | changed)


def test_a_command_segments_an_image(tool: Path, tmp_path: Path) -> None:
    chosen = params(command=f"{tool} --i {{image}} --o {{labels}} --vol {{volumes}}")
    assert fault_of(chosen) is None and described(chosen) == "a command"
    expected = {"Method": "command", "WeightsMD5": "none", "Command": chosen.command}
    assert provenance(chosen) == expected
    segmenter = open_segmenter(chosen, device=None)
    found = segmenter.segment(write(tmp_path / "image.nii.gz", labels()))
    assert found.volumes_mm3.tolist() == [7000.0] * len(SYNTHSEG_TABLE)
    assert found.log.startswith("segments") and found.details["ExitCode"] == 0
    assert len(found.details["CommandMD5"]) == 32


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fails.nii.gz", "exit code 0, got 3; it said: .*no licence"),
        ("silent.nii.gz", "to write {labels}, found no file"),
    ],
)
def test_a_command_that_fails_is_one_line(name: str, message: str, tool, tmp_path: Path) -> None:
    chosen = params(command=f"{tool} --i {{image}} --o {{labels}} --vol {{volumes}}")
    with pytest.raises(StudyError, match=message):
        open_segmenter(chosen, device=None).segment(write(tmp_path / name, labels()))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("nothing_of_this_name {image} {labels}", "found no 'nothing_of_this_name' on the PATH"),
        ("sh 'unclosed {image} {labels}", "expected a command line"),
    ],
)
def test_a_command_that_cannot_be_called_is_one_line(command: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        open_segmenter(params(command=command), device=None)


def test_the_parameters_say_what_a_command_needs() -> None:
    content = SegmentParams.load(Path(__file__).parents[3] / "params.yaml").model_dump()
    for command in (None, "tool {image}"):
        with pytest.raises(ValueError, match="needs a command with {image} and {labels}"):
            SegmentParams.model_validate(content | {"method": "command", "command": command})
    with pytest.raises(ValueError, match="TSV with columns index and name"):
        SegmentParams.model_validate(content | {"method": "files", "labels": "labels.csv"})


def test_an_image_without_a_map_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "image.nii.gz", labels())
    with pytest.raises(StudyError, match="expected a label map of this image, got none"):
        open_segmenter(params(method="files"), device=None).segment(path)
