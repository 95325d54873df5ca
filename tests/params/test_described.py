"""Parameters in words."""

import pytest

from stages.params.described import by_architecture, losses, network, plain, schedule
from stages.params.described import sensitivity_network as sensitivities
from stages.params.train import ScheduleParams, TrainParams
from tests.fabricated import ROOT


@pytest.fixture
def params() -> TrainParams:
    """The RIM of the default study."""
    return TrainParams.load_architecture("rim", ROOT / "params.yaml")


def test_a_value_that_all_share_stands_once() -> None:
    assert by_architecture({"unet": "8", "rim": "8"}) == "8"
    assert by_architecture({"unet": "8", "rim": "2"}) == "unet: 8; rim: 2"
    assert by_architecture({}) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (100000, "100,000"),
        (0.0005, "0.0005"),
        ((0.9, 0.99), "0.9, 0.99"),
        ({"depth": 2, "skip": False}, "depth 2, skip no"),
        ("float32", "float32"),
    ],
)
def test_values_in_words(value: object, text: str) -> None:
    assert plain(value) == text


def test_losses_have_their_weights(params: TrainParams) -> None:
    other = params.model_copy(update={"losses": {"l1_loss": 1.0, "ssim_loss": 0.5}})
    assert losses(other) == "l1_loss + 0.5 ssim_loss"


def test_schedules(params: TrainParams) -> None:
    assert schedule(params) == "cosine decay after 8 steps of warm-up"
    steps = ScheduleParams(kind="multistep", warmup_steps=0, decay_steps=500, decay_factor=0.5)
    assert schedule(params.model_copy(update={"schedule": steps})) == "factor 0.5 every 500 steps"
    cyclic = ScheduleParams(kind="cyclic", warmup_steps=5, cycles=4)
    words = "cosine decay in each of 4 cycles after 5 steps of warm-up"
    assert schedule(params.model_copy(update={"schedule": cyclic})) == words


def test_networks(params: TrainParams) -> None:
    assert network(params).startswith("hidden_channels 16, length 5")
    assert network(params.model_copy(update={"network": {}})) == "DIRECT's defaults"
    assert sensitivities(params) == "none"
    small = params.model_copy(update={"sensitivity_network": {"num_filters": 8}})
    assert sensitivities(small) == "U-Net, num_filters 8"
