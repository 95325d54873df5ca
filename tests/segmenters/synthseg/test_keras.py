"""The official files, written by the reference implementation's own Keras."""

import shutil

import h5py
import numpy as np
import pytest

from stages.segmenters.synthseg import keras
from stages.study.errors import StudyError
from stages.study.structures import SYNTHSEG_LABELS, SYNTHSEG_NAMES
from tests.segmenters.conftest import GOLDEN
from tests.segmenters.synthseg.official import add_layer, drop_layer

STANDARD = GOLDEN / "synthseg_2.0.h5"
ROBUST = GOLDEN / "synthseg_robust_2.0.h5"


def n_values(model):
    networks = model.networks.values()
    return sum(v.numel() for n in networks for v in n.state_dict().values() if v.ndim > 0)


def test_widths_come_from_the_shapes():
    standard, robust = keras.load(STANDARD, "standard"), keras.load(ROBUST, "robust")
    assert n_values(standard) == 369_009
    assert n_values(robust) == 2_434_047
    assert list(robust.networks) == ["unet", "l2l", "unet2"]
    assert robust.networks["l2l"].architecture.kernel == 5
    assert robust.networks["l2l"].architecture.skips == (False, False, True, True)
    assert robust.networks["unet2"].architecture.n_inputs == 6
    assert standard.labels == SYNTHSEG_LABELS and standard.names == SYNTHSEG_NAMES
    assert standard.mirrored and standard.topology and not robust.mirrored


def _rewrite(path, change):
    """Copy the standard file and let `change` edit it."""
    shutil.copy(STANDARD, path)
    with h5py.File(path, "r+") as file:
        change(file)


def test_bytes_as_names_and_a_nested_group_are_read(tmp_path):
    def change(file):
        names = list(file.attrs["layer_names"])
        for name in names:
            texts = [str(t) for t in file[name].attrs["weight_names"]]
            file[name].attrs["weight_names"] = np.array(texts, dtype="S80")
        group = file.create_group("model_weights")
        for name in names:
            file.move(name, f"model_weights/{name}")
        group.attrs["layer_names"] = np.array([str(n) for n in names], dtype="S80")
        del file.attrs["layer_names"]

    _rewrite(tmp_path / "a.h5", change)
    assert n_values(keras.load(tmp_path / "a.h5", "standard")) == 369_009


def _misshape(file):
    group = file["unet_conv_downarm_1_0"]
    name = group.attrs["weight_names"][0]
    values = np.asarray(group[name])[..., :-1]
    del group[name]
    group[name] = values


def _shorten(file):
    group = file["unet_bn_up_2"]
    group.attrs["weight_names"] = list(group.attrs["weight_names"])[:3]


def _strip(file):
    del file.attrs["layer_names"]


FAULTS = {
    drop_layer: "misses the layer 'unet_bn_up_2'",
    add_layer: "unknown layer 'unet_bn_up_9'",
    _misshape: "'unet.down.1.first.weight': expected shape",
    _shorten: "'unet_bn_up_2': expected 4 arrays, got 3",
    _strip: "expected a Keras weight file",
}


@pytest.mark.parametrize("change", FAULTS)
def test_faulty_layers_are_named(change, tmp_path):
    _rewrite(tmp_path / "bad.h5", change)
    with pytest.raises(StudyError, match=FAULTS[change]) as caught:
        keras.load(tmp_path / "bad.h5", "standard")
    assert "bad.h5" in str(caught.value) and "\n" not in str(caught.value)


def test_files_of_the_other_mode():
    with pytest.raises(StudyError, match="expected weights of the standard mode"):
        keras.load(ROBUST, "standard")
    with pytest.raises(StudyError, match="expected weights of the robust mode"):
        keras.load(STANDARD, "robust")


def test_damaged_and_missing_files(tmp_path):
    (tmp_path / "cut.h5").write_bytes(STANDARD.read_bytes()[:200_000])
    (tmp_path / "text.h5").write_text("hello")
    for name in ("cut.h5", "text.h5"):
        with pytest.raises(StudyError, match="download it again"):
            keras.load(tmp_path / name, "standard")
    with pytest.raises(StudyError, match="found none"):
        keras.load(tmp_path / "none.h5", "standard")
