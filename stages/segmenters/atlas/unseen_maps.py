"""Atlases that have not seen a part of the real label maps, on which they are judged."""

from pathlib import Path

from stages.params.atlas import AtlasParams
from stages.segmenters.atlas.priors import map_files
from stages.study.errors import StudyError


def left_out(params: AtlasParams, number: int) -> list[Path]:
    """Return the maps of a part: every `folds`-th one, by name, from `number` on.

    Raises:
        StudyError: if it holds no map.
    """
    found = map_files(params)[number :: params.quality.folds]
    if not found:
        raise StudyError(
            f"{params.label_maps}: expected at least {params.quality.folds} maps for"
            " atlas.quality.folds, found fewer; lower it or add maps"
        )
    return found


def fold(params: AtlasParams, number: int) -> AtlasParams:
    """Return the parameters of the atlas without the maps of a part."""
    names = tuple(path.name for path in left_out(params, number))
    return params.model_copy(update={"left_out": (*params.left_out, *names)})
