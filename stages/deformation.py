"""Apparent changes of volume of every image of one group: registration to the fully sampled image.

`python -m stages.deformation unet`: some scans at a time; no byte depends on how many.
"""

from functools import partial

import numpy as np
import pandas as pd
import SimpleITK as sitk
from nibabel.affines import voxel_sizes

from stages.machine.arguments import group_argument
from stages.machine.entry import entry_point
from stages.machine.lookahead import ahead
from stages.machine.progress import progress
from stages.measures.deformation import (
    ONE_THREAD,
    Registration,
    brain_box,
    change_table,
    displacement,
    jacobian,
    without_gains,
)
from stages.measures.members import load_like, load_reference, scans, write_tables
from stages.measures.voxelwise import number_table, structure_numbers
from stages.params.compute import ComputeParams
from stages.params.deformation import DeformationParams
from stages.params.ensembles import REFERENCE, EnsembleParams
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.structures import STRUCTURES

LABELS = {entry.name: entry.labels for entry in STRUCTURES}


def scan_deformation(
    subject: str, group: str, members: tuple[int, ...], params: DeformationParams
) -> pd.DataFrame:
    """Return group, member, subject and `change_table` of one scan, one row a structure."""
    scan = load_reference(subject)
    sizes = tuple(voxel_sizes(scan.affine))
    numbers = structure_numbers(scan.labels, number_table(LABELS))
    box = brain_box(numbers, sizes, params.margin_mm)
    numbers, reference = numbers[box], np.abs(scan.image[box]) / np.float32(scan.scale)
    paths = [layout.image(group, member, subject) for member in members]
    images = [np.abs(load_like(path, scan.image.shape)[box]) / scan.scale for path in paths]
    how = Registration(**params.model_dump(exclude={"margin_mm"}))
    parts = []
    for member, image in zip(members, without_gains(images, reference, numbers > 0), strict=True):
        determinant = jacobian(displacement(reference, image, sizes, how))
        table = change_table(determinant, numbers, list(LABELS))
        where = {"subject": subject, "member": member, "group": group}
        for name, value in where.items():
            table.insert(0, name, value)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Register the group named on the command line: `work/deformation/<group>/deformation.csv`."""
    ensembles, compute, params = (
        EnsembleParams.load(),
        ComputeParams.load(),
        DeformationParams.load(),
    )
    groups = [name for name in ensembles.groups if name != REFERENCE]
    group = group_argument(arguments, "deformation", groups)
    if group == REFERENCE:
        raise StudyError(
            f"{REFERENCE}: expected one of {', '.join(groups)}, got the group that they are"
            " registered to; give another one"
        )
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(ONE_THREAD)
    one = partial(scan_deformation, group=group, members=ensembles.members(group), params=params)
    found = progress(
        ahead(one, subjects := scans(), compute.workers),
        desc=f"deformation {group}",
        total=len(subjects),
        unit="scan",
    )
    tables = {"deformation": pd.concat(list(found), ignore_index=True)}
    write_tables(layout.deformation(group), tables)


if __name__ == "__main__":
    main()
