"""What the HTML report says of a segmenter; the one place of this package that names any.

To be replaced by what the segmenters say of themselves: the functions below ask for a title, a name
in a sentence, the options that change what is measured, a description with its citations, and the
metrics of the quality of weights that come with the study.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stages.figures.kit.phrasing import number
from stages.params.segment import SegmentParams

Cite = Callable[..., str]
"""Keys of works -> their numbers in brackets."""
BUNDLED = ("embedded", "embedded.npz")


@dataclass(frozen=True)
class Words:
    """What is said of a method."""

    title: str
    in_sentence: str
    options: tuple[str, ...]
    """Parameters of section `segment` that change what is measured."""
    describe: Callable[[SegmentParams, Cite], str]


def _synthseg(params: SegmentParams, cite: Cite) -> str:
    if Path(params.weights).name in BUNDLED:
        kind = "a small network trained on simulated heads in the manner of SynthSeg"
        return f"{kind} {cite('synthseg')}"
    if params.mode == "robust":
        return f"SynthSeg 2.0 in robust mode {cite('synthseg', 'robust')}"
    return f"SynthSeg 2.0 {cite('synthseg')}"


def _atlas(_: SegmentParams, __: Cite) -> str:
    return "a probabilistic atlas, registered to each image and combined with a mixture model"


METHODS = {
    "synthseg": Words("SynthSeg", "SynthSeg", ("mode", "fast"), _synthseg),
    "atlas": Words("atlas", "the atlas", (), _atlas),
}
METRICS = {"embedded": "segmenter", "embedded.npz": "segmenter", "atlas.npz": "atlas"}
"""Weights that come with the study -> metrics of their quality."""


def words(method: str) -> Words:
    """Return what is said of a method; its own name where it has no entry."""
    return METHODS.get(method) or Words(method, method, (), lambda *_: method)


def options(params: SegmentParams) -> dict[str, str | bool]:
    """Return the parameters besides the weights that change what a method measures."""
    return {name: getattr(params, name) for name in words(params.method).options}


def quality(params: SegmentParams) -> str:
    """Return the name of the metrics of a segmenter's quality; empty where it was not judged."""
    return METRICS.get(Path(params.weights).name, "")


def description(params: SegmentParams, cite: Cite, dice: float | None) -> str:
    """Return who measured the volumes, for the methods section.

    Args:
        params: section `segment`.
        cite: returns the numbers of works by their keys.
        dice: mean over structures on held-out phantoms; None where it is not known.
    """
    judged = "" if dice is None else f" (mean Dice {number(dice)} on fresh simulated heads)"
    return words(params.method).describe(params, cite) + judged
