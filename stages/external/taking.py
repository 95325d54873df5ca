"""The import of a group: every image read, checked and written as a BIDS derivative."""

from pathlib import Path

import numpy as np

from stages.external.image_import import Imported, imported, reference_image
from stages.external.image_listing import Item
from stages.external.membership import Place, places, table
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

    Args:
        name: of the group.
        params: its section of the parameters.
        found: its images.
        ensembles: the groups of the study, whose reference has been imported before.

    Raises:
        StudyError: as `places` and `imported`; if the scans are not those of the reference.
    """
    is_target = name in TARGETS
    where = places(name, [item.key for item in found], several=not is_target)
    target = None if is_target else ensembles.target
    if target:
        _check_scans(name, where, target)
    with atomic_directory(layout.images(name, 0).parent) as folder:
        for member in sorted({place.member for place in where}):
            _describe(folder / str(member), name, member, params)
        pairs = list(zip(found, where, strict=True))
        for item, place in progress(pairs, desc=f"import {name}", unit="image"):
            against = layout.image(target.name, 0, place.scan) if target else None
            reference = reference_image(against) if against else None
            _write(folder, name, item, place, imported(item, params, reference))
        with atomic_path(layout.members(name)) as path:
            table([item.key for item in found], where).to_csv(path, index=False)


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
    path = layout.image(name, place.member, place.scan, folder / str(place.member))
    data = (found.image.data * found.scale).astype(np.float32)
    about = "An image from elsewhere, its intensities multiplied by IntensityScale."
    sidecar = {
        sidecars.RECONSTRUCTION: name,
        sidecars.MEMBER: place.member,
        sidecars.DESCRIPTION: about,
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
