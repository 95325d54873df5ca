"""A small head that is scanned twice, healthy and with a disease: what an implant should give."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from stages.anatomy.contrast import complex_image
from stages.anatomy.diseases.catalogue import DISEASES, without_lesions
from stages.anatomy.view import brain_only, majority
from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.params.phantom import PhantomParams
from stages.scanner.acquisition import simulate, write_slices
from stages.scanner.phantoms import WHITE_MATTER, acquisition, contrast
from stages.storage.nifti import affine, save_volume, smallest_labels
from stages.study import layout
from stages.study.axes import three
from tests.anatomy.maps import millimetres
from tests.fabricated import ROOT

FACTOR, N_COILS, SNR = 2, 4, 50.0
SUBJECT, STEM = "sub-e1s0", "e1_s0"


@cache
def labels() -> np.ndarray:
    """Return a head of blocks on 1 mm voxels (superior, anterior, right), uint16."""
    return millimetres().repeat(2, 0).repeat(2, 1).repeat(2, 2)


def brain(head: np.ndarray) -> np.ndarray:
    """Return what a segmentation knows of a head: the brain's labels, lesions among them."""
    return np.where(head == 507, 0, head).astype(np.uint16)


@cache
def params() -> PhantomParams:
    """Return the default parameters for this head, without variability of its tissues."""
    default = PhantomParams.load(ROOT / "params.yaml")
    grid = three(n // FACTOR for n in labels().shape)
    own = {"grid": grid, "n_coils": N_COILS, "snr": SNR, "t1_spread": 0.0}
    small = default.pathology.lesions.model_copy(update={"load_ml": 4.0, "number": 3})
    focal = default.pathology.infarct.model_copy(update={"volume_ml": 8.0, "rim_mm": 2.0})
    ill = default.pathology.model_copy(update={"lesions": small, "infarct": focal})
    return default.model_copy(update={**own, "pathology": ill})


def kspace_of(head: np.ndarray) -> np.ndarray:
    """Return simulated k-space (n_slices, n_coils, n_ky, n_kz): always one phase and one noise."""
    scanner = acquisition(params())
    image = complex_image(head, contrast(params()), np.random.default_rng(1))
    white = np.isin(labels(), WHITE_MATTER)  # of the healthy head: noise of one level
    return np.stack(list(simulate(image, white, scanner, np.random.default_rng(2))))


@dataclass(frozen=True)
class Written:
    """A scan and its label map on disk."""

    scan: Scan
    truth: Path
    """Root of the label maps."""


def write_healthy(folder: Path) -> Written:
    """Write the scan of the healthy head and its true label map below a folder."""
    path = folder / f"data/validation/{STEM}.h5"
    path.parent.mkdir(parents=True)
    kspace = kspace_of(labels())
    write_slices(path, iter(kspace), params().grid, N_COILS)
    fmt = ScanFormat(N_COILS, params().partial_fourier, (float(FACTOR),) * 3, "SAR")
    scan = open_scan(path, fmt)
    matrix = affine(params().grid, (float(FACTOR),) * 3, "SAR")
    coarse = brain_only(majority(without_lesions(labels()), params().grid, FACTOR))
    truth = folder / layout.TRUTH
    save_volume(layout.true_labels(SUBJECT, truth), smallest_labels(coarse), matrix)
    return Written(scan, truth)


def with_disease(kind: str, seed: int = 3) -> np.ndarray:
    """Return the labels of the head with a disease of the parameters."""
    rng = np.random.default_rng(seed)
    return DISEASES[kind].apply(labels(), params().pathology, rng)
