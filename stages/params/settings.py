"""The sections that decide images and volumes, together: what a study states about itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.params.analyse import AnalyseParams
from stages.params.data import DataParams
from stages.params.mask import MaskParams
from stages.params.measure import MeasureParams
from stages.params.noise import NoiseParams
from stages.params.section import FILE
from stages.params.segment import SegmentParams
from stages.params.train import TrainParams


@dataclass(frozen=True)
class Settings:
    """Parameters that methods and the comparison with the published study are written from."""

    analyse: AnalyseParams
    data: DataParams
    mask: MaskParams
    measure: MeasureParams
    noise: NoiseParams
    segment: SegmentParams
    train: dict[str, TrainParams]
    """By architecture."""

    @classmethod
    def load(cls, architectures: Sequence[str], path: Path = FILE) -> "Settings":
        """Read the sections, and that of each architecture."""
        return cls(
            AnalyseParams.load(path),
            DataParams.load(path),
            MaskParams.load(path),
            MeasureParams.load(path),
            NoiseParams.load(path),
            SegmentParams.load(path),
            {name: TrainParams.load_architecture(name, path) for name in architectures},
        )
