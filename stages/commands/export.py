"""Hand a member to DIRECT: a checkpoint and a configuration that `direct predict` reads.

python -m stages export rim 3 --out FOLDER
direct predict OUTPUT --data-root data/validation --cfg FOLDER/config.yaml \\
    --checkpoint FOLDER/model_<step>.pt

Without a GPU, DIRECT also wants `--device cpu --num-gpus 0`. Its command line draws masks of its
own; the study's go in by Python: no `masking`, and `pass_dictionaries` of DIRECT's data set with
`sampling_mask` and `acs_mask`, each {file name: (1, n_ky, n_kz, 1)}. DIRECT always takes 85 % of
the kz columns as acquired.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
import yaml
from direct.checkpointer import Checkpointer
from omegaconf import OmegaConf

from stages.kspace.masks.catalogue import chosen
from stages.machine.entry import entry_point
from stages.params.mask import MaskParams
from stages.recon.learned.checkpoints import load_member, trained_member
from stages.recon.learned.engine import Engine
from stages.recon.learned.exchange import PHYSICS, TRANSFORMS
from stages.recon.learned.networks import SENSITIVITY_KEY, SENSITIVITY_MODEL, network_configuration
from stages.storage.files import atomic_directory, read_json
from stages.study import layout
from stages.study.errors import StudyError

CONFIG = "config.yaml"  # DIRECT's name


def direct_configuration(
    trained: dict[str, Any], engine: Engine, mask: MaskParams
) -> dict[str, Any]:
    """Return DIRECT's configuration for inference with a member.

    Args:
        trained: the member's parameters (`train` in its configuration).
        engine: what runs its networks.
        mask: what DIRECT's own masks should resemble.
    """
    network = written_out(trained["model"], trained["network"])
    refining = trained["sensitivity_network"]
    return {
        "model": network | {"engine_name": type(engine).__name__},
        "additional_models": {}
        if refining is None
        else {SENSITIVITY_KEY: written_out(SENSITIVITY_MODEL, refining)},
        "physics": PHYSICS,
        "inference": {"batch_size": 1, "dataset": dataset_configuration(mask)},
    }


def written_out(model: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return DIRECT's configuration of a network, defaults included: they belong to the weights."""
    return OmegaConf.to_container(network_configuration(model, arguments), enum_to_str=True)


def dataset_configuration(mask: MaskParams) -> dict[str, Any]:
    """Return DIRECT's configuration of the Calgary-Campinas data set with the study's transforms.

    All slices are kept: volumes are measured in the whole head.
    """

    def transforms(*keys: str) -> dict[str, Any]:
        return {key: TRANSFORMS[key] for key in keys}

    return {
        "name": "CalgaryCampinas",
        "crop_outer_slices": False,
        "transforms": {
            "use_seed": True,
            "delete_kspace": False,
            "masking": masking(mask),
            "cropping": {**transforms("crop"), "image_center_crop": False},
            "sensitivity_map_estimation": transforms(
                "estimate_sensitivity_maps", "sensitivity_maps_gaussian"
            ),
            "normalization": transforms("scaling_key", "scale_percentile"),
        },
    }


def masking(mask: MaskParams) -> dict[str, Any] | None:
    """Return DIRECT's nearest kind of mask; None, which DIRECT takes for no mask, without one."""
    return chosen(mask).direct(mask)


def write_export(folder: Path, engine: Engine, step: int, configuration: dict[str, Any]) -> None:
    """Write DIRECT's checkpoint and configuration into an existing folder."""
    Checkpointer(folder, model=engine.model, **engine.models).save(step)
    text = yaml.safe_dump(configuration, sort_keys=False)
    (folder / CONFIG).write_text(text, encoding="utf-8")


def step_of(configuration: dict[str, Any]) -> int:
    """Return after which step a member's weights were kept; 0 where it was not trained here."""
    return configuration["kept"]["step"] or 0


def check_free(folder: Path) -> None:
    """Raise `StudyError` if writing the folder would take away what is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError(
            f"{folder}: expected a new or empty folder, found something in its place;"
            " give --out another one"
        )


@entry_point
def main() -> None:
    """Write `model_<step>.pt`, `last_model.txt` and `config.yaml` to a new folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architecture", help="a key of section train in params.yaml")
    parser.add_argument("seed", type=int, help="member of the ensemble")
    parser.add_argument("--out", type=Path, required=True, help="new folder for DIRECT's files")
    arguments = parser.parse_args()
    member, out = trained_member(arguments.architecture, arguments.seed), arguments.out
    check_free(out)
    mask = MaskParams.load()
    engine = load_member(member, torch.device("cpu"))
    found = read_json(member / layout.CONFIGURATION)
    with atomic_directory(out) as folder:
        configuration = direct_configuration(found["train"], engine, mask)
        write_export(folder, engine, step_of(found), configuration)
