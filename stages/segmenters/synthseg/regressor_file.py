"""SynthSeg's official weights of the quality scores: a Keras `.h5` file, read strictly.

Layers of the encoder are known by their names, `qc_conv_downarm_<level>_<number>` and
`qc_bn_down_<level>`, which are those of the U-Nets with the prefix `qc`. All others are known by
their shapes: a projection is a kernel of one voxel whose name ends in the number of a level and
that leads from its input to its output; what is left, in the order of the file, are the last
convolutions. A file whose channels do not meet is refused, and so is one with anything else in it.
"""

import re
from pathlib import Path

import numpy as np
import torch

from stages.segmenters.synthseg.keras import CONVOLUTION, NORM, Layers, read_layers
from stages.segmenters.synthseg.regressor import REGIONS, Convolution, Norm, Regressor, Stage
from stages.study.errors import StudyError
from stages.study.structures import SYNTHSEG_LABELS

ENCODER = re.compile(r"qc_conv_downarm_(\d{1,2})_(\d{1,2})")
NORMS = re.compile(r"qc_bn_down_(\d{1,2})")
LEVEL = re.compile(r"qc_.*_(\d{1,2})")
ADVICE = "take the official file (synthseg_qc_2.0.h5)"


def load(path: Path) -> Regressor:
    """Read the network that predicts quality scores; sizes are taken from the shapes.

    Raises:
        StudyError: if the file is missing or damaged, or if a layer is missing, unknown, of the
            wrong shape or not finite.
    """
    layers = read_layers(path)
    check_layers(path, layers)
    levels = encoder_levels(path, layers)
    check_norms(path, layers, levels)
    projections = projections_of(layers, levels)
    stages = tuple(
        stage_of(layers, names, level, projections) for level, names in enumerate(levels)
    )
    used = {name for names in levels for name in names} | set(projections.values())
    last = [name for name in layers if name not in used and not NORMS.fullmatch(name)]
    if not last:
        raise StudyError(f"{path}: misses the layers after the encoder; {ADVICE}")
    network = Regressor(stages, tuple(convolution(layers[name]) for name in last))
    check_chain(path, layers, [*(name for names in levels for name in names), *last])
    check_residuals(path, network)
    return network


def check_layers(path: Path, layers: Layers) -> None:
    """Raise `StudyError` for layers of other networks, and arrays that are none of a layer."""
    for name, arrays in layers.items():
        if not name.startswith("qc_"):
            raise StudyError(f"{path}: has the unknown layer '{name}'; {ADVICE}")
        parts = NORM if NORMS.fullmatch(name) else CONVOLUTION
        if len(arrays) != len(parts):
            raise StudyError(
                f"{path}: layer '{name}': expected {len(parts)} arrays, got {len(arrays)}; {ADVICE}"
            )
        if not all(np.isfinite(values).all() for values in arrays):
            raise StudyError(f"{path}: layer '{name}': expected finite values, got NaN; {ADVICE}")
        kernel, bias = arrays[0], arrays[-1]
        if parts is CONVOLUTION and not (
            kernel.ndim == 5
            and kernel.shape[0] % 2 == 1
            and set(kernel.shape[:3]) == {kernel.shape[0]}
            and bias.shape == kernel.shape[4:]
        ):
            shapes = " and ".join(str(values.shape) for values in arrays)
            raise StudyError(
                f"{path}: layer '{name}': expected a cubic kernel of odd sides and a bias, got"
                f" shapes {shapes}; {ADVICE}"
            )


def encoder_levels(path: Path, layers: Layers) -> list[list[str]]:
    """Return the names of the convolutions of each level, in their order."""
    found = sorted(
        (int(match[1]), int(match[2]), name)
        for name in layers
        if (match := ENCODER.fullmatch(name))
    )
    levels: list[list[str]] = []
    for level, number, name in found:
        here = levels and level == len(levels) - 1
        wanted = (level, len(levels[-1])) if here else (len(levels), 0)
        if (level, number) != wanted:
            raise missing(path, *wanted)
        if number == 0:
            levels.append([])
        levels[-1].append(name)
    if not levels:
        raise missing(path, 0, 0)
    return levels


def missing(path: Path, level: int, number: int) -> StudyError:
    """Return the fault of a file without a convolution of the encoder."""
    return StudyError(f"{path}: misses the layer 'qc_conv_downarm_{level}_{number}'; {ADVICE}")


def projections_of(layers: Layers, levels: list[list[str]]) -> dict[int, str]:
    """Return level -> name of the kernel of one voxel from its input to its output."""
    encoder = {name for names in levels for name in names}
    found = {}
    for name, arrays in layers.items():
        match = LEVEL.fullmatch(name)
        if name in encoder or NORMS.fullmatch(name) or not match or int(match[1]) >= len(levels):
            continue
        own = levels[int(match[1])]
        ends = (layers[own[0]][0].shape[3], layers[own[-1]][0].shape[4])
        if arrays[0].shape == (1, 1, 1, *ends) and int(match[1]) not in found:
            found[int(match[1])] = name
    return found


def stage_of(layers: Layers, names: list[str], level: int, projections: dict[int, str]) -> Stage:
    """Return one level of the encoder."""
    norm = layers.get(f"qc_bn_down_{level}")
    projection = projections.get(level)
    return Stage(
        tuple(convolution(layers[name]) for name in names),
        bool(projections),
        None if projection is None else convolution(layers[projection]),
        None if norm is None else Norm.of(norm),
    )


def convolution(arrays: list[np.ndarray]) -> Convolution:
    """Return a convolution of a kernel (x, y, z, in, out) and a bias (out,)."""
    kernel, bias = arrays
    weight = torch.from_numpy(np.ascontiguousarray(kernel.transpose(4, 3, 0, 1, 2)))
    return Convolution(weight, torch.from_numpy(bias))


def check_chain(path: Path, layers: Layers, names: list[str]) -> None:
    """Raise `StudyError` unless each convolution takes what the one before it gives.

    Args:
        path: file, for messages.
        layers: of the file.
        names: of the convolutions, in the order of their use.
    """
    given, whose = len(SYNTHSEG_LABELS), "posteriors of SynthSeg's labels"
    for name in names:
        takes, gives = layers[name][0].shape[3:]
        if takes != given:
            raise StudyError(
                f"{path}: layer '{name}': expected {given} inputs, the {whose}, got {takes};"
                f" {ADVICE}"
            )
        given, whose = gives, f"outputs of '{name}'"
    if given != len(REGIONS):
        raise StudyError(
            f"{path}: layer '{names[-1]}': expected {len(REGIONS)} outputs, one for each region,"
            f" got {given}; {ADVICE}"
        )


def check_norms(path: Path, layers: Layers, levels: list[list[str]]) -> None:
    """Raise `StudyError` for a normalisation of no level, or of other channels than its level's."""
    for name, arrays in layers.items():
        if not (match := NORMS.fullmatch(name)):
            continue
        level = int(match[1])
        width = layers[levels[level][-1]][0].shape[4] if level < len(levels) else 0
        shapes = {values.shape for values in arrays}
        if shapes != {(width,)}:
            got = ", ".join(map(str, sorted(shapes)))
            raise StudyError(
                f"{path}: layer '{name}': expected arrays of {width} values, got shapes {got};"
                f" {ADVICE}"
            )


def check_residuals(path: Path, network: Regressor) -> None:
    """Raise `StudyError` for a residual connection of two widths without a projection."""
    for level, stage in enumerate(network.stages):
        given = stage.convolutions[0].weight.shape[1]
        wanted = stage.convolutions[-1].weight.shape[0]
        if stage.residual and stage.projection is None and given != wanted:
            raise StudyError(
                f"{path}: misses the projection of level {level}, from {given} to {wanted}"
                f" channels, which other levels have; {ADVICE}"
            )
