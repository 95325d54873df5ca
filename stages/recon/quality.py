"""PSNR and SSIM of a reconstruction, by the rules of the Calgary-Campinas challenge and fixed ones.

The challenge divides each slice by the truth's maximum in it and takes the union of both ranges as
the data range, so one hot pixel in the reconstruction can raise its PSNR. The fixed range is the
maximum of the true volume, the same for every reconstruction of a scan. DIRECT's validation leaves
out 50 of the challenge's 256 slices at each end; here that is a fraction of the slices, so that
scans with fewer keep the same part of the head. Slices in which the truth is blank have no score
and are left out; an image without any error has an infinite PSNR.
"""

from dataclasses import dataclass

import numpy as np
import torch
from direct.functionals.challenges import calgary_campinas_psnr, calgary_campinas_ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from stages.study.errors import StudyError

DIRECTS = "cropped"  # slices that are compared with DIRECT's scores, by its rules alone
CROPPED = (50, 256)  # slices left out at each end, of so many


@dataclass(frozen=True)
class Quality:
    """PSNR (dB) and SSIM, means over the scored slices."""

    range: str  # challenge | fixed
    slices: str  # brain | cropped | all
    psnr: float
    ssim: float


def quality(reference: np.ndarray, image: np.ndarray, brain_slices: np.ndarray) -> list[Quality]:
    """Score an image against the fully sampled one, in both ranges, on brain, DIRECT's, all slices.

    Args:
        reference: float32 (n_slices, n_ky, n_kz), the truth.
        image: the same grid and units.
        brain_slices: bool (n_slices,).

    Raises:
        StudyError: if the grids differ, values are not finite or no slice can be scored.
    """
    _check(reference, image)
    scored = reference.reshape(len(reference), -1).max(axis=1) > 0
    rows = []
    peak = float(reference.max())
    choices = {"brain": brain_slices, DIRECTS: inner_slices(len(reference)), "all": scored}
    for name, choice in choices.items():
        chosen = scored & choice
        if not chosen.any():
            raise StudyError(
                f"image quality: expected {name} slices with signal, found none;"
                " check the scan and its segmentation"
            )
        pair = reference[chosen], image[chosen]
        with np.errstate(divide="ignore"):  # no error at all: PSNR is infinite
            rows.append(Quality("challenge", name, *challenge_quality(*pair)))
            if name != DIRECTS:
                rows.append(Quality("fixed", name, *fixed_quality(*pair, peak)))
    return rows


def inner_slices(n_slices: int) -> np.ndarray:
    """Return which slices DIRECT's validation scores, (n_slices,) bool: 50 to 205 of 256.

    Of other numbers of slices the same fraction is left out at each end, rounded down.
    """
    n_out = n_slices * CROPPED[0] // CROPPED[1]
    position = np.arange(n_slices)
    return (position >= n_out) & (position < n_slices - n_out)


def challenge_quality(reference: np.ndarray, image: np.ndarray) -> tuple[float, float]:
    """Return DIRECT's challenge PSNR (dB) and SSIM of slices (n, y, z), none of them blank."""
    # in float64 the score of a slice does not depend on the slices beside it
    truth, prediction = (_with_channel(volume) for volume in (reference, image))
    psnr = calgary_campinas_psnr(truth, prediction)
    ssim = calgary_campinas_ssim(truth, prediction)
    return float(psnr), float(ssim)


def fixed_quality(reference: np.ndarray, image: np.ndarray, peak: float) -> tuple[float, float]:
    """Return the mean PSNR (dB) and SSIM of slices (n, y, z) for the data range `peak`."""
    pairs = list(zip(reference.astype(float), image.astype(float), strict=True))
    psnr = [peak_signal_noise_ratio(a, b, data_range=peak) for a, b in pairs]
    ssim = [structural_similarity(a, b, data_range=peak) for a, b in pairs]
    return float(np.mean(psnr)), float(np.mean(ssim))


def _with_channel(volume: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(volume.astype(float))[:, None]


def _check(reference: np.ndarray, image: np.ndarray) -> None:
    if reference.shape != image.shape:
        raise StudyError(
            f"image quality: expected an image of shape {reference.shape}, got {image.shape}"
        )
    if not (np.isfinite(reference).all() and np.isfinite(image).all()):
        raise StudyError("image quality: expected finite images, got NaN or infinity")
