"""What each stage costs, from sizes and from the time of small pieces of it: pure formulas.

An estimator returns the work of a stage of one script without its start; `cost_of` adds the start
of the process and what DVC does around it. Sizes are in bytes or voxels, times in seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil, prod

from stages.anatomy.diseases.catalogue import DISEASES
from stages.params.draws import KINDS
from stages.pipeline.costs import Cost, Rates, Study
from stages.pipeline.graph import TRACKED, Stage, script_of
from stages.pipeline.sizes import (
    IMAGE_BYTES,
    cropped,
    images_bytes,
    kspace_bytes,
    labels_bytes,
    voxels,
)

TABLE_BYTES = 3e6  # tables and figures of the default study, which hardly grow with it

# measured on two cores at 2.5 GHz with the default study
DVC_S = 1.0  # of `dvc repro` around every stage
HASH_BYTES_PER_S = 250e6  # of what a stage writes
IMPORT_BYTES_PER_S = 150e6  # copied, hashed and linked
MEASURE_LOADS = 3.0  # times of reading an image and its labels that statistics on them take
THICKNESS_VOXEL_S = 2e-7  # a voxel of a label map: Laplace's equation in its cortex
OVERLAP_VOXEL_S = 8e-8  # a voxel of a label map, both targets
DEMONS_VOXEL_S = 3e-7  # an iteration on a voxel of the box around the brain
DEMONS_BYTES = 250  # a voxel of a scan that is registered
BOX = 0.7  # part of a scan that the box around the brain fills
RESCAN_HEADS = 1.5  # a head is built, moved and scanned; in times of one that is not moved
ANALYSE_S = 6.0  # for `ANALYSE_DRAWS` draws
ANALYSE_DRAWS = 2199  # bootstrap draws, permutations and subsets
REPORT_S = 27.0  # figures 10, HTML report 17: most of it the pictures of four scans
BUILD_ATLAS_HEAD_S = 8.0  # building a head and aligning it with the average
ATLAS_MAPS = 12  # label maps that an atlas of real heads averages
ATLAS_VOXEL_S = 6e-6  # of an image that the atlas segments
SEGMENTER_STEP_S = 1.2  # of training the bundled network, its images drawn on a second core

Estimator = Callable[[Study, Rates, list[str]], Cost]
"""Takes the arguments of the stage's script."""


def side_by_side(n_items: int, seconds: float, n_workers: int) -> float:
    """Return the wall time of equal items, `n_workers` at a time."""
    return ceil(n_items / n_workers) * seconds


def train(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Reading and steps; a member that is taken from elsewhere is only copied.

    seconds = bytes * read + steps * step; disk = snapshots * weights
    """
    architecture, seed = arguments[0], int(arguments[1])
    params, weights = study.params.train[architecture], rates.weights[architecture]
    if seed in params.pretrained:
        return Cost(0.0, disk_bytes=weights, memory_bytes=weights)
    step = rates.step[architecture]
    kept = kspace_bytes(cropped(study.training, params.crop_outer_slices), study.n_coils)
    seconds = kept * rates.read.seconds + params.steps * step.seconds
    held = 0 if study.params.compute.cache == "none" else kept
    return Cost(
        seconds,
        processors=1 if study.gpu else study.params.compute.threads,
        gpu=study.gpu,
        memory_bytes=step.memory_bytes + held,
        gpu_bytes=step.gpu_bytes,
        disk_bytes=len(params.snapshot_steps) * weights,
    )


def select(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every snapshot tried on slices of the monitor scans; one of them becomes the member.

    seconds = snapshots * scans * slices * check
    """
    architecture, seed = arguments[0], int(arguments[1])
    params, weights = study.params.train[architecture], rates.weights[architecture]
    check = rates.check[architecture]
    n_snapshots = 0 if seed in params.pretrained else len(params.snapshot_steps)
    n_checks = n_snapshots * len(study.monitor) * params.validation_slices
    return Cost(
        n_checks * check.seconds,
        processors=1 if study.gpu else study.params.compute.threads,
        gpu=study.gpu,
        memory_bytes=check.memory_bytes,
        gpu_bytes=check.gpu_bytes,
        disk_bytes=weights,
    )


def reconstruct(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Slices, and the images written; on a CPU some scans at a time."""
    return one_member(study, rates, arguments[0], "reconstruct")


def reconstruct_draws(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """The same for every member of a group of draws, one after the other."""
    options = study.params.draws.group(arguments[0])
    one = one_member(study, rates, options.network[0], "reconstruct_draws")
    n_members, seconds, memory_bytes = len(options.members), one.seconds, one.memory_bytes
    if KINDS[options.method].rescanned:  # every scan is simulated
        n_scans = len(study.validation)
        workers = 1 if study.gpu else min(study.params.compute.workers, n_scans)
        seconds += side_by_side(n_scans, RESCAN_HEADS * rates.head.seconds, workers)
        memory_bytes += workers * rates.head.memory_bytes
    disk_bytes = n_members * one.disk_bytes
    seconds *= n_members
    return replace(one, seconds=seconds, disk_bytes=disk_bytes, memory_bytes=memory_bytes)


def one_member(study: Study, rates: Rates, group: str, script: str) -> Cost:
    """Return the cost of all images by one network or baseline."""
    timed = rates.slice[group]
    n_slices = sum(shape[0] for shape in study.validation)
    maps = study.params.reconstruct.noise_map
    n_volumes, n_images = (1, 1) if maps is None else (2, 2 * maps.probes + 2)  # there and back
    work = n_slices * timed.seconds * n_images
    work += n_volumes * voxels(study.validation) * rates.save.seconds
    workers = 1 if study.gpu else min(study.params.compute.workers, len(study.validation))
    libraries = rates.start[script].memory_bytes
    each = work / len(study.validation)
    return Cost(
        side_by_side(len(study.validation), each, workers),
        processors=workers,
        gpu=study.gpu,
        memory_bytes=libraries + workers * max(timed.memory_bytes - libraries, 0.0),
        gpu_bytes=timed.gpu_bytes,
        disk_bytes=n_volumes * images_bytes(study.validation),
    )


def segment(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every image, and shifted copies of those of ensembles."""
    ensembles, params = study.params.ensembles, study.params.segment
    n_members = 1 if len(arguments) > 1 else len(ensembles.members(arguments[0]))
    repeated = arguments[0] in ensembles.ensembles
    n_times = n_members * (1 + (params if repeated else params.once).perturbations.draws)
    return Cost(
        n_times * voxels(study.validation) * rates.segment.seconds,
        processors=study.params.compute.workers,
        gpu=study.gpu,
        memory_bytes=rates.segment.memory_bytes,
        gpu_bytes=rates.segment.gpu_bytes,
        disk_bytes=n_members * labels_bytes(study.validation),
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


def inspect(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every scan read once, some at a time."""
    scans = study.training + study.validation
    seconds = kspace_bytes(scans, study.n_coils) * rates.reference.seconds
    each, workers = seconds / len(scans), study.params.compute.workers
    return Cost(side_by_side(len(scans), each, workers), min(workers, len(scans)))


def phantom(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Simulated scans with their labels, some heads at a time."""
    params, workers = study.params.phantom, study.params.compute.workers
    n_heads = params.n_train + params.n_validation + params.n_pathological
    shapes = [params.grid] * n_heads
    return Cost(
        side_by_side(n_heads, rates.head.seconds, workers),
        processors=min(workers, n_heads),
        memory_bytes=rates.head.memory_bytes * min(workers, n_heads),
        disk_bytes=kspace_bytes(shapes, params.n_coils) + labels_bytes(shapes),
    )


def image_quality(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every member's images read and scored."""
    n_members = n_aligned(study, arguments[0])
    each = rates.load.seconds + rates.quality.seconds
    return Cost(
        n_members * voxels(study.validation) * each, memory_bytes=rates.quality.memory_bytes
    )


def n_aligned(study: Study, name: str) -> int:
    """Return the members whose images are compared with the reference's voxel by voxel."""
    group = study.params.ensembles.group(name)
    return len(group.members) if group.aligned else 0


def measure(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every member's images and labels read; of groups of one member the labels only."""
    group = study.params.ensembles.group(arguments[0])
    n_members = len(group.members)
    thickness = n_members * voxels(study.validation) * THICKNESS_VOXEL_S
    if not (group.kind.repeated and group.aligned):
        return Cost(thickness)
    largest = max(prod(shape) for shape in study.validation)
    return Cost(
        MEASURE_LOADS * n_members * voxels(study.validation) * rates.load.seconds + thickness,
        memory_bytes=rates.load.memory_bytes + n_members * IMAGE_BYTES * largest,
        disk_bytes=TABLE_BYTES / 10,
    )


def overlap(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every member's label maps read and compared, some scans at a time."""
    n_members, n_scans = n_aligned(study, arguments[0]), len(study.validation)
    workers = min(study.params.compute.workers, n_scans)
    each = n_members * voxels(study.validation) * (rates.load.seconds + OVERLAP_VOXEL_S) / n_scans
    return Cost(side_by_side(n_scans, each, workers), workers, memory_bytes=rates.load.memory_bytes)


def deformation(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Iterations on the grids of every image, some scans at a time."""
    params, n_scans = study.params.deformation, len(study.validation)
    n_members = n_aligned(study, arguments[0])
    workers = min(study.params.compute.workers, n_scans)
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
    params = study.params.analyse
    n_draws = params.bootstrap_draws + params.permutations + params.subsets
    return Cost(ANALYSE_S * n_draws / ANALYSE_DRAWS, disk_bytes=TABLE_BYTES / 10)


def pathology(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Every member's images of pathological and of matched healthy phantoms, read once."""
    n_members = sum(
        len(study.params.ensembles.members(g)) for g in study.params.ensembles.architectures
    )
    n_loads = 2 * study.params.phantom.n_pathological * n_members
    return Cost(n_loads * prod(study.params.phantom.grid) * rates.load.seconds)


def report(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """The figures and the HTML report."""
    return Cost(REPORT_S, disk_bytes=TABLE_BYTES)


def segmenter(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Training of the bundled segmentation network."""
    return Cost(segmenter_steps(study) * SEGMENTER_STEP_S, processors=2)


def segmenter_steps(study: Study) -> int:
    """Return the steps of all phases of the network's training."""
    params = study.params.segmenter
    return params.optimisation.steps + sum(phase.steps for phase in params.refinements)


def segmenter_folds(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Training of the networks that have not seen a part of the maps; judging takes minutes."""
    folds = study.params.segmenter.folds
    own = sum(folds.steps) - folds.digital
    return Cost((folds.digital + folds.judged * own) * SEGMENTER_STEP_S, processors=2)


def segmenter_quality(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Held-out phantoms, segmented fully sampled, undersampled, healthy ones with all draws."""
    params, workers = study.params.segmenter.quality, study.params.compute.workers
    image = prod(params.grid) * rates.segment.seconds
    each = rates.head.seconds + (2 + params.n_noise + params.n_shifts) * image
    ill = rates.head.seconds + 2 * image
    return Cost(
        side_by_side(params.n_phantoms, each, workers)
        + side_by_side(params.n_ill * len(DISEASES), ill, workers),
        processors=workers,
        memory_bytes=rates.head.memory_bytes * workers,
    )


def atlas(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Heads, and their alignment."""
    return Cost(atlas_heads(study) * BUILD_ATLAS_HEAD_S)


def atlas_heads(study: Study) -> int:
    """Return the heads that the atlas averages."""
    params = study.params.atlas
    return params.n_heads + (ATLAS_MAPS if params.label_maps else 0)


def atlas_quality(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Held-out phantoms, segmented fully sampled, undersampled, with all noise realisations."""
    counts, scan, workers = (
        study.params.atlas.quality,
        study.params.segmenter.quality,
        study.params.compute.workers,
    )
    n_images = 2 + counts.n_noise + counts.n_shifts
    each = rates.head.seconds + n_images * prod(scan.grid) * ATLAS_VOXEL_S
    n_maps = atlas_heads(study) - study.params.atlas.n_heads
    building = (counts.folds - 1) * atlas_heads(study) * BUILD_ATLAS_HEAD_S if n_maps else 0
    return Cost(
        building + side_by_side(counts.n_phantoms + n_maps, each, workers),
        processors=workers,
        memory_bytes=rates.head.memory_bytes * workers,
    )


def trivial(study: Study, rates: Rates, arguments: list[str]) -> Cost:
    """Nothing beyond the start."""
    return Cost(0.0)


ESTIMATORS: Mapping[str, Estimator] = {
    function.__name__: function
    for function in (
        train,
        select,
        reconstruct,
        reconstruct_draws,
        segment,
        reference,
        noise,
        mask,
        inspect,
        phantom,
        image_quality,
        measure,
        overlap,
        deformation,
        analyse,
        pathology,
        report,
        segmenter,
        segmenter_folds,
        segmenter_quality,
        atlas,
        atlas_quality,
    )
} | dict.fromkeys(("code", "check", "model_cards"), trivial)
"""By the script, the module below `stages` that a stage runs."""


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
