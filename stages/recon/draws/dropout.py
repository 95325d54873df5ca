"""Dropout that stays on while the network reconstructs (Gal and Ghahramani 2016, arXiv:1506.02142).

Of a network that was trained without, a `rate` may be set: it is then a perturbation of the
features, not an approximation of a posterior (Loquercio et al. 2020, doi:10.1109/LRA.2020.2974682).
"""

from typing import Any

import torch

from stages.params.draws import DrawsParams
from stages.recon.draws.protocol import DrawMethod, Source, as_trained
from stages.recon.learned.engine import Engine
from stages.recon.learned.networks import modules_of
from stages.study.errors import StudyError

LAYERS = (torch.nn.Dropout, torch.nn.Dropout1d, torch.nn.Dropout2d, torch.nn.AlphaDropout)


def dropouts(engine: Engine) -> list[Any]:
    """Return every layer of dropout of an engine's networks; each has a rate `p`."""
    networks = modules_of(engine).values()
    return [part for network in networks for part in network.modules() if isinstance(part, LAYERS)]


def open_network(source: Source, member: int, options: DrawsParams) -> tuple[Engine, str | None]:
    """Return the network with its dropout on; `StudyError` if it has none."""
    engine, weights = as_trained(source, member, options)
    found = dropouts(engine)
    for layer in found:
        layer.p = layer.p if options.rate is None else options.rate
        layer.train()
    if not any(layer.p > 0 for layer in found):
        reason = "layers of dropout" if not found else "dropout"
        advice = "take another network" if not found else "set 'rate', or train it with dropout"
        raise StudyError(
            f"{source.folder}: expected a network with {reason}, got"
            f" {'one of rate 0' if found else 'none'}; {advice}"
        )
    return engine, weights


DROPOUT = DrawMethod("dropout", "which features dropout leaves out", open=open_network, seeded=True)
