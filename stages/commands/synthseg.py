"""SynthSeg as a command: `python -m stages synthseg IMAGE... --out DIR`.

Writes `<name>_labels.nii.gz` for every image, on the network's grid (1 mm, or 2 mm for the bundled
network), which may differ from the image's, and a row in `volumes.csv`. Rows of other images in a
table that is there already are kept, so that a loop may call the command image by image. Images
that cannot be used are named at the end, and the exit code is then 1; the others are segmented all
the same.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from stages.machine.device import pick_device
from stages.machine.entry import entry_point
from stages.machine.memory import map_large_blocks
from stages.machine.progress import progress
from stages.segmenters.orientation import check
from stages.segmenters.plausibility import remarks_of
from stages.segmenters.protocol import NO_WEIGHTS, Segmenter
from stages.segmenters.synthseg.weight_files import EMBEDDED, open_segmenter, with_parcellation
from stages.segmenters.volume_table import add_to_table, read_rows
from stages.storage.nifti import save_volume
from stages.study.errors import StudyError

EXTENSION = re.compile(r"\.(nii|nii\.gz|mgz)$", re.IGNORECASE)


def arguments(values: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages synthseg", description=__doc__)
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="NIfTI or MGZ files")
    parser.add_argument(
        "--weights", default=EMBEDDED, help="'embedded' (default), an official .h5 file, or .npz"
    )
    parser.add_argument("--mode", choices=("standard", "robust"), default="standard")
    parser.add_argument(
        "--parc",
        default=NO_WEIGHTS,
        metavar="WEIGHTS",
        help="divide the cortex into parcels, by the official synthseg_parc_2.0.h5",
    )
    parser.add_argument("--fast", action="store_true", help="no mirrored image, no topology step")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    parser.add_argument(
        "--orientation",
        choices=("search", "warn", "off"),
        default="warn",
        help="where a segmentation looks like no head: look for axes that make it one, warn"
        " (default), or do not check",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    return parser.parse_args(values)


def name_of(image: Path) -> str:
    """File name without its extension: the subject of the volume table."""
    return EXTENSION.sub("", image.name)


def check_names(images: list[Path]) -> None:
    """Raise `StudyError` if two images would write the same file."""
    names = [name_of(image) for image in images]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"{name}: two images of this name would overwrite each other's labels")


def check_folder(out: Path) -> None:
    """Raise `StudyError` if no results can be written there."""
    if out.exists() and not (out.is_dir() and os.access(out, os.W_OK)):
        raise StudyError(f"{out}: expected a folder to write to, got something else; set --out")


def segment_all(
    images: list[Path], segmenter: Segmenter, out: Path, orientation: str, failures: list[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Segment image by image and yield (name, volumes in mm3); faults are collected, not raised."""
    for image in progress(images, desc="synthseg", unit="image"):
        try:
            result = segmenter.segment(image)
        except StudyError as error:
            failures.append(str(error))
            continue
        for line in remarks_of(image, segmenter, result):
            print(f"warning: {line}", file=sys.stderr)
        save_volume(out / f"{name_of(image)}_labels.nii.gz", result.written, result.affine)
        if orientation != "off":
            finding = check(segmenter, image, result, search=orientation == "search")
            if finding is not None:
                print(f"warning: {finding.message}", file=sys.stderr)
        yield name_of(image), result.volumes_mm3


@entry_point
def main(values: list[str] | None = None) -> None:
    """Segment all images of the command line."""
    options = arguments(values)
    if options.threads < 1:
        raise StudyError(f"--threads: expected 1 or more, got {options.threads}")
    check_names(options.images)
    check_folder(options.out)
    torch.set_num_threads(options.threads)
    map_large_blocks()
    device = pick_device(options.device)
    base = open_segmenter(options.weights, options.mode, device, fast=options.fast)
    segmenter = with_parcellation(base, options.parc, weights=options.weights)
    table, names = options.out / "volumes.csv", segmenter.model.names
    if table.exists():
        read_rows(table, names)  # of other structures? before anything takes time
    failures: list[str] = []
    rows = list(segment_all(options.images, segmenter, options.out, options.orientation, failures))
    if rows:
        add_to_table(table, names, rows)
    for line in failures[:-1]:
        print(f"error: {line}", file=sys.stderr)
    if failures:
        raise StudyError(failures[-1])
