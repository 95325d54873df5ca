"""Files like SynthSeg's official weights: Keras' layout, random values, any width."""

from pathlib import Path

import h5py
import numpy as np

from stages.segmenters.synthseg.keras import (
    KERNEL,
    N_LEVELS,
    NETWORKS,
    PARCELLATION,
    SKIPS,
    Layers,
    layer_names,
)
from stages.segmenters.synthseg.network import Architecture, UNet
from stages.study.structures import SYNTHSEG_LABELS

WIDTH = {
    "unet": 24,
    "l2l": 16,
    "unet2": 24,
    PARCELLATION: 24,
}  # features of the finest level in the official files
N_GROUPS = 5  # tissue groups of the robust cascade


def architecture(prefix: str, mode: str, width: int) -> Architecture:
    """Shape of one network of a mode."""
    n_structures = len(SYNTHSEG_LABELS)
    n_inputs = {"unet": 1, "l2l": N_GROUPS, "unet2": 1 + N_GROUPS, PARCELLATION: 3}[prefix]
    n_outputs = n_structures if prefix == "unet2" or mode == "standard" else N_GROUPS
    n_outputs = 69 if prefix == PARCELLATION else n_outputs
    features = tuple(width * 2**level for level in range(N_LEVELS))
    skips = SKIPS.get(prefix, (True,) * (N_LEVELS - 1))
    return Architecture(n_inputs, n_outputs, features, KERNEL[prefix], skips)


def arrays_of(prefix: str, mode: str, width: int, rng: np.random.Generator) -> Layers:
    """Keras layer -> its arrays: He's kernels, batch norms away from the identity."""
    network = UNet(architecture(prefix, mode, width))
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    layers: Layers = {}
    for keras, (module, parts) in layer_names(prefix).items():
        layers[keras] = []
        for part in parts:
            shape = shapes[f"{module}.{part}"]
            if len(shape) == 5:
                fan_in = np.prod(shape[1:])
                kernel = rng.normal(0, np.sqrt(2 / fan_in), shape)
                layers[keras].append(kernel.transpose(2, 3, 4, 1, 0))
            else:
                positive = part == "running_var" or (part == "weight" and "bn" in keras)
                layers[keras].append(rng.uniform(0.5, 1.5, shape) if positive
                                     else rng.normal(0, 0.1, shape))  # fmt: skip
    return layers


def write(path: Path, mode: str, widths: dict[str, int] | None = None, seed: int = 0) -> Path:
    """Write the file of a mode and return its path; official widths unless told otherwise."""
    rng = np.random.default_rng(seed)
    widths = widths or WIDTH
    layers: Layers = {}
    for prefix in NETWORKS[mode]:
        layers |= arrays_of(prefix, mode, widths[prefix], rng)
    return write_layers(path, layers)


def write_layers(path: Path, layers: Layers) -> Path:
    """Write layers in Keras' layout, as float32, and return the path."""
    with h5py.File(path, "w") as file:
        for layer, arrays in layers.items():
            group = file.create_group(layer)
            keys = [f"{layer}/{number}:0" for number in range(len(arrays))]
            group.attrs["weight_names"] = np.array(keys, "S")
            for key, values in zip(keys, arrays, strict=True):
                group[key] = np.asarray(values, np.float32)
        file.attrs["layer_names"] = np.array(list(layers), "S")
    return path


def parcellation_layers(width: int = WIDTH[PARCELLATION], seed: int = 0) -> Layers:
    """Return the layers of the parcellation network."""
    return arrays_of(PARCELLATION, "standard", width, np.random.default_rng(seed))


def drop_layer(file: h5py.File) -> None:
    """Leave a batch norm out of the list of layers."""
    file.attrs["layer_names"] = [n for n in file.attrs["layer_names"] if n != "unet_bn_up_2"]


def add_layer(file: h5py.File) -> None:
    """List a layer that the network does not have."""
    file.copy("unet_bn_up_2", "unet_bn_up_9")
    file.attrs["layer_names"] = [*file.attrs["layer_names"], "unet_bn_up_9"]
