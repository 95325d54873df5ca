"""What the stages cost, from sizes and from the time of small pieces of them: pure formulas.

Every estimator returns the work of one stage without its start; `cost_of` adds the start of the
process and what DVC does around it. Sizes are in bytes or voxels, times in seconds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, prod

from stages.params.analyse import AnalyseParams
from stages.params.atlas import AtlasParams
from stages.params.compute import ComputeParams
from stages.params.deformation import DeformationParams
from stages.params.ensembles import EnsembleParams
from stages.params.noise import NoiseParams
from stages.params.phantom import PhantomParams
from stages.params.segment import SegmentParams
from stages.params.segmenter import SegmenterParams
from stages.params.train import TrainParams
from stages.pipeline.graph import TRACKED, Stage, kind

Shape = tuple[int, int, int]

COMPLEX_BYTES = 8  # a value of k-space
IMAGE_BYTES, LABEL_BYTES = 4, 2  # a voxel: float32, int16
IMAGE_PACKED, LABELS_PACKED = 0.9, 0.043  # of that is left by gzip; the default study's files
TABLE_BYTES = 3e6  # tables and figures of the default study, which hardly grow with it

# measured on two cores at 2.5 GHz with the default study
DVC_S = 1.0  # of `dvc repro` around every stage
HASH_BYTES_PER_S = 250e6  # of what a stage writes
IMPORT_BYTES_PER_S = 150e6  # copied, hashed and linked
MEASURE_LOADS = 3.0  # times of reading an image and its labels that statistics on them take
OVERLAP_VOXEL_S = 8e-8  # a voxel of a label map, both targets
DEMONS_VOXEL_S = 3e-7  # an iteration on a voxel of the box around the brain
DEMONS_BYTES = 250  # a voxel of a scan that is registered
BOX = 0.7  # part of a scan that the box around the brain fills
ANALYSE_S = 6.0  # for `ANALYSE_DRAWS` draws
ANALYSE_DRAWS = 2199  # bootstrap draws, permutations and subsets
REPORT_S = 27.0  # figures 10, page 17: most of it the pictures of four scans
BUILD_ATLAS_HEAD_S = 8.0  # building a head and aligning it with the average
ATLAS_VOXEL_S = 6e-6  # of an image that the atlas segments
SEGMENTER_STEP_S = 1.55  # of training the embedded segmenter on one thread


@dataclass(frozen=True)
class Timed:
    """A timed piece of work: seconds a unit, peak memory of its process and of the GPU in bytes."""

    seconds: float
    memory_bytes: float = 0.0
    gpu_bytes: float = 0.0


@dataclass(frozen=True)
class Rates:
    """What this machine needs for each piece.

    start: of a script's process. step: of training, a batch of one architecture. check: of a
    validation slice. slice: of a reconstructed slice of a group. weights: bytes of an
    architecture. Seconds a byte of k-space: read, reference, noise. Seconds a voxel: load (an image
    and its labels), save (an image), quality, segment. mask: of a scan. head: of a simulated scan.
    """

    start: Mapping[str, Timed] = field(default_factory=dict)
    step: Mapping[str, Timed] = field(default_factory=dict)
    check: Mapping[str, Timed] = field(default_factory=dict)
    slice: Mapping[str, Timed] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    read: Timed = Timed(0.0)
    reference: Timed = Timed(0.0)
    noise: Timed = Timed(0.0)
    load: Timed = Timed(0.0)
    save: Timed = Timed(0.0)
    quality: Timed = Timed(0.0)
    segment: Timed = Timed(0.0)
    mask: Timed = Timed(0.0)
    head: Timed = Timed(0.0)


@dataclass(frozen=True)
class Study:
    """Sizes and parameters that costs depend on; training and validation: shapes of the scans."""

    training: tuple[Shape, ...]
    validation: tuple[Shape, ...]
    n_coils: int
    gpu: bool
    compute: ComputeParams
    ensembles: EnsembleParams
    train: Mapping[str, TrainParams]
    phantom: PhantomParams
    noise: NoiseParams
    segment: SegmentParams
    segmenter: SegmenterParams
    deformation: DeformationParams
    atlas: AtlasParams
    analyse: AnalyseParams


@dataclass(frozen=True)
class Cost:
    """What one stage takes: wall time, busy processors or a GPU, peak memory, disk of its outs."""

    seconds: float
    processors: float = 1.0
    gpu: bool = False
    memory_bytes: float = 0.0
    gpu_bytes: float = 0.0
    disk_bytes: float = 0.0

    @property
    def hours(self) -> float:
        """GPU-hours where a GPU does the work, else CPU-hours."""
        return self.seconds * (1.0 if self.gpu else self.processors) / 3600


Estimator = Callable[[Study, Rates, list[str]], Cost]


def voxels(shapes: Iterable[Shape]) -> int:
    """Return the number of voxels of scans."""
    return sum(prod(shape) for shape in shapes)


def kspace_bytes(shapes: Iterable[Shape], n_coils: int) -> int:
    """Return the size of the scans' files."""
    return COMPLEX_BYTES * n_coils * voxels(shapes)


def images_bytes(shapes: Iterable[Shape]) -> float:
    """Return the size of compressed images."""
    return IMAGE_PACKED * IMAGE_BYTES * voxels(shapes)


def labels_bytes(shapes: Iterable[Shape]) -> float:
    """Return the size of compressed label maps."""
    return LABELS_PACKED * LABEL_BYTES * voxels(shapes)


def cropped(shapes: Iterable[Shape], crop: tuple[int, int]) -> list[Shape]:
    """Return the shapes without the outer slices."""
    return [(max(n - sum(crop), 0), ky, kz) for n, ky, kz in shapes]


def n_validations(steps: int, interval: int) -> int:
    """Return how often a training is validated: every `interval` steps and after the last."""
    return ceil(steps / interval)


def side_by_side(n_items: int, seconds: float, n_workers: int) -> float:
    """Return the wall time of equal items, `n_workers` at a time."""
    return ceil(n_items / n_workers) * seconds


def train(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Reading, steps and validations; a member that is taken from elsewhere is only copied.

    seconds = bytes * read + steps * step + ceil(steps / interval) * slices * check
    """
    architecture, seed = arguments[0], int(arguments[1])
    params, weights = study.train[architecture], rates.weights[architecture]
    if seed in params.pretrained:
        return Cost(0.0, disk_bytes=weights, memory_bytes=weights)
    step = rates.step[architecture]
    kept = kspace_bytes(cropped(study.training, params.crop_outer_slices), study.n_coils)
    n_checks = n_validations(params.steps, params.validation_interval) * params.validation_slices
    seconds = kept * rates.read.seconds + params.steps * step.seconds
    seconds += n_checks * len(study.validation) * rates.check[architecture].seconds
    held = 0 if study.compute.cache == "none" else kept
    return Cost(
        seconds,
        processors=1 if study.gpu else study.compute.threads,
        gpu=study.gpu,
        memory_bytes=step.memory_bytes + held,
        gpu_bytes=step.gpu_bytes,
        disk_bytes=weights,
    )


def reconstruct(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Slices, and the images written; on a CPU some scans at a time."""
    timed = rates.slice[arguments[0]]
    n_slices = sum(shape[0] for shape in study.validation)
    work = n_slices * timed.seconds + voxels(study.validation) * rates.save.seconds
    workers = 1 if study.gpu else min(study.compute.workers, len(study.validation))
    libraries = rates.start["reconstruct"].memory_bytes
    each = work / len(study.validation)
    return Cost(
        side_by_side(len(study.validation), each, workers),
        processors=workers,
        gpu=study.gpu,
        memory_bytes=libraries + workers * max(timed.memory_bytes - libraries, 0.0),
        gpu_bytes=timed.gpu_bytes,
        disk_bytes=images_bytes(study.validation),
    )


def segment(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every image, and its shifted copies."""
    n_times = 1 + study.segment.perturbations.draws
    return Cost(
        n_times * voxels(study.validation) * rates.segment.seconds,
        processors=study.compute.workers,
        gpu=study.gpu,
        memory_bytes=rates.segment.memory_bytes,
        gpu_bytes=rates.segment.gpu_bytes,
        disk_bytes=labels_bytes(study.validation),
    )


def reference(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Fully sampled images: bytes read, voxels written."""
    seconds = kspace_bytes(study.validation, study.n_coils) * rates.reference.seconds
    return Cost(
        seconds + voxels(study.validation) * rates.save.seconds,
        memory_bytes=rates.reference.memory_bytes,
        disk_bytes=images_bytes(study.validation),
    )


def noise(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Noisy images; the signal that sets the noise is one more pass over the scans."""
    seconds = kspace_bytes(study.validation, study.n_coils) * rates.noise.seconds
    plain = reference(study, rates, arguments)
    return Cost(
        plain.seconds + seconds,
        memory_bytes=rates.noise.memory_bytes,
        disk_bytes=plain.disk_bytes,
    )


def mask(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """One mask a scan, a bit a position."""
    scans = study.training + study.validation
    return Cost(
        len(scans) * rates.mask.seconds,
        memory_bytes=rates.mask.memory_bytes,
        disk_bytes=sum(2 * ky * kz / 8 for _, ky, kz in scans),
    )


def inspect_data(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every scan read once, some at a time."""
    scans = study.training + study.validation
    seconds = kspace_bytes(scans, study.n_coils) * rates.reference.seconds
    each, workers = seconds / len(scans), study.compute.workers
    return Cost(side_by_side(len(scans), each, workers), min(workers, len(scans)))


def phantom(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Simulated scans with their labels, some heads at a time."""
    params, workers = study.phantom, study.compute.workers
    n_heads = params.n_train + params.n_validation + params.n_twins
    shapes = [params.grid] * n_heads
    return Cost(
        side_by_side(n_heads, rates.head.seconds, workers),
        processors=min(workers, n_heads),
        memory_bytes=rates.head.memory_bytes * min(workers, n_heads),
        disk_bytes=kspace_bytes(shapes, params.n_coils) + labels_bytes(shapes),
    )


def image_quality(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every member's images read and scored."""
    n_members = len(study.ensembles.members(arguments[0]))
    each = rates.load.seconds + rates.quality.seconds
    return Cost(
        n_members * voxels(study.validation) * each, memory_bytes=rates.quality.memory_bytes
    )


def measure(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every member's images and labels read; groups of one member have tables only."""
    group = study.ensembles.group(arguments[0])
    if not group.kind.repeated:
        return Cost(0.0)
    n_members = len(group.members)
    largest = max(prod(shape) for shape in study.validation)
    return Cost(
        MEASURE_LOADS * n_members * voxels(study.validation) * rates.load.seconds,
        memory_bytes=rates.load.memory_bytes + n_members * IMAGE_BYTES * largest,
        disk_bytes=TABLE_BYTES / 10,
    )


def overlap(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every member's label maps read and compared, some scans at a time."""
    n_members, n_scans = len(study.ensembles.members(arguments[0])), len(study.validation)
    workers = min(study.compute.workers, n_scans)
    each = n_members * voxels(study.validation) * (rates.load.seconds + OVERLAP_VOXEL_S) / n_scans
    return Cost(side_by_side(n_scans, each, workers), workers, memory_bytes=rates.load.memory_bytes)


def deformation(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Iterations on the grids of every image, some scans at a time."""
    params, n_scans = study.deformation, len(study.validation)
    n_members = len(study.ensembles.members(arguments[0]))
    workers = min(study.compute.workers, n_scans)
    pairs = zip(params.shrink_factors, params.iterations, strict=True)
    n_iterations = sum(n / factor**3 for factor, n in pairs)  # of the whole grid
    voxel = rates.load.seconds + BOX * n_iterations * DEMONS_VOXEL_S
    each = n_members * voxels(study.validation) * voxel / n_scans
    largest = max(prod(shape) for shape in study.validation)
    return Cost(
        side_by_side(n_scans, each, workers),
        workers,
        memory_bytes=rates.load.memory_bytes + workers * DEMONS_BYTES * largest,
    )


def analyse(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Statistics, in proportion to their random draws."""
    params = study.analyse
    n_draws = params.bootstrap_draws + params.permutations + params.subsets
    return Cost(ANALYSE_S * n_draws / ANALYSE_DRAWS, disk_bytes=TABLE_BYTES / 10)


def pathology(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every member's images of the scans with a pathology and of their healthy twins read."""
    n_members = sum(len(study.ensembles.members(g)) for g in study.ensembles.architectures)
    n_loads = 2 * study.phantom.n_twins * n_members
    return Cost(n_loads * prod(study.phantom.grid) * rates.load.seconds)


def report(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """The figures and the page."""
    return Cost(REPORT_S, disk_bytes=TABLE_BYTES)


def segmenter(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Training of the embedded segmenter."""
    params = study.segmenter
    n_steps = params.optimisation.steps + sum(phase.steps for phase in params.refinements)
    return Cost(n_steps * SEGMENTER_STEP_S)


def segmenter_quality(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Fresh heads, each segmented fully sampled, undersampled and with every draw of noise."""
    params, workers = study.segmenter.quality, study.compute.workers
    each = rates.head.seconds + (2 + params.n_noise) * prod(params.grid) * rates.segment.seconds
    return Cost(
        side_by_side(params.n_phantoms, each, workers),
        processors=workers,
        memory_bytes=rates.head.memory_bytes * workers,
    )


def build_atlas(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Heads, and their alignment."""
    return Cost(study.atlas.n_heads * BUILD_ATLAS_HEAD_S)


def atlas_quality(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Fresh heads, each segmented fully sampled, undersampled and with every draw of noise."""
    counts, scan, workers = study.atlas.quality, study.segmenter.quality, study.compute.workers
    each = rates.head.seconds + (2 + counts.n_noise) * prod(scan.grid) * ATLAS_VOXEL_S
    return Cost(
        side_by_side(counts.n_phantoms, each, workers),
        processors=workers,
        memory_bytes=rates.head.memory_bytes * workers,
    )


def trivial(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Nothing beyond the start."""
    return Cost(0.0)


ESTIMATORS: dict[str, Estimator] = {
    function.__name__: function
    for function in (
        train,
        reconstruct,
        segment,
        reference,
        noise,
        mask,
        inspect_data,
        phantom,
        image_quality,
        measure,
        overlap,
        deformation,
        analyse,
        pathology,
        report,
        segmenter,
        segmenter_quality,
        build_atlas,
        atlas_quality,
    )
} | dict.fromkeys(("code", "check", "model_cards"), trivial)
"""By the script, the module below `stages` that a stage runs."""


def script_of(stage: Stage) -> tuple[str, list[str]]:
    """Return the module below `stages` that a stage runs, and its arguments; "" without one."""
    words = (stage.command or "").split()
    for number, (option, module) in enumerate(pairwise(words)):
        if option == "-m" and module.startswith("stages."):
            return module.removeprefix("stages."), words[number + 2 :]
    return "", words


def cost_of(stage: Stage, study: Study, rates: Rates) -> Cost | None:
    """Return what a stage costs, its start and DVC included; None for a command not known here."""
    if stage.name.endswith(TRACKED):
        size = kspace_bytes(study.training + study.validation, study.n_coils)
        return Cost(DVC_S + size / IMPORT_BYTES_PER_S, disk_bytes=size)
    if stage.command is None:
        return Cost(DVC_S)
    script, arguments = script_of(stage)
    if script not in ESTIMATORS:
        return None
    work, start = ESTIMATORS[script](study, rates, arguments), rates.start[script]
    around = DVC_S + work.disk_bytes / HASH_BYTES_PER_S
    return Cost(
        work.seconds + start.seconds + around,
        work.processors,
        work.gpu,
        max(work.memory_bytes, start.memory_bytes),
        work.gpu_bytes,
        work.disk_bytes,
    )


@dataclass(frozen=True)
class Row:
    """The stages of one kind together; `one` has their mean time and their largest memory."""

    kind: str
    number: int
    one: Cost

    @property
    def seconds(self) -> float:
        """Wall time of all, one after the other."""
        return self.number * self.one.seconds

    @property
    def hours(self) -> float:
        """GPU-hours or CPU-hours of all."""
        return self.number * self.one.hours

    @property
    def disk_bytes(self) -> float:
        """Disk of all outs."""
        return self.number * self.one.disk_bytes


def rows(costs: Mapping[str, Cost]) -> list[Row]:
    """Return one row a kind of stages, in the order in which kinds first appear."""
    kinds: dict[str, list[Cost]] = {}
    for name, cost in costs.items():
        kinds.setdefault(kind(name), []).append(cost)
    return [Row(name, len(parts), mean(parts)) for name, parts in kinds.items()]


def mean(costs: list[Cost]) -> Cost:
    """Return the mean time and disk and the largest memory of stages of one kind."""
    n = len(costs)
    hours = sum(cost.hours for cost in costs)
    seconds = sum(cost.seconds for cost in costs)
    return Cost(
        seconds / n,
        processors=3600 * hours / seconds if seconds else 1.0,
        gpu=any(cost.gpu for cost in costs),
        memory_bytes=max(cost.memory_bytes for cost in costs),
        gpu_bytes=max(cost.gpu_bytes for cost in costs),
        disk_bytes=sum(cost.disk_bytes for cost in costs) / n,
    )
