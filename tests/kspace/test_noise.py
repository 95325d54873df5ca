"""Noise added to k-space."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import open_scan, write_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.noise import (
    CSF_LABEL,
    add_noise,
    brain_of,
    kspace_rms,
    mean_brain_rss,
    noise_sigma,
)
from stages.kspace.region import elliptical
from stages.study.errors import StudyError
from tests.scans import GRID, N_COILS, fabricate_scan, toy_head, toy_kspace
from tests.tolerances import fft_operations, rounding

pytestmark = pytest.mark.kernels

FORMAT = ScanFormat(N_COILS, 0.85)


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    fabricate_scan(tmp_path / "a.h5")
    return open_scan(tmp_path / "a.h5", FORMAT)


def test_noise_has_the_asked_deviation_where_k_space_was_acquired() -> None:
    kspace = np.zeros((4, 6, 40, 30), dtype=np.complex64)
    noise = add_noise(kspace, 0.7, 25, np.random.default_rng(0))
    acquired = noise[..., :25]
    assert acquired.real.std() == pytest.approx(0.7, rel=0.02)
    assert acquired.imag.std() == pytest.approx(0.7, rel=0.02)
    assert abs(np.corrcoef(acquired.real.ravel(), acquired.imag.ravel())[0, 1]) < 0.02
    assert not noise[..., 25:].any()
    assert not kspace.any()  # the input is left alone


def test_noise_does_not_depend_on_the_batch_size(rng_kspace: np.ndarray) -> None:
    whole = add_noise(rng_kspace, 1.0, 8, np.random.default_rng(2))
    rng = np.random.default_rng(2)
    batches = [add_noise(rng_kspace[k : k + 1], 1.0, 8, rng) for k in range(3)]
    np.testing.assert_array_equal(np.concatenate(batches), whole)


@pytest.mark.parametrize("fraction", [0.85, 1.0])
def test_the_image_has_the_snr_that_the_definition_means(scan: Scan, fraction: float) -> None:
    kspace = scan.read()
    brain = toy_head() > 0.2
    n_acquired = int(np.ceil(fraction * GRID[2]))
    clean = rss_image(kspace)
    sigma = noise_sigma(30.0, "brain_rss", float(clean[brain].mean()))
    rng = np.random.default_rng(0)
    draws = np.stack([rss_image(add_noise(kspace, sigma, n_acquired, rng)) for _ in range(60)])
    achieved = (draws.mean(0) / draws.std(0, ddof=1))[brain].mean()
    expected = 30.0 / np.sqrt(n_acquired / GRID[2])
    # the mean of mean / sd over the brain exceeds 30 by the bias of 1 / sd, 1.3 % at 60 draws
    assert achieved == pytest.approx(expected, rel=0.04)


def test_mean_brain_intensity_against_the_whole_image(scan: Scan) -> None:
    brain = toy_head() > 0.2
    expected = rss_image(scan.read())[brain].mean(dtype=float)
    n_operations = fft_operations(*GRID[1:]) + 2 * N_COILS
    assert mean_brain_rss(scan, brain) == pytest.approx(expected, rel=2 * rounding(n_operations))


def test_rms_counts_acquired_columns_only(scan: Scan) -> None:
    acquired = scan.read()[..., : scan.n_acquired].astype(complex)
    expected = np.sqrt(np.mean(np.abs(acquired) ** 2))
    assert kspace_rms(scan) == pytest.approx(expected, rel=2 * rounding(2 * acquired.size, float))


def test_definitions_of_snr() -> None:
    assert noise_sigma(30.0, "brain_rss", 3.0) == pytest.approx(0.1)
    assert noise_sigma(30.0, "kspace_rms", 3.0) == pytest.approx(0.1)
    assert noise_sigma(30.0, "kspace_db", 3.0) == pytest.approx(3.0 / 10**1.5)
    assert noise_sigma(20.0, "kspace_db", 3.0) == pytest.approx(0.3)


def test_outer_fluid_is_not_brain() -> None:
    labels = np.array([0, 2, CSF_LABEL, 17])
    np.testing.assert_array_equal(brain_of(labels), [False, True, False, True])


def test_a_segmentation_that_does_not_fit(scan: Scan) -> None:
    with pytest.raises(StudyError, match=r"a\.h5: expected a segmentation of shape"):
        mean_brain_rss(scan, np.ones((2, 2, 2), dtype=bool))
    with pytest.raises(StudyError, match=r"a\.h5: expected brain"):
        mean_brain_rss(scan, np.zeros(GRID, dtype=bool))


def test_noise_lies_where_the_scan_was_acquired(rng_kspace: np.ndarray) -> None:
    acquired = np.random.default_rng(0).random((12, 10)) < 0.7
    acquired[:, 8:] = False
    whole = add_noise(rng_kspace, 1.0, 8, np.random.default_rng(2))
    found = add_noise(rng_kspace, 1.0, 8, np.random.default_rng(2), acquired)
    np.testing.assert_array_equal(found, np.where(acquired, whole, rng_kspace))


def test_rms_counts_acquired_positions_only(tmp_path: Path) -> None:
    kspace = toy_kspace() * elliptical(GRID[1:])
    write_scan(tmp_path / "a.h5", kspace)
    scan = open_scan(tmp_path / "a.h5", replace(FORMAT, acquired="ellipse"))
    values = kspace[..., elliptical(GRID[1:]) & (np.arange(GRID[2]) < scan.n_acquired)]
    expected = np.sqrt(np.mean(np.abs(values.astype(complex)) ** 2))
    assert kspace_rms(scan) == pytest.approx(expected, rel=2 * rounding(2 * values.size, float))
