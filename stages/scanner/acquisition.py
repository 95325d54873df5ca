"""From a complex image of 1 mm voxels to a Calgary-Campinas scan, a slice at a time.

The scan's k-space is the central part of the image's: its voxels mix tissues as those of a scanner
do. Along the readout (axis 0) the truncation comes before the coil profiles, which hardly vary over
a voxel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import scipy.fft

from stages.kspace.formats.calgary_campinas import DATASET
from stages.kspace.formats.stored_scan import complex_to_interleaved
from stages.kspace.partial_fourier import acquired_columns
from stages.scanner.coils import HEAD_ARRAY, loop_field, normalisation
from stages.storage.files import atomic_path

SNR_STRIDE = 4
"""Every fourth voxel along each axis suffices for the mean signal of white matter."""


@dataclass(frozen=True)
class Acquisition:
    """How a phantom is scanned (section `phantom` of params.yaml)."""

    grid: tuple[int, int, int]
    """Voxels (n_slices, n_ky, n_kz)."""
    factor: int
    """Edge of a voxel in mm, a whole number: fine voxels a coarse one along each axis."""
    n_coils: int
    snr: float
    """White matter over noise in the combined image of a scan without partial Fourier."""
    partial_fourier: float
    """Partial-Fourier fraction along kz."""

    def axis_mm(self, axis: int, step_mm: int) -> np.ndarray:
        """Positions of the voxels of an axis, 0 at the centre; `step_mm` is 1 or `factor`."""
        n, centre = self.grid[axis], self.factor * (self.grid[axis] // 2)
        n_steps = n * self.factor // step_mm
        shape = [-1 if a == axis else 1 for a in range(3)]
        return (np.arange(n_steps, dtype=np.float32) * step_mm - centre).reshape(shape)


def simulate(
    image: np.ndarray,
    white_matter: np.ndarray,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Yield the k-space of each slice in turn, complex64 (n_coils, n_ky, n_kz), noise included.

    Args:
        image: complex64 (n_slices, n_ky, n_kz) * factor, 1 mm.
        white_matter: mask of the same shape, where the signal-to-noise ratio is defined.
        acquisition: grid, coils, noise and partial Fourier.
        rng: source of the noise.
    """
    sigma = noise_level(image, white_matter, acquisition)
    return simulate_noisy(image, sigma, acquisition, rng)


def simulate_noisy(
    image: np.ndarray, noise_sd: float, acquisition: Acquisition, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the same with noise of a known SD, in real and imaginary part of each coil."""
    sigma = np.float32(noise_sd)
    image = truncate_readout(image, acquisition.grid[0])
    n_acquired = acquired_columns(acquisition.partial_fourier, acquisition.grid[2])
    positions = [acquisition.axis_mm(0, acquisition.factor)]
    positions += [acquisition.axis_mm(axis, 1) for axis in (1, 2)]
    for index, picture in enumerate(image):
        here = [positions[0][index : index + 1], *positions[1:]]
        kspace = truncated_kspace(picture * coils_at(here, acquisition)[:, 0], acquisition.grid[1:])
        noise = rng.standard_normal((*kspace.shape, 2), dtype=np.float32)
        kspace += sigma * noise.view(np.complex64)[..., 0]
        kspace[..., n_acquired:] = 0
        yield kspace


def coils_at(positions: list[np.ndarray], acquisition: Acquisition) -> np.ndarray:
    """Sensitivities (n_coils, ...) at broadcastable positions in mm, complex64."""
    n_coils = acquisition.n_coils
    fields = [loop_field(positions, n_coils, index, HEAD_ARRAY) for index in range(n_coils)]
    return np.stack(fields) / np.float32(normalisation(n_coils))


def noise_level(image: np.ndarray, white_matter: np.ndarray, acquisition: Acquisition) -> float:
    """Noise SD of real and imaginary part in each coil's image, and as well in its k-space.

    sigma = mean over white matter of |image| RSS(coils) / SNR; far from zero the noise of the
    combined magnitude image has the same SD (Gudbjartsson 1995, doi:10.1002/mrm.1910340618).
    """
    coarse = (slice(None, None, SNR_STRIDE),) * 3
    positions = [acquisition.axis_mm(axis, 1)[coarse] for axis in range(3)]
    coils = coils_at(positions, acquisition)
    combined = np.abs(image[coarse]) * np.sqrt(np.square(np.abs(coils)).sum(0))
    return float(combined[white_matter[coarse]].mean(dtype=np.float64)) / acquisition.snr


def central(n_coarse: int, n_fine: int) -> np.ndarray:
    """Indices into an unshifted spectrum of n_fine: the central n_coarse, zero at n_coarse // 2."""
    return (np.arange(n_coarse) - n_coarse // 2) % n_fine


def truncate_readout(image: np.ndarray, n_slices: int) -> np.ndarray:
    """Coarsen axis 0 by keeping the central part of its spectrum; complex64."""
    n_fine = len(image)
    if n_fine == n_slices:
        return image
    spectrum = np.take(scipy.fft.fft(image, axis=0), central(n_slices, n_fine), axis=0)
    spectrum = scipy.fft.ifftshift(spectrum, axes=0)
    return scipy.fft.ifft(spectrum, axis=0) * np.float32(n_slices / n_fine)


def truncated_kspace(images: np.ndarray, plane: tuple[int, int]) -> np.ndarray:
    """K-space in the files' convention, (..., n_ky, n_kz), of finer images (..., y, z).

    The central part of fftshift(fft2(images)), scaled so that ifft2 with norm="ortho" gives back
    the images' intensities; without any coarsening it is `stages.kspace.fourier.to_kspace`.
    """
    (n_y, n_z), (n_ky, n_kz) = images.shape[-2:], plane
    spectrum = scipy.fft.fft(images, axis=-1)
    spectrum = np.take(spectrum, central(n_kz, n_z), axis=-1)
    spectrum = scipy.fft.fft(spectrum, axis=-2)
    spectrum = np.take(spectrum, central(n_ky, n_y), axis=-2)
    return spectrum * np.float32((n_ky * n_kz) ** 0.5 / (n_y * n_z))


def write_slices(
    path: Path, slices: Iterator[np.ndarray], grid: tuple[int, int, int], n_coils: int
) -> None:
    """Write k-space that comes slice by slice, complex (n_coils, n_ky, n_kz), as one scan file."""
    with (
        atomic_path(path) as temporary,
        h5py.File(temporary, "w", track_order=False) as file,
    ):
        # no times in the file: the same scan is the same bytes
        dataset = file.create_dataset(
            DATASET, (*grid, 2 * n_coils), dtype=np.float32, track_times=False
        )
        for index, kspace in enumerate(slices):
            dataset[index] = complex_to_interleaved(kspace[None])[0]
