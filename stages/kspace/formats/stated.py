"""What the parameters say of a scan and what its file says: one of the two, or both alike."""

from pathlib import Path
from typing import Any

import numpy as np

from stages.storage.nifti import affine
from stages.study.errors import StudyError

SAME = 0.01  # relative, between voxel sizes of parameters and file
AXES = ("slices", "ky", "kz")


def agreed[T](path: Path, key: str, stated: T | None, found: T | None) -> T:
    """Return a value that the parameters state or the file says.

    Args:
        path: the file.
        key: of section `data`.
        stated: by the parameters, None where they leave it to the file.
        found: in the file, None where it is silent.

    Raises:
        StudyError: if neither says it, or the two differ.
    """
    if found is None:
        if stated is None:
            raise StudyError(
                f"{path}: expected data.{key} in the parameters, as the file does not say it, got"
                f" null; set data.{key}"
            )
        return stated
    if stated is not None and not same(stated, found):
        raise StudyError(
            f"{path}: expected data.{key} {shown(stated)}, got {shown(found)} in the file; set"
            f" data.{key} to null, which takes what each file says, or leave the scan out"
        )
    return found


def same(stated: Any, found: Any) -> bool:
    """Tell whether two values are the same, real numbers up to `SAME`."""
    if isinstance(found, float):
        return bool(np.isclose(stated, found, rtol=SAME, atol=0))
    return bool(stated == found)


def shown(value: Any) -> str:
    """Return a value as the parameters would state it."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def voxel_sizes(
    path: Path,
    stated: tuple[float | None, float | None, float | None],
    found: tuple[float | None, float | None, float | None],
) -> tuple[float, float, float]:
    """Return the edges (mm) of a voxel along (slices, ky, kz), each as of `agreed`."""
    slices, ky, kz = (
        agreed(path, f"voxel_size_mm ({axis})", *pair)
        for axis, *pair in zip(AXES, stated, found, strict=True)
    )
    return slices, ky, kz


def stated_affine(
    path: Path,
    shape: tuple[int, int, int],
    sizes: tuple[float, float, float],
    codes: str | None,
) -> np.ndarray:
    """Return the affine (4, 4) of a file that says nothing of its orientation."""
    return affine(shape, sizes, agreed(path, "axis_codes", codes, None))
