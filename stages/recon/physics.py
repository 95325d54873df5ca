"""From k-space to what a network eats: masked and scaled batches on the device.

Same quantities as DIRECT's per-slice transforms (`direct.data.mri_transforms`), computed in
batches. DIRECT also looks for zero-padded positions in each slice; here those are the columns that
were not acquired, which the masks leave out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.sensitivities import coil_images, divide, root_sum_of_squares, sensitivity_maps

PERCENTILE = 0.99  # DIRECT's `scale_percentile`: of |masked k-space|, zeros included

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class DeviceMask:
    """A sampling mask and its calibration disk, bool (1, 1, n_ky, n_kz), on the device.

    The first axis is as long as the batch where each slice has a mask of its own. `padding`, bool
    (1, 1, 1 or n_ky, n_kz), marks what was not acquired: some networks fill it, and DIRECT's
    engines then empty it again.
    """

    sampling: torch.Tensor
    calibration: torch.Tensor
    padding: torch.Tensor

    @classmethod
    def of(cls, drawn: SamplingMask, device: torch.device) -> "DeviceMask":
        """Copy a mask to the device."""
        return cls(
            sampling=torch.from_numpy(drawn.mask)[None, None].to(device),
            calibration=torch.from_numpy(drawn.calibration)[None, None].to(device),
            padding=torch.from_numpy(~drawn.acquired)[None, None].to(device),
        )

    @classmethod
    def stacked(cls, masks: "Sequence[DeviceMask]") -> "DeviceMask":
        """Return the masks of several slices of one matrix as one, its first axis the slices."""
        return cls(
            sampling=torch.cat([mask.sampling for mask in masks]),
            calibration=torch.cat([mask.calibration for mask in masks]),
            padding=torch.cat([mask.padding.expand_as(mask.sampling) for mask in masks]),
        )


def to_device(kspace: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return k-space (slices, n_coils, n_ky, n_kz) as a complex tensor on the device."""
    return torch.as_tensor(kspace).to(device)


def scaling_factors(masked: torch.Tensor) -> torch.Tensor:
    """Return the 99th percentile of |k| of each slice, (batch,), of complex (batch, coils, ky, kz).

    Coils without any signal do not count; a blank slice has the factor 0.
    """
    modulus = torch.view_as_real(masked).square().sum(-1).sqrt()
    n_positions = modulus.shape[-2] * modulus.shape[-1]
    counted = modulus.flatten(2).any(dim=2).sum(dim=1) * n_positions
    ranks = ((1 - PERCENTILE) * counted).long()  # 0 is the largest value
    largest = modulus.flatten(1).topk(int(ranks.max()) + 1, dim=1, sorted=True).values
    return largest.gather(1, ranks[:, None])[:, 0]


def make_batch(kspace: torch.Tensor, mask: DeviceMask) -> Batch:
    """Return the batch dictionary of DIRECT's engines for fully sampled slices.

    Keys: `masked_kspace`, `kspace` and `sensitivity_map` (batch, n_coils, n_ky, n_kz, 2), the masks
    and `padding` (batch, 1, n_ky, n_kz, 1), `target` (batch, n_ky, n_kz), all but the maps divided
    by `scaling_factor` (batch,).

    Args:
        kspace: complex (batch, n_coils, n_ky, n_kz).
        mask: mask of the scan, or of each slice (`DeviceMask.stacked`).
    """
    target = root_sum_of_squares(coil_images(kspace))
    batch = make_input(kspace, mask)
    factors = batch["scaling_factor"]
    batch["kspace"] = _real(divide(kspace, factors[:, None, None, None]))
    batch["target"] = divide(target, factors[:, None, None])
    return batch


def make_input(kspace: torch.Tensor, mask: DeviceMask) -> Batch:
    """Return the part of the batch that needs no more than the sampled positions."""
    masked = kspace * mask.sampling
    factors = scaling_factors(masked)
    shape = (len(kspace), 1, *kspace.shape[-2:], 1)
    return {
        "masked_kspace": _real(divide(masked, factors[:, None, None, None])),
        "sampling_mask": mask.sampling[..., None].expand(shape),
        "acs_mask": mask.calibration[..., None].expand(shape),
        "padding": mask.padding[..., None].expand(shape),
        "sensitivity_map": _real(sensitivity_maps(masked, mask.calibration)),
        "scaling_factor": factors,
    }


def zero_filled(kspace: torch.Tensor, mask: DeviceMask) -> torch.Tensor:
    """Return the root-sum-of-squares image (batch, n_ky, n_kz) of the masked k-space."""
    return root_sum_of_squares(coil_images(kspace * mask.sampling))


def _real(values: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(values.contiguous())
