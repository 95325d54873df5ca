"""The cards of the segmenters that come with the study."""

from collections.abc import Mapping
from typing import Any

from stages.cards.markdown import render
from stages.cards.release import LINE
from stages.cards.weights import SegmenterFile
from stages.figures.kit.titles import title
from stages.params.atlas import AtlasParams
from stages.params.segmenter import QualityParams


def by_structure(quality: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row a structure: title, what was measured, and its Dice in undersampled images."""
    worse = quality["undersampled"]["structures"]
    return [
        {"title": title(name), **found, "undersampled": worse[name]["dice"]}
        for name, found in quality["structures"].items()
    ]


def embedded_card(
    file: SegmenterFile, quality: Mapping[str, Any], judged: QualityParams, used: bool
) -> str:
    """Return the card of the bundled segmentation network as Markdown.

    Args:
        file: its weights.
        quality: metrics/segmenter-quality/segmenter.json.
        judged: how `quality` was measured.
        used: whether the study measures its volumes with it.
    """
    training = file.header["training"]
    phases = [training["optimisation"], *training["refinements"]]
    return render(
        "embedded.md.j2",
        release=LINE,
        file=file,
        training=training,
        phases=phases,
        network=file.header["networks"]["unet"],
        recipe=file.header["recipe"],
        quality=quality,
        judged=judged,
        structures=by_structure(quality),
        used=used,
    )


def atlas_card(
    file: SegmenterFile,
    atlas: AtlasParams,
    quality: Mapping[str, Any],
    judged: QualityParams,
    used: bool,
) -> str:
    """Return the card of the atlas as Markdown; arguments as of `embedded_card`.

    Args:
        file: the atlas.
        atlas: how it was built.
        quality: metrics/atlas-quality/atlas.json.
        judged: how `quality` was measured.
        used: whether the study measures its volumes with it.
    """
    return render(
        "atlas.md.j2",
        release=LINE,
        file=file,
        atlas=atlas,
        quality=quality,
        judged=judged,
        structures=by_structure(quality),
        used=used,
    )
