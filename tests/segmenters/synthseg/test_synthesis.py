"""Training images: shapes, ranges, and the physics of their sampling."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.params.segmenter import SynthesisParams
from stages.segmenters.synthseg import synthesis
from stages.segmenters.synthseg.synthesis import Draws, Palette
from tests.tolerances import assert_rounded

PALETTE = Palette(np.array([0.0, 1.0, 0.5, 0.8]), np.array([0, 1, 2, 0]))
QUIET = {
    "crop": (8, 8, 8), "margin": (2, 2, 0), "low_crop": 0.0, "rotation_deg": 0.0, "scaling": 0.0,
    "shift_mm": 0.0, "elastic_mm": (0.0, 0.0), "contrast": (0.0, 0.0), "contrast_narrow": 1.0,
    "surroundings": 0.0, "blur_mm": (0.0, 0.0), "partial_fourier": (1.0, 1.0),
    "partial_fourier_drawn": 0.0, "ghost": 0.0, "texture": 0.0, "bias_field": 0.0,
    "coil_shading": 0.0, "noise": (1e-6, 1e-6), "undersampled": 0.0, "acceleration": (3.0, 8.0),
    "gain": (1.0, 1.0),
}  # fmt: skip
LIVELY = QUIET | {
    "low_crop": 0.5, "rotation_deg": 6.0, "scaling": 0.1, "shift_mm": 2.0, "elastic_mm": (2.0, 1.0),
    "contrast": (0.02, 0.2), "blur_mm": (0.4, 1.6), "partial_fourier": (0.85, 1.0), "ghost": 0.5,
    "texture": 0.02, "bias_field": 0.3, "coil_shading": 0.5, "noise": (0.01, 0.05),
    "undersampled": 0.5, "gain": (0.9, 1.1), "surroundings": 0.3,
}  # fmt: skip
FIELD = (10, 12, 14)


def params(**changes):
    return SynthesisParams(**(QUIET | changes))


def tissues(seed=0):
    """A map of blocks of four voxels."""
    blocks = np.random.default_rng(seed).integers(0, 4, [n // 2 for n in FIELD])
    return torch.from_numpy(blocks.repeat(4, 0).repeat(4, 1).repeat(4, 2).astype(np.uint8))


@pytest.mark.kernels
@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000))
def test_pairs_are_finite_and_targets_sum_to_one(seed):
    lively = SynthesisParams(**LIVELY)
    image, target = synthesis.draw_image(
        tissues(seed), PALETTE, torch.zeros(FIELD), lively, Draws.seeded(seed)
    )
    assert image.shape == (1, 1, 8, 8, 8) and target.shape == (1, 3, 8, 8, 8)
    assert torch.isfinite(image).all() and image.min() >= 0 and image.max() <= 1.1
    # sums of eight weights of three channels
    assert_rounded(target.sum(1), torch.ones(1, 8, 8, 8), 8 + 3)


def test_same_seed_same_pair_other_seed_other_pair():
    lively = SynthesisParams(**LIVELY)

    def draw(seed):
        return synthesis.draw_image(
            tissues(), PALETTE, torch.zeros(FIELD), lively, Draws.seeded(seed)
        )

    assert all(torch.equal(a, b) for a, b in zip(draw(4), draw(4), strict=True))
    assert not torch.equal(draw(4)[0], draw(5)[0])


def test_without_any_change_the_map_comes_back_or_its_mirror_image():
    shapes = params(crop=FIELD, margin=(0, 0, 0))
    for seed in range(4):
        found = synthesis.warp(tissues(), (0, 0, 0), shapes, Draws.seeded(seed))
        assert torch.equal(found, tissues()) or torch.equal(found, tissues().flip(0))


def test_crops_lie_in_the_padded_field():
    wide = params(low_crop=0.5)
    origins = [synthesis.crop_origin(FIELD, wide, Draws.seeded(s)) for s in range(200)]
    assert {min(o) for o in zip(*origins, strict=True)} == {-2, 0}
    assert [max(o) for o in zip(*origins, strict=True)] == [4, 6, 6]


def test_beyond_the_field_of_view_the_image_is_zero():
    for seed in range(20):
        draws = Draws.seeded(seed)
        origin = synthesis.crop_origin(FIELD, params(), Draws.seeded(seed))
        flat = torch.ones([2 * n for n in FIELD], dtype=torch.uint8)
        image, _ = synthesis.draw_image(flat, PALETTE, torch.zeros(FIELD), params(), draws)
        first = image[0, 0, : max(0, -origin[0])]
        assert not first.any()


def test_window():
    volume = torch.arange(24.0).reshape(2, 3, 4)
    inside = synthesis.window(volume, (0, 1, 2), (2, 2, 2), "constant")
    assert torch.equal(inside, volume[:, 1:, 2:])
    beyond = synthesis.window(volume, (-1, 0, 0), (4, 3, 4), "constant")
    assert torch.equal(beyond[1:3], volume) and not beyond[0].any() and not beyond[3].any()
    edge = synthesis.window(volume, (-1, 0, 0), (4, 3, 4), "edge")
    assert torch.equal(edge[0], volume[0]) and torch.equal(edge[3], volume[1])


def test_partial_volumes_count_subvoxels():
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, 4, (4, 6, 8)).astype(np.uint8))
    share = synthesis.partial_volumes(labels, PALETTE)
    channels = PALETTE.channels[labels.numpy()]
    for channel in range(3):
        counts = (channels == channel).reshape(2, 2, 3, 2, 4, 2).mean((1, 3, 5))
        assert share[channel].numpy() == pytest.approx(counts)


@given(st.sampled_from([8, 12, 10]), st.integers(0, 3))
def test_sampling_keeps_low_frequencies(n, cycles):
    if cycles >= n // 4:
        return
    fine = np.cos(2 * np.pi * cycles * np.arange(n) / n)
    coarse = (synthesis.sampling_matrix(n, 0.0) @ fine).real
    middle = 2 * np.arange(n // 2) + 0.5
    expected = np.cos(2 * np.pi * cycles * middle / n)
    assert_rounded(coarse, expected, 2 * n, scale=n, dtype=float)  # a product with n values


def test_partial_fourier_and_blur_lose_energy_but_keep_the_mean():
    line = np.random.default_rng(0).random(32)
    full = synthesis.sampling_matrix(32, 0.0) @ line
    for matrix in (synthesis.sampling_matrix(32, 0.8), synthesis.sampling_matrix(32, 0.0, 0.8)):
        part = matrix @ line
        assert part.mean() == pytest.approx(full.mean())
        assert (abs(part) ** 2).sum() < (abs(full) ** 2).sum()


def test_noise_floor_of_twelve_coils():
    draws = Draws.seeded(0)
    air = synthesis.add_noise(torch.zeros(40, 40, 40), draws.scalar, draws.field, (0.02, 0.02))
    assert float((air**2).mean()) == pytest.approx(24 * 0.02**2, rel=0.02)
    bright = synthesis.add_noise(torch.ones(40, 40, 40), draws.scalar, draws.field, (0.02, 0.02))
    assert float(bright.std()) == pytest.approx(0.02, rel=0.05)


def test_undersampling_keeps_the_mean_and_adds_aliases():
    image = torch.rand(24, 20, 4, generator=torch.Generator().manual_seed(0))
    worse = synthesis.undersample(image, 5.0, Draws.seeded(0))
    assert worse.mean((0, 1)) == pytest.approx(image.mean((0, 1)), rel=0.05)
    assert float((worse - image).abs().mean()) > 0.01


@pytest.mark.kernels
def test_interpolation_hits_its_nodes():
    weights = synthesis.interpolation(4, 10)
    # a weight is the distance from a node, at positions up to 3
    assert_rounded(weights.sum(1), torch.ones(10), 4, scale=3)
    assert weights[[0, 3, 6, 9]].argmax(1).tolist() == [0, 1, 2, 3]
    field = Draws.seeded(0).smooth((2, 3, 2), (5, 5, 3), 2)
    nodes = torch.randn((2, 2, 3, 2), generator=torch.Generator().manual_seed(0))
    assert_rounded(field[:, ::4, ::2, ::2], nodes, 3 * 4, scale=2 * float(nodes.abs().max()))
