"""Noise maps against replicas of the same slices: correlation of the SD, and CPU time.

python -m tests.benchmarks.noise_map [--tiny] [--models /path/to/study]

Both hold sensitivities and scale or, with `--full`, replicas estimate them anew. The correlation
with the SD of all replicas is printed as it is, and divided by its noise ceiling, the square root
of the reliability of that SD (split halves, Spearman and Brown), over all voxels and over those of
the head. Networks are freshly initialised, or the members 0 of a study.
"""

import argparse
import os
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import torch

from stages.recon.inference import Learned, learned
from stages.recon.learned.checkpoints import load_member, trained_member
from stages.recon.learned.networks import build_engine, network_options, set_training
from stages.recon.noise_map import coloured, held, probed_variance, random_signs, smoothed
from stages.recon.physics import DeviceMask
from tests.benchmarks.direct import N_COILS, Case, scans_and_masks, write_scans
from tests.benchmarks.tiny import parsed
from tests.benchmarks.training import ARCHITECTURES, SMALL, TINY, prepare

PROBES = {"unet": 26, "varnet": 18, "rim": 15}  # what a fifth of the time of 200 replicas allows
SIGMA, HEAD = 0.005, 0.25  # of the toy scans; fraction of the largest intensity
CPU = torch.device("cpu")


def network(name: str, models: str | None) -> Learned:
    """Return the reconstruction by a network."""
    if models is None:
        engine = build_engine(network_options(Case(name, "params.yaml", 4, "cpu").params()), CPU, 0)
    else:
        before = Path.cwd()
        os.chdir(models)
        engine = load_member(trained_member(name, 0), CPU)
        os.chdir(before)
    set_training(engine, False)
    return learned(engine)


def correlations(map_sd: np.ndarray, replicas: np.ndarray, inside: np.ndarray) -> str:
    """Return the correlation inside a region, raw and by its ceiling."""
    halves = [part.std(axis=0, ddof=1)[inside] for part in (replicas[::2], replicas[1::2])]
    half = np.corrcoef(*halves)[0, 1]
    raw = np.corrcoef(map_sd[inside], replicas.std(axis=0, ddof=1)[inside])[0, 1]
    if half <= 0:
        return f"r {raw:.4f}, no ceiling: the halves do not agree"
    ceiling = np.sqrt(2 * half / (1 + half))
    return f"r {raw:.4f}, ceiling {ceiling:.4f}, ratio {raw / ceiling:.4f}"


def compare(name: str, folder: str, options: argparse.Namespace) -> None:
    """Print one line for an architecture."""
    scan, drawn = (found[0] for found in scans_and_masks(folder))
    mask, method = DeviceMask.of(drawn, CPU), network(name, options.models)
    first = scan.n_slices // 2 - 2
    kspace = torch.from_numpy(scan.read(first, first + 4))
    variances = torch.from_numpy(np.tile(SIGMA**2 * drawn.mask, (N_COILS, 1, 1)).astype(np.float32))
    generator = torch.Generator().manual_seed(0)
    began = process_time()
    with torch.no_grad():
        image_of = held(method, kspace, mask)
        draws = (
            torch.randn((*kspace.shape, 2), generator=generator) for _ in range(options.replicas)
        )
        moved = (kspace + SIGMA * torch.view_as_complex(one) for one in draws)
        again = [method(one, mask) if options.full else image_of(one) for one in moved]
        replicas = np.stack([image.numpy() for image in again])
    between = process_time()
    signs = random_signs(drawn.mask.shape, 0, range(4))
    colours = torch.from_numpy(coloured(drawn.mask.shape, PROBES[name]))
    where = variances, signs, colours
    variance = probed_variance(held(method, kspace, mask), kspace, *where).numpy()
    found = np.sqrt(smoothed(variance, 0.5))
    ratio = (process_time() - between) / (between - began) * options.replicas / 200
    head = replicas.mean(axis=0) > HEAD * replicas.mean(axis=0).max()
    print(
        f"{name}: {PROBES[name]} probes, {ratio:.3f} of the time of 200 replicas; all voxels"
        f" {correlations(found, replicas, np.ones_like(head))}; head"
        f" {correlations(found, replicas, head)}",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> None:
    """Print one line for each architecture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="replicas estimate sensitivities")
    parser.add_argument("--models", help="folder of a study with trained members")
    parser.add_argument("--replicas", type=int, default=200)
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES)
    options = parsed(parser, arguments, replicas=20)
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        write_scans(Path(folder), TINY if options.tiny else SMALL, 1)
        for name in options.architectures:
            compare(name, folder, options)


if __name__ == "__main__":
    main()
