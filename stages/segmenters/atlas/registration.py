"""Aligning an atlas with an image, on one thread: sums of several would depend on their number.

Affine by mutual information (Mattes 2003, doi:10.1109/TMI.2003.809072), then diffeomorphic demons
(Vercauteren 2009, doi:10.1016/j.neuroimage.2008.10.040), both of SimpleITK.
"""

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from stages.params.atlas import RegistrationParams

DIMENSIONS = 3
SEED = 1  # of the samples' places, which SimpleITK else draws by the clock (as it does for 0)
LEARNING_RATE = 1.0  # first step of the affine registration, voxels
SHORTEST_STEP = 0.01  # voxels; it ends there
BRAIN = 0.1  # probability of brain and its fluid above which a voxel is compared
RIM_MM = 6.0  # ... and around it
SMOOTHING = 0.7  # standard deviation before shrinking, of the shrunk voxel


def single_thread() -> None:
    """Give all of SimpleITK one thread."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def as_image(data: np.ndarray, voxel_size_mm: float) -> sitk.Image:
    """An array (x, y, z), or a vector a voxel (x, y, z, n), with its centre at the origin."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(data, np.float32), isVector=data.ndim == 4)
    image.SetSpacing([voxel_size_mm] * DIMENSIONS)
    image.SetOrigin([-voxel_size_mm * (n - 1) / 2 for n in image.GetSize()])
    return image


def near_brain(inside: np.ndarray, voxel_size_mm: float) -> sitk.Image:
    """Brain, its CSF and a rim, which look alike in whole heads and in stripped ones."""
    reach = round(RIM_MM / voxel_size_mm)
    mask = ndimage.binary_dilation(inside > BRAIN, iterations=reach)
    return sitk.Cast(as_image(mask, voxel_size_mm), sitk.sitkUInt8)


def centred(fixed: sitk.Image, moving: sitk.Image) -> sitk.AffineTransform:
    """Shift of the centre of mass of one image to that of the other."""
    return sitk.AffineTransform(
        sitk.CenteredTransformInitializer(
            fixed,
            moving,
            sitk.AffineTransform(DIMENSIONS),
            sitk.CenteredTransformInitializerFilter.MOMENTS,
        )
    )


def affine(
    fixed: sitk.Image,
    moving: sitk.Image,
    start: sitk.AffineTransform,
    params: RegistrationParams,
    near: sitk.Image | None = None,
) -> sitk.AffineTransform:
    """Affine map, points of `fixed` -> points of `moving`.

    Args:
        fixed: the image.
        moving: what is aligned with it.
        start: where it begins.
        params: of the registration.
        near: voxels of `moving`, not zero, that are compared; all for None.
    """
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(params.histogram_bins)
    if near is not None:
        method.SetMetricMovingMask(near)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(params.sampling, SEED)
    method.SetOptimizerAsRegularStepGradientDescent(
        LEARNING_RATE, SHORTEST_STEP, params.affine_iterations
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel(params.shrink)
    method.SetSmoothingSigmasPerLevel([SMOOTHING * factor for factor in params.shrink])
    method.SetInitialTransform(start, inPlace=False)
    return sitk.AffineTransform(
        sitk.CompositeTransform(method.Execute(fixed, moving)).GetBackTransform()
    )


def shrunk(image: sitk.Image, factor: int) -> sitk.Image:
    """Smoothed and sampled every `factor` voxels."""
    if factor == 1:
        return image
    sigma = SMOOTHING * factor * image.GetSpacing()[0]
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, sigma), [factor] * DIMENSIONS)


def on_grid(field: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """A displacement field on the grid of another image, zero outside."""
    return sitk.Resample(field, grid, sitk.Transform(), sitk.sitkLinear, 0.0, field.GetPixelID())


def demons(fixed: sitk.Image, moving: sitk.Image, params: RegistrationParams) -> sitk.Image:
    """Displacement field in mm on the grid of `fixed`, from coarse to fine; intensities agree."""
    field = None
    for factor, iterations in zip(params.demons_shrink, params.demons_iterations, strict=True):
        method = sitk.DiffeomorphicDemonsRegistrationFilter()
        method.SetNumberOfIterations(iterations)
        method.SetStandardDeviations(params.demons_smoothing)
        level = shrunk(fixed, factor), shrunk(moving, factor)
        if field is not None:
            level = *level, on_grid(field, level[0])  # type: ignore[assignment]  # or three images
        field = method.Execute(*level)
    return on_grid(field, fixed)


def composed(
    transform: sitk.Transform, field: sitk.Image | None, grid: sitk.Image
) -> sitk.Transform:
    """The deformation first and then the affine map, as one displacement field on a grid."""
    if field is None:
        return transform
    parts = [transform, sitk.DisplacementFieldTransform(sitk.Image(field))]
    size, origin, spacing = grid.GetSize(), grid.GetOrigin(), grid.GetSpacing()
    whole = sitk.TransformToDisplacementField(
        sitk.CompositeTransform(parts), sitk.sitkVectorFloat64, size, origin, spacing
    )
    return sitk.DisplacementFieldTransform(whole)


def warped(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> np.ndarray:
    """The array of an image on another grid, linear; zero outside of it."""
    moved = sitk.Resample(image, grid, transform, sitk.sitkLinear, 0.0, image.GetPixelID())
    return sitk.GetArrayFromImage(moved)
