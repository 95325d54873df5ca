"""Scans on which a segmenter is judged: digital phantoms, some with a disease, and label maps."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.anatomy.contrast import Contrast, complex_image
from stages.anatomy.diseases.catalogue import DISEASES, FLUIDS, without_lesions
from stages.anatomy.grid import HEAD_SHAPE
from stages.anatomy.head import digital_head
from stages.anatomy.label_maps import BRAIN_CENTRE_MM, brain_centre, read_map
from stages.anatomy.participants import IMAGE_STREAM, NOISE_STREAM, PATHOLOGY_STREAM
from stages.anatomy.tissue import Tissue
from stages.anatomy.view import (
    brain_only,
    extend_neck,
    fine_centre,
    fine_shape,
    majority,
    place,
    true_volumes,
)
from stages.kspace.combination import rss_image
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.variable_density_poisson import draw_mask
from stages.kspace.noise import add_noise, brain_of
from stages.kspace.partial_fourier import acquired_columns
from stages.params.phantom import PathologyParams
from stages.params.segmenter import QualityParams
from stages.scanner.acquisition import Acquisition, simulate
from stages.segmenters.image import Image
from stages.storage.nifti import affine
from stages.study.axes import Shape, three
from stages.study.seeds import stable_seed
from stages.study.structures import SYNTHSEG_TABLE

QUALITY_SEEDS = 2_000_000  # heads for the judgement; training heads have seeds from 1,000,000
SEEDS_PER_RUN = 1000
WHITE_MATTER = (2, 41)
AXIS_CODES = "SAR"
MASK_TOLERANCE = 0.01  # relative deviation of the drawn acceleration


@dataclass(frozen=True)
class Phantom:
    """A scan of a head whose anatomy is known.

    labels: true labels (n_slices, n_ky, n_kz), FreeSurfer ids, the majority in each voxel.
    volumes: SynthSeg's name of a structure -> true volume in mm3, from the labels at 1 mm.
    kspace: complex64 (n_slices, n_coils, n_ky, n_kz).
    """

    seed: int
    labels: np.ndarray
    volumes: dict[int, float]
    kspace: np.ndarray


def acquisition(params: QualityParams) -> Acquisition:
    """How the heads are scanned."""
    factor = round(params.voxel_size_mm)
    return Acquisition(params.grid, factor, params.n_coils, params.snr, params.partial_fourier)


def seed_of(params: QualityParams, number: int) -> int:
    """Return the seed of a head that is judged; no training and no cohort has it."""
    return QUALITY_SEEDS + SEEDS_PER_RUN * params.seed + number


def digital_labels(params: QualityParams, number: int) -> np.ndarray:
    """Return the labels of a digital phantom in the field of view at 1 mm."""
    shape, centre = view(params)
    middle = three(n // 2 for n in HEAD_SHAPE)
    head = digital_head(seed_of(params, number))
    return extend_neck(place(head.labels, middle, shape, centre))


def mapped_labels(params: QualityParams, path: Path) -> np.ndarray:
    """Return the labels of a map of a real head in the field of view at 1 mm, as it is."""
    shape, centre = view(params)
    labels = read_map(path)
    goal = three(c + shift for c, shift in zip(centre, BRAIN_CENTRE_MM, strict=True))
    return extend_neck(place(labels, brain_centre(labels), shape, goal))


def view(params: QualityParams) -> tuple[Shape, Shape]:
    """Return shape and centre of the field of view at 1 mm."""
    scanner = acquisition(params)
    shape = fine_shape(scanner.grid, scanner.factor)
    return shape, fine_centre(scanner.grid, scanner.factor)


def scan_head(params: QualityParams, number: int) -> Phantom:
    """Build and scan the digital phantom with this number."""
    return scan(params, digital_labels(params, number), seed_of(params, number))


def scan_map(params: QualityParams, path: Path, number: int) -> Phantom:
    """Scan the head of a label map; the number draws its contrast and noise."""
    return scan(params, mapped_labels(params, path), seed_of(params, number))


def scan_ill(params: QualityParams, number: int, kind: str, plan: PathologyParams) -> Phantom:
    """Build and scan the digital phantom with this number and a disease."""
    seed = seed_of(params, number)
    rng = np.random.default_rng([seed, PATHOLOGY_STREAM])
    labels = DISEASES[kind].apply(digital_labels(params, number), plan, rng)
    lesions = {
        label: Tissue(tissue.t1_ms, tissue.proton_density, "")
        for label, tissue in DISEASES[kind].tissues(plan).items()
    }
    return scan(params, labels, seed, Contrast(lesions=lesions, fluids=FLUIDS))


def scan(
    params: QualityParams, labels: np.ndarray, seed: int, contrast: Contrast | None = None
) -> Phantom:
    """Scan a head.

    Args:
        params: the scanner.
        labels: FreeSurfer ids at 1 mm over the field of view, lesions among them.
        seed: of contrast and noise.
        contrast: what the signal depends on; healthy tissue otherwise.
    """
    scanner, known = acquisition(params), contrast or Contrast()
    image = complex_image(labels, known, np.random.default_rng([seed, IMAGE_STREAM]))
    truth = without_lesions(labels)
    white_matter = np.isin(labels, WHITE_MATTER)
    slices = simulate(image, white_matter, scanner, np.random.default_rng([seed, NOISE_STREAM]))
    kspace = np.empty((scanner.grid[0], scanner.n_coils, *scanner.grid[1:]), np.complex64)
    for index, part in enumerate(slices):
        kspace[index] = part
    names = true_volumes(truth)
    volumes = {label: names[name] for label, name in SYNTHSEG_TABLE.items()}
    coarse = brain_only(majority(truth, scanner.grid, scanner.factor))
    return Phantom(seed, coarse, volumes, kspace)


def combined(kspace: np.ndarray) -> np.ndarray:
    """Root of the sum of squares (n_slices, n_ky, n_kz), slice by slice."""
    return np.stack([rss_image(part) for part in kspace])


def noisy(phantom: Phantom, params: QualityParams) -> Iterator[np.ndarray]:
    """Images with added noise, sigma = mean brain intensity / SNR in each part of a coil."""
    brain = brain_of(phantom.labels)
    sigma = float(combined(phantom.kspace)[brain].mean(dtype=np.float64)) / params.noise_snr
    n_acquired = n_acquired_of(params)
    for draw in range(params.n_noise):
        rng = np.random.default_rng([phantom.seed, NOISE_STREAM, draw])
        yield np.concatenate(
            [rss_image(add_noise(part[None], sigma, n_acquired, rng)) for part in phantom.kspace]
        )


def undersampled(phantom: Phantom, params: QualityParams) -> np.ndarray:
    """Zero-filled image of a variable-density Poisson-disk sampling of the scan."""
    return combined(phantom.kspace * sampling(phantom, params).mask)


def sampling(phantom: Phantom, params: QualityParams) -> SamplingMask:
    """Return the mask of a scan that is undersampled."""
    options = MaskOptions(params.acceleration, "acquired", params.center_fraction, MASK_TOLERANCE)
    seed = stable_seed("quality", phantom.seed)
    return draw_mask(params.grid[1:], n_acquired_of(params), options, seed)


def n_acquired_of(params: QualityParams) -> int:
    """Number of kz columns that partial Fourier acquires."""
    return acquired_columns(params.partial_fourier, params.grid[2])


def thick(phantom: Phantom, thickness: int) -> tuple[np.ndarray, np.ndarray]:
    """Return image and labels of a scan in thick slices: means, and majorities, of its slices.

    Args:
        phantom: the scan, whose last slices are left out where they fill none.
        thickness: slices that make one.
    """
    n = len(phantom.labels) // thickness
    image, labels = (
        each[: n * thickness].reshape(n, thickness, *each.shape[1:])
        for each in (combined(phantom.kspace), phantom.labels)
    )
    found = np.unique(labels)
    votes = np.stack([np.count_nonzero(labels == label, axis=1) for label in found])
    return image.mean(1, dtype=np.float64), found[votes.argmax(0)]


def as_image(image: np.ndarray, voxel_size_mm: float, thickness_mm: float | None = None) -> Image:
    """Present an image (superior, anterior, right) to the segmenter like one read from a file.

    Args:
        image: of a head.
        voxel_size_mm: edges of its voxels.
        thickness_mm: of the slices, if it is another.
    """
    size = (thickness_mm or voxel_size_mm, voxel_size_mm, voxel_size_mm)
    return Image(image.astype(np.float64), affine(image.shape, size, AXIS_CODES), np.array(size))
