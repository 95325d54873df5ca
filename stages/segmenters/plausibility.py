"""Are these the volumes of a head? A check of the result that costs nothing.

A network that is shown something it was not made for gives volumes that no head has. Limits are a
third of the smallest and three times the largest of twelve adults' label maps (those of
doi:10.1016/j.media.2023.102789, young and old), so that atrophy, strokes and tumours lie within.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stages.segmenters.image import remarks
from stages.segmenters.protocol import Segmentation, Segmenter
from stages.segmenters.stripped import shrunken
from stages.study.structures import STRUCTURES, columns

ADULTS_ML = {
    "white_matter": (310, 545),
    "cortex": (310, 610),
    "lateral_ventricle": (9, 66),
    "cerebellum_white_matter": (24, 37),
    "cerebellum_cortex": (80, 137),
    "thalamus": (11, 20),
    "caudate": (4.9, 9.5),
    "putamen": (7, 13),
    "pallidum": (2.1, 4),
    "third_ventricle": (0.5, 3.6),
    "fourth_ventricle": (0.8, 2.7),
    "brainstem": (15, 25),
    "hippocampus": (4.1, 10.3),
    "amygdala": (1.8, 4.2),
    "accumbens": (0.7, 1.5),
    "ventral_dc": (5.5, 10.5),
}
"""Smallest and largest volume of both sides, mL. CSF around the brain is left out: images end
there, or it was taken away."""
WIDER = 3.0
SHOWN = 3  # structures that a line names


def implausible(names: Sequence[str], volumes_mm3: np.ndarray) -> str | None:
    """Return the structures whose volumes no adult has, in a few words; None for a likely head.

    Args:
        names: SynthSeg's names of the volumes, with or without sides.
        volumes_mm3: one for each name.
    """
    known = dict(zip(names, volumes_mm3, strict=True))
    found = []
    for entry in STRUCTURES:
        parts = columns(entry, list(names))
        if entry.name not in ADULTS_ML or not parts:
            continue
        low, high = ADULTS_ML[entry.name]
        volume = float(sum(known[part] for part in parts)) / 1000
        if not low / WIDER <= volume <= high * WIDER:
            found.append(f"{entry.name.replace('_', ' ')} {volume:.3g} mL ({low:g} to {high:g})")
    if not found:
        return None
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


def remarks_of(path: Path, segmenter: Segmenter, result: Segmentation) -> list[str]:
    """Return a line for all that the user should know of an image and its segmentation.

    Args:
        path: the image.
        segmenter: made the result.
        result: its segmentation.
    """
    lines = remarks(path, whole=segmenter.whole)
    if line := shrunken(path, result):
        lines.append(line)
    if words := implausible(segmenter.model.names, result.volumes_mm3):
        lines.append(
            f"{path}: expected volumes of a head, got {words}, in brackets those of adults: the"
            " image may be unlike those that the segmenter was made for; look at the labels"
        )
    return lines
