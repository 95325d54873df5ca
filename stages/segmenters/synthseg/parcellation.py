"""The cortex divided into parcels, by SynthSeg's parcellation network.

The network is a U-Net of three inputs and 69 outputs: background and the parcels by ascending label
(`stages.study.parcels`). What its inputs are is taken over from the robust cascade, whose last
network sees the image and one-hot groups: here the image, what is not cortex, the cortex, by the
most likely label of the posteriors before they are cleaned. The specification at hand names the
number of inputs alone.

How the two networks are joined is the study's own definition. Within the cortex of one side with
the cleaned posterior c(x), a parcel p of that side has the posterior

    c(x) exp(z_p(x)) / sum over the side's parcels q of exp(z_q(x)),

z the logits. So the parcels of a side add up to its cortex, in every voxel and in volume, and the
background's logit does not matter. A voxel labelled cortex gets its side's likeliest parcel.
Billot et al., PNAS 120:e2216399120 (2023), doi:10.1073/pnas.2216399120.
"""

from typing import NamedTuple

import numpy as np
import torch

from stages.segmenters.synthseg.blocks import Evaluation, by_size
from stages.segmenters.synthseg.fused import FusedUNet, in_chunks
from stages.segmenters.synthseg.network import UNet
from stages.segmenters.synthseg.posteriors import with_groups
from stages.segmenters.synthseg.postprocess import chunks
from stages.study.parcels import CORTEX, N_PARCELS, PARCEL_LABELS

SIDES = tuple(CORTEX.values())  # FreeSurfer ids of the left and the right cortex
N_GROUPS = 2  # one-hot inputs: elsewhere, cortex


class Parcels(NamedTuple):
    """The parcels of one image on the padded grid."""

    likeliest: np.ndarray
    """(2, x, y, z) uint8, which of a side's parcels; 0 where the side has no cortex at all."""
    sums: np.ndarray
    """(68,) float64, posteriors summed over voxels, by ascending label."""

    def within(self, labels: np.ndarray, inside: tuple[slice, ...]) -> np.ndarray:
        """Return a label map (x, y, z) of the image in which the cortex is divided.

        Args:
            labels: FreeSurfer ids, of the image.
            inside: where the image lies in the padded grid.
        """
        divided = labels.copy()
        for side, cortex in enumerate(SIDES):
            own = np.array(PARCEL_LABELS[side * N_PARCELS : (side + 1) * N_PARCELS], labels.dtype)
            where = labels == cortex
            divided[where] = own[self.likeliest[side][inside][where]]
        return divided


def cortex_mask(posteriors: torch.Tensor, labels: tuple[int, ...]) -> torch.Tensor:
    """Return where the likeliest label is cortex, (1, x, y, z) uint8.

    Args:
        posteriors: (channels, x, y, z).
        labels: FreeSurfer id of every channel.
    """
    channels = torch.tensor([labels.index(side) for side in SIDES], device=posteriors.device)
    found = [torch.isin(chunk.argmax(0), channels) for chunk in chunks(posteriors)]
    return torch.cat(found)[None].to(torch.uint8)


class Parcellation:
    """The parcellation network on a device, ready for many images."""

    def __init__(
        self, network: UNet, device: torch.device | None = None, evaluation: Evaluation = by_size
    ) -> None:
        self.device = device or torch.device("cpu")
        self.network = FusedUNet(network).to(self.device)
        self.evaluation = evaluation

    @torch.inference_mode()
    def parcels(self, image: np.ndarray, mask: torch.Tensor, cortex: torch.Tensor) -> Parcels:
        """Divide the cortex of an image.

        Args:
            image: (x, y, z) float32, the input of the segmentation network.
            mask: (1, x, y, z) uint8, from `cortex_mask`.
            cortex: (2, x, y, z) float32, cleaned posteriors of the left and the right cortex.
        """
        x = torch.from_numpy(image)[None, None].to(self.device)
        likeliest = torch.zeros(cortex.shape, dtype=torch.uint8)
        # one row a plane, each filled by one thread: the sums' bits do not depend on how many
        sums = torch.zeros((cortex.shape[1], len(SIDES) * N_PARCELS), dtype=torch.float64)

        def write(where: tuple[slice, ...], logits: torch.Tensor) -> None:
            there, parts = (slice(None), *where), cortex[(slice(None), *where)]

            def fill(planes: slice) -> None:
                for plane in range(planes.start, planes.stop):
                    best, total = divide(logits[0, :, plane].cpu(), parts[:, plane])
                    likeliest[there][:, plane] = best
                    sums[where[0].start + plane] += total

            in_chunks(fill, logits)

        self.evaluation(self.network, with_groups(x, mask.to(self.device), N_GROUPS), write)
        return Parcels(likeliest.numpy(), sums.sum(0).numpy())


def divide(logits: torch.Tensor, cortex: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the likeliest parcel of a plane's voxels and the sums of the parcels' posteriors.

    Args:
        logits: (69, y, z).
        cortex: (2, y, z), cleaned posteriors of either side's cortex.

    Returns:
        (2, y, z) uint8 and (68,) float64.
    """
    likeliest = torch.zeros(cortex.shape, dtype=torch.uint8)
    sums = torch.zeros((len(SIDES), N_PARCELS), dtype=torch.float64)
    for side, posterior in enumerate(cortex):
        found = posterior > 0
        if found.any():
            own = logits[1 + side * N_PARCELS :][:N_PARCELS, found]
            likeliest[side, found] = own.argmax(0).to(torch.uint8)
            sums[side] = (own.double().softmax(0) * posterior[found].double()).sum(1)
    return likeliest, sums.flatten()
