"""Segment every image of one member and measure its volumes.

`python -m stages.segment unet 3`: work/images/unet/3 -> work/segmentations/unet/3.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

from stages import layout
from stages.allocator import keep_freed_memory
from stages.errors import StudyError, door
from stages.files import atomic_directory
from stages.images import describe_dataset, save_volume
from stages.params.compute import ComputeParams
from stages.params.segment import SegmentParams
from stages.progress import progress
from stages.seeds import stable_seed
from stages.segmenters.catalogue import open_segmenter, provenance
from stages.segmenters.protocol import Segmenter
from stages.synthseg.device import pick_device
from stages.synthseg.inference import Segmentation
from stages.synthseg.orientation import Guard
from stages.synthseg.perturbation import draw_offset, shifted
from stages.synthseg.preprocess import load, nearest_grid
from stages.synthseg.volumes import write_label_table, write_table

SUFFIX = "_T1w.nii.gz"


def member_images(folder: Path) -> list[Path]:
    """Images of a member, by name; `StudyError` if there are none."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise StudyError(f"{folder}: expected images *{SUFFIX}, found none; run `dvc repro`")
    return paths


def on_grid_of(image: Path, result: Segmentation) -> tuple[np.ndarray, np.ndarray]:
    """Labels and affine on the grid of the image, from which the network's may differ."""
    reference = nib.load(image)
    shape, affine = reference.shape[:3], reference.affine
    if shape == result.labels.shape and np.allclose(affine, result.affine, atol=1e-4):
        return result.labels, affine
    return nearest_grid(result.labels, result.affine, shape, affine), affine


def segment_all(
    paths: list[Path], segmenter: Segmenter, output: Path, sidecar: dict[str, Any]
) -> Iterator[tuple[str, np.ndarray]]:
    """Segment image by image, write the label map and yield (subject, volumes in mm3).

    Raises:
        StudyError: if a head lies otherwise than its affine says.
    """
    guard = Guard(segmenter)
    for path in progress(paths, desc=f"segment {paths[0].parent}", unit="image"):
        subject = path.name.removesuffix(SUFFIX)
        result = segmenter.segment(path)
        if finding := guard.check(path, result):
            if finding.certain:
                raise StudyError(finding.message)
            print(f"warning: {finding.message}", file=sys.stderr)
        labels, affine = on_grid_of(path, result)
        target = output / f"{subject}_dseg.nii.gz"
        save_volume(target, labels.astype(np.int16), affine, sidecar | {"Sources": [str(path)]})
        yield subject, result.volumes_mm3


def segment_draws(
    paths: list[Path], segmenter: Segmenter, params: SegmentParams, number: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (subject, volumes in mm3) of copies shifted by parts of a voxel."""
    largest = params.perturbations.shift_voxels
    for path in progress(paths, desc=f"draw {number}", unit="image"):
        rng = np.random.default_rng(stable_seed("perturbation", str(path), number))
        scan = shifted(load(path), draw_offset(largest, rng))
        yield path.name.removesuffix(SUFFIX), segmenter.segment_scan(scan).volumes_mm3


def segment(source: Path, target: Path, params: SegmentParams, device: torch.device) -> None:
    """Fill `target` with label maps, sidecars and `volumes.csv` of the images in `source`."""
    paths = member_images(source)
    segmenter, sidecar = open_segmenter(params, device), provenance(params)
    with atomic_directory(target) as output:
        rows = list(segment_all(paths, segmenter, output, sidecar))
        write_table(output / "volumes.csv", segmenter.model.names, rows)
        for number in range(params.perturbations.draws):
            drawn = list(segment_draws(paths, segmenter, params, number))
            write_table(output / f"volumes_draw-{number}.csv", segmenter.model.names, drawn)
        write_label_table(output / "dseg.tsv", segmenter.model)
        describe_dataset(output, name="Segmentations", sources=[str(source)])


@door
def main() -> None:
    """Command-line arguments: group and member seed."""
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        raise StudyError("expected `python -m stages.segment GROUP SEED`, e.g. `unet 3`")
    group, seed = sys.argv[1], int(sys.argv[2])
    compute = ComputeParams.load()
    torch.set_num_threads(compute.workers)  # no byte depends on it
    keep_freed_memory()
    source, target = layout.images(group, seed), layout.segmentations(group, seed)
    segment(source, target, SegmentParams.load(), pick_device(compute.device))


if __name__ == "__main__":
    main()
