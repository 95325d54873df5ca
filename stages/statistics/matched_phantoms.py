"""Pathological phantoms against their matched healthy phantoms: tables of question `pathology`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.machine.progress import progress
from stages.measures.members import (
    Reference,
    load_labels,
    load_reference,
    member_images,
)
from stages.measures.voxelwise import WHITE_MATTER, flat, gather, mean_and_std
from stages.params.analyse import AnalyseParams
from stages.statistics.methods.gaps import grid
from stages.statistics.questions.pathology import Voxels, volume_pairs, voxel_row
from stages.storage.tables import read_table
from stages.study import layout
from stages.study.groups import FULLY_SAMPLED, Group
from stages.study.schema import AFFECTED_VOXELS, TRUE_VOLUMES, VOLUMES

Row = dict[str, object]


def volume_table(
    groups: Sequence[Group], subjects: list[str], params: AnalyseParams
) -> pd.DataFrame | None:
    """Return the table of volumes of some groups and the reference; None without true volumes."""
    path = TRUE_VOLUMES.path()
    if not path.exists():
        return None
    truth = read_table(path, TRUE_VOLUMES.columns)
    tables = [
        read_table(VOLUMES.path(group.name), VOLUMES.columns) for group in (*groups, FULLY_SAMPLED)
    ]
    volumes = [grid(table, params.structures, subjects)[0] for table in tables]
    return volume_pairs(pd.concat(volumes, ignore_index=True), truth, params.level)


def voxel_table(groups: Sequence[Group], pairs: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    """Return the table of voxels, `schema.AFFECTED_VOXELS`.

    Args:
        groups: with several members each.
        pairs: pathological phantom, matched healthy phantom, kind of the pathology.
    """
    rows = [
        row
        for diseased, healthy, kind in progress(pairs, desc="pathology", unit="scan")
        for row in pair_rows(diseased, healthy, kind, groups)
    ]
    return pd.DataFrame(rows, columns=AFFECTED_VOXELS.columns)


def pair_rows(
    diseased_name: str, healthy_name: str, kind: str, groups: Sequence[Group]
) -> list[Row]:
    """Return a row of `schema.AFFECTED_VOXELS` for each group: one pair of phantoms."""
    diseased, healthy = load_reference(diseased_name), load_reference(healthy_name)
    changed = flat(load_labels(layout.affected(diseased_name, kind), diseased.grid)) != 0
    white = np.isin(flat(diseased.labels), WHITE_MATTER)
    positions = np.flatnonzero(changed | white)
    affected = changed[positions]
    rows: list[Row] = []
    for group in groups:
        seen, matched = (
            voxels_of(group, scan, positions, healthy.scale) for scan in (diseased, healthy)
        )
        where: Row = {
            "group": group.name,
            "kind": kind,
            "head": healthy_name,
            "subject": diseased_name,
        }
        rows.append(where | voxel_row(seen, matched, affected, ~affected, len(group.members)))
    return rows


def voxels_of(group: Group, scan: Reference, positions: np.ndarray, scale: float) -> Voxels:
    """Read the images of all members of one scan at some voxels; white matter's unit is `scale`."""
    images = member_images(group, scan)
    mean, std = mean_and_std(gather(images, positions, len(group.members)))
    reference = np.abs(flat(scan.image)[positions]).astype(np.float64)
    return Voxels(reference / scale, mean / scale, std / scale)
