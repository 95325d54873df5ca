r"""Coil sensitivities from the sampled calibration region, in batches on any device.

.. math:: S_c = \frac{x_c}{\sqrt{\sum_{c'} |x_{c'}|^2}}, \quad x_c = F^{-1}(A\, g\, k_c)

with A the calibration disk and g a Gaussian of width 0.7 on the kz axis against ringing: DIRECT's
estimate, except that A lies inside the sampling mask, so that only measured samples are used.
"""

import torch

PLANE = (-2, -1)  # (ky, kz)
GAUSSIAN_WIDTH = 0.7  # of half the matrix, DIRECT's default `sensitivity_maps_gaussian`


def coil_images(kspace: torch.Tensor) -> torch.Tensor:
    """Return coil images of complex k-space (..., n_ky, n_kz), convention of `fourier.to_image`."""
    return torch.fft.ifft2(kspace, dim=PLANE, norm="ortho")


def root_sum_of_squares(images: torch.Tensor, *, keepdim: bool = False) -> torch.Tensor:
    """Return the modulus over coils of complex images (..., n_coils, y, z)."""
    return torch.view_as_real(images).square().sum(-1).sum(-3, keepdim=keepdim).sqrt()


def divide(numerator: torch.Tensor, denominator: torch.Tensor) -> torch.Tensor:
    """Divide; zero where the denominator is zero, so that blank slices stay finite."""
    safe = torch.where(denominator == 0, 1, denominator)
    return torch.where(denominator == 0, 0, numerator / safe)


def sensitivity_maps(kspace: torch.Tensor, calibration: torch.Tensor) -> torch.Tensor:
    """Estimate the maps; their squares sum to one over the coils wherever there is any signal.

    Args:
        kspace: complex (batch, n_coils, n_ky, n_kz).
        calibration: bool, broadcasts to the same shape.
    """
    width = torch.linspace(-1, 1, kspace.shape[-1], dtype=torch.float32, device=kspace.device)
    window = torch.exp(-((width / GAUSSIAN_WIDTH) ** 2))
    images = coil_images(kspace * (calibration * window))
    return divide(images, root_sum_of_squares(images, keepdim=True))
