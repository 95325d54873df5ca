"""Small weights of a segmentation network and a parcellation that fit together."""

from pathlib import Path

from stages.segmenters.preprocess import Recipe
from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.network import Architecture
from stages.study.structures import SYNTHSEG_LABELS, SYNTHSEG_NAMES
from tests.segmenters.conftest import random_network
from tests.segmenters.synthseg.official import parcellation_layers, write_layers


def fine_model() -> model.Model:
    """Return all labels of SynthSeg at 1 mm on a small grid, much of it cortex."""
    network = random_network(Architecture(1, len(SYNTHSEG_LABELS), (2, 3)))
    for label in (3, 42):
        network.likelihood.bias[SYNTHSEG_LABELS.index(label)] += 4
    recipe = Recipe(voxel_size_mm=1.0, multiple=16, minimum=0, blur=0.0, floor=0.0)
    return model.Model({"unet": network}, SYNTHSEG_LABELS, SYNTHSEG_NAMES, recipe)


def write_further(folder: Path) -> Path:
    """Write a segmentation network and a parcellation."""
    model.save(folder / "fine.npz", fine_model())
    write_layers(folder / "parc.h5", parcellation_layers(1))
    return folder
