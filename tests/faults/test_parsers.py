"""Whatever bytes a file holds, a reader returns something valid or raises one line."""

import json
import re
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.kspace.formats.catalogue import open_scan, write_scan
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.masks.sampling import load_mask
from stages.measures.members import volume_table
from stages.params import ensembles, section, train
from stages.params.section import read
from stages.params.sections import load_all
from stages.recon.learned.exchange import CHECKPOINT, read_configuration
from stages.recon.learned.resume import read as read_checkpoint
from stages.segmenters.image import load as load_image
from stages.segmenters.synthseg import keras, model
from stages.storage.files import read_json
from stages.storage.nifti import load_volume
from stages.storage.reading import Kind
from stages.storage.tables import read_table
from stages.storage.tensors import load_plain
from stages.storage.text import LARGEST_BYTES, parse_yaml, read_text
from stages.study.errors import StudyError
from stages.study.subjects import subject_map
from tests.fabricated import ROOT
from tests.faults import corpus
from tests.faults.test_inputs import challenge, own_mask
from tests.scans import N_COILS, PARTIAL_FOURIER, toy_kspace

FORMAT = ScanFormat(N_COILS, PARTIAL_FOURIER)
MEMORY_BYTES = 1 << 28
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
Read = Callable[[Path], object]


def params(path: Path) -> None:
    """Read all sections and all architectures, the file only once: PyYAML is slow."""
    content, recipes = read(path), read(ROOT / section.RECIPES)
    with pytest.MonkeyPatch.context() as patch:
        for module in (section, ensembles, train):
            patch.setattr(module, "read", lambda each: content if each == path else recipes)
        load_all(path)


def subjects(path: Path) -> None:
    """Read a table of subjects."""
    subject_map(["sub-1"], None, str(path), {})


# name: (file name, what writes a good file, what reads it)
READERS: dict[str, tuple[str, corpus.Make, Read]] = {
    "scan": (
        "a.h5",
        lambda p: write_scan(p, toy_kspace((2, 8, 8), N_COILS)),
        lambda p: list(open_scan(p, FORMAT).batches()),
    ),
    "volume": ("a.nii.gz", corpus.nifti(corpus.VOXELS), load_volume),
    "plain volume": (
        "a.nii",
        lambda p: p.write_bytes(nib.Nifti1Image(corpus.VOXELS, np.eye(4)).to_bytes()),
        load_volume,
    ),
    "image to segment": (
        "a.nii",
        lambda p: p.write_bytes(nib.Nifti1Image(corpus.VOXELS, np.diag([4, 4, 4, 1])).to_bytes()),
        load_image,
    ),
    "mask": ("a.npz", corpus.archive(**corpus.mask_arrays()), load_mask),
    "challenge": ("R5_24x20.npy", corpus.array(np.ones((2, *corpus.MATRIX), bool)), challenge),
    "own mask": ("mask.npy", corpus.array(np.ones(corpus.MATRIX, bool)), own_mask),
    "weights": (
        "a.npz",
        lambda p: p.write_bytes((ROOT / "weights/embedded.npz").read_bytes()),
        model.load,
    ),
    "keras": (
        "a.h5",
        corpus.h5_weights(lambda g: g.create_dataset("kernel", data=np.ones(3, np.float32))),
        keras.read_layers,
    ),
    "checkpoint": (
        "a.pt",
        corpus.saved({"model": {"weight": torch.arange(12.0).reshape(3, 4)}}),
        lambda p: load_plain(p, CHECKPOINT),
    ),
    "older checkpoint": (
        "a.pt",
        corpus.saved({"model": torch.arange(12.0)}, _use_new_zipfile_serialization=False),
        lambda p: load_plain(p, CHECKPOINT),
    ),
    "resume": ("a.pt", corpus.saved({"step": 3}), read_checkpoint),
    "json": ("a.json", corpus.table('{"a": [1, 2.5, null], "b": {"c": "d"}}'), read_json),
    "table": ("a.csv", corpus.table("subject,csf\nsub-1,1.5\n"), lambda p: read_table(p, [])),
    "volumes": (
        "a.csv",
        corpus.table("subject,CSF,left hippocampus,right hippocampus\nsub-1,1.5,2,3\n"),
        volume_table,
    ),
    "subjects": ("a.csv", corpus.table("scan,subject\nsub-1,1\n"), subjects),
    "configuration": ("a.yaml", corpus.table("model: {a: 1}\nb: [1, 2]\n"), read_configuration),
}


@cache
def good(name: str) -> bytes:
    """Return the content of a good file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, READERS[name][0])
        READERS[name][1](path)
        return path.read_bytes()


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw damages of a good file: cut, overwritten, lengthened; or no trace of it left."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    # most of what decides lies at the start
    places = st.one_of(st.integers(0, min(600, len(content))), st.integers(0, len(content)))
    for _ in range(draw(st.integers(1, 4))):
        place, patch = draw(places), draw(st.binary(min_size=1, max_size=8))
        kind = draw(st.sampled_from(["overwrite", "insert", "cut", "extreme"]))
        if kind == "extreme":
            patch = draw(st.sampled_from([b"\xff" * 8, bytes(8), b"\x7f" + b"\xff" * 7]))
        end = place if kind == "insert" else place + len(patch)
        tail = b"" if kind == "cut" else content[end:]
        content = content[:place] + patch + tail
    return content


def answers(read: Read, path: Path) -> None:
    """Read a file: it returns, or raises a `StudyError` of one line, in little memory."""
    tracemalloc.start()
    try:
        with warnings.catch_warnings(action="ignore"):  # what a user would see, and go on
            read(path)
    except StudyError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MEMORY_BYTES


@pytest.mark.parametrize("name", READERS)
@FEW
@given(data=st.data())
def test_damaged_files(name: str, tmp_path: Path, data: st.DataObject) -> None:
    file, _, read = READERS[name]
    path = tmp_path / file
    path.write_bytes(data.draw(mutated(good(name))))
    answers(read, path)


@pytest.mark.parametrize("name", READERS)
def test_good_files_are_read(name: str, tmp_path: Path) -> None:
    file, make, read = READERS[name]
    make(tmp_path / file)
    if name not in ("challenge", "resume"):  # masks of all ones of so small a matrix have no rim
        read(tmp_path / file)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=6)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
LINES = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()


@FEW
@given(line=st.integers(0, len(LINES) - 1), value=TREES)
def test_any_value_in_params(tmp_path: Path, line: int, value: object) -> None:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).split("\n")[0]
    key = re.match(r"\s*(- )?[\w]+:", LINES[line])
    changed = f"{key[0]} {text}" if key else text
    path = tmp_path / "params.yaml"
    path.write_text("\n".join([*LINES[:line], changed, *LINES[line + 1 :]]), encoding="utf-8")
    answers(params, path)


@FEW
@given(text=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_as_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    answers(read, path)
    answers(read_configuration, path)


@FEW
@given(tree=TREES)
def test_what_json_can_hold_comes_back(tmp_path: Path, tree: object) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    if re.search(r"\b(NaN|Infinity)\b", json.dumps(tree)):
        answers(read_json, path)
    else:
        assert read_json(path) == tree


@FEW
@given(tree=TREES)
def test_yaml_without_doubles_means_what_it_says(tree: object) -> None:
    text = yaml.safe_dump(tree)
    np.testing.assert_equal(parse_yaml(text), yaml.safe_load(text))


@FEW
@given(
    names=st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=4),
    pattern=st.sampled_from(["(.*)s", "sub-(e[0-9]+)", "(x)", "(a|b)?"]),
)
def test_any_names_have_subjects(names: list[str], pattern: str) -> None:
    try:
        found = subject_map(names, pattern, files={})
    except StudyError as error:
        assert "expected a subject for each scan" in str(error)
        assert any(re.search(pattern, name) is None for name in names)
    else:
        assert set(found) == set(names)


def test_texts_have_a_largest_size(tmp_path: Path) -> None:
    corpus.sparse(tmp_path / "a", LARGEST_BYTES + 1)
    with pytest.raises(StudyError, match=f"{LARGEST_BYTES + 1} bytes"):
        read_text(tmp_path / "a", Kind("a text", "look", "correct it"))
