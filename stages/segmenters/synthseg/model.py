"""A segmenter: its networks, its labels and the recipe that goes with them; and its file format."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from stages.segmenters.preprocess import Recipe
from stages.segmenters.synthseg.network import Architecture, UNet
from stages.storage.archives import read_arrays
from stages.storage.files import atomic_path
from stages.storage.reading import Kind, reading
from stages.storage.text import parse_json
from stages.study.errors import StudyError

FORMAT = "synthseg-networks-1"
WEIGHTS = Kind(
    "weights written by the study",
    "correct the path",
    "restore it with `git checkout` or `dvc repro`",
)
LARGEST_BYTES = 1 << 30  # unpacked; the official cascade has 160 MB
HALF = ("first.weight", "second.weight")  # kernels; running statistics can exceed half precision


@dataclass(frozen=True)
class Model:
    """Networks by name in the order of their use, and what their channels mean.

    networks: `unet` alone, or `unet`, `l2l` and `unet2` of the robust cascade.
    labels: FreeSurfer id of every channel of the last network, background first.
    names: name of every channel but the background, as in the volume table.
    topology: class of every channel for the topological clean-up; empty for none.
    mirrored: whether the mirrored image is segmented too.
    """

    networks: dict[str, UNet]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    recipe: Recipe = field(default_factory=Recipe)
    topology: tuple[int, ...] = ()
    mirrored: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)


def save(path: Path, model: Model) -> None:
    """Write networks (kernels in half precision), labels and recipe to one `.npz`, no pickles."""
    header = {
        "format": FORMAT,
        "networks": {name: asdict(net.architecture) for name, net in model.networks.items()},
        "labels": model.labels,
        "names": model.names,
        "recipe": asdict(model.recipe),
        "topology": model.topology,
        "mirrored": model.mirrored,
        "training": dict(model.training),
    }
    arrays: dict[str, Any] = {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}
    for name, net in model.networks.items():
        for key, value in net.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                half = key.endswith(HALF) and value.ndim == 5
                arrays[f"{name}.{key}"] = value.numpy().astype(np.float16 if half else np.float32)
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def load(path: Path) -> Model:
    """Read a file written by `save`; raise `StudyError` if it is missing, damaged or incomplete."""
    arrays = read_arrays(path, WEIGHTS, LARGEST_BYTES)
    with reading(path, WEIGHTS):
        header = parse_json(arrays.pop("header").tobytes().decode())
        if header["format"] != FORMAT:
            raise StudyError(f"{path}: expected format {FORMAT}, got {header['format']}")
        networks = {
            name: network_of(path, name, _architecture(shape), arrays)
            for name, shape in header["networks"].items()
        }
        check_channels(header, networks)
        return Model(
            networks,
            tuple(header["labels"]),
            tuple(header["names"]),
            TypeAdapter(Recipe).validate_python(header["recipe"]),
            tuple(header["topology"]),
            bool(header["mirrored"]),
            dict(header["training"]),
        )


def check_channels(header: Mapping[str, Any], networks: Mapping[str, UNet]) -> None:
    """Raise `ValueError` unless labels and names are one for each channel of the last network."""
    n_channels = list(networks.values())[-1].architecture.n_outputs
    labels, names = TypeAdapter(tuple[list[int], list[str]]).validate_python(
        (header["labels"], header["names"])
    )
    if len(labels) != n_channels or len(names) != n_channels - 1:
        raise ValueError(f"{len(labels)} labels and {len(names)} names of {n_channels} channels")


def network_of(
    path: Path, name: str, architecture: Architecture, arrays: Mapping[str, np.ndarray]
) -> UNet:
    """Build a network and fill it strictly: missing, extra and misshapen arrays are errors.

    Args:
        path: file, for messages.
        name: prefix of the network's arrays.
        arrays: `<name>.<parameter>` -> values; those of other prefixes are ignored.
    """
    with torch.device("meta"):  # nothing is drawn or allocated that would be overwritten
        network = UNet(architecture)
    wanted = {k: v for k, v in network.state_dict().items() if not k.endswith("batches_tracked")}
    found = {k.removeprefix(f"{name}."): v for k, v in arrays.items() if k.startswith(f"{name}.")}
    for key in sorted(wanted.keys() ^ found.keys()):
        fault = "misses" if key in wanted else "has the unknown"
        raise StudyError(f"{path}: {fault} array '{name}.{key}'; take a complete file")
    for key, value in wanted.items():
        if tuple(value.shape) != found[key].shape:
            shapes = f"expected shape {tuple(value.shape)}, got {found[key].shape}"
            raise StudyError(f"{path}: array '{name}.{key}': {shapes}")
        if not np.isfinite(found[key]).all():
            raise StudyError(f"{path}: array '{name}.{key}': expected finite values, got NaN")
    state = {
        key: torch.from_numpy(value.astype(np.float32, copy=False)) for key, value in found.items()
    }
    state |= {key: torch.tensor(0) for key in network.state_dict() if key not in wanted}
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _architecture(shape: dict[str, Any]) -> Architecture:
    tuples = {key: tuple(shape[key]) for key in ("features", "skips")}
    return Architecture(**shape | tuples)
