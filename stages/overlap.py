"""Overlap of every segmentation of one group with the fully sampled scan's and the true labels.

`python -m stages.overlap unet`: streams label map by label map, some scans at a time.
"""

from functools import partial

import pandas as pd
from nibabel.affines import voxel_sizes

from stages.machine.arguments import group_argument
from stages.machine.entry import entry_point
from stages.machine.lookahead import ahead
from stages.machine.progress import progress
from stages.measures.members import Grid, load_labels, load_target_labels, scans
from stages.measures.overlap import overlap_table
from stages.measures.partitions import Part, parts
from stages.params.compute import ComputeParams
from stages.params.ensembles import EnsembleParams
from stages.storage.tables import joined, write_tables
from stages.study import layout
from stages.study.groups import FULLY_SAMPLED, Group
from stages.study.schema import OVERLAP

TRUTH = "truth"


def targets(subject: str, group: Group) -> tuple[dict[str, list[Part]], Grid]:
    """Read what a group is compared with, the parts of label maps, and their grid.

    That is the segmentation of the fully sampled image, unless the group is that one itself, and
    the true labels of a simulated scan.
    """
    labels, grid = load_target_labels(subject)
    known = {} if group.kind.target else {FULLY_SAMPLED.name: labels}
    if layout.true_volumes().exists():
        known[TRUTH] = load_labels(layout.true_labels(subject), grid)
    return {name: parts(found) for name, found in known.items()}, grid


def scan_overlap(subject: str, group: Group) -> pd.DataFrame:
    """Return the overlap of one scan's segmentations, one row a member, target and structure."""
    known, grid = targets(subject, group)
    sizes = tuple(voxel_sizes(grid.affine))
    tables = [pd.DataFrame(columns=OVERLAP.columns)] if not known else []
    for member in group.of(subject) if known else ():
        path = layout.segmentation(group.name, member, subject)
        found = parts(load_labels(path, grid, parcels=True))
        for name, target in known.items():
            where = {"group": group.name, "member": member, "subject": subject, "target": name}
            for own, other in zip(found, target, strict=False):  # parcels, if both have them
                scores = overlap_table(own.numbers, other.numbers, own.names, sizes)
                tables.append(scores.assign(**where))
    return pd.concat(tables, ignore_index=True)[OVERLAP.columns]


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Compare the group named on the command line: `work/overlap/<group>/overlap.csv`."""
    ensembles, compute = EnsembleParams.load(), ComputeParams.load()
    name = group_argument(arguments, "overlap", ensembles.groups)
    group = ensembles.group(name)
    subjects = scans() if group.aligned else []
    found = progress(
        ahead(partial(scan_overlap, group=group), subjects, compute.workers),
        desc=f"overlap {name}",
        total=len(subjects),
        unit="scan",
    )
    write_tables(layout.overlap(name), {OVERLAP.name: joined(found, OVERLAP.columns)})


if __name__ == "__main__":
    main()
