"""From a scan to an image."""

from pathlib import Path

import numpy as np
import pytest

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import open_scan, write_scan
from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.recon.inference import learned, reconstruct_scan
from stages.recon.learned.networks import build_engine, network_options, set_training
from stages.recon.physics import zero_filled
from tests.recon.conftest import CPU, train_params

ARCHITECTURES = ["unet", "varnet", "rim"]


def reconstruction(architecture: str):
    engine = build_engine(network_options(train_params(architecture)), CPU, seed=0)
    set_training(engine, False)
    return learned(engine)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_image_does_not_depend_on_the_slab(
    architecture: str, scan: Scan, drawn: SamplingMask
) -> None:
    method = reconstruction(architecture)
    whole, single = (reconstruct_scan(scan, drawn, method, CPU, slab) for slab in (6, 1))
    assert whole.shape == scan.shape
    assert whole.dtype == np.float32
    np.testing.assert_allclose(single, whole, rtol=1e-3, atol=1e-5 * whole.max())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_image_has_the_units_of_the_scan(
    architecture: str, scan: Scan, drawn: SamplingMask, tmp_path: Path
) -> None:
    write_scan(tmp_path / "b.h5", 1024 * scan.read())
    louder = open_scan(tmp_path / "b.h5", scan.layout)
    method = reconstruction(architecture)
    one, other = (reconstruct_scan(s, drawn, method, CPU, 3) for s in (scan, louder))
    np.testing.assert_allclose(other, 1024 * one, rtol=1e-4, atol=1e-3 * other.max())


def test_zero_filling(scan: Scan, drawn: SamplingMask) -> None:
    image = reconstruct_scan(scan, drawn, zero_filled, CPU, 4)
    np.testing.assert_allclose(image, rss_image(scan.read() * drawn.mask), atol=1e-5)
