"""A scan into which a disease can be put: its labels on fine voxels, its tissues' intensities."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.anatomy.diseases.catalogue import COUNTED_AS, DISEASES
from stages.anatomy.tissue import CSF, TISSUES, Tissue, tissue_signal
from stages.implantation.coil_images import coherent_image
from stages.implantation.contrast_field import ContrastField, contrast_field
from stages.implantation.difference import difference_kspace
from stages.implantation.dose import RELATIVE_TO, Dose, planned
from stages.implantation.fine_grid import FineGrid
from stages.implantation.tissue_intensities import WHITE_MATTER, measured_signals, tissue_of
from stages.kspace.formats.protocol import Scan
from stages.params.phantom import PhantomParams
from stages.storage.nifti import EXTENSION, label_map, subject
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.seeds import stable_seed

RIGHT = (41, 42)
"""White matter and cortex on the right, which maps without sides lack."""
LABEL_MAP = "{0}/anat/{0}_*dseg.nii.gz"


@dataclass(frozen=True)
class HealthyScan:
    """A fully sampled scan and what its label map says of it."""

    scan: Scan
    labels: np.ndarray
    """FreeSurfer ids on the scan's grid."""
    fine: np.ndarray
    """The same on `grid`, along the axes of the scan."""
    grid: FineGrid
    signals: dict[int, float]
    """Tissue -> intensity in units of the white matter around it."""

    @property
    def subject(self) -> str:
        """Label of the scan."""
        return subject(self.scan.path)

    @property
    def stem(self) -> str:
        """Name of its file without extension."""
        return EXTENSION.sub("", self.scan.path.name)


@dataclass(frozen=True)
class Implant:
    """A disease at a place in a scan."""

    kind: str
    dose: Dose
    ill: np.ndarray
    """FreeSurfer ids and those of lesions on the fine grid of the scan."""
    field: ContrastField


def find_labels(folder: Path, name: str) -> Path:
    """Return the label map of a subject below a BIDS derivative; `StudyError` unless it is one."""
    maps = sorted(folder.glob(LABEL_MAP.format(name)))
    found = [path for path in maps if not layout.DRAWN.search(path.name)]
    if len(found) != 1:
        raise StudyError(
            f"{folder / LABEL_MAP.format(name)}: expected one label map of the fully sampled image,"
            f" found {len(found)}; run `dvc repro segment-reference` or give --labels"
        )
    return found[0]


def read_healthy(scan: Scan, labels: Path) -> HealthyScan:
    """Read the label map of a scan and measure the intensities of its tissues.

    Raises:
        StudyError: if the label map lies on another grid or lacks white matter or CSF, or values of
            the scan are damaged.
    """
    known = label_map(labels, scan.shape, scan.affine).astype(np.int32)
    image = np.concatenate([coherent_image(kspace) for _, kspace in scan.batches()])
    signals = measured_signals(image, known, scan.geometry.voxel_size_mm, str(labels))
    grid = FineGrid(scan.shape, scan.affine)
    return HealthyScan(scan, known, grid.refine(known), grid, signals)


def put(healthy: HealthyScan, kind: str, dose: Dose, params: PhantomParams, seed: int) -> Implant:
    """Return a disease in a scan: the same place for every contrast, and much the same for sizes.

    Raises:
        StudyError: if it does not fit into the head.
    """
    if kind != "lesions" and not np.isin(RIGHT, healthy.labels).all():
        raise StudyError(
            f"{healthy.scan.path}: expected left and right in its label map for {kind}, got no"
            f" label {RIGHT[0]} or {RIGHT[1]}; give --labels another"
        )
    rng = np.random.default_rng(stable_seed("implant", healthy.subject, kind, seed))
    anatomy = healthy.grid.to_anatomy(healthy.fine)
    try:
        plan = planned(params.pathology, kind, dose, anatomy, healthy.grid.voxel_mm3)
        ill = healthy.grid.to_scan(DISEASES[kind].apply(anatomy, plan, rng))
    except StudyError as error:
        raise StudyError(f"{healthy.scan.path}: {error}") from None
    signals = with_lesions(healthy.signals, kind, dose.contrast, params)
    return Implant(kind, dose, ill, contrast_field(healthy.fine, ill, signals, healthy.grid))


def with_lesions(
    signals: dict[int, float], kind: str, contrast: float | None, params: PhantomParams
) -> dict[int, float]:
    """Return intensities of tissues and of a disease's lesions.

    A contrast holds for all lesions, relative to the tissue that they replace. Without one, CSF
    is as bright as elsewhere in the scan, and others relate to white matter by the signal equation
    of the phantoms.
    """
    disease, result = DISEASES[kind], dict(signals)
    times = {"inversion_ms": params.inversion_ms, "repetition_ms": params.repetition_ms}
    white = tissue_signal(TISSUES[WHITE_MATTER], **times)
    for label, of in disease.tissues(params.pathology).items():
        tissue = Tissue(of.t1_ms, of.proton_density, "phantom.pathology")
        result[label] = signals[WHITE_MATTER] * tissue_signal(tissue, **times) / white
    result |= dict.fromkeys(disease.fluids, signals[CSF])
    if contrast is not None:
        for label in disease.counted_as:
            replaced = COUNTED_AS[label] if COUNTED_AS[label] in RELATIVE_TO else WHITE_MATTER
            result[label] = contrast * signals[int(tissue_of(np.array(replaced)))]
    return result


def implanted_slices(healthy: HealthyScan, implant: Implant | None) -> Iterator[np.ndarray]:
    """Yield the k-space (n_coils, n_ky, n_kz) of each slice; None: as it was measured.

    Slices in which nothing changes, and positions that were not acquired, are bit-identical.
    """
    changed = set() if implant is None else set(implant.field.slices.tolist())
    for start, kspace in healthy.scan.batches():
        for index, one in enumerate(kspace, start):
            if implant is not None and index in changed:
                acquired = healthy.scan.acquired
                yield one + difference_kspace(one[None], implant.field, index, acquired)[0]
            else:
                yield one
