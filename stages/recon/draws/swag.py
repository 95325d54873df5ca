r"""SWAG: weights drawn from a Gaussian around the last snapshots of one training.

.. math:: w = \bar w + \sqrt{\tfrac12}\, \Sigma_d^{1/2} z_1 + \frac{D z_2}{\sqrt{2 (K - 1)}}

with z_1 and z_2 standard normal, mean and diagonal variance of the K snapshots, and D their
deviations from the mean, n x K (Maddox et al. 2019, arXiv:1902.02476, equation 1; deviations are
from the final mean, not from the running one).
"""

import hashlib

import torch

from stages.params.draws import DrawsParams
from stages.recon.draws.protocol import DrawMethod, Source, as_trained
from stages.recon.draws.weight_snapshots import last_snapshots
from stages.recon.learned.checkpoints import load_weights
from stages.recon.learned.engine import Engine
from stages.recon.learned.networks import parameters_of
from stages.study.seeds import stable_seed


def flattened(engine: Engine) -> torch.Tensor:
    """Return all trainable parameters of an engine as one vector, float64 on the host."""
    parts = [p.detach().cpu().double().reshape(-1) for p in parameters_of(engine)]
    return torch.cat(parts)


def put(engine: Engine, vector: torch.Tensor) -> None:
    """Put a vector of `flattened` into the parameters of an engine."""
    start = 0
    with torch.no_grad():
        for parameter in parameters_of(engine):
            part = vector[start : start + parameter.numel()]
            parameter.copy_(part.reshape(parameter.shape))
            start += parameter.numel()


def gaussian_draw(points: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a draw from the Gaussian around points, (n,) float64.

    Args:
        points: (K, n) float64, K at least 2.
        generator: source of both normal vectors.
    """
    mean = points.mean(dim=0)
    apart = points - mean
    variance = apart.square().mean(dim=0)
    diagonal = torch.randn(points.shape[1], generator=generator, dtype=torch.float64)
    low_rank = torch.randn(len(points), generator=generator, dtype=torch.float64)
    correlated = (low_rank @ apart) / (2 * (len(points) - 1)) ** 0.5
    return mean + 0.5**0.5 * variance.sqrt() * diagonal + correlated


def open_network(source: Source, member: int, options: DrawsParams) -> tuple[Engine, str | None]:
    """Return the network with drawn weights; `StudyError` if there are too few snapshots."""
    engine, _ = as_trained(source, member, options)
    points = []
    for path in reversed(last_snapshots(source, options.last)):
        load_weights(engine, path, source.group, source.device)
        points.append(flattened(engine))
    generator = torch.Generator().manual_seed(stable_seed("swag", options.of, member))
    vector = gaussian_draw(torch.stack(points), generator)
    put(engine, vector)  # what is no parameter stays that of the last snapshot
    digest = hashlib.md5(flattened(engine).numpy().tobytes(), usedforsecurity=False)
    return engine, digest.hexdigest()


SWAG = DrawMethod("swag", "weights from a Gaussian around snapshots", open=open_network)
