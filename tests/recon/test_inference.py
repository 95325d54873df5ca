"""From a scan to an image."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import open_scan, write_scan
from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.recon.inference import learned, reconstruct_scan
from stages.recon.learned.networks import build_engine, network_options, set_training
from stages.recon.physics import DeviceMask, zero_filled
from tests.recon.conftest import CPU, direct_in_float64, doubled, nudged_scans, train_params
from tests.scans import N_COILS
from tests.tolerances import assert_not_farther, assert_rounded, fft_operations

pytestmark = pytest.mark.kernels

ARCHITECTURES = ["unet", "varnet", "rim"]


def evaluated(architecture: str) -> Any:
    engine = build_engine(network_options(train_params(architecture)), CPU, seed=0)
    set_training(engine, False)
    return engine


def exact(architecture: str, scan: Scan, drawn: SamplingMask) -> torch.Tensor:
    """Return the image in float64."""
    engine = doubled(evaluated(architecture), network_options(train_params(architecture)))
    set_training(engine, False)
    with direct_in_float64(), torch.no_grad():
        kspace = torch.from_numpy(scan.read()).to(torch.complex128)
        return learned(engine)(kspace, DeviceMask.of(drawn, CPU))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_image_does_not_depend_on_the_batch(
    architecture: str, scan: Scan, drawn: SamplingMask, tmp_path: Path
) -> None:
    method = learned(evaluated(architecture))
    scans = [scan, *nudged_scans(scan, tmp_path)]
    whole = [reconstruct_scan(one, drawn, method, CPU, 6) for one in scans]
    single = reconstruct_scan(scan, drawn, method, CPU, 1)
    assert single.shape == whole[0].shape == scan.shape
    assert single.dtype == whole[0].dtype == np.float32
    assert_not_farther(single, whole, exact(architecture, scan, drawn))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_image_has_the_units_of_the_scan(
    architecture: str, scan: Scan, drawn: SamplingMask, tmp_path: Path
) -> None:
    write_scan(tmp_path / "b.h5", 1024 * scan.read())
    louder = open_scan(tmp_path / "b.h5", scan.layout)
    method = learned(evaluated(architecture))
    one, other = (reconstruct_scan(s, drawn, method, CPU, 3) for s in (scan, louder))
    np.testing.assert_array_equal(other, 1024 * one)  # a power of two changes no rounding


def test_zero_filling(scan: Scan, drawn: SamplingMask) -> None:
    image = reconstruct_scan(scan, drawn, zero_filled, CPU, 4)
    expected = rss_image(scan.read() * drawn.mask)
    assert_rounded(image, expected, fft_operations(*expected.shape[1:]) + 2 * N_COILS)
