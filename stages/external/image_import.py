"""Images from elsewhere as a group of the study: on one grid a scan, in one unit, as BIDS."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stages.external.dicom_series import load_series
from stages.external.image_listing import Item
from stages.external.regridding import (
    METHODS,
    placed,
    resampled,
    same_grid,
    there_and_back,
    turned,
)
from stages.params.external import ExternalParams
from stages.segmenters.image import Image, load
from stages.storage.nifti import axis_codes, load_volume
from stages.study.errors import StudyError

HEAD = 0.1  # of the 99th percentile: what is brighter counts as head
BRIGHT, BRIGHTEST = 95.0, 99.0  # percentiles
OFF = METHODS[0]


@dataclass(frozen=True)
class Imported:
    """An image ready to be written."""

    image: Image
    scale: float
    """By which its intensities were multiplied."""
    resampled: str
    """How it came to its grid; `off` where no intensity was interpolated."""
    control: Image | None = None
    """The reference, resampled to the grid of the image and back; None unless it is asked for."""


def read_image(path: Path) -> Image:
    """Read NIfTI or MGZ, or the DICOM series of a folder; `StudyError` if it is unusable."""
    found = load_series(path) if path.is_dir() else load(path)
    if found.data.ndim != 3:
        raise StudyError(f"{path}: expected three dimensions, got shape {found.data.shape}")
    if not found.data.max() > 0:
        raise StudyError(f"{path}: expected a head, got no positive intensity; export it again")
    return found


def reference_image(path: Path) -> Image:
    """Return an image of the study's own reference group."""
    data, affine = load_volume(path)
    return Image(np.asarray(data, np.float64), affine, np.linalg.norm(affine[:3, :3], axis=0))


def imported(
    item: Item, params: ExternalParams, reference: Image | None, *, control: bool = False
) -> Imported:
    """Return an image on the grid and in the unit of its reference.

    Args:
        item: where it lies.
        params: how it comes to another grid and unit.
        reference: of the same scan; None for the reference itself, whose grid and unit stay.
        control: whether to do to the reference what is done to the grid of the image.

    Raises:
        StudyError: if the image is unusable, or lies on another grid and nothing was said of
            resampling.
    """
    image = read_image(item.image)
    if reference is None:
        return Imported(image, 1.0, OFF)
    image = turned(image, reference.affine)
    how, back = OFF, reference if control else None
    if same_grid(image, reference.data.shape, reference.affine):
        image = replace(image, affine=reference.affine)  # which may differ in its last digits
    else:
        if params.resample == OFF:
            raise StudyError(other_grid(item.image, image, reference))
        how, transform = params.resample, placed(image, reference, params.resample)
        back = there_and_back(reference, image, transform) if control else None
        image = resampled(image, reference, transform)
        if not image.data.max() > 0:
            raise StudyError(
                f"{item.image}: expected the head of the reference, got none on its grid: their"
                " headers place them apart; correct the header, or set resample: rigid"
            )
    stored = params.intensities == "stored"
    scale = 1.0 if stored else brightness(reference) / brightness(image)
    return Imported(image, scale, how, back)


def other_grid(path: Path, image: Image, reference: Image) -> str:
    """Return what is wrong about a grid, in a line."""
    sizes = [np.round(one.voxel_size_mm, 4).tolist() for one in (reference, image)]
    shapes = [one.data.shape for one in (reference, image)]
    codes = axis_codes(image.affine)
    return (
        f"{path}: expected the grid of the reference, {shapes[0]} voxels of {sizes[0]} mm, got"
        f" {shapes[1]} of {sizes[1]} mm ({codes}, at {image.affine[:3, 3].round(2).tolist()});"
        " resampling changes volumes: say it is wanted by resample: affine-only or rigid, or export"
        " the image on the reference's grid"
    )


def brightness(image: Image) -> float:
    """Return the 95th percentile of an image's intensities over the head, its robust unit."""
    size = np.abs(image.data)
    top = float(np.percentile(size, BRIGHTEST))
    head = size[size > HEAD * top]
    return float(np.percentile(head, BRIGHT)) if len(head) else float(size.max())
