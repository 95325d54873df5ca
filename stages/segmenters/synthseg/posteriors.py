"""Segmentation of an image with any of the weight files."""

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from stages.segmenters import preprocess
from stages.segmenters.image import Image, load
from stages.segmenters.protocol import QUICK, Segmentation
from stages.segmenters.synthseg import postprocess
from stages.segmenters.synthseg.blocks import Evaluation, by_size
from stages.segmenters.synthseg.fused import FusedUNet, empty_features, in_chunks
from stages.segmenters.synthseg.labels import mirrored_channels
from stages.segmenters.synthseg.model import Model


class NetworkSegmenter:
    """Networks on a device, ready for many images."""

    def __init__(
        self,
        model: Model,
        device: torch.device | None = None,
        *,
        fast: bool = False,
        evaluation: Evaluation = by_size,
    ) -> None:
        self.evaluation = evaluation
        self.device = device or torch.device("cpu")
        self.networks = {k: FusedUNet(v).to(self.device) for k, v in model.networks.items()}
        self.model = replace(model, networks={})  # the literal form is not kept in memory
        self.topology = () if fast else model.topology
        self.mirrored = model.mirrored and not fast

    def quick(self) -> "NetworkSegmenter":
        """Return the same networks on coarser voxels, without mirrored image and topology step."""
        other = copy(self)
        other.topology, other.mirrored = (), False
        other.model = replace(self.model, recipe=self.model.recipe.coarser(QUICK))
        return other

    @property
    def whole(self) -> bool:
        """Whether the air around a head changes what is measured."""
        return not self.model.recipe.cropped

    def segment(self, path: Path) -> Segmentation:
        """Segment and measure one image file; `StudyError` if it is unusable."""
        return self.segment_image(load(path))

    @torch.inference_mode()
    def segment_image(self, image: Image) -> Segmentation:
        """Prepare, segment, clean and measure one image."""
        prepared = preprocess.prepare(image, self.model.recipe)
        return self.measure(self.posteriors(prepared.image), prepared)

    @torch.inference_mode()
    def measure(self, posteriors: torch.Tensor, prepared: preprocess.Prepared) -> Segmentation:
        """Clean posteriors (channels, x, y, z) on the padded grid in place; labels and volumes."""
        part, box = self.clean(posteriors, prepared.inside)
        whole, matrix = prepared.whole(self.label_map(part, box, prepared.shape))
        volumes = postprocess.volumes(part, prepared.voxel_size_mm)
        return Segmentation(np.ascontiguousarray(whole), matrix, volumes)

    def label_map(
        self, part: torch.Tensor, box: postprocess.Box, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Clean posteriors of a box -> int32 labels (x, y, z) of the image, 0 elsewhere."""
        labels = np.zeros(shape, np.int32)
        labels[box] = postprocess.label_map(part, self.model.labels)
        return labels

    @torch.inference_mode()
    def clean(
        self, posteriors: torch.Tensor, inside: tuple[slice, ...]
    ) -> tuple[torch.Tensor, postprocess.Box]:
        """Post-processing of this model's mode: padded grid -> the brain's box, and where it is."""
        floor = self.model.recipe.floor
        return postprocess.clean(posteriors, inside, topology=self.topology, floor=floor)

    @torch.inference_mode()
    def posteriors(self, image: np.ndarray) -> torch.Tensor:
        """Network input (x, y, z) -> posteriors (channels, x, y, z) float32 on the CPU."""
        x = torch.from_numpy(image)[None, None].to(self.device)
        if "l2l" in self.networks:
            return robust(x, self.networks, self.evaluation)[0].cpu()
        return self.standard(x)[0].cpu()

    def standard(self, x: torch.Tensor) -> torch.Tensor:
        """Posteriors of one network, averaged with those of the mirrored image, then smoothed.

        Args:
            x: (1, 1, x, y, z), first axis right.
        """
        network = self.networks["unet"]
        posteriors = probabilities(network, x, self.evaluation)
        if self.mirrored:
            opposite = mirrored_channels(self.model.labels)
            add_mirrored(posteriors, network, x, opposite, self.evaluation)
        return smooth(posteriors, self.model.recipe.blur)


def robust(x: torch.Tensor, networks: dict[str, FusedUNet], evaluation: Evaluation) -> torch.Tensor:
    """Cascade of the robust mode: tissue groups, their denoising, structures.

    Args:
        x: (1, 1, x, y, z) image.

    Returns:
        Posteriors (1, structures, x, y, z).
    """
    groups = most_likely(networks["unet"], x, evaluation)
    n_groups = networks["l2l"].architecture.n_outputs
    groups = most_likely(networks["l2l"], one_hot(groups, n_groups), evaluation)
    return probabilities(networks["unet2"], with_groups(x, groups, n_groups), evaluation)


def with_groups(x: torch.Tensor, groups: torch.Tensor, n_groups: int) -> torch.Tensor:
    """Input of the last network: the image and then the one-hot tissue groups."""
    joined = empty_features(x, 1 + n_groups, tuple(x.shape[2:]))
    joined[:, :1], joined[:, 1:] = x, one_hot(groups, n_groups)
    return joined


def one_hot(groups: torch.Tensor, n_groups: int) -> torch.Tensor:
    """(1, x, y, z) integers -> (1, n_groups, x, y, z) float32."""
    like = torch.empty(1, device=groups.device)
    features = empty_features(like, n_groups, tuple(groups.shape[1:]))
    for number in range(n_groups):
        features[:, number] = groups == number
    return features


def most_likely(network: FusedUNet, x: torch.Tensor, evaluation: Evaluation) -> torch.Tensor:
    """Channel of the largest posterior, (1, x, y, z) uint8."""
    channels = torch.empty((1, *x.shape[2:]), dtype=torch.uint8, device=x.device)

    def write(where: tuple[slice, ...], logits: torch.Tensor) -> None:
        there = channels[(0, *where)]

        def fill(planes: slice) -> None:
            there[planes] = logits[:, :, planes].softmax(1).argmax(1)[0]

        in_chunks(fill, logits)

    evaluation(network, x, write)
    return channels


def probabilities(network: FusedUNet, x: torch.Tensor, evaluation: Evaluation) -> torch.Tensor:
    """Posteriors (1, n_outputs, x, y, z), contiguous."""
    posteriors = x.new_empty((1, network.architecture.n_outputs, *x.shape[2:]))

    def write(where: tuple[slice, ...], logits: torch.Tensor) -> None:
        there = posteriors[(0, slice(None), *where)]

        def fill(planes: slice) -> None:
            for plane in range(planes.start, planes.stop):
                there[:, plane] = softmax(logits[0, :, plane])

        in_chunks(fill, logits)

    evaluation(network, x, write)
    return posteriors


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """Posteriors of a plane of logits (channels, y, z), channels last in memory.

    Along memory the sum over channels takes a third of the time.
    """
    rows = logits.permute(1, 2, 0).reshape(-1, len(logits)).softmax(1)
    return rows.T.reshape(logits.shape)


def add_mirrored(
    posteriors: torch.Tensor,
    network: FusedUNet,
    x: torch.Tensor,
    opposite: tuple[int, ...],
    evaluation: Evaluation,
) -> None:
    """Average posteriors in place with those of the mirrored image, mirrored back.

    Args:
        posteriors: (1, channels, x, y, z).
        x: the image (1, 1, x, y, z), first axis right.
        opposite: for every channel the same structure's on the other side.
    """
    n = x.shape[2]

    def write(where: tuple[slice, ...], logits: torch.Tensor) -> None:
        mirrored = slice(n - where[0].stop, n - where[0].start)
        there = posteriors[(0, slice(None), mirrored, *where[1:])]

        def fill(planes: slice) -> None:
            for plane in range(planes.start, planes.stop):
                other = softmax(logits[0, :, plane])[list(opposite)]
                there[:, -1 - plane].add_(other).mul_(0.5)

        in_chunks(fill, logits)

    evaluation(network, x.flip(2), write)


def smooth(posteriors: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian of 3 x 3 x 3 voxels on every channel in place, zeros outside; sigma 0: unchanged."""
    if sigma == 0:
        return posteriors
    ratio = float(np.exp(-1 / (2 * sigma**2)))  # of a neighbour's weight to the middle one's
    for channel in posteriors.flatten(0, 1):  # one at a time stays in the processor's cache
        for axis in range(3):
            add_neighbours(channel, axis, ratio)
    return posteriors.div_((1 + 2 * ratio) ** 3)


def add_neighbours(volume: torch.Tensor, axis: int, ratio: float) -> None:
    """x[i] += ratio (x[i - 1] + x[i + 1]) along an axis, in place, zeros outside."""
    n = volume.shape[axis]
    original = volume.clone()
    volume.narrow(axis, 1, n - 1).add_(original.narrow(axis, 0, n - 1), alpha=ratio)
    volume.narrow(axis, 0, n - 1).add_(original.narrow(axis, 1, n - 1), alpha=ratio)
