"""Weights that a training keeps on its way, whatever becomes of it."""

from pathlib import Path

import pytest
import torch

from stages.params.train import TrainParams
from stages.recon.learned import snapshots
from stages.recon.learned.resume import Checkpoints
from stages.recon.learned.slices import Slices
from stages.recon.learned.snapshots import Snapshots
from stages.recon.learned.training import TrainingState, resume, start, train
from stages.study import layout
from stages.study.errors import StudyError
from tests.recon.conftest import CPU, train_params
from tests.recon.learned.test_resume import small_disk

PARAMS = {"steps": 6, "snapshot_interval": 2, "batch_size": 2}


def checkpoints() -> Checkpoints:
    return Checkpoints.of(Path("member"), {"a": 1}, 0.0)


def run(slices: Slices, params: TrainParams, steps: int = 6) -> TrainingState:
    """Train so many of the steps, from the last checkpoint on."""
    own = checkpoints()
    state = start(params, "unet", 0, [slices.size], CPU)
    resume(state, own, params)
    params = params.model_copy(update={"steps": steps})
    return train(state, params, [slices], own, Snapshots(own).write)


def kept() -> dict[int, bytes]:
    found = layout.snapshots(Snapshots(checkpoints()).folder)
    return {step: path.read_bytes() for step, path in found.items()}


def test_steps_are_every_so_many_and_the_last() -> None:
    for steps, interval, expected in ((6, 2, (2, 4, 6)), (7, 3, (3, 6, 7)), (2, 5, (2,))):
        assert (
            train_params("unet", steps=steps, snapshot_interval=interval).snapshot_steps == expected
        )


def test_snapshots_are_the_weights_and_outlive_an_interruption(slices: Slices) -> None:
    params = train_params("unet", **PARAMS)
    state = run(slices, params)
    whole = kept()
    assert list(whole) == [2, 4, 6]
    last = torch.load(layout.snapshots(Snapshots(checkpoints()).folder)[6], weights_only=True)
    for name, value in state.engine.model.state_dict().items():
        assert torch.equal(last["model"][name], value)
    checkpoints().remove()
    run(slices, params, steps=4)
    assert kept() == {step: whole[step] for step in (2, 4)}
    run(slices, params)
    assert kept() == whole


def test_a_lost_snapshot_is_trained_again(
    slices: Slices, capsys: pytest.CaptureFixture[str]
) -> None:
    params = train_params("unet", **PARAMS)
    run(slices, params, steps=4)
    whole = kept()
    (Snapshots(checkpoints()).folder / layout.snapshot(2)).unlink()
    run(slices, params, steps=1)
    assert list(checkpoints().steps()) == [1]
    assert "expected the snapshot of step 2, found none; training starts afresh" in (
        capsys.readouterr().err
    )
    run(slices, params, steps=4)
    found = kept()  # and step 1, the last of its run
    assert {step: found[step] for step in whole} == whole


@pytest.mark.parametrize("linked", [True, False])
def test_they_are_handed_over(linked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    own = Snapshots(checkpoints())
    for step in (2, 10):
        own.write(step, {"model": {"weight": torch.full((3,), float(step))}})
    before = kept()
    if not linked:
        monkeypatch.setattr(snapshots.os, "link", refuse)
    Path("out").mkdir()
    own.hand_over(Path("out"))
    assert {n: path.read_bytes() for n, path in layout.snapshots(Path("out")).items()} == before
    assert kept() == before
    n_links = (Path("out") / layout.snapshot(2)).stat().st_nlink
    assert n_links == (2 if linked else 1)


def test_a_full_disk_is_one_line() -> None:
    own = Snapshots(checkpoints())
    with pytest.raises(StudyError, match="no checkpoint is kept"), small_disk(1000):
        own.write(1, {"model": {"weight": torch.zeros(1000)}})
    assert not list(own.folder.iterdir())
