"""Check the whole of params.yaml against its schema, whatever the stages that read it.

The graph must have the stages of every architecture, every architecture members and a network that
DIRECT has, and the segmenter its weights: what is amiss is said before anything takes time.
"""

from stages.machine.entry import entry_point
from stages.params.sections import load_all
from stages.params.train import TrainParams
from stages.pipeline.completeness import check_members
from stages.recon.learned.networks import SENSITIVITY_MODEL, network_configuration
from stages.segmenters.synthseg.weight_files import weight_file
from stages.study.errors import StudyError


def check_networks(architectures: list[str]) -> None:
    """Raise `StudyError` if DIRECT has no such network, or it takes other arguments."""
    for name in architectures:
        params = TrainParams.load_architecture(name)
        network_configuration(params.model, params.network)
        if params.sensitivity_network is not None:
            network_configuration(SENSITIVITY_MODEL, params.sensitivity_network)


def check_weights(weights: str) -> None:
    """Raise `StudyError` if the file of the segmenter's weights does not exist."""
    path = weight_file(weights)
    if not path.is_file():
        raise StudyError(
            f"{path}: expected the segmenter's weights (segment.weights), found none;"
            " put the file there, or name another one"
        )


@entry_point
def main() -> None:
    """Read every section; the first fault is the last line."""
    sections = load_all()
    architectures = sections["ensembles"].architectures
    check_members(architectures)
    check_networks(architectures)
    check_weights(sections["segment"].weights)


if __name__ == "__main__":
    main()
