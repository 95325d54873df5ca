"""The cortex divided, against a U-Net in numpy."""

import h5py
import numpy as np
import pytest
import torch

from stages.segmenters.synthseg import keras
from stages.segmenters.synthseg.blocks import evaluate
from stages.segmenters.synthseg.parcellation import Parcellation, cortex_mask
from stages.study.errors import StudyError
from stages.study.parcels import N_PARCELS, PARCEL_LABELS
from stages.study.structures import SYNTHSEG_LABELS
from tests.kernels import n_threads
from tests.segmenters.conftest import GOLDEN
from tests.segmenters.synthseg import by_hand
from tests.segmenters.synthseg.official import parcellation_layers, write_layers
from tests.tolerances import assert_not_farther, nudged

SHAPE = (32, 16, 48)
WIDTH = 2


@pytest.fixture(scope="module")
def layers():
    return parcellation_layers(WIDTH)


@pytest.fixture(scope="module")
def weights(layers, tmp_path_factory):
    return write_layers(tmp_path_factory.mktemp("weights") / "parc.h5", layers)


@pytest.fixture(scope="module")
def scene():
    """An image, where its cortex is, and the posteriors of either side's cortex."""
    rng = np.random.default_rng(5)
    image = rng.random(SHAPE, np.float32)
    mask = (rng.random(SHAPE) < 0.4).astype(np.uint8)
    cortex = rng.random((2, *SHAPE), np.float32) * (rng.random((2, *SHAPE)) < 0.3)
    cortex[0, SHAPE[0] // 2 :] = 0
    cortex[1, : SHAPE[0] // 2 - 1] = 0
    return image, torch.from_numpy(mask)[None], torch.from_numpy(cortex.astype(np.float32))


def in_blocks(network, x, write):
    """Evaluate a network in blocks of 16 voxels along each axis."""
    evaluate(network, x, 16, write)


def sums_by_hand(layers, image, mask, cortex, dtype):
    """Posteriors of the parcels summed over voxels, and logits (x, y, z, 69)."""
    inputs = np.stack([image, 1.0 - mask, mask], -1).astype(dtype)
    logits = by_hand.unet(layers, "unet_parc", inputs)
    sums = []
    for side in (0, 1):
        own = logits[..., 1 + side * N_PARCELS : 1 + (side + 1) * N_PARCELS]
        weights = np.exp(own - own.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        sums.append((weights * cortex[side][..., None].astype(dtype)).sum((0, 1, 2)))
    return np.concatenate(sums), logits


@pytest.mark.kernels
def test_parcels_are_those_of_a_network_in_numpy(layers, weights, scene):
    image, mask, cortex = scene
    torch.set_num_threads(n_threads())
    found = Parcellation(keras.load_parcellation(weights)).parcels(image, mask, cortex)
    rest = mask[0].numpy(), cortex.numpy()
    truth, logits = sums_by_hand(layers, image, *rest, np.float64)
    theirs = [
        sums_by_hand(layers, one, *rest, np.float32)[0]
        for one in (image, nudged(image, 0), nudged(image, 1))
    ]
    assert_not_farther(found.sums, theirs, truth)
    for side in (0, 1):
        own = logits[..., 1 + side * N_PARCELS : 1 + (side + 1) * N_PARCELS]
        best, second = np.sort(own, -1)[..., -1], np.sort(own, -1)[..., -2]
        clear = (cortex[side].numpy() > 0) & (best - second > 1e-3 * np.abs(logits).max())
        assert clear.sum() > 500
        assert np.array_equal(found.likeliest[side][clear], own.argmax(-1)[clear])
        assert not found.likeliest[side][cortex[side].numpy() == 0].any()


def test_parcels_of_a_side_add_up_to_its_cortex(weights, scene):
    image, mask, cortex = scene
    found = Parcellation(keras.load_parcellation(weights)).parcels(image, mask, cortex)
    whole = cortex.double().sum((1, 2, 3)).numpy()
    assert found.sums.reshape(2, N_PARCELS).sum(1) == pytest.approx(whole, rel=1e-12)


def test_threads_change_nothing_and_blocks_no_digit_that_is_written(weights, scene):
    image, mask, cortex = scene
    network = keras.load_parcellation(weights)
    sums = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        sums.append(Parcellation(network).parcels(image, mask, cortex).sums)
    torch.set_num_threads(n_threads())
    assert np.array_equal(*sums)
    blocks = Parcellation(network, evaluation=in_blocks).parcels(image, mask, cortex)
    assert blocks.sums == pytest.approx(sums[0], rel=1e-6)


def test_labels_of_a_side_become_its_parcels(weights, scene):
    image, mask, cortex = scene
    found = Parcellation(keras.load_parcellation(weights)).parcels(image, mask, cortex)
    inside = (slice(2, 30), slice(0, 16), slice(4, 44))
    labels = np.zeros((28, 16, 40), np.int32)
    labels[cortex[1][inside].numpy() > 0.2] = 42
    labels[cortex[0][inside].numpy() > 0.2] = 3
    labels[0, 0, 0] = 17
    divided = found.within(labels, inside)
    assert np.array_equal(divided // 1000, np.select([labels == 3, labels == 42], [1, 2], 0))
    assert divided[0, 0, 0] == 17 and {*divided.flat} <= {0, 17, *PARCEL_LABELS}
    where = tuple(np.argwhere(labels == 42)[7])
    padded = tuple(w + part.start for w, part in zip(where, inside, strict=True))
    assert divided[where] == PARCEL_LABELS[N_PARCELS + found.likeliest[1][padded]]


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
