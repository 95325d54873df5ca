"""Checkpoints of DIRECT as members, against DIRECT's own prediction with them."""

import copy
import os
import pickle
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import yaml
from direct.checkpointer import Checkpointer
from direct.data.datasets import CalgaryCampinasDataset
from direct.data.datasets_config import TransformsConfig
from direct.environment import setup_inference_environment
from direct.inference import build_inference_transforms
from direct.utils import dict_flatten
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from stages.errors import StudyError
from stages.files import md5
from stages.kspace.files import Scan
from stages.kspace.masks import SamplingMask
from stages.params.train import PretrainedParams, TrainParams
from stages.recon.exchange import TRANSFORMS, adopted, check_configuration, read_configuration
from stages.recon.inference import learned, reconstruct_scan
from stages.recon.networks import modules_of, network_configuration
from tests.recon.conftest import CPU, direct_in_float64, nudged_scans, train_params
from tests.scans import ROOT
from tests.tolerances import assert_not_farther

ARCHITECTURES = ["unet", "varnet", "rim"]
REFINED = {"num_filters": 4, "num_pool_layers": 2}
SEED, ITERATION = 3, 88000
YAML = Path("zoo.yaml")


@pytest.fixture(autouse=True)
def direct_keeps_to_itself(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let DIRECT neither log to files, nor keep Ctrl-C, nor collect garbage at every slice."""
    monkeypatch.setattr("direct.environment.setup_logging", lambda *_, **__: None)
    monkeypatch.setattr("direct.nn.mri_models.gc", Mock())
    interrupt = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, interrupt)


def zoo_configuration(params: TrainParams) -> dict[str, Any]:
    """Return what DIRECT's zoo ships beside the weights of such a network."""
    sensitivity = {
        "model_name": "unet.unet_2d.UnetModel2d",
        "in_channels": 2,
        "out_channels": 2,
        "dropout_probability": 0.0,
        **(params.sensitivity_network or {}),
    }
    transforms = {
        "use_seed": True,
        "delete_kspace": False,
        "masking": {"name": "CalgaryCampinas", "accelerations": [5]},
        "cropping": {"image_center_crop": False},
        "sensitivity_map_estimation": {"estimate_sensitivity_maps": True},
        "normalization": {"scaling_key": "masked_kspace", "scale_percentile": 0.99},
    }
    dataset = {"name": "CalgaryCampinas", "crop_outer_slices": True, "transforms": transforms}
    return {
        "model": {"model_name": params.model, **params.network},
        "additional_models": {"sensitivity_model": sensitivity},
        "physics": {
            "forward_operator": "fft2(centered=False)",
            "backward_operator": "ifft2(centered=False)",
        },
        "inference": {"batch_size": 1, "dataset": dataset},
    }


def direct_environment(configuration: Path) -> Any:
    """Return DIRECT's own set-up for inference, weights drawn at random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        return setup_inference_environment("", Path("logs"), "cpu", 0, False, configuration)


def direct_images(
    environment: Any, scan: Scan, drawn: SamplingMask, checkpoint: Path
) -> np.ndarray:
    """Return DIRECT's prediction (n_slices, n_ky, n_kz) for a scan with the study's mask."""
    transforms = build_inference_transforms(environment, None, environment.cfg.inference.dataset)
    masks = {
        "sampling_mask": {scan.path.name: drawn.mask[None, :, :, None]},
        "acs_mask": {scan.path.name: drawn.calibration[None, :, :, None]},
    }
    dataset = CalgaryCampinasDataset(
        scan.path.parent,
        transforms,
        filenames_filter=[scan.path],
        pass_dictionaries=masks,
    )
    volumes, _ = environment.engine.predict(
        dataset, Path("logs"), checkpoint=checkpoint, num_workers=0
    )
    return volumes[0][0][:, 0].numpy()


def assert_directs_image(
    found: np.ndarray,
    theirs: list[np.ndarray],
    scan: Scan,
    drawn: SamplingMask,
    files: tuple[Path, Path],
) -> None:
    """Check that an image is not farther from DIRECT's in float64 than DIRECT's in float32 are.

    Args:
        found: image of the study, (n_slices, n_ky, n_kz).
        theirs: DIRECT's of the same scan, where it is at hand.
        scan: scan, of which DIRECT also predicts copies with other last bits.
        drawn: its mask.
        files: DIRECT's configuration and checkpoint.
    """
    configuration, checkpoint = (path.absolute() for path in files)
    environment = direct_environment(configuration)
    copies = nudged_scans(scan, Path("copies"))
    near = [direct_images(environment, copy, drawn, checkpoint) for copy in copies]
    with direct_in_float64():
        environment = direct_environment(configuration)
        for module in modules_of(environment.engine).values():
            module.double()
        truth = direct_images(environment, scan, drawn, checkpoint)
    assert truth.dtype == np.float64
    assert_not_farther(found, [*theirs, *near], truth)


def zoo(folder: Path, architecture: str = "rim") -> tuple[TrainParams, Any]:
    """Write a zoo entry as DIRECT's own training does; return parameters and DIRECT's set-up."""
    params = train_params(architecture, sensitivity_network=REFINED)
    (folder / YAML).write_text(yaml.safe_dump(zoo_configuration(params)))
    environment = direct_environment(folder / YAML)
    engine = environment.engine
    optimizer = torch.optim.Adam(engine.model.parameters())
    Checkpointer(
        folder,
        model=engine.model,
        optimizer=optimizer,
        lr_scheduler=torch.optim.lr_scheduler.StepLR(optimizer, 5),
        **engine.models,
        __author__="someone",
        __mixed_precision__=False,
    ).save(ITERATION)
    return with_entry(params, folder), environment


def with_entry(params: TrainParams, folder: Path, **changes: str) -> TrainParams:
    """Return the parameters with the entry in a folder in place of member `SEED`."""
    file = folder / f"model_{ITERATION}.pt"
    entry = {
        "checkpoint": str(file),
        "configuration": str(folder / YAML),
        "md5": md5(file) if file.is_file() else "0" * 32,
    }
    entry = PretrainedParams.model_validate(entry | changes)
    return params.model_copy(update={"pretrained": {SEED: entry}})


def changed(content: dict[str, Any], dotted: str, value: object) -> dict[str, Any]:
    """Return a copy of nested mappings with one value set at a dotted name."""
    content = copy.deepcopy(content)
    *path, key = dotted.split(".")
    part = content
    for name in path:
        part = part[name]
    part[key] = value
    return content


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_adopted_member_predicts_as_direct_does(
    architecture: str, tmp_path: Path, scan: Scan, drawn: SamplingMask
) -> None:
    params, environment = zoo(tmp_path, architecture)
    checkpoint = tmp_path / f"model_{ITERATION}.pt"
    expected = direct_images(environment, scan, drawn, checkpoint)
    engine = adopted(params, SEED, CPU)
    found = reconstruct_scan(scan, drawn, learned(engine), CPU, 3)
    assert not engine.model.training
    assert found.std() > 0
    assert_directs_image(found, [expected], scan, drawn, (tmp_path / YAML, checkpoint))


DIFFERENCES = [
    ("model.length", 9, "model.length is 9 (expected 2)"),
    ("model.model_name", "varnet.varnet.EndToEndVarNet", "model.model_name is varnet.varnet.End"),
    ("model.model_name", "???", "model.model_name is ???"),
    ("model.engine_name", "RIMSSLEngine", "model.engine_name is RIMSSLEngine (expected RIMEngine)"),
    ("model.image_initialization", "zero_filled", "is ZERO_FILLED (expected SENSE)"),
    ("model.image_initialization", "nowhere", "zoo.yaml: network of 'rim.rim.RIM': 'image_initi"),
    ("model.width", 9, "zoo.yaml: network of 'rim.rim.RIM' has no argument 'width'; allowed:"),
    ("model.length", "many", "zoo.yaml: network of 'rim.rim.RIM': 'length'"),
    ("model", None, "zoo.yaml: model: expected a mapping as in DIRECT's files, got NoneType"),
    ("additional_models", None, "sensitivity_model is missing (expected {'num_filters': 4"),
    ("additional_models", 3, "additional_models: expected a mapping"),
    ("additional_models.sensitivity_model.num_filters", 8, ".num_filters is 8 (expected 4)"),
    ("additional_models.sensitivity_model.model_name", "a.B", ".model_name is a.B (expected unet"),
    ("additional_models.noise_model", {}, "additional_models.noise_model is unknown"),
    ("physics", None, "physics.forward_operator is None (expected fft2(centered=False))"),
    ("physics.forward_operator", "fft2", "physics.forward_operator is fft2 (expected"),
    ("physics.backward_operator", "ifft2(centered=True)", "is ifft2(centered=True) (expected"),
    ("inference.dataset", [3], "inference.dataset: expected a mapping"),
    ("inference.dataset.transforms.crop", "header", "transforms.crop is header (expected None)"),
    ("inference.dataset.transforms.scaling_key", "kspace", "scaling_key is kspace (expected mask"),
    (
        "inference.dataset.transforms.normalization.scale_percentile",
        None,
        "inference.dataset.transforms.scale_percentile is None (expected 0.99)",
    ),
    (
        "inference.dataset.transforms.sensitivity_map_estimation.sensitivity_maps_type",
        "ESPIRIT",
        "sensitivity_maps_type is ESPIRIT (expected rss_estimate)",
    ),
]


@pytest.mark.parametrize(("dotted", "value", "line"), DIFFERENCES)
def test_a_difference_is_named(dotted: str, value: object, line: str) -> None:
    params = train_params("rim", sensitivity_network=REFINED)
    content = changed(zoo_configuration(params), dotted, value)
    with pytest.raises(StudyError, match=re.escape(line)) as raised:
        check_configuration(content, params, YAML)
    assert str(raised.value).startswith("zoo.yaml: ")
    assert len(str(raised.value).splitlines()) == 1


# the networks whose weights DIRECT publishes for R = 5 and 10
PUBLISHED = {
    "unet": {"num_filters": 64},
    "varnet": {"num_layers": 12, "regularizer_num_filters": 32},
    "rim": {"hidden_channels": 128, "length": 16, "no_parameter_sharing": False},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_papers_parameters_are_the_zoos(architecture: str) -> None:
    params = TrainParams.load_architecture(architecture, ROOT / "params.paper.yaml")
    content = zoo_configuration(params)
    start = {} if architecture == "varnet" else {"image_initialization": "SENSE"}
    content["model"] = {"model_name": params.model, **start, **PUBLISHED[architecture]}
    check_configuration(content, params, YAML)


def test_all_differences_stand_in_one_line() -> None:
    params = train_params("rim", sensitivity_network=REFINED)
    content = changed(zoo_configuration(params), "model.length", 9)
    content = changed(content, "physics.forward_operator", "fft2")
    with pytest.raises(StudyError, match=r"model\.length is 9 .*, physics\.forward_operator is "):
        check_configuration(content, params, YAML)


def test_a_network_that_the_study_does_not_refine() -> None:
    params = train_params("rim")
    with pytest.raises(StudyError, match=r"sensitivity_model is there \(expected none\)"):
        check_configuration(zoo_configuration(params), params, YAML)


def test_older_files_are_flat_and_name_choices_by_value() -> None:
    params = train_params("rim", sensitivity_network=REFINED)
    content = changed(zoo_configuration(params), "model.image_initialization", "sense")
    transforms = {
        "crop": None,
        "estimate_sensitivity_maps": True,
        "sensitivity_maps_gaussian": 0.7,
        "image_center_crop": True,
        "scaling_key": "masked_kspace",
        "masking": {"name": "???", "crop": "of masks"},
    }
    content = changed(content, "inference.dataset.transforms", transforms)
    check_configuration(content, params, YAML)
    transforms["sensitivity_maps_gaussian"] = None
    with pytest.raises(StudyError, match="sensitivity_maps_gaussian is None"):
        check_configuration(content, params, YAML)


def test_without_inference_the_transforms_of_training_count() -> None:
    params = train_params("rim", sensitivity_network=REFINED)
    content = zoo_configuration(params)
    dataset = content.pop("inference")["dataset"]
    content["training"] = {"datasets": [dataset, copy.deepcopy(dataset)]}
    check_configuration(content, params, YAML)
    content["training"]["datasets"][1]["transforms"]["pad"] = [256, 256]
    with pytest.raises(StudyError, match=r"training\.datasets\[1\]\.transforms\.pad is"):
        check_configuration(content, params, YAML)


RIM_DEFAULTS = OmegaConf.to_container(network_configuration("rim.rim.RIM", {}), enum_to_str=True)


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from(sorted(RIM_DEFAULTS.keys() - {"model_name"}))))
def test_what_direct_fills_in_may_be_written_out(written: set[str]) -> None:
    params = train_params("rim", sensitivity_network=REFINED)
    content = zoo_configuration(params)
    content["model"] = {key: RIM_DEFAULTS[key] for key in written} | content["model"]
    check_configuration(content, params, YAML)


def test_the_transforms_are_directs_defaults() -> None:
    theirs = dict_flatten(OmegaConf.structured(TransformsConfig(masking=None)))
    assert {key: theirs[key] for key in TRANSFORMS} == TRANSFORMS


def test_configurations_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / YAML
    with pytest.raises(StudyError, match=r"zoo\.yaml: expected DIRECT's configuration .*none"):
        read_configuration(file)
    for text, line in (
        ("- 1", "expected a mapping as in DIRECT's files, got list"),
        ("", "expected a mapping as in DIRECT's files, got NoneType"),
        ("a: [", "expected DIRECT's configuration of a checkpoint, got"),
        (
            "a: !!python/object/apply:os.getcwd []",
            "expected DIRECT's configuration of a checkpoint, got",
        ),
    ):
        file.write_text(text)
        with pytest.raises(StudyError, match=f"{re.escape(line)}"):
            read_configuration(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="expected DIRECT's configuration of a checkpoint, got"):
        read_configuration(file)


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainParams]:
    """A zoo entry to be damaged."""
    folder = tmp_path_factory.mktemp("zoo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("direct.environment.setup_logging", lambda *_, **__: None)
        patch.chdir(folder)
        params, _ = zoo(folder)
    return folder, params


def refused(params: TrainParams) -> str:
    """Adopt a member that must be refused, and return the line."""
    with pytest.raises(StudyError) as raised:
        adopted(params, SEED, CPU)
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def with_checkpoint(entry: tuple[Path, TrainParams], file: Path, content: object) -> TrainParams:
    """Return the parameters with another checkpoint beside the same configuration."""
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    return with_entry(entry[1], entry[0], checkpoint=str(file), md5=md5(file))


def weights_of(entry: tuple[Path, TrainParams]) -> dict[str, Any]:
    return torch.load(entry[0] / f"model_{ITERATION}.pt", weights_only=True)


def test_a_checkpoint_that_is_not_there(entry: tuple[Path, TrainParams], tmp_path: Path) -> None:
    for path, found in ((tmp_path / "none.pt", "found none"), (tmp_path, "got a folder")):
        params = with_entry(entry[1], entry[0], checkpoint=str(path))
        assert f"expected a checkpoint of DIRECT, {found}" in refused(params)


def test_another_md5_is_printed(entry: tuple[Path, TrainParams]) -> None:
    came = md5(entry[0] / f"model_{ITERATION}.pt")
    line = refused(with_entry(entry[1], entry[0], md5="0" * 32))
    assert f"model_{ITERATION}.pt: expected MD5 {'0' * 32}" in line
    assert f"got {came}" in line


class Code:
    """Pickled, it runs a command when it is read."""

    def __reduce__(self) -> tuple:
        return os.mkdir, ("traces",)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_checkpoint_is_not_run(
    legacy: bool, entry: tuple[Path, TrainParams], tmp_path: Path
) -> None:
    content = weights_of(entry) | {"optimizer": Code()}
    if legacy:
        content = pickle.dumps(content)
    line = refused(with_checkpoint(entry, tmp_path / "code.pt", content))
    assert "code or objects" in line or "truncated or something" in line
    assert legacy or "mkdir" in line
    assert not Path("traces").exists()


def test_damaged_checkpoints(entry: tuple[Path, TrainParams], tmp_path: Path) -> None:
    whole = (entry[0] / f"model_{ITERATION}.pt").read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[1000:]):
        line = refused(with_checkpoint(entry, tmp_path / "a.pt", content))
        assert "a.pt: expected a checkpoint of DIRECT, got a file that is truncated or" in line
        assert "weights_only" not in line


def test_what_is_no_checkpoint(entry: tuple[Path, TrainParams], tmp_path: Path) -> None:
    for content, line in (
        ([1, 2], "expected a mapping as in DIRECT's files, got list"),
        ({"state": {}}, "expected weights of model, sensitivity_model, got those of no network"),
        ({"model": {}}, "got those of model;"),
        ({"model": 3, "sensitivity_model": {}}, "model: expected a mapping"),
        ({"model": {}, "sensitivity_model": {}, "noise_model": {}}, "got those of model, noise_"),
    ):
        assert line in refused(with_checkpoint(entry, tmp_path / "a.pt", content))


def test_weights_that_do_not_fit(entry: tuple[Path, TrainParams], tmp_path: Path) -> None:
    whole = weights_of(entry)
    first = next(iter(whole["model"]))
    lines = []
    for change in ({"extra": torch.zeros(1)}, {first: torch.zeros(1)}, {first: 3}):
        content = whole | {"model": whole["model"] | change}
        lines.append(refused(with_checkpoint(entry, tmp_path / "a.pt", content)))
    assert "1 are unknown (first extra)" in lines[0]
    assert f"1 are of another shape (first {first}, (1,) instead of (" in lines[1]
    assert f"1 are of another shape (first {first}, int instead of (" in lines[2]
    content = whole | {"model": {k: v for k, v in whole["model"].items() if k != first}}
    line = refused(with_checkpoint(entry, tmp_path / "a.pt", content))
    assert f"1 are missing (first {first})" in line


def test_weights_of_another_architecture(entry: tuple[Path, TrainParams], tmp_path: Path) -> None:
    zoo(tmp_path, "varnet")
    other = str(tmp_path / f"model_{ITERATION}.pt")
    line = refused(with_entry(entry[1], entry[0], checkpoint=other, md5=md5(other)))
    assert "expected the weights of params.yaml's model, but" in line
    assert re.search(r"\d+ are missing \(first .*\), \d+ are unknown \(first", line)
    params = with_entry(train_params("varnet", sensitivity_network=REFINED), entry[0])
    assert "model.model_name is rim.rim.RIM (expected varnet.varnet.End" in refused(params)
