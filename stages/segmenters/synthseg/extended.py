"""A segmenter with SynthSeg's further networks: parcels of the cortex, scores of quality."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch

from stages.segmenters import preprocess
from stages.segmenters.image import Image, load
from stages.segmenters.protocol import NO_WEIGHTS, Segmentation
from stages.segmenters.synthseg import postprocess
from stages.segmenters.synthseg.model import Model
from stages.segmenters.synthseg.parcellation import SIDES, Parcellation, Parcels, cortex_mask
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.segmenters.synthseg.regressor import QualityScores
from stages.study.errors import StudyError
from stages.study.parcels import PARCEL_LABELS, PARCEL_NAMES
from stages.study.structures import SYNTHSEG_LABELS

PARCELS_MM = 1.0  # edge of the voxels that the parcellation was trained on


@dataclass(frozen=True)
class Labels:
    """Labels of the maps and names of the volumes."""

    labels: tuple[int, ...]
    names: tuple[str, ...]


def check_fit(path: Path, model: Model, *, parcellation: str, quality: str) -> None:
    """Raise `StudyError` unless further networks can take what a segmenter gives.

    Args:
        path: of the segmenter's weights.
        model: of the segmenter.
        parcellation, quality: files, or `NO_WEIGHTS`.
    """
    size = model.recipe.voxel_size_mm
    if parcellation != NO_WEIGHTS and not ({*SIDES} <= {*model.labels} and size == PARCELS_MM):
        raise StudyError(
            f"{path}: expected both sides of the cortex at {PARCELS_MM:g} mm for the parcellation,"
            f" got a network of other labels or {size:g} mm; use SynthSeg's own weights"
        )
    if quality != NO_WEIGHTS and model.labels != SYNTHSEG_LABELS:
        raise StudyError(
            f"{path}: expected SynthSeg's {len(SYNTHSEG_LABELS)} labels for the quality scores, got"
            f" {len(model.labels)} labels; use SynthSeg's own weights"
        )


class ExtendedSegmenter:
    """A segmenter, and networks that start from its posteriors."""

    def __init__(
        self,
        base: NetworkSegmenter,
        parcellation: Parcellation | None = None,
        quality: QualityScores | None = None,
    ) -> None:
        self.base = base
        self.parcellation = parcellation
        self.quality = quality

    @property
    def model(self) -> Labels:
        """Labels and names of the segmenter, and of the parcels."""
        own = self.base.model
        if self.parcellation is None:
            return Labels(own.labels, own.names)
        return Labels((*own.labels, *PARCEL_LABELS), (*own.names, *PARCEL_NAMES))

    @property
    def whole(self) -> bool:
        """Whether the air around a head changes what is measured."""
        return self.base.whole

    def quick(self) -> Self:
        """Return the segmenter's quick variant alone."""
        other = copy(self)
        other.base, other.parcellation, other.quality = self.base.quick(), None, None
        return other

    def segment(self, path: Path) -> Segmentation:
        """Segment, divide and judge one image file; `StudyError` if it is unusable."""
        return self.segment_image(load(path))

    @torch.inference_mode()
    def segment_image(self, image: Image) -> Segmentation:
        """Segment one image, divide its cortex, judge the segmentation."""
        base = self.base
        prepared = preprocess.prepare(image, base.model.recipe)
        posteriors = base.posteriors(prepared.image)
        scores = self.quality.of(posteriors) if self.quality else {}
        if self.parcellation is None:
            found = base.measure(posteriors, prepared)
            return Segmentation(found.labels, found.affine, found.volumes_mm3, scores=scores)
        mask = cortex_mask(posteriors, base.model.labels)
        part, box = base.clean(posteriors, prepared.inside)
        cortex = on_grid(part, box, prepared, base.model.labels)
        parcels = self.parcellation.parcels(prepared.image, mask, cortex)
        labels = base.label_map(part, box, prepared.shape)
        volumes = postprocess.volumes(part, prepared.voxel_size_mm)
        return joined(prepared, labels, volumes, parcels, scores)


def on_grid(
    part: torch.Tensor,
    box: postprocess.Box,
    prepared: preprocess.Prepared,
    labels: tuple[int, ...],
) -> torch.Tensor:
    """Return the clean posteriors of both sides of the cortex on the padded grid, (2, x, y, z).

    Args:
        part: (channels, *box), all clean posteriors.
        box: where they lie in the image.
        prepared: the image on the padded grid.
        labels: FreeSurfer id of every channel.
    """
    whole = torch.zeros((len(SIDES), *prepared.image.shape), dtype=torch.float32)
    for side, label in enumerate(SIDES):
        whole[side][prepared.inside][box] = part[labels.index(label)].cpu()
    return whole


def joined(
    prepared: preprocess.Prepared,
    labels: np.ndarray,
    volumes_mm3: np.ndarray,
    parcels: Parcels,
    scores: Mapping[str, float],
) -> Segmentation:
    """Return labels (x, y, z) and volumes of an image with those of its parcels."""
    maps = [
        np.ascontiguousarray(prepared.whole(each)[0])
        for each in (labels, parcels.within(labels, prepared.inside))
    ]
    parts = parcels.sums * np.prod(np.asarray(prepared.voxel_size_mm, float))
    volumes = np.concatenate([volumes_mm3, parts])
    affine = prepared.whole(labels)[1]
    return Segmentation(maps[0], affine, volumes, parcels=maps[1], scores=scores)
