"""What `tests.benchmarks.gpu` measures, one function a part; each yields its rows one by one."""

import gc
import hashlib
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from stages.machine import device as torch_device
from stages.params.compute import ComputeParams
from stages.params.reconstruct import ReconstructParams
from stages.params.train import TrainParams
from stages.recon.learned.losses import loss_functions
from stages.recon.learned.networks import (
    REDUCED,
    backward,
    build_engine,
    modules_of,
    network_options,
    parameters_of,
    set_training,
)
from stages.recon.learned.padding import EdgePadding
from stages.recon.learned.training import TrainingState
from stages.recon.physics import DeviceMask, make_batch
from stages.segmenters.image import load
from stages.segmenters.preprocess import prepare
from stages.segmenters.synthseg.blocks import Evaluation, by_size, whole
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.segmenters.synthseg.weight_files import open_model
from tests.benchmarks.direct import Case, engine_of_direct, scans_and_masks
from tests.benchmarks.parts import READY, Row, attempt
from tests.benchmarks.reconstruction import predict_direct, reconstruct_ours
from tests.benchmarks.synthseg import write_image
from tests.benchmarks.training import ARCHITECTURES, Clock, train_direct, train_ours
from tests.fabricated import ROOT
from tests.segmenters.conftest import GOLDEN
from tests.segmenters.synthseg import official

PRECISIONS = ("float32", REDUCED)
WARM_UP = 5  # steps; the compiler's work falls into the first
REPEATED = 4  # steps of each of two trainings that must be the same
LEAST_MM3 = 500.0  # of a structure whose volume is compared


@dataclass(frozen=True)
class Settings:
    """Where and how large; small plain values, for they go to other processes."""

    folder: str  # of the scans
    device: str
    parameters: str  # path of params.yaml
    image: tuple[int, int, int]  # that is segmented
    head: str  # file of the image for the comparison with a CPU; empty: a part of the other one
    smallest: int  # side of the segmenter's padded grid, voxels
    widths: tuple[int, ...]  # of the segmenter's finest levels: `unet`, `l2l`, `unet2`
    seconds: float  # for the timed steps of one training
    steps: int  # timed at most
    compiled: tuple[str, ...]  # architectures
    workers: int  # of DIRECT's loader: its default
    many_workers: int  # as many as the cores carry

    def case(self, architecture: str, precision: str = "float32", batch: int | None = None) -> Case:
        """Return an architecture at its own batch size, unless told otherwise."""
        path = ROOT / self.parameters
        batch = batch or TrainParams.load_architecture(architecture, path).batch_size
        return Case(architecture, self.parameters, batch, self.device, precision)

    def prepared(self) -> torch.device:
        """Set torch up as the study's scripts do."""
        compute = ComputeParams.load(ROOT / self.parameters)
        return torch_device.prepare(compute.model_copy(update={"device": self.device}))


class Enough(Exception):
    """A training has been timed for long enough."""


@dataclass
class Stopwatch(Clock):
    """A clock that ends a training some seconds after its first steps, which do not count."""

    warm_up: int = WARM_UP
    seconds: float = 0.0
    until: float = float("inf")

    def offer(self, *arguments: object) -> None:
        """Note the end of a step; raise `Enough` when the time is over."""
        super().offer(*arguments)
        if len(self.steps) == self.warm_up:
            self.until = perf_counter() + self.seconds
        if len(self.steps) > self.warm_up + 1 and perf_counter() > self.until:
            raise Enough


def training(settings: Settings, architecture: str) -> Iterator[Row | str]:
    """Time the steps of both engines, most important first."""
    yield READY
    full, reduced = (settings.case(architecture, precision) for precision in PRECISIONS)
    few, many = settings.workers, settings.many_workers
    yield attempt("study, float32", study_steps, settings, full, False)
    yield attempt("DIRECT, float32", direct_steps, settings, full, few)
    yield attempt("study, bfloat16", study_steps, settings, reduced, False)
    yield attempt("DIRECT, bfloat16", direct_steps, settings, reduced, few)
    yield attempt(f"DIRECT, float32, {many} workers", direct_steps, settings, full, many)
    if architecture in settings.compiled:
        yield attempt("study, float32, compiled", study_steps, settings, full, True)
        yield attempt("study, bfloat16, compiled", study_steps, settings, reduced, True)
    yield attempt("study, float32, tf32 products", tf32_steps, settings, full)
    yield attempt(f"DIRECT, bfloat16, {many} workers", direct_steps, settings, reduced, many)


def study_steps(settings: Settings, case: Case, compiled: bool) -> dict[str, Any]:
    """Return the steps of the study's loop, as the study sets torch up."""
    fresh()
    settings.prepared()
    steps = timed(train_ours, settings, case, WARM_UP, Namespace(compile=compiled, cache="auto"))
    return steps | ({"graphs": graphs()} if compiled else {})


def tf32_steps(settings: Settings, case: Case) -> dict[str, Any]:
    """Return the study's steps with matrix products in TF32, as convolutions are by default."""
    torch.set_float32_matmul_precision("high")
    try:
        return study_steps(settings, case, False)
    finally:
        torch.set_float32_matmul_precision("highest")


def direct_steps(settings: Settings, case: Case, workers: int) -> dict[str, Any]:
    """Return the steps of DIRECT's loop, with torch's defaults as in its own script.

    Its workers hand over batches in shared memory; where that is too small, it loads by itself.
    """
    try:
        return direct_steps_with(settings, case, workers)
    except RuntimeError:
        if workers == 0:
            raise
    return direct_steps_with(settings, case, 0)


def direct_steps_with(settings: Settings, case: Case, workers: int) -> dict[str, Any]:
    """Return the steps of DIRECT's loop with this many workers."""
    fresh()
    torch.set_deterministic_debug_mode("default")
    queue = 2 * workers  # batches that are ready before the first step
    options = Namespace(workers=workers, masks="given")
    steps = timed(train_direct, settings, case, WARM_UP + queue, options)
    return steps | {"workers": workers}


def timed(
    side: Callable, settings: Settings, case: Case, warm_up: int, options: Namespace
) -> dict[str, Any]:
    """Return seconds a step, the part of it that the model takes, and peak memory of the device.

    The mean over the steps, as a loader's batches come in bursts.
    """
    clock = Stopwatch(case.device, seconds=settings.seconds, warm_up=warm_up)
    clock.began = clock.now()
    with suppress(Enough):
        side(settings.folder, case, warm_up + settings.steps, clock, options)
    wall, _, model = np.array(clock.steps[warm_up:]).T
    return {
        "step_s": float(wall.mean()),
        "median_s": float(np.median(wall)),
        "model_fraction": float(model.sum() / wall.sum()),
        "peak_gpu_gb": peak_gb(case.device),
        "first_step_s": clock.steps[0][0],
        "n_steps": len(wall),
        "batch": case.batch_size,
    }


def graphs() -> int:
    """Return how many graphs the compiler has made; 0: it gave up."""
    return import_module("torch._dynamo.utils").counters["stats"]["unique_graphs"]


def fresh() -> None:
    """Forget what the last measurement has left on the device and with the compiler."""
    gc.collect()
    if "torch._dynamo" in sys.modules:
        import_module("torch._dynamo").reset()
        import_module("torch._dynamo.utils").counters.clear()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gb(device: str) -> float:
    """Return the peak memory that tensors took of a GPU since `fresh`."""
    return torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0.0


def correctness(settings: Settings) -> Iterator[Row | str]:
    """Check what the study promises of a device."""
    yield READY
    yield attempt("edge padding", padding_twice, settings, EdgePadding)
    yield attempt("torch's replication padding", padding_twice, settings, torch.nn.ReplicationPad2d)
    for name in ARCHITECTURES:
        yield attempt(f"{name}, trained twice", trained_twice, settings, settings.case(name))
        yield attempt(f"{name}, bfloat16 against float32", precisions, settings, name)
    for name in ARCHITECTURES:
        case = settings.case(name, REDUCED)
        yield attempt(f"{name}, bfloat16, trained twice", trained_twice, settings, case)
        yield attempt(f"{name}, device against CPU", devices, settings, name)
    for name in settings.compiled:
        case = settings.case(name)
        yield attempt(f"{name}, compiled, trained twice", trained_twice, settings, case, True)


def padding_twice(settings: Settings, kind: Callable) -> dict[str, Any]:
    """Return whether two backward passes agree bit by bit, and the gradient's error."""
    device = settings.prepared()
    torch.set_deterministic_debug_mode("default")
    generator = torch.Generator().manual_seed(0)
    image = torch.randn((4, 32, 54, 42), generator=generator)
    weights = torch.randn((4, 32, 60, 48), generator=generator)

    def gradient(target: torch.device, dtype: torch.dtype) -> torch.Tensor:
        given = image.to(target, dtype, copy=True).requires_grad_()
        (kind((3, 3, 3, 3))(given) * weights.to(target, dtype)).sum().backward()
        return given.grad.cpu()

    first, second = (gradient(device, torch.float32) for _ in range(2))
    exact = gradient(torch.device("cpu"), torch.float64)
    return {"identical": torch.equal(first, second), "gradient_error": error_of(first, exact)}


def trained_twice(settings: Settings, case: Case, compiled: bool = False) -> dict[str, Any]:
    """Return whether two trainings give the same bytes, and what torch warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        one, other = (digest(settings, case, compiled) for _ in range(2))
    texts = [str(warning.message) for warning in caught]
    said = {text.split(" does not")[0][:80] for text in texts if "determin" in text}
    found = {"identical": one == other, "digest": one[:8], "batch": case.batch_size}
    return found | {"not_deterministic": "; ".join(sorted(said)) or "none"}


def digest(settings: Settings, case: Case, compiled: bool) -> str:
    """Return the MD5 of weights, moments and losses after a few steps."""
    fresh()
    settings.prepared()
    options, clock = Namespace(compile=compiled, cache="auto"), Clock(case.device)
    state: TrainingState = train_ours(settings.folder, case, REPEATED, clock, options)
    moments = state.optimizer.state_dict()["state"].values()
    tensors = [*parameters_of(state.engine), *(m[key] for m in moments for key in sorted(m))]
    made = hashlib.md5(repr(state.curves).encode(), usedforsecurity=False)
    for tensor in tensors:
        made.update(tensor.detach().cpu().numpy().tobytes())
    return made.hexdigest()


def precisions(settings: Settings, architecture: str) -> dict[str, Any]:
    """Return how far loss and gradient in bfloat16 are from those in float32."""
    device = settings.prepared()
    found = [
        loss_and_gradient(settings, settings.case(architecture, p), device) for p in PRECISIONS
    ]
    return compared(*found)


def devices(settings: Settings, architecture: str) -> dict[str, Any]:
    """Return how far loss and gradient of one slice on the device are from those on a CPU."""
    device, cpu = settings.prepared(), torch.device("cpu")
    torch.set_num_threads(8)
    case = settings.case(architecture, batch=1)
    return compared(*(loss_and_gradient(settings, case, where) for where in (cpu, device)))


def loss_and_gradient(
    settings: Settings, case: Case, device: torch.device
) -> tuple[float, torch.Tensor]:
    """Return both for one batch of freshly initialised networks."""
    fresh()
    scans, masks = scans_and_masks(settings.folder)
    engine = build_engine(network_options(case.params()), device, seed=0)
    set_training(engine, True)
    kspace = torch.from_numpy(scans[0].read(0, case.batch_size)).to(device)
    batch = make_batch(kspace, DeviceMask.of(masks[0], device))
    loss = backward(engine, batch, loss_functions(engine))
    return loss, torch.cat([p.grad.flatten().cpu() for p in parameters_of(engine)])


def compared(
    exact: tuple[float, torch.Tensor], other: tuple[float, torch.Tensor]
) -> dict[str, Any]:
    """Return losses and the relative errors of the other one."""
    return {
        "loss": exact[0],
        "loss_error": abs(other[0] - exact[0]) / abs(exact[0]),
        "gradient_error": error_of(other[1], exact[1]),
    }


def error_of(found: torch.Tensor, exact: torch.Tensor) -> float:
    """Return the norm of a difference relative to that of the exact values."""
    return float((found.double() - exact.double()).norm() / exact.double().norm())


def reconstruction(settings: Settings) -> Iterator[Row | str]:
    """Time both reconstructions of one scan with the same weights."""
    yield READY
    for name in ARCHITECTURES:
        batch = ReconstructParams.load(ROOT / settings.parameters).batch_size
        case = settings.case(name, batch=batch)
        yield attempt(name, reconstructions, settings, case)


def reconstructions(settings: Settings, case: Case) -> dict[str, Any]:
    """Return seconds a slice of both sides, each at its second scan, and how far images differ."""
    fresh()
    device = settings.prepared()
    ours = build_engine(network_options(case.params()), device, seed=0)
    theirs = engine_of_direct(case)
    for name, module in modules_of(theirs).items():
        module.load_state_dict(modules_of(ours)[name].state_dict())
    found, images = {}, []
    sides = {
        "study": partial(reconstruct_ours, settings.folder, case, ours),
        "direct": partial(predict_direct, settings.folder, case, settings.workers, theirs),
    }
    for side, reconstruct in sides.items():
        fresh()
        settings.prepared()
        if side == "direct":  # as its own script
            torch.set_deterministic_debug_mode("default")
            torch.backends.cudnn.benchmark = True
        reconstruct()
        kept: list[np.ndarray] = []
        found[f"{side}_s"] = 1 / reconstruct(kept=kept)["slices_per_s"]
        found[f"{side}_peak_gpu_gb"] = peak_gb(case.device)
        images.append(kept[0])
        torch.backends.cudnn.benchmark = False
    found["ratio"] = found["direct_s"] / found["study_s"]
    found["difference"] = float(np.abs(images[0] - images[1]).max() / np.abs(images[1]).max())
    return found | {"batch": case.batch_size, "n_slices": len(images[0])}


def segmentation(settings: Settings) -> Iterator[Row | str]:
    """Time the robust networks on a whole head and compare a smaller one with a CPU."""
    folder = Path(settings.folder) / "segmentation"
    folder.mkdir()
    widths = dict(zip(official.NETWORKS["robust"], settings.widths, strict=True))
    weights = official.write(folder / "weights.h5", "robust", widths)
    image = write_image(folder / "image.nii.gz", settings.image)
    yield READY
    yield attempt("official widths", segmented, settings, weights, image, by_size)
    yield attempt("official widths, again", segmented, settings, weights, image, by_size)
    yield attempt("official widths, undivided", segmented, settings, weights, image, whole)
    small = write_image(folder / "small.nii.gz", tuple(n // 2 for n in settings.image))
    narrow = GOLDEN / "synthseg_robust_2.0.h5", Path(settings.head) if settings.head else small
    yield attempt("device against CPU, narrow networks", agreement, settings, *narrow, True)
    yield attempt("device against CPU, narrow, no tf32", agreement, settings, *narrow, False)
    yield attempt("device against CPU, official widths", agreement, settings, weights, small, True)


def segmented(
    settings: Settings, weights: Path, image: Path, evaluation: Evaluation
) -> dict[str, Any]:
    """Return seconds of each step of one segmentation and its peak memory."""
    fresh()
    device = settings.prepared()
    segmenter = segmenter_on(device, settings, weights, evaluation)
    marks = [perf_counter()]
    prepared = prepare(load(image), segmenter.model.recipe)
    marks.append(perf_counter())
    posteriors = segmenter.posteriors(prepared.image)
    marks.append(perf_counter())
    segmenter.measure(posteriors, prepared)
    marks.append(perf_counter())
    names = ("prepare_s", "networks_s", "measure_s")
    found = dict(zip(names, map(float, np.diff(marks)), strict=True))
    size = "x".join(map(str, settings.image))
    return found | {"peak_gpu_gb": peak_gb(settings.device), "size": size}


def segmenter_on(
    device: torch.device, settings: Settings, weights: Path, evaluation: Evaluation = by_size
) -> NetworkSegmenter:
    """Return the robust segmenter of a weight file on a device."""
    model = open_model(str(weights), "robust")
    model = replace(model, recipe=replace(model.recipe, minimum=settings.smallest))
    return NetworkSegmenter(model, device, evaluation=evaluation)


def agreement(settings: Settings, weights: Path, image: Path, tf32: bool) -> dict[str, Any]:
    """Return how far volumes and labels on the device are from those on a CPU.

    Args:
        settings: names the device.
        weights: random, so that large errors need not mean any for trained ones.
        image: to segment.
        tf32: whether convolutions on the device may use it, as torch has them by default.
    """
    fresh()
    device = settings.prepared()
    torch.set_num_threads(8)
    before, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, tf32
    found = []
    try:
        for where in (torch.device("cpu"), device):
            found.append(segmenter_on(where, settings, weights).segment(image))
    finally:
        torch.backends.cudnn.allow_tf32 = before
    exact, other = (result.volumes_mm3 for result in found)
    large = exact > min(LEAST_MM3, exact.max() / 2)
    labels = found[0].labels == found[1].labels
    errors = np.abs(other - exact)[large] / exact[large]
    return {
        "largest_volume_error": float(errors.max()),
        "median_volume_error": float(np.median(errors)),
        "n_structures": int(large.sum()),
        "same_labels": float(labels.mean()),
    }
