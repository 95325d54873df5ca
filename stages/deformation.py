"""Apparent changes of volume of every image of one group: registration to the fully sampled image.

`python -m stages.deformation unet`: some scans at a time; results are bit-identical for any number.
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
from stages.measures.members import load_image, load_reference, load_target_labels, scans
from stages.measures.partitions import parts
from stages.params.compute import ComputeParams
from stages.params.deformation import DeformationParams
from stages.params.ensembles import EnsembleParams
from stages.storage.tables import joined, write_tables
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.groups import Group
from stages.study.schema import DEFORMATION


def scan_deformation(subject: str, group: Group, params: DeformationParams) -> pd.DataFrame:
    """Return group, member, subject and `change_table` of one scan, one row a structure."""
    scan = load_reference(subject)
    sizes = tuple(voxel_sizes(scan.affine))
    regions = parts(load_target_labels(subject)[0])
    box = brain_box(regions[0].numbers, sizes, params.margin_mm)
    regions = [part.within(box) for part in regions]
    brain, reference = regions[0].numbers > 0, np.abs(scan.image[box]) / np.float32(scan.scale)
    paths = [layout.image(group.name, member, subject) for member in group.of(subject)]
    images = [np.abs(load_image(path, scan)[box]) / scan.scale for path in paths]
    how = Registration(**params.model_dump(exclude={"margin_mm"}))
    tables = []
    comparable = without_gains(images, reference, brain)
    for member, image in zip(group.of(subject), comparable, strict=True):
        determinant = jacobian(displacement(reference, image, sizes, how))
        for part in regions:
            table = change_table(determinant, part.numbers, part.names)
            tables.append(table.assign(group=group.name, member=member, subject=subject))
    return pd.concat(tables, ignore_index=True)[DEFORMATION.columns]


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Register the group named on the command line: `work/deformation/<group>/deformation.csv`."""
    ensembles, compute, params = (
        EnsembleParams.load(),
        ComputeParams.load(),
        DeformationParams.load(),
    )
    name = group_argument(arguments, "deformation", ensembles.compared)
    group = ensembles.group(name)
    if group.kind.target:
        raise StudyError(
            f"{name}: expected one of {', '.join(ensembles.compared)}, got the group that they are"
            " registered to; give another one"
        )
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(ONE_THREAD)
    one = partial(scan_deformation, group=group, params=params)
    subjects = scans() if group.aligned else []
    found = progress(
        ahead(one, subjects, compute.workers),
        desc=f"deformation {name}",
        total=len(subjects),
        unit="scan",
    )
    write_tables(layout.deformation(name), {DEFORMATION.name: joined(found, DEFORMATION.columns)})


if __name__ == "__main__":
    main()
