"""Overlap of every segmentation of one group with the fully sampled scan's and the true labels.

`python -m stages.overlap unet`: streams label map by label map, some scans at a time.
"""

from functools import partial

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes

from stages.machine.arguments import group_argument
from stages.machine.entry import entry_point
from stages.machine.lookahead import ahead
from stages.machine.progress import progress
from stages.measures.members import load_like, scans, write_tables
from stages.measures.overlap import COLUMNS, overlap_table
from stages.measures.voxelwise import number_table, structure_numbers
from stages.params.compute import ComputeParams
from stages.params.ensembles import REFERENCE, EnsembleParams
from stages.storage.nifti import load_volume
from stages.study import layout
from stages.study.structures import STRUCTURES

LABELS = {entry.name: entry.labels for entry in STRUCTURES}
WHERE = ["group", "member", "subject", "target"]


def targets(subject: str, group: str) -> tuple[dict[str, np.ndarray], tuple[float, float, float]]:
    """Read what a group is compared with, structure numbers (i, j, k), and the voxel size in mm.

    That is the segmentation of the fully sampled image, unless the group is that one itself, and
    the true labels of a simulated scan.
    """
    labels, affine = load_volume(layout.segmentation(REFERENCE, 0, subject))
    known = {} if group == REFERENCE else {REFERENCE: labels}
    if (layout.TRUTH / "volumes.csv").exists():
        known["truth"] = load_like(layout.true_labels(subject), labels.shape)
    table = number_table(LABELS)
    numbers = {name: structure_numbers(found, table) for name, found in known.items()}
    return numbers, tuple(voxel_sizes(affine))


def scan_overlap(subject: str, group: str, members: tuple[int, ...]) -> pd.DataFrame:
    """Return the overlap of one scan's segmentations, one row a member, target and structure."""
    known, sizes = targets(subject, group)
    table = number_table(LABELS)
    parts = []
    for member in members if known else ():
        shape = next(iter(known.values())).shape
        found = load_like(layout.segmentation(group, member, subject), shape)
        numbers = structure_numbers(found, table)
        for name, target in known.items():
            scores = overlap_table(numbers, target, list(LABELS), sizes)
            where = {"group": group, "member": member, "subject": subject, "target": name}
            parts.append(scores.assign(**where))
    columns = [*WHERE, *COLUMNS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Compare the group named on the command line: `work/overlap/<group>/overlap.csv`."""
    ensembles, compute = EnsembleParams.load(), ComputeParams.load()
    group = group_argument(arguments, "overlap", ensembles.groups)
    one = partial(scan_overlap, group=group, members=ensembles.members(group))
    found = progress(
        ahead(one, subjects := scans(), compute.workers),
        desc=f"overlap {group}",
        total=len(subjects),
        unit="scan",
    )
    write_tables(layout.overlap(group), {"overlap": pd.concat(list(found), ignore_index=True)})


if __name__ == "__main__":
    main()
