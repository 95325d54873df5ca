"""A DICOM series as an image, read by GDCM through SimpleITK."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from stages.segmenters.image import Image
from stages.storage.reading import Kind, damaged, reason
from stages.study.errors import StudyError

SERIES = Kind(
    "a folder of one DICOM series",
    "check the path",
    "convert it with `dcm2niix -z y -f %s FOLDER` and give the NIfTI file",
)
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
POSITION, ORIENTATION = "0020|0032", "0020|0037"
UNEVEN = 0.01  # relative, of the distances between slices
CONVERT = "convert it with `dcm2niix` and give the NIfTI file"


def load_series(folder: Path) -> Image:
    """Read the one series of a folder.

    Raises:
        StudyError: if there is none, there are several, a slice is missing or cannot be read, or
            the gantry is tilted.
    """
    names = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if len(names) != 1:
        raise StudyError(
            f"{folder}: expected the files of one DICOM series, got {len(names)} series; give each"
            " series a folder of its own"
        )
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), names[0]))
    reader.MetaDataDictionaryArrayUpdateOn()
    reader.LoadPrivateTagsOff()
    try:
        image = reader.Execute()
        count = len(reader.GetFileNames())
        if count > 1:
            _check_slices(folder, reader, count)
    except RuntimeError as error:
        raise damaged(folder, SERIES, reason(error)) from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise damaged(folder, SERIES, f"{image.GetDimension()} dimensions of colour or time")
    return of_sitk(image)


def _check_slices(folder: Path, reader: sitk.ImageSeriesReader, count: int) -> None:
    """Raise `StudyError` unless all slices are equally far apart along their own normal."""
    places = []
    for k in range(count):
        text = reader.GetMetaData(k, POSITION)
        places.append([float(number) for number in text.split("\\")])
    rows = [float(number) for number in reader.GetMetaData(0, ORIENTATION).split("\\")]
    normal = np.cross(rows[:3], rows[3:])
    steps = np.diff(np.array(places), axis=0)
    along = np.abs(steps @ normal)
    if along.max() - along.min() > UNEVEN * along.mean():
        raise StudyError(
            f"{folder}: expected slices at equal distances, got {along.min():.3f} to"
            f" {along.max():.3f} mm: one is missing or doubled; complete the series"
        )
    if (
        np.linalg.norm(steps - np.outer(steps @ normal, normal), axis=1).max()
        > UNEVEN * along.mean()
    ):
        raise StudyError(f"{folder}: expected a straight gantry, got a tilted one; {CONVERT}")


def of_sitk(image: sitk.Image) -> Image:
    """Return an image of SimpleITK, (i, j, k) and RAS."""
    size = np.array(image.GetSpacing())
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * size
    matrix[:3, 3] = image.GetOrigin()
    data = sitk.GetArrayFromImage(image).T.astype(np.float64)
    return Image(data, LPS_TO_RAS @ matrix, size)


def to_sitk(image: Image) -> sitk.Image:
    """Return an image for SimpleITK, float32; its axes must be orthogonal."""
    found = sitk.GetImageFromArray(np.ascontiguousarray(image.data.T, dtype=np.float32))
    matrix = LPS_TO_RAS @ image.affine
    size = np.linalg.norm(matrix[:3, :3], axis=0)
    found.SetSpacing(size.tolist())
    found.SetDirection((matrix[:3, :3] / size).ravel().tolist())
    found.SetOrigin(matrix[:3, 3].tolist())
    return found
