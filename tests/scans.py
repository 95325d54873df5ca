"""Tiny scans in the Calgary-Campinas convention, and a study folder around them."""

import importlib
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import yaml

from stages.kspace.formats.catalogue import write_scan
from stages.kspace.fourier import to_kspace
from stages.kspace.noise import CSF_LABEL
from stages.params.section import RECIPES
from tests.kernels import n_threads
from tests.settings import settings

ROOT = Path(__file__).parent.parent
GRID = (6, 24, 20)  # (n_slices, n_ky, n_kz)
N_COILS = 4
PARTIAL_FOURIER = 0.85
ARCHITECTURES = ("unet", "varnet", "rim")


def toy_head(grid: tuple[int, int, int] = GRID, seed: int = 0) -> np.ndarray:
    """Return a smooth head-like object, float32 of `grid`, brightest 1, dark outside."""
    rng = np.random.default_rng(seed)
    axes = [np.linspace(-1, 1, n) for n in grid]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    radius = np.sqrt((x / 2.0) ** 2 + (y / 0.8) ** 2 + (z / 0.75) ** 2)
    head = (radius < 1) * (0.6 + 0.3 * np.cos(7 * y + rng.uniform(0, 6)) * np.cos(5 * z + x))
    inner = np.sqrt((y - 0.1) ** 2 + z**2) < rng.uniform(0.2, 0.35)
    return np.where(inner, 0.3 * head, head).astype(np.float32)


def toy_coils(grid: tuple[int, int, int] = GRID, n_coils: int = N_COILS) -> np.ndarray:
    """Return smooth complex sensitivities (n_slices, n_coils, y, z) around the object."""
    y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in grid[1:]), indexing="ij")
    angles = 2 * np.pi * np.arange(n_coils) / n_coils
    maps = [
        np.exp(-((y - np.cos(a)) ** 2 + (z - np.sin(a)) ** 2) / 2 + 1j * (a + y * np.sin(a)))
        for a in angles
    ]
    return np.repeat(np.stack(maps)[None], grid[0], axis=0).astype(np.complex64)


def toy_kspace(
    grid: tuple[int, int, int] = GRID,
    n_coils: int = N_COILS,
    *,
    seed: int = 0,
    partial_fourier: float = PARTIAL_FOURIER,
) -> np.ndarray:
    """Return noisy k-space (n_slices, n_coils, n_ky, n_kz) of a toy head, complex64."""
    rng = np.random.default_rng(seed)
    kspace = to_kspace(toy_head(grid, seed)[:, None] * toy_coils(grid, n_coils))
    noise = rng.standard_normal((*kspace.shape, 2)) @ np.array([1, 1j])
    kspace = (kspace + 0.005 * noise).astype(np.complex64)
    kspace[..., int(np.ceil(partial_fourier * grid[2])) :] = 0
    return kspace


def fabricate_scan(path: Path, grid: tuple[int, int, int] = GRID, **options) -> np.ndarray:
    """Write one scan as a Calgary-Campinas file and return its k-space."""
    kspace = toy_kspace(grid, **options)
    write_scan(path, kspace)
    return kspace


def toy_labels(grid: tuple[int, int, int] = GRID) -> np.ndarray:
    """Return labels of a toy head: two tissues and outer CSF."""
    head = toy_head(grid)
    return np.where(head > 0.5, 2, np.where(head > 0.1, 3, np.where(head > 0, CSF_LABEL, 0)))


def tiny_params(**changes: object) -> dict:
    """Return the project's parameters for scans of `GRID`; dotted names change single values."""
    params = deepcopy(settings("ci"))
    params["ensembles"] |= {"unet": [0, 1], "varnet": [0, 1], "rim": [0, 1], "noise": [0, 1]}
    params["draws"] = {}
    params["compute"] |= {"device": "cpu", "threads": n_threads(), "workers": 1}
    params["data"] |= {"n_coils": N_COILS, "partial_fourier": PARTIAL_FOURIER}
    params["mask"]["acceleration"] = 3.0
    params["mask"]["uniform_poisson"] |= {"center_fraction": 0.06, "tolerance": 0.02}
    params["mask"]["variable_density_poisson"] |= {"center_fraction": 0.06, "tolerance": 0.02}
    for architecture in ARCHITECTURES:
        params["train"][architecture] |= {
            "steps": 4,
            "crop_outer_slices": [1, 1],
            "snapshot_interval": 2,
            "validation_slices": 1,
        }
    for dotted, value in changes.items():
        *path, key = dotted.split(".")
        part = params
        for name in path:
            part = part[name]
        part[key] = value
    return params


def write_toy_params(root: Path, **changes: object) -> None:
    """Write the params.yaml of a tiny study."""
    text = yaml.safe_dump(tiny_params(**changes), sort_keys=False)
    (root / "params.yaml").write_text(text, encoding="utf-8")
    shutil.copy(ROOT / RECIPES, root)


def write_toy_study(root: Path, n_train: int = 2, n_validation: int = 1) -> None:
    """Write scans and params.yaml of a tiny study below `root`."""
    for k in range(n_train):
        fabricate_scan(root / f"data/train/e1s{k}_P{k}.7.h5", seed=k)
    for k in range(n_validation):
        fabricate_scan(root / f"data/validation/e2s{k}_P{k}.7.h5", seed=100 + k)
    write_toy_params(root)


def run(script: str, *arguments: object) -> None:
    """Run a script as the command line would."""
    before = sys.argv
    sys.argv = [script, *map(str, arguments)]
    try:
        importlib.import_module(f"stages.{script}").main()
    finally:
        sys.argv = before
