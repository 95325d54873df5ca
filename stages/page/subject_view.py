"""The first subject: fully sampled and reconstructed on each other, with error, SD and contours."""

from dataclasses import dataclass

import numpy as np

from stages.figures.figure1 import MARGIN_MM, window
from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted
from stages.figures.kit.planes import OUTLINES, ras_voxel_size, to_ras
from stages.figures.kit.titles import title
from stages.figures.kit.wording import worded
from stages.figures.scan_planes import cuts, where
from stages.figures.subject_strips import View, image_figure, maps_figure
from stages.measures.members import load_reference
from stages.page.pictures import Embedded, picture
from stages.page.scan_pictures import Members, common, members

SHARP = 90  # quality of images that take each other's place


@dataclass(frozen=True)
class Strip:
    """A group's images of the slice."""

    heading: str
    under: Embedded
    """The fully sampled image."""
    under_words: str
    over: Embedded
    """The reconstruction, of the same size."""
    over_words: str
    other: str
    """What `under` is called."""
    maps: Embedded
    """Error, SD and contours."""
    maps_words: str


@dataclass(frozen=True)
class Subject:
    """The section of one subject."""

    words: str
    strips: tuple[Strip, ...]


def subject_view(facts: Facts) -> Subject | None:
    """Return the section; None where there are no images to compare."""
    target = facts.ensembles.target
    groups = [g for g in facts.ensembles.all if g.name in facts.groups and g.imaged]
    if target is None or not target.imaged or not groups:
        return None
    scan = next(iter(facts.subject_of))
    reference = load_reference(scan)
    labels = to_ras(reference.labels, reference.affine)
    voxel_mm = ras_voxel_size(reference.affine)
    at = where(labels, voxel_mm)
    image = cuts(to_ras(reference.image, reference.affine) / reference.scale, at)
    outlined = cuts(labels, at)
    parts = [members(group, reference, at) for group in groups]
    scales = common(image, outlined, parts)
    margin = np.ceil(MARGIN_MM / voxel_mm[:2]).astype(int)
    view = View(window(outlined.axial > 0, margin), at.aspect("axial"), scales)
    strips = tuple(strip(part, image.axial, view, facts) for part in parts)
    return Subject(_words(facts, scan, len(strips)), strips)


def strip(part: Members, reference: np.ndarray, view: View, facts: Facts) -> Strip:
    """Draw a group's images of the slice.

    Args:
        part: the group.
        reference: (x, y) in units of white matter.
        view: of the subject.
        facts: for the words of the study.
    """
    name, fully = title(part.group.name), worded("Fully sampled", facts)
    images = np.stack([image.axial for image in part.images])
    planes = [each.axial for each in part.labels]
    of = f"{name}, a member" if len(images) > 1 else name
    return Strip(
        heading=f"{name}: error, SD and contours",
        under=picture(image_figure(reference, fully.lower(), view), SHARP),
        under_words=f"{fully} image.",
        over=picture(image_figure(images[0], of, view), SHARP),
        over_words=f"The same slice by {name}.",
        other=fully.lower(),
        maps=picture(maps_figure(reference, images, planes, view)),
        maps_words=f"{name}: error, standard deviation of {counted(len(images), 'member')} and"
        " their contours.",
    )


def _words(facts: Facts, scan: str, n: int) -> str:
    colours = ", ".join(name.lower() for name in OUTLINES)
    each = "each first image" if n > 1 else "the first image"
    return worded(
        f"One axial slice of {scan}. Point at {each} (or Tab and Space) and it flickers to the"
        " fully sampled one: what moves is error. Error and SD in % of white matter, the scales"
        f" the same for all. Contours of the members on their mean: {colours}; where they differ,"
        " volumes differ.",
        facts,
    )
