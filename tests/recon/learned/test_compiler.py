"""The step of a training by torch's compiler, on a CPU."""

import shutil
from collections.abc import Iterator

import pytest
import torch
import torch._dynamo
import torch._functorch.config
import torch.compiler.config
from torch._dynamo.utils import counters

from stages.params.train import TrainParams
from stages.recon.learned.compiler import processor, step_functions
from stages.recon.learned.networks import modules_of, parameters_of
from stages.recon.learned.slices import Slices
from stages.recon.learned.training import TrainingState, start, train
from stages.recon.physics import make_batch
from tests.recon.conftest import CPU, direct_in_float64, nudged_kspace, train_params
from tests.tolerances import assert_not_farther

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="torch's compiler needs g++")


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    """Leave nothing compiled behind, nor the compiler's settings."""
    torch._dynamo.reset()
    counters.clear()
    recomputing = torch._functorch.config.patch(aggressive_recomputation=False)
    tag = torch.compiler.config.patch(cache_key_tag="")
    with torch._dynamo.config.patch(suppress_errors=False), recomputing, tag:
        yield
    torch._dynamo.reset()


def test_what_was_compiled_for_other_vector_instructions_is_not_taken(
    slices: Slices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    restricted = processor()
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    assert restricted != processor()
    engine = start(train_params("unet"), "unet", 0, [slices.size], CPU).engine
    step_functions(engine, compiled=True)
    assert torch.compiler.config.cache_key_tag == processor()


def trained(params: TrainParams, slices: Slices, **how: bool) -> TrainingState:
    torch._dynamo.reset()  # each as in a process of its own
    state = start(params, "rim", 0, [slices.size], CPU)
    return train(state, params, [slices], **how)


def exactly_trained(params: TrainParams, slices: Slices) -> TrainingState:
    """Train the same network in float64."""
    state = start(params, "rim", 0, [slices.size], CPU)
    for module in modules_of(state.engine).values():
        module.double()
    exact = Slices(slices.kspace.to(torch.complex128), slices.mask)
    with direct_in_float64():
        return train(state, params, [exact])


def weights(state: TrainingState) -> torch.Tensor:
    """Return all weights one after the other."""
    return torch.cat([p.detach().flatten() for p in parameters_of(state.engine)])


def test_a_compiled_training_is_the_same_training(slices: Slices) -> None:
    params = train_params("rim", steps=4)
    plain = trained(params, slices)
    assert not counters["stats"]
    compiled, again = (trained(params, slices, compiled=True) for _ in range(2))
    assert counters["stats"]["unique_graphs"] > 3  # of the network, its losses and the physics
    assert torch.equal(weights(again), weights(compiled))
    near = [Slices(kspace, slices.mask) for kspace in nudged_kspace(slices.kspace)]
    others = [plain, *(trained(params, one) for one in near)]
    truth = exactly_trained(params, slices)
    assert weights(truth).dtype == torch.float64
    # Adam takes steps of one size whatever the size of a gradient: where it is zero but for
    # rounding, one of them may go the other way
    assert_not_farther(weights(compiled), [weights(other) for other in others], weights(truth))
    for row, expected, *rows in zip(
        compiled.curves, truth.curves, *(other.curves for other in others), strict=True
    ):
        assert row.keys() == expected.keys()
        for key, value in row.items():
            assert_not_farther(value, [other[key] for other in rows], expected[key])


def test_nothing_is_compiled_unasked(slices: Slices) -> None:
    params = train_params("unet")
    engine = start(params, "unet", 0, [slices.size], CPU).engine
    losses, batch_of = step_functions(engine, compiled=False)
    assert batch_of is make_batch
    assert set(losses) == set(params.losses)
