"""All sections together."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from stages.params.analyse import AnalyseParams
from stages.params.atlas import AtlasParams
from stages.params.compressed_sensing import CompressedSensingParams
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.deformation import DeformationParams
from stages.params.draws import DrawsSection
from stages.params.ensembles import EnsembleParams
from stages.params.external import ExternalSection
from stages.params.mask import MaskParams
from stages.params.measure import MeasureParams
from stages.params.noise import NoiseParams
from stages.params.phantom import PhantomParams
from stages.params.reconstruct import ReconstructParams
from stages.params.report import ReportParams
from stages.params.section import FILE, Section, read, section_of
from stages.params.segment import SegmentParams
from stages.params.segmenter import SegmenterParams
from stages.params.train import TrainParams
from stages.study.structures import structure

TRAIN = "train"
PLAIN: tuple[type[Section], ...] = (
    EnsembleParams,
    ExternalSection,
    DrawsSection,
    ComputeParams,
    PhantomParams,
    DataParams,
    MaskParams,
    NoiseParams,
    ReconstructParams,
    CompressedSensingParams,
    SegmentParams,
    SegmenterParams,
    AtlasParams,
    MeasureParams,
    DeformationParams,
    AnalyseParams,
    ReportParams,
)
"""Sections with one schema; `train` has a sub-section for each architecture."""


class Parameters(BaseModel):
    """All parameters of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ensembles: EnsembleParams
    external: ExternalSection
    draws: DrawsSection
    compute: ComputeParams
    phantom: PhantomParams
    data: DataParams
    mask: MaskParams
    train: dict[str, TrainParams]  # by architecture
    reconstruct: ReconstructParams
    compressed_sensing: CompressedSensingParams
    noise: NoiseParams
    segment: SegmentParams
    segmenter: SegmenterParams
    atlas: AtlasParams
    measure: MeasureParams
    deformation: DeformationParams
    analyse: AnalyseParams
    report: ReportParams


def present(path: Path = FILE) -> dict[str, Any]:
    """Return the sections that a parameter file has as JSON, defaults filled in.

    A study of images or volumes from elsewhere has some of them only.
    """
    if TRAIN in (content := read(path)):
        return load_all(path).model_dump(mode="json")
    parts = (kind for kind in PLAIN if kind.section in content)
    return {kind.section: kind.load(path).model_dump(mode="json") for kind in parts}


def load_all(path: Path = FILE) -> Parameters:
    """Return every section of the parameter file; raise `StudyError` with the first fault."""
    ensembles = EnsembleParams.load(path)
    for name in section_of(read(path), "train", path):
        ensembles.members(name)  # `dvc.yaml` has stages for every key of `train`
    load = TrainParams.load_architecture
    train = {name: load(name, path) for name in ensembles.architectures}
    parts = {kind.section: kind.load(path) for kind in PLAIN}
    found = Parameters.model_validate({**parts, "train": train})
    for name in found.analyse.structures:
        structure(name)
    return found
