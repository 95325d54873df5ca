"""The cards of the segmenters that come with the study."""

from collections.abc import Mapping
from typing import Any

from stages.cards.markdown import render
from stages.cards.release import LINE
from stages.cards.weights import SegmenterFile
from stages.figures.kit.titles import title
from stages.params.atlas import AtlasParams
from stages.params.segmenter import QualityParams

ROWS = 12
"""Of the table of a training, at most."""


def by_structure(quality: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row a structure: title, what was measured, and its Dice in undersampled images."""
    worse = quality["undersampled"]["structures"]
    return [
        {"title": title(name), **found, "undersampled": worse[name]["dice"]}
        for name, found in quality["structures"].items()
    ]


def thinned(points: list[dict[str, float]]) -> list[dict[str, float]]:
    """Return at most `ROWS` points of a curve, evenly spaced, the last one among them."""
    every = max(1, -(-len(points) // ROWS))
    return points[len(points) - 1 :: -every][::-1]


def embedded_card(
    file: SegmenterFile,
    quality: Mapping[str, Mapping[str, Any] | None],
    judged: QualityParams,
    used: bool,
) -> str:
    """Return the card of the bundled segmentation network as Markdown.

    Args:
        file: its weights.
        quality: `segmenter` and `diseases` of metrics/segmenter-quality, and `maps` of
            metrics/segmenter-folds; None for no such file.
        judged: how `quality` was measured.
        used: whether the study measures its volumes with it.
    """
    training = file.header["training"]
    phases = [training["optimisation"], *training["refinements"]]
    heads, phantoms, maps = (
        training.get("anatomies", training),
        quality["segmenter"],
        quality["maps"],
    )
    return render(
        "embedded.md.j2",
        release=LINE,
        file=file,
        training=training,
        heads=heads,
        real=bool(heads.get("label_maps")),
        sided=any(name.startswith("right ") for name in file.header["names"]),
        phases=phases,
        curves=thinned(training.get("curves", [])),
        network=file.header["networks"]["unet"],
        recipe=file.header["recipe"],
        quality=phantoms,
        diseases=quality["diseases"],
        maps=maps,
        judged=judged,
        structures=by_structure(phantoms or {}),
        map_structures=by_structure(maps) if maps else [],
        used=used,
    )


def atlas_card(
    file: SegmenterFile,
    atlas: AtlasParams,
    quality: Mapping[str, Mapping[str, Any] | None],
    judged: QualityParams,
    used: bool,
) -> str:
    """Return the card of the atlas as Markdown; arguments as of `embedded_card`.

    Args:
        file: the atlas.
        atlas: how it was built.
        quality: `atlas` and `atlas_maps` of metrics/atlas-quality; None where there is none.
        judged: how `quality` was measured.
        used: whether the study measures its volumes with it.
    """
    phantoms, maps = quality["atlas"], quality["atlas_maps"]
    return render(
        "atlas.md.j2",
        release=LINE,
        file=file,
        atlas=atlas,
        sided=any(name.startswith("right ") for name in file.header["names"]),
        quality=phantoms,
        maps=maps,
        judged=judged,
        structures=by_structure(phantoms or {}),
        map_structures=by_structure(maps) if maps else [],
        used=used,
    )
