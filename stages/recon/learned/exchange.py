"""Checkpoints of DIRECT's public zoo as members of an ensemble.

An entry of the zoo is a `.pt` file (weights by the name of their network, and what DIRECT's
training left beside them) and a `.yaml` file (networks, physics, transforms). Both are held against
what the study itself would have trained, so that an adopted member differs from a trained one in
its weights alone.
"""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from stages.kspace.sensitivities import GAUSSIAN_WIDTH
from stages.params.train import TrainParams
from stages.recon.learned.engine import Engine
from stages.recon.learned.networks import (
    NOT_NETWORK,
    SENSITIVITY_KEY,
    SENSITIVITY_MODEL,
    build_engine,
    engine_names,
    modules_of,
    network_configuration,
    network_options,
    set_training,
)
from stages.recon.physics import PERCENTILE
from stages.storage.files import md5
from stages.storage.reading import Kind, check_regular, reading
from stages.storage.tensors import load_plain
from stages.storage.text import parse_yaml, read_text
from stages.study.errors import StudyError

# What the study's batches are, in DIRECT's words. DIRECT's own operators are centred ones.
PHYSICS = {
    "forward_operator": "fft2(centered=False)",
    "backward_operator": "ifft2(centered=False)",
}

# DIRECT's own defaults are the same. `image_center_crop` says where `crop` cuts, and no more.
TRANSFORMS = {
    "crop": None,
    "rescale": None,
    "pad": None,
    "compress_coils": None,
    "pad_coils": None,
    "use_acs_as_mask": False,
    "estimate_sensitivity_maps": True,
    "sensitivity_maps_type": "rss_estimate",
    "sensitivity_maps_gaussian": GAUSSIAN_WIDTH,
    "scaling_key": "masked_kspace",
    "scale_percentile": PERCENTILE,
}

CONFIGURATION = Kind(
    "DIRECT's configuration of a checkpoint",
    "correct 'pretrained' in params.yaml",
    "take the file as DIRECT wrote it",
)
CHECKPOINT = Kind(
    "a checkpoint of DIRECT",
    "correct 'pretrained' in params.yaml",
    "take the file as DIRECT wrote it",
)
NETWORK_KEY = "model"  # checkpoints end every name of a network so, and none of anything else


def adopted(params: TrainParams, seed: int, device: torch.device) -> Engine:
    """Return the engine of the checkpoint that stands in for a member, ready to reconstruct.

    Args:
        params: network of the architecture; `pretrained[seed]` names the files.
        seed: member of the ensemble.
        device: where the networks live.

    Raises:
        StudyError: if a file is missing or damaged, the checkpoint holds more than plain values or
            has another MD5, or it was not trained as `params` say.
    """
    entry = params.pretrained[seed]
    checkpoint, configuration = Path(entry.checkpoint), Path(entry.configuration)
    check_configuration(read_configuration(configuration), params, configuration)
    weights = read_weights(checkpoint, entry.md5)
    engine = build_engine(network_options(params), device, seed=0)
    load_weights(engine, weights, checkpoint)
    set_training(engine, False)
    return engine


def read_configuration(path: Path) -> dict[str, Any]:
    """Read DIRECT's `.yaml` file; raise `StudyError` if it is missing, damaged or no mapping."""
    text = read_text(path, CONFIGURATION)
    with reading(path, CONFIGURATION):
        content = parse_yaml(text)
    return _mapping(content, "the whole file", path)


def check_configuration(content: dict[str, Any], params: TrainParams, path: Path) -> None:
    """Hold DIRECT's configuration against the network of `params` and the study's physics.

    What DIRECT fills in by default counts as written.

    Raises:
        StudyError: one line with every difference, DIRECT's value and the expected one.
    """
    others = dict(_mapping(content.get("additional_models") or {}, "additional_models", path))
    refining = others.pop(SENSITIVITY_KEY, None)
    found = [
        *_network_differences(content.get("model"), "model", params.model, params.network, path),
        *_sensitivity_differences(refining, params.sensitivity_network, path),
        *(f"additional_models.{name} is unknown to the study" for name in others),
        *_physics_differences(content, path),
        *_transform_differences(content, path),
    ]
    if found:
        raise StudyError(
            f"{path}: expected the networks of params.yaml and the study's physics, but"
            f" {', '.join(found)}; change params.yaml or take another checkpoint"
        )


def read_weights(path: Path, expected_md5: str) -> dict[str, Any]:
    """Read DIRECT's `.pt` file without running any code in it.

    Raises:
        StudyError: if it is missing, has another MD5, is damaged or holds more than plain values.
    """
    check_regular(path, CHECKPOINT)
    found = md5(path)
    if found != expected_md5:
        raise StudyError(
            f"{path}: expected MD5 {expected_md5} ('pretrained' in params.yaml), got {found};"
            " copy the file again or correct the MD5"
        )
    return _mapping(load_plain(path, CHECKPOINT), "the whole file", path)


def load_weights(engine: Engine, weights: dict[str, Any], path: Path) -> None:
    """Put the weights of a checkpoint into the networks of an engine, all of them or none.

    Raises:
        StudyError: if weights are missing, left over or of another shape.
    """
    modules = modules_of(engine)
    stored = {name for name in map(str, weights) if name.endswith(NETWORK_KEY)}
    if stored != set(modules):
        raise StudyError(
            f"{path}: expected weights of {', '.join(sorted(modules))}, got those of"
            f" {', '.join(sorted(stored)) or 'no network'}; change params.yaml or take another"
            " checkpoint"
        )
    for name, module in modules.items():
        state = _mapping(weights[name], name, path)
        if misfits := _misfits(module, state):
            raise StudyError(
                f"{path}: expected the weights of params.yaml's {name}, but"
                f" {', '.join(misfits)}; change params.yaml or take another checkpoint"
            )
    for name, module in modules.items():
        with reading(path, CHECKPOINT):
            module.load_state_dict(weights[name])


def _network_differences(
    described: Any, name: str, model: str, arguments: dict[str, Any], path: Path
) -> list[str]:
    described = _mapping(described, name, path)
    if described.get("model_name") != model:
        return [_difference(f"{name}.model_name", described.get("model_name"), model)]
    engine, usual = described.get("engine_name"), engine_names(model)
    if engine is not None and engine not in usual:
        return [_difference(f"{name}.engine_name", engine, usual[0])]
    theirs = _completed(model, described, path)
    ours = OmegaConf.to_container(network_configuration(model, arguments), enum_to_str=True)
    return [
        _difference(f"{name}.{key}", theirs[key], value)
        for key, value in ours.items()
        if key not in NOT_NETWORK and theirs[key] != value
    ]


def _completed(model: str, described: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the arguments of a network with DIRECT's defaults, choices by their names."""
    defaults = dict(network_configuration(model, {}))
    given = {
        key: _named_choice(value, defaults.get(key))
        for key, value in described.items()
        if key not in NOT_NETWORK
    }
    try:
        return OmegaConf.to_container(network_configuration(model, given), enum_to_str=True)
    except StudyError as error:
        raise StudyError(f"{path}: {str(error).removeprefix('params.yaml: ')}") from None


def _named_choice(value: Any, default: Any) -> Any:
    # older files hold the value of a choice (sense), newer ones its name (SENSE)
    if isinstance(value, str) and isinstance(default, Enum):
        for choice in type(default):
            if value.lower() in (choice.name.lower(), str(choice.value).lower()):
                return choice.name
    return value


def _sensitivity_differences(
    described: Any, arguments: dict[str, Any] | None, path: Path
) -> list[str]:
    name = f"additional_models.{SENSITIVITY_KEY}"
    if arguments is None:
        return [] if described is None else [f"{name} is there (expected none)"]
    if described is None:
        return [f"{name} is missing (expected {arguments})"]
    return _network_differences(described, name, SENSITIVITY_MODEL, arguments, path)


def _physics_differences(content: dict[str, Any], path: Path) -> list[str]:
    physics = _mapping(content.get("physics") or {}, "physics", path)
    return [
        _difference(f"physics.{key}", physics.get(key), expected)
        for key, expected in PHYSICS.items()
        if str(physics.get(key)).replace(" ", "") != expected
    ]


def _transform_differences(content: dict[str, Any], path: Path) -> list[str]:
    return [
        _difference(f"{name}.{key}", value, TRANSFORMS[key])
        for name, transforms in _transforms(content, path)
        for key, value in _flat(transforms)
        if key in TRANSFORMS and _lower(value) != TRANSFORMS[key]
    ]


def _transforms(content: dict[str, Any], path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the transforms before inference; those of training where there is no inference."""
    inference = _mapping(content.get("inference") or {}, "inference", path)
    if inference:
        datasets = {"inference.dataset": inference.get("dataset")}
    else:
        training = _mapping(content.get("training") or {}, "training", path)
        listed = training.get("datasets")
        listed = listed if isinstance(listed, list) else []
        datasets = {f"training.datasets[{k}]": each for k, each in enumerate(listed)}
    for name, dataset in datasets.items():
        transforms = _mapping(dataset or {}, name, path).get("transforms") or {}
        yield f"{name}.transforms", _mapping(transforms, f"{name}.transforms", path)


def _flat(transforms: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    # today's files group the transforms, older ones do not; masks are the study's own
    for key, value in transforms.items():
        if isinstance(value, dict) and key != "masking":
            yield from _flat(value)
        else:
            yield key, value


def _misfits(module: torch.nn.Module, state: dict[str, Any]) -> list[str]:
    expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    found = {
        key: tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        for key, value in state.items()
    }
    missing = [key for key in expected if key not in found]
    extra = [str(key) for key in found if key not in expected]
    other = [
        f"{key}, {found[key]} instead of {expected[key]}"
        for key in expected
        if key in found and found[key] != expected[key]
    ]
    kinds = {"missing": missing, "unknown": extra, "of another shape": other}
    return [f"{len(keys)} are {kind} (first {keys[0]})" for kind, keys in kinds.items() if keys]


def _mapping(value: Any, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StudyError(
            f"{path}: {name}: expected a mapping as in DIRECT's files, got {type(value).__name__};"
            " take the file as DIRECT wrote it"
        )
    return value


def _difference(name: str, theirs: Any, ours: Any) -> str:
    return f"{name} is {theirs} (expected {ours})"


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
