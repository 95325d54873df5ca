"""Dropout, snapshots and a Gaussian around them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.params.draws import DrawsParams
from stages.recon.draws import dropout, swag
from stages.recon.draws.drawn_image import draw_image
from stages.recon.draws.dropout import DROPOUT, dropouts
from stages.recon.draws.protocol import Source
from stages.recon.draws.swag import flattened, gaussian_draw, put
from stages.recon.draws.weight_snapshots import last_snapshots
from stages.recon.inference import learned
from stages.recon.learned.checkpoints import serialised, weights_of
from stages.recon.learned.networks import build_engine, network_options, set_training
from stages.study import layout
from stages.study.errors import StudyError
from tests.recon.conftest import CPU, train_params

SOURCE = Source("unet", 0, CPU)


def engine(architecture: str = "unet", seed: int = 0):
    found = build_engine(network_options(train_params(architecture)), CPU, seed=seed)
    set_training(found, False)
    return found


def options(method: str, **changes: object) -> DrawsParams:
    return DrawsParams(of="unet/0", method=method, members=(0, 1), **changes)


def opened(monkeypatch: pytest.MonkeyPatch, architecture: str, **changes: object):
    monkeypatch.setattr(dropout, "as_trained", lambda *_: (engine(architecture), None))
    return dropout.open_network(SOURCE, 0, options("dropout", **changes))[0]


def test_networks_without_dropout_are_refused(monkeypatch) -> None:
    with pytest.raises(StudyError, match=r"expected a network with dropout, got one of rate 0"):
        opened(monkeypatch, "unet")
    with pytest.raises(StudyError, match=r"expected a network with layers of dropout, got none"):
        opened(monkeypatch, "rim", rate=0.2)


def test_dropout_draws_by_member_and_leaves_torch_as_it_was(take, monkeypatch) -> None:
    reconstruction = learned(opened(monkeypatch, "unet", rate=0.3))
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    images = []
    for member in (0, 0, 1):
        layout.mask("sub-a").parent.mkdir(parents=True, exist_ok=True)
        layout.mask("sub-a").write_bytes(b"")
        one = take("dropout", member=member, batch_size=1, rate=0.3)
        images.append(draw_image(one, DROPOUT, reconstruction, CPU)[0])
    assert (images[0] == images[1]).all()
    assert (images[0] != images[2]).any()
    assert (torch.random.get_rng_state() == before).all()


def test_other_layers_stay_as_they_are(monkeypatch) -> None:
    found = opened(monkeypatch, "unet", rate=0.3)
    layers = dropouts(found)
    assert layers and all(layer.training and layer.p == 0.3 for layer in layers)
    assert sum(part.training for part in found.model.modules()) == len(layers)


def write_snapshots(seeds: list[int]) -> None:
    for step, seed in enumerate(seeds, start=1):
        path = layout.training("unet", 0) / layout.snapshot(step)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(serialised(weights_of(engine(seed=seed))))


def test_the_last_snapshot_comes_first() -> None:
    write_snapshots([3, 4, 5])
    found = last_snapshots(SOURCE, 2)
    assert [path.name for path in found] == [layout.snapshot(3), layout.snapshot(2)]
    with pytest.raises(StudyError, match=r"expected 4 snapshots of the weights, got 3"):
        last_snapshots(SOURCE, 4)


def test_a_gaussian_around_equal_points_is_the_point() -> None:
    points = torch.tensor([[1.0, -2.0, 0.5]] * 3, dtype=torch.float64)
    assert (gaussian_draw(points, torch.Generator()) == points[0]).all()


def test_moments_of_the_gaussian() -> None:
    points = torch.tensor(np.random.default_rng(0).normal(size=(4, 3)))
    generator, n = torch.Generator().manual_seed(0), 4_000
    drawn = np.stack([gaussian_draw(points, generator).numpy() for _ in range(n)])
    apart = (points - points.mean(dim=0)).numpy()
    expected = 0.5 * np.diag((apart**2).mean(axis=0)) + apart.T @ apart / (2 * 3)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    # a covariance of n normal pairs is off by at most sqrt(2 / n) of the standard deviations
    assert (np.abs(np.cov(drawn.T) - expected) / scale).max() < 5 * np.sqrt(2 / n)
    error = np.abs(drawn.mean(axis=0) - points.mean(dim=0).numpy())
    assert (error < 5 * np.sqrt(np.diag(expected) / n)).all()


def test_weights_are_drawn_around_snapshots(monkeypatch) -> None:
    write_snapshots([3, 4])
    monkeypatch.setattr(swag, "as_trained", lambda *_: (engine(), None))
    made = [swag.open_network(SOURCE, m, options("swag", last=2)) for m in (0, 0, 1)]
    assert made[0][1] == made[1][1] != made[2][1]
    found = flattened(made[0][0])
    ends = [flattened(engine(seed=seed)) for seed in (3, 4)]
    centre = (ends[0] + ends[1]) / 2
    reach = torch.linalg.vector_norm(ends[0] - centre)
    assert 0 < torch.linalg.vector_norm(found - centre) < 4 * reach


def test_a_vector_goes_back_where_it_came_from() -> None:
    first, second = engine(seed=1), engine(seed=2)
    put(second, flattened(first))
    assert (flattened(second) == flattened(first)).all()
    assert Path(layout.training("unet", 0)).parts[0] == "work"
