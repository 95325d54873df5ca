"""A tiny training set on disk and in memory, shared by the tests of this room."""

from pathlib import Path

import pytest
import torch

from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.variable_density_poisson import MaskOptions, draw_mask
from stages.params.train import TrainParams
from stages.recon.learned.slices import Slices
from stages.recon.physics import DeviceMask
from tests.scans import GRID, N_COILS, PARTIAL_FOURIER, fabricate_scan, tiny_params

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """One scan on disk."""
    path = tmp_path_factory.mktemp("scans") / "a.h5"
    fabricate_scan(path)
    return open_scan(path, ScanFormat(N_COILS, PARTIAL_FOURIER))


@pytest.fixture(scope="session")
def drawn(scan: Scan) -> SamplingMask:
    """Its mask."""
    options = MaskOptions(3.0, "acquired", 0.06, 0.02)
    return draw_mask(GRID[1:], scan.n_acquired, options, 0)


@pytest.fixture(scope="session")
def slices(scan: Scan, drawn: SamplingMask) -> Slices:
    """All its slices in memory."""
    return Slices(torch.from_numpy(scan.read()), DeviceMask.of(drawn, CPU))


def train_params(architecture: str, **changes: object) -> TrainParams:
    """Return tiny parameters of an architecture."""
    section = tiny_params()["train"][architecture] | changes
    return TrainParams.model_validate(_tuples(section))


def _tuples(content: object) -> object:
    if isinstance(content, list):
        return tuple(content)
    if isinstance(content, dict):
        return {key: _tuples(value) for key, value in content.items()}
    return content


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Compute on one thread, in a folder of its own."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
