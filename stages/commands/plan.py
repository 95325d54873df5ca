"""Tell what the stages that are out of date will take, before anyone starts them.

python -m stages plan              # everything
python -m stages plan train-unet   # a group and what it needs

Small pieces are timed on this machine and multiplied; nothing is written.
"""

import argparse
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import resolved, scan_format
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.sections import Parameters, load_all
from stages.pipeline.costs import Cost, Rates, Row, Study, Timed, rows
from stages.pipeline.estimators import ESTIMATORS, cost_of
from stages.pipeline.graph import (
    Stage,
    chosen,
    downstream,
    graph_of,
    in_order,
    longest_chains,
    restricted,
    script_of,
)
from stages.pipeline.probes import probe, start_of
from stages.study import layout
from stages.study.errors import StudyError

ROOT = Path()
GB = 1e9
UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))  # the first that fits
OF_A_NETWORK = ("train", "select", "reconstruct")  # their costs are those of a group
DRAWS = "reconstruct_draws"  # its costs are those of the network that is drawn from
NEEDS_FILES = {"train", "select", "reconstruct", "reference", "noise", "mask", "inspect"}
NEEDS_FILES |= {"reconstruct_draws", "image_quality", "measure", "overlap", "deformation"}
NEEDS_HEADS = {"phantom", "segmenter_quality", "atlas_quality"}
NEEDS_SEGMENTER = {"segment", "segmenter_quality"}


def outdated(targets: Collection[str]) -> dict[str, Stage]:
    """Return the stages that may have to run, in order."""
    # DVC takes a second to import, which the timed processes, as they import this file, need not
    from stages.pipeline.repository import changed, read_stages

    stages = read_stages(ROOT)
    graph = graph_of(stages)
    wanted = chosen(graph, targets)
    affected = downstream(graph, changed(ROOT, wanted)) & wanted
    return {name: stages[name] for name in in_order(graph) if name in affected}


def scans_of(part: str, data: DataParams) -> list[Scan]:
    """Return the scans of a part of the cohort; none where there is no data yet."""
    path, files = data.parts[part]
    return list_scans(path, scan_format(data), files) if path.is_dir() else []


def study_of(params: Parameters, device: str) -> tuple[Study, Scan | None]:
    """Return sizes and parameters, and a scan to time on; the simulated cohort's without data."""
    data, phantom = params.data, params.phantom
    parts = (layout.TRAIN, layout.VALIDATION, layout.MONITOR)
    train, validation, monitor = (scans_of(part, data) for part in parts)
    simulated = (phantom.grid,) * (phantom.n_validation + phantom.n_pathological)
    compute = params.compute.model_copy(update={"device": device})
    study = Study(
        training=tuple(scan.shape for scan in train) or (phantom.grid,) * phantom.n_train,
        validation=tuple(scan.shape for scan in validation) or simulated,
        monitor=tuple(scan.shape for scan in monitor) or simulated,
        gpu=device == "cuda",
        params=params.model_copy(update={"compute": compute}),
        coils_of_scans=max((scan.n_coils for scan in (*train, *validation)), default=None),
    )
    return study, next(iter(validation), None)


def device_of(compute: ComputeParams) -> str:
    """Return `cuda` or `cpu`; raise `StudyError` if the device that is asked for is missing."""
    from stages.machine.device import pick_device

    return pick_device(compute.device).type


def rates_of(stages: Collection[Stage], study: Study, scan: Scan | None) -> Rates:
    """Time what the stages are made of."""
    commands, draws = [script_of(stage) for stage in stages], study.params.draws
    scripts = sorted({name for name, _ in commands if name in ESTIMATORS})
    groups = sorted(
        {words[0] for name, words in commands if name in OF_A_NETWORK}
        | {draws.group(words[0]).network[0] for name, words in commands if name == DRAWS}
    )
    tasks = pieces(groups, set(scripts), study, scan)
    starts: dict[str, Timed] = {}
    parts: dict[str, dict[str, Timed]] = {}
    with progress(desc="timing", total=len(tasks) + len(scripts), unit="piece") as bar:
        for name in scripts:
            starts[name] = start_of(name)
            bar.update()
        for name, task in tasks.items():
            parts[name] = probe(*task)
            bar.update()
    return gathered(parts, groups, starts)


def pieces(
    groups: Collection[str], scripts: Collection[str], study: Study, scan: Scan | None
) -> dict[str, tuple[Any, ...]]:
    """Return what is timed: the name of each piece -> the arguments of its `probe`."""
    from stages.pipeline.timing import Sample

    params = study.params
    compute, batch_size = params.compute, params.reconstruct.batch_size
    path = None if scan is None else scan.path
    stated = scan_format(params.data)
    if scan is not None:
        stated = resolved(scan)
    elif stated.n_coils is None:
        stated = replace(stated, n_coils=study.n_coils)
    sample = Sample(study.validation[0], stated, path, params.mask)
    sparse = params.compressed_sensing
    tasks: dict[str, tuple[Any, ...]] = {
        group: ("networks", sample, params.train[group], compute, batch_size)
        if group in params.train
        else ("baseline", sample, group, sparse, compute, batch_size)
        for group in groups
    }
    if NEEDS_FILES & set(scripts):
        tasks["files"] = ("files", sample, compute)
    if NEEDS_SEGMENTER & set(scripts):
        tasks["segmenter"] = ("segmentation", sample, params.segment, compute)
    if NEEDS_HEADS & set(scripts):
        tasks["head"] = ("head", params.phantom, params.segmenter.quality)
    return tasks


def gathered(
    parts: Mapping[str, Mapping[str, Timed]], groups: Collection[str], starts: Mapping[str, Timed]
) -> Rates:
    """Return timed pieces as rates: those of groups by group, the others by their names."""

    def of(name: str) -> dict[str, Timed]:
        return {group: parts[group][name] for group in groups if name in parts[group]}

    single = [part for name, part in parts.items() if name not in groups]
    return Rates(
        start=starts,
        step=of("step"),
        check=of("check"),
        slice=of("slice"),
        weights={group: timed.memory_bytes for group, timed in of("weights").items()},
        **{name: timed for part in single for name, timed in part.items()},
    )


def duration(seconds: float) -> str:
    """Return a time with its unit: 12 s, 3.4 min, 2.1 h, 5.0 d."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def line(cells: Collection[str]) -> str:
    """Return a row of the table."""
    widths = (22, 8, 10, 10, 5, 9, 9, 9, 9)
    first, *others = zip(cells, widths, strict=True)
    return first[0].ljust(first[1]) + "".join(cell.rjust(width) for cell, width in others)


def table(found: list[Row]) -> list[str]:
    """Return the lines of the table; memory and disk in GB."""
    heads = ("stages", "number", "one", "all", "on", "hours", "memory", "on GPU", "disk")
    lines = [line(heads)]
    for row in found:
        one = row.one
        sizes = [f"{size / GB:.2f}" for size in (one.memory_bytes, one.gpu_bytes, row.disk_bytes)]
        times = [duration(one.seconds), duration(row.seconds)]
        where = "GPU" if one.gpu else "CPU"
        lines.append(line([row.kind, str(row.number), *times, where, f"{row.hours:.2f}", *sizes]))
    return lines


def sums(found: list[Row], costs: Mapping[str, Cost], stages: Mapping[str, Stage]) -> list[str]:
    """Return the lines below the table."""
    seconds = {name: cost.seconds for name, cost in costs.items()}
    graph = restricted(graph_of(stages), list(costs))
    longest = max(longest_chains(graph, seconds).values())
    hours = {gpu: sum(row.hours for row in found if row.one.gpu is gpu) for gpu in (True, False)}
    memory = max(row.one.memory_bytes for row in found)
    disk = sum(row.disk_bytes for row in found)
    return [
        f"together: {hours[True]:.2f} GPU-hours, {hours[False]:.2f} CPU-hours; at most"
        f" {memory / GB:.1f} GB of memory at a time; {disk / GB:.1f} GB of results, which DVC's"
        " cache holds once more",
        f"one after the other: {duration(sum(seconds.values()))}; with any number of jobs at a time"
        f" at least {duration(longest)}",
    ]


def basis(study: Study, scan: Scan | None, device: str) -> str:
    """Return what was timed, and on what."""
    n_slices, n_ky, n_kz = study.validation[0]
    size = f"{n_slices} x {n_ky} x {n_kz}, {study.n_coils} coils"
    what = f"slices of {scan.path}" if scan else "noise of the size of the simulated scans"
    return f"timed on {named(device)}: {what} ({size}); segmentation on a whole image or 128³ of it"


def named(device: str) -> str:
    """Return the name of the device."""
    if device == "cpu":
        return "the CPU"
    import torch

    return torch.cuda.get_device_name()


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Print the table and its sums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="stages or groups of stages (all)")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), help="instead of params.yaml's"
    )
    options = parser.parse_args(arguments)
    params = load_all()
    asked = options.device or params.compute.device
    stages = outdated(options.targets)
    if not stages:
        print("data and stages are up to date")
        return
    device = device_of(params.compute.model_copy(update={"device": asked}))
    study, scan = study_of(params, device)
    rates = rates_of(stages.values(), study, scan)
    estimates = {name: cost_of(stage, study, rates) for name, stage in stages.items()}
    costs = {name: cost for name, cost in estimates.items() if cost is not None}
    unknown = [name for name, cost in estimates.items() if cost is None]
    if not costs:
        raise StudyError(f"plan: expected stages of the study, got {', '.join(unknown)}")
    found = rows(costs)
    print("\n".join([*table(found), *sums(found, costs, stages), basis(study, scan, device)]))
    if any(script_of(stage)[0] == "code" for stage in stages.values()):
        print("the record of the code is out of date, so all behind it counts as changed;")
        print("`dvc repro code` takes seconds, and a plan after it holds what really has changed")
    if unknown:
        print(f"not estimated: {', '.join(unknown)}")
