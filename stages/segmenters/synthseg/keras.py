"""The official SynthSeg 2.0 weights: Keras `.h5` files, read with h5py alone."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stages.segmenters.synthseg.labels import SYNTHSEG_TOPOLOGY
from stages.segmenters.synthseg.model import Model, network_of
from stages.segmenters.synthseg.network import Architecture, UNet
from stages.storage.hdf5 import check_stored
from stages.storage.reading import Kind, reading
from stages.study.errors import StudyError
from stages.study.parcels import PARCEL_LABELS
from stages.study.structures import SYNTHSEG_LABELS, SYNTHSEG_NAMES

N_LEVELS = 5
PARCELLATION = "unet_parc"
KERNEL = {"unet": 3, "l2l": 5, "unet2": 3, PARCELLATION: 3}
PARCELLATION_INPUTS = 3  # the image, what is not cortex, the cortex
SKIPS = {"l2l": (False, False, True, True)}  # the denoiser has none at its two finest levels
NETWORKS = {"standard": ("unet",), "robust": ("unet", "l2l", "unet2")}
CONVOLUTION = ("weight", "bias")
NORM = ("weight", "bias", "running_mean", "running_var")

KERAS = Kind(
    "a Keras weight file, SynthSeg's official one",
    "check the path: docs/segmentation.md says where it comes from",
    "download it again",
)

Layers = dict[str, list[np.ndarray]]


def load(path: Path, mode: str) -> Model:
    """Read the networks of one mode (`standard`, `robust`); the width is taken from the shapes.

    Raises:
        StudyError: if the file is missing or damaged, of the other mode, or if a layer is missing,
            unknown or of the wrong shape.
    """
    layers = read_layers(path)
    prefixes = NETWORKS[mode]
    check_mode(path, mode, layers)
    networks = networks_of(path, prefixes, layers)
    n_outputs = networks[prefixes[-1]].architecture.n_outputs
    if n_outputs != len(SYNTHSEG_LABELS):
        raise StudyError(f"{path}: expected {len(SYNTHSEG_LABELS)} labels, got {n_outputs}")
    if mode == "robust":
        return Model(networks, SYNTHSEG_LABELS, SYNTHSEG_NAMES)
    return Model(
        networks, SYNTHSEG_LABELS, SYNTHSEG_NAMES, topology=SYNTHSEG_TOPOLOGY, mirrored=True
    )


def load_parcellation(path: Path) -> UNet:
    """Read the network that divides the cortex into parcels; its width is taken from the shapes.

    Raises:
        StudyError: as `load`, or if it has other inputs than `PARCELLATION_INPUTS` or another
            number of outputs than background and parcels.
    """
    network = networks_of(path, (PARCELLATION,), read_layers(path))[PARCELLATION]
    found = network.architecture.n_inputs, network.architecture.n_outputs
    expected = PARCELLATION_INPUTS, 1 + len(PARCEL_LABELS)
    if found != expected:
        raise StudyError(
            f"{path}: expected a parcellation of {expected[0]} inputs and {expected[1]} outputs,"
            f" got {found[0]} and {found[1]}; take the official file"
        )
    return network


def networks_of(path: Path, prefixes: tuple[str, ...], layers: Layers) -> dict[str, UNet]:
    """Return the networks of some prefixes, the only ones in a file; by prefix."""
    arrays: dict[str, np.ndarray] = {}
    for prefix in prefixes:
        arrays |= convert(path, prefix, layers)
    known = {name for prefix in prefixes for name in layer_names(prefix)}
    for name in sorted(layers.keys() - known):
        raise StudyError(f"{path}: has the unknown layer '{name}'; take the official file")
    return {p: network_of(path, p, infer(path, p, layers), arrays) for p in prefixes}


def read_layers(path: Path) -> Layers:
    """Layer name -> its arrays in Keras' order; layers without weights are left out."""
    with reading(path, KERAS), h5py.File(path, "r") as file:
        root = file
        if "layer_names" not in file.attrs and "model_weights" in file:
            root = file["model_weights"]
        names = _texts(root.attrs["layer_names"])
        layers = {name: _arrays(root[name], path) for name in names}
    return {name: arrays for name, arrays in layers.items() if arrays}


def check_mode(path: Path, mode: str, layers: Layers) -> None:
    """Raise `StudyError` if the file holds the networks of the other mode."""
    robust = any(name.startswith(("l2l_", "unet2_")) for name in layers)
    found = "robust" if robust else "standard"
    if found != mode and layers:
        raise StudyError(
            f"{path}: expected weights of the {mode} mode, got those of the {found} mode;"
            f" use --mode {found} (segment.mode) or the other file"
        )


def layer_names(prefix: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Keras layer -> (name of the module in `UNet`, its arrays in Keras' order)."""
    names: dict[str, tuple[str, tuple[str, ...]]] = {}
    for level in range(N_LEVELS):
        for number, part in enumerate(("first", "second")):
            names[f"{prefix}_conv_downarm_{level}_{number}"] = (f"down.{level}.{part}", CONVOLUTION)
        names[f"{prefix}_bn_down_{level}"] = (f"down.{level}.norm", NORM)
    for step in range(N_LEVELS - 1):
        level = N_LEVELS - 2 - step
        for number, part in enumerate(("first", "second")):
            keras = f"{prefix}_conv_uparm_{N_LEVELS + step}_{number}"
            names[keras] = (f"up.{level}.{part}", CONVOLUTION)
        names[f"{prefix}_bn_up_{step}"] = (f"up.{level}.norm", NORM)
    names[f"{prefix}_likelihood"] = ("likelihood", CONVOLUTION)
    return names


def convert(path: Path, prefix: str, layers: Layers) -> dict[str, np.ndarray]:
    """Arrays by the names of `UNet`; kernels (x, y, z, in, out) -> (out, in, x, y, z)."""
    arrays = {}
    for keras, (module, parts) in layer_names(prefix).items():
        if keras not in layers:
            raise StudyError(f"{path}: misses the layer '{keras}'; take the official file")
        if len(layers[keras]) != len(parts):
            got = len(layers[keras])
            raise StudyError(f"{path}: layer '{keras}': expected {len(parts)} arrays, got {got}")
        for part, values in zip(parts, layers[keras], strict=True):
            kernel = values.ndim == 5
            arrays[f"{prefix}.{module}.{part}"] = (
                values.transpose(4, 3, 0, 1, 2) if kernel else values
            )
    return arrays


def infer(path: Path, prefix: str, layers: Layers) -> Architecture:
    """Width and channels of a network from the shapes of its first and last kernels."""
    first = layers[f"{prefix}_conv_downarm_0_0"][0]
    last = layers[f"{prefix}_likelihood"][0]
    if first.ndim != 5 or last.ndim != 5:
        raise StudyError(f"{path}: layer '{prefix}_conv_downarm_0_0': expected a 3D kernel")
    features = tuple(first.shape[4] * 2**level for level in range(N_LEVELS))
    skips = SKIPS.get(prefix, (True,) * (N_LEVELS - 1))
    return Architecture(first.shape[3], last.shape[4], features, KERNEL[prefix], skips)


def _arrays(group: Any, path: Path) -> list[np.ndarray]:
    found = [group[name] for name in _texts(group.attrs["weight_names"])]
    for dataset in found:
        if dataset.dtype.kind != "f":
            raise ValueError(f"'{dataset.name}' holds {dataset.dtype}, no real numbers")
        check_stored(dataset, path)
    return [np.asarray(dataset, np.float32) for dataset in found]


def _texts(values: Any) -> list[str]:
    # Keras 2.3 wrote fixed-length strings (bytes), later versions variable-length ones (str)
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values]
