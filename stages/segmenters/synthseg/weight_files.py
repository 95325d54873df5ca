"""SynthSeg among the segmenters of the study, and which weight file a name means.

Its words are read without torch: what needs it is imported when weights are opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from stages.segmenters.protocol import NO_WEIGHTS, Chosen, Segmenter, SegmenterKind, Words
from stages.study.errors import StudyError
from stages.study.layout import WEIGHTS
from stages.study.references import Reference

if TYPE_CHECKING:
    import torch

    from stages.segmenters.synthseg.model import Model
    from stages.segmenters.synthseg.posteriors import NetworkSegmenter

EMBEDDED = "embedded"
OFFICIAL = (".h5", ".hdf5")  # suffixes of SynthSeg's own files
FAST = " without mirrored image and topology correction"
EMBEDDED_FILE = WEIGHTS / "embedded.npz"


def weight_file(weights: str) -> Path:
    """The file of the weights that a name or a path stands for."""
    return EMBEDDED_FILE if weights == EMBEDDED else Path(weights)


def open_model(weights: str, mode: str) -> "Model":
    """Read weights: `embedded`, a file written by the study (`.npz`), or an official one (`.h5`).

    Raises:
        StudyError: if the file cannot be used in this mode.
    """
    path = weight_file(weights)
    if path.suffix == ".npz":
        from stages.segmenters.synthseg import model

        found = model.load(path)
        if mode == "robust" and "l2l" not in found.networks:
            raise StudyError(
                f"{path}: holds no cascade for the robust mode; use the standard mode"
                " (segment.mode) or SynthSeg's official robust weights"
            )
        return found
    if path.suffix not in OFFICIAL:
        raise StudyError(
            f"{path}: expected 'embedded', an official .h5 file or an .npz file of the study"
        )
    from stages.segmenters.synthseg import keras

    return keras.load(path, mode)


def open_segmenter(
    weights: str, mode: str, device: "torch.device", *, fast: bool
) -> "NetworkSegmenter":
    """Return weights on a device, ready for many images."""
    from stages.segmenters.synthseg.posteriors import NetworkSegmenter

    return NetworkSegmenter(open_model(weights, mode), device, fast=fast)


def with_parcellation(base: "NetworkSegmenter", parcellation: str, *, weights: str) -> Segmenter:
    """Return a segmenter that divides the cortex, on its device; itself for `NO_WEIGHTS`.

    Args:
        base: the segmenter.
        parcellation: file of the official weights, or `NO_WEIGHTS`.
        weights: of the segmenter, for messages.

    Raises:
        StudyError: if the file cannot be used, or the segmenter is none that it fits.
    """
    if parcellation == NO_WEIGHTS:
        return base
    from stages.segmenters.synthseg import keras
    from stages.segmenters.synthseg.extended import ExtendedSegmenter, check_fit
    from stages.segmenters.synthseg.parcellation import Parcellation

    check_fit(weight_file(weights), base.model)
    network = keras.load_parcellation(official(parcellation))
    return ExtendedSegmenter(base, Parcellation(network, base.device, base.evaluation))


def official(weights: str) -> Path:
    """Return the path of an official file; raise `StudyError` for other kinds of files."""
    if Path(weights).suffix not in OFFICIAL:
        raise StudyError(f"{weights}: expected an official .h5 file of SynthSeg; name that")
    return Path(weights)


BILLOT = Reference(
    "Billot B, Greve DN, Puonti O, et al. SynthSeg: segmentation of brain MRI scans of any"
    " contrast and resolution without retraining. Medical Image Analysis 2023; 86:102789",
    "https://doi.org/10.1016/j.media.2023.102789",
)
BILLOT_ROBUST = Reference(
    "Billot B, Magdamo C, Cheng Y, Arnold SE, Das S, Iglesias JE. Robust machine learning"
    " segmentation for large-scale analysis of heterogeneous clinical brain MRI datasets. PNAS"
    " 2023; 120(9):e2216399120",
    "https://doi.org/10.1073/pnas.2216399120",
)


def words(params: Chosen) -> Words:
    """Return how the text of methods describes the network; `SynthSeg` is its official weights."""
    path, robust = weight_file(params.weights), params.mode == "robust"
    works = (BILLOT, BILLOT_ROBUST) if robust else (BILLOT,)
    mode = f"{' in robust mode' if robust else ''}{FAST if params.fast else ''}"
    if path.suffix in OFFICIAL:
        further = "" if params.parcellation == NO_WEIGHTS else " with its cortical parcellation"
        return Words(f"SynthSeg 2.0{mode}{further}", works)
    if path.name == EMBEDDED_FILE.name:
        trained = "trained on real label maps and digital phantoms in the manner of SynthSeg"
        text = f"the bundled segmentation network, {trained}{mode}"
        return Words(text, works, metrics="segmenter")
    return Words(f"a segmentation network of the study's own ({path.name}){mode}", works)


def title(weights: str) -> str:
    """Return what is printed: `SynthSeg` for its official weights alone."""
    path = weight_file(weights)
    if path.suffix in OFFICIAL:
        return "SynthSeg"
    return "bundled network" if path.name == EMBEDDED_FILE.name else "own network"


def spoken(weights: str) -> str:
    """Return the network in a sentence."""
    name = title(weights)
    return name if name == "SynthSeg" else f"the {name}"


def opened(params: Chosen, device: "torch.device") -> Segmenter:
    """Return the network with the bundled or official weights, and with its parcellation."""
    base = open_segmenter(params.weights, params.mode, device, fast=params.fast)
    return with_parcellation(base, params.parcellation, weights=params.weights)


def fault(params: Chosen) -> str | None:
    """Return what is wrong about the name of the weights of the parcellation."""
    name = params.parcellation
    if name == NO_WEIGHTS or Path(name).suffix in OFFICIAL:
        return None
    return f"parcellation '{name}': expected '{NO_WEIGHTS}' or an official .h5 file of SynthSeg"


SYNTHSEG = SegmenterKind(
    name="synthseg",
    title=title,
    spoken=spoken,
    weights=EMBEDDED_FILE,
    options=("mode", "fast"),
    words=words,
    open=opened,
    divides=True,
    fault=fault,
)
