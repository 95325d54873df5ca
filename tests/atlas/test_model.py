"""The file of an atlas: what is written comes back, and nothing else is taken."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.atlas import model
from stages.errors import StudyError
from tests.atlas.fabricated import tiny_atlas
from tests.tolerances import assert_rounded


def parts(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return dict(archive)


def rewritten(path: Path, change: dict, **others: np.ndarray) -> None:
    """Replace entries of the header and arrays of a file."""
    stored = parts(path)
    header = json.loads(stored["header"].tobytes()) | change
    stored |= {"header": np.frombuffer(json.dumps(header).encode(), np.uint8), **others}
    np.savez(path, **stored)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    model.save(tmp_path / "atlas.npz", tiny_atlas())
    return tmp_path / "atlas.npz"


def test_an_atlas_comes_back(path: Path) -> None:
    found, atlas = model.load(path), tiny_atlas()
    np.testing.assert_allclose(found.probabilities, atlas.probabilities, atol=0.01)
    total = found.probabilities.sum(0)
    assert_rounded(total, np.ones_like(total), 2 * len(found.probabilities))
    for key in ("voxel_size_mm", "signals", "channels", "labels", "names", "mixture"):
        assert getattr(found, key) == getattr(atlas, key)
    before = path.read_bytes()
    model.save(path, atlas)
    assert path.read_bytes() == before


@given(arrays(np.uint8, (3, 2, 2, 2)))
def test_probabilities_add_up(stored: np.ndarray) -> None:
    found = model.normalised(stored)
    assert_rounded(found.sum(0), np.ones(found.shape[1:]), 2 * len(found))
    assert (found[0][stored.sum(0) == 0] == 1).all()


FAULTS = {
    "format": ({"format": "synthseg-networks-1"}, "expected an atlas .* set segment.weights"),
    "channels": ({"channels": [0, 1]}, "tissues, got"),
    "signals": ({"signals": [0.0, float("nan"), 1.0, 0.5, 0.1]}, "finite signals"),
    "labels": ({"labels": [2, 3, 16]}, "background first"),
    "names": ({"names": ["one"]}, "a name for each label"),
    "size": ({"voxel_size_mm": 0}, "a positive voxel size"),
    "mixture": ({"mixture": {}}, "expected a value for 'mixture"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_header_is_one_line(name: str, path: Path) -> None:
    change, message = FAULTS[name]
    rewritten(path, change)
    with pytest.raises(StudyError, match=message) as caught:
        model.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "stored",
    [np.zeros((4, 3, 3, 3)), np.zeros((4, 3, 3), np.uint8), np.array([{"a": 1}], object)],
)
def test_wrong_arrays_and_pickles_are_refused(stored: np.ndarray, path: Path) -> None:
    rewritten(path, {}, probabilities=stored)
    with pytest.raises(StudyError, match=r"atlas\.npz: expected"):
        model.load(path)


@given(cut=st.integers(0, 400))
def test_a_truncated_file_is_one_line(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cut") / "atlas.npz"
    model.save(path, tiny_atlas())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(StudyError, match=r"atlas\.npz: expected an atlas"):
        model.load(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="found none"):
        model.load(tmp_path / "none.npz")
