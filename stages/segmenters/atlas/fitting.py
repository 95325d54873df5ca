"""Segmentation of an image with an atlas."""

from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from threadpoolctl import threadpool_limits

from stages.segmenters import preprocess
from stages.segmenters.atlas.classes import places
from stages.segmenters.atlas.mixture import (
    TINY,
    Classes,
    Mixture,
    basis,
    bias_image,
    fit,
    posteriors,
)
from stages.segmenters.atlas.placement import NoPlaceError, candidates, placed
from stages.segmenters.atlas.probabilities import Atlas
from stages.segmenters.atlas.registration import (
    DIMENSIONS,
    affine,
    as_image,
    centred,
    composed,
    demons,
    near_brain,
    single_thread,
    warped,
)
from stages.segmenters.image import Image, load
from stages.segmenters.preprocess import Recipe
from stages.segmenters.protocol import QUICK, Segmentation
from stages.study.axes import three
from stages.study.errors import StudyError

FITTED = 0.1  # prior of all brain tissues together, above which a voxel takes part in the fit
POSSIBLE = 0.002  # ... and above which it is segmented; below, it is background
BRIGHTEST = 1.5  # limit of intensities that drive the deformation, of the brightest tissue
COARSE = 2  # voxels along each axis of those on which alignments are compared
INSIDE = 0.3  # prior of the brain above which a voxel counts there
REACH_MM = 12.0  # around the brain, of the part of the image that is segmented
PERCENT_99_5 = (0.5, 99.5)  # of the image, which become 0 and 1


@dataclass(frozen=True)
class Fitted:
    """An atlas on the part of an image that holds the brain."""

    box: tuple[slice, slice, slice]
    """That part."""
    image: np.ndarray
    """(x, y, z) float32, of the part."""
    priors: np.ndarray
    """(tissues, x, y, z) float32."""
    mixture: Mixture


class AtlasSegmenter:
    """An atlas, ready for many images."""

    def __init__(self, atlas: Atlas) -> None:
        single_thread()
        self.model = atlas
        size = atlas.voxel_size_mm
        self.recipe = Recipe(size, percentiles=PERCENT_99_5, multiple=1, minimum=0, cropped=True)
        signals = np.array(atlas.signals, np.float32)
        self.template = as_image(np.tensordot(signals, atlas.probabilities, 1), size)
        self.maps = as_image(np.moveaxis(atlas.probabilities, 0, -1), size)
        self.classes, self.n_classes = np.array(atlas.classes), max(atlas.classes) + 1
        brain = np.isin(range(self.n_classes), self.classes[np.array(atlas.channels) > 0])
        known = places(atlas.signals, atlas.classes, atlas.channels, atlas.labels)
        self.known = Classes(brain, known)
        inside = atlas.probabilities[np.array(atlas.channels) > 0].sum(0)
        self.inside = as_image(inside, size)
        self.near = near_brain(inside, size)
        self.starts = candidates(atlas)

    def quick(self) -> "AtlasSegmenter":
        """Return the same atlas, fitted to coarser voxels."""
        other = copy(self)
        other.recipe = self.recipe.coarser(QUICK)
        return other

    @property
    def whole(self) -> bool:
        """Whether the air around a head changes what is measured."""
        return not self.recipe.cropped

    def segment(self, path: Path) -> Segmentation:
        """Segment and measure one image file; `StudyError` if it is unusable or holds no head."""
        image = load(path)
        try:
            return self.segment_image(image)
        except RuntimeError as error:  # of SimpleITK, whose messages begin with lines of C++
            reason = " ".join(str(error).split(":")[-1].split())
            raise StudyError(
                f"{path}: expected a head with which the atlas can be aligned, got: {reason};"
                " look at the image"
            ) from None

    def segment_image(self, image: Image) -> Segmentation:
        """Align the atlas, fit the mixture and measure: V_k = sum of fractions times voxel volume.

        Volumes are summed in float64.
        """
        prepared = preprocess.prepare(image, self.recipe)
        with threadpool_limits(1):
            fitted = self.fitted(prepared.image)
            found = self.fractions(fitted)
        labels = np.zeros(prepared.image.shape, np.int32)
        labels[fitted.box] = np.array(self.model.labels, np.int32)[found.argmax(0)]
        labels, matrix = prepared.whole(labels)
        sums = found[1:].sum((1, 2, 3), dtype=np.float64)
        volume = float(np.prod(prepared.voxel_size_mm))
        return Segmentation(np.ascontiguousarray(labels), matrix, sums * volume)

    def fitted(self, image: np.ndarray) -> Fitted:
        """Affine alignment and a first mixture; deformation by it; the mixture again."""
        size = self.recipe.voxel_size_mm
        whole = as_image(image, size)
        transform = self.alignment(image, whole)
        box = around(warped(self.inside, whole, transform) > FITTED, REACH_MM / size)
        grid, image = part(whole, box), np.ascontiguousarray(image[box])
        priors = self.priors(grid, transform)
        mixture = self.mixture(image, priors)
        field = self.deformation(image, priors, mixture)
        priors = self.priors(grid, composed(transform, field, grid))
        return Fitted(box, image, priors, self.mixture(image, priors, mixture))

    def alignment(self, image: np.ndarray, whole: sitk.Image) -> sitk.AffineTransform:
        """Affine map of the brain alone or of the whole head, by which the tissues explain more.

        The one begins where a brain is likeliest, and serves stripped images; the other begins at
        the centres of mass.
        """
        params, starts = self.model.registration, []
        with suppress(NoPlaceError):
            starts.append((placed(image, self.recipe.voxel_size_mm, self.starts), self.near))
        starts.append((centred(whole, self.template), None))
        found = [affine(whole, self.template, start, params, near) for start, near in starts]
        return max(found, key=lambda transform: self.explained(whole, transform))

    def explained(self, whole: sitk.Image, transform: sitk.Transform) -> float:
        """Part of the variance within the brain that intensities of the tissues explain."""
        coarse = sitk.Shrink(whole, [COARSE] * DIMENSIONS)
        priors = self.of_classes(self.priors(coarse, transform))
        inside = priors[self.known.brain].sum(0) > INSIDE
        if np.count_nonzero(inside) < len(priors):
            return -np.inf
        y, maps = sitk.GetArrayFromImage(coarse)[inside], priors[:, inside].T.astype(float)
        values, *_ = np.linalg.lstsq(maps, y, rcond=None)
        return float(1 - np.var(y - maps @ values) / max(np.var(y), TINY))

    def priors(self, grid: sitk.Image, transform: sitk.Transform) -> np.ndarray:
        """Tissue probabilities on the grid of an image, (tissues, x, y, z); air outside."""
        maps = np.ascontiguousarray(np.moveaxis(warped(self.maps, grid, transform), -1, 0))
        maps[0] += np.maximum(1 - maps.sum(0), 0)
        return maps

    def of_classes(self, priors: np.ndarray) -> np.ndarray:
        """Probabilities (tissues, ...) summed to those of the classes."""
        result = np.zeros((self.n_classes, *priors.shape[1:]), np.float32)
        for number, prior in zip(self.classes, priors, strict=True):
            result[number] += prior
        return result

    def mixture(
        self, image: np.ndarray, priors: np.ndarray, start: Mixture | None = None
    ) -> Mixture:
        """Fit the mixture to a part of the voxels in and near the brain.

        The first one knows no mixed voxels: borders are not yet where they belong.
        """
        params, inside = self.model.mixture, np.array(self.model.channels) > 0
        change = {"mixed": 0.0} if start is None else {"iterations": params.refinements}
        where = np.flatnonzero(priors[inside].sum(0) > FITTED)[:: params.stride]
        terms = basis(image.shape, where, params.bias_order)
        flat = self.of_classes(priors.reshape(len(priors), -1)[:, where])
        flat_image, own = image.reshape(-1)[where], params.model_copy(update=change)
        return fit(flat_image, flat, terms, self.known, own, start)

    def deformation(self, image: np.ndarray, priors: np.ndarray, mixture: Mixture) -> sitk.Image:
        """Displacement that brings the expected image, sum_k P_k mu_k, upon the corrected one."""
        size, brightest = self.recipe.voxel_size_mm, float(mixture.means[self.known.brain].max())
        fixed = np.minimum(self.corrected(image, mixture), BRIGHTEST * brightest)
        expected = np.tensordot(mixture.means[self.classes].astype(np.float32), priors, 1)
        return demons(as_image(fixed, size), as_image(expected, size), self.model.registration)

    def corrected(self, image: np.ndarray, mixture: Mixture) -> np.ndarray:
        """The image (x, y, z) without its bias field."""
        return image / bias_image(image.shape, mixture.bias, self.model.mixture.bias_order)

    def fractions(self, fitted: Fitted) -> np.ndarray:
        """Fraction of every label in the voxels of the part, (labels, x, y, z), background first.

        Tissues of one class divide its fraction by their priors.
        """
        channels, found = np.array(self.model.channels), fitted.mixture
        where = np.flatnonzero(fitted.priors[channels > 0].sum(0) > POSSIBLE)
        y = self.corrected(fitted.image, found).reshape(-1)[where]
        tissues = fitted.priors.reshape(len(channels), -1)[:, where]
        priors = self.of_classes(tissues)
        moments = found.means, found.variances
        _, filled = posteriors(y, priors, moments, self.known.brain, self.model.mixture)
        filled /= np.maximum(priors, TINY)
        result = np.zeros((len(self.model.labels), fitted.image.size), np.float32)
        result[0] = 1
        result[0, where] = 0
        for tissue, channel in enumerate(channels):
            result[channel, where] += tissues[tissue] * filled[self.classes[tissue]]
        return result.reshape(-1, *fitted.image.shape)


def around(inside: np.ndarray, margin: float) -> tuple[slice, slice, slice]:
    """Box around the voxels of a mask and a margin; RuntimeError if there are none."""
    if not inside.any():
        raise RuntimeError("a brain outside of the image")
    spans = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    reach = round(margin)
    return three(
        slice(max(int(span[0]) - reach, 0), min(int(span[-1]) + 1 + reach, n))
        for span, n in zip(spans, inside.shape, strict=True)
    )


def part(image: sitk.Image, box: tuple[slice, slice, slice]) -> sitk.Image:
    """Part of an image where it lies."""
    return image[tuple(box[::-1])]
