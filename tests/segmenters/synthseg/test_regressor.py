"""The network of quality scores, against an encoder in numpy, and its file."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.segmenters.synthseg import regressor_file
from stages.segmenters.synthseg.regressor import REGIONS, QualityScores
from stages.study.errors import StudyError
from tests.kernels import n_threads
from tests.segmenters.conftest import GOLDEN
from tests.segmenters.synthseg import by_hand
from tests.segmenters.synthseg.official import Scores, quality_layers, write_layers
from tests.tolerances import assert_not_farther, nudged

SMALL = Scores(width=2, n_levels=3, n_each=2, kernel=3)
SHAPES = {
    "residual": SMALL,
    "plain": replace(SMALL, residual=False, norm=False),
    "wide kernels": replace(SMALL, n_levels=2, n_each=3, kernel=5, norm=False),
}


@pytest.fixture(scope="module")
def posteriors():
    """Posteriors (33, x, y, z) that add up to one."""
    values = np.random.default_rng(3).random((33, 8, 12, 16), np.float32) ** 4
    return np.ascontiguousarray(values / values.sum(0))


@pytest.mark.kernels
@pytest.mark.parametrize("name", SHAPES)
def test_outputs_are_those_of_a_network_in_numpy(name, posteriors, tmp_path):
    shape = SHAPES[name]
    layers = quality_layers(shape)
    network = regressor_file.load(write_layers(tmp_path / "qc.h5", layers))
    torch.set_num_threads(n_threads())
    found = network(torch.from_numpy(posteriors)[None])

    def run(values, dtype):
        inputs = values.transpose(1, 2, 3, 0).astype(dtype)
        return by_hand.regressor(layers, inputs, shape.n_levels, shape.n_each)

    theirs = [run(p, np.float32) for p in (posteriors, *(nudged(posteriors, k) for k in range(3)))]
    assert found.shape == (8,)
    assert_not_farther(found, theirs, run(posteriors, np.float64))


def test_threads_change_nothing(posteriors, tmp_path):
    network = regressor_file.load(write_layers(tmp_path / "qc.h5", quality_layers(SMALL)))
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(network(torch.from_numpy(posteriors)[None]))
    torch.set_num_threads(n_threads())
    assert np.array_equal(*found)


def test_scores_are_cut_and_have_the_names_of_regions(posteriors, tmp_path):
    layers = quality_layers(SMALL)
    kernel, _ = layers["qc_final_conv_1"]
    outputs = [-1.0, 0.25, 2.0, 0.0, 1.0, 0.5, 0.75, -0.0]
    layers["qc_final_conv_1"] = [kernel * 0, np.array(outputs)]
    scores = QualityScores(regressor_file.load(write_layers(tmp_path / "qc.h5", layers)))
    expected = [0.0, 0.25, 1.0, 0.0, 1.0, 0.5, 0.75, 0.0]
    assert scores.of(torch.from_numpy(posteriors)) == dict(zip(REGIONS, expected, strict=True))


def test_sizes_come_from_the_file(tmp_path):
    path = write_layers(tmp_path / "synthseg_qc_2.0.h5", quality_layers(Scores(n_levels=3)))
    network = regressor_file.load(path)
    assert network.n_inputs == 33 and network.n_outputs == len(REGIONS) == 8
    assert [len(stage.convolutions) for stage in network.stages] == [3, 3, 3]
    assert [stage.convolutions[0].weight.shape for stage in network.stages] == [
        (24, 33, 5, 5, 5),
        (48, 24, 5, 5, 5),
        (96, 48, 5, 5, 5),
    ]
    assert all(stage.residual and stage.norm for stage in network.stages)


def test_a_level_that_keeps_its_width_needs_no_projection(posteriors, tmp_path):
    layers = quality_layers(replace(SMALL, width=33, n_levels=1))
    layers["qc_conv_downarm_1_0"] = layers.pop("qc_conv_downarm_0_1")
    layers["qc_conv_downarm_1_0"][0] *= 0
    layers["qc_conv_downarm_1_0"][1] *= 0
    network = regressor_file.load(write_layers(tmp_path / "qc.h5", layers))
    x = torch.rand((1, 33, 4, 4, 4), generator=torch.Generator().manual_seed(0))
    assert torch.equal(network.stages[1](x.clone()), x)  # a sum with nothing


def _change(name, number, change):
    def apply(layers):
        layers[name][number] = change(layers[name][number])

    return apply


FAULTS = {
    "no encoder": (
        lambda layers: [layers.pop(n) for n in [*layers] if "downarm" in n],
        "misses the layer 'qc_conv_downarm_0_0'",
    ),
    "a level short": (
        lambda layers: layers.pop("qc_conv_downarm_1_0"),
        "misses the layer 'qc_conv_downarm_1_0'",
    ),
    "no end": (
        lambda layers: [layers.pop(n) for n in [*layers] if "final" in n],
        "misses the layers after the encoder",
    ),
    "another network's": (
        lambda layers: layers.update(unet_bn_up_0=layers["qc_bn_down_0"]),
        "has the unknown layer 'unet_bn_up_0'",
    ),
    "other inputs": (
        _change("qc_conv_downarm_0_0", 0, lambda v: v[:, :, :, :9]),
        "'qc_conv_downarm_0_0': expected 33 inputs, the posteriors of SynthSeg's labels, got 9",
    ),
    "channels that do not meet": (
        _change("qc_conv_downarm_1_0", 0, lambda v: v[:, :, :, :1]),
        "'qc_conv_downarm_1_0': expected 2 inputs, the outputs of 'qc_conv_downarm_0_1', got 1",
    ),
    "other outputs": (
        lambda layers: layers.update(
            qc_final_conv_1=[v[..., :7] for v in layers["qc_final_conv_1"]]
        ),
        "'qc_final_conv_1': expected 8 outputs, one for each region, got 7",
    ),
    "an even kernel": (
        _change("qc_conv_downarm_0_1", 0, lambda v: v[:2, :2, :2]),
        "'qc_conv_downarm_0_1': expected a cubic kernel of odd sides and a bias, got shapes",
    ),
    "a flat kernel": (
        _change("qc_conv_downarm_0_1", 0, lambda v: v[0]),
        "'qc_conv_downarm_0_1': expected a cubic kernel of odd sides and a bias, got shapes",
    ),
    "a norm of other channels": (
        _change("qc_bn_down_1", 2, lambda v: v[:-1]),
        "'qc_bn_down_1': expected arrays of 4 values, got shapes (3,), (4,)",
    ),
    "a norm of no level": (
        lambda layers: layers.update(qc_bn_down_7=layers["qc_bn_down_0"]),
        "'qc_bn_down_7': expected arrays of 0 values",
    ),
    "arrays short": (
        lambda layers: layers["qc_bn_down_0"].pop(),
        "'qc_bn_down_0': expected 4 arrays, got 3",
    ),
    "no projection": (
        lambda layers: layers.pop("qc_project_1"),
        "misses the projection of level 1, from 2 to 4 channels, which other levels have",
    ),
    "not a number": (
        _change("qc_final_conv_0", 1, lambda v: v * np.nan),
        "'qc_final_conv_0': expected finite values, got NaN",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faulty_files_are_one_line(name, tmp_path):
    layers = quality_layers(SMALL)
    change, words = FAULTS[name]
    change(layers)
    with pytest.raises(StudyError, match=r"bad\.h5: ") as caught:
        regressor_file.load(write_layers(tmp_path / "bad.h5", layers))
    line = str(caught.value)
    assert words in line and "\n" not in line and line.endswith("(synthseg_qc_2.0.h5)")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(StudyError, match="has the unknown layer 'unet_"):
        regressor_file.load(GOLDEN / "synthseg_2.0.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(StudyError, match="download it again"):
        regressor_file.load(tmp_path / "text.h5")
    with pytest.raises(StudyError, match="found none"):
        regressor_file.load(tmp_path / "none.h5")
