"""Implants against scans of the same head with the disease, from the simulated scanner."""

import numpy as np
import pytest

from stages.anatomy.contrast import subject_signals
from stages.implantation.coil_images import centred_images
from stages.implantation.contrast_field import ContrastField, contrast_field
from stages.implantation.difference import SMOOTHING, difference_kspace, modulation
from stages.implantation.healthy_scan import HealthyScan
from stages.implantation.tissue_intensities import DARKEST
from stages.kspace.combination import rss_image
from stages.kspace.fourier import to_kspace
from stages.scanner.phantoms import contrast
from tests.implantation.heads import brain, kspace_of, labels, params, with_disease
from tests.tolerances import assert_rounded, fft_operations

EVERYWHERE = np.ones((24, 20), bool)
SEEN = 0.05  # of white matter: a change of more than the noise of three voxels


def true_signals() -> dict[int, float]:
    """Return the intensities that the head was simulated with; beside the brain lies skin."""
    table = subject_signals(contrast(params()), np.random.default_rng(1))
    known = {label: max(float(value), DARKEST) for label, value in enumerate(table)}
    return known | {0: known[507]}


def random_images(n_slices: int = 2, n_coils: int = 3) -> np.ndarray:
    """Return complex noise (n_slices, n_coils, 24, 20)."""
    parts = np.random.default_rng(0).standard_normal((n_slices, n_coils, 24, 20, 2))
    return (parts @ np.array([1, 1j])).astype(np.complex64)


@pytest.mark.parametrize("kind", ["lesions", "atrophy", "infarct"])
def test_an_implant_is_the_simulated_scan_of_the_disease(healthy: HealthyScan, kind: str) -> None:
    ill, measured = with_disease(kind), healthy.scan.read()
    field = contrast_field(brain(labels()), brain(ill), true_signals(), healthy.grid)
    found = difference_kspace(measured, field, 0, healthy.scan.acquired)
    # noise and phase are those of the healthy scan: what is left is the disease
    expected = kspace_of(ill) - measured
    power = np.vdot(expected, expected).real
    slope = np.vdot(expected, found) / power
    assert abs(slope - 1) < 0.05
    assert np.abs(np.vdot(expected, found)) > 0.98 * np.sqrt(power * np.vdot(found, found).real)
    shown, true = (rss_image(measured + d) - rss_image(measured) for d in (found, expected))
    seen = np.abs(field.difference) > SEEN
    assert np.corrcoef(shown[seen], true[seen])[0, 1] > 0.99
    assert (shown * true)[seen].sum() / (true**2)[seen].sum() == pytest.approx(1, abs=0.03)


def test_without_smoothing_coil_images_are_multiplied_by_the_contrast_field() -> None:
    images, rng = random_images(), np.random.default_rng(1)
    healthy = rng.uniform(0.3, 1, (2, 24, 20)).astype(np.float32)
    field = ContrastField(healthy, rng.normal(size=healthy.shape).astype(np.float32))
    kspace = to_kspace(images)
    found = difference_kspace(kspace, field, 0, EVERYWHERE, smoothing=0)
    expected = to_kspace(images.astype(np.complex128) * field.ratio[:, None]) - to_kspace(images)
    scale = np.abs(images).max() * np.abs(field.ratio).max() * np.sqrt(24 * 20)
    assert_rounded(found, expected, 2 * fft_operations(24, 20), scale)


def test_what_is_proportional_to_the_signal_comes_back_without_its_noise() -> None:
    rng = np.random.default_rng(2)
    signal = rng.uniform(0.3, 1, (2, 24, 20)).astype(np.float32)
    images = np.float32(3) * np.exp(0.4j).astype(np.complex64) * signal[:, None]
    clean = modulation(images, signal)
    np.testing.assert_allclose(clean, 3 * np.exp(0.4j), rtol=1e-5)
    noise = modulation(random_images(40), np.ones((40, 24, 20), np.float32))
    inner = noise[..., 6:-6, 6:-6]  # the edge is repeated outside, and less smooth
    expected = 1 / (2 * np.sqrt(np.pi) * SMOOTHING)
    assert inner.real.std() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("ratio", [0.2, 0.6, 1.5])
def test_the_noise_of_the_lesion_is_nearly_that_of_the_scan(ratio: float) -> None:
    images = random_images(40)
    same = np.ones((40, 24, 20), np.float32)
    field = ContrastField(same, (ratio - 1) * same)
    found = images + centred_images(difference_kspace(to_kspace(images), field, 0, EVERYWHERE))
    # n + (c - 1) G n: 1 + 2 (c - 1) g(0) + (c - 1)^2 sum g^2 of the variance
    area = 2 * np.pi * SMOOTHING**2
    variance = 1 + 2 * (ratio - 1) / area + (ratio - 1) ** 2 / (2 * area)
    inner = (..., slice(6, -6), slice(6, -6))
    expected = images[inner].std() * np.sqrt(variance)
    assert found[inner].std() == pytest.approx(expected, rel=0.01)
    assert found[inner].std() == pytest.approx(images[inner].std(), rel=0.05)


def test_partial_fourier_stays_and_other_slices_are_untouched(healthy: HealthyScan) -> None:
    field = contrast_field(
        brain(labels()), brain(with_disease("lesions")), true_signals(), healthy.grid
    )
    measured, acquired = healthy.scan.read(), healthy.scan.acquired
    assert not acquired.all()
    found = difference_kspace(measured, field, 0, acquired)
    assert not found[..., ~acquired].any()
    others = np.setdiff1d(np.arange(len(found)), field.slices)
    assert len(others) > 5
    assert not found[others].any()
    # slice by slice is the same
    index = int(field.slices[0])
    one = difference_kspace(measured[index : index + 1], field, index, acquired)
    assert np.array_equal(one[0], found[index])


def test_images_have_no_checkerboard() -> None:
    images = random_images()
    bound = np.abs(images).max() * np.sqrt(24 * 20)
    assert_rounded(centred_images(to_kspace(images)), images, fft_operations(24, 20), bound)
