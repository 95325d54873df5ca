"""Surrogates of half of the members, which share no error with the volumes of the other half.

The regions are those that a half's own segmentations see, and so are its border and its gains:
nothing here knows of the other half. (`schema.HALVES` summarises a half's voxelwise SD in the
regions of all members.)
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.measures.agreement import VoxelSize
from stages.measures.members import HALVES, halves_of
from stages.measures.surrogates import Gathered, gain_table, std_table, surrogate_table
from stages.measures.voxelwise import fitted_gains, flat, mean_and_std, region_tables
from stages.study import schema
from stages.study.structures import STRUCTURES, Structure


def halves(found: Gathered, members: tuple[int, ...]) -> dict[str, Gathered]:
    """Return the images of each half of the members that has at least two.

    Args:
        found: of all members.
        members: seeds, in the order of `found.values`.
    """
    chosen = zip(HALVES, halves_of(list(members)), strict=True)
    return {
        half: found.of_members([members.index(member) for member in own])
        for half, own in chosen
        if len(own) > 1
    }


def half_regions(regions: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the region tables of the halves as one; without rows where no half has two members."""
    return _joined(regions, schema.HALVES)


def half_surrogates(
    parts: dict[str, Gathered],
    reference: np.ndarray,
    voxel_size_mm: VoxelSize,
    structures: Sequence[Structure] = STRUCTURES,
) -> pd.DataFrame:
    """Return the surrogates of every half: all of `SURROGATES` and those of the voxelwise SD.

    Args:
        parts: from `halves`.
        reference: (n_inside,) intensities of the fully sampled image in the structures' voxels.
        voxel_size_mm: edge lengths in the order of the axes.
        structures: in the order of their numbers.

    Returns:
        Columns structure, surrogate, kind, value, half.
    """
    found = {}
    for half, images in parts.items():
        tables = [*_of_images(images, reference, structures)]
        names = [entry.name for entry in structures]
        tables.append(surrogate_table(images, names, voxel_size_mm))
        found[half] = pd.concat(tables, ignore_index=True)
    return _joined(found, schema.HALF_SURROGATES)


def _of_images(
    images: Gathered, reference: np.ndarray, structures: Sequence[Structure]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the surrogates of kind A in the regions of these members."""
    brain = images.chosen[: images.n_inside]
    bits = flat(images.votes.bits())[brain]
    own = bits != 0
    values, bits = images.values[:, : images.n_inside][:, own], bits[own]
    _, without_gain = mean_and_std(values, fitted_gains(values, reference[own]))
    std = images.std[: images.n_inside][own]
    raw, normalised = region_tables([std, without_gain], bits, structures)
    regions = raw.assign(gain_normalised_mean=normalised["mean"])
    return std_table(regions), gain_table(regions)


def _joined(tables: dict[str, pd.DataFrame], table: schema.Table) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=table.less("group", "subject"))
    return pd.concat([t.assign(half=half) for half, t in tables.items()], ignore_index=True)
