"""Make a folder in which `dvc repro` goes from your own images or volumes to a report.

python -m stages init-audit audit --volumes mine.csv --reference-volumes reference.csv
python -m stages init-audit audit --images mine.csv --reference reference.csv

Images: a CSV with the columns subject, member, image (paths relative to the table); a BIDS data
set; or a folder with --pattern. Volumes: SynthSeg's CSV, FreeSurfer's and FastSurfer's `.stats` (a
folder of subjects) or `asegstats2table`, or a tidy CSV. Several groups: NAME=PATH for each.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.audit.asked import (
    Audit,
    audit_of_images,
    audit_of_volumes,
    left_out,
    named,
    section,
    source,
)
from stages.audit.writing import write, write_graph
from stages.machine.entry import entry_point
from stages.params.external import ExternalSection
from stages.params.section import FILE
from stages.study.errors import StudyError
from stages.study.groups import FULLY_SAMPLED


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages init-audit", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="new folder")
    parser.add_argument("--images", nargs="+", default=[], metavar="[NAME=]PATH")
    parser.add_argument("--reference", metavar="PATH", help="images to compare with")
    parser.add_argument("--volumes", nargs="+", default=[], metavar="[NAME=]PATH")
    parser.add_argument("--reference-volumes", metavar="PATH", help="volumes to compare with")
    parser.add_argument("--samples", choices=("crossed", "nested"), default="crossed")
    parser.add_argument("--pattern", help="of file names, with {subject}, {member}, {session}")
    parser.add_argument(
        "--segment",
        metavar="COMMAND",
        help="that segments an image, e.g. 'mri_synthseg --i {image} --o {labels} --vol {volumes}'",
    )
    parser.add_argument("--resample", choices=("off", "affine-only", "rigid"), default="off")
    parser.add_argument("--intensities", choices=("robust", "stored"), default="robust")
    parser.add_argument(
        "--again",
        action="store_true",
        help="write the stages anew, from its params.yaml",
    )
    return parser.parse_args(arguments)


def asked(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and content of each group of the command line."""
    for given in options.volumes:
        name, path = named(given)
        yield name, {"volumes": str(path), "samples": options.samples}
    if options.reference_volumes:
        yield FULLY_SAMPLED.name, {"volumes": options.reference_volumes}
    how = {"resample": options.resample, "intensities": options.intensities}
    for given in options.images:
        name, path = named(given)
        yield name, source(path, options.pattern) | how | {"samples": options.samples}
    if options.reference:
        yield FULLY_SAMPLED.name, source(Path(options.reference), options.pattern)


def audit(options: argparse.Namespace) -> Audit:
    """Return the checked audit that the command line asks for."""
    if bool(options.images) == bool(options.volumes):
        raise StudyError("init-audit: expected either --images or --volumes; name one of them")
    groups = section(asked(options))
    if {params.imaged for params in groups.values()} != {bool(options.images)}:
        raise StudyError(
            "init-audit: expected --reference for images and --reference-volumes for volumes, got"
            " the other one; give the reference in kind"
        )
    return audit_of_images(groups, options.segment) if options.images else audit_of_volumes(groups)


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write the folder, and say what to do next."""
    options = parsed(arguments)
    if options.again:
        write_graph(options.folder, ExternalSection.load(options.folder / FILE).groups)
        return
    found = audit(options)
    for line in left_out(found):
        print(line)
    write(options.folder, found)
    print(f"{options.folder}: `cd {options.folder} && dvc repro` writes plots/report/report.html")
