"""Trained members on disk: weights in DIRECT's layout, resolved configuration, curves."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from stages.errors import StudyError
from stages.files import read_json, write_json
from stages.params.train import TrainParams
from stages.recon.networks import build_engine, modules_of, set_training
from stages.recon.training import COLUMNS, TrainingState, network_options

WEIGHTS, CONFIGURATION, CURVES = "model.pt", "config.json", "curves.csv"
PACKAGES = ("torch", "direct-recon", "numpy")


def save_member(folder: Path, state: TrainingState, configuration: dict[str, Any]) -> None:
    """Write weights, configuration and curves of a trained member into an existing folder."""
    weights = {name: module.state_dict() for name, module in modules_of(state.engine).items()}
    torch.save(weights, folder / WEIGHTS)
    versions = {name: version(name) for name in PACKAGES}
    write_json(folder / CONFIGURATION, {**configuration, "versions": versions})
    table = pd.DataFrame(state.curves, columns=list(COLUMNS))
    table.to_csv(folder / CURVES, index=False, float_format="%.6g")


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
