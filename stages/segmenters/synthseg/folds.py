"""Networks that have not seen a part of the real label maps, on which they are judged."""

from pathlib import Path

from stages.params.segmenter import SegmenterParams
from stages.segmenters.synthseg.anatomies import map_files
from stages.study.errors import StudyError


def left_out(params: SegmenterParams, number: int) -> list[Path]:
    """Return the maps of a part: every `n`-th one, by name, from `number` on.

    Raises:
        StudyError: if there is no such part, or it holds no map.
    """
    if not 0 <= number < params.folds.n:
        raise StudyError(f"expected a fold from 0 to {params.folds.n - 1}, got {number}")
    found = map_files(params.anatomies)[number :: params.folds.n]
    if not found:
        raise StudyError(
            f"{params.anatomies.label_maps}: expected at least {params.folds.n} maps for"
            " segmenter.folds.n, found fewer; lower it or add maps"
        )
    return found


def fold(params: SegmenterParams, number: int) -> SegmenterParams:
    """Return the parameters of a network that is trained shorter, without the maps of a part."""
    names = (*params.anatomies.left_out, *(path.name for path in left_out(params, number)))
    optimisation = params.optimisation.model_copy(
        update={"steps": shortened(params.optimisation.steps, params)}
    )
    refinements = tuple(
        phase.model_copy(update={"steps": shortened(phase.steps, params)})
        for phase in params.refinements
    )
    anatomies = params.anatomies.model_copy(update={"left_out": names})
    return params.model_copy(
        update={"anatomies": anatomies, "optimisation": optimisation, "refinements": refinements}
    )


def shortened(steps: int, params: SegmenterParams) -> int:
    """Return the steps of a phase of a fold."""
    return max(1, round(params.folds.steps * steps)) if steps else 0
