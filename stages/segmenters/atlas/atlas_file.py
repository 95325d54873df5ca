"""Which atlas file a name means."""

from pathlib import Path

from stages.segmenters.atlas.fitting import AtlasSegmenter
from stages.segmenters.atlas.probabilities import load
from stages.study.layout import WEIGHTS

ATLAS_FILE = WEIGHTS / "atlas.npz"


def open_segmenter(weights: str) -> AtlasSegmenter:
    """An atlas, ready for many images; `StudyError` if the file is none."""
    return AtlasSegmenter(load(Path(weights)))
