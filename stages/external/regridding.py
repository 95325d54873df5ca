"""An image brought to the grid of its reference: by its axes alone, its header, or registration.

To turn or flip axes moves no intensity. Anything else interpolates, which changes volumes, so that
the user says whether it is wanted.
"""

from dataclasses import replace

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation, ornt_transform

from stages.external.dicom_series import of_sitk, to_sitk
from stages.segmenters.image import Image
from stages.storage.nifti import SAME_MM

METHODS = ("off", "affine-only", "rigid")
SAMPLES = 0.1  # fraction of the voxels that registration looks at
SEED = 1
SHRINK = (4, 2, 1)  # of the grid, coarse to fine
FEWEST = 32  # voxels of the shortest side of a coarse grid


def turned(image: Image, affine: np.ndarray) -> Image:
    """Return the same voxels with axes in the order and direction of another grid."""
    change = ornt_transform(io_orientation(image.affine), io_orientation(affine))
    data = apply_orientation(image.data, change)
    matrix = image.affine @ inv_ornt_aff(change, image.data.shape)
    size = np.asarray(nib.affines.voxel_sizes(matrix))
    return replace(image, data=np.ascontiguousarray(data), affine=matrix, voxel_size_mm=size)


def same_grid(image: Image, shape: tuple[int, ...], affine: np.ndarray) -> bool:
    """Tell whether voxels lie where another grid has them."""
    return image.data.shape == tuple(shape) and np.allclose(image.affine, affine, atol=SAME_MM)


def placed(image: Image, like: Image, method: str) -> sitk.Transform:
    """Return where the points of a grid lie in another image, mm.

    Args:
        image: any grid.
        like: whose grid it shall take.
        method: `affine-only`, by the headers, or `rigid`, after a rigid registration by
            correlation.
    """
    if method == METHODS[2]:
        return _rigid(to_sitk(like), to_sitk(image))
    return sitk.Transform(3, sitk.sitkIdentity)


def resampled(image: Image, like: Image, transform: sitk.Transform) -> Image:
    """Return an image on the grid of another, interpolated by cubic B-splines, zero outside.

    Args:
        image: any grid.
        like: whose grid it takes.
        transform: from `placed`.
    """
    moving, fixed = to_sitk(image), to_sitk(like)
    found = sitk.Resample(moving, fixed, transform, sitk.sitkBSpline, 0.0, sitk.sitkFloat32)
    return replace(of_sitk(found), affine=like.affine)


def there_and_back(reference: Image, grid: Image, transform: sitk.Transform) -> Image:
    """Return the reference, resampled to another grid and back to its own.

    Args:
        reference: of a scan.
        grid: an image of the same scan on another grid.
        transform: of `grid`, from `placed`.
    """
    there = resampled(reference, grid, transform.GetInverse())
    return resampled(there, reference, transform)


def _rigid(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    start = sitk.Euler3DTransform()
    centre = np.array(fixed.GetSize()) / 2.0
    start.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint(centre.tolist()))
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # the same bytes anywhere
    method.SetMetricAsCorrelation()  # both show one scan
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLES, SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 200)
    method.SetOptimizerScalesFromPhysicalShift()
    coarse = [k for k in SHRINK if min(fixed.GetSize()) >= k * FEWEST] or [1]
    method.SetShrinkFactorsPerLevel(coarse)
    method.SetSmoothingSigmasPerLevel([k / 2.0 * min(fixed.GetSpacing()) for k in coarse])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    return method.Execute(fixed, moving)
