"""Trained members on disk: weights in DIRECT's layout, resolved configuration, curves."""

import csv
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
    """Write weights, configuration and curves of a trained member into an existing folder."""
    weights = {
        name: {key: value.cpu() for key, value in module.state_dict().items()}
        for name, module in modules_of(engine).items()
    }
    torch.save(weights, folder / WEIGHTS)
    versions = {name: version(name) for name in PACKAGES}
    write_json(folder / CONFIGURATION, {**configuration, "versions": versions})
    with open(folder / CURVES, "w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in curves)


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
