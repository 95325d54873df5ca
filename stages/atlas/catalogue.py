"""Which atlas file a name means."""

from pathlib import Path

from stages.atlas.inference import AtlasSegmenter
from stages.atlas.model import load

ATLAS_FILE = Path(__file__).parents[2] / "weights" / "atlas.npz"


def open_segmenter(weights: str) -> AtlasSegmenter:
    """An atlas, ready for many images; `StudyError` if the file is none."""
    return AtlasSegmenter(load(Path(weights)))
