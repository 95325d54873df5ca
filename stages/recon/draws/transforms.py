r"""Transforms: flips and sub-voxel shifts of the measurement, undone in the image (equivariance).

A shift by s voxels multiplies k-space by exp(-2 pi i k s / n) with k = -n // 2, ... the index from
the centre, and leaves the mask as it is. A flip along ky turns the index round, k -> -k mod n. One
along kz is that of both axes and of ky again; with F the transform and * the complex conjugate,

    F[x(-y, -z)^*](ky, kz) = F[x](ky, kz)^*,

so that it takes a conjugate and, for its mask, the flip along ky. No flip moves the columns that
partial Fourier leaves out. The image, a modulus, is shifted back by its own Fourier transform,
which interpolates exactly only what has no edges finer than a voxel.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft

from stages.kspace.masks.sampling import SamplingMask
from stages.recon.draws.protocol import DrawMethod, Measurement, Take

KY, KZ = -2, -1


@dataclass(frozen=True)
class Transform:
    """A movement of the head in the plane of (ky, kz): first the flips, then the shift."""

    flip_y: bool = False
    flip_z: bool = False
    shift: tuple[float, float] = (0.0, 0.0)
    """Along (y, z), voxels."""

    @property
    def mirrored(self) -> bool:
        """Whether the index of ky is turned round."""
        return self.flip_y != self.flip_z


def drawn(shift_voxels: float, rng: np.random.Generator) -> Transform:
    """Return a random transform; shifts are uniform up to `shift_voxels` along both axes."""
    flips = rng.integers(2, size=2)
    y, z = rng.uniform(-shift_voxels, shift_voxels, size=2)
    return Transform(bool(flips[0]), bool(flips[1]), (float(y), float(z)))


def reversed_index(n: int) -> np.ndarray:
    """Return the place of -k for each k of a centred axis: (2 (n // 2) - i) mod n."""
    return (2 * (n // 2) - np.arange(n)) % n


def ramp(shape: tuple[int, int], shift: tuple[float, float]) -> np.ndarray:
    """Return the factors (n_ky, n_kz), complex64, that shift an image; 1 without a shift."""
    turns = [s * (np.arange(n) - n // 2) / n for n, s in zip(shape, shift, strict=True)]
    return np.exp(-2j * np.pi * (turns[0][:, None] + turns[1])).astype(np.complex64)


def moved(kspace: np.ndarray, transform: Transform) -> np.ndarray:
    """Return k-space (..., n_ky, n_kz) of the moved head, complex64."""
    if transform.flip_z:
        kspace = kspace.conj()
    if transform.mirrored:
        kspace = kspace[..., reversed_index(kspace.shape[KY]), :]
    if any(transform.shift):
        kspace = kspace * ramp(kspace.shape[KY:], transform.shift)
    return kspace


def moved_mask(mask: SamplingMask, transform: Transform) -> SamplingMask:
    """Return the mask that has sampled the moved head in the same samples."""
    if not transform.mirrored:
        return mask
    rows = reversed_index(mask.mask.shape[0])
    return SamplingMask(
        mask=mask.mask[rows],
        calibration=mask.calibration[rows],
        acceleration_acquired=mask.acceleration_acquired,
        acceleration_full=mask.acceleration_full,
        region=None if mask.region is None else mask.region[rows],
    )


def moved_back(image: np.ndarray, transform: Transform) -> np.ndarray:
    """Return the image (n_slices, n_ky, n_kz) of the head as it lay, float32."""
    if any(transform.shift):
        spectrum = scipy.fft.fft2(image.astype(np.float64))
        y, z = transform.shift
        back = scipy.fft.ifftshift(ramp(image.shape[1:], (-y, -z)))
        image = np.maximum(scipy.fft.ifft2(spectrum * back).real, 0).astype(np.float32)
    for axis, flipped in ((1, transform.flip_y), (2, transform.flip_z)):
        if flipped:
            image = np.take(image, -np.arange(image.shape[axis]) % image.shape[axis], axis=axis)
    return image


def batches(take: Take, transform: Transform) -> Iterator[tuple[int, np.ndarray]]:
    """Yield k-space of the moved head."""
    for start, kspace in take.scan.batches(take.batch_size):
        yield start, np.ascontiguousarray(moved(kspace, transform))


def measure(take: Take) -> Measurement:
    """Return the scan of the moved head."""
    transform = drawn(take.options.shift_voxels, take.rng)
    return Measurement(
        batches(take, transform),
        moved_mask(take.mask, transform),
        lambda image: moved_back(image, transform),
    )


TRANSFORMS = DrawMethod("transforms", "a flip and a shift that are undone in the image", measure)
