"""How much of a known deformation the stage `deformation` finds, on a scan of a finished study.

python -m tests.benchmarks.deformation [--seed 0] [--tiny]

The fully sampled image of the first scan is deformed by smooth random fields and by one that lets
everything grow, and registered to itself with the study's parameters. Prints, over structures, the
slope of the changes found on the true ones, and their correlation.
"""

import argparse
import tempfile
from contextlib import chdir, nullcontext
from pathlib import Path

import numpy as np
from nibabel.affines import voxel_sizes
from scipy.ndimage import gaussian_filter, map_coordinates

from stages.measures.deformation import (
    Registration,
    brain_box,
    change_table,
    displacement,
    jacobian,
)
from stages.measures.members import load_reference, scans
from stages.measures.voxelwise import number_table, structure_numbers
from stages.params.deformation import DeformationParams
from stages.study import layout
from stages.study.structures import LABELS
from tests.benchmarks.tiny import parsed
from tests.fabricated import Study, write_study

GROWTH = 0.01  # of every length
SMOOTH_MM = (10.0, 5.0, 3.0)  # SD of the Gaussian that smooths a random field
SHIFT = 0.06  # SD of its displacements along each axis, part of `SMOOTH_MM`
NOISE = (0.0, 0.03)  # of the deformed image, part of white matter
INVERSION_STEPS = 6  # of the fixed-point iteration that turns a field around


def sampled(volume: np.ndarray, places: np.ndarray, order: int) -> np.ndarray:
    """Return a volume at places (..., 3) in voxels."""
    return map_coordinates(volume, np.moveaxis(places, -1, 0), order=order, mode="nearest")


def true_determinant(pull: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the determinant of the map whose inverse is y -> y + pull(y), pull (i, j, k, 3) mm."""
    slopes = [np.stack(np.gradient(pull[..., a], *sizes), axis=-1) for a in range(3)]
    inverse = 1.0 / np.linalg.det(np.eye(3) + np.stack(slopes, axis=-2))
    grid = np.stack(np.indices(pull.shape[:3]), axis=-1).astype(np.float64)
    places = grid
    for _ in range(INVERSION_STEPS):
        moved = [sampled(pull[..., a], places, 1) for a in range(3)]
        places = grid - np.stack(moved, axis=-1) / sizes
    return sampled(inverse, places, 1)


def fields(shape: tuple[int, ...], sizes: np.ndarray, rng: np.random.Generator) -> dict:
    """Return name -> field (i, j, k, 3) in mm."""
    middle = (np.array(shape) - 1) / 2
    grid = (np.stack(np.indices(shape), axis=-1) - middle) * sizes
    found = {f"growth by {GROWTH:.0%}": -grid * GROWTH / (1 + GROWTH)}
    for smooth in SMOOTH_MM:
        rough = [gaussian_filter(rng.normal(size=shape), smooth / sizes) for _ in range(3)]
        field = np.stack(rough, axis=-1)
        found[f"smooth over {smooth:g} mm"] = field * SHIFT * smooth / field.std()
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print one line a field and strength of noise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    options = parsed(parser, arguments)
    with tempfile.TemporaryDirectory() if options.tiny else nullcontext() as folder:
        if folder:
            with chdir(folder):
                write_study(Path(), Study(n_members=1, n_draws=1, n_scans=1))
                report(options.seed)
        else:
            report(options.seed)


def report(seed: int) -> None:
    """Print the lines of the study in the current directory."""
    rng = np.random.default_rng(seed)
    scan, params = load_reference(scans()[0]), DeformationParams.load()
    sizes = voxel_sizes(scan.affine)
    numbers = structure_numbers(scan.labels, number_table(LABELS))
    box = brain_box(numbers, tuple(sizes), params.margin_mm)
    numbers, image = numbers[box], scan.image[box] / scan.scale
    how = Registration(**params.model_dump(exclude={"margin_mm"}))
    print(f"{layout.image('reference', 0, scan.subject)}: changes in %, over structures")
    for name, pull in fields(image.shape, sizes, rng).items():
        grid = np.stack(np.indices(image.shape), axis=-1)
        deformed = sampled(image, grid + pull / sizes, 3)
        true = change_table(true_determinant(pull, sizes), numbers, list(LABELS))["change"]
        for noise in NOISE:
            noisy = deformed + noise * rng.normal(size=image.shape)
            field = displacement(image, noisy, tuple(sizes), how)
            found = change_table(jacobian(field), numbers, list(LABELS))["change"]
            slope, r = (true @ found) / (true @ true), np.corrcoef(true, found)[0, 1]
            told = f"slope {slope:.2f}, from {found.min():.1f} to {found.max():.1f}"
            alike = "" if np.ptp(true) < 0.1 else f", correlation {r:.2f}"
            print(f"{name}, noise {noise:.0%}: {told}{alike}")


if __name__ == "__main__":
    main()
