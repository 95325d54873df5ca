"""NIfTI volumes with a right affine, their JSON sidecars, and the labels of subjects."""

import gzip
import math
import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import aff2axcodes

from stages.storage.files import atomic_path, md5, write_json
from stages.storage.reading import Kind, reading
from stages.study import layout, sidecars
from stages.study.errors import StudyError, unreadable_name

GZIP_LEVEL = 1  # noise hardly compresses: level 6 costs three times the time for 2 %
LABEL_TYPES = (np.uint8, np.int16, np.int32)  # integers that every NIfTI reader knows
NIFTI = Kind("a NIfTI volume", "run `dvc repro`", "remake it")
LARGEST_VOXELS = 1 << 29  # a head at 0.25 mm has 500 million
SAME_MM = 1e-3  # between affines: a header holds seven digits
SINGULAR = 1e-9  # mm3, volume of a voxel below which an affine counts as flat
AGREEMENT = 1e-3  # relative, between the voxel sizes of header and affine
SHEAR = 1e-3  # largest cosine of the angle between two axes
VOXELS_MM = (0.05, 15)  # smaller ones no head is scanned with, in thicker slices is no structure
EXTENTS_MM = (4, 700)  # the brain of a mouse, head and neck; more would fill the memory
EXTENSION = re.compile(r"\.(h5|hdf5|mrd|nii|nii\.gz|mgz|npz)$", re.IGNORECASE)


def affine(
    shape: tuple[int, int, int], voxel_size_mm: tuple[float, float, float], axis_codes: str
) -> np.ndarray:
    """Return the voxel-to-world matrix (RAS+, mm) of a volume whose centre voxel is the origin.

    x_world = A (i - shape // 2), where column d of A is the unit vector of the anatomical direction
    towards which index d increases, times the voxel size.

    Args:
        shape: number of voxels along each axis.
        voxel_size_mm: edge lengths in the order of the axes.
        axis_codes: three letters, e.g. `SAR`: axis 0 increases towards superior, axis 1 towards
            anterior, axis 2 towards right.

    Raises:
        StudyError: if `axis_codes` does not name three different anatomical axes.
    """
    world = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
    if len(axis_codes) != 3 or {world.get(c) for c in axis_codes} != {0, 1, 2}:
        raise StudyError(
            f"data.axis_codes: expected one letter each of R/L, A/P and S/I, got '{axis_codes}'"
        )
    matrix = np.zeros((4, 4))
    for axis, (code, size) in enumerate(zip(axis_codes, voxel_size_mm, strict=True)):
        matrix[world[code], axis] = size if code in "RAS" else -size
    matrix[:3, 3] = -matrix[:3, :3] @ (np.asarray(shape) // 2)
    matrix[3, 3] = 1.0
    return matrix


def axis_codes(matrix: np.ndarray) -> str:
    """Return the three anatomical letters of an affine, e.g. `SAR`."""
    return "".join(aff2axcodes(matrix))


def subject(name: str | Path) -> str:
    """Return the BIDS label of a scan: `sub-` and the letters and digits of its file name.

    The extension does not count: `e14089s3_P53248.7.h5` is `sub-e14089s3P532487`.

    Raises:
        StudyError: if nothing is left of the name, or it is not in UTF-8, as in a C locale.
    """
    try:
        str(name).encode()
    except UnicodeEncodeError as error:
        raise StudyError(unreadable_name(error.object)) from None
    stem = EXTENSION.sub("", Path(name).name)
    label = re.sub(r"[^A-Za-z0-9]", "", stem)
    if not label:
        raise StudyError(f"{name}: expected a file name with letters or digits; rename the scan")
    return f"sub-{label}"


def save_volume(
    path: Path, data: np.ndarray, matrix: np.ndarray, sidecar: dict[str, Any] | None = None
) -> None:
    """Write a compressed NIfTI whose bytes depend on nothing but its content, and its JSON sidecar.

    Args:
        path: ends in `.nii.gz`.
        data: (i, j, k) array; its dtype is the dtype on disk.
        matrix: (4, 4) voxel-to-world affine, RAS+, mm.
        sidecar: content of `<name>.json`, to which hash and size of the volume's file are added; no
            file when None.
    """
    image = nib.Nifti1Image(np.ascontiguousarray(data), matrix, dtype=data.dtype)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(matrix, code=1)
    image.set_qform(matrix, code=1)
    # no name and no time in the gzip header: the same volume gives the same bytes
    with (
        atomic_path(path) as temporary,
        open(temporary, "wb") as stream,
        gzip.GzipFile("", "wb", GZIP_LEVEL, stream, mtime=0) as packed,
    ):
        packed.write(image.to_bytes())
    if sidecar is not None:
        own = {sidecars.MD5: md5(path), sidecars.BYTES: path.stat().st_size}
        write_json(layout.sidecar(path), {**sidecar, **own})


def smallest_labels(labels: np.ndarray) -> np.ndarray:
    """Return a label map in the smallest integer type of NIfTI that holds its labels."""
    lowest, highest = int(labels.min(initial=0)), int(labels.max(initial=0))
    for kind in LABEL_TYPES:
        if np.iinfo(kind).min <= lowest and highest <= np.iinfo(kind).max:
            return labels.astype(kind, copy=False)
    raise ValueError(f"expected labels of at most 32 bits, got {lowest} to {highest}")


def load_volume(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a NIfTI volume as (data, affine): labels keep their integers, the rest becomes float32.

    Raises:
        StudyError: if the file is missing or damaged, not three-dimensional or empty, holds no real
            numbers, or its affine is of no use.
    """
    with reading(path, NIFTI):
        image = nib.load(path)
        check_voxels(path, image)
        if len(image.shape) != 3 or 0 in image.shape:
            raise StudyError(f"{path}: expected three dimensions, got shape {image.shape}")
        data, matrix = np.asarray(image.dataobj), np.asarray(image.affine, np.float64)
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < SINGULAR:
        raise StudyError(f"{path}: expected an invertible affine, got {matrix[:3].tolist()}")
    if not np.issubdtype(data.dtype, np.integer):
        data = data.astype(np.float32, copy=False)
    return data, matrix


def load_like(path: Path, shape: tuple[int, ...], matrix: np.ndarray) -> np.ndarray:
    """Read a volume (i, j, k) that must lie on a known grid.

    Args:
        path: the volume.
        shape: of the grid.
        matrix: (4, 4) voxel to world of the grid, mm.

    Raises:
        StudyError: if the file is missing or damaged, has another shape or affine, or holds NaN or
            infinity.
    """
    data, found = load_volume(path)
    if data.shape != tuple(shape):
        raise StudyError(
            f"{path}: expected shape {tuple(shape)} like the reference image, got {data.shape};"
            " remake it with `dvc repro`"
        )
    if not np.allclose(found, matrix, atol=SAME_MM):
        raise StudyError(
            f"{path}: expected the affine of the reference image, {axis_codes(matrix)}"
            f" {matrix[:3].round(3).tolist()}, got {axis_codes(found)}"
            f" {found[:3].round(3).tolist()}; remake it with `dvc repro`"
        )
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise StudyError(f"{path}: expected finite values, got NaN or infinity; remake it")
    return data


def label_map(path: Path, shape: tuple[int, ...], matrix: np.ndarray) -> np.ndarray:
    """Read a label map that must lie on a known grid.

    Raises:
        StudyError: as `load_like`, with the same arguments, and as `check_labels`.
    """
    labels = load_like(path, shape, matrix)
    check_labels(path, labels)
    return labels


def check_labels(path: Path, labels: np.ndarray) -> None:
    """Raise `StudyError` for anything but whole numbers from 0 on, as an interpolated map has."""
    if labels.min() < 0 or (labels.dtype.kind == "f" and np.any(labels != np.round(labels))):
        raise StudyError(
            f"{path}: expected labels (whole numbers from 0 on), got other values;"
            " remake it with `dvc repro`"
        )


def check_voxels(path: Path, image: nib.spatialimages.SpatialImage) -> None:  # type: ignore[name-defined]  # not read
    """Raise `StudyError` for values that are no real numbers, or more than memory should take."""
    if image.get_data_dtype().kind not in "biuf":
        raise StudyError(f"{path}: expected real intensities, got {image.get_data_dtype()}")
    if math.prod(image.shape) > LARGEST_VOXELS:
        raise StudyError(
            f"{path}: expected at most {LARGEST_VOXELS} voxels, got shape {image.shape}; crop the"
            " image or correct its header"
        )


def header_voxel_size(image: nib.spatialimages.SpatialImage) -> np.ndarray:  # type: ignore[name-defined]  # not read
    """Return the edges of a voxel in mm as the header states them, apart from the affine."""
    header = image.header
    return np.array(header["delta"] if "delta" in header else header["pixdim"][1:4], float)


def check_geometry(path: Path, image: nib.spatialimages.SpatialImage) -> None:  # type: ignore[name-defined]  # not read
    """Raise `StudyError` unless volumes in mm3 of a head can be measured on an image's grid.

    The affine must be invertible, of orthogonal axes and of the voxel size that the header states,
    and in mm: other units make voxels that no head is scanned with.
    """
    matrix, size = np.asarray(image.affine, float), header_voxel_size(image)
    edges = np.linalg.norm(matrix[:3, :3], axis=0)
    flat = not np.isfinite(matrix).all() or edges.min() == 0
    axes = matrix[:3, :3] / (1 if flat else edges)
    if flat or abs(np.linalg.det(axes)) < SINGULAR:
        raise StudyError(f"{path}: expected an invertible affine, got {matrix[:3].tolist()}")
    extents = edges * image.shape[:3]
    if not (within(edges, VOXELS_MM) and within(extents, EXTENTS_MM)):
        raise StudyError(
            f"{path}: expected a head in mm: voxels of {VOXELS_MM[0]} to {VOXELS_MM[1]} mm, sides"
            f" of {EXTENTS_MM[0]} to {EXTENTS_MM[1]} mm, got {edges.round(4).tolist()} and"
            f" {extents.round(1).tolist()}{stated_unit(image)}; crop the image or correct its"
            " header"
        )
    if not np.allclose(edges, size, rtol=AGREEMENT, atol=0):
        raise StudyError(
            f"{path}: expected the voxel size of the header to be that of the affine,"
            f" {edges.round(4).tolist()} mm, got {size.round(4).tolist()} mm; volumes would be"
            " wrong: correct the header"
        )
    largest = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if largest > SHEAR:
        raise StudyError(
            f"{path}: expected axes at right angles, got {np.degrees(np.arccos(largest)):.1f}"
            " degrees (a tilted gantry, or an affine registration); resample the image to a"
            " straight grid"
        )


def within(values: np.ndarray, bounds: tuple[float, float]) -> bool:
    """Return whether all values lie between two bounds."""
    return bool(values.min() >= bounds[0] and values.max() <= bounds[1])


def stated_unit(image: nib.spatialimages.SpatialImage) -> str:  # type: ignore[name-defined]  # not read
    """Return `, in <unit> by its header` where a NIfTI header states another unit than mm."""
    read = getattr(image.header, "get_xyzt_units", None)
    unit = "unknown" if read is None else read()[0]
    return "" if unit in ("unknown", "mm") else f", in {unit} by its header"
