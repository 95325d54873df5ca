"""Train the embedded segmenter on digital heads: weights/embedded.npz.

`python -m stages.segmenter`; a frozen stage, its result is in Git. It always runs on one
CPU thread.
"""

from collections.abc import Callable

import torch

from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.segmenter import SegmenterParams
from stages.segmenters.preprocess import Recipe
from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.heads import coil_shading, field_of_view, palette, training_maps
from stages.segmenters.synthseg.labels import MERGED_LABELS, merged_name
from stages.segmenters.synthseg.network import UNet
from stages.segmenters.synthseg.optimisation import Step, train
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE


def embedded_model(network: UNet, params: SegmenterParams) -> model.Model:
    """The trained network with labels, recipe and the parameters that it was trained with.

    The network is trained on whole fields of view at its own voxel size and gives partial volumes:
    its posteriors are neither smoothed nor cut off at a floor.
    """
    size = params.network.voxel_size_mm
    multiple = 2 ** (len(params.network.features) - 1)
    recipe = Recipe(voxel_size_mm=size, multiple=multiple, minimum=0, blur=0.0, floor=0.0)
    names = tuple(merged_name(label) for label in MERGED_LABELS[1:])
    settings = params.model_dump(mode="json", exclude={"quality"})
    return model.Model({"unet": network}, MERGED_LABELS, names, recipe, training=settings)


def n_steps(params: SegmenterParams) -> int:
    """Steps of all phases."""
    return params.optimisation.steps + sum(phase.steps for phase in params.refinements)


def watcher(total: int) -> Callable[[Step, UNet], None]:
    """A progress bar that shows the losses of the last step."""
    bar = progress(desc="segmenter", total=total, unit="step")

    def watch(step: Step, _: UNet) -> None:
        bar.update()
        bar.set_postfix(dice=f"{step.dice:.3f}", volume=f"{step.volume:.3f}", refresh=False)

    return watch


@entry_point
def main() -> None:
    """Train and write the weights."""
    params = SegmenterParams.load()
    torch.set_num_threads(1)
    size = params.network.voxel_size_mm
    network = train(
        training_maps(params.seed, params.n_heads),
        palette(),
        coil_shading(field_of_view(size), size),
        params,
        watch=watcher(n_steps(params)),
    )
    model.save(EMBEDDED_FILE, embedded_model(network, params))


if __name__ == "__main__":
    main()
