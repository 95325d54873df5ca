"""A tiny training set on disk and in memory, shared by the tests of this room."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.kspace.formats.catalogue import open_scan, write_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.variable_density_poisson import draw_mask
from stages.params.train import TrainParams
from stages.recon.learned.networks import NetworkOptions, build_engine, modules_of
from stages.recon.learned.slices import Slices
from stages.recon.physics import DeviceMask
from tests.kernels import n_threads
from tests.scans import GRID, N_COILS, PARTIAL_FOURIER, fabricate_scan, tiny_params
from tests.tolerances import float64, nudged

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


@contextmanager
def direct_in_float64() -> Iterator[None]:
    """Have DIRECT and the study compute in float64 what is made inside."""
    with float64(), pytest.MonkeyPatch.context() as patch:
        # it asks whether half precision would do and takes complex128 for that
        patch.setattr("direct.data.transforms.verify_fft_dtype_possible", lambda *_: True)
        # an activation that is a default argument of DIRECT's is one float32 module for all
        prelu = torch.nn.functional.prelu
        patch.setattr("torch.nn.functional.prelu", lambda x, w: prelu(x, w.to(x.dtype)))
        yield


def doubled(engine: Any, options: NetworkOptions) -> Any:
    """Return an engine with the same weights in float64, to be run within `direct_in_float64`."""
    with direct_in_float64():
        other = build_engine(options, CPU, seed=0)
    for name, module in modules_of(other).items():
        module.double().load_state_dict(modules_of(engine)[name].state_dict())
    return other


def nudged_kspace(kspace: torch.Tensor, n: int = 4) -> list[torch.Tensor]:
    """Return copies of k-space whose last bits differ."""
    return [torch.from_numpy(nudged(kspace.numpy(), seed)) for seed in range(n)]


def nudged_scans(scan: Scan, folder: Path, n: int = 4) -> list[Scan]:
    """Write copies of a scan whose last bits differ, each under its name in a folder of its own."""
    copies = []
    for seed in range(n):
        path = folder / f"nudged-{seed}" / scan.path.name
        path.parent.mkdir(parents=True)
        write_scan(path, nudged(scan.read(), seed))
        copies.append(open_scan(path, scan.layout))
    return copies


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
def threads_and_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Compute on as many threads as were asked for, in a folder of its own."""
    torch.set_num_threads(n_threads())
    monkeypatch.chdir(tmp_path)
