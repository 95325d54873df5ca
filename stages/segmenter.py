"""Train the bundled segmentation network on label maps of real heads and digital phantoms.

`python -m stages.segmenter` writes weights/embedded.npz, a frozen stage whose result is in Git;
`python -m stages.segmenter K` writes weights/folds/K.npz, the network of a fold, which has not
seen a part of the real maps. An interrupted training goes on where it was.
"""

import sys

from stages.machine.entry import entry_point
from stages.params.segmenter import SegmenterParams
from stages.segmenters.synthseg.folds import train_fold
from stages.segmenters.synthseg.trained import train_to
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from stages.study import layout
from stages.study.errors import StudyError


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Train and write the weights; the argument is the number of a fold."""
    given, params = sys.argv[1:] if arguments is None else arguments, SegmenterParams.load()
    if not given:
        train_to(EMBEDDED_FILE, layout.SEGMENTER / "embedded.pt", params)
        return
    if len(given) > 1 or not given[0].isdecimal():
        raise StudyError(f"usage: python -m stages.segmenter [FOLD], got {given}")
    train_fold(params, int(given[0]))


if __name__ == "__main__":
    main()
