"""The training loop."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.params.train import ScheduleParams, TrainParams
from stages.recon.learned.networks import parameters_of
from stages.recon.learned.resume import Checkpoints
from stages.recon.learned.slices import Slices
from stages.recon.learned.training import Adam, TrainingState, learning_rate_schedule, start, train
from stages.study.errors import StudyError
from tests.fabricated import ROOT
from tests.recon.conftest import CPU, train_params
from tests.tolerances import rounding


def trained(params: TrainParams, slices: Slices, seed: int, name: str = "unet") -> TrainingState:
    state = start(params, name, seed, [slices.size], CPU)
    return train(state, params, [slices])


def same_weights(one: TrainingState, other: TrainingState) -> bool:
    pairs = zip(parameters_of(one.engine), parameters_of(other.engine), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("architecture", ["unet", "varnet", "rim"])
def test_a_member_is_its_seed(architecture: str, slices: Slices) -> None:
    params = train_params(architecture, batch_size=2)
    one, same, other = (trained(params, slices, s, architecture) for s in (0, 0, 1))
    assert same_weights(one, same)
    assert one.curves == same.curves
    assert not same_weights(one, other)


def test_architectures_do_not_share_seeds(slices: Slices) -> None:
    params = train_params("unet")
    assert not same_weights(trained(params, slices, 0, "unet"), trained(params, slices, 0, "other"))


def test_the_loss_falls(slices: Slices) -> None:
    params = train_params("varnet", steps=30)
    curves = trained(params, slices, 0).curves
    assert [row["step"] for row in curves] == list(range(1, 31))
    first, last = (sum(row["loss"] for row in part) for part in (curves[:6], curves[-6:]))
    assert last < 0.8 * first


def test_a_state_that_was_put_aside_goes_on_exactly(slices: Slices) -> None:
    params = train_params("unet", batch_size=2, steps=8)
    whole = trained(params, slices, 0)
    half = start(params, "unet", 0, [slices.size], CPU)
    train(half, params.model_copy(update={"steps": 5}), [slices])
    resumed = start(params, "unet", 9, [slices.size], CPU)
    resumed.load_state_dict(half.state_dict())
    train(resumed, params, [slices])
    assert same_weights(resumed, whole)


def test_a_training_that_diverges_stops(slices: Slices) -> None:
    params = train_params("unet", learning_rate=1e30, gradient_clip=None)
    with pytest.raises(StudyError, match="expected a finite loss, got (nan|inf) at step"):
        trained(params, slices, 0)


def stepped(kind: type[torch.optim.Adam]) -> tuple[torch.Tensor, dict]:
    """Return weights and state after steps of an optimiser that was exchanged on the way."""
    weights = torch.nn.Parameter(torch.linspace(-1, 1, 7))
    optimizer = kind([weights], lr=0.1, betas=(0.9, 0.99), weight_decay=0.01)
    for step in range(6):
        optimizer.zero_grad(set_to_none=True)
        (weights * torch.linspace(0.5, 2, 7) ** step).square().sum().backward()
        optimizer.step()
        if step == 3:
            state = optimizer.state_dict()
            optimizer = kind([weights], lr=1.0)
            optimizer.load_state_dict(state)
    return weights.detach(), optimizer.state_dict()


def test_adam_is_torchs_adam() -> None:
    (ours, state), (theirs, expected) = stepped(Adam), stepped(torch.optim.Adam)
    assert torch.equal(ours, theirs)
    assert state["param_groups"] == expected["param_groups"]
    for name, value in expected["state"][0].items():
        assert torch.equal(state["state"][0][name], value)


def test_a_step_leaves_torchs_compiler_alone() -> None:
    code = (
        "import sys; from tests.recon.learned.test_training import Adam, stepped;"
        "stepped(Adam); assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def rates(params: ScheduleParams, steps: int) -> list[float]:
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = learning_rate_schedule(optimizer, params, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_cosine_schedule() -> None:
    found = rates(ScheduleParams(kind="cosine", warmup_steps=10), 100)
    assert found[0] == pytest.approx(1 / 3)
    assert found[50] == pytest.approx(0.5)
    assert max(found) == found[10]
    assert found[-1] < 1e-3


def test_schedule_of_the_challenge() -> None:
    params = ScheduleParams(kind="multistep", warmup_steps=4, decay_steps=10, decay_factor=0.2)
    found = rates(params, 25)
    assert found[:5] == pytest.approx([1 / 3, 1 / 2, 2 / 3, 5 / 6, 1.0])
    assert found[9:11] == pytest.approx([1.0, 0.2])
    assert found[20] == pytest.approx(0.04)


@given(cycles=st.integers(2, 6), length=st.integers(2, 30), data=st.data())
def test_cyclic_schedule(cycles: int, length: int, data: st.DataObject) -> None:
    warmup = data.draw(st.integers(0, length - 1))
    params = ScheduleParams(kind="cyclic", warmup_steps=warmup, cycles=cycles)
    found = rates(params, cycles * length)
    # each cycle is a training of its own with DIRECT's cosine, the first with the warm-up
    first = rates(ScheduleParams(kind="cosine", warmup_steps=warmup), length)
    later = rates(ScheduleParams(kind="cosine", warmup_steps=0), length)
    exact = {"rel": rounding(10, "float64"), "abs": rounding(10, "float64")}
    assert found == pytest.approx(first + later * (cycles - 1), **exact)


def test_closed_form_of_a_cycle() -> None:
    found = rates(ScheduleParams(kind="cyclic", warmup_steps=2, cycles=3), 12)
    half = math.sqrt(0.5)
    cosine = [1.0, (1 + half) / 2, 0.5, (1 - half) / 2]
    expected = [1 / 3, 2 / 3 * cosine[1], *cosine[2:], *cosine, *cosine]
    assert found == pytest.approx(expected, rel=rounding(10, "float64"))


def test_a_cyclic_training_goes_on_exactly(slices: Slices, tmp_path: Path) -> None:
    cyclic = {"kind": "cyclic", "warmup_steps": 1, "cycles": 2}
    params = train_params("unet", steps=6, schedule=cyclic, snapshot_interval=3)
    kept: dict[int, float] = {}
    whole = start(params, "unet", 0, [slices.size], CPU)
    train(whole, params, [slices], snapshot=lambda step, _: kept.update({step: rate_of(whole)}))
    full = params.learning_rate
    assert kept == {3: full, 6: full}  # the rate of the step that comes next
    checkpoints = Checkpoints.of(tmp_path / "checkpoints", {}, minutes=0)
    begun = start(params, "unet", 0, [slices.size], CPU)
    train(begun, params.model_copy(update={"steps": 4}), [slices], checkpoints)
    resumed = start(params, "unet", 9, [slices.size], CPU)
    resumed.load_state_dict(checkpoints.latest())
    train(resumed, params, [slices])
    assert same_weights(resumed, whole)
    assert resumed.curves == whole.curves


def rate_of(state: TrainingState) -> float:
    return state.optimizer.param_groups[0]["lr"]
