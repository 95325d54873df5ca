"""How much an image is like a head that lies in a given way: a coarse comparison with the atlas.

The tissue maps of the atlas are moved over the image, voxels of 8 mm. Their best sum, a free
intensity for each tissue, explains part of the variance in the brain and just around it; contrast
and scale of the image do not matter.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy import ndimage

from stages.segmenters.atlas.probabilities import Atlas
from stages.segmenters.preprocess import resample
from stages.study.axes import Shape, three
from stages.study.structures import MERGED

VOXEL_MM = 8.0
WHITE, GREY, FLUID = (2, 7, 16, 28), (3, 8, 17, 18), (4, 14, 15, 24)
"""Labels, left or midline, of about one intensity; the other structures are a fourth tissue."""
RING_VOXELS, RING = 2.0, 0.05
"""The ring around the brain: where it is above `RING` after a blur of that SD (of the atlas)."""
COVERED = 0.85  # smallest fraction of brain and ring that must lie in the image
FLAT = 0.1  # places of less variance than this fraction of the largest do not count as better


@dataclass(frozen=True)
class Template:
    """What a head is compared with, (right, anterior, superior) at `VOXEL_MM`."""

    tissues: tuple[np.ndarray, ...]
    """Maps whose weighted sums are those of the tissues, orthonormal, float32."""
    region: np.ndarray
    """Weight of brain and ring, 0 to 1, float32."""


def coarse_maps(atlas: Atlas) -> np.ndarray:
    """Return the tissues of an atlas, and the ring around them last, on coarse voxels."""
    fine: dict[int, np.ndarray] = {}
    for channel, map_ in zip(atlas.channels, atlas.probabilities, strict=True):
        if channel:
            tissue = tissue_of(atlas.labels[channel])
            fine[tissue] = fine.get(tissue, 0) + map_
    brain = sum(fine.values())
    ring = np.clip((ndimage.gaussian_filter(brain, RING_VOXELS) > RING) - brain, 0, 1)
    matrix = np.diag([*(atlas.voxel_size_mm,) * 3, 1.0])
    return np.stack(
        [resample(m.astype(float), matrix, VOXEL_MM)[0] for m in (*fine.values(), ring)]
    )


def template_of(maps: np.ndarray) -> Template:
    """Return the template of tissues and ring, (maps, x, y, z).

    In a voxel of which the maps cover the part w, tissue k is the fraction m_k / w, and the voxel
    weighs w in the sums of squares: no more is explained than there is.
    """
    flat, region = maps.reshape(len(maps), -1), np.clip(maps.sum(0), 0, 1)
    covered = np.where(region > 0, region, 1).reshape(-1)
    whitened = np.linalg.cholesky(np.linalg.inv((flat / covered) @ flat.T)).T @ flat
    tissues = tuple(row.reshape(region.shape).astype(np.float32) for row in whitened)
    return Template(tissues, region.astype(np.float32))


def tissue_of(label: int) -> int:
    """Return the number of the tissue that a structure counts as."""
    label = MERGED.get(label, label)
    return next((k for k, labels in enumerate((WHITE, GREY, FLUID)) if label in labels), 3)


def likeness(image: np.ndarray, head: Template) -> float:
    """Return the largest explained fraction of the variance over all places of the template.

    Args:
        image: (right, anterior, superior) as it is said to lie, at `VOXEL_MM`.
        head: what it is compared with.

    Returns:
        -inf if the template fits into the image nowhere.
    """
    return likeliest(image, head)[0]


def likeliest(image: np.ndarray, head: Template) -> tuple[float, Shape]:
    """Return the likeness and the voxel of the image upon which the template's first one lies.

    Sums over the template at every place are correlations, by Fourier transforms. Places reach as
    far as half of the template before the image; they may be negative.
    """
    image = image.astype(np.float32)
    margins = zip(image.shape, head.region.shape, strict=True)
    shape = [scipy.fft.next_fast_len(n + m // 2, real=True) for n, m in margins]

    def spectrum(values: np.ndarray) -> np.ndarray:
        return scipy.fft.rfftn(values, shape)

    def correlated(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return scipy.fft.irfftn(first * np.conj(second), shape)

    own, region = spectrum(image), spectrum(head.region)
    size = float(head.region.sum())
    fit = sum(correlated(own, spectrum(tissue)) ** 2 for tissue in head.tissues)
    mean = correlated(own, region) ** 2 / size
    variance = correlated(spectrum(image**2), region) - mean
    covered = correlated(spectrum(np.ones_like(image)), region) > COVERED * size
    explained = (fit - mean) / np.maximum(variance, max(FLAT * variance.max(), 1e-12))
    explained[~covered] = -np.inf
    place = np.unravel_index(explained.argmax(), explained.shape)
    wrapped = [p - m if p >= n else p for p, m, n in zip(place, shape, image.shape, strict=True)]
    return float(explained.max()), three(int(p) for p in wrapped)
