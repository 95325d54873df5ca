"""The maps of one scan and group as files: mean, SD, entropy of the votes, label probabilities."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stages.derivatives.places import (
    DESCRIPTIONS,
    ENTROPY,
    MEAN,
    SD,
    entropy_map,
    image_map,
    label_codes,
    probability_map,
)
from stages.external.stripping import skull_stripped
from stages.measures.maps import label_votes, mean_and_sd
from stages.measures.members import Reference, load_reference, member_images, member_labels
from stages.provenance.origin import source_record
from stages.provenance.records import Place, read_record
from stages.storage.bids import uri
from stages.storage.nifti import save_volume
from stages.study import layout, sidecars
from stages.study.groups import Group

# keys of sidecars that these files alone have
MEMBERS = "Members"  # whose images or label maps it is computed from
SOURCES_MD5 = "SourcesMD5"  # of the files of `Sources`, in their order
UNIT_OF_SD = "WhiteMatterMedian"  # of the reference: what the study's SD are divided by
LABEL, LABEL_NAME = "Label", "LabelName"  # number in the label maps, and its name
PROBABILITY = "Fraction of the members of a group whose label map has this label in a voxel."
ARBITRARY, NATS, FRACTION = "arbitrary", "nat", "1"
IMAGES, SEGMENTATIONS = "images", "segmentations"


def link(kind: str, group: str, member: int) -> str:
    """Return what a member's data set is called among the links of the derivative."""
    return f"{kind}-{group}-{member}"


def links(groups: list[Group]) -> dict[str, Path]:
    """Return name -> folder of all data sets that maps are computed from."""
    places = {IMAGES: layout.images, SEGMENTATIONS: layout.segmentations}
    return {
        link(kind, group.name, member): folder(group.name, member)
        for group in groups
        for kind, folder in places.items()
        for member in group.members
    }


def write_scan(folder: Path, group: Group, subject: str, names: dict[int, str]) -> None:
    """Write the maps of a scan over the members of a group, and their sidecars.

    Args:
        folder: root of the derivative.
        group: with at least two members of the scan.
        subject: the scan.
        names: label -> name.

    Raises:
        StudyError: as `load_reference`, `load_image` and `load_labels`; if a file is not the one
            that its sidecar records.
    """
    scan = load_reference(subject)
    write_image_maps(folder, group, scan)
    write_label_maps(folder, group, scan, names)


def write_image_maps(folder: Path, group: Group, scan: Reference) -> None:
    """Write mean and SD of the images of a scan, in the unit of the images."""
    about = sources(IMAGES, layout.image, layout.images, group, scan.subject)
    maps = mean_and_sd(member_images(group, scan))
    record = read_record(layout.image(group.name, group.of(scan.subject)[0], scan.subject))
    known = record.get(sidecars.SKULL_STRIPPED)
    about |= {
        sidecars.SKULL_STRIPPED: skull_stripped(maps[0], scan.affine) if known is None else known,
        sidecars.UNITS: ARBITRARY,
        UNIT_OF_SD: scan.scale,
    }
    for desc, data in zip((MEAN, SD), maps, strict=True):
        path = image_map(folder, group.name, scan.subject, desc)
        words = {sidecars.DESCRIPTION: DESCRIPTIONS[desc]}
        save_volume(path, data.astype(np.float32), scan.affine, words | about)


def write_label_maps(folder: Path, group: Group, scan: Reference, names: dict[int, str]) -> None:
    """Write the entropy of the members' votes, and each label's fraction of them."""
    place, root = layout.segmentation, layout.segmentations
    about = sources(SEGMENTATIONS, place, root, group, scan.subject)
    votes = label_votes(list(member_labels(group, scan)))
    words = {sidecars.DESCRIPTION: DESCRIPTIONS[ENTROPY], sidecars.UNITS: NATS}
    path = entropy_map(folder, group.name, scan.subject)
    save_volume(path, votes.entropy(), scan.affine, words | about)
    codes = label_codes(names)
    words = {sidecars.DESCRIPTION: PROBABILITY, sidecars.UNITS: FRACTION}
    for label, fraction in votes.fractions():
        path = probability_map(folder, group.name, scan.subject, codes.get(label, str(label)))
        own = {LABEL: label} | ({LABEL_NAME: names[label]} if label in names else {})
        save_volume(path, fraction, scan.affine, words | own | about)


def sources(kind: str, place: Place, root: Any, group: Group, subject: str) -> dict[str, Any]:
    """Return what the sidecar of a map says of the files that it is computed from.

    Args:
        kind: of their data sets, `images` or `segmentations`.
        place: of a member's file, `layout.image` or `layout.segmentation`.
        root: folder of a member's data set.
        group: whose members.
        subject: the scan.

    Raises:
        StudyError: if a file is not the one that its sidecar records.
    """
    paths = {m: place(group.name, m, subject) for m in group.of(subject)}
    return {
        sidecars.RECONSTRUCTION: group.name,
        MEMBERS: list(paths),
        sidecars.SPACE: "orig",
        sidecars.SOURCES: [
            uri(link(kind, group.name, m), path.relative_to(root(group.name, m)))
            for m, path in paths.items()
        ],
        SOURCES_MD5: [source_record(path)[sidecars.IMAGE] for path in paths.values()],
    }


def mapped(groups: tuple[Group, ...], subjects: list[str]) -> Iterator[tuple[Group, str]]:
    """Yield each group and scan that has maps: those with several images, voxel on voxel."""
    for group in groups:
        for subject in subjects:
            if group.aligned and len(group.of(subject)) > 1:
                yield group, subject
