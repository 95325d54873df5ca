"""What a training leaves: the model with its labels, recipe, parameters and curves, as a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from stages.machine.memory import keep_freed_memory
from stages.machine.progress import progress
from stages.params.segmenter import SegmenterParams
from stages.segmenters.preprocess import Recipe
from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.anatomies import map_files
from stages.segmenters.synthseg.labels import SIDED_LABELS
from stages.segmenters.synthseg.optimisation import LOSSES, State, Step, places, train
from stages.segmenters.synthseg.training_pairs import pairs_ahead
from stages.study.structures import sided_name

SPAN = 100  # steps that a point of the curves is the mean of


def recipe_of(params: SegmenterParams, digital_steps: int = 0) -> dict[str, Any]:
    """Return what a file of weights says of its training, without the curves."""
    settings = params.model_dump(mode="json", exclude={"quality", "folds"})
    return settings | ({"digital_steps": digital_steps} if digital_steps else {})


def trained_model(state: State, params: SegmenterParams, digital_steps: int = 0) -> model.Model:
    """The trained network with labels, recipe, the parameters that it was trained with, its curves.

    The network gives partial volumes at its own voxel size: its posteriors are neither smoothed nor
    cut off at a floor.
    """
    size = params.network.voxel_size_mm
    multiple = 2 ** (len(params.network.features) - 1)
    recipe = Recipe(
        voxel_size_mm=size, multiple=multiple, minimum=0, blur=0.0, floor=0.0, cropped=True
    )
    names = tuple(map(sided_name, SIDED_LABELS[1:]))
    settings = recipe_of(params, digital_steps) | {"curves": curves(state.log)}
    return model.Model({"unet": state.average}, SIDED_LABELS, names, recipe, training=settings)


def curves(log: list[list[float]]) -> list[dict[str, float]]:
    """Return the mean losses of every span of steps: step, dice, entropy, volume."""
    points = []
    for first in range(0, len(log), SPAN):
        part = np.array(log[first : first + SPAN])
        means = (round(float(value), 4) for value in part.mean(0))
        points.append({"step": first + len(part), **dict(zip(LOSSES, means, strict=True))})
    return points


def watcher(total: int) -> Callable[[Step, State], None]:
    """A progress bar that shows the losses of the last step, and goes on where a training does."""
    bar: tqdm | None = None

    def watch(step: Step, state: State) -> None:
        nonlocal bar
        if bar is None:
            bar = progress(desc="segmenter", total=total, unit="step", done=state.done - 1)
        bar.update()
        parts = {"entropy": f"{step.cross_entropy:.3f}", "volume": f"{step.volume:.3f}"}
        bar.set_postfix(dice=f"{step.dice:.3f}", **parts, refresh=False)

    return watch


def train_on(
    checkpoint: Path,
    params: SegmenterParams,
    start: State | None = None,
    until: int | None = None,
) -> State:
    """Train on one thread, while a second process draws the images.

    Args:
        checkpoint: see `train`.
        params: the recipe.
        start: see `train`.
        until: see `train`.

    Raises:
        StudyError: if the label maps are missing.
    """
    map_files(params.anatomies)  # are they there? before anything takes time
    torch.set_num_threads(1)
    keep_freed_memory()
    watch = watcher(until or len(places(params)))
    return train(params, pairs_ahead, checkpoint, start=start, until=until, watch=watch)


def train_to(
    output: Path, checkpoint: Path, params: SegmenterParams, start: State | None = None
) -> None:
    """Train, see `train_on`, and write the weights; `start` has seen digital phantoms alone."""
    digital_steps = 0 if start is None else start.done
    state = train_on(checkpoint, params, start)
    output.parent.mkdir(parents=True, exist_ok=True)
    model.save(output, trained_model(state, params, digital_steps))
