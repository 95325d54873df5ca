"""Train the bundled segmentation network on label maps of real heads and digital phantoms.

`python -m stages.segmenter` writes weights/embedded.npz, a frozen stage whose result is in Git;
`python -m stages.segmenter K` writes work/segmenter/fold-K.npz, the network of a fold, which has
not seen a part of the real maps. An interrupted training goes on where it was.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch

from stages.machine.entry import entry_point
from stages.machine.memory import keep_freed_memory
from stages.machine.progress import progress
from stages.params.segmenter import SegmenterParams
from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.folds import fold
from stages.segmenters.synthseg.network import UNet
from stages.segmenters.synthseg.optimisation import Step, places, train
from stages.segmenters.synthseg.trained import trained_model
from stages.segmenters.synthseg.training_pairs import pairs_ahead
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from stages.study import layout
from stages.study.errors import StudyError


def watcher(total: int) -> Callable[[Step, UNet], None]:
    """A progress bar that shows the losses of the last step."""
    bar = progress(desc="segmenter", total=total, unit="step")

    def watch(step: Step, _: UNet) -> None:
        bar.update()
        parts = {"entropy": f"{step.cross_entropy:.3f}", "volume": f"{step.volume:.3f}"}
        bar.set_postfix(dice=f"{step.dice:.3f}", **parts, refresh=False)

    return watch


def task(arguments: list[str], params: SegmenterParams) -> tuple[SegmenterParams, Path, Path]:
    """Return parameters, checkpoint and weight file of what the command line asks for."""
    if not arguments:
        return params, layout.SEGMENTER / "embedded.pt", EMBEDDED_FILE
    if len(arguments) > 1 or not arguments[0].isdecimal():
        raise StudyError(f"usage: python -m stages.segmenter [FOLD], got {arguments}")
    number = int(arguments[0])
    return fold(params, number), layout.fold(number, ".pt"), layout.fold(number)


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Train and write the weights."""
    given = sys.argv[1:] if arguments is None else arguments
    params, checkpoint, output = task(given, SegmenterParams.load())
    torch.set_num_threads(1)  # the second core draws the images
    keep_freed_memory()
    state = train(params, pairs_ahead, checkpoint, watch=watcher(len(places(params))))
    output.parent.mkdir(parents=True, exist_ok=True)
    model.save(output, trained_model(state, params))


if __name__ == "__main__":
    main()
