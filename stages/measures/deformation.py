"""Apparent changes of volume without segmenting the members: tensor-based morphometry.

Each member's image is registered to the fully sampled image, and the determinant of the
deformation's Jacobian says by what factor each place has grown (Ashburner and Friston 2000,
doi:10.1006/nimg.2000.0582; Chung et al. 2001, doi:10.1006/nimg.2001.0862). The logarithm treats
growth and shrinkage alike (Leow et al. 2007, doi:10.1109/TMI.2007.892646). Only the reference
has labels.

The target is the fully sampled image and not the mean of the members, because then the mean over
members tells their common error as well, as the bias of a volume does, and all groups share one
target; to first order their spread is the same with either. Demons compare intensities
and so need images of one contrast, which members of an ensemble and their reference are up to a
gain, which is taken out before. What blurs an edge on one side only moves it all the same: the
change is apparent, as that of a segmentation is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import SimpleITK as sitk

from stages.measures.agreement import Box, VoxelSize, count_votes
from stages.measures.voxelwise import fitted_gains, flat
from stages.study.schema import DEFORMATION

PERCENT = 100.0
EMPTY, FOLDED = "absent in the reference", "no positive determinant"
ONE_THREAD = 1  # of every filter: scans are what goes side by side
# standard deviation of the Gaussian before an image is thinned out, part of the factor: halves the
# spectrum at the new Nyquist frequency, to within a tenth (exp(-pi^2 sigma^2 / (2 factor^2)))
ANTI_ALIASING = 0.4


@dataclass(frozen=True)
class Registration:
    """How images are registered; see stages/params/deformation.py.

    shrink_factors: of the grid, coarse to fine; iterations: at each; smoothing_mm: standard
    deviation of the Gaussian that smooths the displacement after every iteration; step_voxels:
    largest update.
    """

    shrink_factors: tuple[int, ...]
    iterations: tuple[int, ...]
    smoothing_mm: float
    step_voxels: float


def brain_box(numbers: np.ndarray, voxel_size_mm: VoxelSize, margin_mm: float) -> Box:
    """Return the box around all structures that is wider by a margin, as far as the volume goes.

    Args:
        numbers: structure numbers (i, j, k) uint8, 0 outside.
        voxel_size_mm: edge lengths in the order of the axes.
        margin_mm: a displacement at its border is none at the structures.
    """
    margin = int(np.ceil(margin_mm / min(voxel_size_mm)))
    return count_votes([numbers], margin).box


def without_gains(
    members: Sequence[np.ndarray], reference: np.ndarray, inside: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the members' images divided by their `fitted_gains` in the brain.

    Args:
        members: (i, j, k) each.
        reference: (i, j, k), in the same unit.
        inside: (i, j, k) bool, the brain.
    """
    chosen = np.flatnonzero(flat(inside))
    values = np.stack([flat(member)[chosen] for member in members])
    for member, gain in zip(members, fitted_gains(values, flat(reference)[chosen]), strict=True):
        yield member / np.float32(gain)


def displacement(
    reference: np.ndarray, member: np.ndarray, voxel_size_mm: VoxelSize, how: Registration
) -> sitk.Image:
    """Return u with reference(x) = member(x + u(x)), by symmetric diffeomorphic demons.

    Vercauteren et al. 2009, doi:10.1016/j.neuroimage.2008.10.040, from coarse to fine grids. Axes
    of the volume are the axes of space here, whatever the patient's orientation: a determinant does
    not depend on it.

    Args:
        reference: (i, j, k), about 1 in white matter.
        member: the same of a member.
        voxel_size_mm: edge lengths in the order of the axes.
        how: grids, iterations and smoothing.

    Returns:
        Vectors in mm on the grid of the images.
    """
    fixed, moving = _image(reference, voxel_size_mm), _image(member, voxel_size_mm)
    field = None
    for factor, n_iterations in zip(how.shrink_factors, how.iterations, strict=True):
        coarse = [_thinned(image, factor) for image in (fixed, moving)]
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfThreads(ONE_THREAD)
        demons.SetNumberOfIterations(n_iterations)
        demons.SetMaximumRMSError(0.0)  # as many iterations for every member
        demons.SetUseGradientType(demons.Symmetric)
        demons.SetMaximumUpdateStepLength(how.step_voxels)
        sizes = coarse[0].GetSpacing()
        demons.SetStandardDeviations([how.smoothing_mm / size for size in sizes])
        field = demons.Execute(*coarse, *(() if field is None else (_resampled(field, coarse[0]),)))
    return field if field.GetSize() == fixed.GetSize() else _resampled(field, fixed)  # type: ignore[union-attr]  # there is a level


def _image(volume: np.ndarray, voxel_size_mm: VoxelSize) -> sitk.Image:
    # SimpleITK's first axis is numpy's last
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume, dtype=np.float32))
    image.SetSpacing([float(size) for size in reversed(voxel_size_mm)])
    return image


def _thinned(image: sitk.Image, factor: int) -> sitk.Image:
    if factor == 1:
        return image
    blur = sitk.SmoothingRecursiveGaussianImageFilter()
    blur.SetNumberOfThreads(ONE_THREAD)
    blur.SetSigma([ANTI_ALIASING * factor * size for size in image.GetSpacing()])
    shrink = sitk.ShrinkImageFilter()
    shrink.SetNumberOfThreads(ONE_THREAD)
    shrink.SetShrinkFactor(factor)
    return shrink.Execute(blur.Execute(image))


def _resampled(field: sitk.Image, grid: sitk.Image) -> sitk.Image:
    resample = sitk.ResampleImageFilter()
    resample.SetNumberOfThreads(ONE_THREAD)
    resample.SetReferenceImage(grid)
    resample.SetInterpolator(sitk.sitkLinear)
    resample.SetUseNearestNeighborExtrapolator(True)
    resample.SetOutputPixelType(field.GetPixelID())
    return resample.Execute(field)


def jacobian(field: sitk.Image) -> np.ndarray:
    """Return det(1 + du/dx) by central differences, (i, j, k).

    Above 1 the member shows more tissue than the reference at that place.

    Args:
        field: displacements in mm, from `displacement`.
    """
    determinant = sitk.DisplacementFieldJacobianDeterminantFilter()
    determinant.SetNumberOfThreads(ONE_THREAD)
    determinant.SetUseImageSpacing(True)
    return sitk.GetArrayFromImage(determinant.Execute(field))


def change_table(determinant: np.ndarray, numbers: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Return the mean log-Jacobian of each structure of the reference, 100 mean(ln J).

    In percent: to first order the relative change of the volume, positive where the member's
    structure is larger.

    Args:
        determinant: from `jacobian`, (i, j, k).
        numbers: structure numbers of the reference, (i, j, k) uint8 from 1.
        names: of the structures, in the order of their numbers.

    Returns:
        Columns structure, n_voxels, change (percent; NaN if undefined), n_folded (voxels with
        J <= 0 or, of a blank image, NaN; left out), reason (why it is undefined).
    """
    number, inside = numbers.ravel(), determinant.ravel()
    folded = ~(inside > 0)
    logarithm = np.log(np.where(folded, 1.0, inside))
    size = len(names) + 1
    n_voxels = np.bincount(number, minlength=size)[1:]
    n_folded = np.bincount(number, weights=folded, minlength=size)[1:].astype(np.int64)
    sums = np.bincount(number, weights=logarithm, minlength=size)[1:]
    left = n_voxels - n_folded
    change = np.where(left > 0, PERCENT * sums / np.maximum(left, 1), np.nan)
    reason = np.where(n_voxels == 0, EMPTY, np.where(left == 0, FOLDED, ""))
    columns = [names, n_voxels, change, n_folded, reason]
    return pd.DataFrame(
        dict(zip(DEFORMATION.less("group", "member", "subject"), columns, strict=True))
    )
