"""Trained members on disk: weights in DIRECT's layout, resolved configuration, curves."""

import csv
import io
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from stages.params.section import parse
from stages.params.train import TrainParams
from stages.recon.learned.networks import build_engine, modules_of, network_options, set_training
from stages.storage.files import read_mapping, write_json
from stages.storage.reading import Kind, damaged, reading
from stages.storage.tensors import load_plain
from stages.study import layout
from stages.study.errors import StudyError

PACKAGES = ("torch", "direct-recon", "numpy")
COLUMNS = ("step", "loss", "learning_rate", "validation_psnr", "validation_ssim")


def save_member(
    folder: Path, engine: Any, curves: list[dict[str, float]], configuration: dict[str, Any]
) -> None:
    """Write weights, configuration and curves of a trained member into an existing folder.

    A member that was not trained here has no curves: their table has its header alone.

    Raises:
        OSError: if the disk is full.
    """
    (folder / layout.WEIGHT_FILE).write_bytes(serialised(weights_of(engine)))
    versions = {name: version(name) for name in PACKAGES}
    write_json(folder / layout.CONFIGURATION, {**configuration, "versions": versions})
    with open(folder / layout.CURVES, "w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in curves)


def serialised(content: dict[str, Any]) -> memoryview:
    """Return the bytes of `torch.save`, which itself hides what a full disk says."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getbuffer()


def weights_of(engine: Any) -> dict[str, dict[str, torch.Tensor]]:
    """Return all weights under the names that DIRECT's checkpoints use, on the host."""
    return {
        name: {key: value.cpu() for key, value in module.state_dict().items()}
        for name, module in modules_of(engine).items()
    }


def member_bytes(engine: Any) -> int:
    """Return about how much room a member takes on the disk, in bytes."""
    tensors = [t for weights in weights_of(engine).values() for t in weights.values()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def trained_member(architecture: str, seed: int) -> Path:
    """Return the folder of a trained member; raise `StudyError` if there is none."""
    member = layout.model(architecture, seed)
    if not member.is_dir():
        TrainParams.load_architecture(architecture)  # a name that is not known is the better error
        raise StudyError(
            f"{member}: expected a trained member, found none;"
            f" run `dvc repro train-{architecture}@{architecture}-{seed}`"
        )
    return member


def load_member(folder: Path, device: torch.device) -> Any:
    """Return the engine of a trained member, ready to reconstruct.

    Raises:
        StudyError: if a file is missing or damaged, weights are not finite, or weights and
            configuration do not fit.
    """
    configuration = read_mapping(folder / layout.CONFIGURATION)
    params = trained_params(configuration, folder / layout.CONFIGURATION)
    engine = build_engine(network_options(params), device, seed=0)
    path = folder / layout.WEIGHT_FILE
    kind = Kind(f"the weights of {params.model}", "train again", "train again")
    weights = load_plain(path, kind, device)
    with reading(path, kind):
        for name, module in modules_of(engine).items():
            module.load_state_dict(weights[name])
    if not all(p.isfinite().all() for m in modules_of(engine).values() for p in m.parameters()):
        raise damaged(path, kind, "weights that are NaN or infinite")
    set_training(engine, False)
    return engine


def trained_params(configuration: dict[str, Any], path: Path) -> TrainParams:
    """Return the parameters that a member was trained with; `StudyError` if they are none."""
    try:
        content = configuration["train"]
        # JSON's keys are texts, those of `pretrained` are seeds
        pretrained = {int(key): value for key, value in content["pretrained"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StudyError(
            f"{path}: expected a member's parameters below 'train', found none"
            f" ({type(error).__name__}: {error}); train again"
        ) from None
    return parse(TrainParams, "train", content | {"pretrained": pretrained}, path)
