"""One scan in all formats: the images are those that it was made from."""

from pathlib import Path

import numpy as np
import pytest

from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import open_scan, write_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.fourier import to_kspace
from tests.kspace.formats.writers import Options, write_fastmri, write_mrd
from tests.scans import N_COILS, toy_coils, toy_head

Grid = tuple[int, int, int]
GRIDS = [(6, 24, 20), (6, 25, 21), (5, 22, 21)]
SAME = 1e-6  # of the largest value of the image
CALGARY = ScanFormat(partial_fourier=1.0)
FASTMRI = ScanFormat(voxel_size_mm=(None, None, None), format="fastmri")
MRD = ScanFormat(voxel_size_mm=(None, None, None), axis_codes=None, format="ismrmrd")


def coil_images(grid: Grid, seed: int = 0) -> np.ndarray:
    """Return noisy images of the coils, complex128 (n_slices, n_coils, y, z)."""
    noise = np.random.default_rng(seed).standard_normal((grid[0], N_COILS, *grid[1:], 2))
    images = toy_head(grid, seed)[:, None] * toy_coils(grid)
    return images + 0.005 * noise @ np.array([1, 1j])


def image_of(scan: Scan) -> np.ndarray:
    """Return the image as stage `reference` makes it."""
    return np.concatenate([rss_image(kspace) for _, kspace in scan.batches(4)])


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Assert that two images agree to `SAME` of the largest value."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < SAME * expected.max()


def rss(images: np.ndarray) -> np.ndarray:
    """Return the root of the sum of squares of coil images, in float64."""
    return np.sqrt((np.abs(images) ** 2).sum(axis=1))


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("oversampling", [1, 2])
def test_the_same_scan_in_all_formats(grid: Grid, oversampling: int, tmp_path: Path) -> None:
    images = coil_images(grid)
    options = Options(oversampling=oversampling)
    write_scan(tmp_path / "a.h5", to_kspace(images))
    write_fastmri(tmp_path / "b.h5", images, oversampling=oversampling)
    write_mrd(tmp_path / "c.h5", images, options, planar=False)
    write_mrd(tmp_path / "d.mrd", images, options, planar=True)
    expected = rss(images)
    for name, layout in (("a.h5", CALGARY), ("b.h5", FASTMRI), ("c.h5", MRD), ("d.mrd", MRD)):
        scan = open_scan(tmp_path / name, layout)
        assert scan.shape == grid
        assert scan.n_coils == N_COILS
        assert_same(image_of(scan), expected)


def test_the_same_partial_fourier_in_all_formats(tmp_path: Path) -> None:
    images = coil_images((6, 24, 20))
    write_scan(tmp_path / "a.h5", to_kspace(images))
    write_fastmri(tmp_path / "b.h5", images, oversampling=2, columns=slice(0, 17))
    partial = Options(keep=lambda y, z: z < 17)
    write_mrd(tmp_path / "c.h5", images, partial, planar=False)
    write_mrd(tmp_path / "d.h5", images, Options(keep=lambda line, _: line < 17), planar=True)
    calgary = open_scan(tmp_path / "a.h5", ScanFormat(partial_fourier=0.85))
    expected = image_of(calgary)
    assert np.abs(expected - rss(images)).max() > 0.01
    for name, layout in (("b.h5", FASTMRI), ("c.h5", MRD), ("d.h5", MRD)):
        scan = open_scan(tmp_path / name, layout)
        assert (scan.n_acquired, scan.partial_fourier) == (17, 0.85)
        np.testing.assert_array_equal(scan.acquired, calgary.acquired)
        assert_same(image_of(scan), expected)


def test_slices_and_batches_are_the_scan(tmp_path: Path) -> None:
    images = coil_images((6, 24, 20))
    write_fastmri(tmp_path / "b.h5", images)
    write_mrd(tmp_path / "c.h5", images, Options(), planar=False)
    for name, layout in (("b.h5", FASTMRI), ("c.h5", MRD)):
        scan = open_scan(tmp_path / name, layout)
        whole = scan.read()
        np.testing.assert_array_equal(scan.read(2, 5), whole[2:5])
        np.testing.assert_array_equal(np.concatenate([part for _, part in scan.batches(4)]), whole)
        stored = np.concatenate([part for _, part in scan.stored_batches(4)])
        assert stored.shape == (6, 24, 20, 2 * N_COILS)
        assert scan.identity() == open_scan(tmp_path / name, layout).identity()
