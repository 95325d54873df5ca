"""The same scans, masks and networks for the study's own loops and for DIRECT's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import torch

from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.formats.stored_scan import complex_to_interleaved
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.variable_density_poisson import draw_mask
from stages.params.train import TrainParams
from stages.recon.learned.networks import fourier_operators
from tests.fabricated import ROOT
from tests.recon.learned.test_networks import direct_engine
from tests.scans import toy_kspace

N_COILS, PARTIAL_FOURIER = 12, 0.85  # of the challenge's scans
DIFFERENT = 8  # slices; a file repeats them
MASK = MaskOptions(5.0, "acquired", 0.025, 0.02)


@dataclass(frozen=True)
class Case:
    """What is computed: small plain values, for they go to a process of their own."""

    architecture: str
    parameters: str  # file of the project
    batch_size: int
    device: str
    precision: str = "float32"

    def params(self, **changes: object) -> TrainParams:
        """Return the parameters of the architecture with some of them changed."""
        found = TrainParams.load_architecture(self.architecture, ROOT / self.parameters)
        own = {"batch_size": self.batch_size, "precision": self.precision}
        return found.model_copy(update=own | changes)


def write_scans(folder: Path, grid: tuple[int, int, int], n_scans: int) -> None:
    """Write scans (n_slices, n_ky, n_kz) of toy heads, batch by batch."""
    for k in range(n_scans):
        batch = toy_kspace((DIFFERENT, *grid[1:]), N_COILS, seed=k, partial_fourier=PARTIAL_FOURIER)
        values = complex_to_interleaved(batch)
        with h5py.File(folder / f"scan{k}.h5", "w") as file:
            stored = file.create_dataset("kspace", (grid[0], *values.shape[1:]), "f4")
            for start in range(0, grid[0], DIFFERENT):
                stored[start : start + DIFFERENT] = values[: grid[0] - start]


def scans_and_masks(folder: str) -> tuple[list[Scan], list[SamplingMask]]:
    """Return the scans of a folder and a mask for each."""
    scans = list_scans(Path(folder), ScanFormat(N_COILS, PARTIAL_FOURIER))
    shapes = [((scan.n_ky, scan.n_kz), scan.n_acquired) for scan in scans]
    return scans, [draw_mask(*shape, MASK, k) for k, shape in enumerate(shapes)]


def direct_dataset(folder: str, *, drawn: bool) -> Any:
    """Return DIRECT's data set of the same scans.

    Args:
        folder: where they lie.
        drawn: whether DIRECT draws a mask for every item, as it does by itself, or is given the
            study's.
    """
    from direct.common.subsample import build_masking_function
    from direct.data.datasets import CalgaryCampinasDataset
    from direct.data.mri_transforms import build_mri_transforms

    scans, masks = scans_and_masks(folder)
    named = [(scan.path.name, mask) for scan, mask in zip(scans, masks, strict=True)]
    given = {
        "sampling_mask": {name: mask.mask[None, :, :, None] for name, mask in named},
        "acs_mask": {name: mask.calibration[None, :, :, None] for name, mask in named},
    }
    own = build_masking_function(
        "VariableDensityPoisson", [MASK.acceleration], [MASK.center_fraction]
    )
    transforms = build_mri_transforms(
        **fourier_operators(),
        mask_func=own if drawn else None,
        sensitivity_maps_gaussian=0.7,
        delete_acs_mask=False,
        delete_kspace=False,
    )
    masks_of = {} if drawn else {"pass_dictionaries": given}
    return CalgaryCampinasDataset(Path(folder), transforms, **masks_of)


def engine_of_direct(case: Case, **training: object) -> Any:
    """Return DIRECT's engine as its own set-up makes it, with parts of its configuration set."""
    from direct.config.defaults import InferenceConfig
    from omegaconf import OmegaConf

    engine = direct_engine(case.params())
    engine.device = case.device
    engine.cfg.training = OmegaConf.merge(engine.cfg.training, training)
    engine.cfg.inference = OmegaConf.structured(InferenceConfig)
    return engine


def peak_device_gb(device: str) -> float:
    """Peak memory that torch has taken of a GPU."""
    return torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0.0
