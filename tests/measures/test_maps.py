"""Maps over members against plain numpy and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from stages.measures.maps import label_votes, mean_and_sd
from tests.tolerances import assert_rounded

SHAPE = (5, 6, 7)


@given(st.integers(0, 99), st.integers(2, 9), st.sampled_from([0.0, 1e4]))
def test_mean_and_sd_are_numpys(seed: int, n_members: int, offset: float) -> None:
    images = np.random.default_rng(seed).normal(size=(n_members, *SHAPE)) + offset
    mean, sd = mean_and_sd(iter(images.astype(np.float32)))
    sizes = np.abs(images.astype(np.float32)).astype(np.float64)
    # deviations are differences of numbers as large as the image
    how = {"n_operations": 4 * n_members, "scale": sizes.max(), "dtype": np.float64}
    assert_rounded(mean, sizes.mean(axis=0), **how)
    assert_rounded(sd, sizes.std(axis=0, ddof=1), **how)
    assert mean.dtype == sd.dtype == np.float64


def test_equal_members_have_no_sd() -> None:
    image = np.full(SHAPE, 0.1, np.float32)
    assert not mean_and_sd([image] * 7)[1].any()


@pytest.mark.parametrize("n_members", [0, 1])
def test_one_image_has_no_sd(n_members: int) -> None:
    with pytest.raises(ValueError, match="at least two images"):
        mean_and_sd([np.ones(SHAPE)] * n_members)


@given(st.integers(0, 99), st.integers(1, 6), st.sampled_from(["C", "F"]))
def test_fractions_and_entropy_are_those_of_counts(seed: int, n_members: int, order: str) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.choice([0, 2, 17, 1035, 14175], (n_members, *SHAPE)).astype(np.int16)
    maps[:, :2] = 0
    maps[:, :, :, 3] = 17
    found = label_votes([np.asarray(labels, order=order) for labels in maps])
    assert list(found.labels) == sorted({0, *np.unique(maps).tolist()})
    fractions = dict(found.fractions())
    for label in found.labels:
        expected = (maps == label).sum(axis=0) / n_members
        assert fractions[label].dtype == np.float32
        np.testing.assert_array_equal(fractions[label], expected.astype(np.float32))
    whole = np.stack(list(fractions.values())).astype(np.float64)
    assert_rounded(whole.sum(axis=0), np.ones(SHAPE), len(whole), dtype=np.float32)
    np.testing.assert_allclose(found.entropy(), entropy(whole, axis=0), atol=1e-6)


def test_maps_of_background_alone() -> None:
    found = label_votes([np.zeros(SHAPE, np.uint8)] * 3)
    assert found.labels == (0,) and not found.entropy().any()
    assert (dict(found.fractions())[0] == 1).all()


def test_more_than_256_labels() -> None:
    labels = np.arange(np.prod(SHAPE)).reshape(SHAPE) * 7
    found = label_votes([labels, labels])
    assert len(found.labels) == labels.size
    assert all((labels[volume == 1] == label).all() for label, volume in found.fractions())
