"""Reading MRD files: lines in their places, averages, noise, orientation."""

from pathlib import Path

import ismrmrd
import numpy as np
import pytest
import sigpy
import sigpy.mri

from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.mrd_header import parse_header
from stages.kspace.formats.prewhitening import noise_covariance, whitening_matrix
from stages.storage.nifti import axis_codes
from tests.kspace.formats.test_same_scan import MRD, assert_same, coil_images, image_of, rss
from tests.kspace.formats.writers import Options, acquisition, header, noise_scan, write_mrd
from tests.scans import N_COILS

GRID = (6, 24, 20)
ZERO = ((0.0, 0.0, 0.0),) * 3
MIXING = np.array([[1, 0.4j, 0, 0], [0, 2, 0.3, 0], [0, 0, 1.5, -0.2j], [0.1, 0, 0, 0.7]])


def written(path: Path, options: Options, *, planar: bool = False) -> np.ndarray:
    """Write a scan and return its coil images."""
    images = coil_images(GRID)
    write_mrd(path, images, options, planar=planar)
    return images


@pytest.mark.parametrize("planar", [False, True])
def test_lines_in_any_order_with_averages(planar: bool, tmp_path: Path) -> None:
    options = Options(order=np.random.default_rng(1), n_averages=3)
    images = written(tmp_path / "a.h5", options, planar=planar)
    assert_same(image_of(open_scan(tmp_path / "a.h5", MRD)), rss(images))


def test_lines_that_are_no_lines_of_the_image_are_left_out(tmp_path: Path) -> None:
    loud = np.full((N_COILS, 12), 1e6)
    flags = (
        ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,
        ismrmrd.ACQ_IS_NAVIGATION_DATA,
        ismrmrd.ACQ_IS_PHASECORR_DATA,
        ismrmrd.ACQ_IS_DUMMYSCAN_DATA,
    )
    others = [acquisition(loud, flag, kspace_encode_step_1=12) for flag in flags]
    both = ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING
    options = Options(more=others, change=lambda line: line.set_flag(both))
    images = written(tmp_path / "a.h5", options)
    scan = open_scan(tmp_path / "a.h5", MRD)
    assert_same(image_of(scan), rss(images))
    assert any(
        note.startswith("4 of 484 acquisitions are left out") for note in scan.geometry.notes
    )


def test_discarded_samples_are_not_used(tmp_path: Path) -> None:
    images = written(tmp_path / "a.h5", Options(discarded=(3, 2)))
    assert_same(image_of(open_scan(tmp_path / "a.h5", MRD)), rss(images))


def test_an_elliptical_shutter_and_partial_fourier_on_both_axes(tmp_path: Path) -> None:
    def inside(y: int, z: int) -> bool:
        return y >= 5 and z >= 3 and ((y - 12) / 12) ** 2 + ((z - 10) / 10) ** 2 <= 1

    images = written(tmp_path / "a.h5", Options(keep=inside))
    scan = open_scan(tmp_path / "a.h5", MRD)
    held = np.array([[inside(y, z) for z in range(20)] for y in range(24)])
    np.testing.assert_array_equal(scan.acquired, held)
    assert (scan.n_acquired, scan.partial_fourier) == (20, 0.85)
    kspace = np.fft.fftshift(np.fft.fft2(images, norm="ortho"), axes=(2, 3)) * held
    assert_same(image_of(scan), rss(np.fft.ifft2(kspace, norm="ortho")))


def test_a_partial_echo_of_a_3d_scan_is_filled_with_zeros(tmp_path: Path) -> None:
    images = written(tmp_path / "a.h5", Options(oversampling=1, first_sample=2))
    spectrum = np.fft.fftshift(np.fft.fft(np.fft.ifftshift(images, axes=0), axis=0), axes=0)
    spectrum[:2] = 0
    expected = np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(spectrum, axes=0), axis=0), axes=0)
    assert_same(image_of(open_scan(tmp_path / "a.h5", MRD)), rss(expected))


def test_a_partial_echo_of_slices_is_no_part_of_the_acquired_region(tmp_path: Path) -> None:
    written(tmp_path / "a.h5", Options(first_sample=8), planar=True)
    scan = open_scan(tmp_path / "a.h5", MRD)
    # 8 of 48 oversampled positions are 4 of 24
    np.testing.assert_array_equal(scan.acquired.all(axis=1), np.arange(24) >= 4)
    assert not scan.read()[:, :, :4].any()


def test_prewhitening_is_that_of_sigpy() -> None:
    line = noise_scan(N_COILS, 4096, MIXING)
    covariance = noise_covariance(line.data)
    centred = line.data - line.data.mean(axis=1, keepdims=True)
    theirs = sigpy.mri.util.get_cov(centred.astype(np.complex128))
    # they leave out the division by n - 1, and do not scale real and imaginary parts to 1
    np.testing.assert_allclose(covariance, theirs / 4095, rtol=1e-5, atol=1e-5)
    data = coil_images(GRID)[0]
    whitened = sigpy.mri.util.whiten(data, covariance)
    ours = np.einsum("cd,dyz->cyz", whitening_matrix(covariance), data)
    np.testing.assert_allclose(ours, np.sqrt(2) * whitened, rtol=1e-6, atol=1e-9)


def test_noise_is_white_and_of_unit_strength_after_prewhitening() -> None:
    matrix = whitening_matrix(noise_covariance(noise_scan(N_COILS, 60_000, MIXING).data))
    fresh = noise_scan(N_COILS, 60_000, MIXING, seed=1).data
    # E |n|^2 = 2: 1 in each part; 5 standard errors of a variance from so many samples
    found = noise_covariance(matrix @ fresh)
    assert np.abs(found - 2 * np.eye(N_COILS)).max() < 2 * 5 / np.sqrt(60_000)


@pytest.mark.parametrize("planar", [False, True])
def test_a_scan_with_a_noise_scan_is_prewhitened(planar: bool, tmp_path: Path) -> None:
    # noise scan at half the sampling time: twice the noise power of the scan
    noise = noise_scan(N_COILS, 4096, MIXING, time_us=2.5)
    images = written(tmp_path / "a.h5", Options(mixing=MIXING, more=[noise]), planar=planar)
    mixed = np.einsum("cd,sdyz->scyz", MIXING, images)
    covariance = noise_covariance(noise.data) / 2
    whitened = [np.sqrt(2) * sigpy.mri.util.whiten(one, covariance) for one in mixed]
    expected = np.stack([sigpy.rss(one, axes=(0,)) for one in whitened])
    scan = open_scan(tmp_path / "a.h5", MRD)
    assert_same(image_of(scan), expected)
    assert not any("no noise scan" in note for note in scan.geometry.notes)


def test_voxels_and_orientation_come_from_the_file(tmp_path: Path) -> None:
    # readout towards the feet, phase towards the back, partitions towards the left, turned a little
    turn = np.deg2rad(10)
    read = (0.0, np.sin(turn), -np.cos(turn))
    phase = (0.0, np.cos(turn), np.sin(turn))
    options = Options(directions=(read, phase, (1.0, 0.0, 0.0)), centre_mm=(4.0, -7.0, 30.0))
    written(tmp_path / "a.h5", options)
    scan = open_scan(tmp_path / "a.h5", MRD)
    np.testing.assert_allclose(scan.geometry.voxel_size_mm, (1.0, 1.2, 1.5), rtol=1e-6)
    assert axis_codes(scan.affine) == "IPL"
    centre = scan.affine @ (3, 12, 10, 1)  # the middle voxel, in RAS
    np.testing.assert_allclose(centre[:3], (-4.0, 7.0, 30.0), atol=1e-5)
    step = scan.affine[:3, 0]  # a voxel further along the readout
    np.testing.assert_allclose(step, (0, -np.sin(turn), -np.cos(turn)), atol=1e-6)


def test_slices_are_sorted_in_space_not_in_time(tmp_path: Path) -> None:
    images = coil_images(GRID)
    measured = [0, 2, 4, 1, 3, 5]  # slice at position k comes as number measured.index(k)

    def renumber(line: ismrmrd.Acquisition) -> None:
        line.idx.slice = measured.index(line.idx.slice)

    options = Options(change=renumber, voxel_mm=(5.5, 0.7, 0.8), centre_mm=(0.0, 0.0, -10.0))
    write_mrd(tmp_path / "a.h5", images, options, planar=True)
    scan = open_scan(tmp_path / "a.h5", MRD)
    assert_same(image_of(scan), rss(images))
    np.testing.assert_allclose(scan.geometry.voxel_size_mm, (5.5, 0.7, 0.8), rtol=1e-5)
    np.testing.assert_allclose(scan.affine @ (0, 12, 10, 1), (0, 0, -10, 1), atol=1e-5)


def test_a_header_by_the_library_reads_as_the_library_reads_it() -> None:
    about = header((48, 24, 20), (24, 24, 20), (1.0, 1.2, 1.5), 12)
    about.acquisitionSystemInformation.relativeReceiverNoiseBandwidth = 0.8
    found = parse_header(ismrmrd.xsd.ToXML(about), Path("a.h5"))
    again = ismrmrd.xsd.CreateFromDocument(ismrmrd.xsd.ToXML(about)).encoding[0]
    size = again.encodedSpace.matrixSize
    assert found.encoded.matrix == (size.x, size.y, size.z)
    assert found.encoded.fov_mm == pytest.approx((48.0, 28.8, 30.0))
    assert (found.n_kept, found.n_coils, found.noise_bandwidth) == (24, 12, 0.8)
    assert found.trajectory == again.trajectory.value
