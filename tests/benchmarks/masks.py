"""Constant-density masks against the profile of the challenge's files, and the time of every kind.

python -m tests.benchmarks.masks [--seeds 20] [--tiny]
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.kspace.masks.catalogue import KINDS
from stages.kspace.masks.protocol import Target
from stages.kspace.masks.sampling import SamplingMask
from stages.params.mask import MaskParams
from tests.benchmarks.tiny import parsed
from tests.fabricated import ROOT

ACQUIRED = {170: 145, 174: 148, 180: 153}
RINGS = ((0, 18), (18, 22), (22, 26), (26, 32), (32, 40), (40, 50), (50, 60), (60, 75))
RINGS += ((75, 90), (90, 110), (110, 140))
# mean over the 100 masks of a file, about the centre of their disk: the same within .002 in every
# ring outside the disk, in all files
OFFICIAL = {5: 0.174, 10: 0.071}
DRAWN = ("variable_density_poisson", "equispaced", "random")


@dataclass(frozen=True)
class Drawn:
    """Masks of some seeds, and the seconds that each took."""

    masks: list[SamplingMask]
    seconds: list[float]


def draw(kind: str, width: int, acceleration: float, n_seeds: int) -> Drawn:
    """Draw masks of the challenge's matrix."""
    changes = {"kind": kind, "acceleration": acceleration}
    if kind in ("equispaced", "random"):
        options = MaskParams.load(ROOT / "params.yaml").random
        changes[kind] = options.model_copy(update={"center_fraction": 0.4 / acceleration})
    params = MaskParams.load(ROOT / "params.yaml").model_copy(update=changes)
    mask: Callable[[MaskParams, Target], SamplingMask] = KINDS[kind].mask
    masks, seconds = [], []
    for seed in range(n_seeds):
        begun = time.perf_counter()
        masks.append(mask(params, Target((218, width), ACQUIRED[width], seed)))
        seconds.append(time.perf_counter() - begun)
    return Drawn(masks, seconds)


def rings(masks: list[SamplingMask], width: int) -> list[float]:
    """Return the mean sampling probability in each of the `RINGS`, acquired columns alone."""
    probability = np.mean([one.mask for one in masks], axis=0)
    y, z = np.indices(probability.shape)
    distance = np.hypot(y - 109, z - width // 2)
    acquired = z < ACQUIRED[width]
    return [
        float(probability[(low <= distance) & (distance < high) & acquired].mean())
        for low, high in RINGS
    ]


def line(kind: str, width: int, acceleration: int, n_seeds: int) -> str:
    """Return a line of the table."""
    found = draw(kind, width, acceleration, n_seeds)
    accelerations = [one.acceleration_acquired for one in found.masks]
    profile = rings(found.masks, width)
    cells = [f"{kind:<25}{width:>4}{acceleration:>4}"]
    cells += [f"{min(accelerations):7.3f}{max(accelerations):7.3f}", f"{max(found.seconds):6.2f}"]
    cells += [f"{value:6.3f}" for value in profile]
    if kind == "uniform_poisson":
        worst = max(abs(value - OFFICIAL[acceleration]) for value in profile[1:])
        cells.append(f"  farthest from the official files {worst:.3f}")
    return "".join(cells)


def main(arguments: list[str] | None = None) -> None:
    """Print a line for each kind, matrix and acceleration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    n_seeds = parsed(parser, arguments, seeds=1).seeds
    heads = [f"{low}-{high}".rjust(6) for low, high in RINGS]
    print("kind".ljust(25) + "   W   R  lowest, highest R  s" + "".join(heads))
    for acceleration in OFFICIAL:
        for width in ACQUIRED:
            print(line("uniform_poisson", width, acceleration, n_seeds), flush=True)
        for kind in DRAWN:
            print(line(kind, 170, acceleration, min(n_seeds, 3)), flush=True)


if __name__ == "__main__":
    main()
