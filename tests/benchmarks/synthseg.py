"""CPU seconds and peak memory of the segmenter at the official widths.

python -m tests.benchmarks.synthseg [--mode robust] [--threads 1] [--sizes 96x96x96 256x218x170]
python -m tests.benchmarks.synthseg --tiny

The weights are random, of the official shapes; images are noise, so nothing can be skipped. Every
size runs in a process of its own, alone on the machine for honest numbers. The alternative in the
same run is the network written out literally (`UNet`: doubled arrays, torch's own layout).
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch

from stages.machine.device import pick_device
from stages.machine.memory import map_large_blocks
from stages.segmenters.image import load
from stages.segmenters.preprocess import Recipe, prepare
from stages.segmenters.synthseg.network import Architecture
from stages.segmenters.synthseg.posteriors import one_hot
from stages.segmenters.synthseg.weight_files import open_model, open_segmenter
from stages.storage.nifti import affine, save_volume
from tests.benchmarks.process import alone, peak_gb
from tests.benchmarks.tiny import parsed
from tests.segmenters.synthseg import official

SIZES = ("96x96x96", "128x128x128", "256x218x170")
TINY, NARROW = ("32x32x32",), 2  # and the features of the finest level
MATRIX = 2048  # side of the matrix product that shows what the machine can do


def main(arguments: list[str] | None = None) -> None:
    """Print one block a size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=("standard", "robust"), default="robust")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sizes", nargs="+", default=SIZES)
    parser.add_argument("--smallest", type=int, default=Recipe().minimum, help="padded side")
    parser.add_argument("--literal", nargs="*", default=SIZES[:1], help="sizes to compare at")
    options = parsed(parser, arguments, sizes=TINY, literal=TINY, smallest=0)
    peak = alone(matrix_speed, options.threads)
    print(f"sgemm on {options.threads} thread(s): {peak / 1e9:.0f} GFLOP/s")
    with tempfile.TemporaryDirectory() as folder:
        widths = dict.fromkeys(official.WIDTH, NARROW) if options.tiny else official.WIDTH
        weights = official.write(Path(folder) / "weights.h5", options.mode, widths)
        for size in options.sizes:
            shape = tuple(map(int, size.split("x")))
            image = write_image(Path(folder) / f"{size}.nii.gz", shape)
            found = alone(segment, str(image), str(weights), options)
            report(f"{size} {options.mode}{' fast' * options.fast}", found, peak)
            if size in options.literal:
                other = alone(literal, str(image), str(weights), options)
                ratio = other["networks"] / found["networks"]
                print(f"  literal form: networks {other['networks']:.1f} CPU-s ({ratio:.2f} x),"
                      f" peak {other['peak_gb']:.2f} GB")  # fmt: skip


def matrix_speed(threads: int) -> float:
    """Floating-point operations a second of the best of a few large matrix products."""
    torch.set_num_threads(threads)
    a = torch.rand(MATRIX, MATRIX)
    seconds = []
    for _ in range(5):
        started = perf_counter()
        a @ a
        seconds.append(perf_counter() - started)
    return 2 * MATRIX**3 / min(seconds)


def write_image(path: Path, shape: tuple[int, ...]) -> Path:
    """An image of noise at 1 mm."""
    data = np.random.default_rng(0).random(shape, np.float32)
    save_volume(path, data, affine(shape, (1.0,) * 3, "SAR"))
    return path


def segment(image: str, weights: str, options: argparse.Namespace) -> dict[str, float]:
    """CPU seconds of each part of one segmentation, wall time, peak memory, operations."""
    torch.set_num_threads(options.threads)
    map_large_blocks()
    started, marks = perf_counter(), [process_time()]
    segmenter = open_segmenter(
        weights, options.mode, pick_device(options.device), fast=options.fast
    )
    marks.append(process_time())
    recipe = replace(segmenter.model.recipe, minimum=options.smallest)
    prepared = prepare(load(Path(image)), recipe)
    marks.append(process_time())
    posteriors = segmenter.posteriors(prepared.image)
    marks.append(process_time())
    result = segmenter.measure(posteriors, prepared)
    marks.append(process_time())
    save_volume(Path(image).with_name("labels.nii.gz"), result.labels, result.affine)
    marks.append(process_time())
    names = ("weights", "image", "networks", "postprocess", "write")
    found = dict(zip(names, np.diff(marks), strict=True))
    passes = 2 if segmenter.mirrored else 1
    macs = sum(multiplications(network.architecture) for network in segmenter.networks.values())
    return found | {
        "process": process_time(),
        "wall": perf_counter() - started,
        "peak_gb": peak_gb(),
        "macs_per_voxel": macs,
        "flop": 2 * macs * passes * prepared.image.size,
    }


def literal(image: str, weights: str, options: argparse.Namespace) -> dict[str, float]:
    """The same networks as they are written in the specification."""
    torch.set_num_threads(options.threads)
    map_large_blocks()
    model = open_model(weights, options.mode)
    prepared = prepare(load(Path(image)), replace(model.recipe, minimum=options.smallest))
    x = torch.from_numpy(prepared.image)[None, None]
    groups = one_hot((x[:, 0] * 5).to(torch.uint8).clamp(max=4), 5)
    started = process_time()
    with torch.inference_mode():
        for network in model.networks.values():
            inputs = {1: x, 5: groups, 6: torch.cat([x, groups], 1)}
            network(inputs[network.architecture.n_inputs]).softmax(1)
            if model.mirrored and not options.fast:
                network(x.flip(2)).softmax(1)
    seconds = process_time() - started
    return {"networks": seconds, "peak_gb": peak_gb()}


def multiplications(shape: Architecture) -> float:
    """Multiply-accumulates a voxel in the fused form, where a doubled voxel is read once."""
    taps, coarse_taps = shape.kernel**3, (shape.kernel // 2 + 1) ** 3
    total, inputs = shape.features[0] * shape.n_outputs, shape.n_inputs
    for level, width in enumerate(shape.features):
        total += (inputs + width) * width * taps / 8**level
        inputs = width
    for level in range(shape.n_levels - 1):
        skip, coarse = shape.decoder_inputs(level)
        width = shape.features[level]
        total += width * ((skip + width) * taps + coarse * coarse_taps) / 8**level
    return total


def report(title: str, found: dict[str, float], peak: float) -> None:
    """Print one measurement."""
    parts = ", ".join(
        f"{name} {found[name]:.2f}"
        for name in ("weights", "image", "networks", "postprocess", "write")
    )
    share = found["flop"] / found["networks"] / peak
    print(f"{title}: {found['process']:.1f} CPU-s ({parts}), {found['wall']:.1f} s wall,"
          f" peak {found['peak_gb']:.2f} GB")  # fmt: skip
    print(f"  {found['macs_per_voxel'] / 1e3:.0f} k multiplications a voxel:"
          f" {share:.0%} of what the machine does in a matrix product;"
          f" post-processing / networks {found['postprocess'] / found['networks']:.3f}",
          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
