"""Replicas hold the measurement and noise of its level."""

from dataclasses import replace

import numpy as np
import pytest

from stages.kspace.masks.sampling import SamplingMask
from stages.recon.draws.replicas import measure, with_noise
from stages.study import sidecars

SIGMA = np.array([0.1, 0.2, 0.4, 0.8])


def joined(take, sigma: np.ndarray = SIGMA) -> np.ndarray:
    return np.concatenate([kspace for _, kspace in with_noise(take, sigma)])


def test_noise_has_the_level_of_each_coil_where_k_space_was_acquired(take) -> None:
    scan = take("replicas").scan
    added = joined(take("replicas")) - scan.read()
    acquired = added[..., : scan.n_acquired]
    assert not added[..., scan.n_acquired :].any()
    n = acquired[:, 0].size
    for part in (acquired.real, acquired.imag):
        found = part.std(axis=(0, 2, 3))
        assert found == pytest.approx(SIGMA, rel=5 / np.sqrt(2 * n))


def test_members_differ_and_batches_do_not_matter(take) -> None:
    first = joined(take("replicas"))
    assert (joined(take("replicas", batch_size=1)) == first).all()
    assert (joined(take("replicas", member=1)) != first).any()


def test_the_sidecar_says_how_much_noise_was_added(take) -> None:
    one = take("replicas")
    shape = one.mask.mask.shape
    everything = SamplingMask.of(np.ones(shape, bool), one.mask.calibration, one.scan.n_acquired)
    found = dict(measure(replace(one, mask=everything)).details)
    assert found[sidecars.NOISE_SIGMA] > 0
