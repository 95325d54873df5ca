"""The segmentations of one member's images: label maps, their sidecars and volume tables."""

import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from stages.machine.progress import progress
from stages.params.segment import SegmentParams
from stages.provenance.origin import source_record
from stages.segmenters.catalogue import (
    described,
    kind_of,
    networks_in,
    open_segmenter,
    provenance,
)
from stages.segmenters.image import load
from stages.segmenters.orientation import check
from stages.segmenters.perturbation import draw_offset, shifted
from stages.segmenters.plausibility import remarks_of
from stages.segmenters.preprocess import nearest_grid
from stages.segmenters.protocol import NO_WEIGHTS, Segmentation, Segmenter
from stages.segmenters.volume_table import write_table
from stages.storage.bids import describe_dataset, uri, write_label_table
from stages.storage.files import atomic_directory
from stages.storage.nifti import save_volume, smallest_labels
from stages.study import layout, sidecars
from stages.study.errors import StudyError
from stages.study.seeds import stable_seed

IMAGES = "images"  # the member's images among the links of its segmentations
TABLES = "volumes*.csv"
LOG = "{}_log.txt"  # what a command said


def member_subjects(group: str, seed: int) -> list[str]:
    """Return the subjects of a member's images, by name; `StudyError` if there are none."""
    found = layout.subjects(group, seed)
    if not found:
        expected = layout.image(group, seed, "sub-*")
        raise StudyError(f"{expected}: expected images, found none; run `dvc repro`")
    return found


def on_grid_of(image: Path, result: Segmentation) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and affine on the grid of the image, from which the network's may differ."""
    reference, labels = nib.load(image), result.written
    shape, affine = reference.shape[:3], reference.affine
    if shape == labels.shape and np.allclose(affine, result.affine, atol=1e-4):
        return labels, affine
    return nearest_grid(labels, result.affine, shape, affine), affine


def segment_all(
    group: str, seed: int, segmenter: Segmenter, output: Path, params: SegmentParams
) -> Iterator[tuple[str, np.ndarray]]:
    """Segment image by image, write the label map and yield (subject, volumes in mm3).

    Raises:
        StudyError: if a head lies otherwise than its affine says, or an image was replaced.
    """
    root, details = layout.images(group, seed), provenance(params)
    for subject in progress(member_subjects(group, seed), desc=f"segment {root}", unit="image"):
        path = layout.image(group, seed, subject)
        source = {sidecars.SOURCES: [uri(IMAGES, path.relative_to(root))], **source_record(path)}
        result = segmenter.segment(path)
        for line in remarks_of(path, segmenter, result):
            print(f"warning: {line}", file=sys.stderr)
        if kind_of(params).made_here and (finding := check(segmenter, path, result)):
            if finding.certain:
                raise StudyError(finding.message)
            print(f"warning: {finding.message}", file=sys.stderr)
        labels, affine = on_grid_of(path, result)
        target = layout.segmentation(group, seed, subject, output)
        about = {**source, **details, **result.details}
        save_volume(target, smallest_labels(labels), affine, about)
        if result.log:
            target.with_name(LOG.format(subject)).write_text(result.log, encoding="utf-8")
        yield subject, result.volumes_mm3


def segment_draws(
    group: str, seed: int, segmenter: Segmenter, params: SegmentParams, number: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (subject, volumes in mm3) of copies shifted by parts of a voxel.

    A draw is a shift and, where there are several, a network.

    The shift is a draw's own on each scan and the same for every image of the scan: members and
    draws are crossed.
    """
    largest = params.perturbations.shift_voxels
    for subject in progress(member_subjects(group, seed), desc=f"draw {number}", unit="image"):
        rng = np.random.default_rng(stable_seed("perturbation", subject, number))
        scan = shifted(load(layout.image(group, seed, subject)), draw_offset(largest, rng))
        yield subject, segmenter.segment_image(scan).volumes_mm3


def open_networks(params: SegmentParams, device: torch.device, like: Segmenter) -> list[Segmenter]:
    """Return the segmenters that measure shifted copies in turn; `like` alone without a folder.

    Raises:
        StudyError: if there are none, or one has other structures than `like`.
    """
    if params.networks == NO_WEIGHTS:
        return [like]
    files = networks_in(params.networks)
    chosen = [params.model_copy(update={"weights": str(file)}) for file in files]
    found = [open_segmenter(each, device) for each in chosen]
    for file, segmenter in zip(files, found, strict=True):
        if segmenter.model.names != like.model.names:
            raise StudyError(
                f"{file}: expected the structures of {params.weights}, got others; remove it from"
                " the folder of segment.networks"
            )
    return found


def segment_member(group: str, seed: int, params: SegmentParams, device: torch.device) -> None:
    """Write label maps, sidecars and `volumes.csv` of a member's images."""
    member_subjects(group, seed)  # before the weights, which take longer to read
    segmenter = open_segmenter(params, device)
    about = f"FreeSurfer labels of {group}, member {seed}, by {described(params)}."
    with atomic_directory(layout.segmentations(group, seed)) as output:
        describe_dataset(
            output,
            name=f"Segmentations of {group}, member {seed}",
            about=about,
            sources={IMAGES: layout.images(group, seed)},
            ignored=[TABLES, LOG.format("*")],
        )
        model = segmenter.model
        names = dict(zip(model.labels, ("background", *model.names), strict=True))
        write_label_table(output, names, about)
        rows = list(segment_all(group, seed, segmenter, output, params))
        write_table(layout.volumes(group, seed, output), model.names, rows)
        n_draws = params.perturbations.draws
        networks = open_networks(params, device, segmenter) if n_draws else []
        for number in range(n_draws):
            network = networks[number % len(networks)]
            drawn = list(segment_draws(group, seed, network, params, number))
            write_table(layout.drawn_volumes(group, seed, number, output), model.names, drawn)
