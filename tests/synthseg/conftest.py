"""Tiny networks and images."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.images import affine, save_volume
from stages.synthseg import model
from stages.synthseg.labels import MERGED_LABELS, merged_name
from stages.synthseg.network import Architecture, UNet, initialise
from tests.kernels import n_threads
from tests.tolerances import nudged

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    torch.set_num_threads(n_threads())


def random_network(architecture: Architecture, seed: int = 0) -> UNet:
    """A network in evaluation mode whose batch norms are far from the identity."""
    generator = torch.Generator().manual_seed(seed)
    network = UNet(architecture)
    initialise(network, generator)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            shape = module.running_mean.shape
            module.running_mean.copy_(torch.randn(shape, generator=generator))
            module.running_var.copy_(torch.rand(shape, generator=generator) + 0.5)
            module.weight.data.copy_(torch.randn(shape, generator=generator))
            module.bias.data.copy_(torch.randn(shape, generator=generator))
    return network.eval().requires_grad_(False)


def exactly(network: UNet, x: torch.Tensor) -> torch.Tensor:
    """Return the logits of the literal network in float64."""
    return deepcopy(network).double()(x.double())


def nearby(x: torch.Tensor, n: int = 4) -> list[torch.Tensor]:
    """Return copies of an image whose last bits differ."""
    return [torch.from_numpy(nudged(x.numpy(), seed)) for seed in range(n)]


@pytest.fixture(scope="session")
def tiny_model() -> model.Model:
    """Merged labels, two levels of two and three features, 2 mm."""
    network = random_network(Architecture(1, len(MERGED_LABELS), (2, 3)))
    names = tuple(merged_name(label) for label in MERGED_LABELS[1:])
    recipe = model.Recipe(voxel_size_mm=2.0, multiple=2, minimum=0, blur=0.0)
    return model.Model({"unet": network}, MERGED_LABELS, names, recipe, training={"seed": 0})


@pytest.fixture(scope="session")
def native_weights(tiny_model: model.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for images at 1 mm."""
    recipe = replace(tiny_model.recipe, voxel_size_mm=1.0)
    path = tmp_path_factory.mktemp("weights") / "native.npz"
    model.save(path, replace(tiny_model, recipe=recipe))
    return path


@pytest.fixture(scope="session")
def tiny_weights(tiny_model: model.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("weights") / "tiny.npz"
    model.save(path, tiny_model)
    return path


@pytest.fixture
def write_image() -> Callable[..., np.ndarray]:
    """Write a random image and return it."""

    def write(path: Path, shape: tuple[int, int, int] = (9, 12, 10), codes: str = "SAR"):
        data = np.random.default_rng(3).random(shape, np.float32)
        save_volume(path, data, affine(shape, (2.0, 2.0, 2.0), codes))
        return data

    return write
