"""A segmenter whose cortex SynthSeg's parcellation network divides into parcels."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from stages.segmenters import preprocess
from stages.segmenters.image import Image, load
from stages.segmenters.protocol import Segmentation
from stages.segmenters.synthseg import postprocess
from stages.segmenters.synthseg.model import Model
from stages.segmenters.synthseg.parcellation import SIDES, Parcellation, cortex_mask
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.study.errors import StudyError
from stages.study.parcels import PARCEL_LABELS, PARCEL_NAMES

PARCELS_MM = 1.0  # edge of the voxels that the parcellation was trained on


@dataclass(frozen=True)
class Labels:
    """Labels of the maps and names of the volumes."""

    labels: tuple[int, ...]
    names: tuple[str, ...]


class Whole(NamedTuple):
    """What the segmenter itself says of an image."""

    mask: torch.Tensor
    """(1, x, y, z) uint8 on the padded grid, from `cortex_mask`."""
    labels: np.ndarray
    """(x, y, z) int32, of the image."""
    volumes_mm3: np.ndarray


def check_fit(path: Path, model: Model) -> None:
    """Raise `StudyError` unless the parcellation can take what a segmenter gives.

    Args:
        path: of the segmenter's weights.
        model: of the segmenter.
    """
    size = model.recipe.voxel_size_mm
    if not ({*SIDES} <= {*model.labels} and size == PARCELS_MM):
        raise StudyError(
            f"{path}: expected both sides of the cortex at {PARCELS_MM:g} mm for the parcellation,"
            f" got a network of other labels or {size:g} mm; use SynthSeg's own weights"
        )


class ExtendedSegmenter:
    """A segmenter, and the network that starts from its posteriors."""

    def __init__(self, base: NetworkSegmenter, parcellation: Parcellation) -> None:
        self.base = base
        self.parcellation = parcellation

    @property
    def model(self) -> Labels:
        """Labels and names of the segmenter, and of the parcels."""
        own = self.base.model
        return Labels((*own.labels, *PARCEL_LABELS), (*own.names, *PARCEL_NAMES))

    @property
    def whole(self) -> bool:
        """Whether the air around a head changes what is measured."""
        return self.base.whole

    def quick(self) -> NetworkSegmenter:
        """Return the segmenter's quick variant, without parcels."""
        return self.base.quick()

    def segment(self, path: Path) -> Segmentation:
        """Segment one image file and divide its cortex; `StudyError` if it is unusable."""
        return self.segment_image(load(path))

    @torch.inference_mode()
    def segment_image(self, image: Image) -> Segmentation:
        """Segment one image and divide its cortex."""
        prepared = preprocess.prepare(image, self.base.model.recipe)
        mask, labels, volumes = self.measured(prepared)
        cortex = np.isin(labels, SIDES)
        parcels = self.parcellation.parcels(prepared.image, mask, cortex, prepared.inside)
        numbers = [self.base.model.labels.index(side) - 1 for side in SIDES]  # without background
        parts = parcels.volumes(volumes[numbers].sum())
        whole, affine = prepared.whole(labels)
        divided, _ = prepared.whole(parcels.within(labels))
        return Segmentation(
            np.ascontiguousarray(whole),
            affine,
            np.concatenate([volumes, parts]),
            parcels=np.ascontiguousarray(divided),
        )

    def measured(self, prepared: preprocess.Prepared) -> Whole:
        """Return what the segmenter says; its posteriors are free again before the cortex's are."""
        base = self.base
        posteriors = base.posteriors(prepared.image)
        mask = cortex_mask(posteriors, base.model.labels)
        part, box = base.clean(posteriors, prepared.inside)
        labels = base.label_map(part, box, prepared.shape)
        return Whole(mask, labels, postprocess.volumes(part, prepared.voxel_size_mm))
