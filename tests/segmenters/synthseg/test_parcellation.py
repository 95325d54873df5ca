"""The cortex divided, against a U-Net in numpy."""

import h5py
import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from stages.segmenters.synthseg import keras
from stages.segmenters.synthseg.blocks import boxes, evaluate, whole
from stages.segmenters.synthseg.parcellation import (
    Parcellation,
    Parcels,
    SmoothedPlanes,
    cortex_mask,
    divide,
)
from stages.segmenters.synthseg.posteriors import smooth, softmax
from stages.study.errors import StudyError
from stages.study.parcels import N_PARCELS, PARCEL_LABELS
from stages.study.structures import SYNTHSEG_LABELS
from tests.kernels import n_threads
from tests.segmenters.conftest import GOLDEN
from tests.segmenters.synthseg import by_hand
from tests.segmenters.synthseg.official import parcellation_layers, write_layers
from tests.tolerances import assert_not_farther, assert_rounded, nudged

SHAPE = (32, 16, 48)
INSIDE = (slice(2, 31), slice(0, 15), slice(4, 44))
WIDTH = 2


@pytest.fixture(scope="module")
def layers():
    return parcellation_layers(WIDTH)


@pytest.fixture(scope="module")
def weights(layers, tmp_path_factory):
    return write_layers(tmp_path_factory.mktemp("weights") / "parc.h5", layers)


@pytest.fixture(scope="module")
def scene():
    """An image, where the network and the segmentation have cortex, and where the image lies."""
    rng = np.random.default_rng(5)
    image = rng.random(SHAPE, np.float32)
    mask = (rng.random(SHAPE) < 0.4).astype(np.uint8)
    cortex = rng.random(SHAPE)[INSIDE] < 0.3
    return image, torch.from_numpy(mask)[None], cortex, INSIDE


def in_blocks(network, x, write):
    """Evaluate a network in blocks of 16 voxels along each axis."""
    evaluate(network, x, 16, write)


def smoothed(posteriors):
    """Posteriors (x, y, z, channels) after a Gaussian of half a voxel, by scipy."""
    weights = np.exp(-0.5 * (np.array([-1, 0, 1]) / 0.5) ** 2)
    weights = (weights / weights.sum()).astype(posteriors.dtype)
    for axis in range(3):
        posteriors = correlate1d(posteriors, weights, axis, mode="constant")
    return posteriors


def by_rules(layers, image, mask, cortex, dtype):
    """Normalised posteriors of background and parcels in the image, (x, y, z, 69)."""
    inputs = np.stack([image, 1.0 - mask, mask], -1).astype(dtype)
    logits = by_hand.unet(layers, "unet_parc", inputs)
    posteriors = np.exp(logits - logits.max(-1, keepdims=True))
    posteriors = smoothed(posteriors / posteriors.sum(-1, keepdims=True))[INSIDE]
    posteriors[..., 0] = np.where(cortex, 0, 1)
    return posteriors / posteriors.sum(-1, keepdims=True)


@pytest.mark.kernels
def test_parcels_are_those_of_a_network_in_numpy(layers, weights, scene):
    image, mask, cortex, _ = scene
    torch.set_num_threads(n_threads())
    found = Parcellation(keras.load_parcellation(weights)).parcels(*scene)
    rest = mask[0].numpy(), cortex
    truth = by_rules(layers, image, *rest, np.float64)
    theirs = [
        by_rules(layers, one, *rest, np.float32)[..., 1:].sum((0, 1, 2), np.float64)
        for one in (image, nudged(image, 0), nudged(image, 1))
    ]
    assert_not_farther(found.sums, theirs, truth[..., 1:].sum((0, 1, 2)))
    best, second = np.sort(truth, -1)[..., -1], np.sort(truth, -1)[..., -2]
    clear = cortex & (best - second > 1e-3)
    assert clear.sum() > 0.9 * cortex.sum() > 500
    assert np.array_equal(found.likeliest[clear], truth.argmax(-1)[clear])
    assert np.array_equal(found.likeliest > 0, cortex)
    assert {*np.unique(found.likeliest > N_PARCELS)} == {False, True}  # of both sides


def test_volumes_add_up_to_the_cortex(weights, scene):
    found = Parcellation(keras.load_parcellation(weights)).parcels(*scene)
    volumes = found.volumes(5e5)
    assert volumes.sum() == pytest.approx(5e5, rel=1e-12) and volumes.min() > 0
    assert volumes / volumes[0] == pytest.approx(found.sums / found.sums[0])
    assert not found.volumes(0.0).any()
    nothing = found._replace(sums=found.sums * 0)
    assert not nothing.volumes(5e5).any()


def test_threads_change_nothing_and_blocks_no_digit_that_is_written(weights, scene):
    network = keras.load_parcellation(weights)
    for evaluation in (whole, in_blocks):
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(Parcellation(network, evaluation=evaluation).parcels(*scene))
        torch.set_num_threads(n_threads())
        assert np.array_equal(found[0].sums, found[1].sums)
        assert np.array_equal(found[0].likeliest, found[1].likeliest)
    plain = Parcellation(network).parcels(*scene)
    assert found[0].sums == pytest.approx(plain.sums, rel=1e-6)


@pytest.mark.parametrize("n_planes", [1, 3, 5, 100])
def test_how_many_planes_are_smoothed_together_changes_no_bit(
    n_planes, weights, scene, monkeypatch
):
    parcellation = Parcellation(keras.load_parcellation(weights))
    expected = parcellation.parcels(*scene)
    monkeypatch.setattr("stages.segmenters.synthseg.parcellation.CHUNK", n_planes)
    found = parcellation.parcels(*scene)
    assert np.array_equal(found.sums, expected.sums)
    assert np.array_equal(found.likeliest, expected.likeliest)


@pytest.mark.parametrize("backwards", [False, True])
def test_planes_are_those_of_the_volume_smoothed_at_once(backwards):
    shape, wanted, seen = (11, 6, 8), slice(2, 10), {}
    logits = torch.randn((1, 5, *shape), generator=torch.Generator().manual_seed(4))
    stream = SmoothedPlanes(shape, wanted, lambda n, plane: seen.update({n: plane.clone()}))
    order = list(boxes(shape, 4))
    for box in reversed(order) if backwards else order:
        stream.write(box.slices, logits[(..., *box.slices)])
        assert backwards or len(stream.planes) <= 4 + 2 + 4  # blocks of one, of the next, reach
    assert sorted(seen) == list(range(2, 10)) and not stream.planes and not stream.waiting
    at_once = smooth(torch.stack([softmax(logits[0, :, n]) for n in range(11)], 1)[None], 0.5)[0]
    by_scipy = smoothed(logits[0].double().softmax(0).permute(1, 2, 3, 0).numpy())
    for number, plane in seen.items():
        assert torch.equal(plane, at_once[:, number])
        assert_rounded(plane.permute(1, 2, 0), by_scipy[number], 40)


def test_labels_of_cortex_become_parcels_of_either_side():
    likeliest = np.array([[[0, 1, 34, 35, 68, 0]]], np.uint8)
    found = Parcels(likeliest, np.ones(68)).within(np.array([[[17, 3, 42, 3, 42, 2]]], np.int32))
    assert found.dtype == np.int32 and found.ravel().tolist() == [17, 1001, 1035, 2001, 2035, 2]
    assert [PARCEL_LABELS[n - 1] for n in (1, 34, 35, 68)] == [1001, 1035, 2001, 2035]


def test_background_is_all_that_there_is_of_some_voxels():
    posteriors = torch.zeros((69, 1, 3))
    posteriors[0], posteriors[5, 0, 1], posteriors[40, 0, 1] = 0.7, 0.1, 0.2
    best, sums = divide(posteriors, torch.tensor([[False, True, True]]))
    assert best.tolist() == [[0, 40, 1]]
    assert sums.sum() == pytest.approx(1) and sums[39] == pytest.approx(2 / 3)


def test_the_mask_is_the_likeliest_label():
    posteriors = torch.rand((33, 5, 6, 7), generator=torch.Generator().manual_seed(2))
    labels = np.array(SYNTHSEG_LABELS)[posteriors.numpy().argmax(0)]
    mask = cortex_mask(posteriors, SYNTHSEG_LABELS)
    assert mask.dtype == torch.uint8 and mask.sum() > 0
    assert np.array_equal(mask[0].numpy() == 1, np.isin(labels, (3, 42)))


def test_official_shapes(tmp_path):
    path = write_layers(tmp_path / "synthseg_parc_2.0.h5", parcellation_layers())
    network = keras.load_parcellation(path)
    shape = network.architecture
    assert (shape.n_inputs, shape.n_outputs, shape.kernel) == (3, 69, 3)
    assert shape.features == (24, 48, 96, 192, 384) and shape.skips == (True,) * 4
    # the standard network has 13,242,849 values, one input and 33 outputs
    n_values = sum(v.numel() for v in network.state_dict().values() if v.ndim > 0)
    assert n_values == 13_242_849 + 2 * 27 * 24 + 36 * (24 + 1)


def _drop(layers):
    del layers["unet_parc_bn_up_1"]


def _add(layers):
    layers["unet_parc_bn_up_9"] = layers["unet_parc_bn_up_1"]


def _fewer_parcels(layers):
    layers["unet_parc_likelihood"] = [values[..., :-2] for values in layers["unet_parc_likelihood"]]


def _one_input(layers):
    kernel, bias = layers["unet_parc_conv_downarm_0_0"]
    layers["unet_parc_conv_downarm_0_0"] = [kernel[:, :, :, :1], bias]


def _misshape(layers):
    layers["unet_parc_conv_uparm_6_1"][0] = layers["unet_parc_conv_uparm_6_1"][0][..., :-1]


def _poison(layers):
    layers["unet_parc_bn_down_2"][1] = layers["unet_parc_bn_down_2"][1] * np.nan


FAULTS = {
    _drop: "misses the layer 'unet_parc_bn_up_1'; take the official file",
    _add: "has the unknown layer 'unet_parc_bn_up_9'; take the official file",
    _fewer_parcels: "expected a parcellation of 3 inputs and 69 outputs, got 3 and 67; take",
    _one_input: "expected a parcellation of 3 inputs and 69 outputs, got 1 and 69; take",
    _misshape: "array 'unet_parc.up.2.second.weight': expected shape",
    _poison: "array 'unet_parc.down.2.norm.bias': expected finite values, got NaN",
}


@pytest.mark.parametrize("change", FAULTS)
def test_faulty_files_are_one_line(change, tmp_path):
    layers = parcellation_layers(1)
    change(layers)
    with pytest.raises(StudyError, match=r"bad\.h5: ") as caught:
        keras.load_parcellation(write_layers(tmp_path / "bad.h5", layers))
    assert FAULTS[change] in str(caught.value) and "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(StudyError, match="misses the layer 'unet_parc_conv_downarm_0_0'"):
        keras.load_parcellation(GOLDEN / "synthseg_2.0.h5")
    with h5py.File(tmp_path / "none.h5", "w"):
        pass
    with pytest.raises(StudyError, match="download it again"):
        keras.load_parcellation(tmp_path / "none.h5")
