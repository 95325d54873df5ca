"""The cortex divided into parcels, by SynthSeg's parcellation network.

The network is a U-Net of three inputs, the image and whether the likeliest label of the posteriors
before they are cleaned is something else than cortex or cortex, and of 69 outputs, background and
the parcels by ascending label (`stages.study.parcels`). Its posteriors q are smoothed as those of
the segmentation network are. With the cortex M, the voxels of either side's cortex by the cleaned
posteriors, the background becomes 0 in M and 1 elsewhere, and in every voxel

    p_c(x) = q_c(x) / sum over all channels d of q_d(x).

A voxel of M gets its likeliest parcel, whichever side that is of. The volume of a parcel is its
share of the cortex of both sides,

    V_c = V sum over x of p_c(x) / sum over parcels d and x of p_d(x),

with V from the cleaned posteriors. Parcels thus add up to the cortex over both sides, but need not
on either.
Billot et al., PNAS 120:e2216399120 (2023), doi:10.1073/pnas.2216399120.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from stages.machine.parallel import each
from stages.segmenters.synthseg.blocks import Evaluation, by_size
from stages.segmenters.synthseg.fused import FusedUNet, in_chunks
from stages.segmenters.synthseg.network import UNet
from stages.segmenters.synthseg.posteriors import smooth, softmax, with_groups
from stages.segmenters.synthseg.postprocess import chunks, renormalise
from stages.study.axes import Shape, three
from stages.study.parcels import CORTEX, PARCEL_LABELS

SIDES = tuple(CORTEX.values())  # FreeSurfer ids of the left and the right cortex
N_GROUPS = 2  # one-hot inputs: elsewhere, cortex
BLUR = 0.5  # voxels, SD of the smoothing of posteriors, as of the segmentation network's
REACH = 1  # planes that the smoothing looks beyond either side
CHUNK = 4  # planes that are smoothed together: at 1 mm 60 MB with what they reach


class Parcels(NamedTuple):
    """The parcels of one image."""

    likeliest: np.ndarray
    """(x, y, z) uint8, the parcel of a voxel of cortex, from 1 by ascending label; 0 elsewhere."""
    sums: np.ndarray
    """(68,) float64, posteriors summed over voxels, by ascending label."""

    def within(self, labels: np.ndarray) -> np.ndarray:
        """Return a label map (x, y, z) in which the cortex is divided.

        Args:
            labels: FreeSurfer ids.
        """
        own = np.array((0, *PARCEL_LABELS), labels.dtype)
        return np.where(self.likeliest > 0, own[self.likeliest], labels)

    def volumes(self, cortex_mm3: float) -> np.ndarray:
        """Return the volumes of the parcels, (68,) in mm3, which add up to that of the cortex."""
        return self.sums / (self.sums.sum() or 1.0) * cortex_mm3


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
    def parcels(
        self,
        image: np.ndarray,
        mask: torch.Tensor,
        cortex: np.ndarray,
        inside: tuple[slice, ...],
    ) -> Parcels:
        """Divide the cortex of an image.

        Args:
            image: (x, y, z) float32 on the padded grid, the input of the segmentation network.
            mask: (1, x, y, z) uint8 on the padded grid, from `cortex_mask`.
            cortex: where the cleaned segmentation has cortex, boolean, of the image.
            inside: where the image lies in the padded grid.
        """
        x = torch.from_numpy(image)[None, None].to(self.device)
        where = torch.from_numpy(cortex).to(self.device)
        likeliest = np.zeros(cortex.shape, np.uint8)
        # one row a plane, each filled by one thread: the sums' bits do not depend on how many
        sums = np.zeros((len(cortex), len(PARCEL_LABELS)))

        def take(plane: int, posteriors: torch.Tensor) -> None:
            row = plane - inside[0].start
            own = posteriors[(slice(None), *inside[1:])].contiguous()
            best, total = divide(own, where[row])
            likeliest[row], sums[row] = best.cpu().numpy(), total.cpu().numpy()

        stream = SmoothedPlanes(three(image.shape), inside[0], take)
        joined = with_groups(x, mask.to(self.device), N_GROUPS)
        self.evaluation(self.network, joined, stream.write)
        return Parcels(likeliest, sums.sum(0))


def divide(posteriors: torch.Tensor, cortex: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the parcels of a plane's voxels and the sums of their posteriors.

    Args:
        posteriors: (69, y, z), smoothed, background first; normalised in place.
        cortex: (y, z), boolean.

    Returns:
        (y, z) uint8, 0 outside the cortex, and (68,) float64.
    """
    posteriors[0] = ~cortex
    parcels = renormalise(posteriors)[1:]
    best = (parcels.argmax(0) + 1) * cortex
    return best.to(torch.uint8), parcels.sum((1, 2), dtype=torch.float64)


class SmoothedPlanes:
    """Smoothed posteriors plane by plane, from blocks of logits as they come.

    Of blocks in the order of their planes only those planes are held that wait for others: of
    256 x 224 x 192 voxels 70 planes of 69 channels, 0.8 GB, where all posteriors would fill 3 GB.
    """

    def __init__(
        self, shape: Shape, wanted: slice, take: Callable[[int, torch.Tensor], None]
    ) -> None:
        """Prepare for one volume.

        Args:
            shape: of the volume.
            wanted: planes along x that are passed on.
            take: called with the number of each plane and its posteriors (channels, y, z), by one
                thread, in any order.
        """
        self.shape, self.take = shape, take
        self.missing = np.full(shape[0], shape[1] * shape[2])  # voxels
        self.planes: dict[int, torch.Tensor] = {}
        starts = range(wanted.start, wanted.stop, CHUNK)
        self.waiting = [range(low, min(low + CHUNK, wanted.stop)) for low in starts]

    def write(self, where: tuple[slice, ...], logits: torch.Tensor) -> None:
        """Take a block of logits (1, channels, x, y, z) at its slices; pass on what is complete."""
        first, across = where[0].start, (slice(None), *where[1:])
        sides = (logits.shape[1], *self.shape[1:])
        for plane in range(first, where[0].stop):
            if plane not in self.planes:
                self.planes[plane] = logits.new_empty(sides)

        def fill(planes: slice) -> None:
            for plane in range(planes.start, planes.stop):
                self.planes[first + plane][across] = softmax(logits[0, :, plane])

        in_chunks(fill, logits)
        self.missing[where[0]] -= logits[0, 0, 0].numel()
        self.pass_on(torch.get_num_threads() if logits.device.type == "cpu" else 1)

    def reached(self, chunk: range) -> range:
        """Return the planes that the smoothing of a chunk looks at."""
        return range(max(chunk.start - REACH, 0), min(chunk.stop + REACH, self.shape[0]))

    def pass_on(self, n_threads: int) -> None:
        """Smooth the chunks whose planes are complete, and free what no other waits for."""
        ready = [c for c in self.waiting if not self.missing[list(self.reached(c))].any()]
        each(self.smoothed, ready, n_threads)
        self.waiting = [chunk for chunk in self.waiting if chunk not in ready]
        needed = {plane for chunk in self.waiting for plane in self.reached(chunk)}
        self.planes = {n: plane for n, plane in self.planes.items() if n in needed}

    def smoothed(self, chunk: range) -> None:
        """Smooth the planes of a chunk and hand them out."""
        reached = self.reached(chunk)
        stack = torch.stack([self.planes[plane] for plane in reached], 1)
        found = smooth(stack[None], BLUR)[0]
        for plane in chunk:
            self.take(plane, found[:, plane - reached.start])
