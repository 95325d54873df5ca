"""From a scan to an image: in batches of slices, so that memory does not grow with the scan."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.sensitivities import divide
from stages.recon.learned.engine import Engine
from stages.recon.learned.networks import output_image
from stages.recon.physics import Batch, DeviceMask, make_input, to_device
from stages.study.axes import Shape

Reconstruction = Callable[[torch.Tensor, DeviceMask], torch.Tensor]
Held = Callable[[torch.Tensor], torch.Tensor]
"""From k-space (slices, n_coils, n_ky, n_kz) to images, with all that is estimated from it held."""
Batches = Iterable[tuple[int, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Learned:
    """The reconstruction by a trained network, in the scan's own units."""

    engine: Engine

    def __call__(self, kspace: torch.Tensor, mask: DeviceMask) -> torch.Tensor:
        """Return the image (slices, n_ky, n_kz) of fully sampled k-space and a mask."""
        return self._image(make_input(kspace, mask))

    def held(self, kspace: torch.Tensor, mask: DeviceMask) -> Held:
        """Return the reconstruction of other k-space with these sensitivities and this scale."""
        batch = make_input(kspace, mask)
        factors = batch["scaling_factor"][:, None, None, None]

        def image(other: torch.Tensor) -> torch.Tensor:
            masked = divide(other * mask.sampling, factors)
            return self._image({**batch, "masked_kspace": torch.view_as_real(masked)})

        return image

    def _image(self, batch: Batch) -> torch.Tensor:
        factors = batch["scaling_factor"][:, None, None]
        # some networks divide by the largest value of an image, and a blank slice has none
        return torch.where(factors == 0, 0, output_image(self.engine, batch) * factors)


def learned(engine: Engine) -> Learned:
    """Return the reconstruction by a trained network."""
    return Learned(engine)


def reconstruct_scan(
    scan: Scan,
    drawn: SamplingMask,
    reconstruction: Reconstruction,
    device: torch.device,
    batch_size: int,
) -> np.ndarray:
    """Return the image of every slice, float32 (n_slices, n_ky, n_kz), in the scan's own units.

    Args:
        scan: fully sampled scan; the mask is applied here.
        drawn: its mask.
        reconstruction: `learned(engine)`, `physics.zero_filled` or
            `compressed_sensing.l1_wavelet(params)`.
        device: where to compute.
        batch_size: slices at once.
    """
    return reconstruct_slices(scan.shape, scan.batches(batch_size), drawn, reconstruction, device)


@torch.no_grad()
def reconstruct_slices(
    shape: Shape,
    batches: Batches,
    drawn: SamplingMask,
    reconstruction: Reconstruction,
    device: torch.device,
) -> np.ndarray:
    """Return the image of every slice, float32 (n_slices, n_ky, n_kz).

    Args:
        shape: of the image.
        batches: pairs of a slice's number and k-space (slices, n_coils, n_ky, n_kz) from it on.
        drawn: the mask, which is applied here.
        reconstruction: as of `reconstruct_scan`.
        device: where to compute.
    """
    mask = DeviceMask.of(drawn, device)
    image = np.empty(shape, dtype=np.float32)
    for start, kspace in batches:
        part = reconstruction(to_device(kspace, device), mask)
        image[start : start + len(kspace)] = part.cpu().numpy()
    return image
