"""The schedule, a training that learns something easy, and one that is interrupted."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.params.segmenter import SegmenterParams
from stages.segmenters.synthseg import optimisation
from stages.segmenters.synthseg.synthesis import Draws, draw_image
from stages.study.errors import StudyError
from tests.segmenters.synthseg.test_synthesis import MATERIALS, QUIET, SHADING, head
from tests.tolerances import assert_rounded

QUALITY = {
    "seed": 0, "n_phantoms": 3, "n_ill": 1, "n_noise": 2, "n_shifts": 2,
    "grid": (16, 16, 16), "voxel_size_mm": 12.0,
    "n_coils": 2, "snr": 50.0, "partial_fourier": 0.85, "noise_snr": 30.0, "acceleration": 2.0,
    "center_fraction": 0.05,
}  # fmt: skip
OPTIMISATION = {
    "steps": 40, "learning_rate": 0.01, "weight_decay": 0.0, "flat": 0.5, "warm_up": 0.1,
    "volume_weight": 0.2, "volume_from": 0.5, "averaging": 0.9,
}  # fmt: skip
PHASE = {"steps": 5, "learning_rate": 0.01, "volume_weight": 0.8, "synthesis": QUIET}
DISEASES = {
    "real": 0.0, "log_sd": 0.0,
    "atrophy": {"hippocampus": 0.2, "amygdala": 0.2, "cortex": 0.05, "ventricles": 0.4},
    "lesions": {
        "load_ml": 1.0, "number": 3, "size_log_sd": 1.0, "depth_mm": 8.0, "t1_ms": 1200.0,
        "proton_density": 0.78,
    },
    "infarct": {
        "volume_ml": 1.0, "side": "left", "rim_mm": 1.0,
        "rim": {"t1_ms": 1500.0, "proton_density": 0.82},
    },
    "tumour": {
        "volume_ml": 0.5, "side": "right", "displacement": 0.5, "rim_mm": 1.0, "oedema_ml": 0.5,
        "core": {"t1_ms": 2500.0, "proton_density": 0.92},
        "rim": {"t1_ms": 600.0, "proton_density": 0.80},
        "oedema": {"t1_ms": 1300.0, "proton_density": 0.80},
    },
}  # fmt: skip
ANATOMIES = {
    "label_maps": None, "left_out": (), "real": 0.5, "n_heads": 6, "n_ill": 2, "diseases": DISEASES
}  # fmt: skip
CHANNELS = 4  # of the materials of `test_synthesis`


def params(**optimisation):
    return SegmenterParams(
        seed=0,
        anatomies=ANATOMIES,
        network={"features": (4, 6), "kernel": 3, "voxel_size_mm": 2.0},
        synthesis=QUIET,
        optimisation=OPTIMISATION | optimisation,
        refinements=(PHASE, PHASE),
        folds={
            "n": 2,
            "judged": 2,
            "steps": (20, 2, 2),
            "digital": 8,
            "fine": {"grid": (30, 16, 14), "thickness_mm": 4},
        },
        quality=QUALITY,
    )


def toy_pairs(settings, places):
    """Pairs of heads of blocks, each a function of its place alone."""
    for phase, step in places:
        draws = Draws.seeded(settings.seed, phase, step)
        image, target = draw_image(head(step % 3), MATERIALS, SHADING, settings.synthesis, draws)
        yield image, target


@pytest.fixture(autouse=True)
def _few_channels(monkeypatch):
    whole = optimisation.build
    monkeypatch.setattr(optimisation, "build", lambda params: whole(params, CHANNELS))


def run(settings, checkpoint, last=10**6):
    """Train, and stop as if interrupted after some steps."""
    steps = []

    def watch(step, _):
        steps.append(step)
        if len(steps) == last:
            raise KeyboardInterrupt

    return optimisation.train(settings, toy_pairs, checkpoint, watch=watch), steps


def test_training_learns_in_phases(tmp_path):
    state, steps = run(params(steps=60, learning_rate=0.03, flat=0.8), tmp_path / "a.pt")
    assert [step.number for step in steps] == [*range(1, 61), *range(1, 6), *range(1, 6)]
    early, late = (np.mean([s.cross_entropy for s in part]) for part in (steps[:8], steps[-8:]))
    assert late < 0.9 * early
    assert not state.average.training and len(state.log) == 70
    table = np.loadtxt(tmp_path / "a.csv", delimiter=",", skiprows=1)
    assert np.array_equal(table, np.column_stack([np.arange(1, 71), state.log]))
    assert state.log[3] == [steps[3].dice, steps[3].cross_entropy, steps[3].volume]


# before the first checkpoint, at one, after one, between phases, in a later phase, at the end
@pytest.mark.parametrize("interrupted", [2, 6, 9, 12, 14, 22])
def test_an_interrupted_training_gives_the_same_bytes(tmp_path, monkeypatch, interrupted):
    monkeypatch.setattr(optimisation, "SAVED_EVERY", 3)
    settings = params(steps=12)
    whole, _ = run(settings, tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "part.pt", last=interrupted)
    part, steps = run(settings, tmp_path / "part.pt")
    assert len(steps) <= 22 - interrupted + 3
    assert part.log == whole.log and part.done == whole.done == 22
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, part.average.state_dict()[name]), name
    again, steps = run(settings, tmp_path / "part.pt")  # nothing is left to do
    assert not steps
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, again.average.state_dict()[name]), name


def test_a_training_in_two_parts_is_one(tmp_path):
    """The first steps of a training are the start of another one with the same pairs."""
    settings = params(steps=12)
    whole, _ = run(settings, tmp_path / "whole.pt")
    first = optimisation.train(settings, toy_pairs, tmp_path / "first.pt", until=7)
    assert first.done == len(first.log) == 7
    again = optimisation.train(settings, toy_pairs, tmp_path / "first.pt", until=7)
    assert again.done == 7
    part = optimisation.train(settings, toy_pairs, tmp_path / "second.pt", start=again)
    assert part.log == whole.log
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, part.average.state_dict()[name]), name


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    run(params(steps=3), tmp_path / "a.pt")
    with pytest.raises(StudyError, match=r"a\.pt: expected a checkpoint of the recipe"):
        run(params(steps=4), tmp_path / "a.pt")
    Path(tmp_path / "a.pt").write_bytes(b"nothing")
    with pytest.raises(StudyError, match=r"a\.pt: expected a checkpoint"):
        run(params(steps=3), tmp_path / "a.pt")


def test_later_phases_normalise_as_at_inference(tmp_path):
    state, _ = run(params(steps=5), tmp_path / "a.pt")
    modes = {m.training for m in state.network.modules() if isinstance(m, torch.nn.BatchNorm3d)}
    assert modes == {False}


def test_schedule():
    settings = params(steps=1000).optimisation
    rates = [optimisation.learning_rate(step, settings) for step in range(1000)]
    assert rates[0] == pytest.approx(0.001)
    assert rates[100] == rates[499] == 0.01
    assert rates[-1] == pytest.approx(1e-5, rel=0.05)
    assert rates[500:] == sorted(rates[500:], reverse=True)


def test_places_are_numbered_phase_by_phase():
    found = optimisation.places(params(steps=3))
    assert found == [
        (0, 0),
        (0, 1),
        (0, 2),
        *((1, k) for k in range(5)),
        *((2, k) for k in range(5)),
    ]


@pytest.mark.kernels
def test_average_follows_the_network():
    network, average = (optimisation.build(params()) for _ in range(2))
    with torch.no_grad():
        for value in network.parameters():
            value.add_(1.0)
    before = average.likelihood.bias.clone()
    optimisation.update_average(average, network, 10_000, 0.9)
    assert_rounded(average.likelihood.bias, before + 0.1, 4)


def test_crops_must_fit_the_network():
    with pytest.raises(ValueError, match="multiples of 2"):
        SegmenterParams(**params().model_dump() | {"synthesis": QUIET | {"crop": (7, 8, 8)}})
