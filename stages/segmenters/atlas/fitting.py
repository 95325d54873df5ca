"""Segmentation of an image with an atlas."""

from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from threadpoolctl import threadpool_limits

from stages.segmenters import preprocess
from stages.segmenters.atlas.mixture import Mixture, basis, bias_image, fit, posteriors
from stages.segmenters.atlas.probabilities import Atlas
from stages.segmenters.atlas.registration import (
    affine,
    as_image,
    composed,
    demons,
    single_thread,
    warped,
)
from stages.segmenters.image import Image, load
from stages.segmenters.preprocess import Recipe
from stages.segmenters.protocol import QUICK, Segmentation
from stages.study.errors import StudyError

FITTED = 0.1  # prior of all brain tissues together, above which a voxel takes part in the fit
POSSIBLE = 0.002  # ... and above which it is segmented; below, it is background
BRIGHTEST = 1.5  # limit of intensities that drive the deformation, of the brightest tissue
PERCENT_99_5 = (0.5, 99.5)  # of the image, which become 0 and 1


@dataclass(frozen=True)
class Fitted:
    """An atlas on the grid of an image. priors: (tissues, x, y, z) float32; mixture: fitted."""

    priors: np.ndarray
    mixture: Mixture


class AtlasSegmenter:
    """An atlas, ready for many images."""

    def __init__(self, atlas: Atlas) -> None:
        single_thread()
        self.model = atlas
        self.recipe = Recipe(atlas.voxel_size_mm, percentiles=PERCENT_99_5, multiple=1, minimum=0)
        size = atlas.voxel_size_mm
        signals = np.array(atlas.signals, np.float32)
        self.template = as_image(np.tensordot(signals, atlas.probabilities, 1), size)
        self.maps = as_image(np.moveaxis(atlas.probabilities, 0, -1), size)
        self.brain = np.array(atlas.channels) > 0

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
        """Align the atlas, fit the mixture and measure: V_k = sum of posteriors times voxel volume.

        Volumes are summed in float64.
        """
        prepared = preprocess.prepare(image, self.recipe)
        with threadpool_limits(1):
            found = self.posteriors(prepared.image, self.fitted(prepared.image))
        ids = np.array(self.model.labels, np.int32)
        labels, matrix = prepared.whole(ids[found.argmax(0)])
        sums = found[1:].sum((1, 2, 3), dtype=np.float64)
        volume = float(np.prod(prepared.voxel_size_mm))
        return Segmentation(np.ascontiguousarray(labels), matrix, sums * volume)

    def fitted(self, image: np.ndarray) -> Fitted:
        """Affine alignment and a first mixture; deformation by it; the mixture again."""
        grid = as_image(image, self.recipe.voxel_size_mm)
        transform = affine(grid, self.template, self.model.registration)
        priors = self.priors(grid, transform)
        mixture = self.mixture(image, priors)
        field = self.deformation(image, priors, mixture)
        priors = self.priors(grid, composed(transform, field, grid))
        return Fitted(priors, self.mixture(image, priors))

    def priors(self, grid: sitk.Image, transform: sitk.Transform) -> np.ndarray:
        """Tissue probabilities on the grid of an image, (tissues, x, y, z); air outside."""
        maps = np.ascontiguousarray(np.moveaxis(warped(self.maps, grid, transform), -1, 0))
        maps[0] += np.maximum(1 - maps.sum(0), 0)
        return maps

    def mixture(self, image: np.ndarray, priors: np.ndarray) -> Mixture:
        """Fit the mixture to a part of the voxels in and near the brain."""
        params = self.model.mixture
        near = priors[self.brain].sum(0) > FITTED
        where = np.flatnonzero(near)[:: params.stride]
        terms = basis(image.shape, where, params.bias_order)
        flat = priors.reshape(len(priors), -1)[:, where]
        return fit(image.reshape(-1)[where], flat, terms, self.brain, params)

    def deformation(self, image: np.ndarray, priors: np.ndarray, mixture: Mixture) -> sitk.Image:
        """Displacement that brings the expected image, sum_k P_k mu_k, upon the corrected one."""
        size, brightest = self.recipe.voxel_size_mm, float(mixture.means[self.brain].max())
        fixed = np.minimum(self.corrected(image, mixture), BRIGHTEST * brightest)
        expected = np.tensordot(mixture.means.astype(np.float32), priors, 1)
        return demons(as_image(fixed, size), as_image(expected, size), self.model.registration)

    def corrected(self, image: np.ndarray, mixture: Mixture) -> np.ndarray:
        """The image (x, y, z) without its bias field."""
        return image / bias_image(image.shape, mixture.bias, self.model.mixture.bias_order)

    def posteriors(self, image: np.ndarray, fitted: Fitted) -> np.ndarray:
        """Posteriors of the labels, (labels, x, y, z) float32, background first."""
        where = np.flatnonzero(fitted.priors[self.brain].sum(0) > POSSIBLE)
        y = self.corrected(image, fitted.mixture).reshape(-1)[where]
        priors = fitted.priors.reshape(len(fitted.priors), -1)[:, where]
        each = posteriors(y, priors, fitted.mixture.means, fitted.mixture.variances)
        found = np.zeros((len(self.model.labels), image.size), np.float32)
        found[0] = 1
        found[0, where] = 0
        for tissue, channel in enumerate(self.model.channels):
            found[channel, where] += each[tissue]
        return found.reshape(-1, *image.shape)
