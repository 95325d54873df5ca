"""Pictures of every scan: each group's reconstruction, error, SD over members and contours.

One scan is read at a time, of which three planes a member are kept, so that memory depends on
neither the number of scans nor that of members.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from stages.figures.kit.phrasing import counted
from stages.figures.kit.planes import ras_voxel_size, to_ras
from stages.figures.kit.titles import title
from stages.figures.scan_planes import (
    Cuts,
    Scales,
    Where,
    cuts,
    group_figure,
    reference_figure,
    where,
)
from stages.machine.progress import progress
from stages.measures.members import Reference, load_image, load_labels, load_reference
from stages.page.pictures import Embedded, picture
from stages.params.ensembles import EnsembleParams
from stages.study import layout
from stages.study.groups import Group

BRIGHTEST = 99.5  # percentile that ends a scale


@dataclass(frozen=True)
class Picture:
    """An image of the HTML report with its words."""

    heading: str
    alternative: str
    caption: str
    image: Embedded


@dataclass(frozen=True)
class ScanSection:
    """All pictures of one scan."""

    subject: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Members:
    """Three planes of every member of a group."""

    group: Group
    images: tuple[Cuts, ...]
    labels: tuple[Cuts, ...]


@dataclass(frozen=True)
class Against:
    """How the image is called that the others of a scan are shown beside."""

    heading: str
    caption: str
    name: str
    """In a sentence."""
    error: str = "error against"
    """What an image less this one is."""


def against(ensembles: EnsembleParams) -> Against:
    """Return the words for the fully sampled scan, another reference, or what stands in for it."""
    if ensembles.architectures:
        made = "Root sum of squares over the coils"
        return Against("Fully sampled", made, "the fully sampled scan")
    if ensembles.target:
        return Against("Reference", "The reference image", "the reference image")
    made = "The first image of the scan, which gives grid and unit where there is no reference"
    name = "the first image of the scan, which is no reference"
    return Against("First image", made, name, "difference from")


def sections(subjects: list[str], ensembles: EnsembleParams) -> Iterator[ScanSection]:
    """Yield the pictures scan by scan."""
    for subject in progress(subjects, desc="pictures of scans", unit="scan"):
        yield section(subject, ensembles)


def section(subject: str, ensembles: EnsembleParams) -> ScanSection:
    """Read and draw one scan."""
    reference = load_reference(subject)
    found = to_ras(reference.labels, reference.affine)
    at = where(found, ras_voxel_size(reference.affine))
    image = cuts(to_ras(reference.image, reference.affine) / reference.scale, at)
    parts = [members(group, reference, at) for group in ensembles.all if not group.kind.target]
    outlined = cuts(found, at)
    learned = [part for part in parts if part.group.kind.studied]
    scales = common(image, outlined, learned)
    first = against(ensembles)
    pictures = [_reference(subject, first, reference_figure(image, outlined, at, scales))]
    for part in parts:
        drawn = picture(group_figure(image, part.images, part.labels, at, scales))
        pictures.append(_group(subject, part, first, drawn))
    return ScanSection(subject, tuple(pictures))


def members(group: Group, reference: Reference, at: Where) -> Members:
    """Read a group member by member, in units of the reference's white matter."""
    images, labels = [], []
    for seed in group.of(reference.subject):
        image = load_image(layout.image(group.name, seed, reference.subject), reference)
        path = layout.segmentation(group.name, seed, reference.subject)
        found = load_labels(path, reference.grid)
        images.append(_copied(cuts(to_ras(image, reference.affine), at), reference.scale))
        labels.append(_copied(cuts(to_ras(found, reference.affine), at)))
    return Members(group, tuple(images), tuple(labels))


def _copied(planes: Cuts, unit: float | None = None) -> Cuts:
    """Return planes that do not keep their volume in memory, divided by a unit if there is one."""
    return Cuts(*(p.copy() if unit is None else p / unit for p in planes.all()))


def common(reference: Cuts, labels: Cuts, parts: list[Members]) -> Scales:
    """Return the ends of the scales of a scan: percentiles over the brain in all architectures.

    Args:
        reference: the fully sampled scan.
        labels: its segmentation; without any label the whole planes count.
        parts: groups whose errors and SDs the scales should show.
    """
    brains = [plane > 0 if plane.any() else plane == 0 for plane in labels.all()]
    white, errors, deviations = [], [], []
    for k, (plane, brain) in enumerate(zip(reference.all(), brains, strict=True)):
        white.append(plane[brain])
        for part in parts:
            stack = np.stack([image.all()[k][brain] for image in part.images])
            errors.append(np.abs(stack[0] - plane[brain]))
            if len(stack) > 1:
                deviations.append(stack.std(axis=0, ddof=1))
    return Scales(_end(white), _end(errors), _end(deviations))


def _end(values: list[np.ndarray]) -> float:
    if not values:
        return 1.0
    return float(np.percentile(np.concatenate(values), BRIGHTEST)) or 1.0


def _reference(subject: str, first: Against, figure: Figure) -> Picture:
    return Picture(
        first.heading,
        f"Three planes of {first.name}, {subject}, without and with outlines.",
        f"{first.caption}; below with the outlines of its own segmentation.",
        picture(figure),
    )


def _group(subject: str, part: Members, first: Against, drawn: Embedded) -> Picture:
    name, n = title(part.group.name), len(part.images)
    of = f"Member {part.group.of(subject)[0]}" if n > 1 else name
    what = part.group.kind.image
    deviation = f"; standard deviation over {counted(n, 'member')}" if n > 1 else ""
    outlines = f"outlines of all {n} on their mean" if n > 1 else "outlines"
    return Picture(
        name,
        f"{name} of {subject} in three planes: {what}, error{deviation}, outlines.",
        f"{of}; its {first.error} {first.name}{deviation}, both in % of the median"
        f" intensity of white matter; {outlines}.",
        drawn,
    )
