"""Strict parameters: every fault is one line with the path of the key."""

from pathlib import Path

import pytest
import yaml

from stages.params.atlas import AtlasParams
from stages.params.data import DataParams
from stages.params.ensembles import EnsembleParams
from stages.params.mask import MaskParams
from stages.params.section import RECIPES
from stages.params.sections import load_all
from stages.params.segmenter import SegmenterParams
from stages.study.errors import StudyError
from tests.fabricated import ROOT
from tests.settings import ALL, write_settings


def changed(tmp_path: Path, section: str, values: object) -> Path:
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    if isinstance(values, dict) and section in content:
        content[section] |= values
    else:
        content[section] = values
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_recipes_are_read_from_the_file_beside(tmp_path: Path) -> None:
    path = write_settings("default", tmp_path)
    assert SegmenterParams.load(path).anatomies.n_heads == 60
    recipes = tmp_path / RECIPES
    recipes.write_text(recipes.read_text() + "mask: {}\n")
    with pytest.raises(StudyError, match=f"{RECIPES}: unknown key 'mask'; .*: segmenter, atlas"):
        AtlasParams.load(path)
    with pytest.raises(StudyError, match="params.yaml: unknown key 'atlas'"):
        MaskParams.load(changed(tmp_path, "atlas", {}))


@pytest.mark.parametrize("name", ALL)
def test_committed_parameter_files_are_valid(name: str, tmp_path: Path) -> None:
    params = load_all(write_settings(name, tmp_path))
    assert params.ensembles.architectures == ("unet", "varnet", "rim")


def test_values_arrive_unchanged_and_cannot_be_set(tmp_path: Path) -> None:
    params = MaskParams.load(changed(tmp_path, "mask", {"acceleration": 7.5}))
    assert params.acceleration == 7.5
    with pytest.raises(ValueError, match="frozen"):
        params.acceleration = 3.0


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("mask", {"acelleration": 3.0}, "unknown key 'mask.acelleration'.*did you mean 'accel"),
        ("mask", {"acceleration": "five"}, "'mask.acceleration'.*number, got 'five'"),
        ("mask", {"acceleration": True}, "'mask.acceleration'.*number, got True"),
        ("mask", {"acceleration": 0.5}, "'mask.acceleration'.*greater than or equal to 1"),
        ("mask", {"seed": 1.5}, "'mask.seed'.*integer, got 1.5"),
        ("mask", {"acceleration_of": "half"}, "'mask.acceleration_of'.*'acquired' or 'full'"),
        ("mask", {"kind": "spiral"}, "'mask.kind'.*'challenge', .*or 'file', got 'spiral'"),
        ("mask", {"kind": "challenge"}, "'mask.files'.*folder or file .*kind challenge.*got None"),
        ("mask", {"kind": "file", "files": ""}, "'mask.files'.*as kind file reads them, got ''"),
        ("mask", {"files": "masks"}, "'mask.files'.*null, as kind uniform_poisson dr.*got 'masks'"),
        (
            "mask",
            {"kind": "challenge", "acceleration_of": "full"},
            "'mask.acceleration_of'.*'full'",
        ),
        (
            "mask",
            {"center_fraction": 0.03},
            "unknown key 'mask.center_fraction'; allowed here: kind",
        ),
        ("mask", {"random": {"axis": "ky"}}, "value for 'mask.random.center_fraction'"),
        ("mask", {"file": {"tolerance": 2.0}}, "'mask.file.tolerance'.*less than 1"),
        ("mask", {"random": {"axis": "z", "center_fraction": 0.1}}, "'mask.random.axis'.*'ky' or"),
        ("mask", "none", "'mask'"),
        ("maks", {}, "unknown key 'maks'.*did you mean 'mask'"),
    ],
)
def test_faults_name_key_and_value(
    tmp_path: Path, section: str, values: object, message: str
) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        MaskParams.load(changed(tmp_path, section, values))
    assert "\n" not in str(caught.value)


def test_nested_index_is_named(tmp_path: Path) -> None:
    path = changed(tmp_path, "data", {"voxel_size_mm": [1.0, -1.0, 1.0]})
    with pytest.raises(StudyError, match=r"data\.voxel_size_mm\.1"):
        DataParams.load(path)


def test_missing_key_section_and_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    with pytest.raises(StudyError, match="found none"):
        MaskParams.load(path)
    path.write_text("mask: {seed: 0}")
    with pytest.raises(StudyError, match="expected a value for 'mask.kind'"):
        MaskParams.load(path)
    with pytest.raises(StudyError, match="expected a section 'data'"):
        DataParams.load(path)
    path.write_text("mask: [")
    with pytest.raises(StudyError, match="expected the parameters as YAML"):
        MaskParams.load(path)
    path.write_text("just text")
    with pytest.raises(StudyError, match="expected sections"):
        MaskParams.load(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"unett": [0]}, "unknown key 'ensembles.unett'; allowed here: .*noise"),
        ({"unet": [0, 0]}, "'ensembles.unet'.*differ"),
        ({"unet": [-1]}, "'ensembles.unet'.*negative"),
        ({"unet": 4}, "'ensembles.unet'.*list, got 4"),
        ({"unet": []}, "'ensembles.unet'"),
        ({"unet": ["a"]}, "'ensembles.unet.0'.*integer"),
        ({"baselines": ["magic"]}, "'ensembles.baselines.0'.*zero_filled.*got 'magic'"),
        ({"baselines": ["zero_filled", "zero_filled"]}, "'ensembles.baselines'.*once"),
    ],
)
def test_faulty_ensembles(tmp_path: Path, values: dict, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        EnsembleParams.load(changed(tmp_path, "ensembles", values))


def test_too_few_members_and_unknown_groups(tmp_path: Path) -> None:
    params = EnsembleParams.load(changed(tmp_path, "ensembles", {"unet": [3]}))
    assert params.members("unet") == (3,)
    assert params.members("reference") == (0,)
    assert params.variable[-1] == "noise" and params.compared[-1] == "zero_filled"
    assert params.groups[-3:] == ("noise", "reference", "zero_filled")
    with pytest.raises(StudyError, match="at least 2 members .* got \\[3\\]"):
        params.members("unet", at_least=2)
    with pytest.raises(StudyError, match="unknown group 'gan'; known: .*unet"):
        params.members("gan")


def test_advice_for_a_missing_file_names_that_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    with pytest.raises(StudyError, match=f"`git checkout -- {path}` restores it$"):
        MaskParams.load(path)
    changed(tmp_path, "mask", {})
    with pytest.raises(StudyError, match=f"`git checkout -- {tmp_path / RECIPES}` restores it$"):
        SegmenterParams.load(path)
    with pytest.raises(
        StudyError, match=r"params\.mine\.yaml: .*found none; check the path, or wr"
    ):
        MaskParams.load(tmp_path / "params.mine.yaml")
