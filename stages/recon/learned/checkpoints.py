"""Trained members on disk: weights in DIRECT's layout, resolved configuration, curves."""

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from stages.params.section import parse
from stages.params.train import TrainParams
from stages.recon.learned.engine import Engine, Weights
from stages.recon.learned.networks import build_engine, modules_of, network_options, set_training
from stages.storage.files import read_mapping, write_json
from stages.storage.reading import Kind, damaged, reading
from stages.storage.tensors import load_plain
from stages.storage.text import read_text
from stages.study import layout
from stages.study.errors import StudyError

PACKAGES = ("torch", "direct-recon", "numpy")
LOSS_COLUMNS = ("step", "loss", "learning_rate")
COLUMNS = (*LOSS_COLUMNS, "validation_psnr", "validation_ssim", "kept")

Configuration = dict[str, Any]
"""A member's `config.json`: values of JSON."""
Row = dict[str, float]
"""What was recorded at a step, by column."""
Curve = list[Row]


def save_training(folder: Path, losses: Curve, configuration: Configuration) -> None:
    """Write what a training leaves beside its snapshots: losses, configuration and versions.

    Raises:
        OSError: if the disk is full.
    """
    versions = {name: version(name) for name in PACKAGES}
    write_json(folder / layout.CONFIGURATION, {**configuration, "versions": versions})
    write_curve(folder / layout.LOSSES, LOSS_COLUMNS, losses)


def save_member(folder: Path, weights: Path, curve: Curve, configuration: Configuration) -> None:
    """Write a member into an existing folder: its weights, a snapshot, configuration and curve.

    Raises:
        OSError: if the disk is full.
    """
    shutil.copyfile(weights, folder / layout.WEIGHT_FILE)
    write_json(folder / layout.CONFIGURATION, configuration)
    write_curve(folder / layout.CURVES, COLUMNS, curve)


def write_curve(path: Path, columns: Sequence[str], rows: Curve) -> None:
    """Write rows as CSV; what a row lacks stays empty, and without rows the header is alone."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in rows)


def read_curve(path: Path) -> Curve:
    """Read what `write_curve` wrote; raise `StudyError` if it is missing or damaged."""
    kind = Kind("the losses of a training", "train again", "train again")
    text = read_text(path, kind)
    with reading(path, kind):
        return [
            {key: float(value) for key, value in row.items() if value}
            for row in csv.DictReader(io.StringIO(text))
        ]


def serialised(content: Mapping[str, object]) -> memoryview:
    """Return the bytes of `torch.save`, which itself hides what a full disk says."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getbuffer()


def weights_of(engine: Engine) -> Weights:
    """Return all weights under the names that DIRECT's checkpoints use, on the host."""
    return {
        name: {key: value.cpu() for key, value in module.state_dict().items()}
        for name, module in modules_of(engine).items()
    }


def member_bytes(engine: Engine) -> int:
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
            f" run `dvc repro select-{architecture}@{architecture}-{seed}`"
        )
    return member


def load_member(folder: Path, device: torch.device) -> Engine:
    """Return the engine of a trained member, ready to reconstruct.

    Raises:
        StudyError: if a file is missing or damaged, weights are not finite, or weights and
            configuration do not fit.
    """
    configuration = read_mapping(folder / layout.CONFIGURATION)
    params = trained_params(configuration, folder / layout.CONFIGURATION)
    engine = build_engine(network_options(params), device, seed=0)
    load_weights(engine, folder / layout.WEIGHT_FILE, params.model, device)
    set_training(engine, False)
    return engine


def load_weights(engine: Engine, path: Path, model: str, device: torch.device) -> None:
    """Put the weights in a file into the networks of an engine.

    Args:
        engine: what they belong to.
        path: the file.
        model: name of the network, for what is said of the file.
        device: where the networks live.

    Raises:
        StudyError: if the file is missing or damaged, or its weights are not finite or do not fit.
    """
    kind = Kind(f"the weights of {model}", "train again", "train again")
    weights = load_plain(path, kind, device)
    with reading(path, kind):
        for name, module in modules_of(engine).items():
            module.load_state_dict(weights[name])
    if not all(p.isfinite().all() for m in modules_of(engine).values() for p in m.parameters()):
        raise damaged(path, kind, "weights that are NaN or infinite")


def trained_params(configuration: Configuration, path: Path) -> TrainParams:
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
