"""Trained members on disk: weights in DIRECT's layout, resolved configuration, curves."""

import csv
import io
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from stages.errors import StudyError
from stages.files import read_json, write_json
from stages.params.train import TrainParams
from stages.recon.networks import build_engine, modules_of, network_options, set_training

WEIGHTS, CONFIGURATION, CURVES = "model.pt", "config.json", "curves.csv"
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
    (folder / WEIGHTS).write_bytes(serialised(weights_of(engine)))
    versions = {name: version(name) for name in PACKAGES}
    write_json(folder / CONFIGURATION, {**configuration, "versions": versions})
    with open(folder / CURVES, "w", newline="", encoding="utf-8") as stream:
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


def load_member(folder: Path, device: torch.device) -> Any:
    """Return the engine of a trained member, ready to reconstruct.

    Raises:
        StudyError: if a file is missing or damaged, or weights and configuration do not fit.
    """
    configuration = read_json(folder / CONFIGURATION)
    params = TrainParams.model_validate_json(json.dumps(configuration["train"]))
    engine = build_engine(network_options(params), device, seed=0)
    try:
        weights = torch.load(folder / WEIGHTS, map_location=device, weights_only=True)
        for name, module in modules_of(engine).items():
            module.load_state_dict(weights[name])
    except FileNotFoundError:
        raise StudyError(f"{folder / WEIGHTS}: expected weights, found none; train again") from None
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise StudyError(
            f"{folder / WEIGHTS}: expected the weights of {params.model} ({reason}); train again"
        ) from None
    set_training(engine, False)
    return engine
