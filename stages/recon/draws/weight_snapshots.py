"""Snapshots: the last weights that one training kept, member 0 the last of all.

Of a cyclic schedule they are the ends of its cycles, a snapshot ensemble (Huang et al. 2017,
arXiv:1704.00109). Of the others, which never return to a high learning rate, they are points of one
descent, which are closer to each other than trained networks are.
"""

from pathlib import Path

from stages.params.draws import DrawsParams
from stages.recon.draws.protocol import DrawMethod, Source, as_trained
from stages.recon.learned.checkpoints import load_weights
from stages.recon.learned.engine import Engine
from stages.storage.files import md5
from stages.study import layout
from stages.study.errors import StudyError


def last_snapshots(source: Source, n: int) -> list[Path]:
    """Return the last `n` snapshots of a training, the last first; `StudyError` if it has fewer."""
    found = list(source.snapshots.values())[::-1]
    if len(found) < n:
        raise StudyError(
            f"{layout.training(source.group, source.seed)}: expected {n} snapshots of the weights,"
            f" got {len(found)}; lower train.{source.group}.snapshot_interval or take fewer"
        )
    return found[:n]


def open_network(source: Source, member: int, options: DrawsParams) -> tuple[Engine, str | None]:
    """Return the network with the weights of a snapshot; `StudyError` if there is none."""
    path = last_snapshots(source, member + 1)[-1]
    engine, _ = as_trained(source, member, options)
    load_weights(engine, path, source.group, source.device)
    return engine, md5(path)


SNAPSHOTS = DrawMethod("snapshots", "the snapshot of the weights", open=open_network)
