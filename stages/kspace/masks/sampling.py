"""Sampling masks, one a scan: which k-space samples are kept, and their files."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from stages.storage.archives import read_arrays
from stages.storage.files import atomic_path
from stages.storage.reading import Kind, damaged

MASK = Kind("the scan's mask", "run `dvc repro`", "run `dvc repro mask`")
LARGEST_BYTES = 1 << 26  # unpacked; a matrix of 256 x 218 has 56 thousand positions
ROUNDING = 1e-6  # relative, between an acceleration and the positions that it counts


@dataclass(frozen=True, eq=False)
class SamplingMask:
    """A mask and its calibration disk, both bool (n_ky, n_kz), and its two accelerations."""

    mask: np.ndarray
    calibration: np.ndarray
    acceleration_acquired: float
    acceleration_full: float
    region: np.ndarray | None = None
    """Positions (n_ky, n_kz), bool, that were acquired, where these are not whole columns."""

    def __post_init__(self) -> None:
        parts = (self.mask, self.calibration, self.region)
        for part in (part for part in parts if part is not None):
            if part.dtype != bool or part.ndim != 2 or part.shape != self.mask.shape:
                raise ValueError(
                    f"expected masks and calibration of one matrix, bool, got {part.dtype}"
                    f" {part.shape}"
                )
        if not self.calibration.any() or (self.calibration & ~self.mask).any():
            raise ValueError("the calibration region must not be empty nor leave the mask")

    @classmethod
    def of(cls, mask: np.ndarray, calibration: np.ndarray, n_acquired: int) -> "SamplingMask":
        """Drop the columns that were not acquired and count both accelerations."""
        acquired = np.arange(mask.shape[1]) < n_acquired
        mask, calibration = mask & acquired, calibration & acquired
        n_sampled = int(mask.sum())
        return cls(
            mask=mask,
            calibration=calibration,
            acceleration_acquired=mask.shape[0] * n_acquired / n_sampled,
            acceleration_full=mask.size / n_sampled,
        )

    def within(self, acquired: np.ndarray) -> "SamplingMask":
        """Return the part of the mask that was acquired, with the accelerations of that part.

        Args:
            acquired: positions, bool (n_ky, n_kz).
        """
        mask, n_columns = self.mask & acquired, self.n_acquired
        if acquired[:, :n_columns].all():
            return self
        n_sampled = int(mask.sum())
        return SamplingMask(
            mask=mask,
            calibration=self.calibration & acquired,
            acceleration_acquired=int(acquired[:, :n_columns].sum()) / n_sampled,
            acceleration_full=mask.size / n_sampled,
            region=acquired & (np.arange(mask.shape[1]) < n_columns),
        )

    @property
    def n_acquired(self) -> int:
        """Number of columns that were acquired, as the two accelerations tell."""
        if self.region is not None:
            return int(np.flatnonzero(self.region.any(axis=0)).max()) + 1
        share = self.acceleration_acquired / self.acceleration_full
        return round(share * self.mask.shape[1])

    @property
    def acquired(self) -> np.ndarray:
        """Which positions were acquired, bool (1, n_kz) where these are whole columns."""
        if self.region is not None:
            return self.region
        return (np.arange(self.mask.shape[1]) < self.n_acquired)[None]

    def acceleration(self, of: Literal["acquired", "full"]) -> float:
        """Return sampled positions against the acquired ones or against the full matrix."""
        return self.acceleration_acquired if of == "acquired" else self.acceleration_full


def save_mask(path: Path, drawn: SamplingMask) -> None:
    """Write a mask as npz; numpy stamps a fixed date, so equal masks give equal bytes."""
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        parts = {name: part for name, part in asdict(drawn).items() if part is not None}
        np.savez_compressed(stream, **parts)


def load_mask(path: Path) -> SamplingMask:
    """Read a mask; raise `StudyError` if the file is missing, damaged or contradicts itself."""
    arrays = read_arrays(path, MASK, LARGEST_BYTES)
    try:
        found = SamplingMask(
            mask=arrays["mask"],
            calibration=arrays["calibration"],
            acceleration_acquired=float(arrays["acceleration_acquired"]),
            acceleration_full=float(arrays["acceleration_full"]),
            region=arrays.get("region"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, MASK, f"{type(error).__name__}: {error}") from None
    if fault := _contradiction(found):
        raise damaged(path, MASK, fault)
    return found


def _contradiction(found: SamplingMask) -> str | None:
    n_sampled = int(found.mask.sum())
    counted = found.mask.size / n_sampled
    if not abs(found.acceleration_full / counted - 1) <= ROUNDING:  # so that NaN is none
        return (
            f"{n_sampled} of {found.mask.size} k-space samples are kept, which is no acceleration"
            f" of {found.acceleration_full:g}"
        )
    if not 1 <= found.acceleration_acquired <= found.acceleration_full * (1 + ROUNDING):
        return f"an acceleration of {found.acceleration_acquired:g} within the acquired k-space"
    if found.region is not None and (found.mask & ~found.region).any():
        return "k-space samples are kept that were not acquired"
    return None
