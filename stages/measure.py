"""Read volumes, voxelwise statistics and image quality of one group off its files, as tidy tables.

`python -m stages.measure unet`: streams scan by scan and member by member; every file is read once.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes

from stages import layout
from stages.errors import StudyError, door
from stages.files import atomic_directory
from stages.params.compute import ComputeParams
from stages.params.ensembles import NOISE, SINGLE, EnsembleParams
from stages.params.measure import MeasureParams
from stages.progress import progress
from stages.structures import STRUCTURES
from stages.uncertainty.members import (
    HALVES,
    Reference,
    drawn_volumes,
    halves_of,
    load_like,
    load_reference,
    member_volumes,
    scans,
    volume_table,
)
from stages.uncertainty.scan_surrogates import gathered_table, surroundings
from stages.uncertainty.voxelwise import (
    SUMMARIES,
    bit_table,
    flat,
    gather,
    histogram_table,
    label_bits,
    mean_and_std,
    region_table,
    signal_to_noise,
    union_bits,
)

REFERENCE = "reference"
HALF_COLUMNS = ["structure", "n_voxels", *SUMMARIES, "half"]
FLOAT_FORMAT = "%.9g"  # a float32 survives nine digits
Tables = dict[str, pd.DataFrame]
# reference and image (i, j, k), brain slices (i,) -> rows with range, slices, psnr, ssim
Quality = Callable[[np.ndarray, np.ndarray, np.ndarray], list]


def image_quality(compute: ComputeParams) -> Quality:
    """Return DIRECT's scores; torch is loaded here only, the statistics do not need it."""
    import torch

    from stages.recon.quality import quality

    torch.set_num_threads(compute.threads)
    return quality


def member_images(scan: Reference, group: str, members: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yield the image (i, j, k) of each member, one at a time."""
    for member in members:
        yield load_like(layout.image(group, member, scan.subject), scan.image.shape)


def member_labels(scan: Reference, group: str, members: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yield the label volume (i, j, k) of each member, one at a time."""
    for member in members:
        yield load_like(layout.segmentation(group, member, scan.subject), scan.image.shape)


def scored(
    images: Iterator[np.ndarray],
    scan: Reference,
    members: tuple[int, ...],
    quality: Quality,
    rows: list[dict],
) -> Iterator[np.ndarray]:
    """Pass the images on and append the quality of each to `rows`, so that a file is read once."""
    brain_slices = label_bits(scan.labels, bit_table()).any(axis=(1, 2))
    for member, image in zip(members, images, strict=True):
        scores = quality(scan.image, image, brain_slices)
        rows += [{"member": member, **asdict(row)} for row in scores]
        yield image


def voxelwise_tables(
    scan: Reference,
    group: str,
    members: tuple[int, ...],
    images: Iterator[np.ndarray],
    params: MeasureParams,
) -> Tables:
    """Return the tables of one scan that compare the images of all members voxel by voxel."""
    union = union_bits(member_labels(scan, group, members), bit_table())
    positions = np.flatnonzero(flat(surroundings(union != 0)))
    bits = flat(union)[positions]
    del union
    values = gather(images, positions, len(members))
    values /= np.float32(scan.scale)
    mean, std = mean_and_std(values)
    inside = bits != 0
    tables = {
        "regions": region_table(std[inside], bits[inside]),
        "halves": half_table(values[:, inside], bits[inside], members),
        "histograms": histogram_table(
            std[inside], bits[inside], params.histogram_bins, params.histogram_upper
        ),
        "surrogates": gathered_table(
            values,
            positions,
            scan.image.shape,
            member_labels(scan, group, members),
            {entry.name: entry.labels for entry in STRUCTURES},
            tuple(voxel_sizes(scan.affine)),
        ),
    }
    if group == NOISE:
        brain = inside & (label_bits(flat(scan.labels)[positions], bit_table()) != 0)
        tables["snr"] = pd.DataFrame([signal_to_noise(mean[brain], std[brain])])
    return tables


def half_table(values: np.ndarray, bits: np.ndarray, members: tuple[int, ...]) -> pd.DataFrame:
    """Return the region summaries of the deviation within each half of the members.

    The primary test foretells the variation of one half's volumes from the other half's images.

    Args:
        values: (n_members, n_voxels).
        bits: (n_voxels,) structure bits.
        members: seeds, in the order of `values`.
    """
    parts = []
    for half, chosen in zip(HALVES, halves_of(list(members)), strict=True):
        rows = [members.index(member) for member in chosen]
        if len(rows) > 1:
            _, std = mean_and_std(values[rows])
            parts.append(region_table(std, bits).assign(half=half))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=HALF_COLUMNS)


def measure_scan(
    subject: str, group: str, members: tuple[int, ...], params: MeasureParams, quality: Quality
) -> Tables:
    """Return all tables of one scan; a single member has a quality but nothing that varies."""
    scan, rows = load_reference(subject), []
    images = scored(member_images(scan, group, members), scan, members, quality, rows)
    if group in SINGLE:
        tables = {}
        for _ in images:
            pass
    else:
        tables = voxelwise_tables(scan, group, members, images, params)
    tables["quality"] = pd.DataFrame(rows)
    for table in tables.values():
        table.insert(0, "subject", subject)
        table.insert(0, "group", group)
    return tables


def measure(
    group: str,
    members: tuple[int, ...],
    subjects: list[str],
    params: MeasureParams,
    quality: Quality,
) -> Tables:
    """Return the tidy tables of a group of images, one row a scan and what the columns name."""
    parts = [
        measure_scan(subject, group, members, params, quality)
        for subject in progress(subjects, desc=f"measure {group}", unit="scan")
    ]
    return {name: pd.concat([p[name] for p in parts], ignore_index=True) for name in parts[0]}


def truth(subjects: list[str]) -> Tables:
    """Return the true volumes of a simulated cohort; nothing when the data has none."""
    path = layout.TRUTH / "volumes.csv"
    return {"truth": volume_table(path, subjects)} if path.exists() else {}


def write(tables: Tables, folder: Path) -> None:
    """Write one CSV file a table; the folder appears only when all are complete."""
    with atomic_directory(folder) as temporary:
        for name, table in tables.items():
            table.to_csv(temporary / f"{name}.csv", index=False, float_format=FLOAT_FORMAT)


@door
def main(arguments: list[str] | None = None) -> None:
    """Measure the group named on the command line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    ensembles, params = EnsembleParams.load(), MeasureParams.load()
    if len(arguments) != 1:
        known = "|".join(ensembles.groups)
        raise StudyError(f"usage: python -m stages.measure {known}, got {arguments}")
    group, subjects = arguments[0], scans()
    members = ensembles.members(group, at_least=2)
    tables = {"volumes": member_volumes(group, members, subjects)}
    if group == REFERENCE:
        tables |= truth(subjects)
    else:
        quality = image_quality(ComputeParams.load())
        tables |= measure(group, members, subjects, params, quality)
        draws = drawn_volumes(group, members, subjects)
        tables |= {} if draws is None else {"draws": draws}
    write(tables, layout.measures(group))


if __name__ == "__main__":
    main()
