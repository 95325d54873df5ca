"""The noise of a scan, measured in its own outer k-space."""

from pathlib import Path

import numpy as np
import pytest

from stages.kspace.formats.catalogue import open_scan, write_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.noise_level import OUTER, noise_level, outer_positions
from stages.scanner.acquisition import Acquisition, simulate
from stages.scanner.acquisition import noise_level as simulated_level
from stages.study.errors import StudyError
from tests.scans import toy_head

GRID = (20, 64, 56)
N_COILS = 4
ERRORS = 4.0  # standard errors


def standard_error(n_samples: int) -> float:
    """Return the relative standard error of sigma from the median of exponential variables.

    A median of n values with density f has the variance 1 / (4 n f^2), f = 1 / 2 at the median of
    the standard exponential, ln 2; sigma goes with its root.
    """
    return 1.0 / (2.0 * np.log(2) * np.sqrt(n_samples))


def written(path: Path, kspace: np.ndarray) -> Scan:
    write_scan(path, kspace.astype(np.complex64))
    return open_scan(path, ScanFormat(N_COILS, 0.85))


def test_pure_noise_is_measured_coil_by_coil(tmp_path: Path) -> None:
    rng, sigma = np.random.default_rng(0), np.array([0.5, 1.0, 2.0, 4.0])
    noise = rng.standard_normal((12, N_COILS, 40, 30, 2)) @ np.array([1, 1j])
    noise *= sigma[:, None, None]
    noise[..., 26:] = 0
    scan = written(tmp_path / "a.h5", noise)
    found = noise_level(scan, np.broadcast_to(scan.acquired, (40, 30)))
    # of the quietest of 12 slices: the smallest of 12 means over coils
    n = round(OUTER * 40 * 26)
    assert found == pytest.approx(sigma, rel=2 * ERRORS * standard_error(n))


@pytest.mark.parametrize("every", [1, 5])
def test_a_simulated_head_has_the_level_that_was_added(tmp_path: Path, every: int) -> None:
    head = toy_head(GRID)
    head[:3] = head[-3:] = 0  # air above it and below the neck
    acquisition = Acquisition(GRID, 1, N_COILS, 40.0, 0.85)
    image = head.astype(np.complex64)
    kspace = np.stack(list(simulate(image, head > 0.5, acquisition, np.random.default_rng(1))))
    true = simulated_level(image, head > 0.5, acquisition)
    scan = written(tmp_path / "a.h5", kspace)
    sampled = np.zeros(GRID[1:], dtype=bool)
    sampled.flat[::every] = True
    sampled &= scan.acquired
    n = round(OUTER * sampled.sum()) * 2  # two of 20 slices
    level = noise_level(scan, sampled)
    assert np.sqrt(np.mean(level**2)) == pytest.approx(true, rel=2 * ERRORS * standard_error(n))


def test_outer_positions_are_the_farthest_that_are_sampled() -> None:
    sampled = np.random.default_rng(0).random((31, 40)) < 0.5
    outer = outer_positions(sampled)
    axes = [(np.arange(n) - n // 2) / (n / 2) for n in sampled.shape]
    radius = np.hypot(axes[0][:, None], axes[1])
    assert not (outer & ~sampled).any()
    assert radius[outer].min() >= radius[sampled & ~outer].max()
    assert outer.sum() == pytest.approx(OUTER * sampled.sum(), abs=2)


def test_too_few_samples_are_a_line(tmp_path: Path) -> None:
    scan = written(tmp_path / "a.h5", np.ones((3, N_COILS, 12, 10)))
    sampled = np.broadcast_to(scan.acquired, (12, 10))
    with pytest.raises(StudyError, match=r"at least 16 samples of outer k-space.*got"):
        noise_level(scan, sampled)
