"""Slices a second and peak memory of the study's reconstruction and of DIRECT's `predict`.

python -m tests.benchmarks.reconstruction [--grid 96 108 84] [--device cuda] [--scans 1 3] [--tiny]

Same scans, masks, networks (the default study's) and batch size, each side in a process of its own
on one thread; neither writes its images. Memory must not grow with the number of scans.
"""

import argparse
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from stages.recon.inference import learned, reconstruct_scan
from stages.recon.learned.networks import build_engine, network_options, set_training
from tests.benchmarks.direct import (
    Case,
    direct_dataset,
    engine_of_direct,
    scans_and_masks,
    write_scans,
)
from tests.benchmarks.process import alone, peak_gb
from tests.benchmarks.tiny import parsed
from tests.benchmarks.training import ARCHITECTURES, SMALL, TINY, prepare


def main(arguments: list[str] | None = None) -> None:
    """Print one line for each architecture and number of scans."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grid", nargs=3, type=int, default=SMALL, help="slices, ky, kz")
    parser.add_argument("--parameters", default="params.yaml")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="of DIRECT's data loader")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--scans", nargs="+", type=int, default=(1, 3))
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES)
    options = parsed(parser, arguments, grid=TINY, scans=(1,))
    for n_scans in options.scans:
        with tempfile.TemporaryDirectory() as folder:
            write_scans(Path(folder), tuple(options.grid), n_scans)
            for name in options.architectures:
                case = Case(name, options.parameters, options.batch_size, options.device)
                ours = alone(reconstruct_ours, folder, case)
                theirs = alone(predict_direct, folder, case, options.workers)
                report(f"{name}, {n_scans} scan(s)", ours, theirs)


def reconstruct_ours(
    folder: str, case: Case, engine: Any = None, kept: list[np.ndarray] | None = None
) -> dict[str, float]:
    """Time the study's reconstruction; every image is let go before the next, unless kept."""
    prepare()
    device = torch.device(case.device)
    engine = engine or build_engine(network_options(case.params()), device, seed=0)
    set_training(engine, False)
    wall, cpu, n_slices = perf_counter(), process_time(), 0
    for scan, drawn in zip(*scans_and_masks(folder), strict=True):
        image = reconstruct_scan(scan, drawn, learned(engine), device, case.batch_size)
        n_slices += len(image)
        if kept is not None:
            kept.append(image)
    return result(n_slices, perf_counter() - wall, process_time() - cpu)


def predict_direct(
    folder: str,
    case: Case,
    workers: int,
    engine: Any = None,
    kept: list[np.ndarray] | None = None,
) -> dict[str, float]:
    """Time DIRECT's `predict`; its images are put with those to keep."""
    prepare()
    engine = engine or engine_of_direct(case)
    wall, cpu = perf_counter(), process_time()
    with tempfile.TemporaryDirectory() as out:
        data = direct_dataset(folder, drawn=False)
        volumes, _ = engine.predict(data, Path(out), None, workers, case.batch_size)
    n_slices = sum(len(volume) for volume, *_ in volumes)
    if kept is not None:
        kept += [volume[:, 0].cpu().numpy() for volume, *_ in volumes]
    return result(n_slices, perf_counter() - wall, process_time() - cpu)


def result(n_slices: int, wall: float, cpu: float) -> dict[str, float]:
    """Return the rates of one side and its memory."""
    return {"slices_per_s": n_slices / wall, "cpu_s": cpu / n_slices, "peak_gb": peak_gb()}


def report(title: str, ours: dict[str, float], theirs: dict[str, float]) -> None:
    """Print both sides of one case."""
    sides = [
        f"{side} {found['slices_per_s']:.2f} slices/s, {found['cpu_s']:.3f} CPU-s a slice,"
        f" peak {found['peak_gb']:.2f} GB"
        for side, found in (("the study", ours), ("DIRECT", theirs))
    ]
    speed = ours["slices_per_s"] / theirs["slices_per_s"]
    print(f"{title}: {'; '.join(sides)}; ratio {speed:.2f} x, by CPU-s"
          f" {theirs['cpu_s'] / ours['cpu_s']:.2f} x", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
