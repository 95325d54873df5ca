"""Check the whole of params.yaml against its schema, before any stage takes time.

`python -m stages.check`: dvc.yaml must have the stages of every architecture, every architecture
members and a network that DIRECT has, and the segmenter its weights; external/dvc.yaml must have
those of the groups of images from elsewhere.
"""

from collections.abc import Iterable

from stages.audit.beside import check_beside
from stages.machine.entry import entry_point
from stages.params.sections import load_all
from stages.params.train import TrainParams
from stages.pipeline.completeness import check_members
from stages.recon.learned.networks import SENSITIVITY_MODEL, network_configuration
from stages.segmenters.catalogue import networks_in
from stages.segmenters.protocol import NO_WEIGHTS
from stages.segmenters.synthseg.weight_files import weight_file
from stages.study.errors import StudyError


def check_networks(architectures: Iterable[TrainParams]) -> None:
    """Raise `StudyError` if DIRECT has no such network, or it takes other arguments."""
    for params in architectures:
        network_configuration(params.model, params.network)
        if params.sensitivity_network is not None:
            network_configuration(SENSITIVITY_MODEL, params.sensitivity_network)


def check_weights(weights: str, key: str = "weights") -> None:
    """Raise `StudyError` if a file of the segmenter's weights does not exist."""
    path = weight_file(weights)
    if not path.is_file():
        raise StudyError(
            f"{path}: expected the segmenter's weights (segment.{key}), found none;"
            " put the file there, or name another one"
        )


@entry_point
def main() -> None:
    """Read every section; the first fault is the last line."""
    params = load_all()
    check_members(params.train)
    check_networks(params.train.values())
    check_weights(params.segment.weights)
    if params.segment.parcellation != NO_WEIGHTS:
        check_weights(params.segment.parcellation, "parcellation")
    if params.segment.networks != NO_WEIGHTS:
        networks_in(params.segment.networks)
    check_beside()


if __name__ == "__main__":
    main()
