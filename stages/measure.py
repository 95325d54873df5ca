"""Read volumes and voxelwise statistics of one group off its files, as tidy tables.

`python -m stages.measure unet`: streams scan by scan and member by member; every file is read once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes

from stages.machine.arguments import group_argument
from stages.machine.entry import entry_point
from stages.machine.lookahead import ahead
from stages.machine.memory import map_large_blocks
from stages.machine.progress import progress
from stages.measures.agreement import count_votes
from stages.measures.boundary import SHELL_VOXELS
from stages.measures.members import (
    HALVES,
    Reference,
    drawn_volumes,
    halves_of,
    load_image,
    load_labels,
    load_reference,
    member_volumes,
    scans,
    volume_table,
    write_tables,
)
from stages.measures.surrogates import gain_table, gathered, surrogate_table
from stages.measures.voxelwise import (
    SUMMARIES,
    fitted_gains,
    flat,
    histogram_table,
    mean_and_std,
    number_table,
    region_tables,
    signal_to_noise,
    structure_numbers,
)
from stages.params.ensembles import NOISE, REFERENCE, EnsembleParams
from stages.params.measure import MeasureParams
from stages.provenance.checks import check_group, check_label_maps
from stages.study import layout
from stages.study.structures import STRUCTURES

READERS = 2  # files read at a time: more would not be faster than what takes their voxels
LABELS = {entry.name: entry.labels for entry in STRUCTURES}
HALF_COLUMNS = ["structure", "n_voxels", *SUMMARIES, "half"]
Tables = dict[str, pd.DataFrame]


def read_members(
    place: Callable[[str, int, str], Path], scan: Reference, group: str, members: tuple[int, ...]
) -> Iterator[np.ndarray]:
    """Yield the volume (i, j, k) of each member: `layout.image` or `layout.segmentation`."""
    paths = [place(group, member, scan.subject) for member in members]
    load = load_image if place is layout.image else load_labels
    return ahead(lambda path: load(path, scan), paths, READERS)


def voxelwise_tables(
    scan: Reference,
    group: str,
    members: tuple[int, ...],
    params: MeasureParams,
) -> Tables:
    """Return the tables of one scan that compare the images of all members voxel by voxel."""
    numbers = number_table(LABELS)
    labels = read_members(layout.segmentation, scan, group, members)
    maps = [structure_numbers(m, numbers) for m in labels]
    votes = count_votes(maps, SHELL_VOXELS)
    del maps  # the votes hold what they say
    found = gathered(votes, read_members(layout.image, scan, group, members), scan.scale)
    brain = found.chosen[: found.n_inside]
    positions, bits = votes.positions(brain), flat(votes.bits())[brain]
    mean, std = found.mean[: found.n_inside], found.std[: found.n_inside]
    values = found.values[:, : found.n_inside]
    reference = np.abs(flat(scan.image)[positions]) / np.float32(scan.scale)
    _, without_gain = mean_and_std(values, fitted_gains(values, reference))
    halves = half_deviations(values, members)
    raw, normalised, *apart = region_tables([std, without_gain, *halves.values()], bits)
    halved = [table.assign(half=half) for half, table in zip(halves, apart, strict=True)]
    none = pd.DataFrame(columns=HALF_COLUMNS)
    tables = {
        "regions": raw.join(normalised[list(SUMMARIES)].add_prefix("gain_normalised_")),
        "halves": pd.concat(halved, ignore_index=True) if halved else none,
        "histograms": histogram_table(std, bits, params.histogram_bins, params.histogram_upper),
    }
    sizes = tuple(voxel_sizes(scan.affine))
    parts = [gain_table(tables["regions"]), surrogate_table(found, list(LABELS), sizes)]
    tables["surrogates"] = pd.concat(parts, ignore_index=True)
    if group == NOISE:
        same = structure_numbers(flat(scan.labels)[positions], numbers) != 0
        tables["snr"] = pd.DataFrame([signal_to_noise(mean[same], std[same])])
    return tables


def half_deviations(values: np.ndarray, members: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return the voxelwise deviation (n_voxels,) within each half of at least two members.

    The primary test foretells the variation of one half's volumes from the other half's images.

    Args:
        values: (n_members, n_voxels).
        members: seeds, in the order of `values`.
    """
    found = {}
    for half, chosen in zip(HALVES, halves_of(list(members)), strict=True):
        if len(chosen) > 1:
            _, found[half] = mean_and_std(values[[members.index(member) for member in chosen]])
    return found


def measure_scan(
    subject: str, group: str, members: tuple[int, ...], params: MeasureParams
) -> Tables:
    """Return the voxelwise tables of one scan, with its group and name in front."""
    tables = voxelwise_tables(load_reference(subject), group, members, params)
    for table in tables.values():
        table.insert(0, "subject", subject)
        table.insert(0, "group", group)
    return tables


def measure(
    group: str, members: tuple[int, ...], subjects: list[str], params: MeasureParams
) -> Tables:
    """Return the tidy tables of an ensemble, one row a scan and what the columns name."""
    parts = [
        measure_scan(subject, group, members, params)
        for subject in progress(subjects, desc=f"measure {group}", unit="scan")
    ]
    return {name: pd.concat([p[name] for p in parts], ignore_index=True) for name in parts[0]}


def truth(subjects: list[str]) -> Tables:
    """Return the true volumes of a simulated cohort; nothing when the data has none."""
    path = layout.TRUTH / "volumes.csv"
    return {"truth": volume_table(path, subjects)} if path.exists() else {}


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Measure the group named on the command line."""
    ensembles, params = EnsembleParams.load(), MeasureParams.load()
    group = group_argument(arguments, "measure", ensembles.groups)
    map_large_blocks()
    subjects = scans()
    members = ensembles.members(group, at_least=2)
    if group in ensembles.single:
        check_label_maps(group, members, subjects)
    else:
        check_group(group, members, subjects)
    tables = {"volumes": member_volumes(group, members, subjects)}
    if group == REFERENCE:
        tables |= truth(subjects)
    elif group not in ensembles.single:
        tables |= measure(group, members, subjects, params)
        draws = drawn_volumes(group, members, subjects)
        tables |= {} if draws is None else {"draws": draws}
    write_tables(layout.measures(group), tables)


if __name__ == "__main__":
    main()
