"""The study's own weight files."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE, open_model
from stages.study.errors import StudyError


def test_what_is_saved_is_what_is_loaded(tiny_model, tiny_weights):
    found = model.load(tiny_weights)
    for key in ("labels", "names", "recipe", "topology", "mirrored", "training"):
        assert getattr(found, key) == getattr(tiny_model, key)
    first, second = tiny_model.networks["unet"], found.networks["unet"]
    assert asdict(first.architecture) == asdict(second.architecture)
    for (key, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        kernel = a.ndim == 5 and "likelihood" not in key
        assert torch.equal(a.half().float() if kernel else a, b), key


def test_large_running_statistics_survive(tiny_model, tmp_path):
    network = tiny_model.networks["unet"]
    network.down[0].norm.running_var.fill_(2.9e5)  # beyond half precision
    model.save(tmp_path / "a.npz", tiny_model)
    found = model.load(tmp_path / "a.npz").networks["unet"]
    assert found.down[0].norm.running_var[0] == pytest.approx(2.9e5)
    network.down[0].norm.running_var.fill_(1.0)


def test_same_model_same_bytes(tiny_model, tmp_path):
    for name in ("a.npz", "b.npz"):
        model.save(tmp_path / name, tiny_model)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def _arrays(path):
    with np.load(path) as archive:
        return {key: archive[key] for key in archive.files}


def _without(arrays):
    del arrays["unet.likelihood.bias"]


def _with_more(arrays):
    arrays["unet.down.7.bias"] = np.zeros(3)


def _misshapen(arrays):
    arrays["unet.likelihood.bias"] = np.zeros(3)


def _other_format(arrays):
    header = json.loads(arrays["header"].tobytes())
    arrays["header"] = np.frombuffer(json.dumps(header | {"format": "x"}).encode(), np.uint8)


def _no_header(arrays):
    del arrays["header"]


FAULTS = {
    _without: "misses array 'unet.likelihood.bias'",
    _with_more: "unknown array 'unet.down.7.bias'",
    _misshapen: r"expected shape \(18,\), got \(3,\)",
    _other_format: "expected format",
    _no_header: "header",
}


@pytest.mark.parametrize("change", FAULTS)
def test_faulty_weights_are_one_line(change, tiny_weights, tmp_path):
    arrays = _arrays(tiny_weights)
    change(arrays)
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(StudyError, match=FAULTS[change]) as caught:
        model.load(tmp_path / "bad.npz")
    assert "\n" not in str(caught.value) and "bad.npz" in str(caught.value)


def test_damaged_and_missing_files(tiny_weights, tmp_path):
    (tmp_path / "cut.npz").write_bytes(tiny_weights.read_bytes()[:500])
    with pytest.raises(StudyError, match="damaged file"):
        model.load(tmp_path / "cut.npz")
    with pytest.raises(StudyError, match="found none"):
        model.load(tmp_path / "none.npz")


def test_pickles_are_never_read(tmp_path):
    np.savez(tmp_path / "evil.npz", header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StudyError, match="damaged file"):
        model.load(tmp_path / "evil.npz")


def test_catalogue(tiny_weights):
    assert open_model(str(tiny_weights), "standard").labels[0] == 0
    with pytest.raises(StudyError, match="no cascade for the robust mode"):
        open_model(str(tiny_weights), "robust")
    with pytest.raises(StudyError, match="expected 'embedded'"):
        open_model("weights.pt", "standard")


def test_embedded_weights_are_complete_and_small():
    embedded = open_model("embedded", "standard")
    assert EMBEDDED_FILE.stat().st_size < 3e6
    assert len(embedded.labels) == len(embedded.names) + 1 == 31
    assert embedded.training["optimisation"]["steps"] > 0
    assert replace(embedded).recipe.voxel_size_mm == 2.0
