"""Timed pieces of the study on this machine, by the study's own functions.

Each function runs in a process of its own (`stages.pipeline.probes`), so that its peak memory is
its own too. Times are medians of a few calls after one that warms up.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
import torch

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import WRITTEN, open_scan, write_scan
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.masks.catalogue import chosen
from stages.kspace.masks.protocol import Target
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.noise import add_noise
from stages.machine.device import pick_device, prepare
from stages.machine.parallel import threads
from stages.machine.peak_memory import STATUS, peak_bytes
from stages.params.compressed_sensing import CompressedSensingParams
from stages.params.compute import ComputeParams
from stages.params.mask import MaskParams
from stages.params.phantom import PhantomParams
from stages.params.segment import SegmentParams
from stages.params.segmenter import QualityParams
from stages.params.train import TrainParams
from stages.pipeline.costs import Timed
from stages.recon.catalogue import BASELINES
from stages.recon.inference import Reconstruction, learned
from stages.recon.learned.checkpoints import member_bytes
from stages.recon.learned.compiler import step_functions
from stages.recon.learned.networks import set_training
from stages.recon.learned.selection import validate
from stages.recon.learned.slices import Slices
from stages.recon.learned.training import start, train_step
from stages.recon.physics import DeviceMask, to_device
from stages.recon.quality import quality
from stages.segmenters.catalogue import open_segmenter
from stages.segmenters.held_out import scan_head
from stages.segmenters.image import Image
from stages.storage.nifti import affine, load_volume, save_volume, subject
from stages.study.axes import three

ENOUGH_S = 2.0  # of timed calls
CALLS = (2, 20)  # at least, at most
WARM_UPS = {"cpu": 1, "cuda": 3}  # kernels are chosen in the first calls
BLOCK = 128  # largest side, voxels, of the image that is segmented; a larger one is scaled
N_SLICES = 8  # of the stand-in scan
SEED = 0
AXIS_CODES = "SAR"  # where nothing states them


@dataclass(frozen=True)
class Sample:
    """What the pieces are made of: the middle of a real scan, or noise of the same size.

    shape: (n_slices, n_ky, n_kz). path: a scan; None where there is no data yet.
    """

    shape: tuple[int, int, int]
    format: ScanFormat
    path: Path | None
    mask: MaskParams

    def kspace(self, n_slices: int) -> np.ndarray:
        """Return complex64 k-space (n_slices, n_coils, n_ky, n_kz)."""
        if self.path is not None:
            first = max((self.shape[0] - n_slices) // 2, 0)
            found = open_scan(self.path, self.format).read(first, first + n_slices)
            return np.resize(found, (n_slices, *found.shape[1:]))
        shape = (n_slices, self.format.n_coils or 1, *self.shape[1:], 2)
        parts = np.random.default_rng(SEED).standard_normal(shape, dtype=np.float32)
        kspace = parts.view(np.complex64)[..., 0]
        kspace[..., self.format.n_acquired(self.shape[2]) :] = 0
        return kspace

    @property
    def voxel_size_mm(self) -> tuple[float, float, float]:
        """Edges of a voxel; 1 mm where nothing states them."""
        slices, ky, kz = (size or 1.0 for size in self.format.voxel_size_mm)
        return slices, ky, kz

    @property
    def written(self) -> ScanFormat:
        """Format of a scan file that the study writes itself, all of it stated."""
        return replace(
            self.format,
            format=WRITTEN.name,
            voxel_size_mm=self.voxel_size_mm,
            axis_codes=self.format.axis_codes or AXIS_CODES,
            partial_fourier=self.format.partial_fourier or 1.0,
        )

    def matrix(self, shape: tuple[int, int, int]) -> np.ndarray:
        """Return an affine of a grid with the voxels of the scan."""
        return affine(shape, self.voxel_size_mm, self.format.axis_codes or AXIS_CODES)

    def drawn(self) -> SamplingMask:
        """Return a mask as the study would draw or read it."""
        n_acquired = self.format.n_acquired(self.shape[2])
        scan = None if self.path is None else subject(self.path)
        return chosen(self.mask).mask(self.mask, Target(self.shape[1:], n_acquired, SEED, scan))


def networks(
    sample: Sample, params: TrainParams, compute: ComputeParams, batch_size: int
) -> dict[str, Timed]:
    """Time one architecture: `slice` to reconstruct, `check` to validate, `step` to train.

    On a CPU the step is that of a single slice times the batch size, time and memory alike.
    `weights` holds its size on disk as memory.
    """
    device = prepare(compute)
    n_batch = params.batch_size if device.type == "cuda" else 1
    host = torch.from_numpy(sample.kspace(max(batch_size, n_batch)))
    mask = DeviceMask.of(sample.drawn(), device)
    state = start(params, "timing", SEED, [(len(host), *sample.shape[1:])], device)
    set_training(state.engine, False)
    found = {"slice": sliced(learned(state.engine), host[:batch_size], mask, device)}
    one = Slices(host[:1], mask)
    found["check"] = clocked(lambda: validate(state.engine, [one], device), device)
    before = peak(device)
    set_training(state.engine, True)
    losses, batch_of = step_functions(state.engine, compiled=compute.compile)

    def step() -> None:
        batch = batch_of(host[:n_batch].to(device), mask)
        train_step(state, batch, losses, params.gradient_clip)

    timed = clocked(step, device)
    found["step"] = scaled(timed, before, params.batch_size / n_batch)
    found["weights"] = Timed(0.0, member_bytes(state.engine))
    return found


def baseline(
    sample: Sample,
    group: str,
    params: CompressedSensingParams,
    compute: ComputeParams,
    batch_size: int,
) -> dict[str, Timed]:
    """Time a slice of a non-learned reconstruction."""
    device = prepare(compute)
    reconstruction = BASELINES[group](params)
    mask = DeviceMask.of(sample.drawn(), device)
    host = torch.from_numpy(sample.kspace(batch_size))
    return {"slice": sliced(reconstruction, host, mask, device)}


def files(sample: Sample, compute: ComputeParams) -> dict[str, Timed]:
    """Time a byte of k-space, a voxel of an image on disk, the scores of a voxel, and a mask."""
    cpu = torch.device("cpu")
    torch.set_num_threads(compute.threads)
    image = rss_image(sample.kspace(N_SLICES))
    n_voxels, n_bytes = image.size, sample.kspace(N_SLICES).nbytes
    rng = np.random.default_rng(SEED)
    noisy = (image * rng.uniform(0.9, 1.1, image.shape)).astype(np.float32)
    labels = (image > np.median(image)).astype(np.int16)
    matrix = sample.matrix(three(image.shape))
    with tempfile.TemporaryDirectory() as folder:
        scan_path, path = Path(folder, "scan.h5"), Path(folder, "image.nii.gz")
        labels_path = Path(folder, "labels.nii.gz")
        write_scan(scan_path, sample.kspace(N_SLICES))
        scan = open_scan(scan_path, sample.written)
        save_volume(labels_path, labels, matrix)

        def noise() -> None:
            for _, kspace in scan.batches():
                rss_image(add_noise(kspace, 1.0, scan.n_acquired, rng))

        a_byte = {
            "read": clocked(scan.read, cpu),
            "reference": clocked(lambda: [rss_image(k) for _, k in scan.batches()], cpu),
            "noise": clocked(noise, cpu),
        }
        a_voxel = {
            "save": clocked(lambda: save_volume(path, noisy, matrix), cpu),
            "load": clocked(lambda: (load_volume(path), load_volume(labels_path)), cpu),
            "quality": clocked(lambda: quality(image, noisy, np.ones(len(image), bool)), cpu),
        }
    found = {name: per(timed, n_bytes) for name, timed in a_byte.items()}
    found |= {name: per(timed, n_voxels) for name, timed in a_voxel.items()}
    return found | {"mask": clocked(sample.drawn, cpu)}


def segmentation(sample: Sample, params: SegmentParams, compute: ComputeParams) -> dict[str, Timed]:
    """Time a voxel of a segmented image: all of it, or a block of at most `BLOCK` along each axis.

    The image is a bright ellipsoid with noise, which clean-up takes for a head.
    """
    device = pick_device(compute.device)
    shape = three(min(n, BLOCK) for n in sample.shape)
    axes = np.meshgrid(*(np.linspace(-1.2, 1.2, n) for n in shape), indexing="ij", sparse=True)
    ball = sum(axis**2 for axis in axes) < 1
    noise = np.random.default_rng(SEED).normal(1.0, 0.1, shape)
    matrix = sample.matrix(shape)
    image = Image(ball * noise, matrix, np.array(sample.voxel_size_mm))
    segmenter = open_segmenter(params, device)
    with threads(compute.workers):  # as the study does; results are bit-identical for any number
        return {
            "segment": per(clocked(lambda: segmenter.segment_image(image), device), prod(shape))
        }


def head(params: PhantomParams, quality: QualityParams) -> dict[str, Timed]:
    """Time the simulation of one scan: a digital phantom, its images and k-space, one process."""
    same = {name: getattr(params, name) for name in ("grid", "voxel_size_mm", "n_coils")}
    begun = time.perf_counter()
    scan_head(quality.model_copy(update=same), number=0)
    seconds = time.perf_counter() - begun  # too long to be done again
    return {"head": Timed(seconds, peak(torch.device("cpu")).memory_bytes)}


@torch.no_grad()
def sliced(
    reconstruction: Reconstruction, host: torch.Tensor, mask: DeviceMask, device: torch.device
) -> Timed:
    """Time a slice of a batch (slices, n_coils, n_ky, n_kz), on one thread as the study does."""
    with threads(1):
        timed = clocked(lambda: reconstruction(to_device(host, device), mask).cpu(), device)
    return per(timed, len(host))


def clocked(call: Callable[[], object], device: torch.device) -> Timed:
    """Return the median time of a call and the peak memory so far."""
    for _ in range(WARM_UPS[device.type]):
        call()
    wait(device)
    times: list[float] = []
    while len(times) < CALLS[0] or (sum(times) < ENOUGH_S and len(times) < CALLS[1]):
        begun = time.perf_counter()
        call()
        wait(device)
        times.append(time.perf_counter() - begun)
    now = peak(device)
    return Timed(statistics.median(times), now.memory_bytes, now.gpu_bytes)


def wait(device: torch.device) -> None:
    """Wait for the kernels that were started."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak(device: torch.device) -> Timed:
    """Return the largest memory that this process has taken so far, without a time."""
    host = peak_bytes(Path(STATUS).read_text(encoding="ascii"))
    gpu = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return Timed(0.0, host, gpu)


def per(timed: Timed, n: float) -> Timed:
    """Return the time of one of n units; memory is that of all."""
    return Timed(timed.seconds / n, timed.memory_bytes, timed.gpu_bytes)


def scaled(timed: Timed, before: Timed, factor: float) -> Timed:
    """Return time and further memory of a batch that is `factor` times as large."""
    grown = factor * (timed.memory_bytes - before.memory_bytes)
    return Timed(factor * timed.seconds, before.memory_bytes + grown, timed.gpu_bytes)
