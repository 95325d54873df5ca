"""Which weight file a name means."""

from pathlib import Path

import torch

from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.posteriors import Segmenter
from stages.study.errors import StudyError
from stages.study.layout import WEIGHTS

EMBEDDED = "embedded"
EMBEDDED_FILE = WEIGHTS / "embedded.npz"


def weight_file(weights: str) -> Path:
    """The file of the weights that a name or a path stands for."""
    return EMBEDDED_FILE if weights == EMBEDDED else Path(weights)


def open_model(weights: str, mode: str) -> model.Model:
    """Read weights: `embedded`, a file written by the study (`.npz`), or an official one (`.h5`).

    Raises:
        StudyError: if the file cannot be used in this mode.
    """
    path = weight_file(weights)
    if path.suffix == ".npz":
        found = model.load(path)
        if mode == "robust" and "l2l" not in found.networks:
            raise StudyError(
                f"{path}: holds no cascade for the robust mode; use the standard mode"
                " (segment.mode) or SynthSeg's official robust weights"
            )
        return found
    if path.suffix not in (".h5", ".hdf5"):
        raise StudyError(
            f"{path}: expected 'embedded', an official .h5 file or an .npz file of the study"
        )
    from stages.segmenters.synthseg import keras

    return keras.load(path, mode)


def open_segmenter(weights: str, mode: str, device: torch.device, *, fast: bool) -> Segmenter:
    """Weights on a device, ready for many images."""
    return Segmenter(open_model(weights, mode), device, fast=fast)
