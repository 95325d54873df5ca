"""Checkpoints on disk."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.kspace.formats.protocol import Scan
from stages.recon.learned import resume
from stages.recon.learned.networks import parameters_of
from stages.recon.learned.resume import KEPT, Checkpoints, key, stamps
from stages.recon.learned.slices import Slices
from stages.recon.learned.training import start, train
from stages.study.errors import StudyError
from tests.recon.conftest import CPU, train_params

MEMBER = Path("checkpoints/unet/0")
CONTENT = {"steps": 100, "seed": 0}
SIZE = 50_000  # values of a state


def state(step: int) -> dict:
    return {"step": step, "weights": torch.full((SIZE,), float(step)), "curves": [{"loss": 1 / 3}]}


def written(*steps: int, content: dict = CONTENT) -> Checkpoints:
    checkpoints = Checkpoints.of(MEMBER, content, 0.0)
    for step in steps:
        checkpoints.write(step, state(step))
    return checkpoints


@contextmanager
def small_disk(n_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_last_state_comes_back() -> None:
    assert Checkpoints.of(MEMBER, CONTENT, 0.0).latest() is None
    written(3, 12)
    found = Checkpoints.of(MEMBER, CONTENT, 0.0).latest()
    assert found["step"] == 12
    assert found["curves"] == [{"loss": 1 / 3}]
    assert torch.equal(found["weights"], state(12)["weights"])


def test_two_are_kept() -> None:
    folder = written(9, 10, 11, 100).folder
    assert KEPT == 2
    assert sorted(p.name for p in folder.iterdir()) == ["step-00000011.pt", "step-00000100.pt"]


@pytest.mark.parametrize("position", [0, 40, 1000, -1])
@pytest.mark.parametrize("damage", ["flipped", "torn"])
def test_a_damaged_file_is_left_out(
    position: int, damage: str, capsys: pytest.CaptureFixture
) -> None:
    path = written(1, 2).folder / "step-00000002.pt"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content if damage == "flipped" else content[:position])
    again = Checkpoints.of(MEMBER, CONTENT, 0.0)
    assert again.latest()["step"] == 1
    line = f"{path}: expected a checkpoint, got a damaged file; left out\n"
    assert capsys.readouterr().err == line
    assert list(again.steps()) == [1]  # or the next two would push the good one out


def test_nothing_but_damaged_files() -> None:
    for path in written(1, 2).steps().values():
        path.write_bytes(b"")
    assert Checkpoints.of(MEMBER, CONTENT, 0.0).latest() is None


def test_other_trainings_of_the_member_are_deleted() -> None:
    other = written(5, content=CONTENT | {"steps": 200})
    (other.folder.with_name("torn")).mkdir()
    neighbour = MEMBER.with_name("1") / "some/step-00000001.pt"
    neighbour.parent.mkdir(parents=True)
    neighbour.write_bytes(b"of another member")
    own = written(7)
    assert [path.name for path in MEMBER.iterdir()] == [own.folder.name]
    assert neighbour.exists()
    own.remove()
    assert not MEMBER.exists()


def test_what_a_kill_has_left_is_deleted() -> None:
    folder = written(1).folder
    (folder / resume.PARTIAL).write_bytes(b"half")
    assert written().latest()["step"] == 1
    assert [path.name for path in folder.iterdir()] == ["step-00000001.pt"]


def test_a_checkpoint_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(resume, "monotonic", lambda: now[0])
    checkpoints = Checkpoints(MEMBER / "k", interval_s=60, written_s=0.0)
    for second in range(1, 200):
        now[0] = float(second)
        checkpoints.offer(second, lambda step=second: state(step))
    assert list(checkpoints.steps()) == [180, 120]


def test_a_full_disk_names_what_is_kept() -> None:
    checkpoints = written(4)
    expected = (
        rf"{checkpoints.folder}: expected room for 0\.2 MB, got 'File too large';"
        r" the checkpoint of step 4 is kept: raise the limit of a file's size .* and run again"
    )
    with pytest.raises(StudyError, match=expected), small_disk(SIZE):
        checkpoints.write(5, state(5))
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-00000004.pt"]
    assert written().latest()["step"] == 4


def test_a_disk_that_is_full_from_the_start() -> None:
    checkpoints = written()
    with pytest.raises(StudyError, match="no checkpoint is kept"), small_disk(SIZE):
        checkpoints.write(1, state(1))
    assert checkpoints.latest() is None


def test_a_training_stops_where_the_disk_is_full(slices: Slices) -> None:
    params = train_params("unet")
    training = start(params, "unet", 0, [slices.size], CPU)
    with pytest.raises(StudyError, match="no checkpoint is kept"), small_disk(10_000):
        train(training, params, [slices], written())
    assert training.step == 1


@pytest.mark.parametrize("architecture", ["unet", "varnet", "rim"])
def test_a_training_goes_on_from_its_files(architecture: str, slices: Slices) -> None:
    params = train_params(architecture, batch_size=2, steps=9)

    def fresh(seed: int = 0) -> object:
        return start(params, architecture, seed, [slices.size], CPU)

    whole = train(fresh(), params, [slices])
    train(fresh(), params.model_copy(update={"steps": 5}), [slices], written())
    resumed = fresh(seed=9)
    resumed.load_state_dict(written().latest())
    assert resumed.step == 5
    train(resumed, params, [slices], written())
    assert resumed.curves == whole.curves
    for a, b in zip(*(parameters_of(s.engine) for s in (resumed, whole)), strict=True):
        assert torch.equal(a, b)


def test_stamps_follow_the_file(scan: Scan) -> None:
    before = stamps([scan])
    assert before == {str(scan.path): [scan.path.stat().st_size, scan.path.stat().st_mtime_ns]}
    scan.path.touch()
    assert stamps([scan]) != before


@settings(max_examples=25)
@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.none()), min_size=1))
def test_any_change_gives_another_key(content: dict) -> None:
    shuffled = dict(reversed(content.items()))
    assert key(shuffled) == key(content)
    for name in content:
        assert key(content | {name: [content[name]]}) != key(content)
