"""The tidy tables of one group: its images compared voxel by voxel, scan by scan.

Streams scan by scan and member by member; every file is read once.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes

from stages.machine.progress import progress
from stages.measures.agreement import Votes, count_votes
from stages.measures.boundary import SHELL_VOXELS
from stages.measures.halves import half_regions, half_surrogates, halves
from stages.measures.members import (
    Reference,
    drawn_volumes,
    load_reference,
    member_images,
    member_labels,
    member_noise_maps,
    member_volumes,
)
from stages.measures.partitions import parts
from stages.measures.sides import side_volumes
from stages.measures.surrogates import gain_table, gathered, noise_table, surrogate_table
from stages.measures.thickness.mean_thickness import scan_thickness
from stages.measures.voxelwise import (
    fitted_gains,
    flat,
    gather,
    histogram_table,
    mean_and_std,
    number_table,
    region_table,
    region_tables,
    signal_to_noise,
    structure_numbers,
)
from stages.params.measure import MeasureParams
from stages.storage.tables import joined
from stages.study import schema
from stages.study.groups import Group
from stages.study.structures import LABELS, STRUCTURES, Structure

Tables = dict[str, pd.DataFrame]
"""Name of a table of `schema.GROUP_TABLES` -> the table."""


def group_tables(group: Group, subjects: list[str], params: MeasureParams) -> Tables:
    """Return every table of work/measures of a group."""
    tables = {schema.VOLUMES.name: member_volumes(group, subjects)}
    sides = side_volumes(group, subjects)
    tables |= {} if sides is None else {schema.SIDES.name: sides}
    tables |= image_tables(group, subjects, params)
    if group.kind.repeated:
        draws = drawn_volumes(group, subjects)
        tables |= {} if draws is None else {schema.DRAWS.name: draws}
    return tables


def image_tables(group: Group, subjects: list[str], params: MeasureParams) -> Tables:
    """Return the tables that are read off images and label maps, scan by scan.

    Thickness is that of every label map; the others compare the images of all members, one row a
    scan and structure.
    """
    thickness: list[pd.DataFrame] = []
    parts: list[Tables] = []
    for subject in progress(subjects, desc=f"measure {group.name}", unit="scan"):
        n_members = len(group.of(subject))
        if n_members:
            thickness.append(scan_thickness(subject, group))
        if group.kind.repeated and group.aligned and n_members > 1:
            parts.append(measure_scan(subject, group, params))
    tables = {schema.THICKNESS.name: joined(thickness, schema.THICKNESS.columns)}
    for name in parts[0] if parts else ():
        tables[name] = pd.concat([part[name] for part in parts], ignore_index=True)
    return tables


def measure_scan(subject: str, group: Group, params: MeasureParams) -> Tables:
    """Return the voxelwise tables of one scan, with its group and name in front."""
    tables = scan_tables(load_reference(subject), group, params)
    for table in tables.values():
        table.insert(0, "subject", subject)
        table.insert(0, "group", group.name)
    return tables


def scan_tables(scan: Reference, group: Group, params: MeasureParams) -> Tables:
    """Return the tables of one scan that compare the images of all members voxel by voxel.

    The structures of the study come first; the parcels of the cortex, where all members have them,
    are measured after them by themselves.
    """
    # a map without parcels has one part alone
    waiting = [*zip(*map(parts, member_labels(group, scan)), strict=False)]
    tables: list[Tables] = []
    while waiting:
        same = waiting.pop(0)
        structures = same[0].structures
        votes = count_votes([part.numbers for part in same], SHELL_VOXELS)
        del same  # the votes hold what they say
        tables.append(part_tables(scan, group, params, structures, votes))
    if len(tables) == 1:
        return tables[0]
    return {
        name: pd.concat([own[name] for own in tables if name in own], ignore_index=True)
        for name in tables[0]
    }


def mean_noise(scan: Reference, group: Group, positions: np.ndarray) -> np.ndarray | None:
    """Return the mean of the members' noise maps at some voxels; None without maps."""
    maps = member_noise_maps(group, scan)
    if not maps:
        return None
    return gather(maps, positions, len(maps)).mean(axis=0, dtype=np.float64) / scan.scale


def part_tables(
    scan: Reference,
    group: Group,
    params: MeasureParams,
    structures: Sequence[Structure],
    votes: Votes,
) -> Tables:
    """Return the same of structures that share no voxel, by the votes of the members."""
    found = gathered(votes, member_images(group, scan), scan.scale)
    brain = found.chosen[: found.n_inside]
    positions, bits = votes.positions(brain), flat(votes.bits())[brain]
    mean, std = found.mean[: found.n_inside], found.std[: found.n_inside]
    values = found.values[:, : found.n_inside]
    reference = np.abs(flat(scan.image)[positions]) / np.float32(scan.scale)
    _, without_gain = mean_and_std(values, fitted_gains(values, reference))
    apart_of = halves(found, group.of(scan.subject))
    stds = [half.std[: found.n_inside] for half in apart_of.values()]
    raw, normalised, *apart = region_tables([std, without_gain, *stds], bits, structures)
    regions = raw.join(normalised[list(schema.SUMMARIES)].add_prefix("gain_normalised_"))
    sizes, names = tuple(voxel_sizes(scan.affine)), [entry.name for entry in structures]
    surrogates = [gain_table(regions), surrogate_table(found, names, sizes)]
    if (noise := mean_noise(scan, group, positions)) is not None:
        surrogates.append(noise_table(region_table(noise, bits, structures)))
    tables = {
        schema.REGIONS.name: regions,
        schema.HALVES.name: half_regions(dict(zip(apart_of, apart, strict=True))),
        schema.HISTOGRAMS.name: histogram_table(
            std, bits, params.histogram_bins, params.histogram_upper, structures
        ),
        schema.SURROGATES.name: pd.concat(surrogates, ignore_index=True),
        schema.HALF_SURROGATES.name: half_surrogates(apart_of, reference, sizes, structures),
    }
    if group.kind.adds_noise and structures is STRUCTURES:
        same = structure_numbers(flat(scan.labels)[positions], number_table(LABELS)) != 0
        tables[schema.SNR.name] = pd.DataFrame([signal_to_noise(mean[same], std[same])])
    return tables
