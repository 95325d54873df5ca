"""Networks that have not seen a part of the real label maps, on which they are judged."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stages.params.segmenter import SegmenterParams
from stages.segmenters.synthseg.anatomies import map_files
from stages.segmenters.synthseg.trained import recipe_of, train_on, train_to
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from stages.study import layout
from stages.study.errors import StudyError

FOLDS = Path("weights/folds")


class Unseen(NamedTuple):
    """A real map and the file of a network that has not seen it."""

    number: int
    """Of the map among all, by name; it draws the contrast and noise of its scan."""
    path: Path
    network: Path


def unseen_maps(params: SegmenterParams) -> list[Unseen]:
    """Return the real maps that are judged, by name.

    The bundled network judges those that its training leaves out, networks of folds the others.
    """
    folder = Path(params.anatomies.label_maps or "")
    networks = {folder / name: EMBEDDED_FILE for name in params.anatomies.left_out}
    for number in range(params.folds.judged):
        networks |= dict.fromkeys(left_out(params, number), weights_of(number))
    numbered = enumerate(sorted({*networks, *map_files(params.anatomies)}))
    return [Unseen(k, path, networks[path]) for k, path in numbered if path in networks]


def weights_of(number: int) -> Path:
    """Return the file of the network that has not seen a part of the maps; it is in Git."""
    return FOLDS / f"{number}.npz"


def left_out(params: SegmenterParams, number: int) -> list[Path]:
    """Return the maps of a part: every `n`-th one, by name, from `number` on.

    Raises:
        StudyError: if there is no such part, or it holds no map.
    """
    if not 0 <= number < params.folds.n:
        n = params.folds.n
        raise StudyError(f"expected a fold below segmenter.folds.n = {n}, got {number}")
    found = map_files(params.anatomies)[number :: params.folds.n]
    if not found:
        raise StudyError(
            f"{params.anatomies.label_maps}: expected at least {params.folds.n} maps for"
            " segmenter.folds.n, found fewer; lower it or add maps"
        )
    return found


def shared(params: SegmenterParams) -> SegmenterParams:
    """Return the parameters of the first steps of all folds, which see digital phantoms alone."""
    update = {"label_maps": None, "left_out": (), "real": 0.0}
    anatomies = params.anatomies.model_copy(update=update)
    return shorter(params).model_copy(update={"anatomies": anatomies})


def fold(params: SegmenterParams, number: int) -> SegmenterParams:
    """Return the parameters of a network that is trained shorter, without the maps of a part."""
    names = (*params.anatomies.left_out, *(path.name for path in left_out(params, number)))
    anatomies = params.anatomies.model_copy(update={"left_out": names})
    return shorter(params).model_copy(update={"anatomies": anatomies})


def shorter(params: SegmenterParams) -> SegmenterParams:
    """Return the parameters with the steps of a fold."""
    first, *others = params.folds.steps
    optimisation = params.optimisation.model_copy(update={"steps": first})
    refinements = tuple(
        phase.model_copy(update={"steps": steps})
        for phase, steps in zip(params.refinements, others, strict=True)
    )
    return params.model_copy(update={"optimisation": optimisation, "refinements": refinements})


def check_unseen(
    params: SegmenterParams, training: Mapping[str, Any], path: Path, file: Path
) -> None:
    """Raise `StudyError` if a network has seen a map, or one of a fold has another recipe.

    Args:
        params: the recipe.
        training: what the file says of it.
        path: the map.
        file: of the network's weights.
    """
    if path.name not in training["anatomies"]["left_out"]:
        raise StudyError(f"{file}: expected a network that has not seen {path.name}; remove it")
    folds = {weights_of(number): number for number in range(params.folds.judged)}
    if file not in folds:
        return
    recipe = {key: value for key, value in training.items() if key != "curves"}
    if recipe != recipe_of(fold(params, folds[file]), params.folds.digital):
        raise StudyError(
            f"{file}: expected a network of the recipe in params.segmenters.yaml, got one of"
            " another; restore the recipe, or remove the file to train anew"
        )


def train_fold(params: SegmenterParams, number: int) -> None:
    """Train the network of a fold; the steps that all folds share are trained once."""
    own, start = fold(params, number), None
    if digital := params.folds.digital:
        start = train_on(layout.SEGMENTER / f"shared-{digital}.pt", shared(params), until=digital)
    train_to(weights_of(number), layout.fold(number, ".pt"), own, start)
