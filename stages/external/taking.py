"""The import of a group: every image read, checked and written as a BIDS derivative."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from stages.external.image_import import Imported, imported, reference_image
from stages.external.image_listing import Item
from stages.external.membership import Place, places, table
from stages.external.stripping import skull_stripped
from stages.external.volume_import import TARGETS
from stages.machine.progress import progress
from stages.params.ensembles import EnsembleParams
from stages.params.external import ExternalParams
from stages.storage.bids import describe_dataset
from stages.storage.files import atomic_directory, atomic_path, md5
from stages.storage.nifti import save_volume
from stages.study import layout, sidecars
from stages.study.errors import StudyError
from stages.study.groups import FULLY_SAMPLED, Group, desc_of

SOURCE = "source"  # name of the data set that images come from, among the links


def take(name: str, params: ExternalParams, found: list[Item], ensembles: EnsembleParams) -> None:
    """Write the images of a group and the table of its members.

    Without a reference the first image of each scan stands in for it, written by the first group.

    Args:
        name: of the group.
        params: its section of the parameters.
        found: its images.
        ensembles: the groups of the study, whose reference has been imported before.

    Raises:
        StudyError: as `places` and `imported`; if the scans are not those of the reference.
    """
    where = places(name, [item.key for item in found], several=name not in TARGETS)
    target = None if name in TARGETS else ensembles.target
    if target:
        _check_scans(name, where, target)
    leads = not ensembles.target and name == ensembles.groups[0]
    pairs = sorted(zip(found, where, strict=True), key=lambda pair: (pair[1].scan, pair[1].member))
    with ExitStack() as stack:
        folder = stack.enter_context(atomic_directory(layout.images(name, 0).parent))
        for member in sorted({place.member for place in where}):
            _describe(folder / str(member), name, member, params)
        first = stack.enter_context(_stand_in(params)) if leads else None
        control = ensembles.control_of(name)
        back = stack.enter_context(_control(control, params)) if control else None
        seen: set[str] = set()
        for item, place in progress(pairs, desc=f"import {name}", unit="image"):
            path = layout.image(FULLY_SAMPLED.name, 0, place.scan, first)
            against = name not in TARGETS and path.exists()
            reference = reference_image(path) if against else None
            wanted = back is not None and place.scan not in seen
            seen.add(place.scan)
            image = imported(item, params, reference, control=wanted)
            _write(folder / str(place.member), name, item, place, image)
            if back and control:
                _write_control(back, control, item, place, image)
            if first and not against:
                _write(first, FULLY_SAMPLED.name, item, replace(place, member=0), image)
        with atomic_path(layout.members(name)) as table_path:
            table([item.key for item in found], where).to_csv(table_path, index=False)


@contextmanager
def _stand_in(params: ExternalParams) -> Iterator[Path]:
    """Yield the folder of what stands in for a reference: the first image of each scan.

    Nothing is compared with it. It gives a scan its grid, its unit and its regions of interest.
    """
    with atomic_directory(layout.images(FULLY_SAMPLED.name, 0).parent) as parent:
        folder = parent / "0"
        _describe(folder, FULLY_SAMPLED.name, 0, params)
        yield folder


@contextmanager
def _control(control: Group, params: ExternalParams) -> Iterator[Path]:
    """Yield the folder of the reference images that are resampled there and back."""
    with atomic_directory(layout.images(control.name, 0).parent) as parent:
        folder = parent / "0"
        _describe(folder, control.name, 0, params)
        yield folder


def _write_control(folder: Path, control: Group, item: Item, place: Place, found: Imported) -> None:
    if found.control is None:
        return
    sidecar = {
        sidecars.RECONSTRUCTION: control.name,
        sidecars.MEMBER: 0,
        sidecars.DESCRIPTION: "The reference, resampled to the grid of SourceFile and back.",
        sidecars.SOURCE_FILE: item.image.name,
        sidecars.RESAMPLED: found.resampled,
    }
    path = layout.image(control.name, 0, place.scan, folder)
    save_volume(path, found.control.data.astype(np.float32), found.control.affine, sidecar)


def _check_scans(name: str, where: list[Place], target: Group) -> None:
    own, known = {place.scan for place in where}, {*layout.subjects(target.name, 0)}
    for scans, lacks in ((known - own, name), (own - known, FULLY_SAMPLED.name)):
        if scans:
            some = ", ".join(sorted(scans)[:3]) + (", ..." if len(scans) > 3 else "")
            raise StudyError(
                f"{lacks}: expected the same scans in {name} and {FULLY_SAMPLED.name}, got none of"
                f" {some} here; add them, or take them out of the other"
            )


def _describe(folder: Path, name: str, member: int, params: ExternalParams) -> None:
    describe_dataset(
        folder,
        name=f"Images of {name}, member {member}",
        about=f"Images that were made elsewhere, taken from {params.source.name}.",
        sources={SOURCE: params.source if params.source.is_dir() else params.source.parent},
        desc=desc_of(name),
    )


def _write(folder: Path, name: str, item: Item, place: Place, found: Imported) -> None:
    path = layout.image(name, place.member, place.scan, folder)
    data = (found.image.data * found.scale).astype(np.float32)
    about = "An image from elsewhere, its intensities multiplied by IntensityScale."
    sidecar = {
        sidecars.RECONSTRUCTION: name,
        sidecars.MEMBER: place.member,
        sidecars.DESCRIPTION: about,
        sidecars.SPACE: "orig",
        sidecars.SKULL_STRIPPED: skull_stripped(data, found.image.affine),
        sidecars.UNITS: "arbitrary",
        sidecars.SOURCE_FILE: item.image.name,
        sidecars.SOURCE_MD5: md5(item.image) if item.image.is_file() else None,
        sidecars.INTENSITY_SCALE: found.scale,
        sidecars.RESAMPLED: found.resampled,
    }
    if item.labels is not None:
        sidecar |= {
            sidecars.LABEL_FILE: str(item.labels),
            sidecars.LABEL_MD5: md5(item.labels),
        }
    save_volume(path, data, found.image.affine, sidecar)
