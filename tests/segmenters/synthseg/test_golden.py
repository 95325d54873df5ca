"""Stage by stage against the reference implementation of SynthSeg 2.0.

The networks have seeded random weights and are narrower than the official ones; the inputs are
synthetic. Each stage is fed the reference's result of the stage before, then the whole is compared.
"""

from functools import cache

import nibabel as nib
import numpy as np
import pytest
import torch

from stages.machine.parallel import threads
from stages.segmenters import preprocess
from stages.segmenters.image import load
from stages.segmenters.synthseg import blocks, keras
from stages.segmenters.synthseg.posteriors import NetworkSegmenter, one_hot, smooth, with_groups
from tests.segmenters.conftest import GOLDEN
from tests.tolerances import assert_rounded, rounding

INPUTS = ("t1_iso", "t1_aniso")
MODES = ("robust", "standard", "fast")
CASES = [(name, mode) for mode in MODES for name in INPUTS]


QUANTISED = 0.5 / 65535  # rounding of posteriors that are kept in 16 bits


def opened(mode):
    name = "robust" if mode == "robust" else "standard"
    file = {"robust": "synthseg_robust_2.0.h5", "standard": "synthseg_2.0.h5"}[name]
    return keras.load(GOLDEN / file, name)


@cache
def segmenter(mode, evaluation=blocks.whole):
    return NetworkSegmenter(opened(mode), fast=mode == "fast", evaluation=evaluation)


@cache
def n_operations(mode, prefix):
    """Operations behind a logit: the sums of all convolutions, one after the other."""
    network = opened(mode).networks[prefix]
    return sum(kernel[0].numel() for kernel in network.parameters() if kernel.ndim == 5)


def bound_of(logits, n):
    """What the logits of two programs may differ by after n operations."""
    return 2 * rounding(n) * float(logits.abs().max())


def assert_logits(logits, expected, n):
    assert_rounded(every(logits, 8), expected, n, scale=float(logits.abs().max()))


def assert_posteriors(posteriors, expected, bound, key="net_post_sub8_u16"):
    """No posterior moves by more than half of what the logits do; means and blurs add nothing."""
    apart = np.abs(every(posteriors, 8) - expected[key] / 65535).max()
    assert apart <= bound / 2 + QUANTISED


def assert_argmax(logits, expected, bound):
    """Where another class is the most likely, it may be one: two logits are within their rounding.

    Args:
        logits: (1, channels, x, y, z).
        expected: the reference's most likely channel (x, y, z).
        bound: what two programs may differ by in a logit.
    """
    highest = logits[0].amax(0)
    its = logits[0].gather(0, torch.from_numpy(expected).long()[None])[0]
    assert (highest - its).max() <= 2 * bound


@cache
def prepared(name):
    scan = load(GOLDEN / f"{name}.nii.gz")
    return preprocess.prepare(scan, segmenter("robust").model.recipe)


def stages(name, mode):
    return np.load(GOLDEN / f"{name}_{mode}_stages.npz")


def every(volume, step):
    """(1, channels, x, y, z) -> every `step`-th voxel, channels last."""
    return volume[0, :, ::step, ::step, ::step].permute(1, 2, 3, 0).numpy()


@pytest.mark.parametrize("name", INPUTS)
def test_network_input(name):
    expected, found = stages(name, "robust"), prepared(name)
    assert found.image.shape == tuple(expected["padded_shape"])
    assert found.shape == tuple(expected["native_shape"])
    ends = [*found.start, *(a + n for a, n in zip(found.start, found.shape, strict=True))]
    assert ends == expected["pad_idx"].tolist()
    # computed in float64 and kept in float32: one rounding each
    assert_rounded(found.image[::4, ::4, ::4], expected["input_sub4"], 1)
    assert_rounded(found.affine, expected["affine"], 100, dtype=float)
    assert np.prod(found.voxel_size_mm) == pytest.approx(np.prod(expected["im_res"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", INPUTS)
@torch.inference_mode()
def test_robust_cascade_stage_by_stage(name):
    expected, networks = stages(name, "robust"), segmenter("robust").networks
    image = torch.from_numpy(prepared(name).image)[None, None]
    groups = networks["unet"](image)
    assert_logits(groups, expected["s1_logits_sub8"], n_operations("robust", "unet"))
    assert_argmax(groups, expected["s1_argmax"], bound_of(groups, n_operations("robust", "unet")))
    cleaned = networks["l2l"](one_hot(torch.from_numpy(expected["s1_argmax"])[None], 5))
    assert_logits(cleaned, expected["d_logits_sub8"], n_operations("robust", "l2l"))
    assert_argmax(cleaned, expected["d_argmax"], bound_of(cleaned, n_operations("robust", "l2l")))
    reference = torch.from_numpy(expected["d_argmax"])[None]
    final = networks["unet2"](with_groups(image, reference, 5))
    assert_posteriors(final.softmax(1), expected, bound_of(final, n_operations("robust", "unet2")))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode"), CASES)
@torch.inference_mode()
def test_end_to_end(name, mode):
    own, found = segmenter(mode), prepared(name)
    posteriors = own.posteriors(found.image)
    if mode != "robust":  # there the few voxels that the two argmaxes flip count
        logits = own.networks["unet"](torch.from_numpy(found.image)[None, None])
        bound = bound_of(logits, n_operations(mode, "unet"))
        assert_posteriors(posteriors[None], stages(name, mode), bound)
    result = own.measure(posteriors, found)
    reference = nib.load(GOLDEN / f"{name}_{mode}_seg.nii.gz")
    same = (np.asarray(reference.dataobj) == result.labels).mean()
    assert same >= (0.9995 if mode == "robust" else 0.9999)
    assert_rounded(reference.affine, result.affine, 1)  # a header is float32
    volumes = stages(name, mode)["volumes"]
    measured = np.array([result.volumes_mm3.sum(), *result.volumes_mm3])
    large = volumes > 500
    assert measured[large] == pytest.approx(volumes[large], rel=5e-3)
    assert (measured[~large] < 510).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", INPUTS)
@torch.inference_mode()
def test_standard_network_and_smoothing(name):
    expected, own = stages(name, "standard"), segmenter("fast")
    logits = own.networks["unet"](torch.from_numpy(prepared(name).image)[None, None])
    assert_logits(logits, expected["s1_logits_sub8"], n_operations("fast", "unet"))
    bound = bound_of(logits, n_operations("fast", "unet"))
    assert_argmax(logits, expected["s1_argmax"], bound)
    smoothed = smooth(logits.softmax(1), own.model.recipe.blur)
    assert_posteriors(smoothed, expected, bound, "smooth_post_sub8_u16")


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_blocks_and_threads_change_no_volume(mode):
    expected = volumes(mode, blocks.whole)
    for side in (32, 44):
        assert (volumes(mode, in_blocks(side)) == expected).all()
    assert (volumes(mode, blocks.whole, n=2) == expected).all()


def volumes(mode, evaluation, n=1):
    """Volumes of one image, its networks evaluated in this way on n threads."""
    own = segmenter(mode, evaluation)
    with threads(n):
        found = prepared("t1_aniso")
        return own.measure(own.posteriors(found.image), found).volumes_mm3


def in_blocks(side):
    return lambda network, x, write: blocks.evaluate(network, x, side, write)
