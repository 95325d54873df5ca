"""The segmentations of one member's images: label maps, their sidecars and volume tables.

With `segment.perturbations` those of shifted copies of the images, too.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

from stages.machine.progress import Advance, counted, unseen
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
from stages.storage.bids import describe_dataset, uri, write_descriptions, write_label_table
from stages.storage.files import atomic_directory
from stages.storage.nifti import save_volume, smallest_labels
from stages.study import layout, sidecars
from stages.study.errors import StudyError
from stages.study.seeds import stable_seed

IMAGES = "images"  # the member's images among the links of its segmentations
TABLES = "volumes*.csv"
LOG = "{}_log.txt"  # what a command said
DRAW = "Label map of a copy of the image, shifted by parts of a voxel; it lies over the image."
OFFSET_DIGITS = 6  # nm


@dataclass(frozen=True)
class Network:
    """A segmenter that measures shifted copies."""

    segmenter: Segmenter
    details: Mapping[str, Any]
    """What the sidecars of its label maps say of it."""


def member_subjects(group: str, seed: int) -> list[str]:
    """Return the subjects of a member's images, by name; `StudyError` if there are none."""
    found = layout.subjects(group, seed)
    if not found:
        expected = layout.image(group, seed, "sub-*")
        raise StudyError(f"{expected}: expected images, found none; run `dvc repro`")
    return found


def n_segmentations(group: str, seeds: Iterable[int], params: SegmentParams) -> int:
    """Return the number of images that are segmented, shifted copies among them."""
    n_images = sum(len(member_subjects(group, seed)) for seed in seeds)
    return n_images * (1 + params.perturbations.draws)


def write_map(
    target: Path,
    result: Segmentation,
    shape: tuple[int, ...],
    affine: np.ndarray,
    about: dict[str, Any],
) -> None:
    """Write a label map and its sidecar on the grid of the image; the network may have its own.

    Args:
        target: the file.
        result: of the image.
        shape, affine: of the image.
        about: what the sidecar says besides the details of the result.
    """
    labels = result.written
    if shape != labels.shape or not np.allclose(affine, result.affine, atol=1e-4):
        labels = nearest_grid(labels, result.affine, shape, affine)
    save_volume(target, smallest_labels(labels), affine, {**about, **result.details})


def write_log(target: Path, name: str, result: Segmentation) -> None:
    """Write what a program said while it made a label map, if it did, beside the map."""
    if result.log:
        target.with_name(LOG.format(name)).write_text(result.log, encoding="utf-8")


def source_of(group: str, seed: int, image: Path) -> dict[str, Any]:
    """Return what the sidecar of a label map says of its image; `StudyError` if it was replaced."""
    path = image.relative_to(layout.images(group, seed))
    return {sidecars.SOURCES: [uri(IMAGES, path)], **source_record(image)}


def segment_all(
    group: str, seed: int, segmenter: Segmenter, output: Path, params: SegmentParams
) -> Iterator[tuple[str, np.ndarray]]:
    """Segment image by image, write the label map and yield (subject, volumes in mm3).

    Raises:
        StudyError: if a head lies otherwise than its affine says, or an image was replaced.
    """
    details = provenance(params)
    for subject in member_subjects(group, seed):
        path = layout.image(group, seed, subject)
        source = source_of(group, seed, path)
        result = segmenter.segment(path)
        for line in remarks_of(path, segmenter, result):
            print(f"warning: {line}", file=sys.stderr)
        if kind_of(params).made_here and (finding := check(segmenter, path, result)):
            if finding.certain:
                raise StudyError(finding.message)
            print(f"warning: {finding.message}", file=sys.stderr)
        grid = nib.load(path)
        target = layout.segmentation(group, seed, subject, output)
        write_map(target, result, grid.shape[:3], grid.affine, {**source, **details})
        write_log(target, subject, result)
        yield subject, result.volumes_mm3


def segment_draws(
    group: str, seed: int, network: Network, largest: float, number: int, output: Path
) -> Iterator[tuple[str, np.ndarray]]:
    """Segment copies shifted by parts of a voxel, and yield as `segment_all`.

    A draw is a shift and, where there are several, a network. The affine of a label map takes the
    shift back, so that it lies over the image in the world, though on voxels of its own.

    The shift is a draw's own on each scan and the same for every image of the scan: members and
    draws are crossed.

    Args:
        group, seed: the member.
        network: which segments.
        largest: shift along each axis, voxels.
        number: of the draw.
        output: the unfinished folder of the member.
    """
    for subject in member_subjects(group, seed):
        path = layout.image(group, seed, subject)
        image = load(path)
        rng = np.random.default_rng(stable_seed("perturbation", subject, number))
        offset = draw_offset(largest, rng)
        scan = shifted(image, offset)
        result = network.segmenter.segment_image(scan)
        about = {
            **source_of(group, seed, path),
            **network.details,
            sidecars.DRAW: number,
            sidecars.OFFSET: (image.affine[:3, :3] @ offset).round(OFFSET_DIGITS).tolist(),
        }
        target = layout.drawn_segmentation(group, seed, number, subject, output)
        write_map(target, result, scan.data.shape, scan.affine, about)
        write_log(target, f"{subject}_desc-{layout.drawn(number)}", result)
        yield subject, result.volumes_mm3


def open_networks(params: SegmentParams, device: torch.device, like: Segmenter) -> list[Network]:
    """Return the networks that measure shifted copies in turn; `like` alone without a folder.

    Raises:
        StudyError: if there are none, or one has other structures than `like`.
    """
    if params.networks == NO_WEIGHTS:
        return [Network(like, provenance(params))]
    files = networks_in(params.networks)
    chosen = [params.model_copy(update={"weights": str(file)}) for file in files]
    found = [Network(open_segmenter(each, device), provenance(each)) for each in chosen]
    for file, network in zip(files, found, strict=True):
        if network.segmenter.model.names != like.model.names:
            raise StudyError(
                f"{file}: expected the structures of {params.weights}, got others; remove it from"
                " the folder of segment.networks"
            )
    return found


def write_draws(
    group: str,
    seed: int,
    networks: list[Network],
    params: SegmentParams,
    output: Path,
    advance: Advance,
) -> None:
    """Write label maps, sidecars and a volume table of each draw of shifted copies."""
    shifts = params.perturbations
    for number in range(shifts.draws):
        network = networks[number % len(networks)]
        drawn = segment_draws(group, seed, network, shifts.shift_voxels, number, output)
        table = layout.drawn_volumes(group, seed, number, output)
        write_table(table, network.segmenter.model.names, list(counted(drawn, advance)))
    write_descriptions(output, {layout.drawn(number): DRAW for number in range(shifts.draws)})


def segment_member(
    group: str, seed: int, params: SegmentParams, device: torch.device, advance: Advance = unseen
) -> None:
    """Write label maps, sidecars and `volumes.csv` of a member's images.

    Args:
        group, seed: the member.
        params: the segmenter and its use.
        device: where it computes.
        advance: called after each image and each shifted copy.
    """
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
        rows = counted(segment_all(group, seed, segmenter, output, params), advance)
        write_table(layout.volumes(group, seed, output), model.names, list(rows))
        if params.perturbations.draws:
            networks = open_networks(params, device, segmenter)
            write_draws(group, seed, networks, params, output, advance)
