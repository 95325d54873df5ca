r"""How far thermal noise of k-space moves each voxel of an image: the SD, without replicas.

With x = f(k) the magnitude image, J its Jacobian with respect to the real and imaginary parts of
the sampled k-space, and noise of variance sigma_c^2 in both parts of coil c (covariance Sigma),

.. math:: \mathrm{Var}\, x = \mathrm{diag}(C), \quad C = J \Sigma J^T.

The diagonal is probed (Bekas et al. 2007, doi:10.1016/j.apnum.2007.01.003; Tang and Saad 2012,
doi:10.1002/nla.779): voxels get colours so that those of one colour lie far apart, and a probe z
has random signs at the voxels of one colour, 0 elsewhere. At a voxel i of that colour

.. math:: z_i (C z)_i = C_{ii} + \sum_{j \ne i} z_i z_j C_{ij}

is right on average, and as good as voxels of one colour are uncorrelated. Reverse differentiation
gives J^T z, and a difference quotient the product with J: forward differentiation takes 1.5 to 2.8
reconstructions and DIRECT's RIM does not support it. A narrow Gaussian over the variances of
neighbouring voxels and slices takes out part of what is left.

Sensitivities and the scale of a slice are held, as in maps of the g-factor (Pruessmann et al. 1999,
PMID 10542355): outside of the head the sensitivities are the direction of noise, whose derivative
grows without bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.recon.inference import Held, Learned, Reconstruction
from stages.recon.physics import DeviceMask, to_device, zero_filled
from stages.study.errors import StudyError
from stages.study.seeds import stable_seed

# of the norm of the noise: small against the bends of networks, and yet the image changes by a
# thousand times its rounding
STEP = 0.05


@dataclass(frozen=True)
class Probing:
    """How a map is estimated."""

    colours: int
    """Probes of a slice."""
    smoothing_voxels: float
    """SD of the Gaussian over variances, along all three axes; 0: none."""
    seed: int
    """Of the signs."""


def differentiable(reconstruction: Reconstruction) -> bool:
    """Return whether torch can differentiate a reconstruction; it cannot compressed sensing."""
    return isinstance(reconstruction, Learned) or reconstruction is zero_filled


def held(reconstruction: Reconstruction, kspace: torch.Tensor, mask: DeviceMask) -> Held:
    """Return a reconstruction near some k-space; a network's with sensitivities and scale held."""
    if isinstance(reconstruction, Learned):
        with torch.no_grad():
            return reconstruction.held(kspace, mask)
    return lambda other: reconstruction(other, mask)


def coloured(matrix: tuple[int, int], n: int) -> np.ndarray:
    """Return the colour of each voxel, 0 to n - 1, integers (n_ky, n_kz).

    Colours are (y + a z) mod n: each is a lattice, and its points lie as far apart as a allows.
    """
    y, z = np.mgrid[-n : n + 1, : n + 1]
    away = (y != 0) | (z != 0)
    apart = [np.hypot(y, z)[away & ((y + a * z) % n == 0)].min() for a in range(n)]
    y, z = np.indices(matrix)
    return (y + int(np.argmax(apart)) * z) % n


def probed_variance(
    image_of: Held,
    kspace: torch.Tensor,
    variances: torch.Tensor,
    signs: torch.Tensor,
    colours: torch.Tensor,
) -> torch.Tensor:
    """Return the estimate of diag(J Sigma J^T), float64 (slices, n_ky, n_kz); it may be negative.

    Args:
        image_of: the reconstruction near `kspace`.
        kspace: complex (slices, n_coils, n_ky, n_kz), where the Jacobian is taken.
        variances: of the real and of the imaginary part of the noise, (n_coils, n_ky, n_kz), 0
            where nothing is sampled.
        signs: -1 or 1, (slices, n_ky, n_kz).
        colours: (n_ky, n_kz), from 0 on.
    """
    tracked = kspace.clone().requires_grad_(True)
    with torch.enable_grad():
        image = image_of(tracked)
    at, blank = image.detach(), (kspace == 0).flatten(1).all(1)[:, None, None, None]
    noise, found = (2 * variances.sum()).sqrt(), torch.zeros_like(at, dtype=torch.float64)
    for colour in range(int(colours.max()) + 1):
        probe = signs * (colours == colour)
        (back,) = torch.autograd.grad(image, tracked, probe, retain_graph=True)
        moving = torch.where(blank, 0, back * variances)
        norm = torch.linalg.vector_norm(moving, dim=(1, 2, 3))
        step = (STEP * noise / torch.where(norm == 0, 1, norm))[:, None, None]
        with torch.no_grad():
            moved = image_of(kspace + step[..., None] * moving) - at
        found += (probe * moved / step).double()
    return found


@torch.inference_mode(mode=False)  # of the worker that calls: it would forbid derivatives
def noise_map(
    scan: Scan,
    drawn: SamplingMask,
    reconstruction: Reconstruction,
    sigma: np.ndarray,
    probing: Probing,
    device: torch.device,
    batch_size: int,
) -> np.ndarray:
    """Return the SD of every voxel under noise, float32 (n_slices, n_ky, n_kz), in image units.

    Args:
        scan: fully sampled scan; the mask is applied here.
        drawn: its mask.
        reconstruction: of the image; `differentiable`.
        sigma: (n_coils,) SD of the real and of the imaginary part of the noise of k-space.
        probing: number and seed of the probes, and how far the variances are smoothed.
        device: where to compute.
        batch_size: slices at once.

    Raises:
        StudyError: if the derivative is not finite.
    """
    mask = DeviceMask.of(drawn, device)
    levels = np.square(np.asarray(sigma, np.float32))[:, None, None] * drawn.mask
    variances = torch.from_numpy(levels).to(device)
    colours = torch.from_numpy(coloured(drawn.mask.shape, probing.colours)).to(device)
    variance = np.empty(scan.shape)
    for start, batch in scan.batches(batch_size):
        kspace = to_device(batch, device)
        signs = random_signs(drawn.mask.shape, probing.seed, range(start, start + len(batch)))
        image_of = held(reconstruction, kspace, mask)
        found = probed_variance(image_of, kspace, variances, signs.to(device), colours)
        variance[start : start + len(batch)] = found.cpu().numpy()
    if not np.isfinite(variance).all():
        raise StudyError(
            f"{scan.path}: expected a reconstruction with a finite derivative, got NaN or infinity;"
            " set reconstruct.noise_map to null, or leave the scan out"
        )
    return np.sqrt(smoothed(variance, probing.smoothing_voxels)).astype(np.float32)


def random_signs(matrix: tuple[int, int], seed: int, slices: Sequence[int]) -> torch.Tensor:
    """Return -1 or 1 for each voxel, float32 (slices, n_ky, n_kz), the same for any batch."""
    generators = [torch.Generator().manual_seed(stable_seed(seed, index)) for index in slices]
    bits = [torch.randint(2, tuple(matrix), generator=one) for one in generators]
    return 2 * torch.stack(bits).float() - 1


def smoothed(variance: np.ndarray, voxels: float) -> np.ndarray:
    """Return variances (n_slices, n_ky, n_kz) under a Gaussian of an SD in voxels, none below 0."""
    return np.maximum(gaussian_filter(variance, voxels) if voxels > 0 else variance, 0)
