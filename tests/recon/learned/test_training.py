"""The training loop."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.params.train import ScheduleParams, TrainParams
from stages.recon.learned.networks import parameters_of
from stages.recon.learned.slices import SliceOrder, Slices
from stages.recon.learned.training import Adam, TrainingState, learning_rate_schedule, start, train
from stages.study.errors import StudyError
from tests.fabricated import ROOT
from tests.recon.conftest import CPU, train_params


def trained(params: TrainParams, slices: Slices, seed: int, name: str = "unet") -> TrainingState:
    state = start(params, name, seed, [len(slices.kspace)], CPU)
    return train(state, params, [slices], [slices])


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


def test_the_loss_falls_and_the_image_improves(slices: Slices) -> None:
    params = train_params("varnet", steps=30, validation_interval=10)
    curves = trained(params, slices, 0).curves
    assert [row["step"] for row in curves] == list(range(1, 31))
    first, last = (sum(row["loss"] for row in part) for part in (curves[:6], curves[-6:]))
    assert last < 0.8 * first
    scores = [row["validation_psnr"] for row in curves if "validation_psnr" in row]
    assert len(scores) == 3
    assert scores[-1] > scores[0]


def test_a_state_that_was_put_aside_goes_on_exactly(slices: Slices) -> None:
    params = train_params("unet", batch_size=2, steps=8)
    whole = trained(params, slices, 0)
    half = start(params, "unet", 0, [len(slices.kspace)], CPU)
    train(half, params.model_copy(update={"steps": 5}), [slices], [slices])
    resumed = start(params, "unet", 9, [len(slices.kspace)], CPU)
    resumed.load_state_dict(half.state_dict())
    train(resumed, params, [slices], [slices])
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


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    batch_size=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_an_epoch_shows_full_batches_of_one_scan_each(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    order = SliceOrder(lengths, batch_size, torch.Generator().manual_seed(seed))
    n_batches = sum(max(n // batch_size, 1) for n in lengths)
    for _ in range(2):
        seen = [order.next() for _ in range(n_batches)]
        slices = [(scan, index) for scan, chosen in seen for index in chosen]
        assert len(set(slices)) == len(slices)
        assert all(index < lengths[scan] for scan, index in slices)
        assert all(len(chosen) == min(batch_size, lengths[scan]) for scan, chosen in seen)
        if batch_size == 1:
            assert len(slices) == sum(lengths)


def test_the_order_goes_on_from_its_state() -> None:
    order = SliceOrder([5, 3], 2, torch.Generator().manual_seed(0))
    for _ in range(4):
        order.next()
    other = SliceOrder([5, 3], 2, torch.Generator().manual_seed(7))
    other.load_state_dict(order.state_dict())
    assert [order.next() for _ in range(9)] == [other.next() for _ in range(9)]
