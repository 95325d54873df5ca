"""Sampling masks, one a scan: which k-space positions were sampled, and their files."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from stages.errors import StudyError
from stages.files import atomic_path


@dataclass(frozen=True, eq=False)
class SamplingMask:
    """A mask and its calibration disk, both bool (n_ky, n_kz), and its two accelerations."""

    mask: np.ndarray
    calibration: np.ndarray
    acceleration_acquired: float
    acceleration_full: float

    def __post_init__(self) -> None:
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

    @property
    def n_acquired(self) -> int:
        """Number of columns that were acquired, as the two accelerations tell."""
        share = self.acceleration_acquired / self.acceleration_full
        return round(share * self.mask.shape[1])

    def acceleration(self, of: Literal["acquired", "full"]) -> float:
        """Return sampled positions against the acquired ones or against the full matrix."""
        return self.acceleration_acquired if of == "acquired" else self.acceleration_full


def save_mask(path: Path, drawn: SamplingMask) -> None:
    """Write a mask as npz; numpy stamps a fixed date, so equal masks give equal bytes."""
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, **asdict(drawn))


def load_mask(path: Path) -> SamplingMask:
    """Read a mask; raise `StudyError` if the file is missing or damaged."""
    try:
        with np.load(path) as stored:
            return SamplingMask(
                mask=stored["mask"],
                calibration=stored["calibration"],
                acceleration_acquired=float(stored["acceleration_acquired"]),
                acceleration_full=float(stored["acceleration_full"]),
            )
    except FileNotFoundError:
        raise StudyError(f"{path}: expected the scan's mask, found none; run `dvc repro`") from None
    except Exception as error:
        raise StudyError(f"{path}: expected a mask, got a damaged file ({error})") from None
