r"""Compressed sensing: a sparse prior in the place of a trained network.

.. math:: \hat x = \arg\min_x \frac{1}{2} \sum_c \| M (F S_c x - k_c) \|_2^2 + \lambda \| W x \|_1

with M the sampling mask, S_c the sensitivities, k_c the measured k-space and W a wavelet transform
(Lustig et al. 2007, doi:10.1002/mrm.21391), solved by sigpy with accelerated proximal gradients.
"""

import numpy as np
import torch

from stages.params.compressed_sensing import CompressedSensingParams
from stages.recon.inference import Reconstruction
from stages.recon.physics import DeviceMask, make_input
from stages.study.errors import StudyError

PLANE = (-2, -1)  # (ky, kz)
STEP = 1.0  # of the gradient: its Lipschitz constant is at most 1, as F and the maps keep the norm


def l1_wavelet(params: CompressedSensingParams) -> Reconstruction:
    """Return the reconstruction by compressed sensing, in the scan's own units.

    Each slice is scaled as for the networks, so that one weight of the prior suits all scans.

    Raises:
        StudyError: if PyWavelets has no such orthogonal wavelet.
    """
    check_wavelet(params.wavelet)

    def reconstruct(kspace: torch.Tensor, mask: DeviceMask) -> torch.Tensor:
        batch = make_input(kspace, mask)
        sampling = mask.sampling.expand(len(kspace), -1, -1, -1)[:, 0].cpu().numpy()
        measured, maps = (_complex(batch[key]) for key in ("masked_kspace", "sensitivity_map"))
        images = [
            sparse_image(k, s, m, params) for k, s, m in zip(measured, maps, sampling, strict=True)
        ]
        modulus = torch.from_numpy(np.abs(np.stack(images))).to(kspace.device)
        return modulus * batch["scaling_factor"][:, None, None]

    return reconstruct


def sparse_image(
    kspace: np.ndarray, maps: np.ndarray, sampling: np.ndarray, params: CompressedSensingParams
) -> np.ndarray:
    """Return the complex image (y, z) of one slice that minimises the functional above.

    The start is an empty image and the step is fixed, so nothing is random.

    Args:
        kspace: complex64 (n_coils, n_ky, n_kz) as in the files, zero where it was not sampled.
        maps: complex64 (n_coils, y, z), their squares sum to one over the coils.
        sampling: bool (n_ky, n_kz).
        params: wavelet, weight of the prior and number of iterations.
    """
    # slow to import, as it compiles: only this group pays
    from sigpy.mri.app import L1WaveletRecon

    weights = np.fft.fftshift(sampling).astype(np.float32)
    solver = L1WaveletRecon(
        centred(kspace),
        maps,
        params.regularisation,
        weights=weights,
        wave_name=params.wavelet,
        alpha=STEP,
        max_iter=params.iterations,
        show_pbar=False,
    )
    return solver.run()


def centred(kspace: np.ndarray) -> np.ndarray:
    r"""Return k-space (..., n_ky, n_kz) of the same image for transforms centred in both domains.

    The files pair with a plain transform, sigpy shifts image and k-space by half a matrix. The
    shift theorem makes of the first shift, by :math:`s = \lfloor N / 2 \rfloor`, a phase:

    .. math:: k'_j = k_j e^{2 \pi i j s / N}
    """
    for axis in PLANE:
        n = kspace.shape[axis]
        turns = np.arange(n) * (n // 2) % n / n
        phase = np.exp(2j * np.pi * turns).astype(np.complex64)
        kspace = kspace * np.expand_dims(phase, tuple(range(axis + 1, 0)))
    return np.fft.fftshift(kspace, axes=PLANE)


def check_wavelet(name: str) -> None:
    """Raise `StudyError` unless PyWavelets knows an orthogonal wavelet of that name."""
    import pywt

    if name not in pywt.wavelist(kind="discrete") or not pywt.Wavelet(name).orthogonal:
        raise StudyError(
            "params.yaml: 'compressed_sensing.wavelet': expected an orthogonal wavelet of"
            f" PyWavelets (e.g. haar, db4, sym8, coif2), got '{name}'"
        )


def _complex(values: torch.Tensor) -> np.ndarray:
    return torch.view_as_complex(values.contiguous()).cpu().numpy()
