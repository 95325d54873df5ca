"""The step of a training by torch's compiler, on a CPU."""

import shutil
from collections.abc import Iterator

import pytest
import torch
import torch._dynamo
import torch._functorch.config
from torch._dynamo.utils import counters

from stages.params.train import TrainParams
from stages.recon.learned.compiler import step_functions
from stages.recon.learned.networks import parameters_of
from stages.recon.learned.slices import Slices
from stages.recon.learned.training import TrainingState, start, train
from stages.recon.physics import make_batch
from tests.recon.conftest import CPU, train_params

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="torch's compiler needs g++")


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    """Leave nothing compiled behind, nor the compiler's settings."""
    torch._dynamo.reset()
    counters.clear()
    recomputing = torch._functorch.config.patch(aggressive_recomputation=False)
    with torch._dynamo.config.patch(suppress_errors=False), recomputing:
        yield
    torch._dynamo.reset()


def trained(params: TrainParams, slices: Slices, **how: bool) -> TrainingState:
    torch._dynamo.reset()  # each as in a process of its own
    state = start(params, "rim", 0, [len(slices.kspace)], CPU)
    return train(state, params, [slices], [slices], **how)


def test_a_compiled_training_is_the_same_training(slices: Slices) -> None:
    params = train_params("rim", steps=4, validation_interval=2)
    plain = trained(params, slices)
    assert not counters["stats"]
    compiled, again = (trained(params, slices, compiled=True) for _ in range(2))
    assert counters["stats"]["unique_graphs"] > 3  # of the network, its losses and the physics
    for row, expected in zip(compiled.curves, plain.curves, strict=True):
        assert row == pytest.approx(expected, rel=1e-3)
    weights = [parameters_of(state.engine) for state in (plain, compiled, again)]
    for expected, one, other in zip(*weights, strict=True):
        assert torch.equal(one, other)
        torch.testing.assert_close(one, expected, rtol=0, atol=4 * params.learning_rate)


def test_nothing_is_compiled_unasked(slices: Slices) -> None:
    params = train_params("unet")
    engine = start(params, "unet", 0, [len(slices.kspace)], CPU).engine
    losses, batch_of = step_functions(engine, compiled=False)
    assert batch_of is make_batch
    assert set(losses) == set(params.losses)
