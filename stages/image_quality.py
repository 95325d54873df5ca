"""PSNR, SSIM and the other scores of every image of one group.

`python -m stages.image_quality unet`: streams image by image.
"""

from dataclasses import asdict

import numpy as np
import pandas as pd
import torch

from stages.machine.arguments import group_argument
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.measures.members import load_image, load_reference, scans
from stages.measures.scores.brain_box import BRAIN, brain_box
from stages.measures.scores.catalogue import scores
from stages.params.compute import ComputeParams
from stages.params.ensembles import EnsembleParams
from stages.provenance.checks import check_images
from stages.recon.quality import quality
from stages.storage.tables import joined, write_tables
from stages.study import layout
from stages.study.groups import Group
from stages.study.schema import IMAGE_SCORES, QUALITY


def scan_quality(subject: str, group: Group) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of `schema.QUALITY` and `schema.IMAGE_SCORES` of one scan's images."""
    scan, rows, others = load_reference(subject), [], []
    brain_slices = np.isin(scan.labels, BRAIN).any(axis=(1, 2))
    box = brain_box(scan.image, scan.labels)
    for member in group.of(subject):
        image = load_image(layout.image(group.name, member, subject), scan)
        where = {"group": group.name, "member": member, "subject": subject}
        rows += [where | asdict(row) for row in quality(scan.image, image, brain_slices)]
        found = scores(box.pair(image))
        others += [where | {"score": name, "value": value} for name, value in found.items()]
    return pd.DataFrame(rows)[QUALITY.columns], pd.DataFrame(others)[IMAGE_SCORES.columns]


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Score the group named on the command line: the tables of `work/quality/<group>`."""
    ensembles, compute = EnsembleParams.load(), ComputeParams.load()
    name = group_argument(arguments, "image_quality", ensembles.groups)
    group = ensembles.group(name)
    subjects = scans()
    check_images(group, subjects)
    torch.set_num_threads(compute.threads)
    compared = subjects if group.aligned else []
    tables = [
        scan_quality(subject, group)
        for subject in progress(compared, desc=f"image quality {name}", unit="scan")
    ]
    found = {
        table.name: joined((parts[number] for parts in tables), table.columns)
        for number, table in enumerate((QUALITY, IMAGE_SCORES))
    }
    write_tables(layout.quality(name), found)


if __name__ == "__main__":
    main()
