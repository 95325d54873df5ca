"""All sections together."""

from pathlib import Path

from stages.params.analyse import AnalyseParams
from stages.params.atlas import AtlasParams
from stages.params.compressed_sensing import CompressedSensingParams
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.deformation import DeformationParams
from stages.params.ensembles import EnsembleParams
from stages.params.mask import MaskParams
from stages.params.measure import MeasureParams
from stages.params.noise import NoiseParams
from stages.params.phantom import PhantomParams
from stages.params.reconstruct import ReconstructParams
from stages.params.report import ReportParams
from stages.params.section import FILE, Section, read, section_of
from stages.params.segment import SegmentParams
from stages.params.segmenter import SegmenterParams
from stages.study.structures import structure

PLAIN: tuple[type[Section], ...] = (
    EnsembleParams,
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


def load_all(path: Path = FILE) -> dict[str, Section]:
    """Read and check every section of the parameter file, one of `train` for each architecture."""
    sections = {kind.section: kind.load(path) for kind in PLAIN}
    for name in section_of(read(path), "train", path):
        sections["ensembles"].members(name)  # `dvc.yaml` has stages for every key of `train`
    for name in sections["analyse"].structures:
        structure(name)
    return sections
