"""Time and memory of `measure` and `analyse` at the size of the published study.

python -m tests.benchmarks.statistics [--members 11 4] [--tiny]

`measure`: one scan of 256 x 218 x 170 at 1 mm, a digital head of which every member shows a
slightly warped, noisy copy, with files that compress as those of the default study (images to .90,
label maps to .03 of their size); the alternative in the same run is reading and decompressing the
same files. Image quality is timed apart. `analyse`: 37 members, 20 scans, 16 structures, 1,000
bootstrap draws.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import nibabel as nib
import numpy as np
import pandas as pd
import torch
import yaml

from stages import analyse, image_quality
from stages.anatomy.head import digital_head
from stages.machine.memory import keep_freed_memory
from stages.measures.members import load_reference
from stages.measures.scan_tables import scan_tables
from stages.measures.scores.catalogue import SCORES
from stages.measures.surrogates import (
    GAIN_NORMALISED,
    IMAGES,
    STD_STATISTICS,
    SURROGATES,
)
from stages.measures.thickness.lobes import LOBES, regions
from stages.params.measure import MeasureParams
from stages.storage.nifti import affine, save_volume
from stages.study import layout, schema
from stages.study.groups import ENSEMBLE, Group
from stages.study.structures import STRUCTURES
from tests.benchmarks.process import Cost, alone
from tests.benchmarks.tiny import parsed
from tests.fabricated import ROOT, Study, toy_labels, write_csv, write_curves, write_params

GROUP, SCAN = "unet", "sub-1"
CONTRASTS = 7  # tissues of different brightness, 0 ... 1
NOISE = 0.05
# of the default study, two members call 5 % of the brain's voxels differently
WARP_VOXELS = 0.48  # standard deviation of the points of a grid
SMOOTH_VOXELS = 8  # the grid's step


@dataclass(frozen=True)
class Size:
    """Of the measured scan, and of the analysed cohort."""

    shape: tuple[int, int, int]
    members: dict[str, int]
    n_scans: int
    n_draws: int
    """Of the bootstrap; permutations are one less, subsets of members a fifth, as by default."""


FULL = Size((256, 218, 170), {"unet": 15, "varnet": 11, "rim": 11}, 20, 1000)
TINY = Size((48, 54, 42), {"unet": 3, "varnet": 3, "rim": 3}, 4, 50)


def main(arguments: list[str] | None = None) -> None:
    """Print one line for each number of members, then one for the analysis."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", nargs="+", type=int, default=[4, 11])
    options = parsed(parser, arguments, members=[2])
    size = TINY if options.tiny else FULL
    with tempfile.TemporaryDirectory() as folder:
        alone(write_scan, folder, max(options.members), size)
        print(f"image quality: {alone(score_image, folder):.1f} CPU-s a member", flush=True)
        for n in options.members:
            reading, measuring = alone(read_files, folder, n), alone(measure_scan, folder, n)
            print(f"measure, {n} members: {measuring.wall:.1f} s and {measuring.cpu:.1f} CPU-s,"
                  f" {measuring.wall / reading.wall:.2f} and {measuring.cpu / reading.cpu:.2f} x"
                  f" reading ({reading.wall:.1f} s, {reading.cpu:.1f} CPU-s),"
                  f" peak {measuring.peak_gb:.2f} GB", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        found = alone(analyse_tables, folder, size)
    print(f"analyse, {sum(size.members.values())} members x {size.n_scans} scans:"
          f" {found.cpu:.1f} CPU-s, peak {found.peak_gb:.2f} GB")  # fmt: skip


def write_scan(folder: str, n_members: int, size: Size) -> None:
    """Write the reference and the members of one scan."""
    rng, shape = np.random.default_rng(0), size.shape
    whole = digital_head(3).labels if size == FULL else toy_labels(rng, shape)
    labels = np.zeros(shape, np.int16)
    low = [max(0, (a - b) // 2) for a, b in zip(whole.shape, shape, strict=True)]
    part = whole[tuple(slice(a, a + n) for a, n in zip(low, shape, strict=True))]
    part = np.where(part < 100, part, 0)  # the brain alone
    labels[tuple(slice(0, n) for n in part.shape)] = part
    matrix = affine(shape, (1.0,) * 3, "SAR")
    for group, n in (("reference", 1), (GROUP, n_members)):
        for member in range(n):
            own = warped(labels, rng) if group == GROUP else labels
            save_volume(
                Path(folder) / layout.image(group, member, SCAN), magnitude(own, rng), matrix
            )
            save_volume(Path(folder) / layout.segmentation(group, member, SCAN), own, matrix)


def magnitude(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image (i, j, k) float32 with Rician noise; it compresses as the study's own do."""
    image = labels % CONTRASTS / CONTRASTS + NOISE * rng.standard_normal(labels.shape)
    return np.hypot(image, NOISE * rng.standard_normal(labels.shape)).astype(np.float32)


def warped(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return labels (i, j, k) whose borders move smoothly, each voxel by a part of one."""
    index = []
    for axis, length in enumerate(labels.shape):
        moved = rng.normal(0, WARP_VOXELS, [-(-n // SMOOTH_VOXELS) + 1 for n in labels.shape])
        for along, n in enumerate(labels.shape):
            below, part = np.divmod(np.arange(n) / SMOOTH_VOXELS, 1)
            below, part = below.astype(int), np.expand_dims(part, tuple({0, 1, 2} - {along}))
            moved = (1 - part) * moved.take(below, along) + part * moved.take(below + 1, along)
        place = np.expand_dims(np.arange(length), tuple({0, 1, 2} - {axis}))
        index.append(np.clip(np.rint(place + moved), 0, length - 1).astype(int))
    return np.asfortranarray(labels[tuple(index)])


def read_files(folder: str, n_members: int) -> Cost:
    """The cost of reading what `measure_scan` reads, one file after the other."""
    os.chdir(folder)
    started = Cost.now()
    for group, n in (("reference", 1), (GROUP, n_members)):
        for member in range(n):
            np.asarray(nib.load(layout.image(group, member, SCAN)).dataobj)
            np.asarray(nib.load(layout.segmentation(group, member, SCAN)).dataobj)
    return Cost.now() - started


def measure_scan(folder: str, n_members: int) -> Cost:
    """The cost of the voxelwise tables of one scan (image quality apart)."""
    os.chdir(folder)
    params = MeasureParams.load(ROOT / "params.yaml")
    group = Group(GROUP, ENSEMBLE, tuple(range(n_members)))
    started = Cost.now()
    keep_freed_memory()
    scan = load_reference(SCAN)
    scan_tables(scan, group, params)
    return Cost.now() - started


def score_image(folder: str) -> float:
    """CPU seconds of reading and scoring one member's image."""
    os.chdir(folder)
    torch.set_num_threads(1)
    started = process_time()
    image_quality.scan_quality(SCAN, Group(GROUP, ENSEMBLE, (0,)))
    return process_time() - started


def analyse_tables(folder: str, size: Size) -> Cost:
    """The cost of the analysis of fabricated tables."""
    os.chdir(folder)
    write_params(Path("params.yaml"), Study())
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["ensembles"] = {g: list(range(n)) for g, n in size.members.items()} | {
        "noise": [0, 1, 2, 3],
        "baselines": ["zero_filled"],
    }
    params["analyse"] |= {
        "bootstrap_draws": size.n_draws,
        "permutations": size.n_draws - 1,
        "subsets": size.n_draws // 5,
    }
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    write_tables(np.random.default_rng(0), size)
    started = Cost.now()
    analyse.main()
    return Cost.now() - started


REGIONS = [name for name, _ in regions(np.arange(len(LOBES)), np.arange(len(LOBES)) % 2 > 0)]
LEVELS = {
    "half": ("a", "b"),
    "edges": ("own", "global"),
    "bin": tuple(range(10)),
    "range": ("challenge", "fixed"),
    "slices": ("brain", "cropped", "all"),
    "target": ("reference",),
    "reason": ("",),
    "region": REGIONS,
    "score": tuple(SCORES),
}
"""What stands in columns that are no measurement, beside group, member, subject, structure."""


def write_tables(rng: np.random.Generator, size: Size) -> None:
    """Write what the stages before `analyse` would have written."""
    sizes = size.members | {"noise": 4, "reference": 1, "zero_filled": 1}
    for group, n_members in sizes.items():
        for table in (t for t in schema.GROUP_TABLES if t is not schema.DRAWS):
            found = table_of(table, group, n_members, size.n_scans, rng)
            write_csv(table.path(group), found)
    for group, n_members in size.members.items():
        for member in range(n_members):
            write_curves(layout.model(group, member) / layout.CURVES, rng)


def table_of(
    table: schema.Table, group: str, n_members: int, n_scans: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return a table of a group by its schema, its measurements drawn at random."""
    kinds = {name: one.kind for name, one in SURROGATES.items()} | {GAIN_NORMALISED: IMAGES}
    kinds |= {f"std_{name}": IMAGES for name in STD_STATISTICS} if "half" in table.units else {}
    levels: dict[str, Sequence[object]] = LEVELS | {
        "group": (group,),
        "member": range(n_members),
        "subject": [f"sub-e{n}s{n}P{n}7" for n in range(n_scans)],
        "structure": [entry.name for entry in STRUCTURES],
        "surrogate": list(kinds),
    }
    keys = [name for name in table.columns if name in levels]
    rows = pd.MultiIndex.from_product([levels[name] for name in keys], names=keys)
    found = rows.to_frame(index=False)
    for name in table.less(*keys):
        found[name] = MEASURED.get(name, positive)(rng, len(found))
    if "kind" in table.units:
        found["kind"] = found["surrogate"].map(kinds)
    return found[table.columns]


def positive(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return what a standard deviation or another positive measure may be."""
    return rng.gamma(4, 0.01, n)


MEASURED = {
    "volume_mm3": lambda rng, n: 5000 * np.exp(0.02 * rng.standard_normal(n)),
    "n_voxels": lambda _, n: np.full(n, 100),
    "psnr": lambda rng, n: 33 + rng.standard_normal(n),
    "ssim": lambda rng, n: 0.9 + 0.01 * rng.standard_normal(n),
    "dice": lambda rng, n: 0.9 - rng.gamma(4, 0.01, n),
    "change": lambda rng, n: rng.standard_normal(n),
}
"""How a column of measurements is drawn; `positive` for all others."""


if __name__ == "__main__":
    main()
