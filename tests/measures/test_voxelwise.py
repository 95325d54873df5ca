"""Voxelwise statistics: streaming against one stack in memory, numpy, and invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.measures import voxelwise
from stages.measures.voxelwise import (
    SUMMARIES,
    fitted_gains,
    flat,
    gather,
    global_histogram,
    histogram_table,
    intensity_scale,
    mean_and_std,
    number_bits,
    number_table,
    own_histogram,
    region_table,
    region_tables,
    signal_to_noise,
    structure_numbers,
    summarise,
)
from stages.study.structures import STRUCTURES

LABELS = {s.name: s.labels for s in STRUCTURES}
regions = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1))


def members(n_members: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return label and image volumes (n_members, 4, 5, 6)."""
    generator = np.random.default_rng(seed)
    known = [0, 24, 99, *(label for s in STRUCTURES for label in s.labels)]
    labels = generator.choice(known, size=(n_members, 4, 5, 6)).astype(np.int16)
    return labels, generator.normal(size=labels.shape).astype(np.float32)


def bits_of(labels: np.ndarray) -> np.ndarray:
    """Return the structure bits of labels of any shape."""
    return number_bits(structure_numbers(labels, number_table(LABELS)))


def test_sides_share_a_bit_and_unknown_labels_have_none():
    bits = bits_of(np.array([17, 53, 4, 43, 5, 44, 0, 1, 77, 255, 256, 273, 9999, -3]))
    assert bits[0] == bits[1] > 0
    assert len(set(bits[2:6])) == 1
    assert not bits[6:].any()
    assert len({int(bits_of(np.array([s.left[0]]))[0]) for s in STRUCTURES}) == len(STRUCTURES)


def test_labels_stored_as_floats_or_the_other_way_round_give_the_same_numbers():
    labels, _ = members()
    table = number_table(LABELS)
    expected = structure_numbers(labels, table)
    assert np.array_equal(expected, table[labels])
    assert np.array_equal(structure_numbers(labels.astype(np.float32), table), expected)
    assert np.array_equal(structure_numbers(np.asfortranarray(labels), table), expected)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"a": (2,), "b": (2,)}, "common label"),
        ({"a": (255,)}, "labels in 0 ... 254"),
        ({str(label): (label,) for label in range(1, 34)}, "at most 32"),
    ],
)
def test_labels_that_cannot_be_numbered(groups, words):
    with pytest.raises(ValueError, match=words):
        number_table(groups)


def test_streamed_regions_equal_a_stack_in_memory(monkeypatch):
    monkeypatch.setattr(voxelwise, "CHUNK_VOXELS", 7)
    labels, images = members()
    union = flat(np.bitwise_or.reduce(bits_of(labels)))
    positions = np.flatnonzero(union)
    _, std = mean_and_std(gather(iter(images), positions, len(images)))
    table = region_table(std, union[positions]).set_index("structure")
    whole = np.abs(images.astype(np.float64)).std(axis=0, ddof=1)
    for entry in STRUCTURES:
        inside = whole[np.isin(labels, entry.labels).any(axis=0)]
        assert table.loc[entry.name, "n_voxels"] == len(inside)
        assert table.loc[entry.name, "mean"] == pytest.approx(inside.mean())
        assert table.loc[entry.name, "p95"] == pytest.approx(np.quantile(inside, 0.95))


def test_several_deviations_have_the_tables_of_each():
    bits = bits_of(np.array([2, 2, 17, 3]))
    both = [np.arange(4.0), np.arange(4.0)[::-1]]
    for std, table in zip(both, region_tables(both, bits), strict=True):
        assert table.equals(region_table(std, bits))


def test_two_passes_keep_their_digits_on_a_large_offset():
    values = (16_000_000 + np.array([[0.0], [1.0], [2.0]])).astype(np.float32)
    mean, std = mean_and_std(values)
    assert (mean[0], std[0]) == (16_000_001.0, 1.0)


@given(
    arrays(np.float32, (4, 9), elements=st.floats(0, 1000, width=32)),
    st.permutations(range(4)),
    st.sampled_from([0.25, 2.0, 1024.0]),
)
def test_deviation_ignores_order_and_follows_the_unit(values, order, factor):
    _, std = mean_and_std(values)
    assert mean_and_std(values[list(order)])[1] == pytest.approx(std, rel=1e-9, abs=1e-6)
    scaled = mean_and_std(values * np.float32(factor))[1]
    assert scaled / factor == pytest.approx(std, rel=1e-9, abs=1e-9)


brains = arrays(np.float64, (4, 9), elements=st.floats(0.5, 2))
factors = arrays(np.float64, 4, elements=st.floats(0.25, 4))


@given(brains, factors)
def test_gains_take_out_the_unit_of_each_member(values, factor):
    reference = values.mean(axis=0)
    before, after = (
        fitted_gains(values, reference),
        fitted_gains(factor[:, None] * values, reference),
    )
    assert after == pytest.approx(factor * before)
    found = mean_and_std(factor[:, None] * values, after)
    assert np.concatenate(found) == pytest.approx(np.concatenate(mean_and_std(values, before)))


def test_gains_are_those_of_a_least_squares_fit():
    generator = np.random.default_rng(6)
    reference = generator.gamma(4, size=200)
    values = np.array([0.5, 1.0, 3.0])[:, None] * (
        reference + 0.1 * generator.normal(size=(3, 200))
    )
    gains = fitted_gains(values, reference)
    assert gains == pytest.approx([0.5, 1, 3], rel=0.01)
    shape = (values / np.linalg.norm(values, axis=1)[:, None]).mean(axis=0)
    shape *= (reference @ reference) / (shape @ reference)
    expected = [np.linalg.lstsq(shape[:, None], own)[0][0] for own in values]
    assert gains == pytest.approx(expected)


def test_members_that_differ_by_gain_alone_do_not_vary():
    image = np.random.default_rng(7).gamma(4, size=50)
    values = np.array([0.9, 1.0, 1.2])[:, None] * image
    assert mean_and_std(values)[1].min() > 0
    _, std = mean_and_std(values, fitted_gains(values, image))
    assert std == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("blank", [0, slice(None)])
def test_a_blank_member_has_no_gain(blank):
    values = np.ones((2, 5), np.float32)
    values[blank] = 0
    assert np.isnan(fitted_gains(values, np.ones(5))).all()
    assert np.isnan(fitted_gains(values[:, :0], np.ones(0))).all()
    assert np.isnan(fitted_gains(np.ones((2, 5)), np.zeros(5))).all()


def test_summaries_are_numpys():
    values = np.random.default_rng(1).gamma(2, size=101)
    found = summarise(values)
    assert tuple(found) == SUMMARIES
    assert found["median"] == pytest.approx(np.median(values))
    assert found["p25"] == pytest.approx(np.percentile(values, 25))
    assert (found["min"], found["max"]) == (values.min(), values.max())
    assert found["std"] == pytest.approx(values.std())


@given(regions)
def test_histograms_sum_to_one(values):
    assert own_histogram(values, 10).sum() == pytest.approx(1)
    assert global_histogram(values, 10, 0.1).sum() == pytest.approx(1)


@given(regions, st.sampled_from([0.125, 4.0, 1024.0]))
@settings(max_examples=50)
def test_own_edges_erase_magnitude(values, factor):
    values = np.round(values, 3)
    assert np.array_equal(own_histogram(values * factor, 10), own_histogram(values, 10))


def test_own_histogram_of_seven_times_the_values():
    values = np.random.default_rng(2).gamma(2, size=1000)
    assert own_histogram(7 * values, 10) == pytest.approx(own_histogram(values, 10))


def test_own_histogram_is_numpys():
    values = np.random.default_rng(3).random(500)
    assert own_histogram(values, 10) == pytest.approx(np.histogram(values, 10)[0] / 500)


def test_global_histogram_is_numpys_with_overflow_in_the_last_bin():
    values = np.array([0.001, 0.015, 0.05, 0.099, 0.5])
    expected = np.histogram(np.minimum(values, 0.0999), 10, (0, 0.1))[0] / 5
    assert global_histogram(values, 10, 0.1) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_constant_region_fills_one_bin(value):
    fractions = own_histogram(np.full(8, value), 10)
    assert sorted(fractions) == [0.0] * 9 + [1.0]


def test_empty_regions_have_no_histogram_and_no_summaries():
    bits = bits_of(np.array([2, 2, 17]))
    std = np.array([0.1, 0.2, 0.3])
    table = region_table(std, bits).set_index("structure")
    assert table.loc["caudate", "n_voxels"] == 0
    assert table.loc["caudate", list(SUMMARIES)].isna().all()
    assert table.loc["hippocampus", "mean"] == 0.3
    found = histogram_table(std, bits, 5, 0.1)
    assert set(found["structure"]) == {"white_matter", "hippocampus"}
    assert len(found) == 2 * 2 * 5


def test_scale_is_the_median_of_white_matter():
    labels = np.array([2, 41, 2, 3, 0])
    assert intensity_scale(np.array([1.0, -2.0, 4.0, 100.0, 100.0]), labels) == 2.0
    assert np.isnan(intensity_scale(np.ones(3), np.zeros(3, dtype=int)))


def test_signal_to_noise_of_known_noise():
    draws = np.random.default_rng(4).normal(30, 1, size=(6, 20_000)).astype(np.float32)
    found = signal_to_noise(*mean_and_std(draws))
    assert found["pooled"] == pytest.approx(30, rel=0.01)
    assert found["mean"] == pytest.approx(30 * 1.189, rel=0.01)
    assert 30 < found["median"] < found["mean"]


def test_signal_to_noise_without_noise_is_undefined():
    found = signal_to_noise(np.ones(3), np.zeros(3))
    assert found["n_voxels"] == 3
    assert np.isnan([found["median"], found["mean"], found["pooled"]]).all()
