"""The atlas among the segmenters of the study, and its file.

Its words are read without SimpleITK: what needs it is imported when an atlas is opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from stages.segmenters.protocol import Chosen, SegmenterKind, Words
from stages.study.layout import WEIGHTS
from stages.study.references import Reference

if TYPE_CHECKING:
    import torch

    from stages.segmenters.atlas.fitting import AtlasSegmenter

ATLAS_FILE = WEIGHTS / "atlas.npz"
ASHBURNER = Reference(
    "Ashburner J, Friston KJ. Unified segmentation. NeuroImage 2005; 26(3):839–851",
    "https://doi.org/10.1016/j.neuroimage.2005.02.018",
)
VAN_LEEMPUT = Reference(
    "Van Leemput K, Maes F, Vandermeulen D, Suetens P. Automated model-based tissue classification"
    " of MR images of the brain. IEEE Transactions on Medical Imaging 1999; 18(10):897–908",
    "https://doi.org/10.1109/42.811270",
)


def open_segmenter(weights: str) -> "AtlasSegmenter":
    """Return an atlas, ready for many images; `StudyError` if the file is none."""
    from stages.segmenters.atlas.fitting import AtlasSegmenter
    from stages.segmenters.atlas.probabilities import load

    return AtlasSegmenter(load(Path(weights)))


def words(params: Chosen) -> Words:
    """Return how the text of methods describes the atlas."""
    text = "registration of a probabilistic atlas and a Gaussian mixture fitted to each image"
    own = params.weights.endswith(ATLAS_FILE.name)
    return Words(text, (ASHBURNER, VAN_LEEMPUT), metrics="atlas" if own else None)


def opened(params: Chosen, device: "torch.device") -> "AtlasSegmenter":
    """Return the atlas, which runs on the CPU whatever the device."""
    return open_segmenter(params.weights)


ATLAS = SegmenterKind(
    name="atlas",
    title=lambda _: "atlas",
    spoken=lambda _: "the atlas",
    weights=ATLAS_FILE,
    options=(),
    words=words,
    open=opened,
)
