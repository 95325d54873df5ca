"""Training images: shapes, ranges, geometry, and the physics of their sampling."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.params.segmenter import SynthesisParams
from stages.segmenters.synthseg import synthesis
from stages.segmenters.synthseg.anatomy import Anatomy
from stages.segmenters.synthseg.materials import Materials
from stages.segmenters.synthseg.synthesis import Draws
from tests.tolerances import assert_rounded

# air, two structures of which the second has sides, and skin
MATERIALS = Materials(
    signals=np.array([0.0, 1.0, 0.5, 0.5, 0.8]),
    channels=np.array([0, 1, 2, 3, 0]),
    spreads=np.array([0.0, 1.0, 1.0, 1.0, 1.0]),
    groups=np.array([0, 1, 2, 2, 4]),
    mirrored=np.array([0, 1, 3, 2, 4], np.uint8),
    outside=np.array([False, False, False, False, True]),
)
QUIET = {
    "crop": (8, 8, 8), "crop_shift_mm": 0.0, "low_crop": 0.0, "cut": 0.0, "neck_cut": 0.0,
    "stripped": 0.0, "defaced": 0.0, "masked": 0.0, "rotation_deg": 0.0, "scaling": 0.0,
    "shift_mm": 0.0, "elastic_mm": (0.0, 0.0), "contrast": (0.0, 0.0), "contrast_narrow": 1.0,
    "gamma": (1.0, 1.0), "heterogeneity": 0.0, "surroundings": 0.0, "surroundings_any": 0.0,
    "blur_mm": (0.0, 0.0), "averaged": 0.0, "thick_slices": 0.0, "slice_mm": (3.0, 6.0),
    "partial_fourier": (1.0, 1.0), "partial_fourier_drawn": 0.0, "ghost": 0.0, "texture": 0.0,
    "bias_field": 0.0, "coil_shading": 0.0, "noise": (1e-6, 1e-6), "undersampled": 0.0,
    "acceleration": (3.0, 8.0), "gain": (1.0, 1.0),
}  # fmt: skip
LIVELY = QUIET | {
    "crop_shift_mm": 4.0, "low_crop": 0.3, "cut": 0.3, "neck_cut": 0.3, "stripped": 0.3,
    "defaced": 0.3, "masked": 0.5, "rotation_deg": 6.0, "scaling": 0.1, "shift_mm": 2.0,
    "elastic_mm": (2.0, 1.0), "contrast": (0.02, 0.2), "contrast_narrow": 0.3, "gamma": (0.5, 1.2),
    "heterogeneity": 0.1, "surroundings": 0.3, "surroundings_any": 0.5, "blur_mm": (0.4, 1.6),
    "averaged": 0.3, "thick_slices": 0.3, "partial_fourier": (0.85, 1.0), "ghost": 0.5,
    "texture": 0.02, "bias_field": 0.3, "coil_shading": 0.5, "noise": (0.01, 0.05),
    "undersampled": 0.5, "gain": (0.9, 1.1),
}  # fmt: skip
FIELD = (10, 12, 14)
SHADING = torch.zeros(FIELD)


def params(**changes):
    return SynthesisParams(**(QUIET | changes))


def head(seed=0):
    """A head of blocks of four voxels, 16 a side, far from the brain nowhere."""
    blocks = np.random.default_rng(seed).integers(0, 5, (4, 4, 4))
    tissues = blocks.repeat(4, 0).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    return Anatomy(tissues, np.zeros_like(tissues), (8, 8, 8), (16, 16, 16))


def flat(tissue, shape=(16, 16, 16)):
    tissues = np.full(shape, tissue, np.uint8)
    return Anatomy(tissues, np.zeros_like(tissues), tuple(n // 2 for n in shape), shape)


def frame(offset=(0.0, 0.0, 0.0), size=(16.0, 16.0, 16.0)):
    return synthesis.Frame(np.array(offset), np.array(size))


@pytest.mark.kernels
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000))
def test_pairs_are_finite_and_targets_are_eighths(seed):
    lively = SynthesisParams(**LIVELY)
    image, target = synthesis.draw_image(
        head(seed), MATERIALS, SHADING, lively, Draws.seeded(seed, 1)
    )
    assert image.shape == (1, 1, 8, 8, 8) and target.shape == (8, 8, 8, 4)
    assert torch.isfinite(image).all() and image.min() >= 0 and image.max() <= 1.1
    assert target.dtype == torch.uint8 and (target.sum(-1) == 8).all()


def test_same_seed_same_pair_other_seed_other_pair():
    lively = SynthesisParams(**LIVELY)

    def draw(*seed):
        return synthesis.draw_image(head(), MATERIALS, SHADING, lively, Draws.seeded(*seed))

    assert all(torch.equal(a, b) for a, b in zip(draw(4, 1), draw(4, 1), strict=True))
    assert not torch.equal(draw(4, 1)[0], draw(4, 2)[0])
    assert not torch.equal(draw(4, 1)[0], draw(5, 1)[0])


def test_without_any_change_the_map_comes_back_or_its_mirror_image_with_its_sides_exchanged():
    tissues = torch.from_numpy(head().tissues)
    mirror = torch.from_numpy(MATERIALS.mirrored.take(head().tissues)).flip(0)
    # the middle of 16 voxels lies between two of them, the brain's is voxel 8
    between = replace(head(), centre=(7.5, 7.5, 7.5))
    found = set()
    for seed in range(8):
        cut = synthesis.warp(between, MATERIALS, frame(), params(), Draws.seeded(seed))
        found.add(torch.equal(cut.tissues, tissues))
        assert torch.equal(cut.tissues, tissues) or torch.equal(cut.tissues, mirror)
    assert found == {True, False}


def test_crops_lie_around_the_brain_and_some_of_them_lower():
    middle = [
        synthesis.draw_frame(flat(1), params(crop_shift_mm=3.0), Draws.seeded(s)).offset
        for s in range(100)
    ]
    assert 2.5 < np.abs(middle).max() <= 3.0
    wide = params(crop=(12, 8, 8))  # 24 mm around a brain of 16: 4 to either side
    assert (
        max(synthesis.draw_frame(flat(1), wide, Draws.seeded(s)).offset[0] for s in range(50)) > 3
    )
    low = [
        synthesis.draw_frame(flat(1), params(low_crop=1.0), Draws.seeded(s)).offset[2]
        for s in range(50)
    ]
    assert -synthesis.LOW_MM <= min(low) < -40 and max(low) <= 0


def test_fields_of_view_end_near_the_brain():
    cut = params(crop=(40, 40, 40), cut=1.0)
    for seed in range(5):
        inside = synthesis.field_of_view(frame(), cut, Draws.seeded(seed)).numpy()
        for axis in range(3):  # 40 voxels of 2 mm; half the brain's 16 mm, and -4 to 30 mm around
            line = inside.any(axis=tuple({0, 1, 2} - {axis}))
            first, last = np.flatnonzero(line)[[0, -1]]
            assert line[first : last + 1].all()
            assert 1 <= first <= 18 and 21 <= last <= 38
    neck = params(crop=(40, 40, 40), neck_cut=1.0)
    inside = synthesis.field_of_view(frame(), neck, Draws.seeded(0))
    assert not inside[:, :, 0].any() and inside[:, :, 20:].all()
    assert synthesis.field_of_view(frame(), params(), Draws.seeded(0)).all()


def test_beyond_the_field_of_view_the_image_is_zero_and_background():
    noisy = params(crop=(40, 40, 40), cut=1.0, noise=(0.05, 0.05))
    image, target = synthesis.draw_image(flat(1), MATERIALS, SHADING, noisy, Draws.seeded(3))
    beyond = target[..., 0] == 8
    assert 0.1 < beyond.float().mean() < 1
    assert not image[0, 0][beyond].any() and (target[~beyond][:, 1] == 8).all()


def test_what_is_stripped_is_zero_and_background():
    distance = np.broadcast_to(np.arange(16, dtype=np.uint8), (16, 16, 16)).copy()
    stripped = replace(flat(1), distance=distance)
    image, target = synthesis.draw_image(
        stripped, MATERIALS, SHADING, params(stripped=1.0), Draws.seeded(1)
    )
    gone = target[..., 0] == 8
    assert 0 < gone.float().mean() < 1
    assert not image[0, 0][gone].any() and not gone[:, :, 0].any()


def test_a_face_is_cut_off_in_front_and_not_near_the_brain():
    defaced = params(crop=(40, 100, 40), defaced=1.0)
    cut = synthesis.Cut(
        torch.ones(80, 200, 80, dtype=torch.uint8), torch.full((80, 200, 80), 50, dtype=torch.uint8)
    )
    kept = synthesis.removed(cut, frame(), defaced, Draws.seeded(0))
    assert not kept[:, -1, 0].any() and kept[:, 0].all()
    near = synthesis.Cut(cut.tissues, torch.zeros_like(cut.distance))
    assert synthesis.removed(near, frame(), defaced, Draws.seeded(0)).all()
    assert synthesis.removed(cut, frame(), params(), Draws.seeded(0)) is None


def test_air_around_a_masked_head_is_zero():
    half = flat(1)
    half.tissues[:8] = 0
    noisy = params(noise=(0.05, 0.05))
    image, _ = synthesis.draw_image(half, MATERIALS, SHADING, noisy, Draws.seeded(0))
    assert (image == 0).float().mean() < 0.2
    masked = noisy.model_copy(update={"masked": 1.0})
    image, _ = synthesis.draw_image(half, MATERIALS, SHADING, masked, Draws.seeded(0))
    assert 0.3 < (image == 0).float().mean() < 0.7


def test_both_sides_have_one_signal_and_a_gamma_weakens_the_contrast():
    lively = params(contrast=(0.2, 0.2), contrast_narrow=0.0)
    signals = synthesis.tissue_signals(MATERIALS, lively, Draws.seeded(0))
    assert signals[2] == signals[3] != 0.5 and signals[0] == 0
    weak = synthesis.tissue_signals(
        MATERIALS, params(gamma=(0.5, 0.5), contrast_narrow=0.0), Draws.seeded(0)
    )
    assert weak == pytest.approx(MATERIALS.signals**0.5)
    around = [
        synthesis.tissue_signals(MATERIALS, params(surroundings_any=1.0), Draws.seeded(s))[4]
        for s in range(50)
    ]
    assert min(around) < 0.3 and 1.4 < max(around) <= synthesis.ANY_SIGNAL


def test_shading_lies_around_the_brain_and_ends_in_its_edge():
    volume = torch.arange(10.0 * 12 * 14).reshape(FIELD)
    assert torch.equal(synthesis.shading_at(volume, frame(), (4, 6, 8)), volume[3:7, 3:9, 3:11])
    shifted = synthesis.shading_at(volume, frame((4.0, 0.0, -2.0)), (4, 6, 8))
    assert torch.equal(shifted, volume[5:9, 3:9, 2:10])
    beyond = synthesis.shading_at(volume, frame((40.0, 0.0, 0.0)), (4, 6, 8))
    assert torch.equal(beyond, volume[9:, 3:9, 3:11].expand(4, 6, 8))


def test_partial_volumes_count_subvoxels():
    tissues = torch.from_numpy(np.random.default_rng(0).integers(0, 5, (4, 6, 8)).astype(np.uint8))
    share = synthesis.partial_volumes(tissues, MATERIALS)
    channels = MATERIALS.channels[tissues.numpy()]
    for channel in range(4):
        counts = (channels == channel).reshape(2, 2, 3, 2, 4, 2).sum((1, 3, 5))
        assert np.array_equal(share[..., channel].numpy(), counts)


@pytest.mark.parametrize("thickness", [2.5, 4.0, 6.0])
def test_thick_slices_and_averages_keep_the_mean_and_blur(thickness):
    line = np.zeros(64)
    line[28:34] = 1
    thick = synthesis.slice_matrix(64, thickness, 0.3)
    assert thick.shape == (32, 64)
    assert thick[4:-4].sum(1) == pytest.approx(np.ones(24), rel=1e-2)
    # slices at other places weigh the few of a short object otherwise
    assert 2 * (thick @ line).sum() == pytest.approx(line.sum(), rel=0.15)
    sharp = synthesis.averaging_matrix(64, 0.0) @ line
    assert sharp == pytest.approx(line.reshape(-1, 2).mean(1), abs=1e-9)
    assert (thick @ line).max() < 1 and (thick @ line > 0.05).sum() > (sharp > 0.05).sum()
    assert synthesis.averaging_matrix(64, 1.0).sum(1) == pytest.approx(np.ones(32))


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
    nodes = Draws.seeded(0).normal((2, 2, 3, 2))
    assert_rounded(field[:, ::4, ::2, ::2], nodes, 3 * 4, scale=2 * float(nodes.abs().max()))
