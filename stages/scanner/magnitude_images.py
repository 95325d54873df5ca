"""Scans simulated from T1-weighted magnitude images, where no raw data are to be had.

Magnitude images are no raw data: their phase is gone, their noise is not Gaussian, and scanners
have filtered, interpolated and zero-filled them, so that what is reconstructed from such k-space
looks better than it would on a scanner (Shimron et al. 2022, arXiv:2109.08237). The phase, coils
and noise are those of the digital phantoms.
"""

from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from scipy import ndimage
from skimage.filters import threshold_otsu

from stages.anatomy.contrast import with_phase
from stages.anatomy.participants import IMAGE_STREAM, NOISE_STREAM, SPLITS
from stages.anatomy.view import fine_centre, fine_shape, place
from stages.machine.processes import process_pool
from stages.machine.progress import progress
from stages.params.phantom import PhantomParams
from stages.scanner.acquisition import simulate, write_slices
from stages.scanner.phantoms import AXIS_CODES, acquisition
from stages.storage.files import md5
from stages.storage.nifti import EXTENSION, check_geometry, load_volume, subject
from stages.study.axes import three
from stages.study.distinct import first_clash
from stages.study.errors import StudyError
from stages.study.seeds import stable_seed

SUFFIXES = (".nii", ".nii.gz", ".mgz")
LOST = 0.01  # of the head's signal, outside the field of view
SAME_MM = 1e-3


@dataclass(frozen=True)
class Head:
    """An image, and the scan that is made of it."""

    image: Path
    split: str
    seed: int

    @property
    def name(self) -> str:
        """Stem of its scan."""
        return scan_name(self.image)

    def rng(self, stream: int) -> np.random.Generator:
        """One of its independent random streams."""
        return np.random.default_rng([self.seed, stream])


def scan_name(image: Path) -> str:
    """Return the stem of an image's scan, which gives the label of the image."""
    return EXTENSION.sub("", image.name).removeprefix("sub-")


def list_heads(params: PhantomParams) -> list[Head]:
    """Return the images in the order of their names, those of training first.

    Raises:
        StudyError: if there are too few, or two would be scans of one name.
    """
    folder = Path(params.images or "")
    found = sorted(p for p in folder.iterdir() if named(p)) if folder.is_dir() else []
    sizes = (params.n_train, params.n_validation)
    if len(found) < sum(sizes):
        raise StudyError(
            f"{folder}: expected a folder of at least {sum(sizes)} images (.nii.gz, .mgz) as"
            f" phantom.images, phantom.n_train and n_validation, got {len(found)}; add images or"
            " lower these"
        )
    splits = [split for split, n in zip(SPLITS, sizes, strict=True) for _ in range(n)]
    heads = [
        Head(path, split, stable_seed("image", scan_name(path), params.seed))
        for path, split in zip(found, splits, strict=False)
    ]
    if clash := first_clash(heads, lambda head: subject(head.name)):
        head, other = clash
        raise StudyError(
            f"{head.image}: expected a label of its own, got {subject(head.name)}, which is"
            f" {other.image}'s too; rename one image"
        )
    return heads


def named(path: Path) -> bool:
    """Tell whether a file is an image by its name."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def read_image(path: Path) -> np.ndarray:
    """Read a magnitude image as 1 mm voxels along (superior, anterior, right), float32.

    Any orientation and voxel size; cubic splines where voxels are not of 1 mm.

    Raises:
        StudyError: if the file is no image of a head, or holds no magnitudes.
    """
    data, matrix = load_volume(path)
    check_geometry(path, nib.load(path))
    data = data.astype(np.float32)
    if not np.isfinite(data).all() or data.min() < 0 or data.max() <= 0:
        raise StudyError(
            f"{path}: expected magnitudes, finite and from 0 on, got {data.min():g} to"
            f" {data.max():g}; take the scanner's magnitude image"
        )
    turn = ornt_transform(io_orientation(matrix), axcodes2ornt(AXIS_CODES))
    image = apply_orientation(data, turn)
    sizes = nib.affines.voxel_sizes(matrix @ nib.orientations.inv_ornt_aff(turn, data.shape))
    if not np.allclose(sizes, 1, atol=SAME_MM):
        factors = [round(n * mm) / n for n, mm in zip(image.shape, sizes, strict=True)]
        image = ndimage.zoom(image, factors, order=3, mode="nearest", grid_mode=True)
    return np.maximum(image, 0)


def in_field_of_view(image: np.ndarray, params: PhantomParams, path: Path) -> np.ndarray:
    """Return an image in the middle of the field of view, in units of the head's mean signal.

    Raises:
        StudyError: if the field of view is too small for the head.
    """
    factor = round(params.voxel_size_mm)
    shape, centre = fine_shape(params.grid, factor), fine_centre(params.grid, factor)
    placed = place(image, three(n // 2 for n in image.shape), shape, centre)
    head = image * (image > threshold_otsu(image))
    kept = float((placed * (placed > threshold_otsu(image))).sum(dtype=np.float64))
    whole = float(head.sum(dtype=np.float64))
    if kept < (1 - LOST) * whole:
        needed = [-(-n // factor) for n in image.shape]
        raise StudyError(
            f"{path}: expected the head within phantom.grid {list(params.grid)}, got"
            f" {1 - kept / whole:.0%} of its signal outside; set phantom.grid up to {needed}"
        )
    return placed / np.float32(head[head > 0].mean(dtype=np.float64))


def phantom_of(head: Head, params: PhantomParams) -> tuple[np.ndarray, np.ndarray]:
    """Return the complex image of 1 mm voxels, and where the signal-to-noise ratio is defined.

    That is all of the head, as white matter is not known.
    """
    magnitude = in_field_of_view(read_image(head.image), params, head.image)
    return with_phase(magnitude, head.rng(IMAGE_STREAM)), magnitude > threshold_otsu(magnitude)


def scan_head(head: Head, params: PhantomParams, folder: Path) -> dict[str, object]:
    """Write the scan of an image below `folder`; return its row of the table of images."""
    (image, tissue), scanner = phantom_of(head, params), acquisition(params)
    slices = simulate(image, tissue, scanner, head.rng(NOISE_STREAM))
    path = folder / head.split / f"{head.name}.h5"
    write_slices(path, slices, scanner.grid, scanner.n_coils)
    own = {"image": head.image.name, "md5": md5(head.image)}
    return {"subject": subject(path), "split": head.split, **own}


def scan_heads(
    heads: list[Head], params: PhantomParams, folder: Path, n_processes: int
) -> list[dict[str, object]]:
    """Scan all images, some at a time; the results do not depend on how many."""
    work = partial(scan_head, params=params, folder=folder)
    if min(n_processes, len(heads)) == 1:
        return [work(head) for head in progress(heads, desc="phantom", unit="image")]
    with process_pool(n_processes) as pool:
        futures = [pool.submit(work, head) for head in heads]
        try:
            done = as_completed(futures)
            for future in progress(done, desc="phantom", total=len(futures), unit="image"):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [future.result() for future in futures]
