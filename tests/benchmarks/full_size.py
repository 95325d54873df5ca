"""Time and memory of one full-size scan on its way from k-space to tables.

python -m tests.benchmarks.full_size MAPS [--slices 4] [--threads 2] [--only simulate train ...]
python -m tests.benchmarks.full_size --tiny

Scans of 256 x 218 x 170 and x 180 voxels with 12 coils are simulated from FreeSurfer-labelled maps
(a folder of NIfTI files). Then each step is run in a process of its own: mask, reconstruction with
the untrained networks of the paper and without, SynthSeg in robust mode with random weights
of the official width, measurement of an ensemble, one training step. Reconstruction and training
are timed on a few slices; their time grows with the number of slices, their memory does not.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch

from stages import measure
from stages.anatomy.label_maps import list_maps
from stages.anatomy.participants import cohort
from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import save_image, scan_format
from stages.kspace.masks.sampling import load_mask, save_mask
from stages.machine.device import prepare
from stages.mask import mask_of
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.mask import MaskParams
from stages.params.phantom import PhantomParams
from stages.params.reconstruct import ReconstructParams
from stages.params.train import TrainParams
from stages.recon.inference import learned, reconstruct_scan
from stages.recon.learned.losses import loss_functions
from stages.recon.learned.networks import build_engine, network_options, set_training
from stages.recon.learned.slices import Slices
from stages.recon.learned.training import start, train_step
from stages.recon.physics import DeviceMask, zero_filled
from stages.reference import reference_image
from stages.scanner.phantoms import scan_member
from stages.segmenters.synthseg.weight_files import open_segmenter
from stages.storage.nifti import load_volume, save_volume, subject
from stages.study import layout
from tests import fabricated
from tests.benchmarks.process import alone, peak_gb
from tests.benchmarks.tiny import parsed
from tests.segmenters.synthseg import official
from tests.settings import write_settings

PARAMS = Path("settings/params.yaml")  # the paper's
WIDTHS, TINY = (170, 180), 42
ARCHITECTURES = ("unet", "varnet", "rim")
N_MEMBERS = 4  # of the measured ensemble
NARROW = 2  # features of the finest level of the segmenter's networks, tiny
LIMIT_GB = 8.0
ROW = "{:<26}{:>9}{:>9}{:>10}  {}"

Step = Callable[[argparse.Namespace], str]


def main(arguments: list[str] | None = None) -> None:
    """Print one line a step; exit with 1 if one takes more than `LIMIT_GB`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps", type=Path, help="folder of FreeSurfer-labelled NIfTI maps")
    parser.add_argument("--slices", type=int, default=4, help="slices that are reconstructed")
    parser.add_argument("--batch", type=int, default=1, help="slices of a training step")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=int, default=WIDTHS[0], help="the scan that is processed")
    parser.add_argument("--only", nargs="*", help="beginnings of names of steps")
    parser.add_argument("--folder", type=Path, help="where the scans lie or go; else temporary")
    options = parsed(parser, arguments, maps=None, slices=2, threads=1, width=TINY)
    options.maps = options.maps and options.maps.resolve()
    wanted = tuple(options.only) if options.only else ("",)
    print(ROW.format("step", "seconds", "CPU-s", "peak GB", ""))
    above = []
    with tempfile.TemporaryDirectory() as temporary:
        options.folder = (options.folder or Path(temporary)).resolve()
        for name in all_steps(options):
            if name.startswith(wanted):
                wall, cpu, peak, note = alone(measured, name, options)
                numbers = f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.2f}"
                print(ROW.format(name, *numbers, note), flush=True)
                above += [name] if peak > LIMIT_GB else []
    print(f"above {LIMIT_GB:g} GB: {', '.join(above) or 'none'}")
    raise SystemExit(bool(above))


def all_steps(options: argparse.Namespace) -> dict[str, Step]:
    """Return every step by name, in an order in which each finds what it needs."""
    widths = (options.width,) if options.tiny else WIDTHS
    steps: dict[str, Step] = {f"simulate-{n}": simulation(n) for n in widths}
    steps |= {"mask": mask, "reference": reference, "reconstruct-zero_filled": zero_filling}
    steps |= {f"reconstruct-{name}": reconstruction(name) for name in ARCHITECTURES}
    steps |= {"segment": segment, "measure": measurement}
    return steps | {f"train-{name}": training(name) for name in ARCHITECTURES}


def measured(name: str, options: argparse.Namespace) -> tuple[float, float, float, str]:
    """Run one step in the folder of the scans: wall and CPU seconds, peak GB, what it says."""
    options.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(options.folder)
    PARAMS.parent.mkdir(exist_ok=True)
    write_settings("ci" if options.tiny else "paper", PARAMS.parent)
    prepare(ComputeParams.load(PARAMS).model_copy(update=host(options)))
    started = perf_counter()
    note = all_steps(options)[name](options)
    return perf_counter() - started, process_time(), peak_gb(), note


def host(options: argparse.Namespace) -> dict[str, object]:
    """Return the changes of section `compute` for this run."""
    return {"device": "cpu", "threads": options.threads}


def simulation(width: int) -> Step:
    """Return the step that simulates the scan of a width, and its true labels."""

    def step(options: argparse.Namespace) -> str:
        params = PhantomParams.load(PARAMS)
        params = params.model_copy(update={"grid": (*params.grid[:2], width)})
        maps = list_maps(options.maps) if options.maps else []
        (member,) = cohort(params.seed, (0, 1), maps)
        for folder in (member.split, "truth"):
            Path(str(width), folder).mkdir(parents=True, exist_ok=True)
        scan_member(member, params, Path(str(width)))
        return " x ".join(map(str, (*params.grid, params.n_coils)))

    return step


def scan_of(options: argparse.Namespace) -> Scan:
    """Return the simulated scan that is processed."""
    (path,) = Path(str(options.width), "validation").glob("*.h5")
    return open_scan(path, scan_format(DataParams.load(PARAMS)))


def shortened(scan: Scan, n_slices: int) -> Scan:
    """Return the first slices of a scan as a scan of its own."""
    shape = (min(n_slices, scan.n_slices), *scan.shape[1:])
    return replace(scan, geometry=replace(scan.geometry, shape=shape))


def mask(options: argparse.Namespace) -> str:
    """Draw the mask."""
    scan = scan_of(options)
    drawn = mask_of(scan, MaskParams.load(PARAMS))
    save_mask(layout.mask(subject(scan.path)), drawn)
    return f"acceleration {drawn.acceleration_acquired:.2f}"


def reference(options: argparse.Namespace) -> str:
    """Write the fully sampled image."""
    scan = scan_of(options)
    path = layout.image("reference", 0, subject(scan.path))
    save_image(path, scan, reference_image(scan), {})
    return "whole scan"


def zero_filling(options: argparse.Namespace) -> str:
    """Reconstruct without a network."""
    scan = scan_of(options)
    drawn, params = load_mask(layout.mask(subject(scan.path))), ReconstructParams.load(PARAMS)
    reconstruct_scan(scan, drawn, zero_filled, torch.device("cpu"), params.batch_size)
    return "whole scan"


def reconstruction(architecture: str) -> Step:
    """Return the step that reconstructs a few slices with an untrained network."""

    def step(options: argparse.Namespace) -> str:
        whole, device = scan_of(options), torch.device("cpu")
        params = TrainParams.load_architecture(architecture, PARAMS)
        engine = build_engine(network_options(params), device, seed=0)
        set_training(engine, False)
        scan, batch = shortened(whole, options.slices), ReconstructParams.load(PARAMS).batch_size
        drawn = load_mask(layout.mask(subject(scan.path)))
        started = perf_counter()
        reconstruct_scan(scan, drawn, learned(engine), device, batch)
        seconds = (perf_counter() - started) / scan.n_slices
        minutes = seconds * whole.n_slices / 60
        timed = f"{scan.n_slices} slices, {batch} at once, {seconds:.2f} s each"
        return f"{timed}: a scan {minutes:.0f} min"

    return step


def segment(options: argparse.Namespace) -> str:
    """Segment the fully sampled image."""
    image = layout.image("reference", 0, subject(scan_of(options).path))
    weights = Path("weights.h5")
    widths = dict.fromkeys(official.WIDTH, NARROW) if options.tiny else official.WIDTH
    official.write(weights, "robust", widths)
    segmenter = open_segmenter(str(weights), "robust", torch.device("cpu"), fast=False)
    started = perf_counter()
    found = segmenter.segment(image)
    seconds = perf_counter() - started
    return f"{' x '.join(map(str, found.labels.shape))} in {seconds:.1f} s"


def measurement(options: argparse.Namespace) -> str:
    """Measure an ensemble: the reference with noise, segmented as the truth is."""
    name = subject(scan_of(options).path)
    image, matrix = load_volume(layout.image("reference", 0, name))
    labels, _ = load_volume(layout.true_labels(name, Path(str(options.width), "truth")))
    study = fabricated.Study(n_members=N_MEMBERS)
    fabricated.write_params(Path("params.yaml"), study)
    rng = np.random.default_rng(0)
    for group, members in (("reference", 1), ("unet", N_MEMBERS)):
        for member in range(members):
            if group != "reference":
                noise = rng.standard_normal(image.shape, dtype=np.float32) * image.std() / 30
                save_volume(layout.image(group, member, name), np.abs(image + noise), matrix)
            save_volume(layout.segmentation(group, member, name), labels.astype(np.int16), matrix)
            rows = [{"subject": name, **fabricated.volume_row(labels)}]
            fabricated.write_csv(layout.segmentations(group, member) / "volumes.csv", rows)
    started = perf_counter()
    measure.main(["unet"])
    return f"{N_MEMBERS} members, measured in {perf_counter() - started:.1f} s"


def training(architecture: str) -> Step:
    """Return the step that takes one training step."""

    def step(options: argparse.Namespace) -> str:
        scan, device = scan_of(options), torch.device("cpu")
        params = TrainParams.load_architecture(architecture, PARAMS)
        middle = scan.n_slices // 2
        drawn = DeviceMask.of(load_mask(layout.mask(subject(scan.path))), device)
        kspace = torch.from_numpy(scan.read(middle, middle + options.batch))
        batch = Slices(kspace, drawn).batch(slice(None), device)
        state = start(params, architecture, 0, [(options.batch, scan.n_ky, scan.n_kz)], device)
        set_training(state.engine, True)
        losses = loss_functions(state.engine)
        started = perf_counter()
        train_step(state, batch, losses, params.gradient_clip)
        seconds = perf_counter() - started
        return f"a batch of {options.batch} in {seconds:.1f} s, the paper's is {params.batch_size}"

    return step


if __name__ == "__main__":
    main()
